"""Run every language's reader over a project and put together what each read of a variable says of its need."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from deployer_lib.probes.variables.corpus import suffix_of
from deployer_lib.probes.variables.marks import MARKERS, NEEDLES
from deployer_lib.probes.variables.model import NEEDS, Found, Need, Reference, Scan, Variable
from deployer_lib.probes.variables.ripgrep import names_with
from deployer_lib.probes.variables.sources import MAX_BYTES, SILENT, list_files, too_large

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from deployer_lib.probes.variables.flow.grammar import Language
    from deployer_lib.probes.variables.sources import Listing

__all__ = ["LANGUAGES", "Entry", "Reader", "scan"]

_HEAD_BYTES: Final = 200
#: Files that are known by a part of their name, and what one of these has in it.
_NAMED: Final = re.compile(r"ockerfile|ontainerfile|\.(?:(?:ba)?sh|bat|cmd)\.\w+$")
_PARTS: Final = ("ockerfile", "ontainerfile", ".sh.", ".bash.", ".bat.", ".cmd.")


class Reader(Protocol):
    """Reads one language's sources."""

    language: str
    suffixes: frozenset[str]

    def wants(self, relative: Path, head: bytes) -> bool:
        """Tell whether a file is its own, by its name or, where it has no suffix, by how it begins."""
        ...

    def read(self, root: Path, files: Sequence[Any], /) -> Found:
        """Return what the files, given relative to ``root``, read from the environment.

        They are paths; names alone for a language with marks, whose files are mostly never opened.
        """
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """A language: where its reader is, and which files are its; imported where a project has such files."""

    module: str  # below this package
    name: str  # of the class
    suffixes: frozenset[str]
    flow: bool = False  # a grammar for the flow reader, not a reader by itself
    deploy: bool = False  # what it reads is deploy_only where nothing else reads it
    asked: bool = (
        False  # its class is asked which files it wants, those without suffix and of odd names included
    )
    checked: bool = (
        False  # files without any of its marks are looked at for their syntax, too, while they are few
    )

    @property
    def language(self) -> str:
        """Return what its reader calls itself."""
        return self.module.rpartition(".")[2]

    @property
    def marks(self) -> tuple[bytes, ...]:
        """Return the words of which a file holds one where it matters; none of a language that opens all its files."""
        return MARKERS.get(self.language, ()) + NEEDLES.get(self.language, ())

    def reader(self, marked: Collection[str] | None = None) -> Reader:
        """Import and make the reader.

        Args:
            marked: the files that may hold one of its marks, and any others; None where nobody has searched for them.
        """
        made = getattr(import_module(f"deployer_lib.probes.variables.{self.module}"), self.name)
        if self.flow:
            from deployer_lib.probes.variables.flow import FlowReader  # noqa: PLC0415  (tree-sitter, only where needed)

            return FlowReader(cast("Language", made()), marked)
        return cast("Reader", made(marked) if self.marks else made())


def _entry(module: str, name: str, suffixes: str, *flags: str) -> Entry:
    return Entry(
        module,
        name,
        frozenset(suffixes.split()),
        *(flag in flags for flag in ("flow", "deploy", "asked", "checked")),
    )


#: Every language that is read. A new one is one more line here and one more file.
LANGUAGES: Final[tuple[Entry, ...]] = (
    _entry("python", "PythonReader", ".py .pyw", "checked"),
    _entry(
        "languages.javascript",
        "JavaScript",
        ".js .jsx .mjs .cjs .ts .tsx .mts .cts .vue .svelte .astro",
        "flow",
    ),
    _entry("languages.go", "Go", ".go", "flow"),
    _entry("languages.rust", "Rust", ".rs", "flow"),
    _entry(
        "languages.ruby",
        "Ruby",
        ".rb .rake .ru .gemspec .jbuilder .thor .erb .haml .slim .yml .yaml",
        "flow",
        "asked",
    ),
    _entry("languages.php", "Php", ".php .phtml .yml .yaml", "flow", "asked"),
    _entry("languages.elixir", "Elixir", ".ex .exs", "flow", "asked"),
    _entry("languages.java", "Java", ".java", "flow"),
    _entry("languages.kotlin", "Kotlin", ".kt .kts", "flow"),
    _entry("languages.groovy", "Groovy", ".gradle .groovy"),
    _entry("languages.csharp", "CSharp", ".cs", "flow"),
    _entry("languages.shell", "Shell", ".sh .bash .zsh .ksh", "asked"),
    _entry("languages.batch", "Batch", ".bat .cmd", "asked"),
    _entry("languages.powershell", "PowerShell", ".ps1 .psm1 .psd1"),
    _entry("languages.cmake", "CMake", ".cmake .txt", "asked"),
    _entry("languages.prisma", "Prisma", ".prisma"),
    _entry("languages.configuration", "Placeholders", ".yml .yaml .properties .xml .conf"),
    _entry("languages.dockerfile", "Dockerfile", "", "deploy", "asked"),
    _entry("languages.compose", "Compose", ".yml .yaml", "deploy", "asked"),
    _entry(
        "languages.manifests",
        "Manifests",
        ".yml .yaml .service .socket .timer .json .toml",
        "deploy",
        "asked",
    ),
)


@dataclass(slots=True)
class _Tally:
    need: Need = "optional"
    default: str | None = None
    references: dict[Reference, None] = field(default_factory=dict)

    def add(self, need: Need, default: str | None, reference: Reference) -> None:
        self.need = min(self.need, need, key=NEEDS.index)
        if self.default is None:
            self.default = default
        self.references[reference] = None

    def variable(self, name: str) -> Variable:
        return Variable(name, self.need, self.default, tuple(sorted(self.references)))


@dataclass(slots=True)
class _Share:
    """A language and its files, relative to the root and sorted."""

    entry: Entry
    files: list[str]
    odd: Sequence[str] = ()  # those of the files whose suffix is none of the language's
    reader: Reader | None = None  # where it had to be asked which files it wants


def scan(root: Path, *, exclude: Iterable[str] = ()) -> Scan:
    """Return the variables that the application's code below ``root`` reads.

    Args:
        root: the project's folder.
        exclude: patterns of paths, relative to it, that are left out.

    Raises:
        Unavailable: ripgrep is not there.
    """
    listing = list_files(root, exclude)
    skipped = list(listing.skipped)
    application: dict[str, _Tally] = defaultdict(_Tally)
    deployment: dict[str, _Tally] = defaultdict(_Tally)
    computed: list[Reference] = []
    counts: list[tuple[str, int]] = []
    shares = _shared_out(root, listing)
    marked, unread = _searched(root, shares)
    for share in shares:
        entry = share.entry
        found, left_out = _read(root, share, listing, marked, unread)
        skipped.extend(found.skipped)
        if len(share.files) > left_out:
            counts.append((entry.language, len(share.files) - len(found.skipped)))
        if not entry.deploy:
            computed.extend(_printable(reference) for reference in found.computed)
        tallies = deployment if entry.deploy else application
        for read in found.reads:
            tallies[read.name].add(read.need, read.default, _printable(read.reference))
    alone = sorted(set(deployment) - set(application))
    return Scan(
        tuple(application[name].variable(name) for name in sorted(application)),
        sum(count for _, count in counts),
        tuple(sorted((_shown(file), why, line) for file, why, line in skipped)),
        tuple(sorted(set(computed))),
        tuple(counts),
        tuple(deployment[name].variable(name) for name in alone),
    )


def _shared_out(root: Path, listing: Listing) -> list[_Share]:
    """Return each language's files; a file may be read as two, an application's configuration and a manifest, say."""
    by_suffix: dict[str, list[str]] = defaultdict(list)
    for file in listing.files:
        by_suffix[suffix_of(file)].append(file)
    heads = {file: _head(root / file) for file in by_suffix[""]}
    names = "\n".join(listing.files)
    if any(part in names for part in _PARTS):
        heads |= {file: b"" for file in listing.files if _NAMED.search(file)}
    heads |= {file: _head(root / file) for suffix in SILENT for file in by_suffix.get(suffix, ())}
    shares = []
    for entry in LANGUAGES:
        files = [file for suffix in entry.suffixes for file in by_suffix.get(suffix, ())]
        odd: list[str] = []
        reader = None
        if entry.asked and (heads or (files and not entry.flow)):
            # A grammar's suffixes are its own; of other languages the reader knows by the name which files are.
            reader = entry.reader()
            sure = files if entry.flow else []
            unsure = heads if entry.flow else {**dict.fromkeys(files, b""), **heads}
            odd = [file for file, head in unsure.items() if reader.wants(Path(file), head)]
            files = list(dict.fromkeys([*sure, *odd]))
        if files:
            shares.append(_Share(entry, sorted(files), odd, reader))
    return shares


def _searched(root: Path, shares: Iterable[_Share]) -> tuple[Collection[str], dict[str, str]]:
    """Return the files that may hold a mark of any language, and those that can't be read, with the reason."""
    sought = [share for share in shares if share.entry.marks]
    if not sought:
        return frozenset(), {}
    words = {word for share in sought for word in share.entry.marks}
    suffixes = {suffix for share in sought for suffix in share.entry.suffixes}
    marked, unread = names_with(root, words, suffixes)
    odd = {file for share in sought for file in share.odd}  # they are few, and not searched
    return odd.union(marked), dict(unread)


def _read(
    root: Path, share: _Share, listing: Listing, marked: Collection[str], unread: Mapping[str, str]
) -> tuple[Found, int]:
    """Return what a language's files read, and how many of them are not looked at."""
    entry, found = share.entry, Found()
    opened = [file for file in share.files if file in marked] if entry.marks else share.files
    for file in opened:
        if (size := listing.size(file)) > MAX_BYTES:
            found.skipped.append((file, too_large(size), 0))
    if entry.marks and unread:
        found.skipped += [(f, f"it can't be read: {unread[f]}", 0) for f in share.files if f in unread]
    left_out = {file for file, _, _ in found.skipped}
    files = [file for file in share.files if file not in left_out] if left_out else share.files
    if files and (entry.checked or not left_out.issuperset(opened)):
        reader = entry.reader(marked) if entry.marks else share.reader or entry.reader()
        try:
            made = reader.read(root, files if entry.marks else [Path(file) for file in files])
        except Exception as error:  # noqa: BLE001  (a defect in one reader costs its language, and is said; the rest is read)
            why = f"the reader of {entry.language} failed, and read none of {len(files)} files: {type(error).__name__}: {error}"
            found.skipped.append((".", why, 0))
            return found, len(share.files)
        made.skipped[:0] = found.skipped
        return made, len(left_out)
    return found, len(left_out)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError:
        return b""


def _printable(reference: Reference) -> Reference:
    return reference if reference.file.isascii() else replace(reference, file=_shown(reference.file))


def _shown(file: str) -> str:
    """Return a file's name as it can be printed, where its bytes are no UTF-8."""
    return os.fsencode(file).decode("utf-8", "replace")

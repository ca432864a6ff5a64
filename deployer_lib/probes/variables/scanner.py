"""Run every language's reader over a project and put together what each read of a variable says of its need."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, cast

from deployer_lib.probes.variables.model import NEEDS, Need, Reference, Scan, Variable
from deployer_lib.probes.variables.sources import SILENT, Listing, list_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from deployer_lib.probes.variables.flow.grammar import Language
    from deployer_lib.probes.variables.model import Found

__all__ = ["LANGUAGES", "Entry", "Reader", "scan"]

_MAX_BYTES: Final = 5_000_000  # a source file beyond this is generated or data
_HEAD_BYTES: Final = 200
_NAMED: Final = re.compile(
    r"ockerfile|ontainerfile|\.(?:(?:ba)?sh|bat|cmd)\.\w+$"
)  # files that are known by a part of their name


class Reader(Protocol):
    """Reads one language's sources."""

    language: str
    suffixes: frozenset[str]

    def wants(self, relative: Path, head: bytes) -> bool:
        """Tell whether a file is its own, by its name or, where it has no suffix, by how it begins."""
        ...

    def read(self, root: Path, files: Sequence[Path]) -> Found:
        """Return what the files, given relative to ``root``, read from the environment."""
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

    def reader(self) -> Reader:
        """Import and make the reader."""
        made = getattr(import_module(f"deployer_lib.probes.variables.{self.module}"), self.name)()
        if self.flow:
            from deployer_lib.probes.variables.flow import FlowReader  # noqa: PLC0415  (tree-sitter, only where needed)

            return FlowReader(cast("Language", made))
        return cast("Reader", made)


def _entry(module: str, name: str, suffixes: str, *flags: str) -> Entry:
    return Entry(
        module, name, frozenset(suffixes.split()), *(flag in flags for flag in ("flow", "deploy", "asked"))
    )


#: Every language that is read. A new one is one more line here and one more file.
LANGUAGES: Final[tuple[Entry, ...]] = (
    _entry("python", "PythonReader", ".py .pyw"),
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


def scan(root: Path, *, exclude: Iterable[str] = ()) -> Scan:
    """Return the variables that the application's code below ``root`` reads.

    Args:
        root: the project's folder.
        exclude: patterns of paths, relative to it, that are left out.
    """
    listing = list_files(root, exclude)
    skipped = list(listing.skipped)
    application: dict[str, _Tally] = defaultdict(_Tally)
    deployment: dict[str, _Tally] = defaultdict(_Tally)
    computed: list[Reference] = []
    counts: list[tuple[str, int]] = []
    for entry, reader, files in _shared_out(root, listing, skipped):
        found = reader.read(root, [Path(file) for file in files])
        skipped.extend(found.skipped)
        counts.append((reader.language, len(files) - len(found.skipped)))
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


def _shared_out(
    root: Path, listing: Listing, skipped: list[tuple[str, str, int]]
) -> list[tuple[Entry, Reader, list[str]]]:
    """Return each language's files; a file may be read as two, an application's configuration and a manifest, say."""
    by_suffix: dict[str, list[str]] = defaultdict(list)
    for file in listing.files:
        by_suffix[os.path.splitext(file)[1]].append(file)  # noqa: PTH122  (ten thousand times)
    heads = {file: _head(root / file) for file in by_suffix[""]}
    heads |= {file: b"" for file in listing.files if _NAMED.search(file)}
    heads |= {file: _head(root / file) for suffix in SILENT for file in by_suffix.get(suffix, ())}
    shared = []
    for entry in LANGUAGES:
        files = [file for suffix in sorted(entry.suffixes) for file in by_suffix.get(suffix, ())]
        asked = {**dict.fromkeys(files, b""), **heads} if entry.asked else {}
        if not files and not asked:
            continue
        reader = entry.reader()
        if asked:
            files = [file for file, head in asked.items() if reader.wants(Path(file), head)]
        small = [file for file in sorted(files) if listing.sizes[file] <= _MAX_BYTES]
        skipped.extend(
            (file, f"it has {listing.sizes[file] / 1e6:.0f} MB, which no source file has", 0)
            for file in set(files) - set(small)
        )
        if small:
            shared.append((entry, reader, small))
    return shared


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

"""Shell scripts: ``.sh`` and its kin, and scripts without suffix, or of one that says nothing, by their first line."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.languages.shell_needs import Given, Judged, exiting, judged
from deployer_lib.probes.variables.languages.shell_script import Script, is_tentative, parse_script
from deployer_lib.probes.variables.model import Found, Read, Reference
from deployer_lib.probes.variables.sources import SILENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Shell", "read_commands"]

_SHEBANG: Final = re.compile(
    rb"#!\s*/\S*?(?:/(?:env|with-contenv)(?:\s+-\S+|\s+\w+=\S+)*\s+(?:\S*/)?|/)(?:ba|da|a|z|k|mk)?sh(?:io)?(?:\s|$)"
)
#: Scripts that a template makes: rel/env.sh.eex.
_TEMPLATE: Final = re.compile(r"\.(?:ba)?sh\.(?:eex|erb|j2|jinja2?|tmpl|tpl|template|in|dist)$")
#: Scripts that a build tool writes into every project that it builds.
_FOREIGN: Final = frozenset({"gradlew", "mvnw"})
#: What a generator of clients writes beside each of them, by its name and what it says.
_GENERATED: Final = {"git_push.sh": b"petstore-perl"}
_DOTENV: Final = re.compile(r"(^|/)\.env(\.[\w.-]+)?$|(^|/)env$|\.env$")
_MAX_BYTES: Final = 2_000_000  # a script beyond this is an archive that unpacks itself
_MAX_ROUNDS: Final = 12  # of files that source files


class Shell:
    """Reads shell scripts."""

    language = "shell"
    suffixes = frozenset({".sh", ".bash", ".zsh", ".ksh"})
    deploy = False

    def wants(self, relative: Path, head: bytes) -> bool:
        """Tell whether a file is a shell script: by its suffix, or without one that says so by its first line.

        Args:
            relative: the file, relative to the project.
            head: its first bytes, where its suffix says nothing.
        """
        if relative.name in _FOREIGN:
            return False
        if relative.suffix in self.suffixes:
            return not head.startswith(b"#!") or _SHEBANG.match(head) is not None
        if _TEMPLATE.search(relative.name):
            return True
        return (not relative.suffix or relative.suffix in SILENT) and _SHEBANG.match(head) is not None

    def read(self, root: Path, files: Sequence[Path]) -> Found:
        """Return what the files, given relative to ``root``, read from the environment."""
        found = Found()
        project = _Project(root, files, found)
        for path, script in project.scripts.items():
            reads, computed = judged(script, project.given(path))
            for one in reads:
                found.reads.append(_read(path, one))
            for expansion in computed:
                row, column = expansion.place
                found.computed.append(Reference(path, row + 1, column + 1, "${!x}"))
        return found


def read_commands(commands: str, assigned: Iterable[str] = ()) -> list[Judged]:
    """Return what commands that are handed to a shell read from the environment.

    Args:
        commands: a script's text.
        assigned: names that have a value before.
    """
    script = parse_script(commands.encode())
    return judged(script, Given(dict.fromkeys(assigned, 0)))[0]


def _read(path: str, one: Judged) -> Read:
    place = Reference(one.file or path, one.row + 1, one.column + 1, one.idiom)
    return Read(one.name, one.need, one.default, place)


class _Project:
    """The scripts, and which of them sources which."""

    def __init__(self, root: Path, files: Sequence[Path], found: Found) -> None:
        self.root = root
        self.scripts: dict[str, Script] = {}
        self.others: dict[str, Script | None] = {}  # sourced files that are no scripts by their name
        for relative in files:
            path = relative.as_posix()
            try:
                source = (root / relative).read_bytes()
            except OSError as error:
                found.skipped.append((path, f"it can't be read: {error.strerror}", 0))
                continue
            if len(source) <= _MAX_BYTES and self._is_script(relative, source):
                self.scripts[path] = parse_script(source, path)
        self.known: dict[tuple[str, bool, str], set[str]] = {}  # what was asked of _assigned
        self.sources = {
            path: [(at, target) for at, raw in script.sourced if (target := self._target(path, raw))]
            for path, script in self.scripts.items()
        }
        self.parents: dict[str, list[str]] = {}  # file → those that source it
        for path, sources in self.sources.items():
            for target in dict.fromkeys(target for _, target in sources):
                self.parents.setdefault(target, []).append(path)

    @staticmethod
    def _is_script(relative: Path, source: bytes) -> bool:
        """Tell whether a file is one: some that end so are another language's by their first line."""
        other = source.startswith(b"#!") and _SHEBANG.match(source[:200]) is None
        mark = _GENERATED.get(relative.name)
        return relative.name not in _FOREIGN and not other and (mark is None or mark not in source)

    def given(self, path: str) -> Given:
        """Return what a script gets from those it sources, and from those that source it."""
        exits: frozenset[str] = frozenset()
        for _, target in self.sources.get(path, ()):
            exits |= self._exits(target)
        parents = self.parents.get(path, ())
        shared = [self._assigned(parent, without=path) for parent in parents]
        maybe: set[str] = set().union(*shared) - _common(shared)
        for _, target in self.sources.get(path, ()):
            maybe |= self._assigned(target, tentatively=True)
        for parent in parents:
            maybe |= self._assigned(parent, tentatively=True, without=path)
        for parent in parents:
            exits |= exiting(self.scripts[parent])
        nounset = any(on for parent in parents for _, on in self.scripts[parent].nounset)
        related: dict[str, Script] = {}
        if any(one.indirect for one in self.scripts[path].expansions):  # others are asked for names alone
            related = {
                one: script for one in self._related(path) if (script := self._script(one)) is not None
            }
        there = {one: self._names(one) for one in related}
        return Given(self._names(path), exits, nounset, frozenset(maybe), related, there)

    def _names(self, path: str) -> dict[str, int]:
        """Return the names that a script is given a value of, and the byte from which each counts."""
        names = {name: at for at, target in self.sources.get(path, ()) for name in self._assigned(target)}
        shared = [self._assigned(parent, without=path) for parent in self.parents.get(path, ())]
        return names | dict.fromkeys(_common(shared), 0)

    def _related(self, path: str) -> list[str]:
        """Return the other files that run in the same shell: those that source it, and what all of them source."""
        above = {path}
        for _ in range(_MAX_ROUNDS):
            more = above | {parent for one in above for parent in self.parents.get(one, ())}
            if more == above:
                break
            above = more
        return sorted({other for one in above for other in self._closure(one)} - {path})

    def _script(self, path: str) -> Script | None:
        if path in self.scripts:
            return self.scripts[path]
        if path not in self.others:
            try:
                source = (self.root / path).read_bytes()
            except OSError:
                source = b""
            self.others[path] = parse_script(source, path) if 0 < len(source) <= _MAX_BYTES else None
        return self.others[path]

    def _closure(self, path: str, without: str = "") -> set[str]:
        """Return a file and all that it sources, over files; one file left out, and what only that one sources."""
        found = {path}
        for _ in range(_MAX_ROUNDS):
            more = found | {
                target for one in found for _, target in self.sources.get(one, ()) if target != without
            }
            if more == found:
                break
            found = more
        return found

    def _assigned(self, path: str, *, tentatively: bool = False, without: str = "") -> set[str]:
        """Return the names that a file, or one that it sources, gives a value; or a value where they have none."""
        asked = (path, tentatively, without)
        if asked not in self.known:
            scripts = [self._script(one) for one in self._closure(path, without)]
            self.known[asked] = {
                name
                for script in scripts
                if script is not None
                for name, writes in script.writes.items()
                if any(not write.local and is_tentative(write) is tentatively for write in writes)
            }
        return self.known[asked]

    def _exits(self, path: str) -> frozenset[str]:
        found: frozenset[str] = frozenset()
        for one in self._closure(path):
            script = self._script(one)
            found |= exiting(script) if script is not None else frozenset()
        return found

    def _target(self, path: str, raw: str) -> str | None:
        """Return the file of the tree that a source command names; what stands before its last fixed part is a folder."""
        written = raw.strip("\"'")
        fixed = re.split(r'[$`][({]?[^/]*[)}`"\']+|\$\w+|.*[)}`]', written)[-1].strip("\"'")
        tail = PurePosixPath(fixed.lstrip("/").removeprefix("./"))
        if not tail.name or "$" in tail.as_posix() or _DOTENV.search(tail.as_posix()):
            return None
        here = PurePosixPath(path).parent
        # An absolute path is where an image has it; in the tree it lies beside, or below a copy of the image's root.
        full = tail.as_posix() if written.startswith("/") else ""
        tail = PurePosixPath(tail.name) if written.startswith("/") else tail
        for one in (_plain(here / tail), _plain(tail)):
            if one in self.scripts or (self.root / one).is_file():
                return one
        parts = [part for part in tail.parts if part not in {"..", "."}]
        ending = "/".join(parts)
        matching = [p for p in self.scripts if p == ending or p.endswith(f"/{ending}")]
        if full:
            return min((p for p in matching if p.endswith(f"/{full}")), key=len, default=None) or (
                matching[0] if len(matching) == 1 else None
            )
        return min(matching, key=len) if matching and fixed != written else None


def _common(sets: Sequence[set[str]]) -> set[str]:
    """Return what all of some sets have; nothing where there are none."""
    first, *others = sets or [set()]
    return first.intersection(*others)


def _plain(path: PurePosixPath) -> str:
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts:
            parts.pop()
        elif part not in {".", ".."}:
            parts.append(part)
    return "/".join(parts)

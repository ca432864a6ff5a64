"""Shell scripts: ``.sh`` and its kin, and scripts without suffix by their first line."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.languages.shell_needs import Given, Judged, exiting, judged
from deployer_lib.probes.variables.languages.shell_script import Script, is_tentative, parse_script
from deployer_lib.probes.variables.model import Found, Read, Reference

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
_DOTENV: Final = re.compile(r"(^|/)\.env(\.[\w.-]+)?$|(^|/)env$|\.env$")
_MAX_BYTES: Final = 2_000_000  # a script beyond this is an archive that unpacks itself
_MAX_ROUNDS: Final = 12  # of files that source files


class Shell:
    """Reads shell scripts."""

    language = "shell"
    suffixes = frozenset({".sh", ".bash", ".zsh", ".ksh"})
    deploy = False

    def wants(self, relative: Path, head: bytes) -> bool:
        """Tell whether a file is a shell script: by its suffix, or without one by its first line.

        Args:
            relative: the file, relative to the project.
            head: its first bytes.
        """
        if relative.name in _FOREIGN:
            return False
        if relative.suffix in self.suffixes:
            return not head.startswith(b"#!") or _SHEBANG.match(head) is not None
        if _TEMPLATE.search(relative.name):
            return True
        return not relative.suffix and _SHEBANG.match(head) is not None

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
    return Read(one.name, one.need, one.default, Reference(path, one.row + 1, one.column + 1, one.idiom))


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
                self.scripts[path] = parse_script(source)
        self.sources = {
            path: [(at, target) for at, raw in script.sourced if (target := self._target(path, raw))]
            for path, script in self.scripts.items()
        }

    @staticmethod
    def _is_script(relative: Path, source: bytes) -> bool:
        """Tell whether a file is one: some that end so are another language's by their first line."""
        other = source.startswith(b"#!") and _SHEBANG.match(source[:200]) is None
        return relative.name not in _FOREIGN and not other

    def given(self, path: str) -> Given:
        """Return what a script gets from those it sources, and from those that source it."""
        names = {name: at for at, target in self.sources.get(path, ()) for name in self._assigned(target)}
        exits: frozenset[str] = frozenset()
        for _, target in self.sources.get(path, ()):
            exits |= self._exits(target)
        parents = [p for p, sources in self.sources.items() if any(target == path for _, target in sources)]
        shared = [self._assigned(parent) for parent in parents]
        always = set.intersection(*shared) if shared else set()
        names.update(dict.fromkeys(always, 0))
        maybe = set().union(*shared) - always
        for other in (*parents, *(target for _, target in self.sources.get(path, ()))):
            maybe |= self._assigned(other, tentatively=True)
        for parent in parents:
            exits |= exiting(self.scripts[parent])
        nounset = any(on for parent in parents for _, on in self.scripts[parent].nounset)
        return Given(names, exits, nounset, frozenset(maybe))

    def _script(self, path: str) -> Script | None:
        if path in self.scripts:
            return self.scripts[path]
        if path not in self.others:
            try:
                source = (self.root / path).read_bytes()
            except OSError:
                source = b""
            self.others[path] = parse_script(source) if 0 < len(source) <= _MAX_BYTES else None
        return self.others[path]

    def _closure(self, path: str) -> set[str]:
        """Return a file and all that it sources, over files."""
        found = {path}
        for _ in range(_MAX_ROUNDS):
            more = found | {target for one in found for _, target in self.sources.get(one, ())}
            if more == found:
                break
            found = more
        return found

    def _assigned(self, path: str, *, tentatively: bool = False) -> set[str]:
        """Return the names that a file, or one that it sources, gives a value; or a value where they have none."""
        scripts = [self._script(one) for one in self._closure(path)]
        return {
            name
            for script in scripts
            if script is not None
            for name, writes in script.writes.items()
            if any(not write.local and is_tentative(write) is tentatively for write in writes)
        }

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
        # An absolute path is where an image has it; in the tree it lies beside.
        tail = PurePosixPath(tail.name) if written.startswith("/") else tail
        for one in (_plain(here / tail), _plain(tail)):
            if one in self.scripts or (self.root / one).is_file():
                return one
        parts = [part for part in tail.parts if part not in {"..", "."}]
        ending = "/".join(parts)
        matching = [p for p in self.scripts if p == ending or p.endswith(f"/{ending}")]
        return min(matching, key=len) if matching and fixed != written else None


def _plain(path: PurePosixPath) -> str:
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts:
            parts.pop()
        elif part not in {".", ".."}:
            parts.append(part)
    return "/".join(parts)

"""Alembic's revision files, read without running them: which follow on which, and where the chain is broken."""

from __future__ import annotations

import ast
import configparser
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.sources import is_apart

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["History", "Revision", "find_scripts", "read_history"]

_HERE: Final = re.compile(r"%\(here\)s|%\(here\)|\{here\}")


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision file."""

    id: str
    down: tuple[str, ...]  # what it follows on; empty for a first one
    depends: tuple[str, ...]
    file: str  # relative to the project
    line: int  # of its down_revision
    id_line: int


@dataclass(frozen=True, slots=True)
class History:
    """All revision files of a project."""

    folder: str  # relative to the project
    revisions: tuple[Revision, ...]  # by file
    unread: tuple[tuple[str, str, int], ...]  # (file, why, line)

    @property
    def by_id(self) -> dict[str, Revision]:
        """Return the revisions by id."""
        return {revision.id: revision for revision in self.revisions}

    @property
    def heads(self) -> list[Revision]:
        """Return the revisions on which none follows."""
        followed = {down for revision in self.revisions for down in revision.down}
        return [revision for revision in self.revisions if revision.id not in followed]

    def ancestors(self, ids: Iterable[str]) -> set[str]:
        """Return these revisions and all that come before them."""
        known, seen, stack = self.by_id, set[str](), list(ids)
        while stack:
            here = stack.pop()
            if here not in seen and here in known:
                seen.add(here)
                stack += [*known[here].down, *known[here].depends]
        return seen


def find_scripts(project: Path) -> Path | None:
    """Return Alembic's script folder: as configured, else by what lies in it (env.py beside versions/)."""
    for folder in (
        project,
        *(child for child in sorted(project.iterdir()) if child.is_dir() and not child.name.startswith(".")),
    ):
        location = _configured(folder)
        if location is not None and location.is_dir():
            return location
    found = sorted(
        path.parent
        for path in project.rglob("env.py")
        if (path.parent / "versions").is_dir() and not is_apart(path.relative_to(project))
    )
    return found[0] if found else None


def _configured(folder: Path) -> Path | None:
    location = ""
    ini = folder / "alembic.ini"
    if ini.is_file():
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read_string(ini.read_text(encoding="utf-8", errors="replace"))
        except configparser.Error:
            return None
        location = parser.get("alembic", "script_location", fallback="")
    if not location and (folder / "pyproject.toml").is_file():
        try:
            data = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8", errors="replace"))
        except tomllib.TOMLDecodeError:
            return None
        value = data.get("tool", {}).get("alembic", {}).get("script_location", "")
        location = value if isinstance(value, str) else ""
    if not location:
        return None
    if ":" in location and not _HERE.search(location):  # package:folder
        package, _, rest = location.partition(":")
        tail = f"{package.replace('.', '/')}/{rest}"
        return next((path for path in (folder / "src" / tail, folder / tail) if path.is_dir()), None)
    return folder / _HERE.sub(".", location)


def read_history(project: Path, scripts: Path) -> History:
    """Return what the revision files below ``versions/`` say, subfolders included."""
    revisions: list[Revision] = []
    unread: list[tuple[str, str, int]] = []
    for path in sorted((scripts / "versions").rglob("*.py")):
        if path.name == "__init__.py" or "__pycache__" in path.parts:
            continue
        file = path.resolve().relative_to(project.resolve()).as_posix()
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError, OSError) as error:
            unread.append((file, str(error), getattr(error, "lineno", 0) or 0))
            continue
        revision = _revision(tree, file)
        if revision is None:
            unread.append((file, "it names no revision", 0))
        else:
            revisions.append(revision)
    return History(
        scripts.resolve().relative_to(project.resolve()).as_posix(), tuple(revisions), tuple(unread)
    )


def _revision(tree: ast.Module, file: str) -> Revision | None:
    values: dict[str, tuple[tuple[str, ...], int]] = {}
    for node in tree.body:
        target = (
            node.targets[0]
            if isinstance(node, ast.Assign)
            else node.target
            if isinstance(node, ast.AnnAssign)
            else None
        )
        value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
        if isinstance(target, ast.Name) and value is not None:
            values[target.id] = (_texts(value), node.lineno)
    ids, id_line = values.get("revision", ((), 0))
    if not ids:
        return None
    down, line = values.get("down_revision", ((), id_line))
    return Revision(ids[0], down, values.get("depends_on", ((), 0))[0], file, line, id_line)


def _texts(node: ast.expr) -> tuple[str, ...]:
    items = node.elts if isinstance(node, (ast.Tuple, ast.List, ast.Set)) else [node]
    return tuple(
        item.value for item in items if isinstance(item, ast.Constant) and isinstance(item.value, str)
    )

"""Where variables are written down for people: the example file, README and docs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from deployer_lib.probes.context import Context

__all__ = ["EXAMPLE_NAMES", "Documents", "Example", "documents_of", "example_of", "read_example"]

#: Usual names of the example file, in order of preference.
EXAMPLE_NAMES: Final = (
    ".env.example",
    ".env.sample",
    ".env.template",
    ".env.dist",
    ".env.defaults",
    ".env.local.example",
    "example.env",
    "sample.env",
    "env.example",
    "env.sample",
    "env.template",
    "dotenv.example",
    ".env-example",
    ".env.production.example",
)
_LINE: Final = re.compile(
    r"^\s*(?P<out>#\s*)?(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*?)\s*$"
)
_DOCUMENTS: Final = frozenset({".md", ".rst", ".txt", ".adoc", ".mdx"})
_MAX_BYTES: Final = 2_000_000


@dataclass(frozen=True, slots=True)
class Example:
    """An example file."""

    file: str  # relative to the project
    names: dict[str, int] = field(default_factory=dict)  # name -> line; commented-out assignments count
    values: dict[str, str] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)  # the comment on or before a name's line


@dataclass(frozen=True, slots=True)
class Documents:
    """The texts for people."""

    files: tuple[str, ...]
    lines: tuple[tuple[str, int, str], ...]  # (file, line number, text)

    def mention(self, name: str) -> tuple[str, int, str] | None:
        """Return the first line that names a variable as a whole word."""
        whole = re.compile(rf"(?<![A-Za-z0-9_]){re.escape(name)}(?![A-Za-z0-9_])")
        return next((line for line in self.lines if whole.search(line[2])), None)


def read_example(path: Path, file: str) -> Example:
    """Return the assignments of an example file.

    Raises:
        OSError, UnicodeDecodeError: it can't be read.
    """
    found = Example(file)
    comment = ""
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        match = _LINE.match(line)
        if match is None or (match["out"] and not match["name"].isupper()):
            comment = line.strip().lstrip("# ") if line.strip().startswith("#") else ""
            continue
        name, value = match["name"], match["value"]
        value, _, trailing = value.partition(" #")
        found.names.setdefault(name, number)
        found.values.setdefault(name, value.strip().strip("\"'"))
        found.comments.setdefault(name, trailing.strip() or comment)
        comment = ""
    return found


def example_of(ctx: Context) -> Example | None:
    """Return the project's example file, read once a phase; None where there is none."""
    if "example" not in ctx.memo:
        ctx.memo["example"] = _find_example(ctx)
    known = ctx.memo["example"]
    return known if isinstance(known, Example) else None


def _find_example(ctx: Context) -> Example | None:
    declared = ctx.parameters.variables.example
    for name in (declared,) if declared else EXAMPLE_NAMES:
        path = ctx.project / name
        if path.is_file():
            try:
                return read_example(path, name)
            except (OSError, UnicodeDecodeError):
                return None
    return None


def documents_of(ctx: Context) -> Documents:
    """Return the texts that describe variables: those declared, else README and docs."""
    known = ctx.memo.get("documents")
    if not isinstance(known, Documents):
        files = tuple(_files(ctx))
        lines = [(file, number, text) for file in files for number, text in _lines(ctx.project / file)]
        known = ctx.memo["documents"] = Documents(files, tuple(lines))
    return known


def _files(ctx: Context) -> Iterator[str]:
    project = ctx.project
    declared = ctx.parameters.variables.documents
    if declared:
        for pattern in declared:
            paths = [project / pattern] if (project / pattern).is_file() else sorted(project.glob(pattern))
            yield from (path.relative_to(project).as_posix() for path in paths if path.is_file())
        return
    for path in sorted(project.iterdir()):
        if path.is_file() and path.name.lower().startswith(("readme", "configuration", "install")):
            yield path.name
    for folder in ("docs", "doc"):
        for path in sorted((project / folder).rglob("*")):
            if path.suffix in _DOCUMENTS and path.is_file():
                yield path.relative_to(project).as_posix()


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    if path.stat().st_size <= _MAX_BYTES:
        yield from enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)

"""What was found in a project, each with the file and line that says so."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Found", "Project", "Stack", "line_of", "text_of"]

_JUNK: Final = frozenset(
    {
        "node_modules",
        "venv",
        "env",
        "__pycache__",
        "target",
        "dist",
        "build",
        "out",
        "coverage",
        "vendor",
        "site-packages",
    }
    | {"test", "tests", "e2e", "__tests__", "spec", "docs", "examples", "migrations"}
)
_MAX_BYTES: Final = 400_000
_MAX_FILES: Final = 5_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """A value, and where it was found."""

    value: T
    file: str  # relative to the project
    line: int = 0  # 0 for the whole file

    @property
    def place(self) -> str:
        """Return ``file:line``."""
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Stack:
    """What a project's manifests say about it."""

    name: str  # python, node, rust
    application: Found[str]  # its name
    framework: Found[str] | None = None
    profile: str = "api"
    lock: str = ""  # what an install is repeated from
    install: Found[list[str]] | None = None
    tests: Found[list[str]] | None = None
    build: Found[list[str]] | None = None
    output: tuple[str, ...] = ()
    bundle: str = ""
    steps: tuple[tuple[str, list[str], str], ...] = ()  # before the start: name, command, where it was found
    start: Found[list[str]] | None = None
    variables: dict[str, str] = field(default_factory=dict)  # what the start needs, such as PORT
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Project:
    """A project's folder, read and never written."""

    path: Path

    def text(self, name: str) -> str:
        """Return a file's text; empty where there is none."""
        return text_of(self.path / name)

    def has(self, *names: str) -> str:
        """Return the first of these files that is there; empty where none is."""
        return next((name for name in names if (self.path / name).is_file()), "")

    def sources(self, suffixes: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield relative path and text of every source file, without tests and what others made."""
        count = 0  # of files, so that a huge folder ends
        for folder, folders, files in os.walk(self.path):
            folders[:] = sorted(name for name in folders if name not in _JUNK and not name.startswith("."))
            for name in sorted(files):
                path = Path(folder) / name
                if (
                    not name.endswith(tuple(suffixes))
                    or ".test." in name
                    or ".spec." in name
                    or name.startswith("test_")
                ):
                    continue
                count += 1
                if count > _MAX_FILES:
                    return
                yield path.relative_to(self.path).as_posix(), text_of(path)


def text_of(path: Path) -> str:
    """Return a file's text; empty where it is missing, unreadable, too large or no text."""
    try:
        if path.is_file() and path.stat().st_size <= _MAX_BYTES:
            return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        pass
    return ""


def line_of(text: str, position: int) -> int:
    """Return the line of a position in a text, from 1."""
    return text.count("\n", 0, position) + 1

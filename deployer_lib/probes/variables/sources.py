"""Which files of a project are its application's code."""

from __future__ import annotations

import os
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["application_files", "is_apart"]

#: Folders, at any depth below the root, that hold no code of the running application.
_FOLDERS: Final = frozenset(
    [
        "test",
        "tests",
        "testing",
        "__tests__",
        "spec",
        "specs",
        "e2e",
        "doc",
        "docs",
        "example",
        "examples",
        "sample",
        "samples",
        "demo",
        "demos",
        "benchmark",
        "benchmarks",
        "vendor",
        "vendored",
        "_vendor",
        "_vendored",
        "third_party",
        "third-party",
        "extern",
        "node_modules",
        "site-packages",
        "__pycache__",
        "venv",
        "virtualenv",
        "__pypackages__",
        "bower_components",
        "jspm_packages",
    ]
)
#: Folders that are left out directly below the root alone, where they are output; deeper they may be packages.
_TOP_FOLDERS: Final = frozenset(
    {"build", "dist", "target", "out", "outputs", "htmlcov", "site", "_coordination"}
)
_FILES: Final = ("test_*.py", "*_test.py", "tests.py", "conftest.py", "noxfile.py", "setup.py")
_MAX_BYTES: Final = 5_000_000  # a source file beyond this is generated


def is_apart(relative: Path) -> bool:
    """Tell whether a file, named relative to the project, is test, documentation, example or foreign code."""
    folders = relative.parts[:-1]
    return (
        any(folder in _FOLDERS or _hidden(folder) for folder in folders)
        or bool(folders and folders[0] in _TOP_FOLDERS)
        or any(fnmatch(relative.name, pattern) for pattern in _FILES)
    )


def application_files(root: Path, suffixes: frozenset[str], exclude: Iterable[str] = ()) -> Iterator[Path]:
    """Yield the application's source files below ``root``, relative to it, sorted.

    The root's own name and parents say nothing: a project may itself lie in ``examples/``.

    Args:
        root: the project.
        suffixes: of the files wanted, with their dot.
        exclude: patterns of relative paths that are left out too.
    """
    patterns = tuple(exclude)
    for folder, folders, files in os.walk(root):
        here = Path(folder).relative_to(root)
        folders[:] = sorted(name for name in folders if _enter(root, here / name, patterns))
        for name in sorted(files):
            relative = here / name
            if relative.suffix in suffixes and not is_apart(relative) and not _matches(relative, patterns):
                path = root / relative
                # A link may lead out of the project, or twice to the same text.
                if not path.is_symlink() and path.is_file() and path.stat().st_size <= _MAX_BYTES:
                    yield relative


def _enter(root: Path, folder: Path, patterns: tuple[str, ...]) -> bool:
    path = root / folder
    return (
        not is_apart(folder / "x")
        and not path.is_symlink()
        and not (path / "pyvenv.cfg").exists()
        and not _matches(folder, patterns)
    )


def _hidden(name: str) -> bool:
    return name.startswith(".") or name.endswith((".egg-info", ".egg"))


def _matches(relative: Path, patterns: tuple[str, ...]) -> bool:
    text = relative.as_posix()
    return any(
        fnmatch(text, pattern.strip("/"))
        or fnmatch(text, f"{pattern.strip('/')}/*")
        or fnmatch(relative.name, pattern)
        for pattern in patterns
    )

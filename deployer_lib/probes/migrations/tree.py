"""The project's folders, walked once: migrations are found by where they lie and what they are called."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.sources import is_apart

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Tree", "inside", "parent_of", "within"]

_MAX_BYTES: Final = 5_000_000  # of a file that is read as text
_OUTPUT: Final = frozenset({"build", "target", "out", "bin", "obj"})
_MANIFESTS: Final = frozenset({"pom.xml", "build.gradle", "build.gradle.kts", "Cargo.toml", "package.json"})


class Tree:
    """The files of a project's own folders; tests, examples, foreign code, output and links are left out.

    File names say nothing here: a migration may be called ``0007_add_test.py``.
    """

    def __init__(self, root: Path, exclude: Iterable[str] = ()) -> None:
        self.root = root
        self._exclude = tuple(exclude)
        self.folders: dict[str, list[str]] = {}  # folder -> names of its files; "" is the root
        self.below: dict[str, list[str]] = {}  # folder -> names of its folders
        self.skipped: list[tuple[str, str]] = []  # (file or folder, why)
        self._places: dict[str, list[str]] = defaultdict(list)  # name of a file -> its folders
        self._texts: dict[str, str | None] = {}
        self._walk()

    def _walk(self) -> None:
        folders = [""]
        while folders:
            here = folders.pop()
            try:
                entries = sorted(os.scandir(self.root / here), key=lambda entry: entry.name)
            except OSError as error:
                self.skipped.append((_shown(here) or ".", f"it can't be opened: {error.strerror}"))
                continue
            files, deeper = self._sorted(here, entries)
            self.folders[here], self.below[here] = files, deeper
            for name in files:
                self._places[name].append(here)
            folders.extend(inside(here, name) for name in reversed(deeper))

    def _sorted(self, here: str, entries: list[os.DirEntry[str]]) -> tuple[list[str], list[str]]:
        names = {entry.name for entry in entries}
        output = _OUTPUT if names & _MANIFESTS else frozenset[str]()
        files: list[str] = []
        deeper: list[str] = []
        for entry in entries:
            if entry.is_symlink() or self._is_excluded(inside(here, entry.name)):
                continue
            is_folder = entry.is_dir(follow_symlinks=False)
            if _shown(entry.name) != entry.name:
                self.skipped.append((_shown(inside(here, entry.name)), "its name is not UTF-8"))
            elif is_folder:
                apart = is_apart(Path(inside(here, entry.name)) / "_")
                if not apart and entry.name not in output and not os.path.exists(f"{entry.path}/pyvenv.cfg"):  # noqa: PTH110  (ten thousand times)
                    deeper.append(entry.name)
            elif entry.is_file(follow_symlinks=False):
                files.append(entry.name)
        return files, deeper

    def _is_excluded(self, file: str) -> bool:
        name = file.rpartition("/")[2]
        return any(
            fnmatch(file, pattern.strip("/"))
            or fnmatch(file, f"{pattern.strip('/')}/*")
            or fnmatch(name, pattern)
            for pattern in self._exclude
        )

    def named(self, *names: str) -> list[str]:
        """Return the files of these names, sorted, nearest to the root first."""
        found = [inside(folder, name) for name in names for folder in self._places.get(name, ())]
        return sorted(found, key=lambda file: (file.count("/"), file))

    def names(self, folder: str) -> list[str]:
        """Return the names of a folder's files."""
        return self.folders.get(folder, [])

    def is_folder(self, folder: str) -> bool:
        """Tell whether there is such a folder."""
        return folder in self.folders

    def has(self, file: str) -> bool:
        """Tell whether there is such a file."""
        return file.rpartition("/")[2] in self.names(parent_of(file))

    def files(self, folder: str) -> list[str]:
        """Return all files of a folder and those below it."""
        found: list[str] = []
        stack = [folder]
        while stack:
            here = stack.pop()
            found += [inside(here, name) for name in self.names(here)]
            stack += [inside(here, name) for name in self.below.get(here, ())]
        return sorted(found)

    def text(self, file: str) -> str | None:
        """Return a file's text, None where it can't be read or is too large to be written by a person."""
        if file not in self._texts:
            self._texts[file] = self._read(file)
        return self._texts[file]

    def _read(self, file: str) -> str | None:
        path = self.root / file
        try:
            if path.stat().st_size > _MAX_BYTES:
                return None
            return path.read_bytes().decode("utf-8", errors="replace").removeprefix("\ufeff")
        except OSError:
            return None

    def why_unread(self, file: str) -> str:
        """Say why a file's text is not known."""
        try:
            size = (self.root / file).stat().st_size
        except OSError as error:
            return f"it can't be opened: {error.strerror}"
        return f"it has {size:,} bytes" if size > _MAX_BYTES else "it can't be read"

    def digest(self, file: str, algorithm: str) -> str:
        """Return the hexadecimal digest of a file's bytes, empty where it can't be read."""
        try:
            with (self.root / file).open("rb") as stream:
                return hashlib.file_digest(stream, algorithm).hexdigest()
        except OSError:
            return ""


def inside(folder: str, name: str) -> str:
    """Join a folder and a name; the root's folder is empty."""
    joined = os.path.normpath(f"{folder}/{name}" if folder else name).replace(os.sep, "/")
    return "" if joined == "." else joined


def parent_of(file: str) -> str:
    """Return the folder in which a file lies."""
    return file.rpartition("/")[0]


def within(folder: str, home: str) -> bool:
    """Tell whether a folder is another, or lies below it."""
    return not home or folder == home or folder.startswith(f"{home}/")


def _shown(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")

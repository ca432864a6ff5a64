"""The files of one language, of which those alone are opened that ripgrep found a word in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.ripgrep import names_with
from deployer_lib.probes.variables.sources import read_bytes, size_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

__all__ = ["Corpus", "suffix_of"]

#: Searches for words that only the sources themselves tell (a wrapper's name); beyond it all files are read: that is cheaper.
_MOST_SEARCHES: Final = 3


class Corpus:
    """A language's files and their bytes, each read once, where it has to be."""

    def __init__(
        self, root: Path, paths: Sequence[str], marks: Sequence[bytes], marked: Collection[str] | None = None
    ) -> None:
        """Take the files of a language.

        Args:
            root: the project.
            paths: of the files, relative to it.
            marks: words of which a file holds at least one that reads anything by itself.
            marked: those of the files, and any others, that may hold one of them; None where nobody has searched.
        """
        self.root, self.paths = root, paths
        self._marks, self._marked = marks, marked
        self._sources: dict[str, bytes] = {}
        self._searched: dict[frozenset[bytes], list[str]] = {}

    def source(self, path: str) -> bytes:
        """Return a file's bytes.

        Raises:
            OSError: it can't be read.
        """
        if path not in self._sources:
            self._sources[path] = read_bytes(self.root, path)
        return self._sources[path]

    def size(self, path: str) -> int:
        """Return a file's size in bytes, 0 of one that is gone."""
        return size_of(self.root, path)

    def bytes_of(self, path: str) -> bytes:
        """Return a file's bytes, none of one that can't be read."""
        try:
            return self.source(path)
        except OSError:
            return b""

    def likely(self) -> list[str]:
        """Return the files that may read anything by themselves, in the order of all."""
        marked = self._marked
        return list(self.paths) if marked is None else [path for path in self.paths if path in marked]

    def holding(self, *words: bytes) -> list[str]:
        """Return the files that hold any of some words, in the order of all."""
        return [path for path in self._where(frozenset(words)) if _holds(self.bytes_of(path), words)]

    def _where(self, words: frozenset[bytes]) -> Sequence[str]:
        """Return the files that may hold one of some words."""
        if self._marked is None or any(b"\n" in word or b"\0" in word for word in words):
            return self.paths  # nobody searched, or nobody can: a search is made of lines
        if all(any(mark in word for mark in self._marks) for word in words):
            return self.likely()
        if words not in self._searched and len(self._searched) < _MOST_SEARCHES:
            suffixes = {suffix_of(path) for path in self.paths}
            found = frozenset(names_with(self.root, words, suffixes - {""})[0])
            # What has no suffix is not searched, and may hold any.
            self._searched[words] = [path for path in self.paths if path in found or not suffix_of(path)]
        return self._searched.get(words, self.paths)


def suffix_of(path: str) -> str:
    """Return a file's suffix with its point, empty where it has none or nothing stands before it."""
    before, point, suffix = path.rpartition(".")
    return f".{suffix}" if point and "/" not in suffix and before and before[-1] != "/" else ""


def _holds(source: bytes, words: Sequence[bytes]) -> bool:
    return any(word in source for word in words)

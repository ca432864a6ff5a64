"""The files of a language that is read as text: one that can't be opened is named, and the others are read."""

from __future__ import annotations

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from typing import TYPE_CHECKING

from deployer_lib.probes.variables.sources import read_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from deployer_lib.probes.variables.model import Found

__all__ = ["texts_of"]


def texts_of(root: Path, files: Sequence[Path], found: Found) -> Iterator[tuple[Path, str]]:
    """Yield each file, relative to ``root``, with its text; bytes that are no UTF-8 (or, by their mark, UTF-16) are replaced.

    Args:
        root: the project.
        files: relative to it.
        found: is told of what can't be read.
    """
    for relative in files:
        try:
            data = read_bytes(root, f"{relative}")
        except OSError as error:
            found.skipped.append((relative.as_posix(), f"it can't be read: {error.strerror}", 0))
        else:
            encoding = "utf-16" if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig"
            yield relative, data.decode(encoding, "replace").replace("\r\n", "\n")

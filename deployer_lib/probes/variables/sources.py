"""Which files of a project are its application's code: one walk over its folders, tests, examples and foreign code left out."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.ripgrep import names_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["MAX_BYTES", "SILENT", "Listing", "is_apart", "list_files", "read_bytes", "size_of", "too_large"]

#: Suffixes that say nothing of the language: of what a server or an installer runs, and of what is made by filling it in.
SILENT: Final = frozenset(
    [
        ".cgi",
        ".command",
        ".init",
        ".preinst",
        ".postinst",
        ".prerm",
        ".postrm",
        ".in",
        ".template",
        ".tmpl",
        ".tpl",
        ".j2",
    ]
)
MAX_BYTES: Final = 5_000_000  # a source file beyond this is generated, or data
_VENV: Final = "/pyvenv.cfg"  # lies in a virtual environment, whatever that is called


class Listing:
    """The application's files, and what could not be looked at."""

    __slots__ = ("_root", "files", "skipped")

    def __init__(self, root: Path, files: list[str], skipped: list[tuple[str, str, int]]) -> None:
        self._root = root
        self.files = files  # relative to the root, sorted
        self.skipped = skipped  # (file or folder, why, 0)

    def size(self, file: str) -> int:
        """Return a file's size in bytes, 0 of one that is gone."""
        return size_of(self._root, file)


@cache
def _apart() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Return what tells a folder that is left out, one that is kept, one left out directly below the root, and a file."""
    from fnmatch import translate  # noqa: PLC0415  (a scan needs none of this: ripgrep reads the list itself)

    rules = [
        line for line in (Path(__file__).parent / "apart.ignore").read_text("utf-8").splitlines() if line
    ]
    kinds: tuple[list[str], ...] = ([], [], [], [])
    for rule in rules:
        name = rule.strip("!/")
        if rule.startswith("!"):
            kinds[1].append(name)
        elif rule.startswith("/"):
            kinds[2].append(name)
        elif rule.endswith("/") and "/" not in name:
            kinds[0].append(name)
        elif "/" not in name and not rule.startswith("#"):
            kinds[3].append(name)
    folders, kept, top, files = (re.compile("|".join(map(translate, names))) for names in kinds)
    return folders, kept, top, files


def is_apart(relative: Path) -> bool:
    """Tell whether a file, named relative to the project, is test, documentation, example or foreign code."""
    left_out, kept, top, files = _apart()
    folders = relative.parts[:-1]
    return (
        any(left_out.match(folder) and not kept.match(folder) for folder in folders)
        or bool(folders and top.match(folders[0]))
        or files.match(relative.name) is not None
    )


def list_files(root: Path, exclude: Iterable[str] = ()) -> Listing:
    """Return the application's files below ``root``.

    The root's own name and parents say nothing: a project may itself lie in ``examples/``. Links are not followed: one may
    lead out of the project, in a circle, or twice to the same text.

    Args:
        root: the project.
        exclude: patterns of relative paths that are left out too.

    Raises:
        Unavailable: ripgrep is not there.
    """
    try:
        files, unread = names_of(root)
    except OSError as error:
        return Listing(root, [], [(".", f"it can't be opened: {error.strerror}", 0)])
    skipped = [(name, f"it can't be opened: {why}", 0) for name, why in unread]
    if patterns := tuple(exclude):
        left_out = _sifter(patterns)
        files = [file for file in files if not left_out(file)]
        skipped = [one for one in skipped if not left_out(one[0])]
    environments = tuple(file.removesuffix("pyvenv.cfg") for file in files if file.endswith(_VENV))
    if environments:
        files = [file for file in files if not file.startswith(environments)]
    files.sort()
    return Listing(root, files, skipped)


def size_of(root: Path, relative: str) -> int:
    """Return a file's size in bytes, 0 of one that is gone."""
    try:
        return os.lstat(f"{root}/{relative}").st_size
    except OSError:
        return 0


def too_large(size: int) -> str:
    """Return why a file of so many bytes is not read."""
    return f"it has {size / 1e6:.0f} MB, which no source file has"


def read_bytes(root: Path, relative: str) -> bytes:
    """Return a file's bytes; by the system's own calls, since it is done for every file that may read a variable.

    Raises:
        OSError: it can't be read.
    """
    opened = os.open(f"{root}/{relative}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        pieces = []
        size = os.fstat(opened).st_size + 1  # one more than there is: the end is seen with the first call
        while data := os.read(opened, size):
            pieces.append(data)
            if len(data) < size:
                break
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
    finally:
        os.close(opened)


def _sifter(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Return what tells whether a path, or a folder that it lies in, is one of those that the project excludes."""
    from fnmatch import translate  # noqa: PLC0415  (only where something is excluded)

    given = [(pattern, pattern.strip("/")) for pattern in patterns]
    whole = re.compile("|".join(translate(one) for _, bare in given for one in (bare, f"{bare}/*")))
    named = re.compile("|".join(translate(pattern) for pattern, _ in given))
    known = {"": False}

    def left_out(path: str) -> bool:
        if path not in known:
            folder, _, name = path.rpartition("/")
            known[path] = left_out(folder) or bool(whole.match(path) or named.match(name))
        return known[path]

    return left_out

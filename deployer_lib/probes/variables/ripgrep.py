"""Walk and search a project's files by ripgrep, which is told by one list what to leave out.

Walking and reading ten thousand files in Python alone costs six times what ripgrep's whole search does; see
docs/decisions/0024-ripgrep-finds-what-is-read.md.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from deployer_lib.errors import ProcessError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

__all__ = ["Unread", "names_of", "names_with", "program"]

Unread = tuple[str, str]  # a file or folder, and why it can't be looked at

#: Nobody's settings and no list but ours decide what is seen; one thread costs the least, and 10,000 files take it 0.07 s.
_COMMON: Final = (
    "--no-config", "--no-ignore", "--hidden", "--null", "--threads=1", "--color=never", "--no-heading",
    f"--ignore-file={os.path.dirname(os.path.abspath(__file__))}/apart.ignore",  # noqa: PTH100, PTH120  (pathlib is slow to import)
)  # fmt: skip
#: rg: ./shut: IO error for operation on ./shut: Permission denied (os error 13); a name may have any sign in it.
_FAULT: Final = re.compile(
    r"rg: (?:.*?: IO error for operation on )?(?P<name>.+?): [^:\n]+ \(os error (?P<number>\d+)\)\n",
    re.DOTALL,
)
_FAILED: Final = 2  # its exit code where it could not do all that was asked


def program() -> str:
    """Return the path of ripgrep: the one that is installed with Deployer, else one on PATH.

    Raises:
        Unavailable: there is none.
    """
    folders = (os.path.dirname(sys.executable), *os.get_exec_path())  # noqa: PTH120
    for folder in folders:
        path = f"{folder}/rg"
        if os.access(path, os.X_OK) and os.path.isfile(path):  # noqa: PTH113
            return path
    raise Unavailable(
        "ripgrep is not there, which searches the project's sources: neither beside the interpreter nor on PATH.",
        hint="Install it beside Deployer: pip install ripgrep",
    )


def names_of(root: Path | str) -> tuple[list[str], list[Unread]]:
    """Return the files below a folder, relative to it, and what can't be opened; links are not followed.

    Args:
        root: the folder.

    Raises:
        Unavailable: ripgrep is not there.
        ProcessError: it failed altogether.
        OSError: the folder itself can't be opened.
    """
    return _run(root, ["--files"])


def names_with(
    root: Path | str, words: Iterable[bytes], suffixes: Iterable[str]
) -> tuple[list[str], list[Unread]]:
    """Return the files below a folder, relative to it, in which any of some words stands, and what can't be read.

    Args:
        root: the folder.
        words: taken as they are written, capitals told apart.
        suffixes: of the files that are looked into, ``.py``.

    Raises:
        Unavailable: ripgrep is not there.
        ProcessError: it failed altogether.
        OSError: the folder itself can't be opened.
    """
    types = ",".join(sorted(suffix.lstrip(".") for suffix in suffixes))
    # A file with "getenv" is a file with "env": half of the words go, and a seventh of the time.
    distinct = sorted(set(words))
    sought = [b"--regexp=" + word for word in distinct if not any(o != word and o in word for o in distinct)]
    # Sources with a NUL in them are sources; UTF-16 is known by its first bytes.
    options = [
        "--files-with-matches",
        "--text",
        "--fixed-strings",
        f"--type-add=read:*.{{{types},}}",
        "--type=read",
    ]
    return _run(root, [*options, *sought, "--", "."])


def _run(root: Path | str, arguments: Sequence[str | bytes]) -> tuple[list[str], list[Unread]]:
    with subprocess.Popen(
        [program(), *_COMMON, *arguments],
        cwd=root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        told, complaints = process.communicate()
    complaint, code = os.fsdecode(complaints), process.returncode
    faults = list(_FAULT.finditer(complaint))
    further = _FAULT.sub("", complaint).strip()
    if code < 0 or (code >= _FAILED and (further or not faults)):
        raise ProcessError(
            f"ripgrep failed: {further or f'it ended with {code}'}", output=complaint, exit_code=code
        )
    names = os.fsdecode(told).split("\0")[:-1]
    unread = [(fault["name"].removeprefix("./"), os.strerror(int(fault["number"]))) for fault in faults]
    return [name.removeprefix("./") for name in names], unread

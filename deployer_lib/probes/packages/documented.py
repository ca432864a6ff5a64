"""Do a project's texts for people say that it is bound to a platform? By the package's name, or by the platform's."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["says_platform", "text_files"]

_DOCUMENTS: Final = frozenset({".md", ".rst", ".txt", ".adoc", ".mdx", ""})
_NAMES: Final = (
    "readme",
    "install",
    "contributing",
    "development",
    "requirements.md",
    "getting",
    "hacking",
    "building",
)
_FOLDERS: Final = ("docs", "doc")
_MAX_BYTES: Final = 2_000_000
_MAX_FILES: Final = 2_000
_WORDS: Final = {
    "Windows": r"windows",
    "macOS": r"mac\s?os|os x|darwin",
    "Linux": r"linux|ubuntu|debian|fedora|alpine",
    "Unix": r"unix|posix|linux|ubuntu|debian|mac\s?os|darwin",
    "Linux and macOS": r"unix|posix|linux|ubuntu|debian|mac\s?os|darwin",
}
#: Platforms that a statement must not name beside, unless it rules them out: a package of Linux does not run on "Linux and macOS".
_OTHERS: Final = {
    "Windows": f"{_WORDS['Linux']}|{_WORDS['macOS']}",
    "macOS": f"windows|{_WORDS['Linux']}",
    "Linux": f"windows|{_WORDS['macOS']}",
    "Unix": "windows",
    "Linux and macOS": "windows",
}
#: Packages whose names are words that stand in any README: only as code (`sh`) do they name the package.
_ORDINARY: Final = frozenset(
    {"caps", "cocoa", "mach", "metal", "nix", "pam", "pwd", "sh", "syslog", "systemd", "users", "windows"}
)
_NOT: Final = re.compile(r"\b(?:not|no|without|except|unsupported|only)\b|n't\b", re.IGNORECASE)
#: What turns the name of a platform into a statement about it.
_STATES: Final = r"only|requires?|required|requirements?|needs?|must|supports?|supported|runs?|works?|tested|platforms?|prerequisites?|developed|deploys?|deployed"


def text_files(project: Path, folders: Iterable[Path] = ()) -> Iterator[Path]:
    """Yield READMEs and documents of a project, relative to it.

    Args:
        project: where it lies.
        folders: further ones, relative to it, whose READMEs count.
    """
    for folder in dict.fromkeys((Path(), *folders)):
        for name in _listed(project / folder):
            lower = name.lower()
            if lower.startswith(_NAMES) and os.path.splitext(lower)[1] in _DOCUMENTS:  # noqa: PTH122  (of a name)
                yield folder / name
    count = 0
    for folder_name in _FOLDERS:
        for here, _, names in os.walk(project / folder_name):
            for name in sorted(names):
                count += 1
                if count > _MAX_FILES:
                    return
                if os.path.splitext(name)[1].lower() in _DOCUMENTS - {""}:  # noqa: PTH122
                    yield Path(here, name).relative_to(project)


def says_platform(project: Path, package: str, platform: str, folders: Iterable[Path] = ()) -> str:
    """Return where a project says that it uses a package, or on which platform it runs; empty where it does neither.

    Args:
        project: where it lies.
        package: name as the registry knows it.
        platform: Windows, macOS, Linux, Unix, or Linux and macOS.
        folders: further ones, relative to it, whose READMEs count.
    """
    name = re.escape(package)
    named = re.compile(
        rf"(?<!`)`{name}`" if package in _ORDINARY else rf"(?<![\w-]){name}(?![\w-])", re.IGNORECASE
    )
    states = re.compile(
        rf"\b(?:{_STATES})\b.*\b(?:{_WORDS[platform]})\b|\b(?:{_WORDS[platform]})\b.*\b(?:{_STATES})\b",
        re.IGNORECASE,
    )
    others = re.compile(rf"\b(?:{_OTHERS[platform]})\b", re.IGNORECASE)
    for file in text_files(project, folders):
        for number, line in enumerate(_lines(project / file), 1):
            if named.search(line) or (states.search(line) and (not others.search(line) or _NOT.search(line))):
                return f"{file.as_posix()}:{number}"
    return ""


def _listed(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir() if path.is_file())
    except OSError:
        return []


def _lines(path: Path) -> list[str]:
    try:
        if path.stat().st_size > _MAX_BYTES:
            return []
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []

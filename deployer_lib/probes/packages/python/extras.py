"""Extras that a production install names: what they hold is production's too."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from deployer_lib.probes.packages.python.declared import Declared

__all__ = ["with_installed_extras"]

_FILES: Final = (
    "Dockerfile*",
    "*.Dockerfile",
    "docker/*",
    "docker/*/Dockerfile*",
    "Procfile",
    "entrypoint*",
    ".platform.app.yaml",
)
_BRACKETS: Final = re.compile(r"\binstall\b[^\n]*?[\w./\"'}-]\[([A-Za-z0-9_.,\s-]+)\]")
_OPTIONS: Final = re.compile(
    r"--extras?[= ]+[\"']?([A-Za-z0-9_.-]+(?:[ ,][A-Za-z0-9_.-]+)*?)[\"']?(?=\s|$|\\)|\s-E\s+([A-Za-z0-9_.-]+)"
)
_ALL: Final = re.compile(r"--all-extras\b")
_MAX_BYTES: Final = 500_000


def with_installed_extras(project: Path, declared: Iterable[Declared]) -> list[Declared]:
    """Return the same dependencies, those of extras that a Dockerfile or the like installs as production's."""
    items = list(declared)
    extras = {item.group for item in items if item.use == "extra" and item.group}
    if not extras:
        return items
    named = _named(project)
    return [
        replace(item, use="production")
        if item.use == "extra" and (item.group in named or "*" in named)
        else item
        for item in items
    ]


def _named(project: Path) -> frozenset[str]:
    found: set[str] = set()
    for pattern in _FILES:
        for path in sorted(project.glob(pattern)):
            text = _text(path)
            if _ALL.search(text):
                found.add("*")
            for match in _BRACKETS.finditer(text):
                found.update(part.strip() for part in match.group(1).split(","))
            for match in _OPTIONS.finditer(text):
                found.update(re.split(r"[ ,]+", match.group(1) or match.group(2)))
    return frozenset(found)


def _text(path: Path) -> str:
    try:
        if not path.is_file() or path.stat().st_size > _MAX_BYTES:
            return ""
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""

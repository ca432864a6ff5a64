"""One package as a lock file has it, whichever tool wrote the file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Entry", "as_map", "as_words"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A locked package."""

    name: str
    version: str
    path: str  # npm: where it is installed; others: its key, or all of its keys, in the lock file
    dependencies: Mapping[str, str] = field(default_factory=dict)
    optional_dependencies: Mapping[str, str] = field(default_factory=dict)
    peers: Mapping[str, str] = field(default_factory=dict)
    optional_peers: frozenset[str] = frozenset()
    optional: bool = False  # only asked for where it can be left out
    dev: bool = False  # only asked for by development dependencies
    os: tuple[str, ...] = ()
    cpu: tuple[str, ...] = ()
    libc: tuple[str, ...] = ()
    has_integrity: bool = True
    source: str = ""  # where it is downloaded from; may be empty
    link: bool = False  # a folder of the project
    bundled: bool = False  # comes inside of another package


def as_map(value: object) -> dict[str, Any]:
    """Return a map with text keys, empty where the value is none."""
    return {str(key): item for key, item in value.items()} if isinstance(value, dict) else {}


def as_words(value: object) -> dict[str, str]:
    """Return a map of texts, empty where the value is none."""
    return {
        key: str(item) for key, item in as_map(value).items() if isinstance(item, str | int | float | bool)
    }

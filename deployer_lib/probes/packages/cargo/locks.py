"""``Cargo.lock`` as it stands: which versions of which packages, and what each member asks for."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LOCK", "Lock", "read_lock"]

LOCK: Final = "Cargo.lock"
_MAX_BYTES: Final = 20_000_000


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock file."""

    versions: dict[str, list[str]] = field(default_factory=dict)  # package -> versions
    lines: dict[str, int] = field(default_factory=dict)  # package -> line of its first entry
    members: dict[str, list[str]] = field(default_factory=dict)  # package without a source -> names it needs
    broken: str = ""  # why it can't be read


def read_lock(path: Path) -> Lock | None:
    """Return a lock file, None where there is none."""
    if not path.exists():
        return None
    try:
        if path.stat().st_size > _MAX_BYTES:
            return Lock(broken="it is larger than 20 MB")
        text = path.read_bytes().decode("utf-8")
        data = tomllib.loads(text)
    except OSError as error:
        return Lock(broken=f"it can't be opened: {error.strerror}")
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return Lock(broken=f"it is not valid TOML: {error}")
    lock = Lock()
    for item in data.get("package", []):
        if not isinstance(item, dict) or not isinstance(item.get("name"), str):
            continue
        lock.versions.setdefault(item["name"], []).append(str(item.get("version", "")))
        if "source" not in item:
            lock.members[item["name"]] = [
                str(each).partition(" ")[0] for each in item.get("dependencies", [])
            ]
    for number, line in enumerate(text.splitlines(), 1):
        if name := re.match(r'name = "([^"]+)"', line):
            lock.lines.setdefault(name.group(1), number)
    return lock

"""Which Python a project is made for, as far as it says so: the clean install is made with that one where this machine has it."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.packages.python.declared import read_toml, section_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["declared_python", "says_outside", "this_python"]

_FROM: Final = re.compile(
    r"^\s*FROM\s+(?:--platform=\S+\s+)?(?:\S+/)?python:(3\.\d+)", re.MULTILINE | re.IGNORECASE
)
_EXACT: Final = re.compile(r"(?:python-)?(3\.\d+)")
#: What uv says where neither manifest nor lock file is at fault.
_OUTSIDE: Final = re.compile(
    r"error sending request|client error \(Connect\)|tcp connect error|dns error|Connection (?:refused|reset)|operation timed out"
    r"|[Nn]o space left on device|invalid peer certificate|HTTP status (?:client|server) error \((?:401|403|407|429|5\d\d)"
)
#: What installers say where the reason is the Python they run with.
_UNSUITED: Final = re.compile(
    r"current Python version .* does not satisfy|Requires-Python|requires a different Python|requires Python .* but|no wheels with a matching Python",
    re.DOTALL,
)


def this_python() -> str:
    """Return the version of the Python that runs this, as 3.11."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def declared_python(project: Path) -> str:
    """Return the version that a project names, as 3.12, empty where it names none."""
    for name in (".python-version", "runtime.txt"):
        if match := _EXACT.match(_text(project / name).strip()):
            return match.group(1)
    if match := _FROM.search(_text(project / "Dockerfile")):
        return match.group(1)
    data = read_toml(project / "pyproject.toml")[1]
    asked = str(section_of(data, "project").get("requires-python", ""))
    match = re.search(r"(?:>=|==|~=)\s*(3\.\d+)", asked)
    lowest = match.group(1) if match else ""
    return lowest if lowest and _minor(lowest) > sys.version_info.minor else ""


def says_outside(project: Path, output: str) -> str:
    """Return why a failed install may lie outside of the project: network, machine, Python; empty where it does not."""
    if _OUTSIDE.search(output):
        return "the index could not be reached, or this machine has no room"
    declared = declared_python(project)
    if _UNSUITED.search(output):
        return f"it was tried with Python {this_python()}, and another is asked for"
    built = re.search(r"Failed to build|gcc|Microsoft Visual C|error: command", output)
    if built and declared and declared != this_python():
        return f"it was tried with Python {this_python()}, and the project is made for {declared}"
    return ""


def _minor(version: str) -> int:
    return int(version.partition(".")[2])


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""

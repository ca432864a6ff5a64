"""Faults of a sample application: a patch for each check, with what it trips and why a team would make it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FOLDER", "Fault", "all_faults", "read_fault"]

FOLDER: Final = Path(__file__).parents[1] / "faults"
_KEYS: Final = ("trips", "why", "parameters")


@dataclass(frozen=True, slots=True)
class Fault:
    """One patch."""

    id: str  # the file's name without suffix
    path: Path
    trips: tuple[str, ...]  # checks that must end in a finding, and no other
    why: str  # the mistake, in one sentence
    parameters: Mapping[str, Any] = field(default_factory=dict)  # dotted keys of the environment's file

    def overrides(self) -> dict[str, Any]:
        """Return the parameters as nested maps, to be merged into an environment's file."""
        nested: dict[str, Any] = {}
        for key, value in self.parameters.items():
            *sections, name = key.split(".")
            place = nested
            for section in sections:
                place = place.setdefault(section, {})
            place[name] = value
        return nested


def read_fault(path: Path) -> Fault:
    """Read the header of a patch; ``git apply`` passes over it.

    Raises:
        ValueError: a line of the header is missing or unknown, or no diff follows.
    """
    head, blank, body = path.read_text(encoding="utf-8").partition("\n\n")
    values = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
    if tuple(values) != _KEYS or not blank or not body.startswith("diff --git "):
        raise ValueError(f"{path.name} is no fault: {', '.join(_KEYS)}, an empty line and a diff are wanted")
    return Fault(
        path.name.removesuffix(".patch"),
        path,
        tuple(json.loads(values["trips"])),
        values["why"],
        json.loads(values["parameters"]),
    )


def all_faults(sample: str) -> list[Fault]:
    """Return the faults of a sample (``storefront``, ``storefront/second``), by id."""
    return [read_fault(path) for path in sorted((FOLDER / sample).glob("*.patch"))]

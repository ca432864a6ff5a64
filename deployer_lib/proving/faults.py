"""Faults of an application: a patch for each, with what it trips and why a team would make it.

A patch has three lines of its own before the diff, which ``git apply`` passes over::

    trips: ["smoke.readiness"]
    why: one sentence, the mistake
    parameters: {}

    diff --git a/src/storefront/health.py b/src/storefront/health.py
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from deployer_lib.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Fault", "all_faults", "read_fault"]

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
    """Read a patch with its three lines.

    Raises:
        UsageError: a line is missing or unknown, or no diff follows.
    """
    try:
        head, blank, body = path.read_text(encoding="utf-8").partition("\n\n")
        values = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
        if tuple(values) != _KEYS or not blank or not body.startswith("diff --git "):
            raise ValueError("its lines are others")  # noqa: TRY301  (one way out for all that is wrong)
        trips, parameters = json.loads(values["trips"]), json.loads(values["parameters"])
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path.name} is no fault: {error}.",
            hint=f"It begins with the lines {', '.join(f'{key}:' for key in _KEYS)}, an empty one and a git diff.",
        ) from error
    return Fault(path.name.removesuffix(".patch"), path, tuple(trips), values["why"], parameters)


def all_faults(folder: Path) -> list[Fault]:
    """Return the faults of a folder, by id.

    Raises:
        UsageError: a patch is no fault.
    """
    return [read_fault(path) for path in sorted(folder.glob("*.patch"))]

"""The record of a run, read from its executed notebooks alone.

Every report is a pure function of a :class:`Record`; the clock, the round, what stood in NEXT_ACTIONS.md and what
earlier runs found come from the ``inputs`` output that the run's first notebook keeps.
"""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from deployer_lib.catalogue import SHARES
from deployer_lib.check import Waiver
from deployer_lib.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deployer_lib.check import Check, JSONValue

__all__ = ["INPUTS_MIME", "Earlier", "Inputs", "PhaseRecord", "Record", "State"]

INPUTS_MIME: Final = "application/vnd.deployer.inputs.v1+json"


class State(StrEnum):
    """How a phase ended."""

    DONE = "done"
    BLOCKED = "blocked"
    CRASHED = "crashed"
    SKIPPED = "skipped"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a report needs of an earlier run of the same environment."""

    run: str
    round: int
    verdict: str
    finished_at: str
    version: str
    digest: str  # of the artifact
    findings: Mapping[str, str]  # check key (id:subject) → message, of findings that were open then
    fixed: tuple[str, ...] = ()  # keys that were seen gone in that run
    manifest: str = ""  # digest of its manifest


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the run knew before it looked at anything (one output of its first notebook)."""

    run: str  # ulid
    environment: str
    round: int  # from 1
    history: bool  # False: outputs were empty, ``Round 1 (no history)``
    now: str  # UTC ISO 8601, when the run began
    mode: str  # batch, interactive
    trigger: str  # deploy, schedule, pr, manual
    budget_s: float
    actor: Mapping[str, str | bool]  # name, source, verified
    change: Mapping[str, str]  # ticket, category
    approvals: tuple[Mapping[str, str], ...]
    block_on: str
    required: tuple[str, ...] | None
    profile: str
    target: str  # base URL, or the deploy kind where it is not known yet
    parameters_digest: str
    allowed: tuple[str, ...]  # effects
    next_actions: bytes | None  # the coordination folder's NEXT_ACTIONS.md; None where there is none
    waivers: Mapping[str, Waiver] = field(default_factory=dict)  # check key or id → waiver
    earlier: tuple[Earlier, ...] = ()  # newest first, at most ten
    planned: tuple[str, ...] = ()  # phases that this run set out to make
    level: str = "quick"  # how deep it looks

    def to_json(self) -> dict[str, JSONValue]:
        """Return the shape of the ``inputs`` output."""
        data: dict[str, JSONValue] = json.loads(
            json.dumps(asdict(replace(self, next_actions=None)), default=dict)
        )
        if self.next_actions is not None:
            data["next_actions"] = base64.b64encode(self.next_actions).decode("ascii")
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Inputs:
        """Return what :meth:`to_json` wrote.

        Raises:
            RecordError: fields are missing or of another type.
        """
        try:
            values = {f.name: data[f.name] for f in fields(cls) if f.name != "level" or f.name in data}
            values["next_actions"] = (
                None if data["next_actions"] is None else base64.b64decode(data["next_actions"])
            )
            values["waivers"] = {key: Waiver(**waiver) for key, waiver in data["waivers"].items()}
            values["earlier"] = tuple(Earlier(**{**e, "fixed": tuple(e["fixed"])}) for e in data["earlier"])
            for name in ("approvals", "allowed", "planned"):
                values[name] = tuple(data[name])
            values["required"] = None if data["required"] is None else tuple(data["required"])
            return cls(**values)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RecordError(f"The inputs output can't be read: {error!r}.") from error


@dataclass(frozen=True, slots=True)
class PhaseRecord:
    """One executed notebook."""

    name: str
    state: State
    notebook: str  # file name
    checks: tuple[Check, ...]
    started_at: str = ""
    duration_s: float = 0.0
    message: str = ""  # why it is blocked, crashed or aborted
    share: float | None = None  # part of the time budget that an own notebook takes for itself


@dataclass(frozen=True, slots=True)
class Record:
    """A run as its notebooks 00 to 06 tell it."""

    inputs: Inputs
    phases: tuple[PhaseRecord, ...]
    aborted: bool = False  # interrupted before its end
    withheld: tuple[str, ...] = ()  # files in which a secret was found, and which are not published

    def shares(self) -> dict[str, tuple[float, tuple[str, ...]]]:
        """Return how the time budget is shared out: share's name → (part of the budget, phases).

        What own notebooks take for themselves is taken from all packaged shares alike.
        """
        own = {p.name: (p.share, (p.name,)) for p in self.phases if p.share is not None}
        left = max(0.0, 1.0 - sum(part for part, _ in own.values()))
        packaged = {
            name: (part * left, tuple(p for p in phases if p not in own))
            for name, (part, phases) in SHARES.items()
        }
        return packaged | own

    @property
    def checks(self) -> tuple[Check, ...]:
        """Return the checks of all phases, in their order."""
        return tuple(check for phase in self.phases for check in phase.checks)

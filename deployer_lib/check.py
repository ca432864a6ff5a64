"""The vocabulary of a check: what was claimed, what came of it, and how that is written as JSON.

A probe answers with :class:`Result` values; the phase makes each a :class:`Check` by adding what the catalogue knows.
Shapes are SCHEMA.md's "Check".
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from deployer_lib.catalogue import Effect, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "CHECKS_MIME",
    "CHECKS_SCHEMA",
    "Check",
    "Code",
    "Fix",
    "JSONValue",
    "Location",
    "Outcome",
    "Provenance",
    "Result",
    "Skip",
    "Verdict",
    "Waiver",
    "errored",
    "failed",
    "judge",
    "passed",
    "skipped",
]

JSONValue = str | int | float | bool | None | list["JSONValue"] | dict[str, "JSONValue"]

CHECKS_MIME: Final = "application/vnd.deployer.checks.v1+json"
CHECKS_SCHEMA: Final = "checks/1"


class Outcome(StrEnum):
    """What came of a check; ``error`` means that it could not be told, and is never a pass."""

    PASS = "pass"  # noqa: S105  (an outcome, not a password)
    FAIL = "fail"
    ERROR = "error"
    SKIP = "skip"


class Skip(StrEnum):
    """Why a check was not made."""

    NOT_APPLICABLE = "not-applicable"
    NOT_ALLOWED = "not-allowed"
    UNAVAILABLE = "unavailable"
    BLOCKED = "blocked"
    CUT = "cut"


class Provenance(StrEnum):
    """Where something was observed: on the target itself, or on a mended copy of it."""

    TARGET = "target"
    DIAGNOSTIC = "diagnostic"


class Verdict(StrEnum):
    """The answer of a run, in order of precedence: no-go, undecided, go."""

    NO_GO = "no-go"
    UNDECIDED = "undecided"
    GO = "go"


@dataclass(frozen=True, slots=True)
class Location:
    """A place in the project's files; ``file`` is relative to the project, ``line`` counts from 1, 0 for the whole file."""

    file: str
    line: int = 0

    def to_json(self) -> dict[str, JSONValue]:
        """Return the JSON shape of SCHEMA.md."""
        return {"file": self.file, "line": self.line}


@dataclass(frozen=True, slots=True)
class Code:
    """Code to be written: ``text`` as it stands after the fix at ``file``:``line`` (0: append or create)."""

    file: str
    text: str
    line: int = 0
    language: str = ""

    def to_json(self) -> dict[str, JSONValue]:
        """Return the JSON shape of SCHEMA.md."""
        return {"file": self.file, "line": self.line, "language": self.language, "text": self.text}


@dataclass(frozen=True, slots=True)
class Fix:
    """How a finding is mended: steps for a person, code to paste, a link, an estimate and, where known, a mechanical mend."""

    steps: tuple[str, ...] = ()
    code: tuple[Code, ...] = ()
    docs: str = ""
    minutes: int = 0  # a person's time, estimated; 0 is not estimated
    mend: str | None = None

    def to_json(self) -> dict[str, JSONValue]:
        """Return the JSON shape of SCHEMA.md."""
        return {
            "steps": list(self.steps),
            "code": [c.to_json() for c in self.code],
            "docs": self.docs,
            "minutes": self.minutes,
            "mend": self.mend,
        }


@dataclass(frozen=True, slots=True)
class Waiver:
    """A finding accepted for a time."""

    owner: str
    reason: str
    ticket: str
    expires: str  # ISO date; on the day after, the finding blocks again

    def to_json(self) -> dict[str, JSONValue]:
        """Return the JSON shape of SCHEMA.md."""
        return {"owner": self.owner, "reason": self.reason, "ticket": self.ticket, "expires": self.expires}


@dataclass(frozen=True, slots=True)
class Result:
    """What a probe says about one subject of its check.

    A pass must carry evidence: the phase turns a pass that observed nothing into an error.
    """

    outcome: Outcome
    message: str  # one sentence
    subject: str = ""  # the endpoint, variable, package or file; empty where the check has one subject
    skip: Skip | None = None
    severity: Severity | None = None  # None: the catalogue's
    provenance: Provenance = Provenance.TARGET
    because: str | None = None  # id of the check that blocked this one
    root_cause: str = ""
    impact: str = ""
    fix: Fix = field(default_factory=Fix)
    locations: tuple[Location, ...] = ()
    evidence: Mapping[str, JSONValue] = field(default_factory=dict)  # raw observations, as JSON

    def observing(self, evidence: Mapping[str, JSONValue]) -> Result:
        """Return the same result with more evidence."""
        return replace(self, evidence={**self.evidence, **evidence})


@dataclass(frozen=True, slots=True)
class Check:
    """One claim about the application with its one outcome and its evidence."""

    id: str
    row: str
    phase: str
    title: str
    effect: Effect
    severity: Severity
    result: Result
    started_at: str = ""  # UTC ISO 8601 with ms
    duration_ms: float = 0.0
    waiver: Waiver | None = None
    box: int = 0  # line of the deployment checklist (catalogue.BOXES, from 1) that a pass helps to tick

    @property
    def outcome(self) -> Outcome:
        """Return the outcome."""
        return self.result.outcome

    @property
    def subject(self) -> str:
        """Return what exactly was looked at."""
        return self.result.subject

    @property
    def key(self) -> str:
        """Return ``id:subject``, by which a finding is known again in a later round."""
        return f"{self.id}:{self.subject}"

    def waived(self, waiver: Waiver) -> Check:
        """Return the same check, accepted for a time."""
        return replace(self, waiver=waiver)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Check:
        """Return the check that :meth:`to_json` wrote; unknown fields are passed over.

        Raises:
            KeyError, TypeError, ValueError: it is not a check.
        """
        fix, waiver = data["fix"], data["waiver"]
        result = Result(
            Outcome(data["outcome"]),
            data["message"],
            data["subject"],
            skip=Skip(data["skip"]) if data["skip"] else None,
            provenance=Provenance(data["provenance"]),
            because=data["because"],
            root_cause=data["root_cause"],
            impact=data["impact"],
            fix=Fix(
                tuple(fix["steps"]),
                tuple(Code(c["file"], c["text"], c["line"], c["language"]) for c in fix["code"]),
                fix["docs"],
                fix["minutes"],
                fix["mend"],
            ),
            locations=tuple(Location(place["file"], place["line"]) for place in data["locations"]),
            evidence=dict(data["evidence"]),
        )
        return cls(
            data["id"],
            data["row"],
            data["phase"],
            data["title"],
            Effect(data["effect"]),
            Severity(data["severity"]),
            result,
            data["started_at"],
            data["duration_ms"],
            Waiver(waiver["owner"], waiver["reason"], waiver["ticket"], waiver["expires"])
            if waiver
            else None,
            data.get("box", 0),
        )

    def to_json(self) -> dict[str, JSONValue]:
        """Return the JSON shape of SCHEMA.md."""
        r = self.result
        return {
            "id": self.id,
            "subject": r.subject,
            "row": self.row,
            "phase": self.phase,
            "title": self.title,
            "outcome": r.outcome.value,
            "skip": r.skip.value if r.skip else None,
            "severity": self.severity.value,
            "provenance": r.provenance.value,
            "effect": self.effect.value,
            "because": r.because,
            "message": r.message,
            "root_cause": r.root_cause,
            "impact": r.impact,
            "fix": r.fix.to_json(),
            "locations": [place.to_json() for place in r.locations],
            "evidence": dict(r.evidence),
            "waiver": self.waiver.to_json() if self.waiver else None,
            "box": self.box,
            "started_at": self.started_at,
            "duration_ms": self.duration_ms,
        }


def passed(message: str, *, subject: str = "", **evidence: JSONValue) -> Result:
    """Return a pass with what was observed.

    Evidence is keyword arguments; there must be at least one, or the phase makes it an error.
    """
    return Result(Outcome.PASS, message, subject, evidence=evidence)


def failed(
    message: str,
    *,
    subject: str = "",
    root_cause: str,
    impact: str,
    fix: Fix,
    locations: Iterable[Location] = (),
    severity: Severity | None = None,
    provenance: Provenance = Provenance.TARGET,
    **evidence: JSONValue,
) -> Result:
    """Return a finding: what was seen, why, what it does to people, and the fix as code."""
    return Result(
        Outcome.FAIL,
        message,
        subject,
        severity=severity,
        provenance=provenance,
        root_cause=root_cause,
        impact=impact,
        fix=fix,
        locations=tuple(locations),
        evidence=evidence,
    )


def errored(
    message: str, *, subject: str = "", root_cause: str = "", fix: Fix | None = None, **evidence: JSONValue
) -> Result:
    """Return that it could not be told, why, and what to do so that it can."""
    return Result(Outcome.ERROR, message, subject, root_cause=root_cause, fix=fix or Fix(), evidence=evidence)


def skipped(kind: Skip, message: str, *, subject: str = "", because: str | None = None) -> Result:
    """Return that the check was not made, and for which kind of reason."""
    return Result(Outcome.SKIP, message, subject, skip=kind, because=because)


def judge(
    checks: Iterable[Check], *, block_on: Severity = Severity.CRITICAL, required: Iterable[str] | None = None
) -> tuple[Verdict, tuple[str, ...], tuple[str, ...]]:
    """Return the verdict with the ids that block it and the ids that leave it open.

    No-go comes before undecided before go. A required check that ended in error, or was skipped for another reason
    than not-applicable, leaves the run undecided; no check at all does so too.

    Args:
        checks: every check of the run.
        block_on: the mildest severity at which a finding blocks.
        required: ids that must have been made; None requires every one.
    """
    wanted = None if required is None else set(required)
    blocking: dict[str, None] = {}
    open_: dict[str, None] = {}
    seen: set[str] = set()
    for check in checks:
        seen.add(check.id)
        if check.outcome is Outcome.FAIL:
            if check.waiver is None and check.severity.blocks(block_on):
                blocking[check.id] = None
        elif (wanted is None or check.id in wanted) and (
            check.outcome is Outcome.ERROR
            or (check.outcome is Outcome.SKIP and check.result.skip is not Skip.NOT_APPLICABLE)
        ):
            open_[check.id] = None
    for missing in sorted((wanted or set()) - seen):
        open_[missing] = None
    if blocking:
        return Verdict.NO_GO, tuple(blocking), tuple(open_)
    if open_ or not seen:
        return Verdict.UNDECIDED, (), tuple(open_)
    return Verdict.GO, (), ()

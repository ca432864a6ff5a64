"""Build all reports of a run from its record: the same bytes on any day, on any machine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from deployer_lib.catalogue import Phases
from deployer_lib.check import Outcome
from deployer_lib.reports.changes import compare
from deployer_lib.reports.deployment_log import Told, findings_of, render
from deployer_lib.reports.next_actions import fresh, merge
from deployer_lib.reports.own_checks import Written, own_checks
from deployer_lib.reports.results import finished_at, results_of, version_of
from deployer_lib.reports.sights import NOT_CHECKED
from deployer_lib.reports.text import FormatError, one_line
from deployer_lib.reports.verdict import decide, waive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deployer_lib.check import Check, Verdict
    from deployer_lib.record import Record

__all__ = ["Reports", "build"]

_PASSES: Final = 4  # the first without own checks; findings among these need one more, and so on


@dataclass(frozen=True, slots=True)
class Reports:
    """What a run's record comes to."""

    log: str  # DEPLOYMENT_LOG.md
    next_actions: bytes | None  # NEXT_ACTIONS.md, merged; None: it can't be parsed, leave it
    next_actions_beside: str | None  # what goes beside it then
    results: dict[str, Any]  # results.json
    checks: tuple[Check, ...]  # of all phases, report included, waivers applied
    verdict: Verdict
    reason: str


def build(record: Record) -> Reports:
    """Return the reports of a run.

    The checks on the reports read what was rendered without them; then all is rendered again with them in it, and
    read again, until what they say is what was rendered. A check that failed once stays failed.
    """
    record = replace(record, phases=tuple(phase for phase in record.phases if phase.name != Phases.REPORT))
    at = finished_at(record)
    own: tuple[Check, ...] = ()
    for _ in range(_PASSES):
        written = _write(record, own)
        found = _failed_stay(own, own_checks(record, written, at=at))
        if found == own:
            break
        own = found
    told = written.told
    return Reports(
        log=written.log,
        next_actions=written.actions,
        next_actions_beside=None if written.refused is None else fresh(told),
        results=results_of(record, told.checks, told.decision, told.changes),
        checks=told.checks,
        verdict=told.decision.verdict,
        reason=told.decision.reason,
    )


def _failed_stay(before: Sequence[Check], after: Sequence[Check]) -> tuple[Check, ...]:
    failed = {check.id: check for check in before if check.outcome is Outcome.FAIL}
    return tuple(failed.get(check.id, check) for check in after)


def _write(record: Record, own: tuple[Check, ...]) -> Written:
    checks, notes = waive((*record.checks, *own), record.inputs)
    told = Told(
        record.inputs,
        checks,
        findings_of(checks, notes),
        notes,
        decide(record, checks, notes),
        compare(checks, record.inputs.earlier),
        one_line(version_of(record)) or NOT_CHECKED,
    )
    refused = None
    actions: bytes | None = None
    try:
        actions = merge(told, record.inputs.next_actions)
    except FormatError as error:
        refused = error
    return Written(told, render(told), actions, refused)

"""results.json of a run, as SCHEMA.md has it (docs/schema/results.schema.json)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from deployer_lib.check import Outcome
from deployer_lib.reports.sights import Sights

if TYPE_CHECKING:
    from deployer_lib.check import Check
    from deployer_lib.record import Record
    from deployer_lib.reports.changes import Changes
    from deployer_lib.reports.verdict import Decision

__all__ = ["RESULTS_SCHEMA", "finished_at", "results_of", "version_of"]

RESULTS_SCHEMA: Final = "results/1"
_FROM: Final = ("deploy.run", "build.run", "deploy.version")  # checks that observe artifact and version


def version_of(record: Record) -> str:
    """Return the version that was deployed or built, or nothing."""
    seen = Sights(record.checks)
    return next((version for id_ in _FROM if (version := seen.text(id_, "version"))), "")


def finished_at(record: Record) -> str:
    """Return when the last phase ended; the run's begin where none did."""
    ends = [record.inputs.now]
    for phase in record.phases:
        try:
            began = datetime.fromisoformat(phase.started_at)
            end = began + timedelta(seconds=phase.duration_s)
        except (ValueError, OverflowError):
            continue
        utc = end.replace(tzinfo=UTC) if end.tzinfo is None else end.astimezone(UTC)
        ends.append(utc.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
    return ends[-1] if len(ends) == 1 else max(ends[1:])


def results_of(
    record: Record, checks: tuple[Check, ...], decision: Decision, changes: Changes
) -> dict[str, Any]:
    """Return the document."""
    inputs = record.inputs
    artifact = next((found for id_ in _FROM if (found := Sights(checks).evidence(id_, "artifact"))), None)
    return {
        "schema": RESULTS_SCHEMA,
        "run": inputs.run,
        "environment": inputs.environment,
        "round": inputs.round,
        "mode": inputs.mode,
        "trigger": inputs.trigger,
        "verdict": decision.verdict.value,
        "reason": decision.reason,
        "blocking": list(dict.fromkeys(check.id for check in decision.blocking)),
        "undecided": list(decision.undecided),
        "artifact": artifact,
        "version": version_of(record),
        "actor": dict(inputs.actor),
        "change": dict(inputs.change),
        "approvals": [dict(approval) for approval in inputs.approvals],
        "started_at": inputs.now,
        "finished_at": finished_at(record),
        "budget_s": inputs.budget_s,
        "phases": [
            {
                "name": phase.name,
                "state": phase.state.value,
                "duration_s": phase.duration_s,
                "notebook": phase.notebook,
            }
            for phase in record.phases
        ],
        "counts": {outcome.value: sum(check.outcome is outcome for check in checks) for outcome in Outcome},
        "checks": [check.to_json() for check in checks],
        "changes": changes.to_json(),
        "withheld": list(record.withheld),
        "record": f"outputs/{inputs.environment}/{inputs.run}",
    }

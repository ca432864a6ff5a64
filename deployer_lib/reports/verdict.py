"""The verdict of a run: what blocks it, what leaves it open, and the one sentence that says why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import CATALOGUE, PHASES, Phases, Severity
from deployer_lib.check import Outcome, Skip, Verdict, judge
from deployer_lib.record import State
from deployer_lib.reports.text import cut, listing, one_line, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from deployer_lib.check import Check, Waiver
    from deployer_lib.record import Inputs, Record

__all__ = ["Decision", "decide", "waive"]

_SENTENCE: Final = 300  # characters of a message that a reason repeats


@dataclass(frozen=True, slots=True)
class Decision:
    """What came of the run."""

    verdict: Verdict
    reason: str  # one sentence; begins ``Undecided:`` or ``Aborted:`` where that is so
    blocking: tuple[Check, ...]  # findings that make it a no-go
    undecided: tuple[str, ...]  # what could not be told, one sentence each
    waived: tuple[Check, ...]  # findings accepted for a time

    @property
    def deploy(self) -> bool:
        """Tell whether it is a go."""
        return self.verdict is Verdict.GO


def waive(checks: Sequence[Check], inputs: Inputs) -> tuple[tuple[Check, ...], dict[str, str]]:
    """Return the checks with the waivers that hold, and what is to be said of each waiver, by check key.

    One whose end has passed (or is no date) is taken off the finding, which blocks again.
    """
    notes: dict[str, str] = {}
    result = []
    for check in checks:
        offered = [inputs.waivers.get(check.key), inputs.waivers.get(check.id), check.waiver]
        waivers = [waiver for waiver in offered if waiver is not None]
        if check.outcome is not Outcome.FAIL or not waivers:
            result.append(replace(check, waiver=None))
            continue
        valid = next((waiver for waiver in waivers if not _ended(waiver, inputs.now)), None)
        notes[check.key] = _note(valid or waivers[0], holds=valid is not None)
        result.append(replace(check, waiver=valid))
    return tuple(result), notes


def _ended(waiver: Waiver, now: str) -> bool:
    try:
        return date.fromisoformat(now[:10]) > date.fromisoformat(waiver.expires[:10])
    except ValueError:
        return True  # a waiver without an end is none


def _note(waiver: Waiver, *, holds: bool) -> str:
    by = f"by {waiver.owner or 'nobody named'}, {waiver.ticket or 'no ticket'}"
    if holds:
        return one_line(f"waived until {waiver.expires} {by}: {waiver.reason or 'no reason given'}")
    return one_line(f"its waiver {by} ended on {waiver.expires or 'no date'}, so it blocks again")


def decide(record: Record, checks: Sequence[Check], notes: Mapping[str, str]) -> Decision:
    """Return the verdict of a run over its checks, waivers applied.

    A finding that blocks comes first; then whatever was not looked at: phases that did not end well, checks of the
    catalogue that a finished phase did not make, files withheld because of a secret.
    """
    inputs = record.inputs
    block_on = Severity(inputs.block_on)
    verdict, blocking_ids, open_ids = judge(checks, block_on=block_on, required=inputs.required)
    blocking = tuple(
        check
        for check in checks
        if check.id in blocking_ids
        and check.outcome is Outcome.FAIL
        and check.waiver is None
        and check.severity.blocks(block_on)
    )
    phases = tuple(_phases(record))
    undecided = (
        *phases,
        *_withheld(record),
        *_not_made(record, checks),
        *_open(open_ids, checks),
    )
    aborted = record.aborted or any(phase.state is State.ABORTED for phase in record.phases)
    if verdict is Verdict.GO and (undecided or aborted):
        verdict = Verdict.UNDECIDED
    if aborted and not phases:
        undecided = ("the run was interrupted before its end", *undecided)
    reason = _reason(checks, blocking, undecided, notes, aborted=aborted)
    return Decision(verdict, reason, blocking, undecided, tuple(c for c in checks if c.waiver is not None))


def _phases(record: Record) -> Iterator[str]:
    made = {phase.name for phase in record.phases}
    left_out = [name for name in PHASES[:-1] if name not in made and name not in record.inputs.planned]
    if not record.checks:
        yield "the record holds no check"
    for phase in record.phases:
        if phase.state is not State.DONE:
            verb = phase.state.value if phase.state is State.CRASHED else f"was {phase.state.value}"
            yield one_line(f"{phase.name} {verb}{': ' if phase.message else ''}{phase.message}")
        elif phase.name in PHASES and not phase.checks:
            yield f"{phase.name} looked at nothing"
    for name in record.inputs.planned:
        if name not in made and name != Phases.REPORT:
            yield f"{name} was planned and has no notebook"
    if left_out and record.inputs.required is None:
        yield f"{', '.join(left_out)} {'was' if len(left_out) == 1 else 'were'} left out of this run"


def _withheld(record: Record) -> Iterator[str]:
    if record.withheld:
        names = ", ".join(one_line(name) for name in record.withheld)
        yield f"a secret was found in {names}, which is withheld; make a new secret, then run again"


def _not_made(record: Record, checks: Sequence[Check]) -> Iterator[str]:
    """Yield the catalogue's checks that a finished phase left out without a word; judge names missing required ones."""
    if record.inputs.required is not None:
        return
    made = {check.id for check in checks}
    done = {phase.name for phase in record.phases if phase.state is State.DONE and phase.checks}
    profile, level = record.inputs.profile, record.inputs.level
    for row in CATALOGUE.values():
        if row.phase in done and row.id not in made and not row.left_out(profile, level):
            yield f"{row.id} was not made"


def _open(ids: Sequence[str], checks: Sequence[Check]) -> Iterator[str]:
    """Yield each open question; checks that only wait for another one come last, in one sentence."""
    waiting = []
    for id_ in ids:
        untold = [c for c in checks if c.id == id_ and c.outcome in (Outcome.SKIP, Outcome.ERROR)]
        if untold and all(check.result.skip is Skip.BLOCKED for check in untold):
            waiting.append(id_)
        else:
            yield _could_not_tell(id_, checks)
    if waiting:
        because = dict.fromkeys(c.result.because for c in checks if c.id in waiting and c.result.because)
        on = listing(list(because)) or "what is to be fixed first"
        yield f"{listing(waiting)} {'waits' if len(waiting) == 1 else 'wait'} for {on}"


def _could_not_tell(id_: str, checks: Sequence[Check]) -> str:
    for check in checks:
        skipped = check.outcome is Outcome.SKIP and check.result.skip is not Skip.NOT_APPLICABLE
        if check.id == id_ and (skipped or check.outcome is Outcome.ERROR):
            kind = f"skipped ({check.result.skip})" if skipped else "could not tell"
            subject = f" {check.subject}" if check.subject else ""
            return cut(f"{id_}{subject} {kind}: {check.result.message}", _SENTENCE)
    return f"{id_} is required and was not made"


def _reason(
    checks: Sequence[Check],
    blocking: Sequence[Check],
    undecided: Sequence[str],
    notes: Mapping[str, str],
    *,
    aborted: bool,
) -> str:
    if blocking:
        first = blocking[0]
        note = f" ({notes[first.key]})" if first.key in notes else ""
        blocker = cut(first.result.message, _SENTENCE).rstrip(".") + note
        blocker += _and_more(len(blocking), "blocking finding")
        return f"Aborted: {undecided[0]}, after a blocking finding: {blocker}" if aborted else blocker
    if aborted or undecided:
        return f"{'Aborted' if aborted else 'Undecided'}: {undecided[0].rstrip('.')}" + _and_more(
            len(undecided), "open question"
        )
    made = sum(check.outcome is Outcome.PASS for check in checks)
    findings = sum(check.outcome is Outcome.FAIL for check in checks)
    waived = sum(check.waiver is not None for check in checks)
    rest = (
        f", {plural(findings, 'finding')} below what blocks or waived ({waived} waived)" if findings else ""
    )
    return f"Nothing blocks: {plural(made, 'check')} passed{rest}."


def _and_more(count: int, noun: str) -> str:
    return f" (and {plural(count - 1, f'more {noun}')})." if count > 1 else "."

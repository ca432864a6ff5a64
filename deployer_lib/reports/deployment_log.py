"""DEPLOYMENT_LOG.md of a run: what FORMATS.md asks for, in its order, from the record alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import BOXES, Severity
from deployer_lib.check import Outcome, Provenance, Skip
from deployer_lib.reports import sections
from deployer_lib.reports.document import Document, Group, Line, Section, box, bullets, numbered, write
from deployer_lib.reports.findings import DIAGNOSTIC, finding_of, number_findings
from deployer_lib.reports.sights import NOT_CHECKED, Sight, Sights, number, sight, words
from deployer_lib.reports.text import cut, duration, listing, marker, minutes, moment, one_line, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from deployer_lib.check import Check
    from deployer_lib.record import Inputs
    from deployer_lib.reports.changes import Changes
    from deployer_lib.reports.findings import Finding
    from deployer_lib.reports.verdict import Decision

__all__ = ["HEADINGS", "NO_HISTORY", "Told", "findings_of", "render", "task_text"]

NO_HISTORY: Final = " (no history)"
_NOT_RECORDED: Final = "not recorded"
_STEP: Final = 100  # characters of a step that a task repeats
_NEXT: Final = 5  # blockers, and questions, that the next steps repeat in words

#: The heading of the findings of each severity.
HEADINGS: Final = {
    Severity.CRITICAL: "❌ CRITICAL DEPLOYMENT ISSUES",
    Severity.HIGH: "🟠 HIGH PRIORITY ISSUES",
    Severity.MEDIUM: "🟡 MEDIUM PRIORITY ISSUES",
    Severity.LOW: "🟢 LOW PRIORITY ISSUES",
}
_TASKS: Final = {
    Severity.CRITICAL: "🔴 MUST FIX (Deployment Blockers):",
    Severity.HIGH: "🟠 HIGH PRIORITY (Fix this round):",
    Severity.MEDIUM: "🟡 MEDIUM (Can defer):",
    Severity.LOW: "🟢 LOW (Future enhancement):",
}


@dataclass(frozen=True, slots=True)
class Told:
    """All that the two files are made from; each report is a function of it."""

    inputs: Inputs
    checks: tuple[Check, ...]  # waivers applied
    findings: tuple[Finding, ...]  # numbered
    notes: Mapping[str, str]  # what is said of waivers, by check key
    decision: Decision
    changes: Changes
    version: str

    @property
    def round(self) -> str:
        """Return ``3``, or ``1 (no history)``."""
        return f"{self.inputs.round}{'' if self.inputs.history else NO_HISTORY}"

    def finding(self, key: str) -> Finding | None:
        """Return the finding of a check's key."""
        wanted = marker(key)
        return next((finding for finding in self.findings if finding.key == wanted), None)


def findings_of(checks: Sequence[Check], notes: Mapping[str, str]) -> tuple[Finding, ...]:
    """Return all findings of a run, numbered, those that weigh more first."""
    failed = [check for check in checks if check.outcome is Outcome.FAIL]
    failed.sort(key=lambda check: check.waiver is not None)  # what still blocks comes first
    return number_findings([finding_of(c, checks, waiver=notes.get(c.key, "")) for c in failed])


def task_text(finding: Finding) -> str:
    """Return what is wrong and the first thing to do about it, on one line."""
    step = f" → {cut(finding.steps[0].rstrip('.'), _STEP)}" if finding.steps else ""
    return f"{finding.title}{step}"


def render(told: Told) -> str:
    """Return DEPLOYMENT_LOG.md."""
    seen = Sights(told.checks)
    return write(
        Document(
            f"Deployment Log - Round {told.round}",
            (
                _summary(told, seen),
                *(_issues(told, severity) for severity in Severity),
                _successes(told.checks),
                sections.environment(seen),
                sections.build(seen),
                sections.performance(seen),
                sections.security(seen),
                sections.observability(seen),
                sections.rollback(seen, told.version),
                _builder(told),
                _next_attempt(told),
                _recommendation(told),
                Section("Deployment Checklist", items=tuple(_checklist(seen))),
            ),
        )
    )


def _summary(told: Told, seen: Sights) -> Section:
    inputs = told.inputs
    took = number(seen.evidence("deploy.run", "duration_s"))
    return Section(
        "Deployment Summary",
        (
            Group("Status", "✅ DEPLOYMENT SUCCESSFUL" if told.decision.deploy else "❌ DEPLOYMENT FAILED"),
            Group("Environment", one_line(inputs.environment)),
            Group("Deployed At", moment(seen.text("deploy.run", "deployed_at")) or NOT_CHECKED),
            Group("Build Version", told.version),
            Group("Deployment Time", NOT_CHECKED if took is None else duration(took)),
            Group("Verdict", f"{told.decision.verdict} - {told.decision.reason.removeprefix('Undecided: ')}"),
            Group("Checks", _counts(told.checks)),
            *_since(told),
            Group("Run", one_line(f"{inputs.run}, {inputs.mode}, {inputs.trigger}, {inputs.now}")),
            Group("Target", one_line(inputs.target) or _NOT_RECORDED),
            Group("Run By", _actor(inputs)),
            Group("Change", _joined(inputs.change.get("ticket"), inputs.change.get("category"))),
            Group("Approvals", listing([_joined(a.get("by"), a.get("at")) for a in inputs.approvals]))
            if inputs.approvals
            else Group("Approvals", _NOT_RECORDED),
        ),
    )


def _actor(inputs: Inputs) -> str:
    name = one_line(str(inputs.actor.get("name") or ""))
    if not name:
        return _NOT_RECORDED
    verified = "verified" if inputs.actor.get("verified") else "not verified"
    return one_line(f"{name} ({inputs.actor.get('source') or 'unknown source'}, {verified})")


def _joined(*texts: str | None) -> str:
    return ", ".join(one_line(text) for text in texts if text) or _NOT_RECORDED


def _counts(checks: Sequence[Check]) -> str:
    words_ = {"pass": "passed", "fail": "failed", "error": "could not tell", "skip": "skipped"}
    return ", ".join(
        f"{sum(check.outcome is outcome for check in checks)} {words_[outcome]}" for outcome in Outcome
    )


def _since(told: Told) -> Iterator[Group]:
    """Yield what changed since the round before, where there is one."""
    changes, earlier = told.changes, told.inputs.earlier
    if not earlier:
        return
    kinds = (("fixed", changes.fixed), ("new", changes.new), ("came back", changes.back))
    lines = [f"{name}: {_named(told, key)}" for name, keys in kinds for key in keys]
    total = f"{len(changes.fixed)} fixed, {len(changes.new)} new, {len(changes.back)} came back"
    yield Group(
        f"Since Round {earlier[0].round}",
        f"{total}, {len(changes.open)} still open",
        bullets(*map(one_line, lines)),
    )


def _named(told: Told, key: str) -> str:
    check = key.replace(":", " ", 1).rstrip()
    if finding := told.finding(key):
        return f"{finding.reference} ({check})"
    return f"{check} - {cut(told.inputs.earlier[0].findings[key], 100)}"


def _issues(told: Told, severity: Severity) -> Section:
    found = [finding for finding in told.findings if finding.severity is severity]
    groups = [group for at, one in enumerate(found) for group in one.to_group(rule=at > 0)]
    return Section(HEADINGS[severity], tuple(groups), note="" if found else "None found.")


def _successes(checks: Sequence[Check]) -> Section:
    """List each check of which every subject held; a person reads the claim, a tool the id behind it."""
    by_id: dict[str, list[Check]] = {}
    for check in checks:
        if check.result.skip is not Skip.NOT_APPLICABLE:
            by_id.setdefault(check.id, []).append(check)
    lines = tuple(
        box(_success(id_, those), ticked=True)
        for id_, those in by_id.items()
        if all(check.outcome is Outcome.PASS for check in those)
    )
    return Section("✅ SUCCESSFUL CHECKS", items=lines, note="" if lines else "None.")


def _success(id_: str, checks: Sequence[Check]) -> str:
    copy = DIAGNOSTIC if any(c.result.provenance is Provenance.DIAGNOSTIC for c in checks) else ""
    if len(checks) > 1:
        return one_line(f"{checks[0].title} ({id_}, {len(checks)} subjects){copy}")
    return one_line(f"{checks[0].title}: {cut(checks[0].result.message, 140).rstrip('.')} ({id_}){copy}")


def _builder(told: Told) -> Section:
    groups = []
    for severity, heading in _TASKS.items():
        found = [finding for finding in told.findings if finding.severity is severity]
        before = sum(finding.severity.rank < severity.rank for finding in told.findings)
        lines = numbered(
            *(f"{task_text(finding)} ({finding.reference})" for finding in found), first=before + 1
        )
        groups.append(Group(heading, heading=True, items=lines or bullets("Nothing")))
    return Section("FOR BUILDER - NEXT ROUND", tuple(groups))


def _next_attempt(told: Told) -> Section:
    blocking = [told.finding(check.key) for check in told.decision.blocking]
    wanted = [f"{finding.reference} is fixed: {finding.title}" for finding in blocking if finding]
    wanted.extend(f"Settled: {question}" for question in told.decision.undecided)
    boxes = tuple(box(text, ticked=False) for text in wanted)
    return Section(
        "Next Deploy Attempt",
        (
            Group("Prerequisites", items=boxes) if boxes else Group("Prerequisites", "None"),
            Group("Estimated time to fix", _estimate(told)),
            Group("Ready for next deploy", f"Round {told.inputs.round + 1}"),
        ),
    )


def _estimate(told: Told) -> str:
    failed = [check for check in told.checks if check.outcome is Outcome.FAIL]
    if not failed:
        return "Nothing to fix"
    blocking = {check.key for check in told.decision.blocking}
    of_blocking = sum(check.result.fix.minutes for check in failed if check.key in blocking)
    of_all = sum(check.result.fix.minutes for check in failed)
    without = sum(not check.result.fix.minutes for check in failed)
    told_ = f"{minutes(of_blocking)} for what blocks, {minutes(of_all)} for all"
    if not of_all:
        return "No finding has an estimate"
    return f"{told_}; {plural(without, 'finding')} without an estimate" if without else told_


def _recommendation(told: Told) -> Section:
    decision = told.decision
    counted = [sum(check.severity is severity for check in decision.blocking) for severity in Severity]
    blocking = f"{counted[0]} critical" + "".join(
        f", {count} {severity}"
        for severity, count in zip(list(Severity)[1:], counted[1:], strict=True)
        if count
    )
    waived = [
        f"{finding.reference} is {told.notes[check.key]}"
        for check in decision.waived
        if (finding := told.finding(check.key))
    ]
    return Section(
        "Deployment Recommendation",
        (
            Group("Status", "✅ **DEPLOY**" if decision.deploy else "❌ **DO NOT DEPLOY**", bullets(*waived)),
            Group("Blocking Issues", blocking),
            Group("Reason", decision.reason),
            Group("Next Steps", items=numbered(*_next_steps(told))),
        ),
    )


def _next_steps(told: Told) -> Iterator[str]:
    again = f"Run `deployer run {one_line(told.inputs.environment)}` again: Round {told.inputs.round + 1}"
    blocking = [finding for check in told.decision.blocking if (finding := told.finding(check.key))]
    for finding in blocking[:_NEXT]:
        yield f"Fix {finding.reference}: {task_text(finding)}"
    if len(blocking) > _NEXT:
        yield f"Fix {listing([finding.reference for finding in blocking[_NEXT:]], 20)}"
    for question in told.decision.undecided[:_NEXT]:
        yield f"Settle: {question}"
    if len(told.decision.undecided) > _NEXT:
        yield f"Settle {plural(len(told.decision.undecided) - _NEXT, 'more question')} (Prerequisites, above)"
    if not told.decision.deploy:
        yield again
    elif told.findings:
        yield f"Let {told.version} stay; then fix {plural(len(told.findings), 'finding')} that did not block"
    else:
        yield f"Let {told.version} stay; there is nothing to fix"


def _checklist(seen: Sights) -> Iterator[Line]:
    for line, title in enumerate(BOXES, 1):
        checks = seen.boxed(line)
        found = sight(checks)
        if found is Sight.HELD:
            yield box(title, ticked=True)
        else:
            yield box(f"{title} - {words(found, checks, 'FAILED')}", ticked=False)

"""The checks on the reports themselves: each reads back what was written and compares it with the record."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import BOXES, CATALOGUE, Phases, Severity
from deployer_lib.check import (
    Check,
    Code,
    Fix,
    Location,
    Outcome,
    Provenance,
    Result,
    Skip,
    Verdict,
    errored,
    failed,
    passed,
)
from deployer_lib.reports.actions_parser import parse_actions
from deployer_lib.reports.log_parser import parse_log
from deployer_lib.reports.next_actions import merge, tasks_of
from deployer_lib.reports.text import FormatError, cut, duration, listing, marker, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployer_lib.record import Inputs, Record
    from deployer_lib.reports.deployment_log import Told
    from deployer_lib.reports.log_parser import DeploymentLog

__all__ = ["OWN", "Written", "own_checks"]

OWN: Final = tuple(id_ for id_, row in CATALOGUE.items() if row.phase == Phases.REPORT)


@dataclass(frozen=True, slots=True)
class Written:
    """The two files as they were written, and what they were written from."""

    told: Told
    log: str
    actions: bytes | None  # None: NEXT_ACTIONS.md was left as it is
    refused: FormatError | None  # why

    @property
    def inputs(self) -> Inputs:
        """Return the inputs of the run."""
        return self.told.inputs

    @property
    def looked(self) -> bool:
        """Tell whether the run made any check but those on its reports."""
        return any(check.phase != Phases.REPORT for check in self.told.checks)


def own_checks(record: Record, written: Written, *, at: str) -> tuple[Check, ...]:
    """Return the checks of phase ``report``; ``at`` is the time that they carry."""
    try:
        log: DeploymentLog | FormatError = parse_log(written.log)
    except FormatError as error:
        log = error
    results = {
        "report.log": _log(log, written),
        "report.severity": _severity(log, written),
        "report.findings": _findings(written),
        "report.next_actions": _next_actions(written),
        "report.recommendation": _recommendation(log, written),
        "report.round": _round(written.inputs),
        "report.checklist": _checklist(log, written),
        "report.budget": _budget(record),
    }
    return tuple(_check(id_, results[id_], at) for id_ in OWN)


def _check(id_: str, result: Result, at: str) -> Check:
    row = CATALOGUE[id_]
    severity = result.severity or row.severity
    return Check(id_, row.row, row.phase, row.title, row.effect, severity, result, at, box=row.box)


def _broken(message: str, what: str, *wrong: str) -> Result:
    """Return the finding that a report is not what the record says: the fault is Deployer's, not the project's."""
    return failed(
        message,
        root_cause="Deployer wrote a report that does not say what its record says; this is a fault in Deployer.",
        impact=f"People and tools that read {what} are misled; results.json holds what was observed.",
        fix=Fix(
            ("Read results.json instead, and report this fault with the run's folder",),
            (
                Code(
                    "a shell", "deployer verify RUN && deployer report RUN --to /tmp/report", language="bash"
                ),
            ),
            minutes=15,
        ),
        locations=[Location(what)],
        wrong=list(wrong),
    )


def _log(log: DeploymentLog | FormatError, written: Written) -> Result:
    if isinstance(log, FormatError):
        return _broken(f"DEPLOYMENT_LOG.md does not parse: {log}.", "DEPLOYMENT_LOG.md")
    wanted = {finding.key: finding for finding in written.told.findings}
    found = {finding.key: finding for finding in log.findings}
    wrong = sorted(key for key in wanted.keys() | found.keys() if wanted.get(key) != found.get(key))
    if wrong or len(log.findings) != len(written.told.findings):
        return _broken(
            f"DEPLOYMENT_LOG.md does not hold every finding whole: {listing(wrong)}.",
            "DEPLOYMENT_LOG.md",
            *wrong,
        )
    return passed(
        "read back whole, every finding with all its fields",
        sections=len(log.document.sections),
        round=log.round,
    )


def _severity(log: DeploymentLog | FormatError, written: Written) -> Result:
    if isinstance(log, FormatError):
        return errored(f"DEPLOYMENT_LOG.md could not be read: {log}")
    if not written.looked:
        return errored("The record holds no check")
    of_checks = {marker(c.key): c.severity for c in written.told.checks if c.outcome is Outcome.FAIL}
    wrong = sorted(f.key for f in log.findings if of_checks.get(f.key) is not f.severity)
    if wrong:
        return _broken(
            f"{listing(wrong)} stands under another severity than its check has.", "DEPLOYMENT_LOG.md"
        )
    return passed(
        "each stands under the severity of its check",
        scale=[f"{severity.sign} {severity}" for severity in Severity],
    )


def _findings(written: Written) -> Result:
    findings = [c for c in written.told.checks if c.outcome is Outcome.FAIL and c.id != "report.findings"]
    if not written.looked:
        return errored("The record holds no check")
    lacking = {check.key: missing for check in findings if (missing := _missing(check))}
    if not lacking:
        return passed("none lacks one of them", checked="all findings of the run")
    named = [f"{key.removesuffix(':')} ({', '.join(missing)})" for key, missing in lacking.items()]
    first = next(iter(lacking))
    place = next(c.id for c in findings if c.key == first)
    return failed(
        f"Findings lack what a person needs to mend them: {listing(named)}.",
        root_cause="The checks that made these findings leave fields of the finding empty.",
        impact="Whoever is to mend them has to find out first what is wrong, where, or what to do.",
        fix=Fix(
            ("Give the finding the missing fields where its check is written",),
            (
                Code(
                    f"the check {place}",
                    'failed(message, root_cause="why it is so", impact="what it does to people",\n'
                    '       fix=Fix(("one step",), minutes=10), locations=[Location("src/app.py", 12)])',
                    language="python",
                ),
            ),
            minutes=10,
        ),
        locations=[Location(_notebook(place))],
        lacking=list(named),
    )


def _missing(check: Check) -> list[str]:
    result = check.result
    places = [place.file for place in result.locations] + [code.file for code in result.fix.code]
    held = {
        "root cause": one_line(result.root_cause),
        "impact": one_line(result.impact),
        "fix": any(map(one_line, result.fix.steps)) or result.fix.code,
        "place": any(map(one_line, places)),
    }
    return [name for name, value in held.items() if not value]


def _notebook(check_id: str) -> str:
    phase = check_id.partition(".")[0]
    phases = [name.value for name in Phases]
    return f"{phases.index(phase):02}_{phase}.ipynb" if phase in phases else f"the notebook of {check_id}"


def _next_actions(written: Written) -> Result:
    if written.refused is not None or written.actions is None:
        why = written.refused
        line = why.line if why else 0
        return failed(
            f"NEXT_ACTIONS.md can't be parsed and was left as it is: {why}.",
            root_cause="Deployer can't tell its own tasks in the file from others' text, so it changed nothing.",
            impact="The tasks of this round do not stand in the file that the team works from.",
            fix=Fix(
                (
                    f"Mend line {line} of NEXT_ACTIONS.md as the message says; the command shows its unseen signs too",
                    "Take over the tasks from the file that was written beside it, or run the report again",
                ),
                (Code("a shell", f"sed -n '{line}p' NEXT_ACTIONS.md | cat -A", language="bash"),),
                minutes=5,
            ),
            locations=[Location("NEXT_ACTIONS.md", line)],
            line=line,
        )
    try:
        actions = parse_actions(written.actions)
        again = merge(written.told, written.actions)
    except FormatError as error:
        return _broken(f"NEXT_ACTIONS.md does not parse after the merge: {error}.", "NEXT_ACTIONS.md")
    environment = one_line(written.inputs.environment)
    before = parse_actions(written.inputs.next_actions or b"")
    missing = [key for key in tasks_of(written.told) if key not in actions.of(environment)]
    lost = list(_lost(written.inputs.next_actions or b"", written.actions))
    lost += sorted({*before.of_others(environment)} ^ {*actions.of_others(environment)})
    if missing or lost or again != written.actions:
        what = missing or lost or ["a second merge changes the file"]
        return _broken(f"NEXT_ACTIONS.md was not merged as it should: {listing(what)}.", "NEXT_ACTIONS.md")
    return passed(
        "read back: a task for every finding, and each line of others as it was",
        kept_lines=len((written.inputs.next_actions or b"").splitlines()),
        merged_twice="unchanged",
    )


def _lost(before: bytes, after: bytes) -> Iterator[str]:
    """Yield lines of others that the merge lost or moved; Deployer's own are known by their words."""
    ours = (b"**DEPLOYMENT BLOCKED**:", b"**APP STATUS**:", b"**PRIORITY**:", b"## Current Status:")
    rest = iter(after.splitlines())
    for line in before.splitlines():
        own = b"<!-- deployer:" in line or b"(Round " in line or line.startswith(ours) or not line.strip()
        if not own and line != b"Nothing to do." and line not in rest:
            yield cut(line.decode("utf-8", "replace"), 80)
            return


def _recommendation(log: DeploymentLog | FormatError, written: Written) -> Result:
    """Work the recommendation out again, from the findings as they read and the checks that were not told."""
    if isinstance(log, FormatError):
        return errored(f"DEPLOYMENT_LOG.md could not be read: {log}")
    told, inputs = written.told, written.inputs
    block_on = Severity(inputs.block_on)
    waived = {marker(check.key) for check in told.checks if check.waiver}
    blocking = [f for f in log.findings if f.key not in waived and f.severity.rank <= block_on.rank]
    expected = not blocking and not told.decision.undecided
    consistent = log.deploy == expected == (told.decision.verdict is Verdict.GO)
    begins = bool(blocking) or expected or log.reason.startswith(("Undecided: ", "Aborted: "))
    if not (consistent and begins and log.reason == told.decision.reason):
        return _broken(
            f"The log says {'deploy' if log.deploy else 'do not deploy'}, which its findings do not.",
            "DEPLOYMENT_LOG.md",
        )
    return passed(
        "worked out again from the log and the open questions, with the same answer", deploy=log.deploy
    )


def _round(inputs: Inputs) -> Result:
    rounds = [run.round for run in inputs.earlier]
    if not rounds and inputs.round == 1:
        said = "Round 1" if inputs.history else "Round 1 (no history)"
        return passed(f"{said}: no earlier run of {inputs.environment}", round=1, history=inputs.history)
    chain = [inputs.round, *rounds]
    wrong = [
        f"Round {later} twice (a fork)" if later == earlier else f"Round {earlier} before Round {later}"
        for later, earlier in pairwise(chain)
        if later != earlier + 1
    ]
    if not rounds:
        wrong = [f"Round {inputs.round} without any earlier round"]
    if not wrong:
        return passed(f"Round {inputs.round} follows on Round {rounds[0]}", rounds=list(chain))
    return failed(
        f"The rounds of {inputs.environment} do not follow on one another: {listing(wrong)}.",
        root_cause="Runs were deleted, two runs went on from the same one, or histories were copied together.",
        impact="What is called fixed, new or back is told against a run that may not be the one before.",
        fix=Fix(
            ("List the runs and give the folder of earlier runs that holds all of them",),
            (
                Code(
                    "a shell",
                    f"deployer list\ndeployer run {inputs.environment} --history DIR",
                    language="bash",
                ),
            ),
            minutes=10,
        ),
        locations=[Location(f"outputs/{inputs.environment}/")],
        rounds=list(chain),
    )


def _checklist(log: DeploymentLog | FormatError, written: Written) -> Result:
    """Tick the boxes again from the checks alone and compare."""
    if isinstance(log, FormatError):
        return errored(f"DEPLOYMENT_LOG.md could not be read: {log}")
    made = [c for c in written.told.checks if c.result.skip is not Skip.NOT_APPLICABLE]
    held = {c.box for c in made if c.outcome is Outcome.PASS and c.result.provenance is Provenance.TARGET}
    against = {
        c.box for c in made if c.outcome is not Outcome.PASS or c.result.provenance is not Provenance.TARGET
    }
    wrong = [
        title
        for number, (title, box) in enumerate(zip(BOXES, log.checklist, strict=True), 1)
        if box.ticked != (number in held - against)
    ]
    if wrong:
        return _broken(
            f"Lines of the checklist are not what was seen: {listing(wrong)}.", "DEPLOYMENT_LOG.md"
        )
    return passed("each tick has a check that passed, and none that did not", lines=len(BOXES))


def _budget(record: Record) -> Result:
    budget_s = record.inputs.budget_s
    spent = {phase.name: phase.duration_s for phase in record.phases}
    total_s = round(sum(spent.values()), 3)
    if total_s <= 0 or budget_s <= 0:
        return errored("No phase says how long it took")
    over = []
    for name, (share, phases) in record.shares().items():
        took_s = sum(spent.get(phase, 0.0) for phase in phases)
        if took_s > share * budget_s:
            over.append(f"{name} took {duration(took_s)} of {duration(share * budget_s)}")
    cut_ = list(dict.fromkeys(check.id for check in record.checks if check.result.skip is Skip.CUT))
    said = f"{duration(total_s)} of {duration(budget_s)}"
    if total_s <= budget_s:
        beside = f", although {listing(over)}" if over else ""
        return passed(
            f"The run took {said}{beside}",
            total_s=total_s,
            budget_s=budget_s,
            over=list(over),
            cut=list(cut_),
        )
    return failed(
        f"The run took {said}: {listing(over)}.",
        root_cause=f"{max(spent, key=lambda name: spent[name])} took longest.",
        impact="People wait for the answer longer than was agreed"
        + (f"; left out for lack of time: {listing(cut_)}." if cut_ else "."),
        fix=Fix(
            ("Make the slow phase faster, or give the run the time that it needs",),
            (
                Code(
                    f"parameters/{record.inputs.environment}.yaml",
                    f"budget_s: {int(total_s * 1.25)}",
                    language="yaml",
                ),
            ),
            minutes=15,
        ),
        locations=[Location(f"parameters/{record.inputs.environment}.yaml")],
        total_s=total_s,
        budget_s=budget_s,
        over=list(over),
        cut=list(cut_),
    )

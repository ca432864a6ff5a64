"""Bring NEXT_ACTIONS.md up to date: Deployer's headings, tasks and last lines change, everything else stays as it is.

Environments may share the file. A task ends with its environment's id (docs/decisions/0019), and a run changes the tasks
of its own environment only; headings and last lines are those of the latest run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import Severity
from deployer_lib.check import Outcome, Skip
from deployer_lib.reports.actions_parser import NOTE, REDEPLOY, Actions, Task, parse_actions
from deployer_lib.reports.changes import Seen
from deployer_lib.reports.deployment_log import task_text
from deployer_lib.reports.text import inline, marker, one_line, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from deployer_lib.reports.deployment_log import Told
    from deployer_lib.reports.findings import Finding

__all__ = ["NOTHING", "fresh", "merge", "tasks_of"]

NOTHING: Final = "Nothing to do."
_FIXED: Final = "(fixed: seen gone in Round"

_RETEST: Final = "report.recommendation:retest/"

_TITLE: Final = "# Next Actions"
_STATUS: Final = "## Current Status:"
_ROUND: Final = re.compile(r"\(Round \d+\+?\)")
_BLOCKERS: Final = "## 🚨 DEPLOYMENT BLOCKERS - MUST FIX IMMEDIATELY:"
_AFTER: Final = "## AFTER CRITICAL FIXES:"
_DEFERRED: Final = "## DEFERRED TO FUTURE ROUNDS:"
#: Headings under which tasks stand, and how many rounds ahead each is meant for.
_TASK_HEADINGS: Final = {
    "Critical Issues": 1,
    "High Priority": 1,
    "Re-test": 1,
    "Re-deploy": 1,
    "Medium Priority": 2,
    "Low Priority": 3,
}
_UNDER: Final = {
    Severity.CRITICAL: "Critical Issues",
    Severity.HIGH: "High Priority",
    Severity.MEDIUM: "Medium Priority",
    Severity.LOW: "Low Priority",
}
_LAST: Final = ("**DEPLOYMENT BLOCKED**:", "**APP STATUS**:", "**PRIORITY**:")

#: Whose hands a finding is for; everything else is the builder's.
_ROLES: Final = {"preflight.": "Test", "deploy.": "Deploy", "environment.variables_set": "Deploy"}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A task that this run asks for."""

    key: str
    under: str  # heading
    head: str
    reference: str
    open: bool = True


def merge(told: Told, data: bytes | None) -> bytes:
    """Return the file with this run's tasks in it; bytes of others stay as they are.

    Raises:
        FormatError: the file can't be parsed.
    """
    there = data if data and data.strip() else _skeleton(told).encode()
    return _Merge(told, parse_actions(there)).result().encode()


def fresh(told: Told) -> str:
    """Return the file as it is where there was none."""
    return merge(told, None).decode()


def tasks_of(told: Told) -> tuple[str, ...]:
    """Return the keys of the tasks that this run holds open."""
    return tuple(wanted.key for wanted in _wanted(told) if wanted.open)


def _headings(told: Told) -> dict[str, str]:
    """Return Deployer's headings in their order: what each begins with → its whole line."""
    round_ = told.inputs.round
    sign = "SUCCESSFUL ✅" if told.decision.deploy else "FAILED ❌"
    of_tasks = {
        f"### {name} (Round ": f"### {name} (Round {round_ + ahead}{'+' if name == 'Low Priority' else ''}):"
        for name, ahead in _TASK_HEADINGS.items()
    }
    critical, high, test, deploy, medium, low = of_tasks.items()
    return dict(
        [
            (_TITLE, _TITLE),
            (_STATUS, f"## Current Status: Round {round_} Deployment {sign}"),
            (_BLOCKERS, _BLOCKERS), critical, high,
            (_AFTER, _AFTER), test, deploy,
            (_DEFERRED, _DEFERRED), medium, low,
        ]
    )  # fmt: skip


def _last_lines(told: Told) -> dict[str, str]:
    """Return the three lines at the end: label → line."""
    decision = told.decision
    critical = sum(check.severity is Severity.CRITICAL for check in decision.blocking)
    others = len(decision.blocking) - critical
    other = f" and {others} other" if others else ""
    blocked = f"{critical} critical{other} issue{'' if critical + others == 1 else 's'}"
    if decision.undecided:
        blocked += f", {plural(len(decision.undecided), 'open question')}"
    first = next((told.finding(check.key) for check in decision.blocking), None)
    if first is not None:
        priority = f"{first.reference} first: {task_text(first)}"
    elif not decision.deploy:
        priority = f"Settle what is open: {decision.undecided[0] if decision.undecided else decision.reason}"
    elif told.findings:
        priority = f"{told.findings[0].reference}: {task_text(told.findings[0])}"
    else:
        priority = "None"
    ready = "May be deployed to" if decision.deploy else "Not to be deployed to"
    status = f"{ready} {told.inputs.environment} (Round {told.inputs.round}): {decision.reason}"
    return dict(zip(_LAST, (blocked, inline(status), inline(priority)), strict=True))


def _skeleton(told: Told) -> str:
    lines = [*_headings(told).values(), *(f"{label} {text}" for label, text in _last_lines(told).items())]
    return "\n\n".join(lines) + "\n"


def _wanted(told: Told) -> Iterator[_Wanted]:
    by_key = {marker(check.key): check for check in told.checks if check.outcome is Outcome.FAIL}
    urgent: dict[str, list[Finding]] = {}
    for finding in told.findings:
        check = by_key[finding.key]
        if finding.severity in (Severity.CRITICAL, Severity.HIGH):
            urgent.setdefault(check.phase, []).append(finding)
        role = next((role for prefix, role in _ROLES.items() if check.id.startswith(prefix)), "Build")
        waived = " [waived]" if check.waiver else ""
        head = f"{role}: {finding.severity.sign} {inline(task_text(finding) + waived)}"
        yield _Wanted(finding.key, _UNDER[finding.severity], head, _reference([finding]))
    for phase, findings in urgent.items():
        ids = dict.fromkeys(by_key[finding.key].id for finding in findings)
        head = f"Test: {findings[0].severity.sign} Make the {phase} checks again: {', '.join(ids)}"
        yield _Wanted(marker(f"{_RETEST}{phase}"), "Re-test", inline(head), _reference(findings))
    if not told.decision.deploy:
        environment = told.inputs.environment
        sign = told.findings[0].severity.sign if told.findings else "🔴"
        head = f"Deploy: {sign} Run `deployer run {one_line(environment)}` once the tasks above are ticked"
        yield _Wanted(
            marker(REDEPLOY + environment), "Re-deploy", inline(head), _reference(told.findings[:1])
        )


def _reference(findings: Sequence[Finding]) -> str:
    return f"(DEPLOYMENT_LOG.md {', '.join(f.reference for f in findings)})" if findings else ""


class _Merge:
    """One merge: lines are replaced in place, dropped, or put in before others; nothing else happens to them."""

    def __init__(self, told: Told, actions: Actions) -> None:
        self._told = told
        self._actions = actions
        self._environment = one_line(told.inputs.environment)
        self._ours = actions.of(self._environment)
        self._lines = list(actions.lines)
        self._dropped: set[int] = set()
        self._before: dict[int, list[str]] = {}  # line → lines that come before it
        self._after: dict[int, list[str]] = {}  # line → lines that come after it
        self._gone = _done(told)
        seen = Seen.of(told.checks)
        self._seen = Seen(  # of keys and ids as they stand in markers
            frozenset(map(marker, seen.failing)),
            frozenset(map(marker, seen.passing)),
            frozenset(marker(f"{id_}:")[:-1] for id_ in seen.whole),
        )
        self._headings = _headings(told)
        self._at = {start: self._find(start) for start in self._headings}

    def result(self) -> str:
        wanted = {task.key: task for task in _wanted(self._told)}
        moved = [self._update(task, wanted.get(task.key)) for task in self._ours.values()]
        new: dict[str, list[str]] = {under: [] for under in _TASK_HEADINGS}
        for under, line in filter(None, moved):
            new[under].append(line)
        for task in wanted.values():
            if task.key not in self._ours:
                new[task.under].append(self._new(task).line())
        last = self._end_of_ours()
        for start, line in self._headings.items():
            self._put(start, line, new.get(start.removeprefix("### ").removesuffix(" (Round ")), last)
        self._put_last(last)
        return self._written()

    def _find(self, start: str) -> int | None:
        """Return the line of a heading of ours; its round, status and what people put behind it may be another."""
        level, _, text = start.partition(" ")
        whole = start in (_TITLE, _BLOCKERS, _AFTER, _DEFERRED)
        for heading in self._actions.headings:
            if heading.level != len(level):
                continue
            if heading.text.rstrip(":") == text.rstrip(":") or (not whole and heading.text.startswith(text)):
                return heading.at
        return None

    def _region(self, start: int) -> range:
        """Return the lines between a heading and the next one, or Deployer's last lines."""
        ends = [heading.at for heading in self._actions.headings if heading.at > start]
        ends.extend(at for at in self._last_at().values() if at > start)
        return range(start + 1, min(ends, default=len(self._lines)))

    def _last_at(self) -> dict[str, int]:
        """Return where Deployer's last lines are: the last of each label."""
        text_at = sorted(self._actions.text_at)
        return {label: at for at in text_at for label in _LAST if self._actions.lines[at].startswith(label)}

    def _end_of_ours(self) -> int:
        """Return the line before which headings go that have no later heading of ours to go before."""
        return min(self._last_at().values(), default=len(self._lines))

    def _new(self, task: _Wanted) -> Task:
        # A finding of an earlier round that has no task (someone took it out) is said to have come back, too.
        back = {marker(key) for key in self._told.changes.back}
        note = f"(came back in Round {self._told.inputs.round})" if task.key in back else ""
        return Task(0, task.key, " ", task.head, self._environment, task.reference, note)

    def _update(self, task: Task, wanted: _Wanted | None) -> tuple[str, str] | None:
        """Bring one task's line up to date; return it with its new heading where it has to move."""
        line = (self._open(task, wanted) if wanted else self._closed(task)).line()
        if line != task.line():
            self._lines[task.at] = line
        if wanted is None or not self._moves(task, wanted.under):
            return None
        self._dropped.add(task.at)
        return wanted.under, line

    def _open(self, task: Task, wanted: _Wanted) -> Task:
        round_ = self._told.inputs.round
        ours = NOTE.findall(task.tail)
        tail = NOTE.sub("", task.tail).strip()
        if _FIXED in task.tail:
            ticked, note = " ", f"(came back in Round {round_})"
        elif task.ticked != " ":  # somebody's tick stays, and so does the finding
            ticked, note = task.ticked, f"(ticked, and still there in Round {round_})"
        else:
            ticked = " "
            note = next((note.strip() for note in ours if "came back" in note), "")
        tail = " ".join(text for text in (tail, note) if text)
        return replace(
            task,
            ticked=ticked,
            head=wanted.head,
            environment=self._environment,
            reference=wanted.reference,
            tail=tail,
        )

    def _closed(self, task: Task) -> Task:
        if _FIXED in task.tail:
            return task
        round_ = self._told.inputs.round
        tail = NOTE.sub("", task.tail).strip()
        summing_up = task.key.startswith((_RETEST, REDEPLOY))
        if task.key in self._gone or (not summing_up and self._seen.gone(task.key)):
            note, ticked = f"{_FIXED} {round_})", task.ticked if task.ticked != " " else "x"
        elif task.ticked != " ":
            return task
        else:
            note, ticked = f"(not looked at again in Round {round_})", " "
        return replace(task, ticked=ticked, tail=f"{tail} {note}".strip())

    def _moves(self, task: Task, under: str) -> bool:
        """Tell whether a task stands under another heading of ours, with nothing of others' below it."""
        follows = self._lines[task.at + 1] if task.at + 1 < len(self._lines) else ""
        if follows.startswith((" ", "\t")):
            return False
        for name in _TASK_HEADINGS:
            at = self._at[f"### {name} (Round "]
            if at is not None and task.at in self._region(at):
                return name != under
        return False

    def _put(self, start: str, line: str, tasks: Sequence[str] | None, last: int) -> None:
        at = self._at[start]
        if at is None:
            block = [line, "", *([*(tasks or [NOTHING]), ""] if tasks is not None else [])]
            self._insert(self._place(start, last), block)
            return
        if start == _STATUS:
            self._lines[at] = line
        elif round_ := _ROUND.search(line):  # only the number changes, whatever people put behind it
            self._lines[at] = _ROUND.sub(round_.group(), self._lines[at], count=1)
        if tasks is not None:
            self._fill(at, tasks)

    def _place(self, start: str, last: int) -> int:
        if start == _TITLE:
            return 0
        starts = list(self._headings)
        later = (self._at[name] for name in starts[starts.index(start) + 1 :])
        return next((at for at in later if at is not None), last)

    def _fill(self, at: int, tasks: Sequence[str]) -> None:
        """Put tasks behind those that stand under a heading, or say that there are none."""
        region = self._region(at)
        held = [i for i in region if self._lines[i].strip() and i not in self._dropped]
        if not tasks:
            if not held:
                self._after[at] = ["", NOTHING]
            return
        says_nothing = [i for i in held if self._lines[i] == NOTHING]
        self._dropped.update(says_nothing)
        ours = [task.at for task in self._actions.tasks if task.at in region]
        if says_nothing:
            self._after[says_nothing[0]] = [*tasks]
        elif ours:
            end = max(ours)
            while end + 1 < region.stop and self._lines[end + 1].startswith((" ", "\t")):
                end += 1
            self._after[end] = [*tasks]
        else:
            self._after[at] = ["", *tasks, *([""] if held and held[0] == at + 1 else [])]

    def _insert(self, at: int, lines: list[str]) -> None:
        self._before.setdefault(at, []).extend(lines)

    def _put_last(self, last: int) -> None:
        """Bring the three last lines up to date, each where it stands, else at the end of Deployer's part."""
        found = self._last_at()
        for label, text in _last_lines(self._told).items():
            line = f"{label} {text}"
            if label in found:
                self._lines[found[label]] = line
            else:
                self._insert(last, [line, ""])

    def _written(self) -> str:
        end = self._actions.end
        out: list[str] = []
        for at in range(len(self._lines) + 1):
            put = self._before.get(at, [])
            if put and out and put[0]:
                out[-1] += "" if out[-1].endswith("\n") else end
                out.extend([end] if out[-1].strip() and put[0].startswith(("#", "**")) else [])
            out.extend(text + end for text in put)
            if at < len(self._lines) and at not in self._dropped:
                out.append(self._lines[at] + self._actions.ends[at])
            if at in self._after:
                out[-1] += "" if out[-1].endswith("\n") else end
                out.extend(text + end for text in self._after[at])
        while self._before.get(len(self._lines)) and len(out) > 1 and not out[-1].strip():
            out.pop()
        return "".join(out)


def _done(told: Told) -> frozenset[str]:
    """Return the keys of Re-test and Re-deploy tasks that are done: all of a phase was told, or it is a go."""
    seen = Seen.of(told.checks)
    told_of: dict[str, bool] = {}
    for check in told.checks:
        made = check.id in seen.whole or check.result.skip is Skip.NOT_APPLICABLE
        told_of[check.phase] = told_of.get(check.phase, True) and made
    done = {marker(_RETEST + phase) for phase, made in told_of.items() if made}
    return frozenset(done | {marker(REDEPLOY + told.inputs.environment)} if told.decision.deploy else done)

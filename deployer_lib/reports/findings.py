"""One finding as DEPLOYMENT_LOG.md holds it, made from a check, written as groups and read back from them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import CATALOGUE, Severity
from deployer_lib.check import Code, Outcome, Provenance, Skip
from deployer_lib.reports.document import Fence, Group, Line, bullets, numbered
from deployer_lib.reports.text import FormatError, clean, cut, listing, marker, minutes, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from deployer_lib.check import Check, JSONValue

__all__ = ["DIAGNOSTIC", "NOT_SAID", "PRIORITY", "Finding", "finding_of", "number_findings"]

PRIORITY: Final = "MUST FIX BEFORE NEXT DEPLOYMENT"
DIAGNOSTIC: Final = " (diagnostic copy)"
NOT_SAID: Final = "Not known; the check does not say."

_TITLE: Final = 110  # characters
_OBSERVED_LINES: Final = 40
_OBSERVED_CHARS: Final = 4000
_NESTED_CHARS: Final = 500
_SIBLINGS: Final = 8
#: Languages whose comments begin with a hash.
_HASHED: Final = frozenset({
    "python", "py", "bash", "sh", "shell", "yaml", "yml", "toml", "ruby", "rb", "dockerfile", "dotenv", "env", "ini",
    "conf", "nginx", "text", "make",
})  # fmt: skip
_ISSUE: Final = ("Severity", "Details", "Test Results", "Diagnosis", "Root Cause")
#: Labels in their order; Recommendation may read Fix where it has code.
_LABELS: Final = {
    Severity.CRITICAL: ("Severity", "Error Message", "Root Cause", "Impact", "Fix Required", "Priority"),
    Severity.HIGH: (*_ISSUE, "Fix Required"),
    Severity.MEDIUM: (*_ISSUE, "Recommendation"),
    Severity.LOW: ("Severity", "Details", "Test Results", "Recommendation"),
}
_OPTIONAL: Final = frozenset({"Test Results", "Diagnosis"})


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding with every field that a reader needs; texts are one line except message, observed and code."""

    key: str  # as in its marker
    title: str
    severity: Severity
    message: str
    number: int = 0  # of its Error or Issue
    consequence: str = ""  # only where critical
    observed: str = ""  # the evidence, readable
    diagnosis: tuple[str, ...] = ()
    root_cause: str = NOT_SAID
    impact: str = NOT_SAID
    where: str = ""
    waiver: str = ""  # what is to be said of its waiver, also of one that has ended
    steps: tuple[str, ...] = ()
    code: tuple[Fence, ...] = ()
    docs: str = ""
    estimate: str = ""

    @property
    def reference(self) -> str:
        """Return ``Error #1`` or ``Issue #1``."""
        return f"{'Error' if self.severity is Severity.CRITICAL else 'Issue'} #{self.number}"

    def to_group(self, *, rule: bool) -> tuple[Group, ...]:
        """Return the groups by which the log holds this finding."""
        head = Group(f"{self.reference}: {self.title}", heading=True, key=self.key, rule=rule)
        body = self._critical() if self.severity is Severity.CRITICAL else self._issue()
        return head, *body

    def _critical(self) -> Iterator[Group]:
        yield Group("Severity", f"🔴 CRITICAL - {self.consequence}")
        observed = (Fence(self.observed),) if self.observed else ()
        yield Group("Error Message", items=(Fence(self.message), *observed))
        yield Group("Root Cause", self.root_cause, _named("Where", self.where))
        yield Group("Impact", self.impact)
        yield self._fix("Fix Required")
        yield Group("Priority", f"{PRIORITY} ({self.waiver})" if self.waiver else PRIORITY)

    def _issue(self) -> Iterator[Group]:
        yield Group("Severity", f"{self.severity.sign} {self.severity.value.upper()}")
        short = self.message == one_line(self.message)
        low = self.severity is Severity.LOW
        yield Group(
            "Details",
            self.message if short else "",
            (
                *(() if short else (Fence(self.message),)),
                *_named("Impact", self.impact),
                *(_named("Root cause", self.root_cause) if low else ()),
                *_named("Where", self.where),
                *_named("Waiver", self.waiver),
            ),
        )
        if self.observed:
            yield Group("Test Results", items=(Fence(self.observed),))
        if not low:
            if self.diagnosis:
                yield Group("Diagnosis", items=bullets(*self.diagnosis))
            yield Group("Root Cause", self.root_cause)
        as_fix = low or (self.severity is Severity.MEDIUM and self.code)
        yield self._fix("Fix" if as_fix else _LABELS[self.severity][-1])

    def _fix(self, label: str) -> Group:
        after = (*_named("Documentation", self.docs), *_named("Estimated time", self.estimate))
        items: tuple[Line | Fence, ...] = (*numbered(*self.steps), *self.code, *after)
        return Group(label, items=items) if items else Group(label, NOT_SAID)

    @classmethod
    def from_groups(cls, groups: Sequence[Group], severity: Severity) -> Finding:
        """Return the finding whose groups these are.

        Raises:
            FormatError: a label is missing, or is not where it belongs.
        """
        head, *rest = groups
        by_label = {group.label: group for group in rest}
        kind = "Error" if severity is Severity.CRITICAL else "Issue"
        title = re.fullmatch(kind + r" #(\d+): (.*)", head.label)
        if title is None or not head.key:
            raise FormatError(0, f"'### {kind} #<n>: <title>' and its marker", head.label)
        _expect_labels(head, [group.label for group in rest], severity)
        fix = rest[-2] if severity is Severity.CRITICAL else rest[-1]
        common = cls(
            head.key,
            title[2],
            severity,
            "",
            number=int(title[1]),
            steps=tuple(item.text for item in _lines(fix) if item.mark[0].isdigit()),
            code=tuple(item for item in fix.items if isinstance(item, Fence)),
            docs=_after("Documentation", fix),
            estimate=_after("Estimated time", fix),
        )
        return _read_critical(common, by_label) if kind == "Error" else _read_issue(common, by_label)


def _expect_labels(head: Group, found: Sequence[str], severity: Severity) -> None:
    known = ["Recommendation" if label == "Fix" else label for label in found]
    wanted = [label for label in _LABELS[severity] if label in known or label not in _OPTIONAL]
    if known != wanted:
        raise FormatError(
            0, f"under {head.label!r} the labels {', '.join(_LABELS[severity])}", ", ".join(found)
        )


def _read_critical(common: Finding, groups: Mapping[str, Group]) -> Finding:
    fences = [item.text for item in groups["Error Message"].items if isinstance(item, Fence)]
    priority = groups["Priority"].value
    severity = groups["Severity"].value
    if not fences or not priority.startswith(PRIORITY) or not severity.startswith("🔴 CRITICAL - "):
        raise FormatError(0, f"a fenced message, 🔴 CRITICAL and '{PRIORITY}'", f"{severity} {priority}")
    return replace(
        common,
        message=fences[0],
        observed="".join(fences[1:2]),
        consequence=severity.removeprefix("🔴 CRITICAL - "),
        root_cause=groups["Root Cause"].value,
        where=_after("Where", groups["Root Cause"]),
        impact=groups["Impact"].value,
        waiver=priority[len(PRIORITY) :].removeprefix(" (").removesuffix(")"),
    )


def _read_issue(common: Finding, groups: Mapping[str, Group]) -> Finding:
    details = groups["Details"]
    if groups["Severity"].value != f"{common.severity.sign} {common.severity.value.upper()}":
        raise FormatError(0, f"the sign of {common.severity.value}", groups["Severity"].value)
    fences = [item.text for item in details.items if isinstance(item, Fence)]
    results = groups.get("Test Results", Group("")).items
    return replace(
        common,
        message=fences[0] if fences else details.value,
        observed="".join(item.text for item in results),
        diagnosis=tuple(item.text for item in _lines(groups.get("Diagnosis", Group("")))),
        root_cause=groups["Root Cause"].value if "Root Cause" in groups else _after("Root cause", details),
        impact=_after("Impact", details),
        where=_after("Where", details),
        waiver=_after("Waiver", details),
    )


def _named(name: str, text: str) -> tuple[Line, ...]:
    return (Line("-", f"{name}: {text}"),) if text else ()


def _lines(group: Group) -> Iterator[Line]:
    return (item for item in group.items if isinstance(item, Line))


def _after(name: str, group: Group) -> str:
    lines = (item.text for item in _lines(group) if item.mark == "-")
    return next((text.removeprefix(f"{name}: ") for text in lines if text.startswith(f"{name}: ")), "")


def number_findings(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return the findings ordered by severity, errors and issues each numbered once through the whole file."""
    ordered = sorted(findings, key=lambda finding: finding.severity.rank)  # stable: phases keep their order
    errors = sum(finding.severity is Severity.CRITICAL for finding in ordered)
    return tuple(
        replace(finding, number=at if at <= errors else at - errors) for at, finding in enumerate(ordered, 1)
    )


def finding_of(check: Check, checks: Sequence[Check], *, waiver: str = "") -> Finding:
    """Return a failed check as a finding; the other checks tell what else held or failed beside it."""
    result = check.result
    message = clean(result.message).strip() or f"{check.title}: it does not"
    diagnostic = DIAGNOSTIC if result.provenance is Provenance.DIAGNOSTIC else ""
    impact = one_line(result.impact) or NOT_SAID
    places = [f"{place.file}:{place.line}" if place.line else place.file for place in result.locations]
    return Finding(
        marker(check.key),
        cut(message.split("\n", 1)[0].rstrip(". "), _TITLE) + diagnostic,
        check.severity,
        message,
        consequence=_first_sentence(impact) if check.severity is Severity.CRITICAL else "",
        observed=_observed(result.evidence),
        diagnosis=tuple(_diagnosis(check, checks)) if "Diagnosis" in _LABELS[check.severity] else (),
        root_cause=one_line(result.root_cause) or NOT_SAID,
        impact=impact,
        where=listing([one_line(place) for place in places], 10),
        waiver=one_line(waiver),
        steps=tuple(step for step in map(one_line, result.fix.steps) if step),
        code=tuple(_code(code) for code in result.fix.code),
        docs=one_line(result.fix.docs),
        estimate=minutes(result.fix.minutes) if result.fix.minutes else "",
    )


def _first_sentence(text: str) -> str:
    return cut(re.split(r"(?<=[.!?;]) ", text, maxsplit=1)[0].rstrip(".;"), _TITLE)


def _code(code: Code) -> Fence:
    language = re.sub(r"[^A-Za-z0-9+#.-]", "", code.language)[:20]
    shell = language.lower() in {"bash", "sh", "shell"}
    place = one_line(code.file) or ("a shell" if shell else "the project")
    if code.line:
        place = f"{place}:{code.line}"
    sign = "#" if language.lower() in _HASHED or not language else "//"
    return Fence(clean(f"{sign} In {place}\n{clean(code.text)}"), language)


def _observed(evidence: Mapping[str, JSONValue]) -> str:
    """Return the evidence as lines of ``name: value``, whole texts indented under their name."""
    lines: list[str] = []
    for name, value in evidence.items():
        if value in ("", None, [], {}):
            continue  # nothing was seen there
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if isinstance(value, list | dict) and len(text) > _NESTED_CHARS:
            text = f"{len(value)} entries, in results.json"  # a wall of JSON tells nobody anything
        whole = clean(text).split("\n")
        if len(whole) == 1:
            lines.append(f"{one_line(name)}: {whole[0]}")
        else:
            lines.extend((f"{one_line(name)}:", *(f"    {line}" for line in whole)))
    shown = "\n".join(lines[:_OBSERVED_LINES])[:_OBSERVED_CHARS]
    if shown != "\n".join(lines):
        shown += "\n… the rest stands in results.json"
    return clean(shown)


def _diagnosis(check: Check, checks: Sequence[Check]) -> Iterator[str]:
    """Yield what the failed check builds on and what its other subjects did: it narrows the cause."""
    needs = CATALOGUE[check.id].needs if check.id in CATALOGUE else ()
    for need in needs:
        found = [other for other in checks if other.id == need]
        yield one_line(f"{_sign(found)} {CATALOGUE[need].title} ({need})")
    siblings = [other for other in checks if other.id == check.id and other.subject != check.subject]
    siblings.sort(key=lambda other: other.outcome is not Outcome.FAIL)
    for other in siblings[:_SIBLINGS]:
        yield cut(f"{_sign([other])} {other.subject}: {other.result.message}", _TITLE)


def _sign(checks: Sequence[Check]) -> str:
    outcomes = {check.outcome for check in checks if check.result.skip is not Skip.NOT_APPLICABLE}
    if Outcome.FAIL in outcomes:
        return "❌"
    return "✅" if outcomes == {Outcome.PASS} else "Unknown:"

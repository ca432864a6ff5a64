"""Read a DEPLOYMENT_LOG.md strictly by FORMATS.md; what is not in its place is refused with the line or the section."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import BOXES, Severity
from deployer_lib.reports.deployment_log import HEADINGS
from deployer_lib.reports.document import Document, Group, Line, Section, read
from deployer_lib.reports.findings import Finding
from deployer_lib.reports.text import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Box", "DeploymentLog", "parse_log"]

#: Sections in their order, each with the labels that it must hold, in theirs.
_SHAPE: Final[dict[str, tuple[str, ...]]] = {
    "Deployment Summary": ("Status", "Environment", "Deployed At", "Build Version", "Deployment Time"),
    **dict.fromkeys(HEADINGS.values(), ()),
    "✅ SUCCESSFUL CHECKS": (),
    "Environment Verification": (
        "Dependencies",
        "Environment Variables",
        "Required",
        "Missing from .env.example",
        "Not documented in README",
        "Configuration",
    ),
    "Build Analysis": ("Bundle Size", "Build Time", "Warnings", "Errors", "Recommendations"),
    "Performance Test Results": ("Load Test", "Under Load"),
    "Security Checklist": (),
    "Observability Status": ("Logging", "Metrics", "Tracing"),
    "Rollback Plan": ("Current Deployment", "Previous Version", "Rollback Command", "Rollback Risk"),
    "FOR BUILDER - NEXT ROUND": (
        "🔴 MUST FIX (Deployment Blockers):",
        "🟠 HIGH PRIORITY (Fix this round):",
        "🟡 MEDIUM (Can defer):",
        "🟢 LOW (Future enhancement):",
    ),
    "Next Deploy Attempt": ("Prerequisites", "Estimated time to fix", "Ready for next deploy"),
    "Deployment Recommendation": ("Status", "Blocking Issues", "Reason", "Next Steps"),
    "Deployment Checklist": (),
}
_VALUES: Final = {
    ("Deployment Summary", "Status"): r"❌ DEPLOYMENT FAILED|✅ DEPLOYMENT SUCCESSFUL",
    ("Deployment Summary", "Deployed At"): r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC|NOT CHECKED",
    ("Deployment Recommendation", "Status"): r"❌ \*\*DO NOT DEPLOY\*\*|✅ \*\*DEPLOY\*\*",
    ("Deployment Recommendation", "Blocking Issues"): r"\d+ critical(, \d+ (high|medium|low))*",
    ("Next Deploy Attempt", "Ready for next deploy"): r"Round \d+",
}


@dataclass(frozen=True, slots=True)
class Box:
    """A line with a box."""

    title: str
    ticked: bool


@dataclass(frozen=True, slots=True)
class DeploymentLog:
    """What a DEPLOYMENT_LOG.md says."""

    round: int
    history: bool  # False: Round 1 (no history)
    successful: bool
    environment: str
    deploy: bool  # the recommendation
    blocking: str  # ``1 critical``
    reason: str
    findings: tuple[Finding, ...]
    successes: tuple[str, ...]
    tasks: tuple[str, ...]  # for the builder, in one numbering
    checklist: tuple[Box, ...]
    document: Document  # everything, for what has no field of its own


def parse_log(text: str) -> DeploymentLog:
    """Return what the file says.

    Raises:
        FormatError: a section, label, sign or number is not as FORMATS.md has it; ``line`` is 0 where the section is
            named instead.
    """
    document = read(text)
    title = re.fullmatch(r"Deployment Log - Round (\d+)( \(no history\))?", document.title)
    if title is None:
        raise FormatError(1, "'# Deployment Log - Round <N>'", document.title)
    headings = [section.heading for section in document.sections]
    if headings != list(_SHAPE):
        wrong = next((h for h, w in zip(headings, _SHAPE, strict=False) if h != w), headings[-1:] or "")
        raise FormatError(0, f"the sections {', '.join(_SHAPE)}", str(wrong))
    by_heading = {section.heading: section for section in document.sections}
    for heading, section in by_heading.items():
        _expect_groups(section, _SHAPE[heading])
    summary, advice = by_heading["Deployment Summary"], by_heading["Deployment Recommendation"]
    log = DeploymentLog(
        round=int(title[1]),
        history=title[2] is None,
        successful=_value(summary, "Status").startswith("✅"),
        environment=_value(summary, "Environment"),
        deploy=_value(advice, "Status").startswith("✅"),
        blocking=_value(advice, "Blocking Issues"),
        reason=_value(advice, "Reason"),
        findings=tuple(
            f for severity in Severity for f in _findings(by_heading[HEADINGS[severity]], severity)
        ),
        successes=tuple(box.title for box in _boxes(by_heading["✅ SUCCESSFUL CHECKS"], ticked=True)),
        tasks=tuple(_tasks(by_heading["FOR BUILDER - NEXT ROUND"])),
        checklist=tuple(_boxes(by_heading["Deployment Checklist"])),
        document=document,
    )
    _expect_numbers(log.findings)
    _expect_checklist(log.checklist)
    if log.deploy != log.successful:
        raise FormatError(0, "one answer in summary and recommendation")
    return log


def _expect_groups(section: Section, labels: Sequence[str]) -> None:
    known = [group.label for group in section.groups if group.label in labels]
    if known != list(labels):
        raise FormatError(0, f"in {section.heading!r} {', '.join(labels)}", ", ".join(known))
    for group in section.groups:
        pattern = _VALUES.get((section.heading, group.label))
        if pattern is not None and not re.fullmatch(pattern, group.value):
            raise FormatError(0, f"{group.label} as {pattern}", group.value)


def _value(section: Section, label: str) -> str:
    return next(group.value for group in section.groups if group.label == label)


def _findings(section: Section, severity: Severity) -> Iterator[Finding]:
    groups: list[Group] = []
    for group in (*section.groups, Group("", heading=True)):  # the last one closes what is open
        if group.heading and groups:
            yield Finding.from_groups(groups, severity)
            groups = []
        if (
            group.heading
            and groups == []
            and group.label
            and section.groups[0] is not group
            and not group.rule
        ):
            raise FormatError(0, "'---' between findings", group.label)
        groups.append(group)


def _boxes(section: Section, *, ticked: bool | None = None) -> Iterator[Box]:
    for item in section.items:
        if not isinstance(item, Line) or not item.mark.startswith("- ["):
            raise FormatError(0, f"boxes in {section.heading!r}", getattr(item, "text", ""))
        box = Box(item.text, item.mark == "- [x]")
        if ticked is not None and box.ticked is not ticked:
            raise FormatError(0, f"'- [x]' in {section.heading!r}", item.text)
        yield box


def _tasks(section: Section) -> Iterator[str]:
    expected = 1
    for item in (item for group in section.groups for item in group.items):
        if isinstance(item, Line) and item.mark[0].isdigit():
            if item.mark != f"{expected}.":
                raise FormatError(0, f"task {expected} (one numbering)", f"{item.mark} {item.text}")
            expected += 1
            yield item.text


def _expect_numbers(findings: Sequence[Finding]) -> None:
    for errors in (True, False):
        numbers = [f.number for f in findings if (f.severity is Severity.CRITICAL) is errors]
        if numbers != list(range(1, len(numbers) + 1)):
            raise FormatError(0, f"{'Error' if errors else 'Issue'} #1 to #{len(numbers)}", str(numbers))


def _expect_checklist(checklist: Sequence[Box]) -> None:
    if len(checklist) != len(BOXES):
        raise FormatError(0, f"{len(BOXES)} lines in the checklist", str(len(checklist)))
    for box, title in zip(checklist, BOXES, strict=True):
        said = box.title if box.ticked else box.title.partition(" - ")[0]
        if said != title:
            raise FormatError(0, f"the line {title!r}", box.title)

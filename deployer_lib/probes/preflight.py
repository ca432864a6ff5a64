"""May this round deploy at all? What the other roles say in the coordination folder (SPEC A1, A2, A4, A5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployer_lib.check import Code, Fix, Location, Result, errored, failed, passed
from deployer_lib.probes.context import Context, probe
from deployer_lib.probes.test_report import TrialReport, read_report

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from deployer_lib.probes.report_bugs import Bug

__all__ = [
    "coordination",
    "coordination_folder",
    "critical_bugs",
    "read_text",
    "ready",
    "report_path",
    "security_checklist",
    "trial_report",
]

_REPORT: Final = "TEST_REPORT.md"
_DOCS: Final = "https://www.markdownguide.org/extended-syntax/#task-lists"

#: What a missing file could begin with.
_SKELETONS: Final = {
    "ARCHITECTURE.md": (
        "# Architecture\n\n## Services\n\n| Service | Port | What it does |\n| --- | --- | --- |\n| <name> | <port> | <what> |\n\n"
        "## Environment variables\n\nRequired: `<NAME>`.\n\n## External systems\n\n<none>\n"
    ),
    _REPORT: (
        "# Test Report - Round 1\n\nTests: <n> passed, <n> failed\n\n## 🔴 Critical bugs\n\nNone.\n\n"
        "## Security checklist\n\n- [ ] <measure>\n\n## Conclusion\n\nReady for deployment: ❌ no\n"
    ),
    "NEXT_ACTIONS.md": "# Next Actions\n",
}
_WHY: Final = {
    "ARCHITECTURE.md": "Nobody can compare what runs with what was meant to run.",
    _REPORT: "Nobody can tell whether this build was tested, and with what result.",
    "NEXT_ACTIONS.md": "The team has no list in which this run's findings meet its other work.",
}


def coordination_folder(ctx: Context) -> Path:
    """Return the folder that the other roles write."""
    return ctx.project / ctx.parameters.coordination.dir


def report_path(ctx: Context, name: str = _REPORT) -> str:
    """Return a coordination file as findings name it: relative to the project."""
    return (ctx.project / ctx.parameters.coordination.dir / name).relative_to(ctx.project).as_posix()


def read_text(path: Path) -> tuple[str | None, str]:
    """Return a file's text, or None and why there is none."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return None, "it is missing"
    except IsADirectoryError:
        return None, "it is a folder"
    except UnicodeDecodeError as error:
        return None, f"it is not UTF-8 text (byte {error.start})"
    except OSError as error:
        return None, f"it can't be read ({error.strerror})"
    return (text, "") if text.strip() else (None, "it is empty")


def trial_report(ctx: Context) -> tuple[TrialReport | None, str]:
    """Return TEST_REPORT.md as it was read, or None and why not; read once a phase."""
    known = ctx.memo.get("test_report")
    if isinstance(known, TrialReport):
        return known, ""
    text, why = read_text(coordination_folder(ctx) / _REPORT)
    if text is None:
        return None, f"{report_path(ctx)}: {why}."
    report = read_report(text)
    ctx.memo["test_report"] = report
    return report, ""


@probe("preflight.coordination")
def coordination(ctx: Context) -> Iterable[Result]:
    """Look for the three files of the other roles (A1)."""
    for name, skeleton in _SKELETONS.items():
        file = report_path(ctx, name)
        text, why = read_text(coordination_folder(ctx) / name)
        if text is not None:
            yield passed(
                f"{file} is there.", subject=name, lines=len(text.splitlines()), bytes=len(text.encode())
            )
            continue
        yield failed(
            f"{file}: {why}.",
            subject=name,
            root_cause=f"The folder {ctx.parameters.coordination.dir} holds no readable {name}.",
            impact=_WHY[name],
            fix=Fix(
                (
                    f"Write {file}; it may begin as below.",
                    "Where the folder has another name, say so in coordination.dir.",
                ),
                (Code(file, skeleton, language="markdown"),),
                _DOCS,
                30,
            ),
            locations=(Location(file),),
        )


@probe("preflight.critical_bugs")
def critical_bugs(ctx: Context) -> Iterable[Result]:
    """Ask whether every critical bug of the test report is fixed (A2)."""
    report, why = trial_report(ctx)
    if report is None:
        yield errored(f"Critical bugs can't be told: {why}", root_cause=why)
        return
    file = report_path(ctx)
    open_ = [bug for bug in report.bugs if not bug.fixed]
    for bug in open_:
        yield _open_bug(file, bug)
    uncounted = [count for count in report.counts if count.open > len(open_)]
    for count in uncounted[:1] if not open_ else ():
        yield failed(
            f'The test report states {count.open} open critical bug(s) without naming them: "{count.text}".',
            subject="stated number",
            root_cause=f"{file}:{count.line} counts critical bugs that are not listed as fixed anywhere.",
            impact="Deploying would put known critical bugs before users.",
            fix=Fix(
                ("Fix each of them and test again.", f"List each in {file} and tick it."),
                (
                    Code(
                        file,
                        "## 🔴 Critical bugs\n\n- [x] <what it was> - FIXED in <commit>\n",
                        count.line,
                        "markdown",
                    ),
                ),
                _DOCS,
                120,
            ),
            locations=(Location(file, count.line),),
            found=count.found,
            open=count.open,
        )
    if not open_ and not uncounted:
        yield _bugs_verdict(file, report)


def _bugs_verdict(file: str, report: TrialReport) -> Result:
    if not report.bugs and not report.counts:
        return errored(
            f"{file} names no critical bug, and does not say that there is none.",
            root_cause='A line such as "No critical bugs." or a section "Critical bugs" is missing.',
        )
    fixed = [f"{bug.title} (line {bug.line})" for bug in report.bugs]
    said = [f"{count.text} (line {count.line})" for count in report.counts]
    return passed(
        f"{len(fixed)} critical bug(s) named, all fixed.", file=file, fixed=[*fixed], stated=[*said]
    )


def _open_bug(file: str, bug: Bug) -> Result:
    return failed(
        f"A critical bug is open: {bug.title}",
        subject=bug.title[:120],
        root_cause=f'{file}:{bug.line} does not say that it is fixed: "{bug.text}".',
        impact="Deploying would put a known critical bug before users.",
        fix=Fix(
            ("Fix the bug and test it again.", f"Tick it in {file}, with the commit that fixed it."),
            (Code(file, f"- [x] 🔴 {bug.title} - FIXED in <commit>", bug.line, "markdown"),),
            _DOCS,
            120,
        ),
        locations=(Location(file, bug.line),),
        text=bug.text,
        line=bug.line,
    )


@probe("preflight.security_checklist")
def security_checklist(ctx: Context) -> Iterable[Result]:
    """Ask whether every box of the security checklist is ticked (A4)."""
    report, why = trial_report(ctx)
    file = report_path(ctx)
    if report is None:
        yield errored(f"The security checklist can't be told: {why}", root_cause=why)
        return
    if not report.security:
        yield errored(
            f'{file} holds no section "Security" with boxes.',
            root_cause='A heading such as "## Security checklist" with lines "- [x] …" is missing.',
        )
        return
    yield from _open_boxes(file, report)
    if all(box.ticked for box in report.security):
        yield passed(
            f"All {len(report.security)} boxes of the security checklist are ticked.",
            file=file,
            ticked=[box.text for box in report.security],
        )


def _open_boxes(file: str, report: TrialReport) -> Iterator[Result]:
    done = sum(box.ticked for box in report.security)
    for box in report.security:
        if not box.ticked:
            yield failed(
                f"The security checklist is not complete: {box.text}",
                subject=box.text[:120],
                root_cause=f"{file}:{box.line} is not ticked ({done} of {len(report.security)} are).",
                impact="A security measure that the team asks of itself has not been seen to work.",
                fix=Fix(
                    ("Put the measure in place and test it.", f"Tick its box in {file}."),
                    (Code(file, f"- [x] {box.text}", box.line, "markdown"),),
                    "https://cheatsheetseries.owasp.org/",
                    60,
                ),
                locations=(Location(file, box.line),),
                line=box.line,
                ticked=done,
                boxes=len(report.security),
            )


@probe("preflight.ready")
def ready(ctx: Context) -> Iterable[Result]:
    """Ask whether the test report says that the build is ready for deployment (A5)."""
    report, why = trial_report(ctx)
    file = report_path(ctx)
    if report is None:
        yield errored(f"Readiness can't be told: {why}", root_cause=why)
        return
    if not report.readiness:
        yield errored(
            f"{file} does not say whether the build is ready for deployment.",
            root_cause='A line such as "Ready for deployment: ✅ yes" is missing, or holds both answers.',
        )
        return
    against = [said for said in report.readiness if not said.ready]
    if not against:
        said = report.readiness[0]
        yield passed("The test report says ready for deployment.", file=file, line=said.line, text=said.text)
    for said in against[:1]:
        yield failed(
            f'The test report does not say ready for deployment: "{said.text}".',
            root_cause=f"{file}:{said.line} says no, or yes under a condition.",
            impact="Those who tested this build advise against releasing it.",
            fix=Fix(
                ("Do what the test report waits for, and test again.", f"Then say so in {file}."),
                (Code(file, "Ready for deployment: ✅ yes", said.line, "markdown"),),
                _DOCS,
                60,
            ),
            locations=[Location(file, other.line) for other in against],
            text=said.text,
        )

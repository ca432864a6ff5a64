"""Does the project's own test suite pass? Run where a command is declared, else read from the report's totals (A3)."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from junitparser import Error, Failure, JUnitXml, JUnitXmlError, Skipped, TestCase, TestSuite

from deployer_lib.app.commands import Done, run_command
from deployer_lib.app.surroundings import base_environment
from deployer_lib.check import Code, Fix, Location, Result, errored, failed, passed
from deployer_lib.errors import ProcessError
from deployer_lib.probes.context import Context, probe
from deployer_lib.probes.preflight import report_path, trial_report
from deployer_lib.probes.test_report import read_report
from deployer_lib.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from deployer_lib.parameters.model import TestSuite as Declared
    from deployer_lib.probes.test_report import Totals

__all__ = ["suite_passes"]

_PLACE: Final = re.compile(r"^(?P<file>[\w./-]+\.\w+):(?P<line>\d+)", re.MULTILINE)
_TAIL_LINES: Final = 60
_LISTED: Final = 50  # findings of one run; the rest is counted
_IMPACT: Final = "What the project's own tests hold for broken would go before users."
_DOCS: Final = "https://docs.pytest.org/en/stable/how-to/failures.html"


@dataclass(frozen=True, slots=True)
class _Failed:
    name: str
    message: str
    text: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class _Ran:
    total: int  # skipped ones left out
    skipped: int
    failures: tuple[_Failed, ...]


@probe("preflight.tests")
def suite_passes(ctx: Context) -> Iterable[Result]:
    """Run the declared test command and believe its exit status and report, or read the totals in the test report."""
    declared = ctx.parameters.preflight.tests
    if declared is None:
        yield from _from_text(ctx)
    else:
        yield from _run(ctx, declared)


# -- run -------------------------------------------------------------------------------------------------------------


def _run(ctx: Context, declared: Declared) -> Iterator[Result]:
    shown = " ".join(str(word) for word in declared.command)
    report = ctx.workspace / declared.report if declared.report else None
    if report is not None:
        report.unlink(missing_ok=True)  # an earlier run's report proves nothing
    ctx.progress(f"{shown} …")
    variables = {name: _revealed(value) for name, value in declared.variables.items()}
    try:
        done = run_command(
            [_revealed(word) for word in declared.command],
            cwd=ctx.workspace,
            env={**base_environment(os.environ), **variables},
            timeout_s=declared.timeout_s,
            on_line=lambda line: ctx.progress(f"{shown}: {line[:100]}"),
        )
    except ProcessError as error:
        yield errored(
            f"The test command did not start: {error.message}", root_cause=error.hint, command=shown
        )
        return
    ctx.keep("tests.log", done.output.encode())
    ran = _read_junit(report, ctx.workspace) if report is not None else None
    if isinstance(ran, str):
        yield _unreported(declared, shown, done, ran)
        return
    yield from _judge(ctx, shown, done, ran or _from_output(done))


def _revealed(value: Secret | str) -> str:
    return value.reveal() if isinstance(value, Secret) else value


def _judge(ctx: Context, shown: str, done: Done, ran: _Ran | None) -> Iterator[Result]:
    failures = ran.failures if ran is not None else ()
    for failure in failures[:_LISTED]:
        yield _failure(ctx, shown, failure, len(failures))
    if done.exit_code != 0:
        if not failures:
            yield _ended(shown, done)
        return
    if ran is None:
        yield errored(
            f"{shown} ended with 0, but nothing says how many tests ran.",
            root_cause="preflight.tests.report is not declared, and the output holds no totals.",
            output=_tail(done),
        )
    elif ran.total == 0:
        yield errored(
            f"{shown} ended with 0, but ran no test ({ran.skipped} skipped).",
            root_cause="The command selects no tests, or every test was skipped.",
            output=_tail(done),
        )
    elif not failures:
        yield passed(
            f"{ran.total} tests passed, {ran.skipped} skipped.",
            command=shown,
            exit_code=0,
            passed=ran.total,
            skipped=ran.skipped,
            duration_s=round(done.duration_s, 2),
        )


def _failure(ctx: Context, shown: str, failure: _Failed, count: int) -> Result:
    place = Location(failure.file, failure.line) if failure.file else None
    again = f"{shown} {failure.file}" if failure.file and "pytest" in shown else shown
    return failed(
        f"The test {failure.name} fails: {failure.message or 'no message'}",
        subject=failure.name,
        root_cause=failure.message or failure.text[-300:],
        impact=_IMPACT,
        fix=Fix(
            ("Run the test by itself, and mend what it shows.", "Run the whole suite again."),
            (Code("terminal", again, language="shell"),),
            _DOCS,
            45,
        ),
        locations=(place,) if place is not None and (ctx.workspace / place.file).exists() else (),
        error=failure.text[-4000:],
        failures=count,
    )


def _ended(shown: str, done: Done) -> Result:
    how = "did not end within its time limit" if done.exit_code is None else f"ended with {done.exit_code}"
    lines = [line.strip() for line in done.lines if line.strip()]
    last = next(
        (line for line in reversed(lines) if "error" in line.lower()), lines[-1] if lines else "no output"
    )
    return failed(
        f"{shown} {how}, and reported no failing test.",
        subject="test command",
        root_cause=f"The suite itself did not run to its end: {last[:300]}",
        impact="Nobody can tell whether the build works.",
        fix=Fix(
            ("Run the command by hand and read its first error.",),
            (Code("terminal", shown, language="shell"),),
            _DOCS,
            30,
        ),
        exit_code=done.exit_code,
        output=_tail(done),
    )


def _unreported(declared: Declared, shown: str, done: Done, why: str) -> Result:
    if done.exit_code != 0:
        return _ended(shown, done)
    return errored(
        f"{shown} ended with 0, but its report {declared.report} {why}.",
        root_cause=f"The command does not write {declared.report}; pytest does with --junitxml={declared.report}.",
        output=_tail(done),
    )


def _from_output(done: Done) -> _Ran | None:
    totals = read_report(done.output).totals
    return _Ran(totals[-1].passed, 0, ()) if totals and not totals[-1].failed else None


def _tail(done: Done) -> str:
    return "\n".join(done.lines[-_TAIL_LINES:])


# -- JUnit ----------------------------------------------------------------------------------------------------------


def _read_junit(path: Path, workspace: Path) -> _Ran | str:
    """Return what a JUnit report says, or why it can't be read."""
    try:
        document = JUnitXml.fromfile(str(path))
    except FileNotFoundError:
        return "was not written"
    except (JUnitXmlError, OSError, ValueError, SyntaxError) as error:
        return f"can't be read: {error}"
    cases = list(_cases(document))
    skipped = sum(any(isinstance(result, Skipped) for result in case.result) for case in cases)
    bad = [_bad(case, workspace) for case in cases]
    return _Ran(len(cases) - skipped, skipped, tuple(failure for failure in bad if failure is not None))


def _cases(node: Iterable[object]) -> Iterator[TestCase]:
    for child in node:
        if isinstance(child, TestCase):
            yield child
        elif isinstance(child, TestSuite):
            yield from _cases(child)


def _bad(case: TestCase, workspace: Path) -> _Failed | None:
    for result in case.result:
        if isinstance(result, (Failure, Error)):
            text = result.text or ""
            name = f"{case.classname}.{case.name}" if case.classname else str(case.name)
            file, line = _place(case, text, workspace)
            message = (result.message or text.strip().rpartition("\n")[2]).strip()
            return _Failed(name, message.splitlines()[0][:300] if message else "", text, file, line)
    return None


def _place(case: TestCase, text: str, workspace: Path) -> tuple[str, int]:
    """Return where a test failed: the last place in its traceback that is a file of the project, else its module."""
    places: Sequence[re.Match[str]] = [
        match
        for match in _PLACE.finditer(text)
        if (workspace / match["file"]).is_file() and match["file"][0] != "/"
    ]
    if places:
        return places[-1]["file"], int(places[-1]["line"])
    parts = (case.classname or "").split(".")
    for length in range(len(parts), 0, -1):
        file = "/".join(parts[:length]) + ".py"
        if (workspace / file).is_file():
            return file, _line_of(workspace / file, str(case.name).partition("[")[0])
    return "", 0


def _line_of(path: Path, name: str) -> int:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return next(
        (number for number, line in enumerate(lines, 1) if re.search(rf"\bdef {re.escape(name)}\b", line)), 0
    )


# -- text ------------------------------------------------------------------------------------------------------------


def _from_text(ctx: Context) -> Iterator[Result]:
    report, why = trial_report(ctx)
    file = report_path(ctx)
    if report is None:
        yield errored(f"The test result can't be told: {why}", root_cause=why)
        return
    bad = [totals for totals in report.totals if totals.failed]
    for totals in bad[:1]:
        yield _failing_totals(file, totals)
    if bad:
        return
    whole = max((totals.passed for totals in report.totals), default=0)
    if not whole:
        yield errored(
            f"{file} does not say how many tests passed.",
            root_cause='A line such as "Tests: 42 passed, 0 failed" is missing, and preflight.tests.command is not declared.',
        )
        return
    yield passed(
        f"The test report says {whole} passed, none failed.",
        file=file,
        totals=[f"{totals.text} (line {totals.line})" for totals in report.totals],
    )


def _failing_totals(file: str, totals: Totals) -> Result:
    return failed(
        f'The test report says that {totals.failed} test(s) failed: "{totals.text}".',
        subject="totals",
        root_cause=f"{file}:{totals.line} counts {totals.passed} passed and {totals.failed} failed.",
        impact=_IMPACT,
        fix=Fix(
            (
                "Mend the failing tests' causes and run the suite again.",
                "Let Deployer run it: preflight.tests.command.",
            ),
            (
                Code(
                    file, f"Tests: {totals.passed + totals.failed} passed, 0 failed", totals.line, "markdown"
                ),
            ),
            _DOCS,
            60,
        ),
        locations=(Location(file, totals.line),),
        passed=totals.passed,
        failed_count=totals.failed,
    )

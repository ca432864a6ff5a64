"""The project's own tests: a real command is run, and its exit status and report decide."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from deployer_lib.check import Outcome, Result
from deployer_lib.probes.suite import suite_passes

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer_lib.probes.context import Context

    Make = Callable[..., Context]

BASE = "http://127.0.0.1:9"
REPORT = '<testsuites><testsuite name="s">{}</testsuite></testsuites>'
GOOD = '<testcase classname="tests.test_a" name="test_one"/>'
SKIPPED = '<testcase classname="tests.test_a" name="test_two"><skipped message="later"/></testcase>'
BAD = (
    '<testcase classname="tests.test_a" name="test_three"><failure message="assert 1 == 2">'
    "tests/test_a.py:2: AssertionError</failure></testcase>"
)


def ran(
    context: Make, *, xml: str | None = None, code: int = 0, prints: str = "", **suite: object
) -> list[Result]:
    writes = f"open('report.xml', 'w').write({REPORT.format(xml)!r})" if xml is not None else ""
    command = [sys.executable, "-c", f"import sys\nprint({prints!r})\n{writes}\nsys.exit({code})"]
    declared = {"command": command, **({"report": "report.xml"} if xml is not None else {}), **suite}
    ctx = context(BASE, preflight={"tests": declared})
    (ctx.workspace / "tests").mkdir()
    (ctx.workspace / "tests/test_a.py").write_text("def test_three():\n    assert 1 == 2\n", encoding="utf-8")
    return list(suite_passes(ctx))


def test_a_suite_that_passes_is_counted_from_its_report(context: Make) -> None:
    (result,) = ran(context, xml=GOOD + SKIPPED)
    assert (Outcome.PASS, 1, 1) == (result.outcome, result.evidence["passed"], result.evidence["skipped"])


def test_a_failing_test_is_a_finding_with_its_place(context: Make) -> None:
    (result,) = ran(context, xml=GOOD + BAD, code=1)
    assert (Outcome.FAIL, "tests.test_a.test_three", "tests/test_a.py", 2) == (
        result.outcome, result.subject, result.locations[0].file, result.locations[0].line,
    )  # fmt: skip
    assert "assert 1 == 2" in result.message


def test_a_failure_counts_even_where_the_command_ends_with_0(context: Make) -> None:
    assert [Outcome.FAIL] == [result.outcome for result in ran(context, xml=BAD)]


def test_no_test_run_is_an_error(context: Make) -> None:
    """None found, or all of them skipped: no suite passed."""
    for xml in ("", SKIPPED):
        assert [Outcome.ERROR] == [result.outcome for result in ran(context, xml=xml)]
        break
    assert [Outcome.ERROR] == [result.outcome for result in list(_again(context))]


def _again(context: Make) -> list[Result]:
    ctx = context(BASE, preflight={"tests": {"command": [sys.executable, "-c", "pass"]}})
    return list(suite_passes(ctx))


def test_an_earlier_report_proves_nothing(context: Make) -> None:
    command = [sys.executable, "-c", "pass"]
    ctx = context(BASE, preflight={"tests": {"command": command, "report": "report.xml"}})
    (ctx.workspace / "report.xml").write_text(REPORT.format(GOOD), encoding="utf-8")
    assert [Outcome.ERROR] == [result.outcome for result in suite_passes(ctx)]


def test_a_command_that_breaks_off_is_a_finding(context: Make) -> None:
    (result,) = ran(context, code=3, prints="Error: no such database")
    assert (Outcome.FAIL, 3) == (result.outcome, result.evidence["exit_code"])
    assert "no such database" in result.root_cause


def test_a_time_limit_is_a_finding(context: Make) -> None:
    ctx = context(BASE, preflight={"tests": {"command": ["sleep", "30"], "timeout_s": 0.2}})
    (result,) = suite_passes(ctx)
    assert (Outcome.FAIL, None) == (result.outcome, result.evidence["exit_code"])


def test_a_command_that_is_not_there_is_an_error(context: Make) -> None:
    ctx = context(BASE, preflight={"tests": {"command": ["no-such-command-here"]}})
    assert [Outcome.ERROR] == [result.outcome for result in suite_passes(ctx)]


def test_output_counts_where_no_report_is_declared(context: Make) -> None:
    assert [Outcome.PASS] == [result.outcome for result in ran(context, prints="41 passed in 2.1s")]


def test_without_a_command_the_text_counts(context: Make) -> None:
    for text, outcome in (
        ("Tests: 42/42", Outcome.PASS),
        ("41 passed, 1 failed", Outcome.FAIL),
        ("Tests: 42/43", Outcome.FAIL),
        ("We tested a lot.", Outcome.ERROR),
    ):
        ctx = context(BASE, files={"_coordination/TEST_REPORT.md": f"# R\n{text}\n"})
        assert [outcome] == [result.outcome for result in suite_passes(ctx)], text

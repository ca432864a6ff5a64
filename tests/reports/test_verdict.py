from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from made_records import check, inputs, record, sound_checks, with_results

from deployer_lib.check import (
    Fix,
    Location,
    Provenance,
    Result,
    Skip,
    Waiver,
    errored,
    failed,
    passed,
    skipped,
)
from deployer_lib.record import Record, State
from deployer_lib.reports.build import build
from deployer_lib.reports.changes import compare
from deployer_lib.reports.log_parser import parse_log

WAIVER = Waiver("Ada", "the old shop closes in March", "SHOP-7", "2024-01-15")


def finding(message: str = "It answered 503.", subject: str = "", **changes: Any) -> Result:
    return failed(
        message,
        subject=subject,
        root_cause="c",
        impact="i",
        fix=Fix(("do it",)),
        locations=[Location("src/app.py", 3)],
        seen=1,
        **changes,
    )


def judged(made: Record) -> tuple[str, str]:
    reports = build(made)
    log = parse_log(reports.log)
    assert log.deploy is log.successful is (reports.verdict == "go")
    assert log.reason == reports.reason
    assert next(c.outcome for c in reports.checks if c.id == "report.recommendation") == "pass"
    return str(reports.verdict), reports.reason


def phase_of(state: State, message: str) -> Record:
    made = record()
    phases = tuple(replace(p, state=state, message=message) if p.name == "health" else p for p in made.phases)
    return replace(made, phases=phases)


def test_sound_run_is_a_go() -> None:
    assert judged(record()) == ("go", "Nothing blocks: 60 checks passed.")


def test_first_blocker_is_the_reason() -> None:
    made = record(with_results(("smoke.health", finding()), ("smoke.cors", finding("Refused."))))
    assert judged(made) == ("no-go", "It answered 503 (and 1 more blocking finding).")


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (phase_of(State.CRASHED, "the kernel died"), "Undecided: health crashed: the kernel died."),
        (phase_of(State.ABORTED, "Ctrl-C"), "Aborted: health was aborted: Ctrl-C."),
        (replace(record(), aborted=True), "Aborted: the run was interrupted before its end."),
        (replace(record(), phases=record().phases[:-1]), "Undecided: bugs was planned and has no notebook."),
        (
            record(given=inputs(planned=("smoke",)), phases=record().phases[4:5]),
            "Undecided: preflight, environment, build, deploy, health, bugs were left out of this run.",
        ),
        (
            replace(record(), withheld=("04_smoke.ipynb",)),
            "Undecided: a secret was found in 04_smoke.ipynb, which is withheld; make a new secret, then run again.",
        ),
        (
            record(with_results(("smoke.cors", errored("No answer.")))),
            "Undecided: smoke.cors could not tell: No answer.",
        ),
        (
            record(with_results(("smoke.cors", skipped(Skip.CUT, "No time.")))),
            "Undecided: smoke.cors skipped (cut): No time.",
        ),
        (
            record({id_: c for id_, c in sound_checks().items() if id_ != "smoke.cors"}),
            "Undecided: smoke.cors was not made.",
        ),
        (
            record({id_: c for id_, c in sound_checks().items() if not id_.startswith("smoke")}),
            "Undecided: smoke looked at nothing.",
        ),
    ],
)
def test_what_was_not_seen_leaves_it_open(made: Record, reason: str) -> None:
    """No go on nothing: whatever was not looked at is named."""
    assert judged(made) == ("undecided", reason)


def test_empty_record_is_no_go_on_nothing() -> None:
    made = Record(inputs(required=(), planned=()), ())
    verdict, reason = judged(made)
    assert (verdict, reason.startswith("Undecided: the record holds no check")) == ("undecided", True)


def test_not_applicable_leaves_nothing_open() -> None:
    made = record(with_results(("smoke.cors", skipped(Skip.NOT_APPLICABLE, "no front end"))))
    assert judged(made)[0] == "go"


def test_only_required_checks_leave_it_open() -> None:
    checks = with_results(("smoke.cors", errored("No answer.")))
    assert judged(record(checks, given=inputs(required=("smoke.health",))))[0] == "go"
    assert judged(record(checks, given=inputs(required=("smoke.cors",))))[0] == "undecided"


def test_finding_before_open_question() -> None:
    made = replace(record(with_results(("smoke.health", finding()))), withheld=("a",), aborted=True)
    verdict, reason = judged(made)
    assert (verdict, reason.startswith("Aborted: ")) == ("no-go", True)


@pytest.mark.parametrize("key", ["smoke.health:/health", "smoke.health"])
def test_waiver_holds_on_its_last_day(key: str) -> None:
    """A waived finding stays a finding and blocks nothing; the recommendation lists it."""
    checks = with_results(("smoke.health", finding(subject="/health")))
    reports = build(record(checks, given=inputs(waivers={key: WAIVER})))
    assert reports.verdict == "go"
    said = "waived until 2024-01-15 by Ada, SHOP-7: the old shop closes in March"
    status = "**Status**: ✅ **DEPLOY**\n\n- Error #1 is " + said
    assert status in reports.log
    assert f"**Priority**: MUST FIX BEFORE NEXT DEPLOYMENT ({said})" in reports.log
    assert [c.waiver for c in reports.checks if c.id == "smoke.health"] == [WAIVER]


@pytest.mark.parametrize("ends", ["2024-01-14", "never", ""])
def test_waiver_past_its_end_blocks_again(ends: str) -> None:
    checks = with_results(("smoke.health", finding(subject="/health")))
    waiver = replace(WAIVER, expires=ends)
    verdict, reason = judged(record(checks, given=inputs(waivers={"smoke.health": waiver})))
    said = f"its waiver by Ada, SHOP-7 ended on {ends or 'no date'}, so it blocks again"
    assert (verdict, reason) == ("no-go", f"It answered 503 ({said}).")


def test_waiver_of_a_check_that_passes_says_nothing() -> None:
    assert judged(record(given=inputs(waivers={"smoke.health": WAIVER}))) == (
        "go",
        "Nothing blocks: 60 checks passed.",
    )


def test_block_on_high() -> None:
    checks = with_results(("health.headers", finding("No policy.")))
    assert judged(record(checks))[0] == "go"
    reports = build(record(checks, given=inputs(block_on="high")))
    assert reports.verdict == "no-go"
    assert parse_log(reports.log).blocking == "0 critical, 1 high"


def test_changes() -> None:
    """Fixed is what was looked at again and is gone; what nobody looked at again stays open."""
    made = record(
        with_results(
            ("smoke.cors", finding(subject="https://shop.example")),  # back: not in Round 2, in Round 1
            ("smoke.health", skipped(Skip.CUT, "no time", subject="/health")),  # open: not looked at
            ("health.headers", finding(subject="/")),  # new
        )
    )
    assert build(made).results["changes"] == {
        "fixed": ["build.size:app.js"],
        "new": ["health.headers:/"],
        "back": ["smoke.cors:https://shop.example"],
        "open": ["smoke.health:/health"],
    }


def test_pass_on_a_copy_fixes_nothing() -> None:
    """What a mended copy shows says nothing about the target."""
    on_copy = replace(passed("ok", subject="/health", status=200), provenance=Provenance.DIAGNOSTIC)
    changes = compare([check("smoke.health", on_copy)], inputs().earlier)
    assert changes.fixed == ()
    assert "smoke.health:/health" in changes.open

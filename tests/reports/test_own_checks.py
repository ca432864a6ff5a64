from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from made_records import check, earlier, faulty_checks, inputs, record, sound_checks, with_results

from deployer_lib.check import Check, Fix, Skip, failed, skipped
from deployer_lib.record import Record
from deployer_lib.reports import deployment_log, next_actions
from deployer_lib.reports.build import build

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer_lib.record import Inputs


def own(made: Record, id_: str) -> Check:
    return next(c for c in build(made).checks if c.id == id_)


@pytest.mark.parametrize("made", [record(), record(faulty_checks())], ids=["go", "no-go"])
def test_all_pass_on_what_is_really_written(made: Record) -> None:
    """Each carries evidence, is in results.json, and in the log."""
    reports = build(made)
    found = [c for c in reports.checks if c.phase == "report"]
    assert {c.id: str(c.outcome) for c in found} == dict.fromkeys((c.id for c in found), "pass")
    assert len(found) == 8
    assert all(c.result.evidence for c in found)
    assert all(f"({c.id})" in reports.log for c in found)


@pytest.mark.parametrize(
    ("id_", "old", "new"),
    [
        ("report.log", "**Impact**: The application does not start", "**Impact**: It does not start"),
        ("report.log", "deploy:\n  variables", "deploy:\n variables"),
        ("report.log", "## Build Analysis", "## Analysis of the Build"),
        ("report.log", "### Issue #5: LOG_LEVEL", "### Issue #5: A level"),
        ("report.severity", "<!-- deployer:health.headers:/ -->", "<!-- deployer:build.size:dist/app.js -->"),
        ("report.checklist", "- [ ] Health check endpoint responds - FAILED (smoke.health)", "- [x] Health check endpoint responds"),
        ("report.recommendation", "**Reason**: SECRET_KEY", "**Reason**: KEY"),
        ("report.recommendation", "❌ **DO NOT DEPLOY**", "✅ **DEPLOY**"),
    ],
)  # fmt: skip
def test_a_wrong_log_is_found(id_: str, old: str, new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that says anything else than the record fails its check, and the run says so."""
    render = deployment_log.render

    def wrong(told: deployment_log.Told) -> str:
        text = render(told).replace(old, new, 1)
        return text.replace("❌ DEPLOYMENT FAILED", "✅ DEPLOYMENT SUCCESSFUL") if "✅" in new else text

    monkeypatch.setattr("deployer_lib.reports.build.render", wrong)
    found = own(record(faulty_checks()), id_)
    assert found.outcome == "fail"
    assert found.result.root_cause
    assert found.result.locations


@pytest.mark.parametrize(
    "wrong",
    [
        lambda data: data.replace(b"- [ ] Build", b"Build", 1),
        lambda data: data.replace(b"Ours.\n", b""),
        lambda data: data + b"```\n",
        lambda data: data.replace(b"Critical Issues (Round 4)", b"Critical Issues (Round 9)"),
    ],
    ids=["a task lost", "a line of others lost", "broken", "not stable"],
)
def test_a_wrong_merge_is_found(wrong: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    merge = next_actions.merge
    monkeypatch.setattr("deployer_lib.reports.build.merge", lambda told, data: wrong(merge(told, data)))
    assert (
        own(record(faulty_checks(), given=inputs(next_actions=b"Ours.\n")), "report.next_actions").outcome
        == "fail"
    )


def test_findings_that_lack_something_are_named() -> None:
    """One finding names all of them, and what each lacks."""
    bare = failed("Orders are old.", subject="today", root_cause="", impact=" ", fix=Fix(), age_s=90)
    checks = sound_checks()
    checks["team.orders_fresh"] = [check("team.orders_fresh", bare)]
    found = own(record(checks), "report.findings")
    assert found.outcome == "fail"
    assert found.result.message.endswith("team.orders_fresh:today (root cause, impact, fix, place).")
    assert own(record(faulty_checks()), "report.findings").outcome == "pass"


@pytest.mark.parametrize(
    ("given_", "outcome", "said"),
    [
        (inputs(), "pass", "Round 3 follows on Round 2"),
        (inputs(round=1, earlier=()), "pass", "Round 1: no earlier run of staging"),
        (
            inputs(round=1, earlier=(), history=False),
            "pass",
            "Round 1 (no history): no earlier run of staging",
        ),
        (inputs(round=5), "fail", "Round 2 before Round 5"),
        (inputs(earlier=(earlier(2, {}), earlier(2, {}))), "fail", "Round 2 twice (a fork)"),
        (inputs(earlier=()), "fail", "Round 3 without any earlier round"),
        (
            inputs(earlier=(earlier(1, {}), earlier(2, {}))),
            "fail",
            "Round 1 before Round 3, Round 2 before Round 1",
        ),
    ],
)
def test_round(given_: Inputs, outcome: str, said: str) -> None:
    found = own(record(given=given_), "report.round")
    assert found.outcome == outcome
    assert said in found.result.message


def with_durations(**seconds: float) -> Record:
    made = record(with_results(("smoke.cors", skipped(Skip.CUT, "no time"))))
    return replace(
        made, phases=tuple(replace(p, duration_s=seconds.get(p.name, seconds["rest"])) for p in made.phases)
    )


@pytest.mark.parametrize(
    ("made", "outcome", "said"),
    [
        (with_durations(rest=10.0), "pass", "The run took 1m 10s of 15m 00s"),
        (
            with_durations(rest=1.0, bugs=200.0),
            "pass",
            "although environment-specific bugs took 3m 21s of 3m 00s",
        ),
        (
            with_durations(rest=1.0, build=1000.0),
            "fail",
            "16m 46s of 15m 00s: build and deployment took 16m 41s of 6m 00s",
        ),
        (with_durations(rest=0.0), "error", "No phase says how long it took"),
    ],
)
def test_budget(made: Record, outcome: str, said: str) -> None:
    """What ran over is said, and what was cut."""
    found = own(made, "report.budget")
    assert found.outcome == outcome
    assert said in found.result.message
    assert outcome == "error" or found.result.evidence["cut"] == ["smoke.cors"]


def test_no_check_is_no_pass() -> None:
    made = Record(inputs(), ())
    assert {
        id_: str(own(made, id_).outcome) for id_ in ("report.severity", "report.findings", "report.budget")
    } == {
        "report.severity": "error",
        "report.findings": "error",
        "report.budget": "error",
    }


def test_report_phase_in_the_record_is_not_counted_twice() -> None:
    made = record()
    again = replace(made.phases[0], name="report", checks=build(made).checks)
    assert build(replace(made, phases=(*made.phases, again))) == build(made)

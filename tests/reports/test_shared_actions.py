"""Environments that publish to one NEXT_ACTIONS.md: each writes its own tasks, and leaves the others' as they are."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_records import earlier, faulty_checks, inputs, record, with_results

from deployer_lib.check import Fix, Location, Result, Skip, failed, passed, skipped
from deployer_lib.reports import next_actions
from deployer_lib.reports.actions_parser import parse_actions
from deployer_lib.reports.build import build
from deployer_lib.reports.text import FormatError

HEALTH = "smoke.health:/health"
MARK = f"<!-- deployer:{HEALTH} -->"


def finding(subject: str = "/health") -> Result:
    return failed(
        "It answered 503.",
        subject=subject,
        root_cause="c",
        impact="i",
        fix=Fix(("Mend it",)),
        locations=[Location("a.py", 1)],
        seen=1,
    )


WELL = passed("It answered 200.", subject="/health", seen=1)


def run(environment: str, data: bytes | None, *results: Result, round_: int = 3) -> bytes:
    """Return what a run of this environment, with these results of smoke.health, makes of the file."""
    given_ = inputs(
        environment=environment, round=round_, next_actions=data, earlier=(earlier(round_ - 1, {}),)
    )
    reports = build(record(with_results(*(("smoke.health", one) for one in results)), given=given_))
    assert reports.next_actions is not None
    own = next(check for check in reports.checks if check.id == "report.next_actions")
    assert "pass" == own.outcome, own.result.message
    return reports.next_actions


def tasks(data: bytes, environment: str) -> list[str]:
    """Return the lines of an environment's tasks, in their order."""
    parsed = parse_actions(data)
    return [parsed.lines[task.at] for task in parsed.tasks if task.environment == environment]


def health(data: bytes, environment: str) -> str:
    return next(line for line in tasks(data, environment) if MARK in line)


@pytest.mark.parametrize("other", ["local", "api/staging", "staging.eu", "Staging-2"])
def test_one_environment_leaves_the_tasks_of_another(other: str) -> None:
    """What staging found stays open while the other sees nothing of it, and is ticked by staging alone."""
    first = run("staging", None, finding())
    theirs = tasks(first, "staging")
    second = run(other, first, WELL, round_=8)
    assert theirs == tasks(second, "staging")
    assert [] == tasks(second, other)
    third = run("staging", second, WELL, round_=4)
    assert health(third, "staging").startswith("- [x] ")
    assert "(fixed: seen gone in Round 4)" in health(third, "staging")


def test_both_found_it() -> None:
    """The same finding is a task for each, one below the other, each with its own rounds and ticks."""
    both = run("api/staging", run("staging", None, finding()), finding(), round_=8)
    lines = both.decode().splitlines()
    at = lines.index(
        f"- [ ] Build: 🔴 It answered 503 → Mend it [staging] (DEPLOYMENT_LOG.md Error #1) {MARK}"
    )
    assert (
        f"- [ ] Build: 🔴 It answered 503 → Mend it [api/staging] (DEPLOYMENT_LOG.md Error #1) {MARK}"
        == (lines[at + 1])
    )
    assert 1 == both.count(b"### Critical Issues (Round ")
    fixed = run("api/staging", both, WELL, round_=9)
    assert tasks(both, "staging") == tasks(fixed, "staging")
    assert "(fixed: seen gone in Round 9)" in health(fixed, "api/staging")
    back = run("api/staging", fixed, finding(), round_=10)
    assert "(came back in Round 10)" in health(back, "api/staging")
    assert tasks(both, "staging") == tasks(back, "staging")


def test_a_persons_tick_of_the_other_stays() -> None:
    """A tick and a name behind another environment's task are not looked at."""
    ticked = run("staging", None, finding()).replace(b"- [ ] Build:", b"- [x] Build:")
    ticked = ticked.replace(b" <!-- deployer:smoke", b" @ada <!-- deployer:smoke")
    after = run("local", ticked, finding(), round_=8)
    assert tasks(ticked, "staging") == tasks(after, "staging")
    assert health(after, "local").startswith("- [ ] ")


def test_the_latest_run_writes_the_status() -> None:
    """Status, rounds in headings and last lines are the latest run's; APP STATUS says whose they are."""
    text = run("local", run("staging", None, finding()), WELL, round_=8).decode()
    assert "## Current Status: Round 8 Deployment SUCCESSFUL ✅" in text
    assert "### Critical Issues (Round 9):" in text
    assert "**DEPLOYMENT BLOCKED**: 0 critical issues" in text
    assert "**APP STATUS**: May be deployed to local (Round 8)" in text
    assert "- [ ] Build: 🔴 It answered 503 → Mend it [staging]" in text


def untagged(data: bytes) -> bytes:
    return data.replace(b" [staging]", b"")


def test_a_task_without_a_tag_is_anybodys() -> None:
    """A file of older rounds: who still finds it takes it over, who sees it gone ticks it."""
    old = untagged(run("staging", None, finding()))
    taken = run("local", old, finding(), round_=4)
    assert health(taken, "local").startswith("- [ ] Build: 🔴 It answered 503 → Mend it [local] ")
    assert 1 == taken.decode().count(MARK)
    gone = run("local", old, WELL, round_=4)
    assert "- [x] Build: 🔴 It answered 503 → Mend it (DEPLOYMENT_LOG.md" in gone.decode()
    assert 1 == run("local", run("staging", taken, finding(), round_=4), WELL, round_=5).count(b"- [x] Build")


def test_a_task_without_a_tag_beside_ones_own_is_left() -> None:
    """Where a task with one's own tag stands, another without any is not one's own too."""
    old = untagged(run("staging", None, finding()))
    line = next(text for text in old.decode().splitlines(keepends=True) if MARK in text)
    data = run("staging", None, finding()).replace(b"### High", f"{line}\n### High".encode(), 1)
    assert line in run("staging", data, WELL, round_=4).decode()


def test_to_deploy_again_names_its_environment_by_its_marker() -> None:
    """A Re-deploy task of older rounds is known by what its marker ends with."""
    old = untagged(run("staging", None, finding())).decode()
    line = next(text for text in old.splitlines() if "redeploy/staging" in text)
    assert line in run("local", old.encode(), finding(), round_=8).decode()
    fixed = run("staging", old.encode(), WELL, round_=4).decode()
    assert "once the tasks above are ticked [staging] (DEPLOYMENT_LOG.md Error #1) (fixed:" in fixed


def test_waived_is_no_environment() -> None:
    """``[waived]``, which older files end with, is part of the words."""
    old = untagged(run("staging", None, finding())).replace(
        b"Mend it (DEPLOYMENT", b"Mend it [waived] (DEPLOYMENT"
    )
    assert [] == tasks(old, "waived")
    assert health(run("staging", old, finding(), round_=4), "staging")


def test_a_task_twice_is_refused_by_environment() -> None:
    """One key may stand once for each environment, and no more."""
    task = "- [ ] a [{}] <!-- deployer:a.b:c -->\n"
    assert 2 == len(parse_actions((task.format("x") + task.format("y")).encode()).tasks)
    with pytest.raises(FormatError, match=r"line 2: expected one task of a\.b:c in x"):
        parse_actions((task.format("x") * 2).encode())


def test_a_task_of_another_that_a_merge_lost_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The report's own check reads tasks of other environments back, too."""
    merge = next_actions.merge
    theirs = run("local", None, finding())
    monkeypatch.setattr(
        "deployer_lib.reports.build.merge", lambda told, data: merge(told, data).replace(b" [local]", b"")
    )
    reports = build(record(faulty_checks(), given=inputs(next_actions=theirs)))
    assert "fail" == next(check.outcome for check in reports.checks if check.id == "report.next_actions")


SUBJECTS = ("/health", "/ready", "/deep")
OBSERVED = st.one_of(
    st.just((skipped(Skip.CUT, "no time"),)),
    st.sets(st.sampled_from(SUBJECTS)).map(
        lambda bad: tuple(
            finding(one) if one in bad else passed("200", subject=one, seen=1) for one in SUBJECTS
        )
    ),
)
ROUNDS = st.lists(
    st.tuples(st.sampled_from(["staging", "api/staging", "local"]), OBSERVED), min_size=1, max_size=6
)


@settings(max_examples=25)  # each makes some ten reports
@given(ROUNDS)
def test_shared_file_holds_what_files_of_their_own_would(
    rounds: list[tuple[str, tuple[Result, ...]]],
) -> None:
    """However rounds of environments follow on one another, each one's tasks are those of a file of its own."""
    shared: bytes | None = None
    alone: dict[str, tuple[int, bytes | None]] = {}
    for environment, results in rounds:
        round_, own = alone.get(environment, (2, None))
        round_ += 1
        shared = run(environment, shared, *results, round_=round_)
        alone[environment] = round_, run(environment, own, *results, round_=round_)
        assert shared == run(environment, shared, *results, round_=round_)
        for each, (_, file) in alone.items():
            assert tasks(file or b"", each) == tasks(shared, each)

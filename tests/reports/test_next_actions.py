from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_records import earlier, faulty_checks, inputs, record, sound_checks, with_results

from deployer_lib.check import Fix, Location, Result, Skip, errored, failed, skipped
from deployer_lib.reports.actions_parser import parse_actions
from deployer_lib.reports.build import Reports, build
from deployer_lib.reports.text import FormatError, marker

HEALTH = "smoke.health:/health"


def finding(message: str = "It answered 503.", **changes: Any) -> Result:
    return failed(
        message,
        subject="/health",
        root_cause="c",
        impact="i",
        fix=Fix(("Mend it",)),
        locations=[Location("a.py", 1)],
        seen=1,
        **changes,
    )


def merged(data: bytes | None, *results: Result, round_: int = 3) -> bytes:
    """Return what a run with these results of smoke.health makes of the file."""
    given_ = inputs(round=round_, next_actions=data, earlier=(earlier(round_ - 1, {}),))
    checks = with_results(*(("smoke.health", result) for result in results)) if results else sound_checks()
    reports = build(record(checks, given=given_))
    assert reports.next_actions is not None
    assert _outcome(reports) == "pass"
    return reports.next_actions


def _outcome(reports: Reports) -> str:
    return str(next(c.outcome for c in reports.checks if c.id == "report.next_actions"))


def line(data: bytes, key: str = HEALTH) -> str:
    return parse_actions(data).of("staging")[marker(key)].line()


def test_format() -> None:
    """Headings, tasks and last lines are those of FORMATS.md."""
    text = merged(None, finding()).decode()
    assert [found for found in text.splitlines() if found.startswith("#")] == [
        "# Next Actions",
        "## Current Status: Round 3 Deployment FAILED ❌",
        "## 🚨 DEPLOYMENT BLOCKERS - MUST FIX IMMEDIATELY:",
        "### Critical Issues (Round 4):",
        "### High Priority (Round 4):",
        "## AFTER CRITICAL FIXES:",
        "### Re-test (Round 4):",
        "### Re-deploy (Round 4):",
        "## DEFERRED TO FUTURE ROUNDS:",
        "### Medium Priority (Round 5):",
        "### Low Priority (Round 6+):",
    ]
    task = "- [ ] Build: 🔴 It answered 503 → Mend it [staging] (DEPLOYMENT_LOG.md Error #1) <!-- deployer:smoke.health:/health -->"
    assert text.splitlines().count(task) == 1
    assert "**DEPLOYMENT BLOCKED**: 1 critical issue\n" in text
    assert text.splitlines()[-1].startswith("**PRIORITY**: Error #1 first")


def test_merging_twice_changes_nothing() -> None:
    once = build(record(faulty_checks())).next_actions
    twice = build(record(faulty_checks(), given=inputs(next_actions=once))).next_actions
    assert once == twice


def test_gone_is_ticked_with_its_round_and_stays_so() -> None:
    fixed = merged(merged(None, finding()), round_=4)
    said = "- [x] Build: 🔴 It answered 503 → Mend it [staging] (DEPLOYMENT_LOG.md Error #1) (fixed: seen gone in Round 4)"
    assert f"{said} <!-- deployer:{HEALTH} -->" == line(fixed)
    assert line(fixed) == line(merged(fixed, round_=5))
    assert "- [x] Test:" in fixed.decode()
    assert "- [x] Deploy:" in fixed.decode()


@pytest.mark.parametrize("result", [skipped(Skip.CUT, "no time"), errored("no answer")])
def test_not_looked_at_again_is_not_ticked(result: Result) -> None:
    after = merged(merged(None, finding()), result, round_=4)
    assert "- [ ] " in line(after)
    assert "(not looked at again in Round 4)" in line(after)
    assert after == merged(after, result, round_=4)


def test_come_back_is_unticked_and_says_so() -> None:
    fixed = merged(merged(None, finding()), round_=4)
    back = merged(fixed, finding("It answered 500."), round_=5)
    assert line(back).startswith("- [ ] Build: 🔴 It answered 500 →")
    assert "(came back in Round 5)" in line(back)
    assert "(came back in Round 5)" in line(merged(back, finding("It answered 500."), round_=6))


def test_a_persons_tick_and_words_stay() -> None:
    """Somebody ticks a task and adds a name; the finding is still there: both are said."""
    first = merged(None, finding()).replace(b"- [ ] Build:", b"- [x] Build:")
    first = first.replace(b" <!-- deployer:smoke", b" @ada <!-- deployer:smoke")
    after = merged(first, finding(), round_=4)
    assert "- [x] " in line(after)
    assert "Error #1) @ada (ticked, and still there in Round 4) <!--" in line(after)


def test_more_severe_task_moves_up() -> None:
    checks = with_results(("health.headers", finding("No policy.")))
    first = build(record(checks)).next_actions
    worse = {id_: [replace(c, severity=type(c.severity).CRITICAL) for c in cs] for id_, cs in checks.items()}
    after = build(record(worse, given=inputs(next_actions=first))).next_actions or b""
    found = after.decode().splitlines()
    at = next(i for i, text in enumerate(found) if "deployer:health.headers" in text)
    assert found.index("### Critical Issues (Round 4):") < at < found.index("### High Priority (Round 4):")
    assert after == build(record(worse, given=inputs(next_actions=after))).next_actions


OTHERS = """\
# Project notes

Things of ours.

## Team

- [x] Write the docs
- [ ] Plan Round 7 (Round 7)
\t1. indented

| a | b |
|---|---|

```markdown
### Critical Issues (Round 1):
- [ ] Build: in a fence <!-- deployer:smoke.health:/health -->
```

<!-- a comment
- [ ] Build: in a comment <!-- deployer:smoke.health:/health
-->

### Critical Issues (Round 2): see also the board

  - [ ] Ours, indented
- [ ] Another of ours

## Archive
Last words, without a line end"""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_others_wrote_stays(end: str) -> None:
    """Every line of others is there, in its order, with its own line end."""
    data = OTHERS.replace("\n", end).encode()
    after = merged(data, finding())
    rest = iter(after.decode().split(end))
    for kept in OTHERS.replace("(Round 2): see", "(Round 4): see").split("\n"):
        assert kept in rest
    assert b"### Critical Issues (Round 4): see also the board" in after
    assert (b"\r\n" in after) is (end == "\r\n")
    assert after == merged(after, finding())


PIECES = (
    *merged(None, finding()).decode().splitlines(keepends=True),
    *("", "\n", "\r\n", "  note\n", "- [ ] mine\n", "# Next Actions\n", "## Mine\n", "text", "```\n"),
    *("<!--", "-->\n", "**PRIORITY**: mine\n", "---\n", "### Re-test (Round 1): ours\n"),
)
LINES = st.lists(
    st.sampled_from(PIECES) | st.text(st.characters(exclude_categories=["Cs"]), max_size=10), max_size=25
).map("".join)
OURS = ("## Current Status", "**DEPLOYMENT BLOCKED**:", "**APP STATUS**:", "**PRIORITY**:", "Nothing to do.")


def others(text: str) -> list[str]:
    """Return the lines that are not Deployer's, with their ends; a last line may get one."""
    lines = (text if text.endswith("\n") else text + "\n").split("\n")
    return [one for one in lines if one.strip() and not one.startswith(OURS) and "deployer:" not in one]


@given(LINES)
def test_any_file_merges_once_or_stays(text: str) -> None:
    """Whatever stands there, it is merged with nothing lost and stable, or it is left alone and said so."""
    data = text.encode()
    reports = build(record(with_results(("smoke.health", finding())), given=inputs(next_actions=data)))
    if reports.next_actions is None:
        assert reports.next_actions_beside is not None
        assert _outcome(reports) == "fail"
        with pytest.raises(FormatError):
            parse_actions(data)
    else:
        assert _outcome(reports) == "pass"
        rest = iter(
            re.sub(r"\(Round \d+\+?\)", "", one).rstrip("\r") for one in others(reports.next_actions.decode())
        )
        for kept in others(text):
            assert re.sub(r"\(Round \d+\+?\)", "", kept).rstrip("\r") in rest


@pytest.mark.parametrize(
    ("data", "wrong_line"),
    [
        (b"# Next\n\xff\xfe", 2),
        (b"a\0b", 1),
        (b"<<<<<<< ours\n- [ ] a\n=======\n>>>>>>> theirs\n", 1),
        (b"text\n```\nnever closed\n", 2),
        (b"<!-- never closed\n", 1),
        (b"- [ ] a <!-- deployer:a.b:c -->\n- [x] a <!-- deployer:a.b:c -->\n", 2),
    ],
)
def test_unparsable_file_is_left_alone(data: bytes, wrong_line: int) -> None:
    """The file stays, the update goes beside it, and a finding names the line."""
    reports = build(record(with_results(("smoke.health", finding())), given=inputs(next_actions=data)))
    assert reports.next_actions is None
    assert reports.next_actions_beside is not None
    assert reports.next_actions_beside.startswith("# Next Actions\n")
    failed_ = next(c for c in reports.checks if c.id == "report.next_actions")
    assert (failed_.outcome, failed_.result.evidence["line"]) == ("fail", wrong_line)
    assert "report.next_actions" in reports.log
    assert "report.next_actions" in reports.next_actions_beside

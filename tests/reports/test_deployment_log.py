from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_records import check, faulty_checks, inputs, record, sound_checks, with_results

from deployer_lib.catalogue import BOXES, Severity
from deployer_lib.check import Code, Fix, Location, Provenance, Result, Skip, errored, failed, passed, skipped
from deployer_lib.reports.build import build
from deployer_lib.reports.deployment_log import findings_of
from deployer_lib.reports.document import Document, Fence, Group, Line, Section, read, write
from deployer_lib.reports.log_parser import parse_log
from deployer_lib.reports.text import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable

PIECES = (
    "`",
    "```",
    "~~~",
    "\n",
    "\r",
    "\n# ",
    "\n## ",
    "\n### ",
    "\n---\n",
    "**",
    ": ",
    "- [x] ",
    "1. ",
    "<!--",
    "-->",
)
HOSTILE = st.lists(st.sampled_from(PIECES) | st.text(st.characters(), max_size=4), max_size=12).map("".join)
FINDINGS = st.builds(
    lambda message, subject, cause, impact, step, file, line, language, code, docs, minutes, extra: failed(
        message,
        subject=subject,
        root_cause=cause,
        impact=impact,
        fix=Fix((step,), (Code(file, code, line, language),), docs, minutes),
        locations=[Location(file, line)],
        extra=extra,
    ),
    HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, st.integers(0, 9), HOSTILE, HOSTILE, HOSTILE,
    st.integers(0, 500), HOSTILE | st.integers() | st.floats() | st.lists(HOSTILE, max_size=2),
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "checks"), [("go", sound_checks()), ("no_go", faulty_checks())], ids=["go", "no-go"]
)
def test_golden(name: str, checks: dict[str, Any], golden: Callable[[str, bytes], None]) -> None:
    reports = build(record(checks))
    golden(f"{name}.DEPLOYMENT_LOG.md", reports.log.encode())
    golden(f"{name}.NEXT_ACTIONS.md", reports.next_actions or b"")


def test_same_record_same_bytes() -> None:
    """The reports hold nothing of the day on which they are made."""
    assert build(record(faulty_checks())) == build(record(faulty_checks()))


@settings(max_examples=60)
@given(st.lists(st.tuples(FINDINGS, st.sampled_from(Severity)), max_size=4))
def test_any_text_in_a_finding_is_read_back(found: list[tuple[Result, Severity]]) -> None:
    """Whatever a finding holds, the log parses and says the same, in every field."""
    checks = sound_checks()
    checks["team.any"] = [check("team.any", result, severity) for result, severity in found]
    reports = build(record(checks))
    log = parse_log(reports.log)
    assert findings_of(reports.checks, {}) == log.findings
    assert _outcome(reports.checks, "report.log") == "pass"
    assert all(line.splitlines() in ([], [line]) for line in reports.log.split("\n"))


def _outcome(checks: Any, id_: str) -> str:
    return str(next(c.outcome for c in checks if c.id == id_))


TEXTS = st.text(st.characters(), min_size=1, max_size=20)
ITEMS = st.lists(
    st.builds(Line, st.sampled_from(["-", "- [x]", "- [ ]", "12."]), TEXTS)
    | st.builds(Fence, TEXTS, st.sampled_from(["", "python", "c++"])),
    max_size=3,
)


@given(TEXTS, ITEMS)
def test_document_is_read_back(text: str, items: list[Line | Fence]) -> None:
    """What is written is read the same once it is clean; a second round changes nothing."""
    group = Group(text, text, tuple(items), heading=True, key="a:b")
    label = Group("Label", text, tuple(items), detail="(1 of 2)")
    document = Document(text, (Section(text, (group, label), tuple(items)), Section("Empty", note="None.")))
    again = read(write(document))
    assert again == read(write(again))
    assert [len(g.items) for g in again.sections[0].groups] == [len(items), len(items)]


def test_sections_say_not_checked_where_nothing_was_observed() -> None:
    """A run that ended in preflight shows no made-up value."""
    made = {"preflight.tests": sound_checks()["preflight.tests"]}
    log = build(record(made)).log
    for line in (
        "**Deployed At**: NOT CHECKED",
        "**Deployment Time**: NOT CHECKED",
        "**Bundle Size**: NOT CHECKED",
        "- Average latency: NOT CHECKED",
        "- [ ] HTTPS enforced - NOT CHECKED",
        "- Local logs: ⚠️ NOT CHECKED",
        "**Previous Version**: NOT CHECKED",
        "- [ ] Build succeeds without errors - NOT CHECKED",
    ):
        assert line in log.splitlines()
    ticked = [box.title for box in parse_log(log).checklist if box.ticked]
    assert [BOXES[11], BOXES[12]] == ticked


def test_hostile_evidence_is_no_value() -> None:
    """Observations of the wrong kind read NOT CHECKED and break nothing."""
    wrong = {
        "duration_s": float("nan"),
        "warnings": "many",
        "errors": None,
        "version": 7,
        "deployed_at": "soon",
    }
    checks = with_results(
        ("build.run", passed("built", **wrong)),  # type: ignore[arg-type]
        ("deploy.run", passed("deployed", **wrong)),  # type: ignore[arg-type]
        ("build.size", passed("sized", raw_bytes=float("inf"), files=["a", {"raw_bytes": True}])),
        ("health.load_quick", passed("loaded", mean_ms="fast", errors=True, throughput_per_s=None)),
    )
    log = build(record(checks)).log
    assert "**Build Time**: NOT CHECKED" in log
    assert "**Bundle Size**: NOT CHECKED" in log
    assert "- Errors: NOT CHECKED" in log


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (skipped(Skip.UNAVAILABLE, "no tool"), "NOT CHECKED (health.metrics)"),
        (errored("no answer"), "NOT CHECKED (health.metrics)"),
        (skipped(Skip.NOT_APPLICABLE, "a job"), None),
        (
            replace(passed("text", families=3), provenance=Provenance.DIAGNOSTIC),
            "NOT CHECKED (health.metrics)",
        ),
    ],
)
def test_unobserved_line_is_not_ticked(result: Result, said: str | None) -> None:
    """A line with one check that was not told stays open, whatever else passed."""
    log = parse_log(build(record(with_results(("health.metrics", result)))).log)
    box = log.checklist[8]
    assert (box.title, box.ticked) == ((BOXES[8], True) if said is None else (f"{BOXES[8]} - {said}", False))


def test_diagnostic_copy_is_said_in_the_title() -> None:
    seen = failed(
        "No log.", root_cause="c", impact="i", fix=Fix(("s",)), provenance=Provenance.DIAGNOSTIC, lines=0
    )
    log = parse_log(build(record(with_results(("health.logs_written", seen)))).log)
    assert [f.title for f in log.findings if f.key == "health.logs_written:"] == ["No log (diagnostic copy)"]


def test_round_without_history() -> None:
    log = build(record(given=inputs(round=1, history=False, earlier=()))).log
    assert log.startswith("# Deployment Log - Round 1 (no history)\n")
    assert parse_log(log).history is False


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# Deployment Log - Round 3", "# Deployment Log"),
        ("**Status**: ❌ DEPLOYMENT FAILED", "**Status**: FAILED"),
        ("## Build Analysis", "## Build"),
        ("**Build Time**: 41s\n\n", ""),
        ("### Error #2:", "### Error #3:"),
        ("### Issue #2:", "### Issue #1:"),
        ("**Severity**: 🟠 HIGH", "**Severity**: HIGH"),
        ("**Root Cause**: src/shop", "Root Cause: src/shop"),
        ("**Priority**: MUST FIX", "**Priority**: FIX"),
        ("**Blocking Issues**: 3 critical", "**Blocking Issues**: three"),
        ("**Status**: ❌ **DO NOT DEPLOY**", "**Status**: ✅ **DEPLOY**"),
        ("- [x] Rollback plan documented", "- [x] Rollback plan"),
        ("\n4. GET", "\n5. GET"),
        ("---\n\n### Error #2", "### Error #2"),
        ("- [x] Performance acceptable\n", ""),
        ("````\n\n- Impact", "```\n\n- Impact"),
    ],
)
def test_parser_refuses(old: str, new: str) -> None:
    """The parser is strict: one sign, label, number or heading out of its place is an error."""
    log = build(record(faulty_checks())).log
    assert old in log
    with pytest.raises(FormatError, match="expected"):
        parse_log(log.replace(old, new, 1))


def test_every_cut_of_the_log_is_refused() -> None:
    """A log that was cut off says so, wherever it was cut."""
    log = build(record(faulty_checks())).log
    lines = log.splitlines(keepends=True)
    for end in range(0, len(lines) - 1, 7):
        with pytest.raises(FormatError):
            parse_log("".join(lines[:end]))

"""The reader of TEST_REPORT.md, on reports as differently written as people write them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deployer_lib.probes.test_report import TrialReport, read_report

CORPUS = sorted((Path(__file__).parent / "reports").glob("*.md"))


def summary(report: TrialReport) -> dict[str, str]:
    open_ = [bug for bug in report.bugs if not bug.fixed]
    totals = report.totals
    ready = None if not report.readiness else all(said.ready for said in report.readiness)
    stated = max((count.open for count in report.counts), default=0)
    return {
        "open": str(len(open_)),
        "fixed": str(len(report.bugs) - len(open_)),
        "known": "yes" if report.bugs or report.counts else "no",
        "stated": str(stated),
        "passed": str(sum(total.passed for total in totals)) if totals else "none",
        "failed": str(sum(total.failed for total in totals)) if totals else "none",
        "security": f"{sum(box.ticked for box in report.security)}/{len(report.security)}"
        if report.security
        else "none",
        "ready": {None: "none", True: "yes", False: "no"}[ready],
    }


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_a_report_is_read_as_a_person_reads_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    header = re.match(r"<!-- expect: (.*) -->", text)
    assert header is not None
    expected = dict(pair.split("=") for pair in header.group(1).split())
    found = summary(read_report(text))
    assert expected == {name: value for name, value in found.items() if name in expected}


def test_lines_are_those_of_the_file() -> None:
    report = read_report("# T\n\n<!-- a\nb -->\n- 🔴 Bad thing\n\n```\nx\n```\nReady for deployment: no\n")
    assert ([5], [10]) == ([bug.line for bug in report.bugs], [said.line for said in report.readiness])


def test_the_corpus_is_there() -> None:
    assert len(CORPUS) >= 15

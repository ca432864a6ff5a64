"""Preflight: what other roles wrote decides whether the target is touched at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deployer_lib.check import Outcome, Result
from deployer_lib.probes import architecture as architecture_module
from deployer_lib.probes import preflight

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer_lib.probes.context import Context

    Make = Callable[..., Context]

REPORT = """# Test Report
Tests: 3 passed, 0 failed
## Critical bugs
- [x] Broken login
## Security checklist
- [x] HTTPS
## End
Ready for deployment: ✅ yes
"""
BASE = "http://127.0.0.1:9"


def made(context: Make, report: str | None = REPORT, **files: str) -> Context:
    texts = {"_coordination/ARCHITECTURE.md": "# A\n", "_coordination/NEXT_ACTIONS.md": "# N\n"}
    if report is not None:
        texts["_coordination/TEST_REPORT.md"] = report
    return context(BASE, files={**texts, **files})


def outcomes(results: object) -> list[Outcome]:
    assert isinstance(results, list)
    return [result.outcome for result in results]


def test_three_files_pass_and_a_missing_one_is_a_finding(context: Make) -> None:
    assert [Outcome.PASS] * 3 == outcomes(list(preflight.coordination(made(context))))
    ctx = made(context)
    (ctx.project / "_coordination/NEXT_ACTIONS.md").unlink()
    (ctx.project / "_coordination/ARCHITECTURE.md").write_text("", encoding="utf-8")
    found = [result for result in preflight.coordination(ctx) if result.outcome is Outcome.FAIL]
    assert [("ARCHITECTURE.md", "is empty"), ("NEXT_ACTIONS.md", "is missing")] == [
        (result.subject, result.message[-len(why) - 1 : -1])
        for result, why in zip(found, ("is empty", "is missing"), strict=True)
    ]
    assert all(result.fix.code[0].text for result in found)


def test_a_sound_report_passes_every_question(context: Make) -> None:
    ctx = made(context)
    for probe in (preflight.critical_bugs, preflight.security_checklist, preflight.ready):
        (result,) = probe(ctx)
        assert (Outcome.PASS, True) == (result.outcome, bool(result.evidence))


@pytest.mark.parametrize(
    ("probe", "fault", "line"),
    [
        (preflight.critical_bugs, ("- [x] Broken", "- [ ] Broken"), 4),
        (preflight.security_checklist, ("- [x] HTTPS", "- [ ] HTTPS"), 6),
        (preflight.ready, ("✅ yes", "❌ NO"), 8),
    ],
)
def test_each_fault_is_a_finding_with_its_line(
    context: Make, probe: Callable[[Context], list[Result]], fault: tuple[str, str], line: int
) -> None:
    (result,) = probe(made(context, REPORT.replace(*fault)))
    assert (Outcome.FAIL, "_coordination/TEST_REPORT.md", line) == (
        result.outcome,
        result.locations[0].file,
        result.locations[0].line,
    )
    assert result.fix.code
    assert result.root_cause
    assert result.impact


@pytest.mark.parametrize("report", [None, "", "# Test Report\nNothing.\n"])
def test_what_is_not_said_is_an_error_and_never_a_pass(context: Make, report: str | None) -> None:
    ctx = made(context, report)
    for probe in (preflight.critical_bugs, preflight.security_checklist, preflight.ready):
        assert [Outcome.ERROR] == outcomes(list(probe(ctx)))


def test_a_number_of_open_bugs_without_names_is_a_finding(context: Make) -> None:
    (result,) = preflight.critical_bugs(made(context, "# R\nCritical bugs: 2\n"))
    assert (Outcome.FAIL, 2) == (result.outcome, result.evidence["open"])


ARCHITECTURE = """# Architecture
| Service | Port |
| --- | --- |
| shop | 8000 |

## Environment variables
- `SHOP_KEY` is required
- `PORT`
"""
CODE = "import os\nkey = os.environ['SHOP_KEY']\nport = os.environ.get('PORT', '8000')\n"


def compared(context: Make, text: str, code: str = CODE, **sections: object) -> list[Result]:
    ctx = context(BASE, files={"_coordination/ARCHITECTURE.md": text, "app.py": code}, **sections)
    return list(architecture_module.architecture(ctx))


def test_an_architecture_that_agrees_passes(context: Make) -> None:
    assert [Outcome.PASS, Outcome.PASS] == outcomes(compared(context, ARCHITECTURE))


def test_differences_in_names_and_ports_are_findings_with_lines(context: Make) -> None:
    wrong = ARCHITECTURE.replace("SHOP_KEY", "SHOP_KAY").replace("8000", "9000")
    found = compared(context, wrong)
    assert {("SHOP_KAY", 7), ("port 9000", 4)} == {
        (result.subject, result.locations[0].line) for result in found
    }
    assert {Outcome.FAIL} == set(outcomes(found))


def test_an_architecture_without_names_is_an_error(context: Make) -> None:
    assert [Outcome.ERROR] == outcomes(compared(context, "# Architecture\nOne process.\n"))


def test_ports_that_nothing_declares_are_an_error(context: Make) -> None:
    assert [Outcome.ERROR] == outcomes(
        compared(
            context, "# A\nport 8000\n", "x = 1\n", deploy={"kind": "none", "address": "http://h.example"}
        )
    )

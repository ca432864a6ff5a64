"""Variables of the code against the example file, the documents and the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployer_lib.catalogue import Severity
from deployer_lib.check import Outcome, Result, Skip
from deployer_lib.probes.variables_probe import variables_documented, variables_read, variables_set

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer_lib.probes.context import Context

    Make = Callable[..., Context]

BASE = "http://127.0.0.1:9"
CODE = "import os\nkey = os.environ['SHOP_KEY']\nlevel = os.getenv('LOG_LEVEL', 'info')\nhome = os.environ['HOME']\n"
EXAMPLE = "# Signs tokens\nSHOP_KEY=abc\n# LOG_LEVEL=info\n"
README = "# Shop\n| `SHOP_KEY` | signs tokens |\n| `LOG_LEVEL` | debug or info |\n"


def made(context: Make, **files: str) -> Context:
    return context(BASE, files={"app/main.py": CODE, ".env.example": EXAMPLE, "README.md": README, **files})


def by_subject(results: object) -> dict[str, Result]:
    assert isinstance(results, list)
    return {result.subject: result for result in results}


def test_reads_are_listed_with_place_need_and_fallback(context: Make) -> None:
    (result,) = variables_read(made(context))
    assert Outcome.PASS is result.outcome
    assert {
        "name": "LOG_LEVEL", "need": "default", "default": "info",
        "references": [{"file": "app/main.py", "line": 3, "column": 9, "idiom": "os.getenv"}],
    } in result.evidence["variables"]  # type: ignore[operator]  # fmt: skip


def test_a_file_that_does_not_parse_is_a_finding_with_its_line(context: Make) -> None:
    (result,) = variables_read(made(context, **{"app/bad.py": "x = 1\ndef (:\n"}))
    assert (Outcome.FAIL, "app/bad.py", 2) == (
        result.outcome, result.locations[0].file, result.locations[0].line,
    )  # fmt: skip


def test_no_source_is_an_error(context: Make) -> None:
    for probe in (variables_read, variables_documented, variables_set):
        assert [Outcome.ERROR] == [result.outcome for result in probe(context(BASE, files={"a.txt": "x"}))]


def test_documented_variables_pass_and_the_platform_s_are_left_out(context: Make) -> None:
    found = by_subject(list(variables_documented(made(context))))
    assert {"SHOP_KEY": Outcome.PASS, "LOG_LEVEL": Outcome.PASS} == {k: r.outcome for k, r in found.items()}


def test_an_undocumented_variable_is_a_finding_with_lines_to_paste(context: Make) -> None:
    found = by_subject(
        list(variables_documented(made(context, **{"README.md": "# Shop\n", ".env.example": ""})))
    )
    required, default = found["SHOP_KEY"], found["LOG_LEVEL"]
    assert (Severity.HIGH, Severity.LOW) == (required.severity, default.severity)
    assert [".env.example", "README.md"] == [code.file for code in required.fix.code]
    assert "# LOG_LEVEL=info" == default.fix.code[0].text
    assert "| `SHOP_KEY` | yes |" in required.fix.code[1].text
    assert ("app/main.py", 2) == (required.locations[0].file, required.locations[0].line)


def test_a_longer_name_does_not_document_a_shorter_one(context: Make) -> None:
    found = by_subject(list(variables_documented(made(context, **{"README.md": "SHOP_KEY_ID LOG_LEVEL\n"}))))
    assert Outcome.FAIL is found["SHOP_KEY"].outcome


def test_a_missing_example_file_is_one_finding_with_the_whole_file(context: Make) -> None:
    ctx = context(BASE, files={"app/main.py": CODE, "README.md": README})
    found = by_subject(list(variables_documented(ctx)))
    text = found[".env.example"].fix.code[0].text
    assert "\nSHOP_KEY=" in text
    assert "\n# LOG_LEVEL=info" in text
    assert {"SHOP_KEY": Outcome.PASS, "LOG_LEVEL": Outcome.PASS} == {
        k: r.outcome for k, r in found.items() if k != ".env.example"
    }


def test_names_that_parameters_leave_out_are_left_out(context: Make) -> None:
    ctx = context(
        BASE, files={"a.py": CODE}, variables={"ignore": {"SHOP_KEY": "tests", "LOG_LEVEL": "tests"}}
    )
    assert [Outcome.PASS] == [result.outcome for result in variables_documented(ctx)]


def test_set_variables_pass_and_are_handed_on(context: Make) -> None:
    ctx = made(context)
    ctx.target.names = frozenset({"SHOP_KEY"})  # type: ignore[attr-defined]
    found = by_subject(list(variables_set(ctx)))
    assert {Outcome.PASS} == {result.outcome for result in found.values()}
    assert ("SHOP_KEY",) == ctx.memo["required"]
    assert {"LOG_LEVEL": "default"} == found["optional variables"].evidence["unset"]


def test_an_unset_required_variable_is_a_finding_with_its_line(context: Make) -> None:
    ctx = made(context)
    ctx.target.names = frozenset()  # type: ignore[attr-defined]
    result = by_subject(list(variables_set(ctx)))["SHOP_KEY"]
    assert (Outcome.FAIL, "parameters/test.yaml") == (result.outcome, result.fix.code[0].file)
    assert "deploy:\n  variables:\n    SHOP_KEY: abc" == result.fix.code[0].text
    assert ("abc", "Signs tokens") == (result.evidence["example"], result.evidence["description"])


def test_a_secret_s_fix_keeps_its_value_out_of_the_file(context: Make) -> None:
    ctx = context(BASE, files={"a.py": "import os\nx = os.environ['JWT_SECRET']\n"})
    ctx.target.names = frozenset()  # type: ignore[attr-defined]
    (result,) = variables_set(ctx)
    assert 'JWT_SECRET: "${env:JWT_SECRET}"' in result.fix.code[0].text


def test_a_target_that_does_not_tell_is_unavailable(context: Make) -> None:
    assert [Skip.UNAVAILABLE] == [result.skip for result in variables_set(made(context))]

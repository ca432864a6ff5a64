"""What notebooks show: readable without styles, harmless whatever an application answered, and small."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from deployer_lib.catalogue import CATALOGUE
from deployer_lib.check import (
    CHECKS_MIME,
    Check,
    Code,
    Fix,
    Location,
    Provenance,
    Skip,
    errored,
    failed,
    passed,
    skipped,
)
from deployer_lib.redaction import Redactor
from deployer_lib.show import checks_bundle, headline, parameters_bundle, table_bundle

if TYPE_CHECKING:
    from deployer_lib.check import JSONValue, Result

HOSTILE = '<script>alert(1)</script> | [a](javascript:x) *"& `'
FIX = Fix(("Set it.",), (Code("src/app.py", "x = '```'\n", 3, "python"),), "https://12factor.net/config", 5)


def check(check_id: str, result: Result) -> Check:
    spec = CATALOGUE[check_id]
    severity = result.severity or spec.severity
    return Check(spec.id, spec.row, spec.phase, spec.title, spec.effect, severity, result, "", 1.0)


def finding(message: str = "It is down.", *, subject: str = "", body: str = "") -> Result:
    return failed(
        message,
        root_cause="No one listens.",
        impact="No answer.",
        fix=FIX,
        locations=[Location("src/app.py", 3)],
        subject=subject,
        body=body,
    )


def text(bundle: dict[str, object], kind: str) -> str:
    shown = bundle[kind]
    assert isinstance(shown, str)
    return shown


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002  (the base class's)
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def without_styles(html: str) -> _Words:
    words = _Words()
    words.feed(html)
    return words


def test_findings_come_first_with_cause_place_and_fix() -> None:
    """A phase that ends shows its worst first, and each form says cause, place, fix and code without any style."""
    checks = [
        check("smoke.unknown_path", passed("404", status=404)),
        check("smoke.database", errored("No answer in time.")),
        check("smoke.health", finding()),
        check("smoke.cors", skipped(Skip.BLOCKED, "smoke.health did not pass", because="smoke.health")),
    ]
    bundle = checks_bundle("smoke", checks, closed=True)
    assert "❌ 1 fail · ⚠️ 1 could not tell · ⏭️ 1 skipped · ✅ 1 pass" == headline(checks)
    seen = "".join(without_styles(text(bundle, "text/html")).words)
    for shown in (seen, text(bundle, "text/markdown")):
        order = [
            shown.index(word)
            for word in ("smoke: ❌", "❌ fail", "⚠️ could not tell", "skipped: blocked", "✅ pass")
        ]
        assert sorted(order) == order
        for words in ("🔴 critical", "No one listens.", "No answer.", "src/app.py:3", "Set it.", "x = '```'"):
            assert words in shown
    assert "````python" in text(bundle, "text/markdown")  # a fence longer than any run inside


@pytest.mark.parametrize("closed", [True, False])
def test_what_an_application_answered_stays_text(closed: bool) -> None:  # noqa: FBT001  (a parameter of the test)
    """Markup in messages, subjects, evidence and fixes is shown, never obeyed."""
    result = replace(finding(HOSTILE, body=HOSTILE, subject=HOSTILE), root_cause=HOSTILE)
    bundle = checks_bundle("smoke", [check("smoke.health", result)], closed=closed)
    words = without_styles(text(bundle, "text/html"))
    assert "script" not in words.tags
    assert HOSTILE in "".join(words.words)
    outside_code = re.sub(r"(?s)````.*?````", "", text(bundle, "text/markdown"))
    assert "<script" not in outside_code
    assert "[a](javascript" not in outside_code


@pytest.mark.parametrize("closed", [True, False])
def test_secrets_are_found_in_every_form(closed: bool) -> None:  # noqa: FBT001  (a parameter of the test)
    """However a check's text is put into HTML, Markdown and text, the redactor still finds a secret in it."""
    secret = "pa&ss<wo>rd*12_34[5]/67:8'9\"0"
    redactor = Redactor()
    redactor.add(secret, name="TOKEN")
    said = f"It answered {secret}."
    checks = [
        check("smoke.health", replace(finding(said, body=said), root_cause=said)),
        check("smoke.database", errored(said, root_cause=said)),
        check("smoke.cors", skipped(Skip.UNAVAILABLE, said)),
        check(
            "smoke.unknown_path",
            passed(said, subject=secret, body=said, answer={"body": [said]}, lines=[said]),
        ),
    ]
    shown = str(redactor.redact(checks_bundle("smoke", checks, closed=closed), "display_data"))
    assert "[secure]" in shown
    for part in ("wo", "12_34", "67:8"):
        assert part not in shown.replace("word", "")


def test_only_tags_that_an_untrusted_notebook_keeps() -> None:
    """No style element, script, class or picture from elsewhere is relied on."""
    bundle = checks_bundle("smoke", [check("smoke.health", finding())], closed=False)
    allowed = {
        "div",
        "p",
        "b",
        "br",
        "code",
        "pre",
        "details",
        "summary",
        "ol",
        "ul",
        "li",
        "a",
        "table",
        "tbody",
        "tr",
        "td",
    }
    assert without_styles(text(bundle, "text/html")).tags <= allowed


def test_subjects_that_passed_are_one_row() -> None:
    """Ten endpoints that answered are one line, and unfold to ten; a finding among them stays a card of its own."""
    checks = [check("smoke.endpoints", passed("200", subject=f"/{n}", status=200)) for n in range(10)]
    html = text(checks_bundle("smoke", checks, closed=False), "text/html")
    assert 1 == html.count("<tr>")
    assert "holds for 10 subjects" in html
    assert 10 == html.count("<li>")


def test_what_was_seen_on_a_copy_says_so() -> None:
    """An observation on a mended copy is never read as one on the target."""
    result = replace(passed("200", status=200), provenance=Provenance.DIAGNOSTIC)
    bundle = checks_bundle("smoke", [check("smoke.health", result)], closed=True)
    for kind in ("text/html", "text/markdown"):
        assert "seen on a mended copy" in text(bundle, kind)


def test_long_evidence_is_cut_in_what_people_see_alone() -> None:
    """A log of a megabyte costs the page some kilobytes; the JSON keeps it all."""
    bundle = checks_bundle(
        "smoke", [check("smoke.health", passed("200", log=["line " * 20] * 1000))], closed=False
    )
    assert 10_000 > len(text(bundle, "text/html"))
    data = bundle[CHECKS_MIME]
    assert isinstance(data, dict)
    assert 1000 == len(data["checks"][0]["evidence"]["log"])


def test_given_parameters_stand_above_defaults() -> None:
    """What was given shows with file and line; two hundred defaults cost a few kilobytes, folded."""
    rows = [("smoke.health.path", "/health", "parameters/x.yaml", 7)]
    rows += [(f"load.{n}", "0", "default", 0) for n in range(200)]
    bundle = parameters_bundle(rows)
    html = text(bundle, "text/html")
    seen = "".join(without_styles(html).words)
    assert seen.index("parameters/x.yaml:7") < seen.index("load.199")
    assert "1 parameters from parameters/x.yaml; 200 are defaults" == text(bundle, "text/plain").rstrip(".")
    assert 5_000 > len(html)


def test_a_header_without_names() -> None:
    """A table whose head is empty shows no empty row."""
    bundle = table_bundle("Deployer", ("", ""), [("target", "http://127.0.0.1:1"), ("who", HOSTILE)])
    assert "<th" not in text(bundle, "text/html")
    assert 3 == len(text(bundle, "text/plain").splitlines())


def test_variables_by_what_is_to_be_done() -> None:
    """The environment phase ends with a table of its variables: to be set, to be written down, fine."""
    reads: list[JSONValue] = [
        {"name": name, "need": need, "default": None, "references": [{"file": "a.py", "line": n}]}
        for n, (name, need) in enumerate(
            [("FINE", "required"), ("LOST", "required"), ("QUIET", "default")], 1
        )
    ]
    checks = [
        check("environment.variables_read", passed("3", variables=reads)),
        check(
            "environment.variables_documented", passed("x", subject="FINE", in_example=True, documented=True)
        ),
        check("environment.variables_documented", finding(subject="QUIET")),
        check("environment.variables_set", passed("x", subject="FINE", set=True)),
        check("environment.variables_set", replace(finding(subject="LOST"), evidence={"set": False})),
    ]
    checks[2] = replace(
        checks[2], result=replace(checks[2].result, evidence={"in_example": False, "documented": True})
    )
    shown = text(checks_bundle("environment", checks, closed=True), "text/markdown")
    assert "Environment variables: 3 are read, 2 need something" in shown
    rows = [line for line in shown.splitlines() if re.match(r"\| (❌|✅) (set|write|fine)", line)]
    assert ["LOST", "QUIET", "FINE"] == [row.split("|")[2].strip() for row in rows]
    assert "| ❌ set it | LOST | required |  | a.py:2 | ? | ? | no |" == rows[0]

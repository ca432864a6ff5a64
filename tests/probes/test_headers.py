"""F11: a sound server passes, and each header that is missing or weak is a finding of its own."""

from __future__ import annotations

from typing import Any

import pytest

from deployer_lib.catalogue import Severity
from deployer_lib.check import Outcome, Result, Skip
from deployer_lib.probes.csp import Weakness, policies, weaknesses
from deployer_lib.probes.headers import headers

_SOUND = {
    "Content-Type": "text/html; charset=utf-8",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
_NAMES = [*list(_SOUND)[1:], "Server"]


def _judge(served: Any, context: Any, sent: Any, **sections: Any) -> dict[str, Result]:
    ctx = context(served(lambda _: (200, sent, "<html></html>")), **sections)
    return {result.subject: result for result in headers(ctx)}


def test_a_sound_server_passes_every_header(served: Any, context: Any) -> None:
    found = _judge(served, context, _SOUND)
    assert list(found) == _NAMES or set(found) == set(_NAMES)
    assert {result.outcome for result in found.values()} == {Outcome.PASS}
    assert all(result.evidence for result in found.values())


@pytest.mark.parametrize("name", list(_SOUND)[1:])
def test_each_missing_header_is_its_own_finding(served: Any, context: Any, name: str) -> None:
    """One fault, one finding: with its cause, its impact and code to paste."""
    sent = {key: value for key, value in _SOUND.items() if key != name}
    if name == "X-Frame-Options":  # frame-ancestors makes it needless, so that goes too
        sent["Content-Security-Policy"] = "default-src 'self'; base-uri 'none'"
    found = _judge(served, context, sent)
    assert [n for n, result in found.items() if result.outcome is Outcome.FAIL] == [name]
    assert found[name].root_cause
    assert found[name].impact
    assert name in found[name].fix.code[0].text


@pytest.mark.parametrize(
    ("name", "value", "severity"),
    [
        ("Strict-Transport-Security", "max-age=0", Severity.MEDIUM),
        ("Strict-Transport-Security", "max-age=15552000", Severity.LOW),
        ("Strict-Transport-Security", "includeSubDomains", None),
        ("X-Content-Type-Options", "sniff", None),
        ("X-Frame-Options", "ALLOW-FROM https://shop.example", None),
        ("Referrer-Policy", "unsafe-url", Severity.LOW),
        ("Server", "nginx/1.18.0", Severity.LOW),
        ("X-Powered-By", "Express", Severity.LOW),
        ("Content-Security-Policy", "default-src 'self' 'unsafe-inline'; base-uri 'none'", None),
        ("Content-Security-Policy", "default-src *; base-uri 'none'", None),
        ("Content-Security-Policy", "default-src 'self'", Severity.LOW),
        ("Content-Security-Policy", "script-src 'self'; base-uri 'none'", Severity.MEDIUM),
        ("Content-Security-Policy-Report-Only", "default-src 'self'", None),
    ],
)
def test_each_weak_value_is_a_finding(
    served: Any, context: Any, name: str, value: str, severity: Severity | None
) -> None:
    """A header that is there and does nothing is no better than none."""
    sent = {**_SOUND, name: value}
    if name == "X-Frame-Options":
        sent["Content-Security-Policy"] = "default-src 'self'; base-uri 'none'"
    if name.endswith("Report-Only"):
        del sent["Content-Security-Policy"]
    found = _judge(served, context, sent)
    bad = [result for result in found.values() if result.outcome is Outcome.FAIL]
    assert len(bad) == 1
    assert bad[0].severity is severity


def test_json_needs_no_headers_of_pages(served: Any, context: Any) -> None:
    """Frames, scripts and referrers are matters of HTML: not applicable, which is neither pass nor finding."""
    url = served(
        lambda _: (200, {"Strict-Transport-Security": "max-age=31536000; includeSubDomains",
                         "X-Content-Type-Options": "nosniff"}, {"ok": True})
    )  # fmt: skip
    found = {result.subject: result for result in headers(context(url))}
    for name in ("X-Frame-Options", "Content-Security-Policy", "Referrer-Policy"):
        assert found[name].skip is Skip.NOT_APPLICABLE
    assert found["X-Content-Type-Options"].outcome is Outcome.PASS


def test_frame_ancestors_serves_instead_of_x_frame_options(served: Any, context: Any) -> None:
    sent = {key: value for key, value in _SOUND.items() if key != "X-Frame-Options"}
    assert _judge(served, context, sent)["X-Frame-Options"].outcome is Outcome.PASS


def test_without_https_there_is_no_transport_security(served: Any, context: Any) -> None:
    found = _judge(served, context, _SOUND, health={"headers": {"paths": ["/"], "https": False}})
    assert found["Strict-Transport-Security"].skip is Skip.NOT_APPLICABLE


def test_an_error_page_is_not_the_application(served: Any, context: Any) -> None:
    """A framework's own 404 may carry headers that no real page has: could not tell."""
    ctx = context(served(lambda _: (404, _SOUND, "nothing")), health={"headers": {"paths": ["/"]}})
    assert [(result.outcome, result.subject) for result in headers(ctx)] == [(Outcome.ERROR, "/")]


def test_an_api_without_a_page_at_the_root_is_asked_elsewhere(served: Any, context: Any) -> None:
    """Where no path is declared, a declared endpoint stands in for ``/``."""
    url = served(lambda asked: (200 if asked.path == "/items" else 404, _SOUND, "[]"))
    found = list(headers(context(url, smoke={"endpoints": [{"path": "/items"}]})))
    assert {result.outcome for result in found} == {Outcome.PASS}
    assert "/items" in str(found[0].evidence["paths"])


def test_the_place_where_the_header_is_set_is_named(served: Any, context: Any) -> None:
    sent = {**_SOUND, "Strict-Transport-Security": "max-age=60"}
    url = served(lambda _: (200, sent, "<html></html>"))
    source = 'import x\nHEADERS = {"Strict-Transport-Security": "max-age=60"}\n'
    ctx = context(url, files={"src/app.py": source})
    found = {result.subject: result for result in headers(ctx)}["Strict-Transport-Security"]
    assert [(place.file, place.line) for place in found.locations] == [("src/app.py", 2)]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (["default-src 'none'; base-uri 'self'"], ()),
        (["script-src 'nonce-abc' 'unsafe-inline'; object-src 'none'; base-uri 'none'"], ()),
        (["script-src 'nonce-abc' 'strict-dynamic' https:; object-src 'none'; base-uri 'none'"], ()),
        (["default-src 'self'; script-src 'unsafe-eval'; base-uri 'none'"], (Weakness.EVAL,)),
        (["default-src 'self', base-uri 'none'"], ()),  # two policies, both enforced
        (["default-src https:; base-uri 'none'"], (Weakness.WIDE,)),
        (["upgrade-insecure-requests"], tuple(Weakness)),
        ([], tuple(Weakness)),
    ],
)  # fmt: skip
def test_policies_are_judged_as_browsers_combine_them(
    policy: list[str], expected: tuple[Weakness, ...]
) -> None:
    assert weaknesses(policies(policy)) == expected


def test_an_application_that_sets_none_is_one_finding_that_names_all(served: Any, context: Any) -> None:
    """One cause, one finding: five headers that one missing middleware would send."""
    found = _judge(served, context, {"Content-Type": "text/html"})
    assert ["security headers"] == [n for n, result in found.items() if result.outcome is Outcome.FAIL]
    result = found["security headers"]
    for name in ("Strict-Transport-Security", "X-Content-Type-Options", "Content-Security-Policy"):
        assert name in result.message
        assert name in result.fix.code[0].text

"""Health, database and unknown paths: what is sound passes, and each way to be wrong is a finding."""

from __future__ import annotations

from typing import Any

import pytest

from deployer_lib.check import Location, Outcome, Skip
from deployer_lib.errors import RequestFailed
from deployer_lib.probes.smoke import database, health, unknown_path

PAGE = (200, {"Content-Type": "text/html"}, "<!doctype html><title>Shop</title>")


def answering(health_body: Any, status: int = 200) -> Any:
    return lambda asked: (
        (status, {}, health_body) if asked.path == "/health" else (404, {}, {"error": "not found"})
    )


def test_a_sound_health_endpoint_passes_with_its_answer_as_evidence(served: Any, context: Any) -> None:
    ctx = context(
        served(answering({"status": "ok"})),
        smoke={"health": {"path": "/health", "expect": 'json.status == "ok"'}},
    )
    [result] = health(ctx)
    assert result.outcome is Outcome.PASS
    assert "'status': 200" in repr(result.evidence["answer"])


def test_without_a_declaration_it_asks_what_readiness_asks(served: Any, context: Any) -> None:
    ctx = context(served(lambda asked: (204, {}, b"") if asked.path == "/live" else (404, {}, b"")))
    ctx = context(
        ctx.http.base_url,
        deploy={"kind": "none", "address": ctx.http.base_url, "ready": {"path": "/live", "status": 204}},
    )
    [result] = health(ctx)
    assert (result.outcome, result.subject) == (Outcome.PASS, "/live")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"status": "degraded"}, 'status is "degraded"'),
        ({"status": "DOWN"}, 'status is "DOWN"'),
        ({"status": "ok", "checks": {"database": "unhealthy"}}, 'checks.database is "unhealthy"'),
        ({"status": "UP", "components": {"db": {"status": "DOWN"}}}, 'components.db.status is "DOWN"'),
        ({"healthy": False}, "healthy is false"),
        ({"ok": False}, "ok is false"),
    ],
)
def test_200_that_says_it_is_not_well_is_a_finding(served: Any, context: Any, body: Any, said: str) -> None:
    [result] = health(context(served(answering(body)), smoke={"health": {"path": "/health"}}))
    assert result.outcome is Outcome.FAIL
    assert said in result.message


@pytest.mark.parametrize(
    "body",
    [
        {"status": "ok", "errors": 0, "error": None},
        {"status": "pass", "note": "down the road"},
        "fine",
        ["ok"],
        b"",
    ],
)
def test_bodies_that_are_well_are_not_findings(served: Any, context: Any, body: Any) -> None:
    [result] = health(context(served(answering(body)), smoke={"health": {"path": "/health"}}))
    assert result.outcome is Outcome.PASS


def test_a_word_that_was_expected_is_not_a_finding(served: Any, context: Any) -> None:
    declared = {"path": "/health", "expect": 'json.status in ["ok", "degraded"]'}
    [result] = health(context(served(answering({"status": "degraded"})), smoke={"health": declared}))
    assert result.outcome is Outcome.PASS


def test_a_wrong_status_names_the_route_in_the_sources_and_code_to_paste(served: Any, context: Any) -> None:
    ctx = context(
        served(answering({}, 500)),
        smoke={"health": {"path": "/health"}},
        files={"app.py": '\n@app.get("/health")\n', "pyproject.toml": 'dependencies = ["fastapi"]'},
    )
    [result] = health(ctx)
    assert result.outcome is Outcome.FAIL
    assert result.locations == (Location("app.py", 2),)
    assert "500" in result.message
    assert result.root_cause
    assert result.impact
    assert result.fix.code
    assert result.fix.docs


def test_an_expectation_that_does_not_hold_shows_the_value(served: Any, context: Any) -> None:
    declared = {"path": "/health", "expect": 'json.version == "2"'}
    [result] = health(context(served(answering({"version": "1"})), smoke={"health": declared}))
    assert result.outcome is Outcome.FAIL
    assert 'json.version is "1", expected "2"' in result.message


def test_an_expectation_that_cannot_be_told_is_an_error(served: Any, context: Any) -> None:
    declared = {"path": "/health", "expect": "json.missing == 1"}
    [result] = health(context(served(answering({"version": "1"})), smoke={"health": declared}))
    assert result.outcome is Outcome.ERROR


def test_a_page_instead_of_the_declared_json_is_a_finding(served: Any, context: Any) -> None:
    declared = {"path": "/health", "expect": 'json.status == "ok"'}
    [result] = health(context(served(lambda _asked: PAGE), smoke={"health": declared}))
    assert result.outcome is Outcome.FAIL
    assert "not JSON" in result.message


def test_a_fallback_page_is_no_health(served: Any, context: Any) -> None:
    [result] = health(context(served(lambda _asked: PAGE), smoke={"health": {"path": "/health"}}))
    assert result.outcome is Outcome.FAIL
    assert "same page" in result.message


def test_no_answer_is_left_to_the_phase(served: Any, context: Any) -> None:
    with pytest.raises(RequestFailed):
        list(health(context(served(lambda _asked: None))))


def test_unknown_paths_that_are_404_pass(served: Any, context: Any) -> None:
    ctx = context(served(answering({})), smoke={"endpoints": [{"path": "/api/v1/orders"}]})
    results = list(unknown_path(ctx))
    assert [r.outcome for r in results] == [Outcome.PASS] * 2
    assert [r.subject for r in results] == ["/<random>", "/api/v1/<random>"]


@pytest.mark.parametrize(
    "handler",
    [
        lambda _asked: PAGE,
        lambda asked: PAGE if asked.path == "/" else (302, {"Location": "/"}, b""),
        lambda _asked: (500, {}, b""),
        lambda _asked: (204, {}, b""),
    ],
)
def test_a_fallback_a_redirect_to_it_and_an_error_are_findings(
    served: Any, context: Any, handler: Any
) -> None:
    ctx = context(served(handler), files={"web.py": '@app.get("/{page:path}")'})
    [result] = unknown_path(ctx)
    assert result.outcome is Outcome.FAIL
    assert result.subject == "/<random>"


def test_the_catch_all_route_is_named(served: Any, context: Any) -> None:
    [result] = unknown_path(
        context(served(lambda _asked: PAGE), files={"web.py": '\n@app.get("/{page:path}")'})
    )
    assert result.locations == (Location("web.py", 2),)


def test_the_database_endpoint_must_answer_as_declared(served: Any, context: Any) -> None:
    state = {"status": 200, "body": {"status": "ok"}}
    url = served(lambda _asked: (state["status"], {}, state["body"]))
    ctx = context(url, smoke={"database": {"path": "/health/db"}})
    assert [r.outcome for r in database(ctx)] == [Outcome.PASS]
    state["status"] = 503
    assert [r.outcome for r in database(ctx)] == [Outcome.FAIL]
    state.update(status=200, body={"database": "disconnected"})
    assert [r.outcome for r in database(ctx)] == [Outcome.FAIL]


def test_an_undeclared_database_is_unavailable(served: Any, context: Any) -> None:
    [result] = database(context(served(answering({}))))
    assert (result.outcome, result.skip) == (Outcome.SKIP, Skip.UNAVAILABLE)
    assert "smoke.database is not declared" in result.message

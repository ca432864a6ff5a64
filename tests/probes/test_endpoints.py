"""Declared endpoints: each is judged by itself, and one that cannot be asked does not hide the others."""

from __future__ import annotations

from typing import Any

import pytest

from deployer_lib.catalogue import Effect
from deployer_lib.check import Outcome, Skip
from deployer_lib.probes.endpoints import endpoints

AUTH = {
    "login": {
        "path": "/login",
        "method": "POST",
        "body": {"email": "a@b.example", "password": "correct horse"},
    },
    "protected": {"path": "/me"},
}


def shop(asked: Any) -> Any:
    if asked.path == "/products":
        return 200, {"Cache-Control": "max-age=60, public"}, [{"id": 1}]
    if asked.path == "/login":
        return 200, {}, {"access_token": "token-of-the-log-in"}
    if asked.path == "/me":
        right = asked.headers.get("authorization") == "Bearer token-of-the-log-in"
        return (200, {}, {"email": "a@b.example"}) if right else (401, {}, {})
    if asked.path == "/cut":
        return None
    return 404, {}, {}


def outcomes(ctx: Any) -> list[Outcome]:
    return [r.outcome for r in endpoints(ctx)]


def test_endpoints_that_answer_as_declared_pass(served: Any, context: Any) -> None:
    declared = [
        {"path": "/products", "expect": "size(json) > 0", "expect_headers": {"cache-control": "max-age=*"}},
        {"path": "/me", "auth": True, "expect": 'json.email == "a@b.example"'},
        {"path": "/nowhere", "status": [404, 410], "name": "gone"},
    ]
    ctx = context(served(shop), smoke={"endpoints": declared, "auth": AUTH})
    results = list(endpoints(ctx))
    assert [r.outcome for r in results] == [Outcome.PASS] * 3
    assert [r.subject for r in results] == ["GET /products", "GET /me", "gone"]
    assert all(r.evidence for r in results)


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"path": "/nowhere"}, "status 404, expected 200"),
        ({"path": "/products", "method": "POST", "status": 201}, "status 200, expected 201"),
        ({"path": "/products", "expect": "size(json) > 1"}, "size(json) is 1, expected > 1"),
        ({"path": "/products", "expect_headers": {"etag": "*"}}, "no header etag"),
        ({"path": "/products", "expect_headers": {"cache-control": "no-store"}}, "expected no-store"),
        ({"path": "/cut"}, "no whole answer"),
    ],
)
def test_each_difference_is_a_finding(served: Any, context: Any, declared: Any, said: str) -> None:
    [result] = endpoints(context(served(shop), smoke={"endpoints": [declared]}))
    assert result.outcome is Outcome.FAIL
    assert said in result.message
    assert result.fix.code
    assert result.fix.docs
    assert result.root_cause
    assert result.impact


def test_an_expectation_that_cannot_be_told_is_an_error(served: Any, context: Any) -> None:
    assert outcomes(
        context(served(shop), smoke={"endpoints": [{"path": "/products", "expect": "nope == 1"}]})
    ) == [Outcome.ERROR]


def test_what_may_not_be_sent_is_skipped_alone(served: Any, context: Any) -> None:
    declared = [{"path": "/products", "method": "POST"}, {"path": "/products"}]
    ctx = context(served(shop), allow=frozenset({Effect.OBSERVE}), smoke={"endpoints": declared})
    results = list(endpoints(ctx))
    assert [r.outcome for r in results] == [Outcome.SKIP, Outcome.PASS]
    assert results[0].skip is Skip.NOT_ALLOWED


def test_without_a_token_an_endpoint_behind_the_log_in_cannot_be_told(served: Any, context: Any) -> None:
    assert outcomes(context(served(shop), smoke={"endpoints": [{"path": "/me", "auth": True}]})) == [
        Outcome.ERROR
    ]


def test_none_declared_is_unavailable(served: Any, context: Any) -> None:
    [result] = endpoints(context(served(shop)))
    assert result.skip is Skip.UNAVAILABLE


def test_the_sources_tell_a_missing_router_from_a_missing_route(served: Any, context: Any) -> None:
    files = {"orders.py": '@router.get("/orders")\n'}
    [result] = endpoints(context(served(shop), files=files, smoke={"endpoints": [{"path": "/orders"}]}))
    assert "is its router included?" in result.root_cause
    assert result.locations[0].file == "orders.py"


def test_a_limit_that_other_checks_used_up_is_waited_out_once(served: Any, context: Any) -> None:
    asked_before: list[Any] = []

    def handler(asked: Any) -> Any:
        asked_before.append(asked)
        return (429, {"Retry-After": "1"}, {}) if len(asked_before) == 1 else (200, {}, {})

    assert outcomes(context(served(handler), smoke={"endpoints": [{"path": "/"}]})) == [Outcome.PASS]
    assert len(asked_before) == 2


def test_a_limit_that_does_not_say_when_it_ends_is_not_waited_for(served: Any, context: Any) -> None:
    ctx = context(served(lambda _asked: (429, {}, {})), smoke={"endpoints": [{"path": "/"}]})
    [result] = endpoints(ctx)
    assert "rate limit is used up" in result.root_cause

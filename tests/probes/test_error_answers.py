"""Odd requests are refused, the refusals show nothing of the inside, and too few of them prove nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from deployer_lib.catalogue import Severity
from deployer_lib.check import Outcome
from deployer_lib.probes.error_answers import error_answers
from deployer_lib.probes.leaks import leaks

SMOKE = {
    "endpoints": [
        {"path": "/products?limit=2"},
        {"path": "/orders", "method": "POST", "body": {"product_id": 1, "quantity": 1}, "status": 201},
    ]
}
#: What real servers answered: kind → body.
TRACES = {
    "Python stack trace": 'Traceback (most recent call last):\n  File "/srv/x.py", line 3, in view',
    "Node stack trace": "TypeError: x is not a function<br> &nbsp; &nbsp;at Layer.handle [as handle_request] (/x/y.js:95:5)",
    "Java or Kotlin stack trace": '{"trace": "java.lang.NullPointerException\\n\\tat com.shop.Orders.add(Orders.java:12)"}',
    "Rust panic": "thread 'main' panicked at src/main.rs:4:5",
    "Go stack trace": "goroutine 7 [running]:\nmain.main()",
    "PHP error": "<b>Warning</b>:  Undefined variable $x in <b>/x/index.php</b> on line <b>3</b>",
    "Ruby stack trace": "app/models/order.rb:12:in `save'",
    ".NET stack trace": "System.NullReferenceException: Object reference not set",
    "SQL error": "(sqlite3.OperationalError) no such table: orders [SQL: SELECT 1]",
    "database address": "could not connect to postgresql://shop:hunter2@db:5432/shop",
    "file path": "cannot open /usr/lib/python3/dist-packages/shop/data.py",
    "Django or Werkzeug debug page": "<title>Werkzeug Debugger</title>",
}
HARMLESS = (
    '{"error": "not found", "trace_id": "0af7651916cd43dd8448eb211c80319c"}',
    '{"detail": [{"type": "json_invalid", "loc": ["body", 6], "msg": "JSON decode error"}]}',
    '{"message": "Unexpected token } in JSON at position 5", "statusCode": 400}',
    "Failed to deserialize the JSON body into the target type: missing field `email` at line 1 column 2",
    "<html><body><h1>404 Not Found</h1><hr>nginx</body></html>",
    "Cannot GET /products/..%2f..%2fetc/passwd",
    "<pre>RUST_BACKTRACE=1</pre>",
    '{"error": "look at https://shop.example/app/help.js"}',
    '{"error": "panic mode is a feature: at 12:30:15 we met (see docs)"}',
)


class Strict:
    """A service that refuses whatever is odd; ``refuse`` makes the answer."""

    def __init__(self, refuse: Any = None) -> None:
        self.refuse: Any = refuse or (lambda status, _asked: (status, {}, {"error": "refused"}))

    def __call__(self, asked: Any) -> Any:
        if asked.path == "/health":
            return 200, {}, {"status": "ok"}
        if asked.path == "/products" and asked.method == "GET" and "%00" not in asked.query:
            return 200, {}, []
        if asked.path == "/orders" and asked.method == "POST":
            return self.order(asked)
        return self.refuse(405 if asked.method == "BREW" else 404, asked)

    def order(self, asked: Any) -> Any:
        try:
            body = asked.json()
        except (ValueError, RecursionError):
            return self.refuse(400, asked)
        fine = isinstance(body, dict) and all(isinstance(v, int) and v < 1000 for v in body.values())
        return (201, {}, {}) if fine else self.refuse(422, asked)


def test_a_strict_service_passes_with_every_answer_in_evidence(served: Any, context: Any) -> None:
    [result] = error_answers(context(served(Strict()), smoke=SMOKE))
    assert result.outcome is Outcome.PASS
    answers = result.evidence["answers"]
    assert isinstance(answers, dict)
    assert len(answers) == 18
    assert answers["POST /orders with broken JSON"] == "400"


@pytest.mark.parametrize("kind", TRACES)
def test_each_kind_of_trace_is_a_finding(served: Any, context: Any, kind: str) -> None:
    service = Strict(lambda status, _asked: (status, {}, TRACES[kind]))
    [result] = error_answers(context(served(service), smoke=SMOKE))
    assert result.outcome is Outcome.FAIL
    assert kind in result.message
    assert result.fix.code
    assert result.fix.docs


@pytest.mark.parametrize("kind", TRACES)
def test_each_sign_is_recognised(kind: str) -> None:
    assert kind in {leak.kind for leak in leaks(TRACES[kind])}


@pytest.mark.parametrize("body", HARMLESS)
def test_ordinary_error_answers_show_nothing(body: str) -> None:
    assert leaks(body, "/products/..%2f..%2fetc/passwd") == ()


def test_an_echo_of_the_request_is_no_leak() -> None:
    assert leaks("no such file: /app/x.py", "/app/x.py") == ()


def test_the_excerpt_is_kept_only_where_evidence_is_full(served: Any, context: Any) -> None:
    service = Strict(lambda status, _asked: (status, {}, TRACES["database address"]))
    [result] = error_answers(context(served(service), smoke=SMOKE, level="shape"))
    assert "hunter2" not in repr(result)


def test_server_errors_are_findings_grouped_by_request(served: Any, context: Any) -> None:
    def refuse(status: int, asked: Any) -> Any:
        return (500 if asked.path == "/orders" else status), {}, {"error": "internal error"}

    [result] = error_answers(context(served(Strict(refuse)), smoke=SMOKE))
    assert (result.subject, result.severity) == ("POST /orders", Severity.MEDIUM)
    assert "broken JSON (500)" in result.message


def test_501_is_a_right_answer_to_an_unknown_method(served: Any, context: Any) -> None:
    service = Strict(lambda status, _asked: (501 if status == 405 else status, {}, {}))
    assert [r.outcome for r in error_answers(context(served(service), smoke=SMOKE))] == [Outcome.PASS]


def test_an_application_that_dies_of_it_is_critical(served: Any, context: Any) -> None:
    dead: list[bool] = []

    def handler(asked: Any) -> Any:
        if dead or asked.body.startswith(b"[["):
            dead.append(True)
            return None
        return Strict()(asked)

    results = list(error_answers(context(served(handler), smoke=SMOKE)))
    assert (results[0].subject, results[0].severity) == ("after odd requests", Severity.CRITICAL)
    assert "deep nesting" in results[0].root_cause


def test_a_service_that_takes_everything_proves_nothing(served: Any, context: Any) -> None:
    [result] = error_answers(context(served(lambda _asked: (200, {}, {})), smoke=SMOKE))
    assert result.outcome is Outcome.ERROR


def test_cutting_the_connection_is_a_refusal_too(served: Any, context: Any) -> None:
    def handler(asked: Any) -> Any:
        return None if len(asked.path) > 8000 else Strict()(asked)

    assert [r.outcome for r in error_answers(context(served(handler), smoke=SMOKE))] == [Outcome.PASS]


def test_subjects_are_the_same_in_every_round(served: Any, context: Any) -> None:
    service = Strict(lambda _status, _asked: (500, {}, json.dumps({})))
    ctx = context(served(service), smoke=SMOKE)
    first, second = ({r.subject for r in error_answers(ctx)} for _ in range(2))
    assert first == second

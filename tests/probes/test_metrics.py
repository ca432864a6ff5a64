"""F5 and F6: an endpoint that Prometheus can read, and metrics that move with what is done."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from deployer_lib.check import Outcome, Result, Skip
from deployer_lib.probes.metrics import metrics, parse
from deployer_lib.probes.metrics_move import metrics_move

_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_BODY = "# HELP jobs_total Jobs.\n# TYPE jobs_total counter\njobs_total 3\n"


def _judge(served: Any, context: Any, kind: str, body: str, status: int = 200) -> Result:
    ctx = context(
        served(lambda _: (status, {"Content-Type": kind}, body)), health={"metrics": {"path": "/metrics"}}
    )
    (result,) = metrics(ctx)
    return result


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (_TEXT, _BODY),
        ("text/plain", _BODY),
        ("application/openmetrics-text; version=1.0.0", "# TYPE jobs counter\njobs_total 3\n# EOF\n"),
    ],
)
def test_prometheus_text_and_openmetrics_pass(served: Any, context: Any, kind: str, body: str) -> None:
    result = _judge(served, context, kind, body)
    assert result.outcome is Outcome.PASS
    assert (result.evidence["families"], result.evidence["samples"]) == (1, 1)


@pytest.mark.parametrize(
    ("kind", "body", "status", "said"),
    [
        ("text/html", "<!doctype html><html></html>", 200, "HTML page"),
        (_TEXT, "<!doctype html><html></html>", 200, "HTML page"),
        ("application/json", '{"requests": 3}', 200, "Content-Type"),
        (_TEXT, "", 200, "empty body"),
        (_TEXT, "# HELP jobs_total Jobs.\n# TYPE jobs_total counter\n", 200, "no sample"),
        (_TEXT, "requests: three\n", 200, "parsed"),
        (_TEXT, _BODY + "jobs_total 4\n", 200, "twice"),
        (_TEXT, "jobs 3\n", 200, "TYPE line"),
        (_TEXT, _BODY, 500, "answers 500"),
        (_TEXT, _BODY, 404, "answers 404"),
        ("application/openmetrics-text; version=1.0.0", "# TYPE jobs counter\njobs_total 3\n", 200, "parsed"),
    ],
)
def test_what_prometheus_cannot_read_is_a_finding(
    served: Any, context: Any, kind: str, body: str, status: int, said: str
) -> None:
    """The parser alone would let an empty body and doubled samples pass."""
    result = _judge(served, context, kind, body, status)
    assert result.outcome is Outcome.FAIL
    assert said in result.message
    assert result.fix.code


def test_without_a_declaration_and_an_endpoint_it_is_unavailable(served: Any, context: Any) -> None:
    (result,) = metrics(context(served(lambda _: (404, {}, "nothing"))))
    assert result.skip is Skip.UNAVAILABLE


def test_samples_are_summed_over_their_labels() -> None:
    body = '# TYPE r_total counter\nr_total{status="200"} 3\nr_total{status="404"} 2\n'
    found = parse(body, _TEXT)
    assert (found.totals, found.refused) == ({"r_total": 5.0}, {"r_total": 2.0})


class _Shop:
    """An application that counts, and whose counting a test can break."""

    def __init__(self, **faults: Any) -> None:
        self.faults = faults
        self.requests: Counter[int] = Counter()
        self.orders = 0

    def __call__(self, asked: Any) -> Any:
        if asked.path == "/metrics":
            return 200, {"Content-Type": _TEXT}, self.render()
        if asked.path == "/login":
            return 200, {}, {"access_token": "t0ken"}
        if asked.path == "/orders":
            status = 201 if asked.headers.get("authorization") == "Bearer t0ken" else 401
            self.orders += (status == 201) and not self.faults.get("no_orders")
        else:
            status = 200 if asked.path == "/items" or self.faults.get("no_404") else 404
        if not self.faults.get("still"):
            self.requests[status] += 1
        return status, {}, {}

    def render(self) -> str:
        kept = {status: count // self.faults.get("processes", 1) for status, count in self.requests.items()}
        labelled = not self.faults.get("no_status")
        rows = [f'http_requests_total{{status="{s}"}} {count}' for s, count in sorted(kept.items())]
        lines = ["# TYPE http_requests_total counter"]
        lines += rows if labelled else [f"http_requests_total {sum(kept.values())}"]
        if not self.faults.get("no_durations"):
            lines += ["# TYPE http_request_duration_seconds summary"]
            lines += [f"http_request_duration_seconds_count {sum(kept.values())}"]
            lines += ["http_request_duration_seconds_sum 1.5"]
        lines += ["# TYPE shop_orders_total counter", f"shop_orders_total {self.orders}"]
        return "\n".join(lines) + "\n"


_DECLARED = {
    "smoke": {
        "endpoints": [{"path": "/items"}],
        "auth": {
            "login": {"path": "/login", "method": "POST", "body": {"user": "a"}},
            "protected": {"path": "/orders"},
        },
    },
    "health": {
        "metrics": {
            "requests": "http_requests_total",
            "durations": "http_request_duration_seconds",
            "business": [
                {"metric": "shop_orders_total",
                 "request": {"path": "/orders", "method": "POST", "auth": True, "status": 201, "body": {}}}
            ],
        }
    },
}  # fmt: skip


def _move(
    served: Any, context: Any, monkeypatch: Any, declared: Any = None, **faults: Any
) -> dict[str, Result]:
    monkeypatch.setattr("deployer_lib.probes.metrics_move._WITHIN_S", 0.0 if faults else 5.0)
    ctx = context(served(_Shop(**faults)), **(_DECLARED if declared is None else declared))
    return {result.subject: result for result in metrics_move(ctx)}


def test_metrics_that_move_pass_and_say_by_how_much(served: Any, context: Any, monkeypatch: Any) -> None:
    found = _move(served, context, monkeypatch)
    assert {name: result.outcome.value for name, result in found.items()} == {
        "http_requests_total": "pass",
        "http_request_duration_seconds": "pass",
        "http_requests_total{4xx}": "pass",
        "shop_orders_total": "pass",
    }
    requests = found["http_requests_total"].evidence
    assert (requests["rose"], requests["expected_at_least"], requests["exactly"]) == (5.0, 5, True)


@pytest.mark.parametrize(
    ("faults", "subject", "cause"),
    [
        ({"still": True}, "http_requests_total", "does not register"),
        ({"processes": 4}, "http_requests_total", "several processes"),
        ({"no_durations": True}, "http_request_duration_seconds", "does not register"),
        ({"no_status": True}, "errors", "no label"),
        ({"no_orders": True}, "shop_orders_total", "nothing on the way"),
    ],
)
def test_each_broken_metric_is_its_own_finding(
    served: Any, context: Any, monkeypatch: Any, faults: dict[str, Any], subject: str, cause: str
) -> None:
    """A metric that is not there and one that stands still have different causes."""
    found = _move(served, context, monkeypatch, **faults)
    assert found[subject].outcome is Outcome.FAIL
    assert cause in found[subject].root_cause
    assert found[subject].fix.code


def test_a_counter_of_server_errors_need_not_move_on_404(served: Any, context: Any, monkeypatch: Any) -> None:
    """Nothing provokes a 5xx from outside; the status label of the requests tells errors apart then."""
    health = {"metrics": {"requests": "http_requests_total", "errors": "http_5xx_total"}}
    found = _move(served, context, monkeypatch, {"smoke": _DECLARED["smoke"], "health": health})
    assert found["http_requests_total{4xx}"].outcome is Outcome.PASS


def test_without_names_the_usual_ones_are_found(served: Any, context: Any, monkeypatch: Any) -> None:
    declared = {"smoke": _DECLARED["smoke"]}
    found = _move(served, context, monkeypatch, declared)
    assert found["http_requests_total"].outcome is Outcome.PASS
    assert found["business"].skip is Skip.NOT_APPLICABLE


def test_without_usual_names_it_is_unavailable(served: Any, context: Any) -> None:
    ctx = context(served(lambda asked: (200 if asked.path != "/x" else 404, {"Content-Type": _TEXT}, _BODY)))
    found = {result.subject: result for result in metrics_move(ctx)}
    assert found["requests"].skip is Skip.UNAVAILABLE
    assert found["durations"].skip is Skip.UNAVAILABLE


def test_where_no_error_can_be_provoked_it_could_not_tell(
    served: Any, context: Any, monkeypatch: Any
) -> None:
    """A server that refuses nothing says nothing about its counter of errors; what needs a log-in is asked after a path
    that does not exist."""
    no_log_in = {"smoke": {"endpoints": [{"path": "/items"}]}}
    nothing = _move(served, context, monkeypatch, no_log_in, no_404=True)["errors"]
    assert nothing.outcome is Outcome.ERROR
    assert "GET /deployer-" in nothing.message
    found = _move(served, context, monkeypatch, no_404=True)["http_requests_total{4xx}"]
    assert (Outcome.PASS, "3 requests that were answered 401") == (found.outcome, found.evidence["did"])


def test_a_business_request_that_is_refused_could_not_tell(
    served: Any, context: Any, monkeypatch: Any
) -> None:
    """The counter stood still because nothing was ordered, which is not its fault."""
    smoke = {"endpoints": [{"path": "/items"}]}
    found = _move(served, context, monkeypatch, {**_DECLARED, "smoke": smoke})
    assert found["shop_orders_total"].outcome is Outcome.ERROR

"""F1 to F3: a log that is written, structured, free of secrets and free of errors; and each fault found."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from deployer_lib.app.handover import Live
from deployer_lib.app.target import LogLine
from deployer_lib.catalogue import Severity
from deployer_lib.check import Outcome, Result
from deployer_lib.errors import Unavailable
from deployer_lib.probes.log_lines import errors_in, field_of, level_of, project_frame
from deployer_lib.probes.log_source import log_lines
from deployer_lib.probes.logs import logs_clean, logs_written
from deployer_lib.probes.logs_structured import logs_structured

if TYPE_CHECKING:
    from pathlib import Path

_TRACEBACK = """Traceback (most recent call last):
  File "/srv/lib/python3.11/site-packages/starlette/app.py", line 10, in call
    await handler()
  File "/srv/releases/7/src/shop/orders.py", line 2, in place
    raise ValueError("no stock for 4711")
ValueError: no stock for 4711"""
_PANIC = "thread 'main' panicked at src/orders.rs:12:5:\nindex out of bounds: the len is 3\nnote: run with `RUST_BACKTRACE=1`"
_NODE = (
    "TypeError: Cannot read properties of undefined (reading 'id')\n"
    "    at place (/srv/app/src/orders.js:2:11)\n    at process.processTicks (node:internal/process:95:5)"
)


def _lines(*texts: str) -> list[LogLine]:
    rows = [row for text in texts for row in text.splitlines()]
    return [LogLine(text, "stdout", number) for number, text in enumerate(rows, 1)]


class _App:
    """An application with an access log, whose logging a test can break."""

    def __init__(self, **faults: Any) -> None:
        self.faults = faults
        self.log: list[LogLine] = _lines(*faults.get("banner", ()))

    def __call__(self, asked: Any) -> Any:
        if not self.faults.get("silent"):
            self.write(asked)
        return 200, {}, "ok"

    def write(self, asked: Any) -> None:
        sent = asked.headers.get("traceparent", "--").split("-")[1]
        line: dict[str, Any] = {
            "time": "2024-01-15T14:30:00.000Z", "level": "info", "message": "request", "path": asked.path
        }  # fmt: skip
        if not self.faults.get("no_trace"):
            line[self.faults.get("trace_field", "trace_id")] = self.faults.get("own_trace") or sent
        if self.faults.get("leak") == "header":
            line["authorization"] = asked.headers.get("authorization")
        if self.faults.get("leak") == "query":
            line["token"] = parse_qs(asked.query).get("token")
            line["url"] = f"{asked.path}?{asked.query}"
        for name in self.faults.get("without", ()):
            del line[name]
        line |= self.faults.get("more", {})
        text = json.dumps(line) if not self.faults.get("plain") else f"{asked.path} {sent}"
        self.log.append(LogLine(text, "stdout", len(self.log) + 1))


@pytest.fixture
def app(served: Any, context: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return ``app(**faults) -> context`` of an application that logs."""
    for module in ("logs", "logs_structured"):
        monkeypatch.setattr(f"deployer_lib.probes.{module}._WITHIN_S", 0.2)
    monkeypatch.setattr("deployer_lib.probes.logs._LATER_S", 0.1)

    def make(*, health: Any = None, **faults: Any) -> Any:
        made = _App(**faults)
        sections = {"health": {"logs": health}} if health is not None else {}
        ctx = context(served(made), smoke={"endpoints": [{"path": "/items"}]}, **sections)
        ctx.target.lines = made.log
        return ctx

    return make


def _by_subject(results: Any) -> dict[str, Result]:
    return {result.subject: result for result in results}


def test_a_log_that_is_written_names_the_request(app: Any) -> None:
    (result,) = logs_written(app())
    assert result.outcome is Outcome.PASS
    assert (result.evidence["names_the_request"], result.evidence["new_lines"]) == (True, 1)


def test_old_lines_alone_are_no_log(app: Any) -> None:
    """A log full of yesterday's lines proves nothing."""
    (result,) = logs_written(app(silent=True, banner=["old line"] * 5))
    assert result.outcome is Outcome.FAIL
    assert result.fix.code


def test_no_log_at_all_is_unavailable(app: Any) -> None:
    """The phase makes it skip, unavailable; it is never a pass."""
    ctx = app()
    ctx.target.lines = None
    with pytest.raises(Unavailable):
        list(logs_written(ctx))


def test_a_sound_log_passes_all_four(app: Any) -> None:
    """One JSON object a line, time and level, the trace id that was sent, and no secret."""
    found = _by_subject(logs_structured(app()))
    assert {name: result.outcome.value for name, result in found.items()} == dict.fromkeys(
        ("json", "fields", "trace", "secrets"), "pass"
    )


@pytest.mark.parametrize(
    ("faults", "subject", "said"),
    [
        ({"plain": True}, "json", "not JSON"),
        ({"banner": ["a", "b", "c", "d"]}, "json", "first line 1"),
        ({"without": ["level"]}, "fields", "no level"),
        ({"without": ["time"]}, "fields", "no time"),
        ({"no_trace": True}, "trace", "carries no trace id"),
        ({"own_trace": "f" * 32}, "trace", "of its own"),
        ({"trace_field": "traceId"}, "trace", "stands in traceId"),
        ({"leak": "header"}, "secrets", "Authorization header"),
        ({"leak": "query"}, "secrets", "query"),
    ],
)
def test_each_fault_is_its_own_finding(app: Any, faults: Any, subject: str, said: str) -> None:
    """And none of the other subjects fails with it."""
    found = _by_subject(logs_structured(app(**faults)))
    assert [name for name, result in found.items() if result.outcome is Outcome.FAIL] == [subject]
    assert said in found[subject].message
    assert found[subject].root_cause
    assert found[subject].fix.code


def test_a_leaked_secret_is_shown_masked_and_weighs_high(app: Any) -> None:
    result = _by_subject(logs_structured(app(leak="query")))["secrets"]
    assert result.severity is Severity.HIGH
    assert "canary…[masked]" in str(result.evidence["text"])


def test_a_canary_whose_request_is_not_logged_could_not_tell(app: Any) -> None:
    """Nothing logged, nothing leaked: that is no proof."""
    ctx = app(no_trace=True, without=["path"])
    found = _by_subject(logs_structured(ctx))
    assert found["secrets"].outcome is Outcome.SKIP
    assert found["trace"].outcome is Outcome.FAIL


def test_a_short_banner_is_allowed_and_said(app: Any) -> None:
    result = _by_subject(logs_structured(app(banner=["Shop 1.2", "listening"])))["json"]
    assert (result.outcome, result.evidence["banner_lines"]) == (Outcome.PASS, 2)


def test_fields_may_be_nested_and_levels_numbers(app: Any) -> None:
    """Pino writes 30 for info; tracing puts ids into an object."""
    health = {"trace_field": "span.trace_id", "level_field": "level"}
    ctx = app(health=health, more={"level": 30}, trace_field="span.trace_id")
    found = _by_subject(logs_structured(ctx))
    assert {result.outcome for result in found.values()} == {Outcome.PASS}
    assert (field_of({"a": {"b": 1}}, "a.b"), field_of({"a": 1}, "a.b")) == (1, None)
    assert [level_of({"level": n}, "level") for n in (10, 30, 40, 50, 60)] == [
        "trace", "info", "warn", "error", "fatal"
    ]  # fmt: skip


def test_a_silent_log_could_not_be_looked_at(app: Any) -> None:
    (result,) = logs_structured(app(silent=True))
    assert result.outcome is Outcome.ERROR


def _clean(app: Any, *texts: str, **logs: Any) -> list[Result]:
    ctx = app(health=logs)
    ctx.target.lines = _lines(*texts)
    (ctx.project / "src" / "shop").mkdir(parents=True, exist_ok=True)
    for name in ("shop/orders.py", "orders.js", "orders.rs"):
        (ctx.project / "src" / name).write_text("1\n2\n")
    return list(logs_clean(ctx))


def test_a_clean_log_passes_with_its_levels(app: Any) -> None:
    (result,) = _clean(app, '{"level": "info", "message": "up"}', '{"level": "warning", "message": "slow"}')
    assert result.outcome is Outcome.PASS
    assert result.evidence["levels"] == {"info": 1, "warning": 1}


def test_an_empty_log_says_nothing_about_errors(app: Any) -> None:
    (result,) = _clean(app)
    assert result.outcome is Outcome.ERROR


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (_TRACEBACK, ("src/shop/orders.py", 2)),
        (json.dumps({"level": "error", "message": "failed", "exception": _TRACEBACK}), ("src/shop/orders.py", 2)),
        (json.dumps({"level": 50, "msg": "failed", "err": {"stack": _NODE}}), ("src/orders.js", 2)),
        (_NODE, ("src/orders.js", 2)),
        (_PANIC, ("src/orders.rs", 12)),
        ("2024-01-15 14:30:00 ERROR shop: no stock", None),
        ("[error] no stock", None),
        ('{"level": "critical", "message": "no stock"}', None),
    ],
)  # fmt: skip
def test_each_kind_of_error_is_found_whole_and_once(
    app: Any, text: str, place: tuple[str, int] | None
) -> None:
    """With its whole stack and the project's own line, whatever language wrote it."""
    results = _clean(app, '{"level": "info"}', text, '{"level": "info"}')
    assert [result.outcome for result in results] == [Outcome.FAIL]
    assert [(p.file, p.line) for p in results[0].locations] == ([place] if place else [])
    if text in {_TRACEBACK, _NODE, _PANIC}:
        assert results[0].evidence["error"] == text


def test_the_same_error_with_other_values_is_counted_not_repeated(app: Any) -> None:
    results = _clean(app, _TRACEBACK, '{"level": "info"}', _TRACEBACK.replace("4711", "4712"))
    assert [(r.evidence["count"], r.evidence["log_lines"]) for r in results] == [(2, [1, 8])]


def test_words_are_not_levels(app: Any) -> None:
    """A line that speaks of errors is none."""
    (result,) = _clean(app, "INFO: 0 errors found", '{"level": "info", "message": "no error, no exception"}')
    assert result.outcome is Outcome.PASS


def test_private_data_stays_out_where_evidence_is_by_shape(app: Any) -> None:
    """In a protected environment an error is shown as its signature and its place."""
    ctx = app()
    ctx.http.level = "shape"
    ctx.target.lines = _lines("ERROR no account for ada@shop.example, order 4711")
    (result,) = logs_clean(ctx)
    assert result.outcome is Outcome.FAIL
    assert "ada@" not in repr(result)
    assert "4711" not in repr(result)
    assert result.subject == "ERROR no account for #, order #"


def test_the_rule_that_is_proposed_accepts_the_error(app: Any) -> None:
    (result,) = _clean(app, "ERROR mail (smtp) refused 'ada', code 451")
    (step,) = [step for step in result.fix.steps if "health.logs.allow" in step]
    rule = step.partition("['")[2].rpartition("']")[0].replace("''", "'")
    (again,) = _clean(app, "ERROR mail (smtp) refused 'bob', code 452", allow=[rule])
    assert again.outcome is Outcome.PASS


def test_expected_errors_are_let_pass_and_counted(app: Any) -> None:
    (result,) = _clean(app, '{"level": "error", "message": "mail is off"}', allow=["mail is off"])
    assert (result.outcome, result.evidence["allowed"]) == (Outcome.PASS, 1)


def test_a_refused_client_is_no_fault_of_the_application(app: Any) -> None:
    """Our own hostile requests make 4xx lines; a 5xx line still counts."""
    refused = json.dumps({"level": "error", "message": "bad JSON", "status": 400})
    (result,) = _clean(app, refused)
    assert (result.outcome, result.evidence["refused_clients"]) == (Outcome.PASS, 1)
    (result,) = _clean(app, json.dumps({"level": "error", "message": "bad", "status": 500}))
    assert result.outcome is Outcome.FAIL


def test_a_declared_file_is_read_since_the_deployment(app: Any) -> None:
    """Where the target has no log to show; lines of before the deployment are another version's."""
    ctx = app(health={"path": "{state}/app.log"})
    ctx.target.lines = None
    path: Path = ctx.places.state / "app.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    old, new = ('{"time": "2024-01-01T00:00:00Z"}', '{"time": 1704240000000}')
    path.write_text(f"{old}\nplain\n{new}\n")
    assert len(log_lines(ctx)) == 3
    ctx.live = Live(started_at="2024-01-02T00:00:00Z")
    assert [line.text for line in log_lines(ctx)] == ["plain", new]
    path.unlink()
    with pytest.raises(Unavailable, match=r"app\.log"):
        log_lines(ctx)


def test_a_chained_traceback_is_one_error() -> None:
    chained = _TRACEBACK + "\n\nDuring handling of the above exception, another exception occurred:\n\n"
    chained += _TRACEBACK.replace("ValueError", "RuntimeError")
    (error,) = errors_in(_lines("INFO up", chained, '{"level": "info"}'))
    assert error.text == chained
    assert error.message == "RuntimeError: no stock for 4711"


def test_a_library_is_not_the_project(tmp_path: Path) -> None:
    """A file name that happens to be the same is no place to mend."""
    (tmp_path / "app.py").write_text("1\n")
    assert project_frame('  File "/x/site-packages/flask/app.py", line 1, in f', tmp_path) is None

"""``deployer load``: its document, its exit codes, and whatever a target or a person may do."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

import pytest
from load_parts import Row, columns_of
from ports import refusing
from queue_server import queue_server
from typer.testing import CliRunner

from deployer_lib.cli.app import app
from deployer_lib.cli.load import _code, _knee_code
from deployer_lib.load.histogram import Histogram, read_log
from deployer_lib.load.knee import Knee
from deployer_lib.load.result import LoadResult, LoadVerdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMAND: Final = (sys.executable, "-m", "deployer_lib", "load")
SHAPE: Final = {
    "verdict", "reasons", "requests", "errors", "by_status", "throughput_per_s", "offered_per_s", "response_ms",
    "service_ms", "generator_lag_ms", "client_cpu_s", "gates",
}  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    """Answer with the status that the path names; ``/half`` fails every second time, ``/limited`` answers 429 then, ``/echo`` says what came."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one segment
    asked = 0
    seen = threading.Semaphore(0)  # released with every request

    def do_GET(self) -> None:
        _Handler.asked += 1
        _Handler.seen.release()
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        name = self.path.strip("/").partition("?")[0]
        second = {"half": 500, "limited": 429}.get(name, 200) if _Handler.asked % 2 else 200
        status = int(name) if name.isdigit() else second
        if name == "echo":
            text = f"{self.command} {self.path} {self.headers.get('X-Team')} {body.decode()}"
        else:
            text = "ok"
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_POST(self) -> None:
        self.do_GET()

    def do_PUT(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class's name)
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with _Server(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def nobody() -> Iterator[str]:
    """Yield an address at which nobody listens."""
    with refusing() as port:
        yield f"http://127.0.0.1:{port}/"


def load(*words: str, **options: Any) -> tuple[int, dict[str, Any], str]:
    done = subprocess.run(
        [*COMMAND, *words, "--json"], capture_output=True, text=True, timeout=120, check=False, **options
    )
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


def test_a_load_that_keeps_its_gates(site: str) -> None:
    """Exit 0, and one document with everything that the schema names."""
    gates = ("--gate", "p(99) < 2s", "--gate", "errors < 1%", "--gate", "requests == 50")
    code, told, said = load(f"{site}/200", "--rate", "100", "--duration", "0.5s", *gates)
    assert 0 == code, (told, said)
    assert set() == SHAPE - set(told)
    assert ("load/1", 50, 0, {"200": 50}) == tuple(
        told[k] for k in ("schema", "requests", "errors", "by_status")
    )
    assert [True, True, True] == [gate["held"] for gate in told["gates"]]
    assert 50 == told["gates"][2]["value"]
    assert ([], None) == (told["findings"], told["export"])
    assert "100/s, for 0.5s" == told["plan"]


@pytest.mark.parametrize(
    ("words", "requests"),
    [
        (("-c", "3", "-n", "40"), 40),
        (("--vus", "2", "--requests", "10", "--no-keep-alive"), 10),
        (("-R", "200", "-d", "200ms"), 40),
        (("--rate", "200/s", "--requests", "30"), 30),
        (("--stages", "100:200ms,100:100ms"), 20),
        (("--rate", "100", "-d", "300ms", "--poisson", "--seed", "4"), None),
        (("-n", "6", "-t", "2", "-c", "2"), 6),
    ],
)
def test_every_kind_of_load(site: str, words: tuple[str, ...], requests: int | None) -> None:
    """Words of wrk, hey and k6 are understood beside our own."""
    code, told, said = load(f"{site}/200", *words)
    assert 0 == code, (told, said)
    assert told["requests"] == (requests or told["planned"])
    assert told["by_status"] == {"200": told["requests"]}


def test_gates_that_do_not_hold_are_exit_1(site: str) -> None:
    code, told, _ = load(f"{site}/200", "-n", "20", "--gate", "requests > 20", "--gate", "errors == 0")
    assert (1, [False, True]) == (code, [gate["held"] for gate in told["gates"]])
    assert 20 == told["gates"][0]["value"]


def test_without_a_gate_no_request_may_fail(site: str) -> None:
    code, told, _ = load(f"{site}/half", "-n", "20")
    assert (1, 10, {"status 500": 10}) == (code, told["errors"], told["errors_by_kind"])
    why = "errors is 10, expected == 0"
    assert {"expression": "errors == 0", "held": False, "value": 10.0, "why": why} == told["gates"][0]
    assert [False, True] == [gate["held"] for gate in told["gates"]]


def test_without_a_gate_a_rate_limit_is_no_health(site: str) -> None:
    """Half of the answers 429: fast, and half empty; a gate of one's own may allow it."""
    code, told, _ = load(f"{site}/limited", "-n", "20")
    assert (1, 0, 10) == (code, told["errors"], told["throttled"])
    assert [True, False] == [gate["held"] for gate in told["gates"]]
    assert 0 == load(f"{site}/limited", "-n", "20", "--gate", "errors == 0")[0]


@pytest.mark.parametrize(
    ("path", "expect", "code", "errors"),
    [
        ("404", ["404"], 0, 0),
        ("404", ["status == 200 || status == 404"], 0, 0),
        ("200", ["status == 200", 'text.contains("ok")'], 0, 0),
        ("200", ['body contains "fine"'], 1, 10),
        ("200", ["204"], 1, 10),
    ],
)
def test_what_is_expected_is_no_error(
    site: str, path: str, expect: list[str], code: int, errors: int
) -> None:
    words = [word for text in expect for word in ("--expect", text)]
    ended, told, _ = load(f"{site}/{path}", "-n", "10", *words)
    assert (code, errors) == (ended, told["errors"])


def test_429_is_no_error_and_no_answer(site: str) -> None:
    """A rate limit is told apart from failures; where nothing else came, that is the finding."""
    code, told, _ = load(f"{site}/429", "-n", "10")
    assert (1, 0, 10) == (code, told["errors"], told["throttled"])
    assert "answered none of 10 requests as expected: 10 × 429." in told["findings"][0]


def test_method_header_and_body_arrive(site: str, tmp_path: Path) -> None:
    seen = 'text.contains("POST /echo?a=1 blue {}")'
    words = ("-H", "X-Team: blue", "-n", "3")
    assert (
        0 == load(f"{site}/echo?a=1", "--body", "hello", *words, "--expect", seen.replace("{}", "hello"))[0]
    )
    (tmp_path / "body").write_bytes(b"from a file")
    body = ("--body-file", str(tmp_path / "body"), "-X", "put")
    put = seen.replace("POST", "PUT").replace("{}", "from a file")
    assert 0 == load(f"{site}/echo?a=1", *body, *words, "--expect", put)[0]


def test_a_target_that_is_down_is_a_finding(nobody: str) -> None:
    """It is a failure of the target and not "could not tell"."""
    code, told, _ = load(nobody, "--rate", "50", "--duration", "400ms")
    assert (1, 20, {"refused": 20}) == (code, told["errors"], told["errors_by_kind"])
    said = "answered none of 20 requests as expected: 20 × refused. Nobody listens there"
    assert [said] == [finding.partition(" ")[2][: len(said)] for finding in told["findings"]]


def test_a_target_that_fails_is_not_loaded_to_the_end(site: str) -> None:
    """The load stops itself, and says so, unless errors are expected."""
    code, told, _ = load(f"{site}/half", "--rate", "50", "--duration", "20s", "--gate", "mean < 10s")
    assert 1 == code
    assert "more than 5 % of requests failed for 2 s" in told["findings"][0]
    assert 0 < told["unsent"] < 1_000
    code, told, _ = load(
        f"{site}/half", "--rate", "50", "--duration", "5s", "--gate", "mean < 10s", "--expect-errors"
    )
    assert (0, 0, 250) == (code, told["unsent"], told["requests"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nonsense", "-n", "1"), "not a URL"),
        (("ftp://127.0.0.1/", "-n", "1"), "not a URL"),
        (("http://127.0.0.1:99999/", "-n", "1"), "not a URL"),
        (("http://no-such-host.invalid/", "-n", "1"), "does not resolve"),
        (("http://127.0.0.1:9/",), "how much load"),
        (("http://127.0.0.1:9/", "--rate", "0"), "A rate of 0"),
        (("http://127.0.0.1:9/", "--rate", "-1"), "A rate of -1"),
        (("http://127.0.0.1:9/", "--rate", "1e9"), "beyond any client"),
        (("http://127.0.0.1:9/", "--rate", "1000000000", "--duration", "1s"), "beyond any client"),
        (("http://127.0.0.1:9/", "--rate", "5", "--duration", "0"), "A duration of 0 s"),
        (("http://127.0.0.1:9/", "--rate", "1e6", "--duration", "1h"), "too many to keep"),
        (("http://127.0.0.1:9/", "--rate", "5", "--duration", "soon"), "not a duration"),
        (("http://127.0.0.1:9/", "--rate", "5", "--stages", "5:1s"), "contradict"),
        (("http://127.0.0.1:9/", "--stages", "5:1s", "--duration", "1s"), "own durations"),
        (("http://127.0.0.1:9/", "-n", "5", "--poisson"), "needs a rate"),
        (("http://127.0.0.1:9/", "-n", "0"), "sends nothing"),
        (("http://127.0.0.1:9/", "-c", "0", "-n", "5"), "0 connections"),
        (("http://127.0.0.1:9/", "-c", "100000", "-n", "5"), "connections are not possible here"),
        (("http://127.0.0.1:9/", "-n", "5", "--workers", "0"), "0 workers"),
        (("http://127.0.0.1:9/", "-n", "5", "--timeout", "0"), "gives up at once"),
        (("http://127.0.0.1:9/", "-n", "5", "--gate", "fast"), "not a threshold"),
        (("http://127.0.0.1:9/", "-n", "5", "--gate", "beauty > 1"), "does not measure"),
        (("http://127.0.0.1:9/", "-n", "5", "--expect", "fine"), "can be expected"),
        (("http://127.0.0.1:9/", "-n", "5", "--header", "none"), "not a header"),
        (("http://127.0.0.1:9/", "-n", "5", "--header", "Host: other"), "Host"),
        (("http://127.0.0.1:9/", "-n", "5", "--method", "CONNECT"), "not a method"),
        (("http://127.0.0.1:9/", "-n", "5", "--body", "a", "--body-file", "b"), "contradict"),
        (("http://127.0.0.1:9/", "-n", "5", "--body-file", "/nowhere/body"), "cannot be read"),
        (("http://127.0.0.1:9/", "-n", "5", "--export", "/nowhere/x.hlog"), "cannot be written"),
        (("https://127.0.0.1:9/", "-n", "5", "--ca", "/nowhere/ca.pem"), "is no file"),
        (("http://127.0.0.1:9/", "-n", "5", "--slo", "p(99) < 50ms"), "--slo is for --find-knee"),
        (("http://127.0.0.1:9/", "--find-knee", "--rate", "5"), "chooses rates"),
        (("http://127.0.0.1:9/", "--find-knee", "--slo", "fast"), "not a threshold"),
        (("http://127.0.0.1:9/", "--find-knee", "--connections", "0"), "0 connections"),
        (("http://127.0.0.1:9/", "--find-knee", "--gate", "p(99) < 50ms"), "a search does not find"),
    ],
)  # fmt: skip
def test_bad_input_is_exit_2_with_a_way_out(words: tuple[str, ...], said: str) -> None:
    """Nothing is sent; the second line says what to write instead."""
    done = CliRunner().invoke(app, ["load", *words, "--json"])
    assert (2, "") == (done.exit_code, done.stdout), done.output
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) > 1


def test_another_machine_is_confirmed_first() -> None:
    """It is said whom the load would hit and with how much; no packet leaves."""
    done = CliRunner().invoke(app, ["load", "http://192.0.2.1:8080/x", "--rate", "100", "--duration", "30s"])
    said = done.stderr
    assert (2, "") == (done.exit_code, done.stdout)
    assert "would hit 192.0.2.1:8080 (192.0.2.1)" in said
    assert "at most 3,000 GET requests" in said
    assert "--yes" in said


def test_the_histogram_is_exported(site: str, tmp_path: Path) -> None:
    """Its lines add up to the requests that were answered."""
    file = tmp_path / "load.hlog"
    code, told, _ = load(f"{site}/200", "-n", "40", "--export", str(file))
    assert (0, str(file)) == (code, told["export"])
    merged = Histogram()
    for interval in read_log(file.read_text(encoding="ascii")):
        merged.merge(interval.histogram)
    assert 40 == len(merged)
    assert [file] == list(tmp_path.iterdir())


def test_a_disk_that_is_full_is_a_finding(site: str, tmp_path: Path) -> None:
    """What was measured is still told, no half file stays, and one that was there is whole."""
    file = tmp_path / "load.hlog"
    file.write_text("of yesterday", encoding="ascii")
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))  # noqa: E731
    code, told, _ = load(
        f"{site}/200",
        "-n",
        "40",
        "--export",
        str(file),
        preexec_fn=limit,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert (1, 40) == (code, told["requests"])
    assert "could not be written" in told["findings"][0]
    assert ([file], "of yesterday") == (list(tmp_path.iterdir()), file.read_text(encoding="ascii"))


def test_ctrl_c_tells_what_was_measured(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 130, and a document of the requests until then."""
    words = [*COMMAND, f"{site}/200", "--rate", "50", "--duration", "60s", "--json"]
    monkeypatch.setattr(_Handler, "seen", threading.Semaphore(0))
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert all(_Handler.seen.acquire(timeout=30) for _ in range(20))
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    told = json.loads(out)
    assert 130 == process.returncode
    assert 20 <= told["requests"] < 3_000
    assert told["requests"] + told["unsent"] == 3_000
    assert any("interrupted" in reason for reason in told["reasons"])


def _result(rows: list[Row], **options: Any) -> LoadResult:
    return LoadResult(columns_of(rows, **options))


def test_an_invalid_measurement_is_exit_3() -> None:
    """The generator sent everything half a second late: that says nothing about the target, whatever gates say."""
    late = _result([(k / 100, k / 100 + 0.5, k / 100 + 0.501, 200, 0, "") for k in range(100)], waited=False)
    assert LoadVerdict.INVALID is late.verdict
    assert 3 == _code(late, [], [None])
    good = _result([(k / 100, k / 100, k / 100 + 0.001, 200, 0, "") for k in range(100)])
    assert [0, 1, 1, 3] == [
        _code(good, [], [True]),
        _code(good, [], [True, False, None]),
        _code(good, ["down"], [True]),
        _code(good, [], [True, None]),
    ]


def test_a_search_that_cannot_tell_is_exit_3() -> None:
    """Unless a lower bound is all that its gates ask for."""
    known = Knee(50, "unresponsive", 500.0, 503.0, "", ())
    bound = Knee(None, None, 500.0, None, "", ())
    failed = Knee(None, None, None, None, "", (), findings=("down",))
    assert [0, 1, 3, 0, 3, 1, 130] == [
        _knee_code(known, []),
        _knee_code(known, [False]),
        _knee_code(bound, []),
        _knee_code(bound, [True]),
        _knee_code(bound, [False]),
        _knee_code(failed, []),
        _knee_code(Knee(None, None, None, None, "", (), interrupted=True), []),
    ]


def test_a_search_for_the_knee() -> None:
    """The document has the limits, every step, and gates on them."""
    with queue_server(0.002) as url:
        words = ("--slo", "p(99) < 100ms", "--duration", "9s", "--connections", "2")
        code, told, said = load(
            url, "--find-knee", *words, "--gate", "rate > 300/s", "--gate", "rate > 5000/s"
        )
    assert {"schema", "connections_cliff", "max_rate_per_s", "steps"} <= set(told), said
    assert 250 < told["max_rate_per_s"] < 550
    assert {"closed", "open"} == {step["mode"] for step in told["steps"]}
    assert [("rate > 300/s", True), ("rate > 5000/s", False)] == [
        (gate["expression"], gate["held"]) for gate in told["gates"]
    ]
    assert code in {1, 3}  # 3: the time was over before the limit lay within some percent


def test_people_read_the_verdict_first(site: str, nobody: str) -> None:
    """Signs, words and figures; the document is for machines."""
    words = [
        *COMMAND,
        f"{site}/half",
        "-n",
        "20",
        "--gate",
        "errors < 1%",
        "--gate",
        "p(99) < 5s",
        "--expect-errors",
    ]
    shown = subprocess.run(words, capture_output=True, text=True, check=False).stdout
    assert shown.startswith("❌ FAIL  20 requests in ")
    assert "❌ errors < 1%: is 50 %" in shown
    assert "✅ p(99) < 5s: is " in shown
    assert "10 errors (10 status 500)" in shown
    assert {"response", "service"} <= {line.partition(" ")[0] for line in shown.splitlines()}
    down = subprocess.run([*COMMAND, nobody, "--find-knee"], capture_output=True, text=True, check=False)
    assert 1 == down.returncode
    assert "The target does not answer one request at a time." in down.stdout

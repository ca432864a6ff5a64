"""The quick load test against real servers."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import pytest

from deployer_lib.app.http import Http
from deployer_lib.catalogue import Effect
from deployer_lib.errors import NotAllowed
from deployer_lib.guard import Guard
from deployer_lib.load.brake import Brake
from deployer_lib.load.quick import quick
from deployer_lib.load.result import LoadVerdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_S = 1_000_000_000


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        status = self.server.answer()  # type: ignore[attr-defined]  # set below
        if status is None:
            self.close_connection = True
            return
        self.send_response_only(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # joined at the end, so that no socket is left open

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay quiet: a client that goes away is part of some tests."""


@pytest.fixture
def client() -> Iterator[Any]:
    """Return ``client(answer, …) -> Http`` of a real server; ``answer() -> status``, None cuts the connection."""
    running: list[tuple[_Server, threading.Thread, Http]] = []

    def make(answer: Callable[[], int | None], **guard: Any) -> Http:
        server = _Server(("127.0.0.1", 0), _Handler)
        server.answer = answer  # type: ignore[attr-defined]  # the handler's way to the test
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        hosts = {("127.0.0.1", server.server_port)}
        http = Http(
            Guard("test", frozenset(Effect), hosts, **guard),
            f"http://127.0.0.1:{server.server_port}",
            run="01TEST",
        )
        running.append((server, thread, http))
        return http

    yield make
    for server, thread, http in running:
        http.close()
        server.shutdown()
        thread.join()
        server.server_close()


def test_all_requests_are_sent_as_many_at_a_time_as_asked(client: Any) -> None:
    """Ten at a time means ten: the server sees them together, and no more."""
    together, most, lock = threading.Barrier(5), [0, 0], threading.Lock()

    def handler() -> int:
        with lock:
            most[0] += 1
            most[1] = max(most)
        together.wait(timeout=5)
        with lock:
            most[0] -= 1
        return 200

    told: list[str] = []
    result = quick(client(handler), "/", requests=20, concurrent=5, progress=told.append)
    assert (len(result), result.errors, result.by_status) == (20, 0, {"200": 20})
    assert most[1] == 5
    assert len(told) == 4
    assert result.response_ms is not None
    assert result.response_ms.max < 5_000


def test_429_is_counted_apart(client: Any) -> None:
    """A rate limit is neither an error nor an answer."""
    count = iter(range(1_000))
    result = quick(client(lambda: 200 if next(count) < 10 else 429), "/", requests=30, concurrent=2)
    assert (result.errors, result.throttled, int(result.answered.sum())) == (0, 20, 10)
    assert LoadVerdict.DEGRADED is result.verdict


def test_cut_connections_are_errors(client: Any) -> None:
    """A request that gets no answer is in the result, by kind."""
    result = quick(client(lambda: None), "/", requests=10, concurrent=2)
    assert (result.errors, result.errors_by_kind, result.verdict) == (10, {"reset": 10}, LoadVerdict.INVALID)


def test_the_time_limit_ends_it_and_says_what_was_not_sent(client: Any) -> None:
    """A server that hangs does not hold the test: what ran is given up, the rest is unsent."""
    free = threading.Event()

    def hang() -> int:
        free.wait(10)
        return 200

    http = client(hang)
    try:
        result = quick(http, "/", requests=10, concurrent=2, limit_s=0.3)
    finally:
        free.set()
    assert len(result) + result.unsent == 10
    assert result.unsent
    assert result.errors == len(result)
    assert "time limit" in result.stopped


def test_the_guard_ends_it(client: Any) -> None:
    """The ceiling on requests holds for a load test too."""
    with pytest.raises(NotAllowed, match="ceiling"):
        quick(client(lambda: 200, max_requests=15), "/", requests=100, concurrent=4)


def over(times_ns: list[int], bad: list[bool]) -> list[bool]:
    """Return what the brake says after each request that ended."""
    brake = Brake()
    totals = accumulate(map(int, bad))
    return [
        brake.over(at, ended, wrong)
        for ended, (at, wrong) in enumerate(zip(times_ns, totals, strict=True), 1)
    ]


def test_the_brake_holds_after_two_seconds_of_errors() -> None:
    """One bad second is no reason; two on end above 5 % are."""
    steps = over([i * _S // 10 for i in range(40)], [i % 10 == 0 for i in range(40)])
    assert steps[:20] == [False] * 20
    assert any(steps[20:])


def test_the_brake_lets_few_errors_pass() -> None:
    assert not any(over([i * _S // 100 for i in range(1_000)], [i % 50 == 49 for i in range(1_000)]))


def test_the_brake_forgets_after_good_answers() -> None:
    assert not any(over([i * _S // 10 for i in range(200)], [i == 3 for i in range(200)]))

"""The floor: what a server that does nothing is measured with, and what it says of a target; never of a slow one."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from load_servers import guard
from made_columns import made

from deployer_lib import load
from deployer_lib.load import floor
from deployer_lib.load.floor import floor_ms
from deployer_lib.load.gates import judge
from deployer_lib.load.health import LoadVerdict
from deployer_lib.load.plan import closed, constant
from deployer_lib.load.result import LoadResult

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PLANS = {"open": constant(200, 0.5), "closed": closed(4, duration_s=0.5)}


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Give back every descriptor and process."""
    mine = psutil.Process()
    before = (mine.num_fds(), mine.children())
    yield
    assert before == (mine.num_fds(), mine.children())


@pytest.mark.parametrize("plan", _PLANS)
def test_a_server_that_does_nothing_is_measured(plan: str) -> None:
    """A real one, in a process of its own."""
    found = floor_ms(made([0.1] * 100), _PLANS[plan])
    assert found is not None
    assert found > 0


@pytest.mark.parametrize(
    "columns",
    [
        made([5.0] * 100),
        made([1.1] * 51 + [0.1] * 49),
        made([0.1] * 100, stopped="interrupted"),
        made([0.1] * 100, status=503, error="unexpected status"),
        made([]),
    ],
    ids=["slow", "half slow", "stopped", "failing", "nothing"],
)
def test_where_it_does_not_matter_nothing_is_started(columns: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow target costs nobody any time, and is never compared with anything."""
    monkeypatch.setattr(floor, "_null_server", lambda: pytest.fail("a server was started"))
    assert floor_ms(columns, _PLANS["open"]) is None


@pytest.mark.parametrize(
    ("every_ms", "asked_per_s"), [(50.0, 100), (10.0, 100), (2.0, 500), (0.5, 2_000), (0.02, 2_000)]
)
def test_it_is_asked_at_most_as_long_as_needed(every_ms: float, asked_per_s: int) -> None:
    """At the target's rate within limits in which times are no longer than the target's could be."""
    like = floor._like(made([0.01] * 100, every_ms=every_ms), _PLANS["open"])
    assert ("open", 0.4) == (like.mode, like.duration_ns / 1e9)
    assert pytest.approx(asked_per_s, rel=0.02) == len(like.due_ns) / 0.4


def test_of_a_closed_loop_one_connection_is_asked() -> None:
    """More would wait for each other in the generator, whatever the target does."""
    like = floor._like(made([0.01] * 100), closed(50, duration_s=9.0))
    assert ("closed", 1) == (like.mode, like.connections)


def test_what_disturbs_it_does_not_count() -> None:
    """Four fifths of the time something else ran: the rest knows better."""
    assert pytest.approx(0.1) == floor._least_median_ms(made([9.0] * 40 + [0.1] * 20 + [9.0] * 40))


def test_an_unsound_measurement_is_none() -> None:
    assert floor._least_median_ms(made([0.1] * 9)) is None
    assert floor._least_median_ms(made([0.1] * 100, stopped="interrupted")) is None
    cut = ["", *["reset"] * 99]
    assert floor._least_median_ms(made([0.1] * 100, status=[200] + [0] * 99, error=cut)) is None


@pytest.mark.parametrize("program", ["raise SystemExit(1)", "import time; time.sleep(60)", None])
def test_without_a_server_there_is_none(
    program: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that ends, one that hangs, none at all: the target was measured all the same."""
    path = tmp_path / "server.py"
    if program:
        path.write_text(program)
    monkeypatch.setattr(floor, "_PROGRAM", path)
    monkeypatch.setattr(floor, "_START_S", 0.2)
    assert floor_ms(made([0.1] * 100), _PLANS["open"]) is None


def _started() -> subprocess.Popen[bytes]:
    words = [sys.executable, "-I", "-S", str(floor._PROGRAM)]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_the_server_answers_whoever_comes_and_ends_with_its_input() -> None:
    """Requests in one piece, one that is never ended, a client that goes away."""
    with _started() as server:
        assert server.stdout is not None
        assert server.stdin is not None
        there = ("127.0.0.1", int(server.stdout.readline()))
        with socket.create_connection(there) as gone, socket.create_connection(there) as half:
            gone.sendall(b"GET / HTTP/1.1\r\n\r\n")
            half.sendall(b"GET / HT")
        with socket.create_connection(there) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            answer = sock.recv(1000)
            assert answer.startswith(b"HTTP/1.1 200 OK")
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert answer == sock.recv(1000)
        server.stdin.close()
        assert 0 == server.wait(20)


def _kept(service_ms: float, gate: str, floor_ms: float) -> bool | None:
    (judged,) = judge(LoadResult(made([service_ms] * 100), floor_ms=floor_ms), [gate])
    return judged.held


def test_a_run_has_a_floor_where_the_target_is_fast_and_only_there() -> None:
    with _started() as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        result = load.run(f"http://127.0.0.1:{port}/", closed(1, requests=100), guard=guard(port))
        server.kill()
    assert result.response_ms
    told = result.to_json()["floor_ms"]
    if result.response_ms.p50 < 1:
        assert result.floor_ms
        assert round(result.floor_ms, 3) == told
    else:  # a busy machine
        assert (None, None) == (result.floor_ms, told)


def test_a_fast_target_is_measured_with_a_reservation() -> None:
    """Its times are upper bounds: what was kept is kept, what was missed by less than the floor could not be told."""
    result = LoadResult(made([0.15] * 100), floor_ms=0.1)
    assert LoadVerdict.DEGRADED is result.verdict
    assert "A server that does nothing is measured with 0.10 ms, this one with 0.15 ms" in result.reasons[0]
    assert [True, None, False] == [_kept(0.15, f"p(50) < {limit}ms", 0.1) for limit in (0.2, 0.1, 0.04)]
    assert _kept(0.15, "rate > 1000/s", 0.1) is False


@pytest.mark.parametrize("service_ms", [0.25, 0.9, 5.0, 900.0])
def test_a_target_far_above_it_is_measured_without(service_ms: float) -> None:
    assert LoadVerdict.VALID is LoadResult(made([service_ms] * 100), floor_ms=0.1).verdict


def test_a_floor_that_was_disturbed_makes_nothing_invalid() -> None:
    assert LoadVerdict.DEGRADED is LoadResult(made([0.9] * 100), floor_ms=1_000.0).verdict

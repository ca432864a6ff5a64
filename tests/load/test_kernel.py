"""The loop against real servers, each of which does one thing wrong, or rightly."""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import socket
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from load_servers import CHUNKED, CLOSING, OK, Scripted, answers, check, kinds, load, read_request, silent

from deployer_lib.load import plan
from deployer_lib.load.columns import Columns, Rows
from deployer_lib.load.connection import Address
from deployer_lib.load.job import Job
from deployer_lib.load.kernel import Kernel
from deployer_lib.load.requests import RequestSpec


def test_a_closed_loop_asks_again_when_answered() -> None:
    """Each of four connections asks when its last request ended: due, seen and sent with no gap of the plan's."""
    with Scripted(answers(OK)) as server:
        columns = load(server, plan.closed(4, requests=200))
        assert 200 == len(server.requests)
        assert 4 == server.accepted == columns.opened
    assert Counter({"": 200}) == kinds(columns)
    assert {(200, 2)} == set(zip(columns.status.tolist(), columns.size_bytes.tolist(), strict=True))
    for number in range(4):
        mine = columns.connection == number
        assert (columns.intended_ns[mine][1:] == columns.done_ns[mine][:-1]).all()
    assert 4 == int(columns.waited.sum())  # the first of each, while it was opened


def test_a_closed_loop_ends_with_its_duration() -> None:
    with Scripted(answers(OK)) as server:
        columns = load(server, plan.closed(2, duration_s=0.2))
        assert len(server.requests) == len(columns) == columns.planned > 0
    assert (columns.intended_ns <= columns.start_ns + 200_000_000).all()


def test_an_open_loop_keeps_its_schedule() -> None:
    """Requests are due when the plan says, to the nanosecond, and none before."""
    made = plan.stages([(100, 0.2), (200, 0.2)], flat=True)
    with Scripted(answers(OK)) as server:
        columns = load(server, made)
    assert (columns.intended_ns - columns.start_ns == made.due_ns).all()
    assert (columns.stage == made.stage).all()
    assert Counter({"": 60}) == kinds(columns)


def test_a_request_that_finds_no_free_connection_waits_and_stays_due() -> None:
    """Behind an answer of 0.3 s on the only connection, all others wait, and are sent in order once it is free."""

    def talk(sock: socket.socket, server: Scripted) -> None:
        while read_request(sock, server):
            if len(server.requests) == 1:
                server.ending.wait(0.3)
            sock.sendall(OK)

    with Scripted(talk) as server:
        columns = load(server, plan.constant(100, 0.2), connections=1)
    assert 20 == len(columns)
    assert 1 == columns.opened
    assert columns.waited.all()
    response_ms = (columns.done_ns - columns.intended_ns) / 1e6
    assert (np.diff(columns.sent_ns) > 0).all()
    assert response_ms[0] >= 300
    assert response_ms[-1] >= 300 - 195
    assert (columns.sent_ns[1:] >= columns.done_ns[0]).all()


@pytest.mark.parametrize(
    ("text", "status", "size"),
    [
        (OK, 200, 2),
        (CHUNKED, 200, 2),
        (CHUNKED.replace(b"0\r\n\r\n", b"0\r\nX-Sum: 1\r\n\r\n"), 200, 2),
        (CHUNKED.replace(b"2\r\nok", b"30D40\r\n" + b"x" * 200_000), 200, 200_000),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, 0),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 70\r\n\r\n", 304, 0),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, 2),
        (CLOSING, 200, 2),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, 2),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300_000,
            200,
            300_000,
        ),
    ],
)
def test_every_way_to_frame_an_answer_is_counted_once(text: bytes, status: int, size: int) -> None:
    with Scripted(answers(text)) as server:
        columns = load(server, plan.closed(3, requests=30))
        assert 30 == len(server.requests)
    assert Counter({"": 30}) == kinds(columns)
    assert {(status, size)} == set(zip(columns.status.tolist(), columns.size_bytes.tolist(), strict=True))


def test_an_answer_without_length_ends_with_its_connection() -> None:
    with Scripted(answers(b"HTTP/1.1 200 OK\r\n\r\nuntil the end", keep=False)) as server:
        columns = load(server, plan.closed(2, requests=10))
        assert 10 == server.accepted
    assert {(200, 13, 0)} == set(
        zip(columns.status.tolist(), columns.size_bytes.tolist(), columns.error.tolist(), strict=True)
    )


def test_an_answer_to_head_has_no_body() -> None:
    text = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"
    with Scripted(answers(text)) as server:
        columns = load(server, plan.closed(2, requests=20), mix=[RequestSpec("HEAD", "/")])
    assert Counter({"": 20}) == kinds(columns)
    assert not columns.size_bytes.any()


def test_a_new_connection_for_each_request() -> None:
    with Scripted(answers(OK, keep=False)) as server:
        columns = load(server, plan.closed(3, requests=30), keep_alive=False)
        assert 30 == server.accepted == columns.opened
        assert all(b"\r\nConnection: close\r\n" in request for request in server.requests)
    assert Counter({"": 30}) == kinds(columns)
    assert list(range(30)) == sorted(columns.connection.tolist())


def test_answers_whose_heads_differ_each_time_are_each_counted_with_their_own() -> None:
    """Dates, ids and lengths change, and the status too: what was learned of one is never said of another."""
    texts = [
        b"HTTP/1.1 %d X\r\nX-Id: %d\r\nContent-Length: %d\r\n\r\n%b"
        % (status, number, number % 4, b"x" * (number % 4))
        for number, status in enumerate([200, 201, 200, 200, 404, 200, 429] * 4)
    ]
    with Scripted(answers(*texts)) as server:
        columns = load(server, plan.closed(1, requests=28))
    statuses = [int(text[9:12]) for text in texts]
    assert statuses == columns.status.tolist()
    assert [number % 4 for number in range(28)] == columns.size_bytes.tolist()
    assert Counter({"": 20, "unexpected status": 8}) == kinds(columns)


def test_a_mix_is_sent_and_counted_by_request() -> None:
    """Each request of the mix has its own expectations; bodies are checked where that is asked for."""

    def talk(sock: socket.socket, server: Scripted) -> None:
        while request := read_request(sock, server):
            missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone"
            sock.sendall(OK if request.startswith(b"POST /a") else missing)

    mix = [
        RequestSpec("POST", "/a/{n}", {"X-Id": "{uuid}"}, b'{"n": {n}}', weight=2),
        RequestSpec(path="/b", expect=frozenset({404}), contains=b"none"),
        RequestSpec(path="/c", expect=frozenset({404}), contains=b"some"),
    ]
    with Scripted(talk) as server:
        columns = load(server, plan.closed(3, requests=300), mix=mix)
        asked = Counter(request.split(b" ")[1][:2] for request in server.requests)
        bodies = {request.rpartition(b"\r\n\r\n")[2] for request in server.requests}
    by_spec = Counter(columns.spec.tolist())
    assert {b"/a": by_spec[0], b"/b": by_spec[1], b"/c": by_spec[2]} == asked
    assert by_spec[0] > by_spec[1] > 0
    assert by_spec[0] + 1 == len(bodies)
    assert Counter({"": by_spec[0] + by_spec[1], "unexpected body": by_spec[2]}) == kinds(columns)


def test_a_body_that_is_answered_before_it_is_sent_ends_its_connection() -> None:
    """A server that refuses 20 MB after the head is counted by its answer, and its connection is not used again."""
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"

    def talk(sock: socket.socket, server: Scripted) -> None:
        server.requests.append(sock.recv(100))
        sock.sendall(refusal)
        server.ending.wait()

    with Scripted(talk) as server:
        columns = load(
            server, plan.closed(1, requests=3), mix=[RequestSpec("POST", "/", body=b"x" * 20_000_000)]
        )
        assert 3 == server.accepted
    assert {413} == set(columns.status.tolist())


def test_429_is_no_failure_and_does_not_pull_the_brake() -> None:
    """A target that limits its clients for 3 s is asked to the end of the plan."""
    with Scripted(answers(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n")) as server:
        seen: list[int] = []
        columns = load(
            server,
            plan.constant(20, 3.0),
            expect_errors=False,
            progress=lambda progress: seen.append(progress.errors),
        )
    assert "" == columns.stopped
    assert {429} == set(columns.status.tolist())
    assert {0} == set(seen)


def test_a_failing_target_is_asked_no_more_after_2_s() -> None:
    """Above 5 % errors for 2 s it stops; with expect_errors it does not."""
    text = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
    with Scripted(answers(text, *[OK] * 9)) as server:
        columns = load(server, plan.constant(100, 10.0), expect_errors=False)
        assert "5 %" in columns.stopped
        assert 2.0 <= columns.duration_ns / 1e9 < 5
        assert columns.unsent > 400
        assert "" == load(server, plan.constant(100, 2.5)).stopped


def test_few_errors_do_not_pull_the_brake() -> None:
    text = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
    with Scripted(answers(text, *[OK] * 49)) as server:
        columns = load(server, plan.constant(100, 2.5), expect_errors=False)
    assert ("", 250) == (columns.stopped, len(columns))


def test_a_plan_beyond_the_generator_ends_all_the_same() -> None:
    """A million a second is more than one process sends: a time limit after the plan's end the rest is unsent."""
    with Scripted(answers(OK)) as server:
        columns = load(server, plan.constant(1_000_000, 0.5), timeout_s=0.1)
    assert "could not keep up" in columns.stopped
    assert columns.unsent > 0
    assert columns.duration_ns < 5e9


def test_what_is_under_way_when_it_stops_is_censored_not_dropped() -> None:
    """Those sent and those that wait are rows with the time they had waited; those not due are unsent."""
    with Scripted(silent) as server:
        kernel = Kernel(_job(server, plan.constant(100, 10), connections=3), lambda _first, count: count)
        kernel._progress = lambda progress: kernel.interrupt() if progress.elapsed_s > 0.4 else None
        columns = kernel.run()
    check(columns)
    assert "interrupted" == columns.stopped
    assert {"stopped"} == set(kinds(columns))
    assert 3 == int((columns.sent_ns > 0).sum())
    assert len(columns) > 30
    assert columns.unsent == 1000 - len(columns)


def test_without_descriptors_the_generator_is_named() -> None:
    """A limit of this machine is no failure of the target, and is not called one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with Scripted(answers(OK)) as server:
        kernel = Kernel(
            _job(server, plan.closed(5, duration_s=0.3), connections=5), lambda _first, count: count
        )
        gc.collect()  # what earlier tests left open must not be closed in between
        highest = max(int(path.name) for path in Path("/proc/self/fd").iterdir())
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 4, hard))
        held: list[int] = []
        try:
            with contextlib.suppress(OSError):
                while True:
                    held.append(os.open(os.devnull, os.O_RDONLY))
            for _ in range(2):  # for the epoll and the timer; no connection fits
                os.close(held.pop())
            columns = kernel.run()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for descriptor in held:
                os.close(descriptor)
    check(columns)
    assert {"no descriptors"} == set(kinds(columns))


def _job(server: Scripted, made: plan.Plan, *, connections: int) -> Job:
    address = Address(socket.AF_INET, ("127.0.0.1", server.port))
    return Job(address, "127.0.0.1", made, (RequestSpec(),), connections, 5_000_000_000, expect_errors=True)


def test_rows_over_several_chunks_of_memory_stay_whole() -> None:
    """100,000 rows come out as they went in, in order of their due time."""
    rows = Rows()
    for number in range(100_000):
        rows.keep(10**6 - number, 1, 2, 3, 4, 5, number % 7, number, 200, 0, 0, number % 2)
    columns = Columns.of(rows.parts(), np.zeros(0, np.int16))
    assert 100_000 == len(columns) == rows.ended
    assert list(range(900_001, 1_000_001)) == columns.intended_ns.tolist()
    assert [number % 7 for number in range(99_999, -1, -1)] == columns.connection.tolist()
    assert 50_000 == int(columns.waited.sum())
    with contextlib.suppress(ValueError):
        columns.status[0] = 1  # read-only
    assert 200 == columns.status[0]

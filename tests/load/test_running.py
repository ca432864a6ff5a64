"""A whole run: through the guard, over TLS, in several processes, and everything given back at its end."""

from __future__ import annotations

import os
import re
import resource
import signal
import ssl
import subprocess
import sys
import threading
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest
from load_servers import OK, Scripted, answers, certificate, guard, kinds, read_request

from deployer_lib.catalogue import Effect
from deployer_lib.errors import NotAllowed, RequestFailed, UsageError
from deployer_lib.guard import Guard
from deployer_lib.load import plan
from deployer_lib.load.limits import descriptors, possible
from deployer_lib.load.requests import RequestSpec
from deployer_lib.load.running import Progress, run

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from deployer_lib.load.columns import Columns

HOST = ("shop.example", 443)


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Give back every descriptor, process, thread, limit and signal handler, whatever happened."""

    def state() -> tuple[object, ...]:
        mine = psutil.Process()
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        return (
            mine.num_fds(),
            mine.children(),
            limit,
            signal.getsignal(signal.SIGINT),
            threading.active_count(),
        )

    before = state()
    yield
    assert before == state()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate(tmp_path_factory.mktemp("certificate"))


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(NotAllowed) as caught:
        act()
    assert caught.value.hint
    return caught.value.message


# The guard


def made(allow: frozenset[Effect] = frozenset(Effect), *, requests: int = 100, writes: int = 10) -> Guard:
    return Guard("test", allow, {HOST}, max_requests=requests, max_writes=writes)


def test_many_requests_are_permitted_as_far_as_the_ceiling_reaches() -> None:
    """They are counted at once; when there is no room for any, it says so as for a single one."""
    guard = made()
    assert [60, 40] == [guard.permit_many("GET", "https", *HOST, 60) for _ in range(2)]
    assert 100 == guard.requests
    assert "100 requests" in refused(lambda: guard.permit_many("GET", "https", *HOST, 1))
    guard.return_unsent("GET", 5)
    assert 5 == guard.permit_many("GET", "https", *HOST, 50)


def test_many_writes_have_their_own_ceiling() -> None:
    guard = made()
    assert 10 == guard.permit_many("POST", "https", *HOST, 60)
    assert "writing" in refused(lambda: guard.permit_many("POST", "https", *HOST, 1))
    guard.return_unsent("POST", 4)
    assert (6, 6) == (guard.requests, guard.writes)


def test_more_than_a_handful_is_stress() -> None:
    """Ten requests are permitted where only observing is; eleven are not, nor another host, nor a write."""
    guard = made(frozenset())
    assert 10 == guard.permit_many("GET", "https", *HOST, 10)
    assert "stress" in refused(lambda: guard.permit_many("GET", "https", *HOST, 11))
    assert "write" in refused(lambda: guard.permit_many("POST", "https", *HOST, 1))
    assert "not a declared host" in refused(
        lambda: guard.permit_many("GET", "https", "other.example", 443, 1)
    )
    stress = made(frozenset({Effect.STRESS}))
    assert 50 == stress.permit_many("GET", "https", *HOST, 50)
    assert "write" in refused(lambda: stress.permit_many("DELETE", "https", *HOST, 1))


def test_a_count_of_none_judges_without_counting() -> None:
    guard = made(requests=0)
    assert 0 == guard.permit_many("GET", "https", *HOST, 0)
    assert "not a declared host" in refused(
        lambda: guard.permit_many("GET", "https", "other.example", 443, 0)
    )


def test_a_run_obeys_the_guard() -> None:
    """An undeclared host, a forbidden effect and a protected address are refused before anything is sent."""
    with Scripted(answers(OK)) as server:
        there = ("127.0.0.1", server.port)
        only_observes = Guard("test", frozenset(), {there})
        stress = Guard("test", frozenset({Effect.STRESS}), {there})
        elsewhere = Guard("test", frozenset(Effect), {HOST})
        protected = Guard(
            "test", frozenset(Effect), {there}, protected_addresses=frozenset({("localhost", server.port)})
        )
        many = plan.closed(2, requests=100)
        assert "stress" in refused(lambda: run(server.url, many, guard=only_observes))
        assert "write" in refused(lambda: run(server.url, many, guard=stress, mix=[RequestSpec("POST", "/")]))
        assert "not a declared host" in refused(lambda: run(server.url, many, guard=elsewhere))
        assert "protected" in refused(lambda: run(server.url, many, guard=protected))
        assert [] == server.requests
        assert 10 == len(run(server.url, plan.closed(2, requests=10), guard=only_observes))


def test_a_run_ends_at_the_ceiling_and_returns_what_it_did_not_use() -> None:
    """What the ceiling leaves is sent and answered, the rest is unsent; a run that ends early uses no more than it sent."""
    with Scripted(answers(OK)) as server:
        few = guard(server, requests=30)
        columns = run(server.url, plan.constant(400, 0.25), guard=few)
        assert (30, 70, 30) == (len(columns), columns.unsent, len(server.requests))
        assert Counter({"": 30}) == kinds(columns)
        assert "ceiling" in columns.stopped
        assert "30 requests" in refused(lambda: run(server.url, plan.constant(400, 0.25), guard=few))

        enough = guard(server)
        assert len(run(server.url, plan.closed(2, duration_s=0.1), guard=enough)) == enough.requests


def test_a_mix_ends_at_the_ceiling_of_its_writes() -> None:
    mix = [RequestSpec(), RequestSpec("PUT", "/", body=b"x")]
    with Scripted(answers(OK)) as server:
        few = guard(server, writes=7)
        columns = run(server.url, plan.closed(2, requests=200), guard=few, mix=mix)
        sent = Counter(request[:3] for request in server.requests)
    assert 7 == sent[b"PUT"] == few.writes
    assert sum(sent.values()) == len(columns) == few.requests
    assert 200 == len(columns) + columns.unsent


def test_a_mix_that_is_not_allowed_is_refused() -> None:
    """Nothing is sent, as with a single request."""
    mix = [RequestSpec(path="/a"), RequestSpec("HEAD", "/b")]
    with Scripted(answers(OK)) as server:
        observes = Guard("test", frozenset(), {("127.0.0.1", server.port)})
        for workers in (1, 2):
            refused(
                lambda workers=workers: run(  # type: ignore[misc]  # bound at once
                    server.url, plan.closed(2, requests=100), guard=observes, mix=mix, workers=workers
                )
            )
        assert ([], 0) == (server.requests, observes.requests)


# TLS


def _context(pair: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    return context


def test_answers_come_over_tls(pair: tuple[Path, Path]) -> None:
    """Large and small ones, from a certificate that is trusted, or when anybody is."""
    large = b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000
    with Scripted(answers(OK, large), _context(pair)) as server:
        trusted = run(server.url, plan.closed(2, requests=40), guard=guard(server), ca=pair[0])
        anybody = run(server.url, plan.closed(2, requests=40), guard=guard(server), insecure=True)
        body = b"y" * 3_000_000
        posted = run(
            server.url,
            plan.closed(2, requests=4),
            guard=guard(server),
            insecure=True,
            mix=[RequestSpec("POST", "/", body=body)],
        )
        assert all(request.endswith(body) for request in server.requests[-4:])
    assert Counter({"": 84}) == kinds(trusted) + kinds(anybody) + kinds(posted)
    assert {2, 200_000} == set(trusted.size_bytes.tolist())


def test_tls_that_fails_is_told(pair: tuple[Path, Path]) -> None:
    """A certificate that is not trusted, and a server without TLS; nothing is sent."""
    with Scripted(answers(OK), _context(pair)) as server:
        columns = run(server.url, plan.closed(2, requests=4), guard=guard(server), expect_errors=True)
        assert [] == server.requests
    assert Counter({"tls": 4}) == kinds(columns)

    def plain(sock: socket.socket, _server: Scripted) -> None:
        sock.recv(4096)
        sock.sendall(OK)

    with Scripted(plain) as server:
        url = server.url.replace("http:", "https:")
        columns = run(url, plan.constant(50, 0.1), guard=guard(server), expect_errors=True)
    assert Counter({"tls": 5}) == kinds(columns)


def test_certificates_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    for name in ("ca.pem", "none.pem"):
        with pytest.raises(UsageError, match="certificates"):
            run("https://127.0.0.1:9", plan.closed(1, requests=1), guard=guard(9), ca=tmp_path / name)


# Processes


def test_workers_share_a_plan_and_send_all_of_it() -> None:
    """Two processes: each request is sent once, with a number of its own; connections are counted through."""
    with Scripted(answers(OK)) as server:
        seen: list[Progress] = []
        columns = run(
            server.url,
            plan.constant(200, 0.6),
            guard=guard(server),
            mix=[RequestSpec(path="/{n}")],
            workers=2,
            progress=seen.append,
        )
        numbers = sorted(int(re.findall(rb"/(\d+) ", request)[0]) for request in server.requests)
    assert list(range(1, 121)) == numbers
    assert (120, 0, 2) == (columns.planned, columns.unsent, columns.workers)
    assert Counter({"": 120}) == kinds(columns)
    assert (columns.intended_ns - columns.start_ns == plan.constant(200, 0.6).due_ns).all()
    assert columns.opened == len(np.unique(columns.connection))
    assert seen


def test_workers_of_a_closed_loop_share_connections_and_ceiling() -> None:
    with Scripted(answers(OK)) as server:
        few = guard(server, requests=50)
        columns = run(server.url, plan.closed(3, duration_s=30), guard=few, workers=2)
        assert 50 == len(server.requests) == len(columns) == few.requests
        assert 3 == columns.opened
    assert "ceiling" in columns.stopped


def test_workers_share_what_the_ceiling_leaves_of_a_plan() -> None:
    """31 of 60: both send to the same point of the plan."""
    with Scripted(answers(OK)) as server:
        few = guard(server, requests=31)
        made = plan.constant(100, 0.6)
        columns = run(server.url, made, guard=few, workers=2)
        assert 31 == len(server.requests) == few.requests
        one = guard(server, requests=1)
        assert 1 == len(run(server.url, made, guard=one, workers=2))
    assert (columns.intended_ns - columns.start_ns == made.due_ns[:31]).all()
    assert (29, "the guard's ceiling on requests was reached") == (columns.unsent, columns.stopped)


def test_a_worker_without_a_share_ends_at_once() -> None:
    with Scripted(answers(OK)) as server:
        columns = run(server.url, plan.constant(1, 1), guard=guard(server), workers=2)
    assert (1, 1, 0, "") == (len(columns), columns.planned, columns.unsent, columns.stopped)


def test_workers_stop_together() -> None:
    """One that stops for errors stops the other, and nothing is lost."""
    text = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
    with Scripted(answers(text)) as server:
        columns = run(server.url, plan.constant(100, 20), guard=guard(server), workers=2)
    assert "5 %" in columns.stopped
    assert 2000 == len(columns) + columns.unsent
    assert columns.duration_ns < 10e9


def test_an_error_of_a_worker_is_raised(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="certificates"):
        run(
            "https://127.0.0.1:9",
            plan.closed(2, requests=2),
            guard=guard(9),
            ca=tmp_path / "none.pem",
            workers=2,
        )


PARENT = """
import sys
from deployer_lib.catalogue import Effect
from deployer_lib.guard import Guard
from deployer_lib.load import plan
from deployer_lib.load.running import run

port = int(sys.argv[1])
guard = Guard("test", frozenset(Effect), {("127.0.0.1", port)})
made = plan.constant(50, 60)
run(f"http://127.0.0.1:{port}", made, guard=guard, workers=2, progress=lambda _: print("on", flush=True))
"""


def test_no_worker_outlives_its_parent() -> None:
    """A parent that is killed takes its workers along, though nobody told them."""
    with Scripted(answers(OK)) as server:
        argv = [sys.executable, "-c", PARENT, str(server.port)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as parent:
            assert parent.stdout is not None
            assert b"on\n" == parent.stdout.readline()
            workers = psutil.Process(parent.pid).children()
            parent.kill()
        assert 2 == len(workers)
        gone, alive = psutil.wait_procs(workers, timeout=20)
        assert (2, 0) == (len(gone), len(alive))


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_returns_what_was_measured(workers: int) -> None:
    """The signal ends the run within a moment: no exception, no process left, and the rest unsent."""
    with Scripted(answers(OK)) as server:
        columns = run(
            server.url,
            plan.constant(100, 60),
            guard=guard(server),
            workers=workers,
            progress=lambda progress: os.kill(os.getpid(), signal.SIGINT) if progress.done else None,
        )
    assert "interrupted" == columns.stopped
    assert 6000 == len(columns) + columns.unsent
    assert 0 < len(columns) < 3000


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_the_caller_ends_the_run(workers: int) -> None:
    """What progress raises comes out, and everything is given back."""

    def fail(_progress: Progress) -> None:
        raise LookupError("from progress")

    with Scripted(answers(OK)) as server:
        allowed = guard(server)
        with pytest.raises(LookupError, match="from progress"):
            run(server.url, plan.constant(100, 60), guard=allowed, workers=workers, progress=fail)
    assert 6000 > allowed.requests


def test_a_run_from_a_thread_works() -> None:
    """There, no signal handler can be set."""
    made: list[Columns] = []
    with Scripted(answers(OK)) as server:
        thread = threading.Thread(
            target=lambda: made.append(run(server.url, plan.closed(2, requests=20), guard=guard(server)))
        )
        thread.start()
        thread.join()
    assert [20] == [len(columns) for columns in made]


# What is asked for


def test_more_connections_than_possible_are_refused_with_how_many_are() -> None:
    """There are fewer than 65,536 ports, whatever the limit on descriptors is."""
    with pytest.raises(UsageError) as caught:
        run("http://127.0.0.1:9", plan.closed(100_000, duration_s=1), guard=guard(9))
    assert f"{possible():,}" in caught.value.message
    assert caught.value.hint


def test_the_soft_limit_on_descriptors_is_raised_and_put_back() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (300, hard))
    try:
        with descriptors(150):
            assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 150
        assert (300, hard) == resource.getrlimit(resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("ftp://127.0.0.1/", {}),
        ("127.0.0.1:80", {}),
        ("http:///", {}),
        ("http://127.0.0.1:99999/", {}),
        ("http://me:secret@127.0.0.1/", {}),
        ("http://127.0.0.1/a b", {}),
        ("http://127.0.0.1/", {"timeout_s": 0}),
        ("http://127.0.0.1/", {"timeout_s": -1}),
        ("http://127.0.0.1/", {"timeout_s": float("nan")}),
        ("http://127.0.0.1/", {"workers": 0}),
        ("http://127.0.0.1/", {"connections": 0}),
    ],
)
def test_what_is_not_possible_is_refused_with_a_hint(url: str, options: dict[str, float]) -> None:
    """And a password is not repeated."""
    with pytest.raises(UsageError) as caught:
        run(url, plan.closed(1, requests=1), guard=guard(80), **options)  # type: ignore[arg-type]  # by name
    assert caught.value.hint
    assert "secret" not in str(caught.value)


def test_a_name_that_does_not_resolve_is_told() -> None:
    nowhere = Guard("test", frozenset(Effect), {("nowhere.invalid", 80)})
    with pytest.raises(RequestFailed) as caught:
        run("http://nowhere.invalid/", plan.closed(1, requests=1), guard=nowhere)
    assert "name" == caught.value.kind


def test_the_urls_path_is_asked_and_the_host_named() -> None:
    """A name is asked at whichever of its addresses answers."""
    heads: list[bytes] = []

    def talk(sock: socket.socket, server: Scripted) -> None:
        while request := read_request(sock, server):
            heads.append(request)
            sock.sendall(OK)

    with Scripted(talk) as server:
        allowed = Guard("test", frozenset(Effect), {("localhost", server.port)})
        url = f"http://localhost:{server.port}/a/b?c=d#e"
        columns = run(url, plan.closed(1, requests=2), guard=allowed, agent="me")
        port = server.port
    assert Counter({"": 2}) == kinds(columns)
    expected = f"GET /a/b?c=d HTTP/1.1\r\nHost: localhost:{port}\r\nUser-Agent: me\r\nAccept: */*\r\n\r\n"
    assert {expected.encode()} == set(heads)

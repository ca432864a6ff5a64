"""What targets do wrong, each by a real server made for it: told by its kind, counted once, and nothing else disturbed."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from load_servers import (
    CHUNKED,
    CLOSING,
    OK,
    Scripted,
    answers,
    check,
    guard,
    kinds,
    load,
    read_request,
    reset,
    silent,
)
from ports import refusing

from deployer_lib.load import plan
from deployer_lib.load.running import run

if TYPE_CHECKING:
    from collections.abc import Callable


def _resets(sock: socket.socket, server: Scripted) -> None:
    read_request(sock, server)
    reset(sock)


def _says(text: bytes) -> Callable[[socket.socket, Scripted], None]:
    """Say this, whatever is asked, and end."""

    def talk(sock: socket.socket, server: Scripted) -> None:
        read_request(sock, server)
        sock.sendall(text)

    return talk


def _halves(sock: socket.socket, server: Scripted) -> None:
    """Close one half in the midst of an answer, and keep the other open."""
    read_request(sock, server)
    sock.sendall(OK[:-1])
    sock.shutdown(socket.SHUT_WR)
    server.ending.wait()


def _trickles(sock: socket.socket, server: Scripted) -> None:
    read_request(sock, server)
    for byte in OK:
        sock.sendall(bytes([byte]))
        if server.ending.wait(0.05):
            return


@pytest.mark.parametrize(
    ("talk", "kind"),
    [
        (_resets, "reset"),
        (_says(b""), "closed"),
        (_says(OK[:-1]), "closed"),
        (_says(OK[:20]), "closed"),
        (_says(CHUNKED[:-4]), "closed"),
        (_halves, "closed"),
        (silent, "timeout"),
        (_trickles, "timeout"),
        (_says(OK + b"!"), "protocol"),
        (_says(b"SSH-2.0-OpenSSH_9.2\r\n"), "protocol"),
        (_says(b"\x16\x03\x01"), "protocol"),
        (_says(OK.replace(b": 2", b": two")), "protocol"),
    ],
)
def test_what_a_target_does_wrong_is_told_by_its_kind(
    talk: Callable[[socket.socket, Scripted], None], kind: str
) -> None:
    """Every request counts, none as answered, in open and closed loops; new connections are opened for the next."""
    with Scripted(talk) as server:
        for made in (plan.closed(2, requests=6), plan.constant(100, 0.06)):
            columns = load(server, made, timeout_s=0.2)
            assert Counter({kind: 6}) == kinds(columns)
            assert {0} == set(columns.status.tolist())
            assert 6 >= columns.opened >= 2


def test_a_target_that_is_down_is_refused_without_being_hammered() -> None:
    """A closed loop tries ten times a second for each connection, not as often as it can."""
    with refusing() as port:
        options = {"guard": guard(port), "expect_errors": True}
        closed = run(f"http://127.0.0.1:{port}", plan.closed(2, duration_s=0.5), **options)  # type: ignore[arg-type]
        opened = run(f"http://127.0.0.1:{port}", plan.constant(100, 0.3), **options)  # type: ignore[arg-type]
    for columns in (closed, opened):
        check(columns)
        assert {"refused"} == set(kinds(columns))
        assert 0 == columns.opened
    assert 2 <= len(closed) <= 12
    assert 30 == len(opened)


def test_a_target_that_changes_its_mind_about_keep_alive_loses_no_request() -> None:
    """It ends a connection after every third answer, and says so; or it ends an idle one, and doesn't."""
    with Scripted(answers(OK, OK, CLOSING)) as server:
        columns = load(server, plan.closed(1, requests=30))
        assert 10 == columns.opened == server.accepted
    assert Counter({"": 30}) == kinds(columns)

    with Scripted(answers(OK, keep=False)) as server:
        columns = load(server, plan.constant(20, 0.5))
        assert 10 == columns.opened == server.accepted
    assert Counter({"": 10}) == kinds(columns)


def test_bytes_that_nobody_asked_for_end_an_idle_connection() -> None:
    """A 408 that a server sends before it closes is not taken for the next request's answer."""

    def talk(sock: socket.socket, server: Scripted) -> None:
        while read_request(sock, server):
            sock.sendall(OK)
            server.ending.wait(0.02)
            sock.sendall(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")

    with Scripted(talk) as server:
        columns = load(server, plan.constant(10, 0.5))
    assert Counter({"": 5}) == kinds(columns)
    assert {200} == set(columns.status.tolist())


ACTS = ("ok", "chunked", "closing", "500", "429", "short", "garbage", "reset", "close", "surplus", "silent")


@settings(max_examples=30)
@given(
    st.lists(st.sampled_from(ACTS), min_size=1, max_size=12),
    st.sampled_from(["open", "closed"]),
    st.integers(1, 4),
)
def test_counts_add_up_whatever_the_server_does(acts: list[str], mode: str, connections: int) -> None:
    """Every request of a plan is a row or unsent; answers are as many as the server gave, by status."""
    given_up = {"short", "garbage", "reset", "close", "surplus", "silent"}
    texts = {
        "ok": OK,
        "chunked": CHUNKED,
        "closing": CLOSING,
        "500": b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
        "429": b"HTTP/1.1 429 No\r\nContent-Length: 0\r\n\r\n",
        "short": OK[:-1],
        "garbage": b"\0\0\0\0\r\n",
        "surplus": OK + b"HTTP",
        "close": b"",
    }
    done: Counter[str] = Counter()
    lock = threading.Lock()

    def talk(sock: socket.socket, server: Scripted) -> None:
        while read_request(sock, server):
            with lock:
                act = acts[done.total() % len(acts)]
                done[act] += 1
            if act == "silent":
                server.ending.wait()
            elif act == "reset":
                reset(sock)
                return
            else:
                sock.sendall(texts[act])
            if act in given_up or act == "closing":
                return

    made = plan.constant(400, 0.05) if mode == "open" else plan.closed(connections, requests=20)
    with Scripted(talk) as server:
        columns = load(server, made, connections=connections, timeout_s=0.15 if "silent" in acts else 5.0)
    assert 20 == columns.planned == len(columns)
    assert done.total() == int((columns.sent_ns > 0).sum()) == len(server.requests)
    statuses = Counter(columns.status.tolist())
    assert done["ok"] + done["chunked"] + done["closing"] == statuses[200]
    assert (done["500"], done["429"]) == (statuses[500], statuses[429])
    if not given_up & set(acts):
        assert Counter({"": statuses[200], "unexpected status": statuses[500] + statuses[429]}) == kinds(
            columns
        )

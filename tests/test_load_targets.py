"""``deployer load`` against targets that are down, wrong, slow, dying or not to be trusted: told by name, with exit 1."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

import pytest
from load_servers import CLOSING, OK, Scripted, answers, certificate, read_request, reset, silent
from ports import refusing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COMMAND: Final = (sys.executable, "-m", "deployer_lib", "load")
DIES_AT: Final = 50


def load(*words: str) -> tuple[int, dict[str, Any], str]:
    done = subprocess.run(
        [*COMMAND, *words, "--json"], capture_output=True, text=True, timeout=120, check=False
    )
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


def _resets(sock: socket.socket, server: Scripted) -> None:
    read_request(sock, server)
    reset(sock)


def _halves(sock: socket.socket, server: Scripted) -> None:
    read_request(sock, server)
    sock.sendall(OK[:-1])
    sock.shutdown(socket.SHUT_WR)
    server.ending.wait()


def _says(text: bytes) -> Callable[[socket.socket, Scripted], None]:
    def talk(sock: socket.socket, server: Scripted) -> None:
        read_request(sock, server)
        sock.sendall(text)

    return talk


@pytest.mark.parametrize(
    ("talk", "kind", "means"),
    [
        (_resets, "reset", ""),
        (_halves, "closed", ""),
        (_says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"), "closed", ""),
        (_says(OK + b"more than it said"), "protocol", "no HTTP/1.1"),
        (_says(b"SSH-2.0-OpenSSH_9.2\r\n"), "protocol", "no HTTP/1.1"),
        (silent, "timeout", "does not answer in time"),
        (answers(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"), "status 401", "wants credentials"),
        (answers(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"), "status 404", "no such path"),
        (answers(b"HTTP/1.1 429 No\r\nContent-Length: 0\r\n\r\n"), "429", "rate limit"),
    ],
)
def test_a_target_that_never_answers_as_expected_is_a_finding(
    talk: Callable[[socket.socket, Scripted], None], kind: str, means: str
) -> None:
    """Exit 1, every request counted by its kind, and what that usually means."""
    with Scripted(talk) as server:
        code, told, said = load(server.url, "-n", "6", "-c", "2", "--timeout", "300ms")
    assert (1, 6) == (code, told["requests"]), said
    (finding,) = told["findings"]
    assert f"answered none of 6 requests as expected: 6 × {kind}." in finding
    assert means in finding


def test_nobody_listens() -> None:
    with refusing() as port:
        code, told, _ = load(f"http://127.0.0.1:{port}/", "--rate", "50", "--duration", "200ms")
    assert (1, {"refused": 10}) == (code, told["errors_by_kind"])
    assert "Nobody listens there" in told["findings"][0]


def test_a_slow_target_is_measured_and_not_blamed_on_anybody() -> None:
    """It misses its gate, and the measurement stands."""

    def slow(sock: socket.socket, server: Scripted) -> None:
        while read_request(sock, server):
            server.ending.wait(0.05)
            sock.sendall(OK)

    with Scripted(slow) as server:
        code, told, _ = load(server.url, "-n", "20", "-c", "2", "--gate", "p(50) < 20ms")
    assert (1, [False], 0) == (code, [gate["held"] for gate in told["gates"]], told["errors"])
    assert told["response_ms"]["p50"] >= 50


def test_a_target_that_changes_its_mind_about_keep_alive_is_no_error() -> None:
    with Scripted(answers(OK, OK, CLOSING)) as server:
        code, told, _ = load(server.url, "-n", "30", "-c", "1")
        assert 10 == server.accepted
    assert (0, {"200": 30}) == (code, told["by_status"])


def _dying(after: Callable[[Scripted], None]) -> Callable[[socket.socket, Scripted], None]:
    once = threading.Lock()

    def talk(sock: socket.socket, server: Scripted) -> None:
        while read_request(sock, server):
            if len(server.requests) >= DIES_AT and once.acquire(blocking=False):
                threading.Thread(target=after, args=(server,), daemon=True).start()
            sock.sendall(OK)

    return talk


def test_a_target_that_dies_is_not_loaded_to_the_end() -> None:
    """What it answered before is told, and why the load ended."""
    with Scripted(_dying(Scripted.die)) as server:
        code, told, said = load(server.url, "--rate", "100", "--duration", "30s", "--gate", "errors < 99%")
    assert 1 == code, said
    assert DIES_AT - 1 <= told["by_status"]["200"]
    assert "more than 5 % of requests failed for 2 s" in told["findings"][0]
    assert "× refused" in told["findings"][0]
    assert told["unsent"] > 0


def test_a_target_that_comes_back_is_asked_again() -> None:
    """With errors expected the load goes on through the outage, and counts it."""

    def restart(server: Scripted) -> None:
        server.die()
        server.ending.wait(0.5)
        server.revive()

    with Scripted(_dying(restart)) as server:
        code, told, said = load(
            server.url, "--rate", "100", "--duration", "3s", "--expect-errors", "--gate", "errors < 90%"
        )
    assert (0, 300) == (code, told["requests"]), said
    assert told["errors_by_kind"].get("refused", 0) > 0
    assert told["by_status"]["200"] > DIES_AT
    assert told["by_status"]["200"] + told["errors"] == 300


def _context(made: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)
    return context


@pytest.mark.parametrize(
    ("how", "options", "why"),
    [
        ({}, ["--ca", "own"], ""),
        ({}, ["--insecure"], ""),
        ({"expired": True}, ["--insecure"], ""),
        ({}, [], "its certificate is signed by itself and is not trusted"),
        ({}, ["--ca", "other"], "its certificate is signed by itself and is not trusted"),
        ({"expired": True}, ["--ca", "own"], "its certificate has expired"),
        ({"names": "DNS:other.example"}, ["--ca", "own"], "not valid for '127.0.0.1'"),
        ({"expired": True}, ["--ca", "own", "--workers", "2", "-c", "2"], "its certificate has expired"),
    ],
)
def test_whom_tls_trusts(tmp_path: Path, how: dict[str, Any], options: list[str], why: str) -> None:
    """A certificate that is not to be trusted is named with its reason; a word of advice says what to do."""
    made, key = certificate(tmp_path / "own", **how)
    places = {"own": str(made), "other": str(certificate(tmp_path / "other")[0])}
    with Scripted(answers(OK), _context(made, key)) as server:
        code, told, said = load(server.url, "-n", "6", *(places.get(word, word) for word in options))
    if not why:
        assert (0, {"200": 6}) == (code, told["by_status"]), (told, said)
        return
    assert (1, {"tls": 6}) == (code, told["errors_by_kind"]), said
    (finding,) = told["findings"]
    assert why in finding
    assert "--ca FILE names whom to trust" in finding


def test_a_target_that_speaks_no_tls_is_told_apart() -> None:
    """So is one that ends the handshake."""

    def http(sock: socket.socket, _server: Scripted) -> None:
        sock.recv(65_536)
        sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    with Scripted(http) as server:
        server_url = server.url.replace("http://", "https://")
        code, told, _ = load(server_url, "-n", "2")
    assert 1 == code
    assert "it does not speak TLS at this port. Write http:// if that is meant." in told["findings"][0]

    with Scripted(lambda _sock, _server: None) as server:
        code, told, _ = load(server.url.replace("http://", "https://"), "-n", "2")
    assert (1, {"tls": 2}) == (code, told["errors_by_kind"])
    assert "it ended the connection during the TLS handshake" in told["findings"][0]

    with Scripted(silent) as server:
        code, told, _ = load(server.url.replace("http://", "https://"), "-n", "2", "--timeout", "200ms")
    assert (1, {"timeout": 2}) == (code, told["errors_by_kind"])
    assert "the TLS handshake did not end in time" in told["findings"][0]


def test_a_search_says_why_tls_fails(tmp_path: Path) -> None:
    made, key = certificate(tmp_path / "own", expired=True)
    with Scripted(answers(OK), _context(made, key)) as server:
        code, told, _ = load(server.url, "--find-knee", "--ca", str(made))
    assert 1 == code
    assert "TLS: its certificate has expired." in told["findings"][0]


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6 loopback")
def test_an_address_of_ipv6() -> None:
    """It is asked, and is this machine: nothing has to be confirmed."""
    with Scripted(answers(OK), host="::1") as server:
        code, told, said = load(server.url, "-n", "5")
        assert f"\r\nHost: [::1]:{server.port}\r\n".encode() in server.requests[0]
    assert (0, {"200": 5}) == (code, told["by_status"]), said

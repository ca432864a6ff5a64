from __future__ import annotations

import socket
import socketserver
import threading
from typing import TYPE_CHECKING

import pytest
from ports import refusing

from deployer_lib.app.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator


class Echo(socketserver.BaseRequestHandler):
    """Send back whatever comes."""

    def handle(self) -> None:
        try:
            while data := self.request.recv(65_536):
                self.request.sendall(data)
        except ConnectionError:
            pass


class Server(socketserver.ThreadingTCPServer):
    """A server that ends with its test."""

    daemon_threads = True


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """Give a proxy before an echo server."""
    with Server(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with Proxy("127.0.0.1", server.server_address[1]) as opened:
            yield opened
        server.shutdown()
        thread.join()


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def echoed(connection: socket.socket, data: bytes) -> bytes:
    connection.sendall(data)
    got = b""
    while len(got) < len(data):
        got += connection.recv(65_536)
    return got


def test_it_passes_bytes_on(proxy: Proxy) -> None:
    """All of them, both ways."""
    data = bytes(range(256)) * 1_000
    with connect(proxy) as connection:
        assert data == echoed(connection, data)


def test_refuse_cuts_what_stands_and_refuses_what_comes(proxy: Proxy) -> None:
    """As a database that was stopped; afterwards the same port passes again."""
    with connect(proxy) as connection:
        assert echoed(connection, b"x") == b"x"
        proxy.set("refuse")
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
        with pytest.raises(ConnectionRefusedError):
            connect(proxy)
    proxy.set("pass")
    with connect(proxy) as connection:
        assert echoed(connection, b"y") == b"y"


def test_reset_accepts_and_resets(proxy: Proxy) -> None:
    """As a server that falls over at every connection."""
    proxy.set("reset")
    # The reset may come so soon that connecting itself fails.
    with pytest.raises(ConnectionResetError), connect(proxy) as connection:
        connection.recv(1)


def test_blackhole_is_silent(proxy: Proxy) -> None:
    """As a network that drops packets: nothing comes, and nothing ends."""
    with connect(proxy) as connection:
        assert echoed(connection, b"x") == b"x"
        proxy.set("blackhole")
        connection.sendall(b"y")
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)


def test_an_upstream_that_is_not_there_is_a_reset() -> None:
    """The proxy itself invents no answer."""
    with (
        refusing() as port,
        Proxy("127.0.0.1", port) as opened,
        pytest.raises(ConnectionResetError),
        connect(opened) as connection,
    ):
        connection.recv(1)

"""Connections under one deadline: whatever a server does, the request ends in time.

httpx limits each read, so a server that sends one byte a second holds a request for ever. Here every read and write
gets what is left of the request's own time. Each request has a connection of its own, which is closed with it: no
byte of an earlier answer can be taken for a later one, and no thread's end touches another's connection.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import httpcore
import httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Progress", "Transport"]

_WRITE_BYTES: Final = 65_536
_FIRST_BYTES: Final = 5


@dataclass(slots=True)
class Progress:
    """How far a request came, for the sentence that tells of its failure."""

    deadline: float = float("inf")  # of time.monotonic
    connected: bool = False
    sent_at: float | None = None  # time.monotonic when the first byte of the request left
    received: int = 0  # bytes of the answer, headers included
    first: bytes = b""  # the first of them

    @property
    def left_s(self) -> float:
        """Return the seconds that are left."""
        return self.deadline - time.monotonic()


class Transport(httpx.BaseTransport):
    """Send each request over a connection of its own that keeps the deadline of its thread's request."""

    def __init__(self, context: ssl.SSLContext, permit_address: Callable[[str, int], None]) -> None:
        self._current = threading.local()
        self._context = context
        self._backend = _Backend(self._progress, permit_address)

    def begin(self, timeout_s: float) -> Progress:
        """Start the clock of this thread's next request."""
        self._current.progress = Progress(time.monotonic() + timeout_s)
        return self._progress()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; what httpcore raises is let through."""
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        connection = httpcore.HTTPConnection(
            url.origin, ssl_context=self._context, network_backend=self._backend
        )
        try:
            answer = connection.handle_request(
                httpcore.Request(
                    method=request.method, url=url, headers=request.headers.raw, content=request.stream
                )
            )
        except BaseException:
            connection.close()
            raise
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer, connection))

    def _progress(self) -> Progress:
        progress: Progress | None = getattr(self._current, "progress", None)
        return progress or Progress()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response, connection: httpcore.HTTPConnection) -> None:
        self._answer = answer
        self._connection = connection

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.iter_stream()

    def close(self) -> None:
        with contextlib.suppress(httpcore.NetworkError, OSError):
            self._answer.close()
        self._connection.close()


class _Backend(httpcore.NetworkBackend):
    def __init__(self, progress: Callable[[], Progress], permit_address: Callable[[str, int], None]) -> None:
        self._progress = progress
        self._permit_address = permit_address

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of a name that answers, each asked of the guard before a byte is sent."""
        del timeout, local_address, socket_options
        progress = self._progress()
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"name resolution failed: {error}") from error
        failure: Exception = httpcore.ConnectError("no address")
        for number, (family, kind, protocol, _, address) in enumerate(found):
            self._permit_address(str(address[0]), port)
            sock = socket.socket(family, kind, protocol)
            try:  # an address that swallows packets leaves time for the next one
                sock.settimeout(_left(progress, httpcore.ConnectTimeout) / (len(found) - number))
                sock.connect(address)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except (OSError, httpcore.ConnectTimeout) as error:
                sock.close()
                failure = error
                continue
            progress.connected = True
            return _Stream(sock, progress)
        if isinstance(failure, TimeoutError):
            raise httpcore.ConnectTimeout("connecting took too long") from failure
        raise httpcore.ConnectError(str(failure)) from failure


class _Stream(httpcore.NetworkStream):
    def __init__(self, sock: socket.socket, progress: Progress) -> None:
        self._sock = sock
        self._progress = progress

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        del timeout
        try:
            self._sock.settimeout(_left(self._progress, httpcore.ReadTimeout))
            data = self._sock.recv(max_bytes)
        except TimeoutError as error:
            raise httpcore.ReadTimeout("no byte in time") from error
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error
        if len(self._progress.first) < _FIRST_BYTES:
            self._progress.first += data[:_FIRST_BYTES]
        self._progress.received += len(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        del timeout
        view = memoryview(buffer)
        if self._progress.sent_at is None:
            self._progress.sent_at = time.monotonic()
        try:
            while view:
                self._sock.settimeout(_left(self._progress, httpcore.WriteTimeout))
                view = view[self._sock.send(view[:_WRITE_BYTES]) :]
        except TimeoutError as error:
            raise httpcore.WriteTimeout("nothing was taken in time") from error
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        self._sock.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        del timeout
        try:
            self._sock.settimeout(_left(self._progress, httpcore.ConnectTimeout))
            secured = ssl_context.wrap_socket(self._sock, server_hostname=server_hostname)
        except TimeoutError as error:
            self.close()
            raise httpcore.ConnectTimeout("the TLS handshake did not end in time") from error
        except OSError as error:  # ssl.SSLError and certificate errors are some
            self.close()
            raise httpcore.ConnectError(f"ssl: {error}") from error
        return _Stream(secured, self._progress)

    def get_extra_info(self, info: str) -> object:
        if info == "ssl_object":
            return self._sock if isinstance(self._sock, ssl.SSLSocket) else None
        if info == "is_readable":
            return False  # asked of idle connections, of which there are none
        with contextlib.suppress(OSError):
            return {"client_addr": self._sock.getsockname, "server_addr": self._sock.getpeername}[info]()
        return None


def _left(progress: Progress, error: type[Exception]) -> float:
    left_s = progress.left_s
    if left_s <= 0:
        raise error("the time is up")
    return left_s

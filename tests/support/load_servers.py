"""Servers that a load test is pointed at: each does one thing, exactly as told, on a port of its own."""

from __future__ import annotations

import contextlib
import socket
import struct
import subprocess
import threading
from collections import Counter
from typing import TYPE_CHECKING, Self

import numpy as np

from deployer_lib.catalogue import Effect
from deployer_lib.guard import Guard
from deployer_lib.load.columns import ERRORS, Columns
from deployer_lib.load.running import run

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from pathlib import Path

    from deployer_lib.load import plan

__all__ = [
    "CHUNKED",
    "CLOSING",
    "OK",
    "Scripted",
    "answers",
    "certificate",
    "check",
    "guard",
    "kinds",
    "load",
    "read_request",
    "reset",
    "silent",
]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"


class Scripted:
    """Accept connections and hold each one's talk in a thread of its own; a context manager."""

    def __init__(
        self,
        talk: Callable[[socket.socket, Scripted], None],
        context: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self._talk = talk
        self._context = context
        self._host = f"[{host}]" if ":" in host else host
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family, backlog=512, reuse_port=True)
        self._address = self._listener.getsockname()
        self._held = socket.socket(family)  # keeps the port while nobody listens at it
        self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._held.bind(self._address)
        self.port: int = self._listener.getsockname()[1]
        self.requests: list[bytes] = []  # heads and bodies, as they came
        self.accepted = 0
        self.ending = threading.Event()  # set at the end: whoever delays an answer waits for this instead
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept)

    @property
    def url(self) -> str:
        return f"{'https' if self._context else 'http'}://{self._host}:{self.port}/"

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.ending.set()
        self.die()
        self._held.close()
        for thread in self._threads:
            thread.join()

    def die(self) -> None:
        """End all connections and refuse new ones; the port stays taken."""
        with contextlib.suppress(OSError):  # it died before
            self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def revive(self) -> None:
        """Accept connections again."""
        family = self._held.family
        self._listener = socket.create_server(self._address, family=family, backlog=512, reuse_port=True)
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.accepted += 1
                thread = threading.Thread(target=self._hold, args=(sock,))
                self._threads.append(thread)
                thread.start()

    def _hold(self, sock: socket.socket) -> None:
        self._open.add(sock)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context:
                plain, sock = sock, self._context.wrap_socket(sock, server_side=True)
                self._open.discard(plain)
                self._open.add(sock)
            self._talk(sock, self)
        except OSError:
            pass  # the client, or the end of the test, ended the connection
        finally:
            self._open.discard(sock)
            sock.close()


def read_request(sock: socket.socket, server: Scripted) -> bytes:
    """Return the next request with its body and keep it; empty at the connection's end."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    while len(body) < length:
        body += sock.recv(65536)
    request = head + b"\r\n\r\n" + body
    server.requests.append(request)
    return request


def answers(*texts: bytes, keep: bool = True) -> Callable[[socket.socket, Scripted], None]:
    """Return a talk that gives these answers in turn, over and over; without ``keep`` it closes after each."""

    def talk(sock: socket.socket, server: Scripted) -> None:
        while read_request(sock, server):
            sock.sendall(texts[(len(server.requests) - 1) % len(texts)])
            if not keep:
                return

    return talk


def silent(sock: socket.socket, server: Scripted) -> None:
    """Take a request and never answer it."""
    read_request(sock, server)
    server.ending.wait()


def reset(sock: socket.socket) -> None:
    """End a connection with a reset instead of an orderly end."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def guard(server: Scripted | int, *, requests: int = 1_000_000, writes: int = 1_000_000) -> Guard:
    """Return a guard that allows everything to this server."""
    port = server if isinstance(server, int) else server.port
    hosts = {("127.0.0.1", port)}
    return Guard("test", frozenset(Effect), hosts, max_requests=requests, max_writes=writes)


def certificate(folder: Path, names: str = "IP:127.0.0.1", *, expired: bool = False) -> tuple[Path, Path]:
    """Make a certificate that vouches for itself; return it and its key.

    Args:
        folder: where both go; it is made.
        names: whom it is for, as OpenSSL writes that.
        expired: whether its time is over.
    """
    folder.mkdir(exist_ok=True)
    made, key, request = folder / "made.pem", folder / "key.pem", folder / "request.pem"
    (folder / "index").touch()
    (folder / "ca.conf").write_text(
        f"[ca]\ndefault_ca = it\n[it]\ndatabase = {folder}/index\nnew_certs_dir = {folder}\nrand_serial = yes\n"
        f"default_md = sha256\npolicy = any\nx509_extensions = for\n[any]\ncommonName = supplied\n"
        f"[for]\nsubjectAltName = {names}\nbasicConstraints = critical, CA:TRUE\n",
        encoding="ascii",
    )
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    _openssl("req", "-new", *curve, "-nodes", "-subj", "/CN=made", "-keyout", str(key), "-out", str(request))
    dates = ("-startdate", "20200101000000Z", "-enddate", "20200102000000Z") if expired else ("-days", "2")
    config = ("-config", str(folder / "ca.conf"), "-batch", "-notext")
    _openssl("ca", "-selfsign", *config, *dates, "-keyfile", str(key), "-in", str(request), "-out", str(made))
    return made, key


def _openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)


def kinds(columns: Columns) -> Counter[str]:
    """Return how often each error came."""
    return Counter(ERRORS[place] for place in columns.error.tolist())


def load(server: Scripted, made: plan.Plan, **options: object) -> Columns:
    """Run a plan against a server, and check what must hold of any result."""
    options = {"guard": guard(server), "timeout_s": 5.0, "expect_errors": True, **options}
    columns = run(server.url, made, **options)  # type: ignore[arg-type]  # options by name
    check(columns)
    return columns


def check(columns: Columns) -> None:
    """Counts add up, times are in order, and nothing is said of what did not happen."""
    assert columns.planned == len(columns) + columns.unsent
    assert (np.diff(columns.intended_ns) >= 0).all()
    assert (columns.seen_ns >= columns.intended_ns).all()
    assert (columns.done_ns >= columns.seen_ns).all()
    sent = columns.sent_ns > 0
    assert (columns.sent_ns[sent] >= columns.seen_ns[sent]).all()
    assert (columns.connection[sent] >= 0).all()
    assert (columns.connection[~sent] == -1).all()
    assert (columns.status[~sent] == 0).all()
    first = columns.first_byte_ns > 0
    assert (columns.first_byte_ns[first] >= columns.sent_ns[first]).all()
    assert (columns.done_ns[first] >= columns.first_byte_ns[first]).all()
    answered = columns.status > 0
    assert not np.isin(columns.error[answered], [ERRORS.index("reset"), ERRORS.index("timeout")]).any()
    assert (columns.error[~answered] > 0).all()

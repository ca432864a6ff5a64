"""What servers of known behaviour share: one thread, keep-alive connections, and answers that are due at their time."""

from __future__ import annotations

import heapq
import selectors
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Answering", "process"]

_END: Final = b"\r\n\r\n"


class Answering(ABC):
    """Serve on a port of its own; whoever inherits says when a request that has come is answered, and how."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.due: list[tuple[float, int, socket.socket]] = []
        self.count = 0
        self.open: dict[socket.socket, bytes] = {}
        self.selector = selectors.DefaultSelector()
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.listening.setblocking(False)
        self.selector.register(self.listening, selectors.EVENT_READ)

    @property
    def port(self) -> int:
        return int(self.listening.getsockname()[1])

    def serve(self, said: str) -> None:
        """Print a line and serve for good."""
        sys.stdout.write(f"{said}\n")
        sys.stdout.flush()
        while True:
            wait_s = max(0.0, self.due[0][0] - time.monotonic()) if self.due else None
            for key, _ in self.selector.select(wait_s):
                if key.fileobj is self.listening:
                    self._accept()
                else:
                    self._read(key.fileobj)  # type: ignore[arg-type]  # a socket, as registered
            now = time.monotonic()
            while self.due and self.due[0][0] <= now:
                self._answer(heapq.heappop(self.due)[2])

    @abstractmethod
    def due_at(self, sock: socket.socket) -> float | None:
        """Return when a request that has just come is answered, by the monotonic clock; None: never."""

    def taken(self, _sock: socket.socket) -> bool:
        """Tell whether a connection that has just come is served at all."""
        return True

    def silent(self) -> bool:
        """Tell whether nobody is answered now."""
        return False

    def _accept(self) -> None:
        sock, _ = self.listening.accept()
        if not self.taken(sock):
            sock.close()
            return
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.open[sock] = b""
        self.selector.register(sock, selectors.EVENT_READ)

    def _read(self, sock: socket.socket) -> None:
        try:
            data = sock.recv(65536)
        except OSError:
            data = b""
        if not data:
            self.selector.unregister(sock)
            del self.open[sock]
            sock.close()
            return
        text = self.open[sock] + data
        while _END in text:
            text = text.partition(_END)[2]
            at = self.due_at(sock)
            if at is not None:
                self.count += 1
                heapq.heappush(self.due, (at, self.count, sock))
        self.open[sock] = text

    def _answer(self, sock: socket.socket) -> None:
        if sock in self.open and not self.silent():
            try:
                sock.sendall(self.answer)
            except OSError:
                return


@contextmanager
def process(program: str, *words: object) -> Iterator[list[str]]:
    """Run a program of these and give the words of the line that it prints; it ends with the block."""
    argv = [sys.executable, program, *map(str, words)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            yield running.stdout.readline().split()
        finally:
            running.kill()

"""A server in a process of its own that stands still at fixed times: what its users feel is arithmetic.

It freezes for so long in every so many seconds, reckoned from its start. Whatever comes meanwhile waits for the end; everything else
is answered at once. Late timers delay answers and move no freeze. Prints its port, and when it started by the monotonic clock.
"""

from __future__ import annotations

import argparse
import selectors
import socket
import subprocess
import sys
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

__all__ = ["Freezing", "freezing_server"]

#: ab, which speaks HTTP/1.0, sends the next request over the same connection only when it is told that it may.
_ANSWER: Final = b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"
_END: Final = b"\r\n\r\n"


class _Server:
    def __init__(self, freeze_s: float, every_s: float) -> None:
        self.freeze_s, self.every_s = freeze_s, every_s
        self.began = time.monotonic()
        self.due: deque[tuple[float, socket.socket]] = deque()
        self.open: dict[socket.socket, bytes] = {}
        self.selector = selectors.DefaultSelector()
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.listening.setblocking(False)
        self.selector.register(self.listening, selectors.EVENT_READ)

    def serve(self) -> None:
        sys.stdout.write(f"{self.listening.getsockname()[1]} {self.began}\n")
        sys.stdout.flush()
        while True:
            wait_s = max(0.0, self.due[0][0] - time.monotonic()) if self.due else None
            for key, _ in self.selector.select(wait_s):
                if key.fileobj is self.listening:
                    self.accept()
                else:
                    self.read(key.fileobj)  # type: ignore[arg-type]  # a socket, as registered
            while self.due and self.due[0][0] <= time.monotonic():
                self.answer(self.due.popleft()[1])

    def accept(self) -> None:
        sock, _ = self.listening.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.open[sock] = b""
        self.selector.register(sock, selectors.EVENT_READ)

    def read(self, sock: socket.socket) -> None:
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
            self.due.append((self.free_at(time.monotonic()), sock))
        self.open[sock] = text

    def free_at(self, now: float) -> float:
        """Return when a request that comes now is taken up."""
        return now + max(0.0, self.freeze_s - (now - self.began) % self.every_s)

    def answer(self, sock: socket.socket) -> None:
        if sock in self.open:
            try:
                sock.sendall(_ANSWER)
            except OSError:
                return


@dataclass(frozen=True)
class Freezing:
    """One that runs."""

    port: int
    began_ns: int  # of the first freeze, by the monotonic clock
    freeze_s: float
    every_s: float

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def felt_ms(self, due_ns: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return how long requests that are due at these times have to wait, in milliseconds."""
        since_ms = (due_ns - self.began_ns) / 1e6 % (self.every_s * 1e3)
        return np.asarray(np.maximum(self.freeze_s * 1e3 - since_ms, 0.0), dtype=np.float64)


@contextmanager
def freezing_server(freeze_s: float, every_s: float) -> Iterator[Freezing]:
    """Run one; it ends with the block."""
    words = [sys.executable, __file__, str(freeze_s), str(every_s)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port, began_s = process.stdout.readline().split()
            yield Freezing(int(port), round(float(began_s) * 1e9), freeze_s, every_s)
        finally:
            process.kill()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("freeze_s", type=float)
    parser.add_argument("every_s", type=float)
    asked = parser.parse_args()
    _Server(asked.freeze_s, asked.every_s).serve()

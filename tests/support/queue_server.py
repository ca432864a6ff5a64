"""A server in a process of its own whose capacity is known: a queue, and so many servers with a fixed service time.

An answer is due when its server would have finished, reckoned from when the request came and not from when an earlier answer
was really written: timers that are late delay answers and don't lower the capacity. Prints its port.
"""

from __future__ import annotations

import argparse
import heapq
import selectors
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Excess", "queue_server"]

#: What becomes of so many connections: nobody is answered; those in excess get nothing, are closed, or are answered 503.
Excess = Literal["silence", "starve", "close", "busy"]

_ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
_BUSY: Final = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy"
_END: Final = b"\r\n\r\n"


class _Server:
    def __init__(self, service_s: float, servers: int, unresponsive_at: int, excess: str) -> None:
        self.service_s, self.unresponsive_at, self.excess = service_s, unresponsive_at, excess
        self.free = [0.0] * servers
        self.due: list[tuple[float, int, socket.socket]] = []
        self.open: dict[socket.socket, bytes] = {}
        self.spare: set[socket.socket] = set()  # connections in excess
        self.selector = selectors.DefaultSelector()
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.listening.setblocking(False)
        self.selector.register(self.listening, selectors.EVENT_READ)
        self.count = 0

    def serve(self) -> None:
        sys.stdout.write(f"{self.listening.getsockname()[1]}\n")
        sys.stdout.flush()
        while True:
            wait_s = max(0.0, self.due[0][0] - time.monotonic()) if self.due else None
            for key, _ in self.selector.select(wait_s):
                if key.fileobj is self.listening:
                    self.accept()
                else:
                    self.read(key.fileobj)  # type: ignore[arg-type]  # a socket, as registered
            now = time.monotonic()
            while self.due and self.due[0][0] <= now:
                self.answer(heapq.heappop(self.due)[2])

    def accept(self) -> None:
        sock, _ = self.listening.accept()
        if len(self.open) + 1 >= self.unresponsive_at and self.excess != "silence":
            if self.excess == "close":
                sock.close()
                return
            self.spare.add(sock)
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
            self.spare.discard(sock)
            sock.close()
            return
        text = self.open[sock] + data
        while _END in text:
            text = text.partition(_END)[2]
            if sock in self.spare:
                if self.excess == "busy":
                    sock.sendall(_BUSY)
                continue
            begin = max(time.monotonic(), heapq.heappop(self.free))
            heapq.heappush(self.free, begin + self.service_s)
            self.count += 1
            heapq.heappush(self.due, (begin + self.service_s, self.count, sock))
        self.open[sock] = text

    def answer(self, sock: socket.socket) -> None:
        if sock in self.open and (self.excess != "silence" or len(self.open) < self.unresponsive_at):
            try:
                sock.sendall(_ANSWER)
            except OSError:
                return


@contextmanager
def queue_server(
    service_s: float, *, servers: int = 1, unresponsive_at: int = 1_000_000, excess: Excess = "silence"
) -> Iterator[str]:
    """Run one and give its address; it ends with the block."""
    words = [sys.executable, __file__, str(service_s), str(servers), str(unresponsive_at), excess]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/"
        finally:
            process.kill()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("service_s", type=float)
    parser.add_argument("servers", type=int)
    parser.add_argument("unresponsive_at", type=int)
    parser.add_argument("excess")
    asked = parser.parse_args()
    _Server(asked.service_s, asked.servers, asked.unresponsive_at, asked.excess).serve()

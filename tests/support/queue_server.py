"""A server in a process of its own whose capacity is known: a queue, and so many servers with a fixed service time.

An answer is due when its server would have finished, reckoned from when the request came and not from when an earlier answer
was really written: timers that are late delay answers and don't lower the capacity. Prints its port.
"""

from __future__ import annotations

import argparse
import heapq
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Literal

from answering import Answering, process

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

__all__ = ["Excess", "queue_server"]

#: What becomes of so many connections: nobody is answered; those in excess get nothing, are closed, or are answered 503.
Excess = Literal["silence", "starve", "close", "busy"]

_ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
_BUSY: Final = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy"


class _Server(Answering):
    def __init__(self, service_s: float, servers: int, unresponsive_at: int, excess: str) -> None:
        super().__init__(_ANSWER)
        self.service_s, self.unresponsive_at, self.excess = service_s, unresponsive_at, excess
        self.free = [0.0] * servers
        self.spare: set[socket.socket] = set()  # connections in excess

    def taken(self, sock: socket.socket) -> bool:
        if len(self.open) + 1 >= self.unresponsive_at and self.excess != "silence":
            if self.excess == "close":
                return False
            self.spare.add(sock)
        return True

    def due_at(self, sock: socket.socket) -> float | None:
        if sock in self.spare:
            if self.excess == "busy":
                sock.sendall(_BUSY)
            return None
        begin = max(time.monotonic(), heapq.heappop(self.free))
        heapq.heappush(self.free, begin + self.service_s)
        return begin + self.service_s

    def silent(self) -> bool:
        return self.excess == "silence" and len(self.open) >= self.unresponsive_at


@contextmanager
def queue_server(
    service_s: float, *, servers: int = 1, unresponsive_at: int = 1_000_000, excess: Excess = "silence"
) -> Iterator[str]:
    """Run one and give its address; it ends with the block."""
    with process(__file__, service_s, servers, unresponsive_at, excess) as (port,):
        yield f"http://127.0.0.1:{port}/"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("service_s", type=float)
    parser.add_argument("servers", type=int)
    parser.add_argument("unresponsive_at", type=int)
    parser.add_argument("excess")
    asked = parser.parse_args()
    server = _Server(asked.service_s, asked.servers, asked.unresponsive_at, asked.excess)
    server.serve(str(server.port))

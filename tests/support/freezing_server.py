"""A server in a process of its own that stands still at fixed times: what its users feel is arithmetic.

It freezes for so long in every so many seconds, reckoned from its start. Whatever comes meanwhile waits for the end; everything else
is answered at once. Late timers delay answers and move no freeze. Prints its port, and when it started by the monotonic clock.
"""

from __future__ import annotations

import argparse
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from answering import Answering, process

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    import numpy.typing as npt

__all__ = ["Freezing", "freezing_server"]

#: ab, which speaks HTTP/1.0, sends the next request over the same connection only when it is told that it may.
_ANSWER: Final = b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"


class _Server(Answering):
    def __init__(self, freeze_s: float, every_s: float) -> None:
        super().__init__(_ANSWER)
        self.freeze_s, self.every_s = freeze_s, every_s
        self.began = time.monotonic()

    def due_at(self, _sock: socket.socket) -> float:
        now = time.monotonic()
        return now + max(0.0, self.freeze_s - (now - self.began) % self.every_s)


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
    with process(__file__, freeze_s, every_s) as (port, began_s):
        yield Freezing(int(port), round(float(began_s) * 1e9), freeze_s, every_s)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("freeze_s", type=float)
    parser.add_argument("every_s", type=float)
    asked = parser.parse_args()
    server = _Server(asked.freeze_s, asked.every_s)
    server.serve(f"{server.port} {server.began}")

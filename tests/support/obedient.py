"""A process that does as it is told over a pipe, one thing at a time, and says when it is done.

Words: ``allocate MB``, ``free``, ``open N``, ``threads N``, ``child`` (prints its pid), ``collect`` (ends the child and waits
for it), ``burn S``, ``brief S`` (a child that burns and is collected), ``forgotten S`` (one that nobody collects), ``limit N``, ``listen`` (prints the port).
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Obedient", "obedient"]


class Obedient:
    """The other end of its pipe."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.pid = process.pid

    def do(self, *words: object) -> str:
        """Say what to do, and return what it answers once it is done."""
        asking, answering = self.process.stdin, self.process.stdout
        assert asking is not None
        assert answering is not None
        asking.write(" ".join(map(str, words)) + "\n")
        asking.flush()
        return answering.readline().strip()

    def end(self) -> None:
        """Kill it and wait for its end."""
        self.process.kill()
        self.process.wait()


@contextmanager
def obedient(**options: Any) -> Iterator[Obedient]:
    """Start one, and end it and its children."""
    with subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options
    ) as process:
        started = Obedient(process)
        try:
            started.do("ready")
            yield started
        finally:
            started.end()


class _Doer:
    """What it has in hand."""

    def __init__(self) -> None:
        self.kept: list[object] = []
        self.ending = threading.Event()
        self.children: list[tuple[int, IO[bytes]]] = []

    def ready(self) -> None:
        """Only answer."""

    def allocate(self, megabytes: str) -> None:
        """Take memory, and write into all of it."""
        block = bytearray(int(megabytes) * 1_000_000)
        block[::1024] = b"x" * len(block[::1024])
        self.kept.append(block)

    def free(self) -> None:
        """Give all of it back, open files too."""
        self.kept.clear()

    def open(self, count: str) -> None:
        """Open files."""
        self.kept.append([open(os.devnull, "rb") for _ in range(int(count))])  # noqa: PTH123, SIM115  (held open)

    def threads(self, count: str) -> None:
        """Start threads that wait."""
        for _ in range(int(count)):
            threading.Thread(target=self.ending.wait, daemon=True).start()

    def burn(self, seconds: str) -> None:
        """Use processor time."""
        end_s = time.process_time() + float(seconds)
        while time.process_time() < end_s:
            pass

    def child(self) -> int:
        """Fork one that waits for its pipe's end, as a worker with its parent's memory."""
        theirs, ours = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(ours)
            for _, pipe in self.children:
                pipe.close()
            os.read(theirs, 1)
            os._exit(0)
        os.close(theirs)
        self.children.append((pid, os.fdopen(ours, "wb")))
        return pid

    def collect(self) -> None:
        """End the youngest child and wait for it."""
        pid, pipe = self.children.pop()
        pipe.close()
        os.waitpid(pid, 0)

    def brief(self, seconds: str) -> None:
        """Fork one that burns and ends, and wait for it."""
        pid = os.fork()
        if not pid:
            self.burn(seconds)
            os._exit(0)
        os.waitpid(pid, 0)

    def forgotten(self, seconds: str) -> None:
        """Fork one that burns and ends, and let the system collect it: its time is counted nowhere."""
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        told, tell = os.pipe()
        if not os.fork():
            self.burn(seconds)
            os._exit(0)
        os.close(tell)
        os.read(told, 1)  # its end
        os.close(told)

    def listen(self) -> int:
        """Open a socket that children have too."""
        server = socket.create_server(("127.0.0.1", 0))
        self.kept.append(server)
        return int(server.getsockname()[1])

    def limit(self, count: str) -> None:
        """Set how many files it may have open."""
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(count), hard))


if __name__ == "__main__":
    doer = _Doer()
    for line in sys.stdin:
        name, *words = line.split()
        sys.stdout.write(f"{getattr(doer, name)(*words)}\n")
        sys.stdout.flush()

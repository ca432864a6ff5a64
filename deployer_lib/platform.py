"""What only Linux does for us: adopt orphans, know a boot, name a process beyond its pid, find who listens.

Imported late by those who need it. Elsewhere these raise :class:`~deployer_lib.errors.Unavailable`; checks that only
observe never come here (DESIGN.md section 12).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from deployer_lib.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = [
    "ProcessId",
    "adopt_orphans",
    "boot_id",
    "descendants",
    "end_processes",
    "free_port",
    "identify",
    "listeners",
    "listening_of",
    "marked",
    "require_linux",
]

_PR_SET_CHILD_SUBREAPER: Final = 36  # linux/prctl.h
_SAME_S: Final = 1.5  # psutil derives create times from the clock, which may have been set in between
_TICK_S: Final = 0.02
_LOCAL_PORTS: Final = Path(
    "/proc/sys/net/ipv4/ip_local_port_range"
)  # ip-sysctl.rst: what connect() and bind(0) give out
_LOWEST_PORT: Final = 10_000  # below it live services that people know by number
_KILLED_S: Final = 2.0  # until a killed process must be gone


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process that cannot be mistaken for a later one with the same number."""

    pid: int
    created: float  # seconds since the epoch

    def alive(self) -> bool:
        """Tell whether this very process runs; one that ended and was not collected yet does not."""
        return self.process() is not None

    def process(self) -> psutil.Process | None:
        """Return its handle, None where it has ended."""
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self.pid)
            if (
                abs(process.create_time() - self.created) < _SAME_S
                and process.status() != psutil.STATUS_ZOMBIE
            ):
                return process
        return None

    def wait(self, within_s: float) -> bool:
        """Wait until it has ended; False where it still runs then."""
        deadline = time.monotonic() + within_s
        while self.alive():
            if time.monotonic() >= deadline:
                return False
            time.sleep(_TICK_S)
        return True


def require_linux(what: str) -> None:
    """Refuse what only Linux can do.

    Raises:
        Unavailable: this is another system.
    """
    if sys.platform != "linux":
        raise Unavailable(
            f"{what} needs Linux.", hint="Checks that only observe run here; use kind: command or none."
        )


def adopt_orphans() -> None:
    """Make this process the parent of every orphan below it, daemons included (``prctl(2)``)."""
    require_linux("Supervising processes")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise Unavailable(f"This system has no child subreaper: {os.strerror(ctypes.get_errno())}.")


def boot_id() -> str:
    """Return an id of the time since the machine was started: pids of another one mean nothing."""
    require_linux("Supervising processes")
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def identify(pid: int) -> ProcessId | None:
    """Return the identity of a running process, None where there is none."""
    try:
        return ProcessId(pid, psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def descendants(pid: int) -> list[psutil.Process]:
    """Return what runs below a process, without those that have ended and were not collected."""
    try:
        below = psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []
    return [process for process in below if _runs(process)]


def marked(name: str, value: str) -> list[psutil.Process]:
    """Return processes of this user that were started with a variable of this value."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(name) == value and _runs(process):
                found.append(process)
    return found


def end_processes(processes: Collection[psutil.Process], within_s: float) -> list[psutil.Process]:
    """Ask processes to end, wait, end those that are left, and return what runs even then.

    Exit codes are left for the parent to collect, which ``psutil.wait_procs`` would take away.
    """
    left = list(processes)
    for number, wait_s in ((signal.SIGTERM, within_s), (signal.SIGKILL, _KILLED_S)):
        for process in left:
            _send(process, number)
        deadline = time.monotonic() + wait_s
        while (left := [process for process in left if _runs(process)]) and time.monotonic() < deadline:
            time.sleep(_TICK_S)
    return left


def free_port() -> int:
    """Return a port of the loopback address that nothing listens on, and that the kernel gives to nobody by itself.

    What :c:func:`bind` gives for port 0 comes from the range out of which outgoing connections take theirs: until the
    application listens there, any of them may have it. So it is drawn from below that range.

    Errors: :class:`~deployer_lib.errors.Unavailable` where every port that was tried is taken.
    """
    end = 32_768
    with contextlib.suppress(OSError, ValueError):
        end = max(int(_LOCAL_PORTS.read_text(encoding="ascii").split()[0]), _LOWEST_PORT + 1)
    drawn = random.sample(range(_LOWEST_PORT, end), min(100, end - _LOWEST_PORT))
    for port in drawn:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(
                socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
            )  # as servers do: an old connection's rest is none
            probe.bind(("127.0.0.1", port))
            return port
    raise Unavailable(
        "No free port was found on this machine.", hint="Set deploy.port to one that you know to be free."
    )


def listeners(port: int) -> dict[int | None, str]:
    """Return who listens on a TCP port of this machine: pid (None where it is another user's) → address."""
    found: dict[int | None, str] = {}
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
            found[connection.pid] = connection.laddr.ip
    return found


def listening_of(port: int, processes: Iterable[psutil.Process]) -> frozenset[str]:
    """Return which of these processes hold the socket that listens on a port, each as pid and start time.

    A forked worker holds its parent's socket; :func:`listeners` names one process a socket.
    """
    found = set()
    for process in processes:
        with contextlib.suppress(psutil.Error):
            if any(
                c.status == psutil.CONN_LISTEN and c.laddr and c.laddr.port == port
                for c in process.net_connections("tcp")
            ):
                found.add(f"{process.pid}@{process.create_time():.2f}")
    return frozenset(found)


def _runs(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def _send(process: psutil.Process, number: signal.Signals) -> None:
    with contextlib.suppress(psutil.Error):
        process.send_signal(number)

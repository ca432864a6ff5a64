"""Watch an application's processes while something is done to it.

``with watch(pids) as seen: …`` follows whole process trees from a process of its own, so that whoever measures beside it is
not held up; ``seen.resources`` has what was seen. What could not be is said in its notes: watching never fails what it
watches, nor what is done meanwhile.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import numpy.typing as npt

from deployer_lib import platform
from deployer_lib.app.allowance import Allowance
from deployer_lib.app.resources import Fullest, Limits, Resources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["Watch", "watch"]

_PROGRAM: Final = Path(__file__).with_name("sampling.py")
_EVERY_S: Final = 0.25
_ANSWER_S: Final = 10.0  # until a sample must have been taken, on a busy machine
_END_S: Final = 5.0


def watch(pids: Iterable[int | platform.ProcessId], *, every_s: float = _EVERY_S) -> Watch:
    """Return a context manager that watches processes, and everything below them, while it is open.

    Args:
        pids: processes, best by :class:`~deployer_lib.platform.ProcessId`; of a bare number, whoever has it now.
        every_s: seconds between samples. Unshared memory is read once a second, and more rarely where a reading costs more
            than 1 % of what the processes use meanwhile, or a thousandth of the time where they use less.
    """
    return Watch(tuple(pids), every_s)


class Watch:
    """Processes that are being watched; a context manager that leaves nothing behind."""

    def __init__(self, pids: Sequence[int | platform.ProcessId], every_s: float) -> None:
        """Prepare; see :func:`watch`."""
        self._pids = pids
        self._every_s = every_s
        self._watched: dict[int, str] = {}  # pid → name
        self._starts: dict[int, int] = {}  # pid → start in ticks since the machine's
        self._notes: list[str] = []
        self._allowance = Allowance(float(os.cpu_count() or 1))
        self._sampler: subprocess.Popen[bytes] | None = None
        self._file = -1  # in memory; what the sampler writes
        self._written = b""  # all of it, once it is closed

    def __enter__(self) -> Self:
        self._identify()
        if self._starts:
            self._allowance = Allowance.of(next(iter(self._starts)))
            self._start()
            self.look()
        return self

    def __exit__(self, *_error: object) -> None:
        try:
            self.look()
        finally:
            self._end()

    def look(self) -> None:
        """Take a sample now, with unshared memory, and return once it was taken."""
        sampler = self._sampler
        if sampler is None or sampler.stdin is None or sampler.stdout is None:
            return
        try:
            os.write(sampler.stdin.fileno(), b".")
            if select.select([sampler.stdout], [], [], _ANSWER_S)[0] and os.read(sampler.stdout.fileno(), 1):
                return
        except OSError:
            pass  # its side of the pipe is closed: it was killed
        self._give_up("The process that watches was ended by somebody, or came no more to its turn.")

    @property
    def resources(self) -> Resources:
        """Return what was seen so far; while it is open too."""
        return _read(self._written or self._so_far(), self._watched, self._allowance, self._notes)

    def _identify(self) -> None:
        if sys.platform != "linux":
            self._notes.append("Watching an application's resources needs Linux.")
            return
        for one in self._pids:
            pid = one if isinstance(one, int) else one.pid
            start, name = _start_of(pid)
            alive = platform.identify(pid) is not None if isinstance(one, int) else one.alive()
            if start is None or not alive:
                self._notes.append(f"Process {pid} does not run.")
            else:
                self._starts[pid], self._watched[pid] = start, name
        if not self._pids:
            self._notes.append("There was no process to watch.")

    def _start(self) -> None:
        roots = [f"{pid}:{start}" for pid, start in self._starts.items()]
        try:
            self._file = os.memfd_create("resources")  # no disk that may be full, nothing that is left behind
            self._sampler = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_PROGRAM), str(self._file), str(self._every_s), *roots],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=(self._file,),
                start_new_session=True,  # a terminal's Ctrl-C is not for it
            )
        except OSError as error:
            self._give_up(f"The process that watches could not be started: {error.strerror}.")

    def _give_up(self, why: str) -> None:
        if why not in self._notes:
            self._notes.append(why)
        self._end()

    def _end(self) -> None:
        """Let the sampler end, and keep what it wrote."""
        sampler, self._sampler = self._sampler, None
        if sampler is not None:
            for pipe in (sampler.stdin, sampler.stdout):
                if pipe:
                    pipe.close()
            try:
                sampler.wait(_END_S)
            except subprocess.TimeoutExpired:
                sampler.kill()
                sampler.wait()
        if self._file >= 0:
            self._written = self._so_far()
            os.close(self._file)
            self._file = -1

    def _so_far(self) -> bytes:
        return os.pread(self._file, os.fstat(self._file).st_size, 0) if self._file >= 0 else b""


def _start_of(pid: int) -> tuple[int | None, str]:
    """Return when a process started, in ticks since the machine's, and its name; None where it does not run."""
    with suppress(OSError, ValueError, IndexError):
        head, _, rest = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")
        return int(rest.split()[19]), " ".join(head.partition(b"(")[2].decode("utf-8", "replace").split())
    return None, ""


class _Reading:
    """What the sampler's lines say, one method a kind of line."""

    def __init__(self, watched: dict[int, str]) -> None:
        self.watched = watched
        self.samples: list[list[float]] = []  # whole numbers, but for what is not a number
        self.notes: list[str] = []
        self.ended: list[tuple[int, str]] = []
        self.fullest: Fullest | None = None
        self.cost_s = 0.0

    def sample(self, *values: str) -> None:
        self.samples.append([float("nan") if value == "-" else int(value) for value in values])

    def end(self, at_ns: str, pid: str, *_name: str) -> None:
        self.ended.append((int(at_ns), self.name(pid)))

    def full(self, pid: str, used: str, limit: str, *name: str) -> None:
        self.fullest = Fullest(
            f"{' '.join(name)} ({pid})", int(used), int(limit) if int(limit) >= 0 else None
        )

    def unreadable(self, what: str, pid: str, *name: str) -> None:
        self.notes.append(
            f"The {what.replace('_', ' ')} of {' '.join(name)} ({pid}) may not be read: "
            "it belongs to another user, or is protected."
        )

    def cost(self, cpu_ns: str) -> None:
        self.cost_s = int(cpu_ns) / 1e9

    def name(self, pid: str) -> str:
        return f"{self.watched.get(int(pid), '')} ({pid})".strip()


def _read(written: bytes, watched: dict[int, str], allowance: Allowance, notes: Sequence[str]) -> Resources:
    """Return what stands in the sampler's lines; one that is not whole, since it was killed, is left out."""
    seen = _Reading(watched)
    kinds: dict[str, Callable[..., None]] = {
        "S": seen.sample, "E": seen.end, "F": seen.full, "U": seen.unreadable, "C": seen.cost,
    }  # fmt: skip
    whole, _, _ = written.decode("utf-8", "replace").rpartition("\n")
    for line in filter(None, whole.split("\n")):
        kind, *words = line.split(" ")
        kinds[kind](*words)
    at, ticks, rss, uss, descriptors, threads, processes = (
        zip(*seen.samples, strict=True) if seen.samples else ((),) * 7
    )
    ends = [
        f"{name} ended {f'{(at_ns - at[0]) / 1e9:.1f} s after watching began' if at else 'before it could be watched'}."
        for at_ns, name in seen.ended
    ]
    return Resources(
        _column(at, np.int64),
        _column(ticks, np.float64) / os.sysconf("SC_CLK_TCK"),
        _column(rss, np.int64),
        _column(uss, np.float64),
        _column(descriptors, np.float64),
        _column(threads, np.int64),
        _column(processes, np.int64),
        Limits(allowance.cores, allowance.memory_bytes, seen.fullest),
        tuple(seen.name(str(pid)) for pid in watched),
        (*notes, *seen.notes, *ends),
        seen.cost_s,
    )


def _column(values: Sequence[float], dtype: type[np.generic]) -> npt.NDArray[Any]:
    made = np.array(values, dtype=dtype)
    made.setflags(write=False)
    return made

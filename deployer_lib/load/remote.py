"""What a worker of a cluster does for a load test: it starts one process with a loop of its own, and looks after it.

The worker's own process answers its scheduler and may have other work, so no request is sent from there. Whoever asked for the
test talks to the worker twice a second; where that ends, so does the load: nobody is there any more to stop it.

Nothing of Dask is imported: these functions are all that crosses the wire, by name.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import monotonic_ns
from typing import TYPE_CHECKING, Any, Final, Literal

from deployer_lib.errors import ProcessError
from deployer_lib.load.limits import require
from deployer_lib.load.result import LoadResult
from deployer_lib.load.workers import Fleet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deployer_lib.load.histogram import Histogram
    from deployer_lib.load.job import Job, Progress
    from deployer_lib.load.workers import Outcome

__all__ = ["Answer", "Machine", "Said", "State", "carry_out", "clocks", "look", "talk"]

#: Whoever asked for the load and has not been heard of for so long is not there any more.
_FORSAKEN_NS: Final = 10_000_000_000
_LOOK_S: Final = 0.5
_LOST: Final = "whoever asked for the load was not heard of any more"

Phase = Literal["preparing", "ready", "running", "ended"]


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a worker runs, and which Deployer is installed there."""

    version: str
    code: str  # of the load engine's files: a version may have several
    kernel: str  # of the running system; empty: unknown
    network: str  # which of its networks: containers have their own loopback
    time: str  # which of its monotonic clocks

    def has_loopback_of(self, other: Machine) -> bool:
        """Tell whether 127.0.0.1 is the same machine for both."""
        return bool(self.kernel) and (self.kernel, self.network) == (other.kernel, other.network)

    def has_clock_of(self, other: Machine) -> bool:
        """Tell whether both read the same monotonic clock."""
        return bool(self.kernel) and (self.kernel, self.time) == (other.kernel, other.time)


@dataclass(frozen=True, slots=True)
class Said:
    """What a worker is told."""

    start_ns: int | None = None  # when to start, by its own monotonic clock
    stop: str = ""  # why it is to stop
    leave: bool = False  # the test is over: forget it


@dataclass(frozen=True, slots=True)
class State:
    """How far a worker is."""

    phase: Phase
    born_ns: int  # when this attempt began: a worker that was started again makes another one
    progress: Progress | None = None
    stopped: str = ""  # why its load ended before the plan did


@dataclass(frozen=True, slots=True)
class Answer:
    """What a worker measured, by its own clock."""

    outcome: Outcome
    response: Histogram  # of its response times
    late_ns: int  # how much later than agreed it could start; 0: not at all


@dataclass(slots=True, eq=False)
class _Seat:
    """A load test in this process: what its two threads, the task's and the one that talks, know of each other."""

    state: State
    start_ns: int = 0
    fleet: Fleet | None = None
    stop: str = ""
    heard_ns: int = field(default_factory=monotonic_ns)
    told: threading.Event = field(default_factory=threading.Event)  # to start, or to stop

    @property
    def forsaken(self) -> bool:
        return monotonic_ns() - self.heard_ns > _FORSAKEN_NS

    def hear(self, said: Said) -> None:
        self.heard_ns = monotonic_ns()
        if said.start_ns is not None:
            self.start_ns = said.start_ns
            self.told.set()
        if said.stop:
            self.stop = said.stop
            self.told.set()
            if self.fleet is not None:
                self.fleet.interrupt(said.stop)

    def wait_for_start(self) -> int:
        """Return when to start.

        Raises:
            ProcessError: it is not to start after all.
        """
        while not self.told.wait(_LOOK_S):
            if self.forsaken:
                raise ProcessError(f"The load was not started: {_LOST}.")
        if not self.start_ns:
            raise ProcessError(f"The load was not started: {self.stop}.")
        return self.start_ns

    def note(self, progress: Progress) -> None:
        """Keep how far the load is, and end it where nobody listens any more."""
        self.state = replace(self.state, phase="running", progress=progress)
        if self.forsaken and self.fleet is not None:
            self.fleet.interrupt(_LOST)


#: The tests of this process, by test and worker: a task and a call have nothing else in common. (Workers may share a process.)
_SEATS: Final[dict[tuple[str, str], _Seat]] = {}


def look() -> Machine:
    """Return where this process runs."""
    try:
        installed = version("deployer-lib")
    except PackageNotFoundError:
        installed = "of no known version"
    kernel = _text(Path("/proc/sys/kernel/random/boot_id"))
    return Machine(installed, _code(), kernel, _namespace("net"), _namespace("time"))


def clocks() -> tuple[int, int]:
    """Return the monotonic and the wall clock of this machine, in nanoseconds."""
    return monotonic_ns(), time.time_ns()


def talk(test: str, said: Mapping[str, Said], dask_worker: Any) -> State | None:  # noqa: ANN401  (distributed is optional)
    """Take what a worker is told and return how far it is; None: it does not know of the test (yet, or any more).

    Args:
        test: which test.
        said: by address of the worker.
        dask_worker: the worker that this runs in, given by Dask.
    """
    key = (test, dask_worker.address)
    seat = _SEATS.get(key)
    mine = said.get(dask_worker.address, Said())
    if seat is not None:
        seat.hear(mine)
    if mine.leave:
        _SEATS.pop(key, None)
    return None if seat is None else seat.state


def carry_out(job: Job, granted: int, test: str, address: str) -> Answer:
    """Do a job in a process of its own, from the instant that :func:`talk` is told; the task of a worker.

    Args:
        job: what to do.
        granted: how many requests may be sent.
        test: which test it is of.
        address: the worker's.

    Raises:
        DeployerError: the job cannot be done here, or was called off.
    """
    for key in [key for key, left in _SEATS.items() if left.state.phase == "ended" and left.forsaken]:
        del _SEATS[key]  # whoever asked for it went away without a word
    seat = _SEATS[test, address] = _Seat(State("preparing", monotonic_ns()))
    stopped = ""
    try:
        require(job.connections)
        with Fleet([job], [granted]) as fleet:
            fleet.ready()
            seat.state = replace(seat.state, phase="ready")
            start_ns = seat.wait_for_start()
            seat.fleet = fleet
            if seat.stop:
                fleet.interrupt(seat.stop)
            late_ns = max(0, monotonic_ns() - start_ns)
            (outcome,) = fleet.run(seat.note, start_ns)
        stopped = fleet.stopped or outcome.columns.stopped
        columns = replace(outcome.columns, stopped=stopped)
        return Answer(replace(outcome, columns=columns), LoadResult(columns).response_histogram, late_ns)
    finally:
        seat.state = replace(seat.state, phase="ended", stopped=stopped)


@cache
def _code() -> str:
    """Return a digest of the load engine's files."""
    found = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        found.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()[:12]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _namespace(name: str) -> str:
    try:
        return os.readlink(f"/proc/self/ns/{name}")  # noqa: PTH115  (what it says is no path)
    except OSError:
        return ""

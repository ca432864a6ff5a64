"""Processes of a load test: one a core, each with its own loop, started together and ended with their parent.

A worker is a fresh interpreter, since a kernel's process has threads and must not be forked. It is told its job over a
pair of sockets, says that it is ready, gets the common start, and answers with progress and then its columns. Anything
more that comes, or the pair's end, stops it: no worker outlives its parent.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from time import monotonic_ns
from typing import TYPE_CHECKING, Final, Self

from deployer_lib.errors import ProcessError
from deployer_lib.load.job import CEILING, INTERRUPTED, Job, Progress
from deployer_lib.load.kernel import Kernel
from deployer_lib.load.limits import descriptors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from deployer_lib.load.columns import Columns
    from deployer_lib.load.plan import Plan
    from deployer_lib.load.skew import Share

__all__ = ["Fleet", "Outcome", "shares", "work"]

#: Not -m: what a worker sends must be of this module, not of a second one named __main__.
_PROGRAM: Final = "import sys; from deployer_lib.load.workers import work; work(int(sys.argv[1]))"
_START_NS: Final = 20_000_000  # from when all are ready to the common start
_LOOK_S: Final = 0.1
_END_S: Final = 5.0
_PROGRESS_NS: Final = 250_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one worker answers."""

    columns: Columns
    unused: tuple[int, int]  # the first request that was permitted and not due any more, and how many


def shares(plan: Plan, connections: int, workers: int) -> list[tuple[Plan, int]]:
    """Return each worker's share of a plan, and of the connections; requests go round, one to each in turn."""
    made = []
    for worker in range(workers):
        mine = connections // workers + (worker < connections % workers)
        due, stage = plan.due_ns[worker::workers].copy(), plan.stage[worker::workers].copy()
        requests = plan.requests
        if requests is not None:
            requests = (
                len(due) if plan.mode == "open" else requests // workers + (worker < requests % workers)
            )
        made.append((replace(plan, due_ns=due, stage=stage, requests=requests, connections=mine), mine))
    return made


class Fleet:
    """The workers of one test; a context manager that leaves none behind."""

    def __init__(self, jobs: Sequence[Job], granted: Sequence[int]) -> None:
        """Prepare them.

        Args:
            jobs: what each is to do.
            granted: how many requests each may send.
        """
        self._jobs = jobs
        self._granted = granted
        self._stack = ExitStack()
        self._pipes: list[Connection] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        self._outcomes: dict[Connection, Outcome] = {}
        self._stopping = ""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for job, granted in zip(self._jobs, self._granted, strict=True):
                self._start(stack, job, granted)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def interrupt(self, reason: str = INTERRUPTED) -> None:
        """Ask all workers to stop; from a signal's handler too."""
        self._stopping = self._stopping or reason

    def ready(self) -> None:
        """Wait until all have what they need to start.

        Raises:
            DeployerError: a worker could not do its job.
            ProcessError: one ended without an answer.
        """
        for pipe in self._pipes:
            self._received(pipe)

    def run(self, progress: Callable[[Progress], None] | None, start_ns: int | None = None) -> list[Outcome]:
        """Start all at once and return what each measured; only when they are ready.

        Args:
            progress: is told how far they are together, four times a second.
            start_ns: when, by ``time.monotonic_ns``; None: in a moment.

        Raises:
            DeployerError: a worker could not do its job.
            ProcessError: one ended without an answer.
        """
        start_ns = monotonic_ns() + _START_NS if start_ns is None else start_ns
        for pipe in self._pipes:
            pipe.send(start_ns)
        outcomes = self._outcomes
        latest: dict[Connection, Progress] = {}
        told, shown_ns = "", 0
        while len(outcomes) < len(self._pipes):
            running = [pipe for pipe in self._pipes if pipe not in outcomes]
            for ready in wait(running, _LOOK_S):
                pipe = next(pipe for pipe in running if pipe is ready)
                message = self._received(pipe)
                if isinstance(message, Outcome):
                    outcomes[pipe] = message
                    if message.columns.stopped not in {"", CEILING}:  # each has its own share of the ceiling
                        self.interrupt(message.columns.stopped)
                elif isinstance(message, Progress):
                    latest[pipe] = message
            if self._stopping and not told:
                told = self._stopping
                self._tell_all_to_stop()
            if progress and latest and monotonic_ns() - shown_ns >= _PROGRESS_NS:
                shown_ns = monotonic_ns()
                progress(Progress.together(list(latest.values())))
        return [outcomes[pipe] for pipe in self._pipes]

    @property
    def stopped(self) -> str:
        """Return why all were told to stop; empty where they were not."""
        return self._stopping

    @property
    def unused(self) -> list[tuple[int, int]]:
        """Return the first request of each worker that was permitted and not due any more, and how many."""
        known = {place: self._outcomes.get(pipe) for place, pipe in enumerate(self._pipes)}
        return [
            outcome.unused if (outcome := known.get(place)) else (0, number)
            for place, number in enumerate(self._granted)
        ]

    @property
    def shares(self) -> tuple[Share, ...]:
        """Return nothing: processes of one machine have one clock."""
        return ()

    def _start(self, stack: ExitStack, job: Job, granted: int) -> None:
        ours, theirs = Pipe()
        stack.callback(ours.close)
        root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env={**os.environ, "PYTHONPATH": path},
                start_new_session=True,  # a terminal's Ctrl-C goes to the parent, which tells them
            )
        stack.callback(_end, process)
        self._pipes.append(ours)
        self._processes.append(process)
        ours.send((job, granted))

    def _received(self, pipe: Connection) -> object:
        try:
            message = pipe.recv()
        except (EOFError, OSError) as error:
            process = self._processes[self._pipes.index(pipe)]
            raise ProcessError(
                "A process of the load test ended without a result.", exit_code=process.poll()
            ) from error
        if isinstance(message, Exception):
            raise message
        return message

    def _tell_all_to_stop(self) -> None:
        for pipe in self._pipes:
            with suppress(OSError):  # it has ended, and closed its side
                pipe.send(None)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Wait for a worker whose pair of sockets is used no more; kill it where it does not end."""
    try:
        process.terminate()
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def work(fd: int) -> None:
    """Be a worker: do the job that comes over this descriptor."""
    with Connection(fd) as pipe:
        job, granted = pipe.recv()
        with suppress(OSError):  # where the parent has gone, nobody is left to hear of it
            try:
                pipe.send(_outcome(pipe, job, granted))
            except Exception as error:  # noqa: BLE001  (raised by the parent)
                pipe.send(error)


def _outcome(pipe: Connection, job: Job, granted: int) -> Outcome:
    with descriptors(job.connections):
        kernel = Kernel(
            job,
            lambda first, count: max(0, min(count, granted - first)),
            progress=pipe.send,
            control_fd=pipe.fileno(),
        )
        pipe.send(None)  # ready
        columns = kernel.run(pipe.recv())
        first, _ = kernel.unused  # the loop asks some at a time; all the rest is unused too
        return Outcome(columns, (first, granted - first))

"""A load test over a Dask cluster: the same schedule, its requests going round among workers on other machines.

Each worker starts one process with a loop of its own, whatever threads it has (:mod:`~deployer_lib.load.remote`). All are told one
instant to start at, each by its own clock; what they measured is put on ours. The guard stays here: nothing goes out before it was asked,
and workers connect to the address that it permitted, not to a name.
"""

from __future__ import annotations

import ipaddress
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, replace
from time import monotonic_ns
from typing import TYPE_CHECKING, Final, Self, cast

from deployer_lib.errors import DeployerError, ProcessError, UsageError
from deployer_lib.load.job import CEILING, INTERRUPTED, Progress
from deployer_lib.load.link import Link
from deployer_lib.load.remote import Answer, Machine, Said, State, carry_out, clocks, look, talk
from deployer_lib.load.skew import SAME, Offset, Share, Trip, estimated, on_our_clock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from deployer_lib.load.connection import Address
    from deployer_lib.load.job import Job
    from deployer_lib.load.link import Task
    from deployer_lib.load.workers import Outcome

__all__ = ["Cluster", "Crew"]

_JOIN_S: Final = 5.0  # for workers that are still coming
_READY_S: Final = 60.0  # a worker may have to import numpy from a slow disk
_END_S: Final = 5.0
_LOOK_S: Final = 0.5
_HEARD_S: Final = 2.0
_SOON_S: Final = 0.05
_TRIPS: Final = 12
#: From the moment at which all are told to the common start: they must have heard of it.
_START_NS: Final = 200_000_000
_START_TRIPS: Final = 5
#: Further apart than any machine has processors.
_CORES: Final = 1 << 16


class Cluster:
    """The workers behind one scheduler, looked at and judged; a context manager."""

    def __init__(self, scheduler: str, target: Address, workers: int | None) -> None:
        """Take what is wanted; nothing is done yet.

        Args:
            scheduler: ``tcp://host:port`` or ``tls://host:port``.
            target: where requests go.
            workers: how many are wanted; None: all there are.

        Raises:
            UsageError: the scheduler's address is none.
        """
        self._link = Link(scheduler)
        self._target = target
        self._wanted = workers
        self.machines: dict[str, Machine] = {}  # of each worker that takes part, by its address

    def __enter__(self) -> Self:
        self._link.__enter__()
        try:
            self._judge(self._chosen())
        except BaseException:
            self._link.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._link.__exit__(*error)

    def __len__(self) -> int:
        return len(self.machines)

    def crew(self, jobs: Sequence[Job], granted: Sequence[int]) -> Crew:
        """Return workers that carry out these jobs, of which there are at most as many."""
        return Crew(self._link, dict(list(self.machines.items())[: len(jobs)]), jobs, granted)

    def _chosen(self) -> list[str]:
        """Return the workers to ask: those with the fewest tasks."""
        wanted, until_s = self._wanted or 1, time.monotonic() + _JOIN_S
        while len(found := self._link.workers()) < wanted:
            if time.monotonic() > until_s:
                has = f"{len(found)} worker{'s' * (len(found) != 1)}"
                raise UsageError(
                    f"The Dask cluster at {self._link.scheduler} has {has}, and {wanted} are wanted.",
                    hint=f"Start more with `dask worker {self._link.scheduler}`, or ask for fewer.",
                )
            time.sleep(_LOOK_S)
        return sorted(found, key=lambda address: found[address])[: self._wanted]

    def _judge(self, workers: Sequence[str]) -> None:
        """Refuse workers that would do something else than what was asked for."""
        ours = look()
        for address, found in self._link.ask(look, workers=workers).items():
            if isinstance(found, Exception):
                raise UsageError(
                    f"The worker at {address} cannot carry out a load: {type(found).__name__}: {found}.",
                    hint=f"Install deployer-lib {ours.version} where the workers run.",
                )
            if (found.version, found.code) != (ours.version, ours.code):
                raise UsageError(
                    f"The worker at {address} has another Deployer: {found.version} (load engine {found.code}), and here is "
                    f"{ours.version} ({ours.code}).",
                    hint="Install the same one in both places.",
                )
            if _only_here(self._target) and not found.has_loopback_of(ours):
                raise UsageError(
                    f"{self._target.sockaddr[0]} means this machine here, and another one for the worker at {address}.",
                    hint="Give the target's address as the workers' machines reach it.",
                )
            self.machines[address] = found


def _only_here(target: Address) -> bool:
    """Tell whether an address means another machine elsewhere."""
    host = ipaddress.ip_address(target.sockaddr[0].partition("%")[0])
    return host.is_loopback or host.is_unspecified or host.is_link_local


@dataclass(slots=True, eq=False)
class _Member:
    """One worker in a test."""

    address: str
    machine: Machine
    granted: int
    task: Task | None = None
    offset: Offset = SAME
    wall: Offset = SAME
    state: State | None = None
    outcome: Outcome | None = None
    share: Share | None = None


class Crew:
    """Workers that carry out one test; a context manager that leaves nothing of it there."""

    def __init__(
        self, link: Link, machines: Mapping[str, Machine], jobs: Sequence[Job], granted: Sequence[int]
    ) -> None:
        """Prepare them; nothing is done yet.

        Args:
            link: to their scheduler.
            machines: the workers, by address.
            jobs: what each is to do.
            granted: how many requests each may send.
        """
        self._link = link
        self._jobs = jobs
        self._members = [
            _Member(address, machine, number)
            for (address, machine), number in zip(machines.items(), granted, strict=True)
        ]
        self._here = look()
        self._test = uuid.uuid4().hex
        self._stopping = ""
        self._started = False
        self._talked_s = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if any(member.outcome is None for member in self._members):
            with suppress(DeployerError):
                self._call_off()
        self._link.forget([member.task for member in self._members if member.task])

    def interrupt(self, reason: str = INTERRUPTED) -> None:
        """Ask all workers to stop; from a signal's handler too."""
        self._stopping = self._stopping or reason

    @property
    def stopped(self) -> str:
        """Return why all were told to stop; empty where they were not."""
        return self._stopping

    @property
    def unused(self) -> list[tuple[int, int]]:
        """Return the first request of each worker that was permitted and not due any more, and how many.

        Of a worker that started and was lost, nobody knows; everything counts as used.
        """
        unknown = (0, 0)
        return [
            member.outcome.unused if member.outcome else unknown if self._started else (0, member.granted)
            for member in self._members
        ]

    @property
    def shares(self) -> tuple[Share, ...]:
        """Return what each worker did, once all is done."""
        return tuple(member.share for member in self._members if member.share)

    def ready(self) -> None:
        """Hand out the jobs and wait until all have what they need to start.

        Raises:
            DeployerError: a worker could not do its job.
            ProcessError: one was lost, or is not ready in time.
        """
        for member, job in zip(self._members, self._jobs, strict=True):
            given = (job, member.granted, self._test, member.address)
            member.task = self._link.submit(carry_out, *given, worker=member.address)
            self._be_heard()
        until_s = time.monotonic() + _READY_S
        while waiting := [m.address for m in self._members if not (m.state and m.state.phase == "ready")]:
            if time.monotonic() > until_s:
                raise ProcessError(
                    f"The worker at {waiting[0]} was not ready within {_READY_S:.0f} s.",
                    hint="Look whether it has other tasks, and at its log.",
                )
            time.sleep(_SOON_S)
            self._talk({})
        for member in self._members:
            member.offset, member.wall = self._clock(member)
            self._be_heard()

    def run(self, progress: Callable[[Progress], None] | None) -> list[Outcome]:
        """Start all at once and return what each measured, by our clock; only when they are ready.

        Raises:
            DeployerError: a worker could not do its job.
            ProcessError: one was lost.
        """
        self._start()
        told = ""
        while not all(member.state and member.state.phase == "ended" for member in self._members):
            time.sleep(_LOOK_S if not self._stopping else _SOON_S)
            fresh = self._stopping if self._stopping and not told else ""
            told = told or fresh
            self._talk({member.address: Said(stop=fresh) for member in self._members})
            for member in self._members:
                if member.state and member.state.stopped not in {
                    "",
                    CEILING,
                }:  # each has its share of the ceiling
                    self.interrupt(member.state.stopped)
            known = [
                member.state.progress for member in self._members if member.state and member.state.progress
            ]
            if progress and known:
                progress(Progress.together(known))
        for member in self._members:
            member.offset = member.offset.and_then(self._clock(member)[0])
        for member in self._members:
            self._collect(member)
        self._talk({member.address: Said(leave=True) for member in self._members})
        return [member.outcome for member in self._members if member.outcome]

    def _start(self) -> None:
        asked_ns = monotonic_ns()
        self._talk({})
        now_ns = monotonic_ns()
        self._start_ns = now_ns + max(_START_NS, _START_TRIPS * (now_ns - asked_ns))
        self._started = True
        self._talk({m.address: Said(start_ns=self._start_ns + m.offset.ahead_ns) for m in self._members})

    def _talk(self, said: Mapping[str, Said]) -> None:
        """Tell each worker something, and note how far it is.

        Raises:
            DeployerError: a worker could not do its job.
            ProcessError: one was lost.
        """
        there = self._link.workers()
        for member in self._members:
            if member.address not in there:
                raise _lost(member.address)
            self._raise_for(member)
        found = self._link.ask(talk, self._test, said, workers=[member.address for member in self._members])
        for member in self._members:
            state = found.get(member.address)
            if isinstance(state, Exception):
                raise _lost(member.address) from state
            if member.state and (state is None or state.born_ns != member.state.born_ns):
                raise _lost(member.address)  # and started again since
            member.state = state
        self._talked_s = time.monotonic()

    def _be_heard(self) -> None:
        """Talk to all where that was a while ago: whoever hears nothing takes us for lost."""
        if time.monotonic() - self._talked_s > _HEARD_S:
            self._talk({})

    def _raise_for(self, member: _Member) -> None:
        """Raise what a worker's task raised."""
        if member.task is None or member.task.status not in {"error", "lost", "cancelled"}:
            return
        self._answer(member.task, member.address)

    def _answer(self, task: Task, address: str) -> Answer:
        """Return what a worker answered.

        Raises:
            DeployerError: it could not do its job.
            ProcessError: it was lost.
        """
        try:
            return cast("Answer", self._link.result(task))
        except DeployerError:
            raise
        except Exception as error:  # KilledWorker, CancelledError, a closed connection …
            raise _lost(address) from error

    def _clock(self, member: _Member) -> tuple[Offset, Offset]:
        """Return how far a worker's monotonic clock and its wall clock are ahead of ours."""
        if member.machine.has_clock_of(self._here):
            return SAME, SAME
        monotonic, wall = [], []
        for _ in range(_TRIPS):
            asked_ns, wall_ns = clocks()
            answer = self._link.ask(clocks, workers=[member.address]).get(member.address)
            heard_ns = monotonic_ns()
            if not isinstance(answer, tuple):
                raise _lost(member.address)
            monotonic.append(Trip(asked_ns, answer[0], heard_ns))
            wall.append(Trip(wall_ns, answer[1], wall_ns + heard_ns - asked_ns))
        return estimated(monotonic), estimated(wall)

    def _collect(self, member: _Member) -> None:
        """Take what a worker measured, and put it on our clock."""
        if member.task is None:
            return
        answer = self._answer(member.task, member.address)
        columns = on_our_clock(answer.outcome.columns, member.offset.ahead_ns)
        now_ns, unix_ns = clocks()
        columns = replace(columns, started_unix_ns=unix_ns - (now_ns - columns.start_ns))
        if seen := columns.surroundings:
            # Processors of different machines have the same numbers, and are not shared.
            first = _CORES * self._kernels().index(member.machine.kernel)
            cores = frozenset(first + core for core in seen.cores)
            columns = replace(columns, surroundings=replace(seen, cores=cores))
        member.outcome = replace(answer.outcome, columns=columns)
        member.share = Share(
            member.address, len(columns), member.offset, member.wall, answer.late_ns, answer.response
        )

    def _kernels(self) -> list[str]:
        return [member.machine.kernel for member in self._members]

    def _call_off(self) -> None:
        """End a test that is not to go on, and learn what was sent of it from those that still answer."""
        there = self._link.workers()
        left = [member for member in self._members if member.address in there and member.outcome is None]
        said = {member.address: Said(stop=self._stopping or "called off") for member in left}
        until_s = time.monotonic() + _END_S
        while left and time.monotonic() < until_s:
            found = self._link.ask(talk, self._test, said, workers=[member.address for member in left])
            for member in list(left):
                state = found.get(member.address)
                if not isinstance(state, State):  # it never began, or is gone
                    left.remove(member)
                elif state.phase == "ended":
                    left.remove(member)
                    with suppress(Exception):  # what it raised is not what ends the test
                        self._collect(member)
            time.sleep(_SOON_S)
        self._link.ask(
            talk, self._test, {address: Said(leave=True) for address in there}, workers=list(there)
        )


def _lost(address: str) -> ProcessError:
    return ProcessError(
        f"The worker at {address} was lost during the load, and what it measured with it; the others were stopped.",
        hint="Look at its log, and whether it had enough memory.",
    )

"""Run a load test: from a URL and a plan to what was measured, through the guard.

``run`` asks the guard for every request, resolves the name once, raises this process's limit on descriptors, and gives
everything back: descriptors, processes, signal handlers, permissions that were not used.
"""

from __future__ import annotations

import signal
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from deployer_lib.errors import RequestFailed, UsageError
from deployer_lib.load.columns import Columns
from deployer_lib.load.connection import Address, Tls
from deployer_lib.load.job import INTERRUPTED, Job, Progress
from deployer_lib.load.kernel import Kernel
from deployer_lib.load.limits import descriptors, possible, require
from deployer_lib.load.permits import Permits
from deployer_lib.load.requests import RequestSpec
from deployer_lib.load.workers import Fleet, shares

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from deployer_lib.guard import Guard
    from deployer_lib.load.cluster import Crew
    from deployer_lib.load.plan import Plan

__all__ = ["Progress", "run"]

#: What an open loop may have at a time where nobody says; opened only as they are needed.
_CONNECTIONS: Final = 1_024
_PORTS: Final = {"http": 80, "https": 443}
_MAX_WORKERS: Final = 256
_CONNECT_S: Final = 1.0


def run(
    target: str,
    plan: Plan,
    *,
    guard: Guard,
    mix: Sequence[RequestSpec] = (),
    connections: int | None = None,
    keep_alive: bool = True,
    timeout_s: float = 10.0,
    workers: int | None = None,
    scheduler: str | None = None,
    expect_errors: bool = False,
    ca: Path | None = None,
    insecure: bool = False,
    progress: Callable[[Progress], None] | None = None,
    agent: str = "Deployer/0.1 (load)",
    seed: int = 0,
) -> Columns:
    """Carry out a plan against a target and return what was measured.

    It stops itself once more than 5 % of requests fail for 2 s, at the guard's ceilings, and on Ctrl-C; ``stopped`` says
    so. A target that is down is measured, not raised: each request is then an error.

    Args:
        target: URL, http or https; its path and query are asked where no mix is given.
        plan: what to send, and when.
        guard: is asked for every request; the effect stress must be allowed for more than ten.
        mix: requests, by weight.
        connections: at most so many at a time; None: the plan's, or of an open loop up to 1,024, as they are needed.
        keep_alive: whether connections are used again; else each request opens one.
        timeout_s: limit in seconds for one answer, from when its request was sent; one that was not sent by then for
            want of a connection is given up after as long.
        workers: processes that share the load; 1: this one alone. None: 1, or with a scheduler all workers that it has.
        scheduler: ``tcp://host:port`` of a Dask cluster whose workers send, each from one process; None: this machine does.
        expect_errors: go on whatever share of requests fails.
        ca: certificates in PEM that are trusted instead of the system's.
        insecure: trust any certificate.
        progress: is told how far it is, four times a second.
        agent: the User-Agent header.
        seed: of a mix's order and of ``{uuid}`` and ``{random}``.

    Raises:
        UsageError: something asked for is not possible.
        NotAllowed: the guard refused the effect, the host or its address.
        RequestFailed: the name does not resolve.
        ProcessError: a process, or a cluster's worker, was lost.
        Unavailable: this is not Linux.
    """
    url = _Target.of(target)
    mix = tuple(mix) or (RequestSpec(path=url.path),)
    _checked(timeout_s, workers, connections)
    permits = Permits(guard, (url.scheme, url.host, url.port), mix, seed)
    permits.check()
    address = _address(url, guard)
    tls = Tls(url.host, ca, insecure) if url.scheme == "https" else None
    here = 1 if workers is None or scheduler else workers  # a cluster's workers have limits of their own
    most = plan.connections or min(_CONNECTIONS, possible(here)) if connections is None else connections
    if scheduler is None:
        require(most, here)
    job = Job(
        address,
        url.header,
        plan,
        mix,
        most,
        round(timeout_s * 1e9),
        keep_alive,
        expect_errors,
        tls,
        agent,
        seed,
    )
    if scheduler is not None:
        return _elsewhere(job, permits, scheduler, workers, progress)
    if min(here, most) == 1:
        return _alone(job, permits, progress)
    return _together(job, permits, min(here, most), Fleet, progress)


@dataclass(frozen=True, slots=True)
class _Target:
    scheme: str
    host: str
    port: int
    path: str  # with query

    @classmethod
    def of(cls, url: str) -> _Target:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise UsageError(f"{url!r} is not a URL: {error}.", hint="http://127.0.0.1:8000/path") from error
        if parts.scheme not in _PORTS or not parts.hostname:
            raise UsageError(f"{url!r} is not an http or https URL.", hint="http://127.0.0.1:8000/path")
        if parts.username is not None or parts.password is not None:
            raise UsageError(
                "A URL with a password in it is not asked.", hint="Send a header: Authorization."
            )
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], path)

    @property
    def header(self) -> str:
        """Return the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def _alone(job: Job, permits: Permits, progress: Callable[[Progress], None] | None) -> Columns:
    with descriptors(job.connections):
        kernel = Kernel(job, permits, progress=progress)
        try:
            with _interruptible(kernel.interrupt):
                return kernel.run()
        finally:
            permits.give_back(*kernel.unused)


def _elsewhere(
    job: Job,
    permits: Permits,
    scheduler: str,
    workers: int | None,
    progress: Callable[[Progress], None] | None,
) -> Columns:
    from deployer_lib.load.cluster import Cluster  # noqa: PLC0415  (an extra, and nobody else needs it)

    if job.tls:
        job = replace(job, tls=job.tls.carried())
    with Cluster(scheduler, job.address, workers) as cluster:
        return _together(job, permits, min(len(cluster), job.connections), cluster.crew, progress)


def _together(
    job: Job,
    permits: Permits,
    workers: int,
    made: Callable[[Sequence[Job], Sequence[int]], Fleet | Crew],
    progress: Callable[[Progress], None] | None,
) -> Columns:
    parts = shares(job.plan, job.connections, workers)
    jobs = [
        replace(job, plan=plan, connections=mine, first=number, step=workers)
        for number, (plan, mine) in enumerate(parts)
    ]
    granted = permits.shared([plan.requests for plan, _ in parts])
    crew = made(jobs, granted)
    try:
        with crew, _interruptible(crew.interrupt):
            crew.ready()
            outcomes = crew.run(progress)
    finally:
        for mine, (first, count) in zip(permits.split(workers), crew.unused, strict=True):
            mine.give_back(first, count)
    merged = Columns.merged([outcome.columns for outcome in outcomes])
    return replace(merged, stopped=crew.stopped or merged.stopped, shares=crew.shares)


@contextmanager
def _interruptible(interrupt: Callable[[str], None]) -> Iterator[None]:
    """Let Ctrl-C end the test with what was measured so far, instead of an exception somewhere in the loop."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is None:
        yield
        return
    signal.signal(signal.SIGINT, lambda _number, _frame: interrupt(INTERRUPTED))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _address(url: _Target, guard: Guard) -> Address:
    """Resolve the target's name to the first address that accepts a connection, else the first one."""
    try:
        found = socket.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise RequestFailed(
            f"The name {url.host} does not resolve: {error}.", kind="name", hint="Look for a slip of the pen."
        ) from error
    addresses = [Address(int(family), sockaddr[:4]) for family, _, _, _, sockaddr in found]  # type: ignore[arg-type]  # host, port …
    for address in addresses:
        guard.permit_address(str(address.sockaddr[0]), url.port)
    if len(addresses) == 1:
        return addresses[0]
    return next((address for address in addresses if _accepts(address)), addresses[0])


def _accepts(address: Address) -> bool:
    with socket.socket(address.family, socket.SOCK_STREAM) as sock:
        sock.settimeout(_CONNECT_S)
        return sock.connect_ex(address.sockaddr) == 0


def _checked(timeout_s: float, workers: int | None, connections: int | None) -> None:
    if not 0 < timeout_s <= 86_400:  # noqa: PLR2004  (a day)
        raise UsageError(f"A time limit of {timeout_s:g} s is not possible.", hint="Give more than 0 s.")
    if workers is not None and not 1 <= workers <= _MAX_WORKERS:
        raise UsageError(f"{workers} workers are not possible.", hint="Give one for each core.")
    if connections is not None and connections < 1:
        raise UsageError(f"{connections} connections are not possible.", hint="Give at least 1.")

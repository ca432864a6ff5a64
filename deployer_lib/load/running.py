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

import numpy as np

from deployer_lib.errors import NotAllowed, RequestFailed, UsageError
from deployer_lib.load.columns import Columns
from deployer_lib.load.connection import Address, Tls
from deployer_lib.load.job import INTERRUPTED, Job, Progress
from deployer_lib.load.kernel import Kernel
from deployer_lib.load.limits import descriptors, possible, require
from deployer_lib.load.plan import MAX_REQUESTS
from deployer_lib.load.requests import RequestSpec, choices
from deployer_lib.load.workers import Fleet, shares

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from deployer_lib.guard import Guard
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
    workers: int = 1,
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
        workers: processes that share the load; 1: this one alone.
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
        Unavailable: this is not Linux.
    """
    url = _Target.of(target)
    mix = tuple(mix) or (RequestSpec(path=url.path),)
    _checked(timeout_s, workers, connections)
    allowance = _Allowance(guard, url, mix, seed)
    allowance.check()
    address = _address(url, guard)
    tls = Tls(url.host, ca, insecure) if url.scheme == "https" else None
    most = plan.connections or min(_CONNECTIONS, possible(workers)) if connections is None else connections
    require(most, workers)
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
    workers = min(workers, most)
    if workers == 1:
        return _alone(job, allowance, progress)
    return _together(job, allowance, workers, progress)


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


class _Allowance:
    """Ask the guard for the requests of a mix, some hundred at a time."""

    def __init__(self, guard: Guard, url: _Target, mix: Sequence[RequestSpec], seed: int) -> None:
        self._guard = guard
        self._where = (url.scheme, url.host, url.port)
        self._methods = [spec.effective_method for spec in mix]
        self._choices = np.array(choices(mix, seed), dtype=np.int64)
        self._round = np.bincount(self._choices, minlength=len(mix))

    def check(self) -> None:
        """Ask for each method and the host before anything is done.

        Raises:
            NotAllowed: one of them is not allowed.
        """
        for method in dict.fromkeys(self._methods):
            self._guard.permit_many(method, *self._where, 0)

    def __call__(self, first: int, count: int) -> int:
        """Return how many of the requests from ``first`` on may be sent, of ``count``.

        Raises:
            NotAllowed: not even the first one of all may.
        """
        wanted = self._wanted(first, count)
        left = dict.fromkeys(wanted, 0)
        refusal: NotAllowed | None = None
        for method, number in wanted.items():
            try:
                left[method] = self._guard.permit_many(method, *self._where, number)
            except NotAllowed as error:
                refusal = error
        if left == wanted:
            return count
        if refusal and not first and not any(left.values()):
            raise refusal
        granted = 0
        while granted < count and left[self._method(first + granted)]:
            left[self._method(first + granted)] -= 1
            granted += 1
        for method, number in left.items():
            self._guard.return_unsent(method, number)
        return granted

    def shared(self, wanted: Sequence[int | None]) -> list[int]:
        """Return how many requests each worker may send, of those that it wants (None: it cannot say).

        Raises:
            NotAllowed: not even one may be sent.
        """
        room = self._guard.max_requests - self._guard.requests
        if room < len(wanted):
            return [self(0, 1), *(0 for _ in wanted[1:])]
        granted: list[int] = []
        for worker, mine in enumerate(wanted):
            most = (room + len(wanted) - 1 - worker) // len(wanted)
            try:
                granted.append(self(0, min(most, MAX_REQUESTS if mine is None else mine)))
            except NotAllowed:
                if not any(granted):
                    raise
                granted.append(0)
        return granted

    def give_back(self, first: int, count: int) -> None:
        """Return what was permitted and is not sent."""
        for method, number in self._wanted(first, count).items():
            self._guard.return_unsent(method, number)

    def _wanted(self, first: int, count: int) -> dict[str, int]:
        wanted: dict[str, int] = {}
        for method, after, before in zip(
            self._methods, self._drawn(first + count), self._drawn(first), strict=True
        ):
            if after > before:
                wanted[method] = wanted.get(method, 0) + after - before
        return wanted

    def _drawn(self, count: int) -> list[int]:
        """Return how often each request of the mix is among the first ones."""
        rounds, rest = divmod(count, len(self._choices))
        part = np.bincount(self._choices[:rest], minlength=len(self._methods))
        return [int(number) for number in rounds * self._round + part]

    def _method(self, request: int) -> str:
        return self._methods[int(self._choices[request % len(self._choices)])]


def _alone(job: Job, allowance: _Allowance, progress: Callable[[Progress], None] | None) -> Columns:
    with descriptors(job.connections):
        kernel = Kernel(job, allowance, progress=progress)
        try:
            with _interruptible(kernel.interrupt):
                return kernel.run()
        finally:
            allowance.give_back(*kernel.unused)


def _together(
    job: Job, allowance: _Allowance, workers: int, progress: Callable[[Progress], None] | None
) -> Columns:
    parts = shares(job.plan, job.connections, workers)
    jobs = [
        replace(job, plan=plan, connections=mine, first=number, step=workers)
        for number, (plan, mine) in enumerate(parts)
    ]
    granted = allowance.shared([plan.requests for plan, _ in parts])
    unused = [(0, number) for number in granted]
    try:
        with Fleet(jobs, granted) as fleet, _interruptible(fleet.interrupt):
            outcomes = fleet.run(progress)
            unused = [outcome.unused for outcome in outcomes]
    finally:
        for first, count in unused:
            allowance.give_back(first, count)
    merged = Columns.merged([outcome.columns for outcome in outcomes])
    return replace(merged, stopped=fleet.stopped or merged.stopped)


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


def _checked(timeout_s: float, workers: int, connections: int | None) -> None:
    if not 0 < timeout_s <= 86_400:  # noqa: PLR2004  (a day)
        raise UsageError(f"A time limit of {timeout_s:g} s is not possible.", hint="Give more than 0 s.")
    if not 1 <= workers <= _MAX_WORKERS:
        raise UsageError(f"{workers} workers are not possible.", hint="Give one for each core.")
    if connections is not None and connections < 1:
        raise UsageError(f"{connections} connections are not possible.", hint="Give at least 1.")

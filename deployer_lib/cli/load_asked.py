"""What ``deployer load`` was asked for, read and judged before anything is sent."""

from __future__ import annotations

import ipaddress
import math
import os
import socket
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import Effect
from deployer_lib.errors import UsageError
from deployer_lib.guard import Guard, host_key
from deployer_lib.load.mix import Mix, read_mix
from deployer_lib.load.plan import MAX_REQUESTS, Plan, closed, constant, poisson, stages
from deployer_lib.load.requests import RequestSpec
from deployer_lib.load.wording import duration_s, expected, header, rate_per_s, url_parts
from deployer_lib.load.wording import stages as read_stages

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = [
    "CEILING",
    "Asked",
    "Shape",
    "arrivals",
    "at_most",
    "body_of",
    "check_export",
    "host_of",
    "mix_of",
    "plan_of",
    "spec_of",
    "words_of",
]

#: Requests that a load without ``--requests`` may send at most.
CEILING: Final = MAX_REQUESTS
_DURATION_S: Final = 30.0
_NAME: Final = "deployer load"
_MAX_BODY_BYTES: Final = 64_000_000


@dataclass(frozen=True, slots=True)
class Shape:
    """The options that say how much load there is, as they were typed; empty or None: not given."""

    rate: str = ""
    connections: int | None = None
    stages: str = ""
    duration: str = ""
    requests: int | None = None
    poisson: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom a load hits."""

    scheme: str
    host: str
    port: int
    addresses: tuple[str, ...]  # that the host's name resolves to

    @property
    def here(self) -> bool:
        """Tell whether it is this machine, by its loopback addresses alone."""
        return all(ipaddress.ip_address(address).is_loopback for address in self.addresses)

    def guard(self, *, writes: bool, protected: frozenset[tuple[str, int]] = frozenset()) -> Guard:
        """Return a guard that allows load on this host alone; data in it only where a request writes.

        Args:
            writes: whether one does.
            protected: addresses that are refused, whatever name leads there.
        """
        effects = {Effect.OBSERVE, Effect.STRESS, *([Effect.WRITE] if writes else [])}
        hosts = {(self.host, self.port)}
        return Guard(
            _NAME,
            frozenset(effects),
            hosts,
            max_requests=CEILING,
            max_writes=CEILING,
            protected_addresses=protected,
        )


def host_of(url: str) -> Asked:
    """Return whom a URL means.

    Raises:
        UsageError: it is no URL, or its host does not resolve.
    """
    parts = url_parts(url)
    host, port = host_key(parts.scheme, parts.hostname or "", parts.port)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"The host {host} does not resolve: {said}.",
            hint="Look for a typing mistake, or give its address.",
        ) from None
    addresses = dict.fromkeys(str(info[4][0]).partition("%")[0] for info in found)
    return Asked(parts.scheme, host, port, tuple(addresses))


def plan_of(shape: Shape) -> Plan:
    """Return the plan that the options describe.

    Raises:
        UsageError: they describe none, or two.
    """
    if shape.requests is not None and shape.requests < 1:
        raise UsageError(f"--requests {shape.requests} sends nothing.", hint="Give at least 1.")
    if shape.rate and shape.stages:
        raise UsageError("--rate and --stages contradict each other.", hint="Give one of them.")
    if shape.poisson and not shape.rate:
        raise UsageError("--poisson needs a rate.", hint="For example --rate 100 --poisson --seed 7.")
    if shape.stages:
        if shape.duration or shape.requests:
            raise UsageError("Stages have their own durations.", hint="Leave --duration and --requests out.")
        return stages(read_stages(shape.stages))
    if shape.rate:
        rate = rate_per_s(shape.rate)
        return arrivals(shape)(rate, _length_s(shape, rate))
    if shape.connections is None and shape.requests is None:
        raise UsageError(
            "It was not said how much load there shall be.",
            hint='Give --rate 100, --connections 10, --stages "10:5s,100:20s" or --find-knee.',
        )
    length_s = duration_s(shape.duration) if shape.duration else None if shape.requests else _DURATION_S
    connections = 1 if shape.connections is None else shape.connections
    return closed(connections, duration_s=length_s, requests=shape.requests)


def _length_s(shape: Shape, rate: float) -> float:
    """Return how long a rate lasts: its duration, or until so many requests were due, whichever comes first."""
    by_count = shape.requests / rate if shape.requests and rate > 0 else math.inf
    by_time = duration_s(shape.duration) if shape.duration else math.inf if shape.requests else _DURATION_S
    return min(by_count, by_time) if min(by_count, by_time) < math.inf else _DURATION_S


def arrivals(shape: Shape) -> Callable[[float, float], Plan]:
    """Return what makes a plan of a rate per second and a length in seconds: even, or by chance."""
    return partial(poisson, seed=shape.seed) if shape.poisson else constant


def words_of(shape: Shape) -> str:
    """Return the load in a few words, for the document."""
    if shape.stages:
        return f"stages {shape.stages}"
    length = shape.duration or ("" if shape.requests else f"{_DURATION_S:.0f}s")
    parts = [f"{shape.rate}/s" if shape.rate.replace(".", "").isdigit() else shape.rate] if shape.rate else []
    parts += ["by chance"] * shape.poisson
    if shape.connections or not shape.rate:
        count = shape.connections or 1
        parts.append(f"{count} connection{'s' if count != 1 else ''}")
    parts += [f"{shape.requests} requests"] if shape.requests else []
    return ", ".join([*parts, *([f"for {length}"] if length else [])])


def at_most(plan: Plan) -> int:
    """Return how many requests a plan can send."""
    return min(CEILING, plan.requests or CEILING)


def spec_of(url: str, method: str, headers: Sequence[str], body: bytes, expect: Sequence[str]) -> RequestSpec:
    """Return the request that is sent again and again.

    Raises:
        UsageError: the method, a header or an expectation is none.
    """
    parts = url_parts(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    wanted = expected(expect)
    return RequestSpec(
        method=(method or ("POST" if body else "GET")).upper(),
        path=path,
        headers=dict(header(text) for text in headers),
        body=body,
        expect=wanted.statuses,
        contains=wanted.contains,
    )


def mix_of(
    url: str, file: Path | None, method: str, headers: Sequence[str], body: bytes, expect: Sequence[str]
) -> Mix:
    """Return what is sent: the requests of a file, or the one of the options.

    Raises:
        UsageError: something in it is not possible, or options contradict each other.
    """
    if file is None:
        spec = spec_of(url, method, headers, body, expect)
        return Mix((spec,), (f"{spec.method} {spec.path}",))
    if method or body:
        raise UsageError(
            "--mix says what is sent, and so do --method, --body and --body-file.",
            hint="Write method and body into the file.",
        )
    parts = url_parts(url)
    if parts.query:
        raise UsageError("With --mix the URL has no query.", hint="Write it into the file's paths.")
    shared = dict(header(text) for text in headers)
    RequestSpec(headers=shared)
    return read_mix(file, below=parts.path, headers=shared, expect=expected(expect))


def body_of(text: str, file: Path | None) -> bytes:
    """Return the body of the options.

    Raises:
        UsageError: two are given, or the file cannot be read or is too large to be sent again and again.
    """
    if file is None:
        return text.encode("utf-8", "surrogateescape")
    if text:
        raise UsageError("--body and --body-file contradict each other.", hint="Give one of them.")
    try:
        with file.open("rb") as stream:
            body = stream.read(_MAX_BODY_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.", hint="Give a file.") from None
    if len(body) > _MAX_BODY_BYTES:
        raise UsageError(
            f"{file} is larger than {_MAX_BODY_BYTES // 1_000_000} MB.", hint="Give a smaller body."
        )
    return body


def check_export(path: Path | None) -> None:
    """Refuse a file that could not be written after the load.

    Raises:
        UsageError: it is a folder, its folder is missing, or it may not be written to.
    """
    if path is None:
        return
    folder = path.resolve().parent
    device = path.exists() and not path.is_file()
    if path.is_dir() or not folder.is_dir() or not os.access(path if device else folder, os.W_OK):
        raise UsageError(f"{path} cannot be written.", hint="Give a file in a folder that is there.")

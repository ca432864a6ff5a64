"""What one process of a load test is to do, and what it tells meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.load.plan import MAX_REQUESTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deployer_lib.load.connection import Address, Tls
    from deployer_lib.load.plan import Plan
    from deployer_lib.load.requests import RequestSpec

__all__ = ["BEHIND", "CEILING", "FAILING", "FULL", "INTERRUPTED", "Job", "Progress"]

#: Why a test ended before its plan did.
INTERRUPTED: Final = "interrupted"
FAILING: Final = "more than 5 % of requests failed for 2 s"
FULL: Final = f"{MAX_REQUESTS:,} requests are as many as can be kept"
BEHIND: Final = "the generator could not keep up with the plan"
CEILING: Final = "the guard's ceiling on requests was reached"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a test is."""

    elapsed_s: float
    sent: int  # requests so far
    done: int  # of all that were due, ended in whatever way
    errors: int  # of these, badly; 429 is none
    in_flight: int

    @classmethod
    def together(cls, parts: Sequence[Progress]) -> Progress:
        """Return how far several processes are, of which there is at least one."""
        return cls(
            max(part.elapsed_s for part in parts),
            sum(part.sent for part in parts),
            sum(part.done for part in parts),
            sum(part.errors for part in parts),
            sum(part.in_flight for part in parts),
        )


@dataclass(frozen=True, slots=True)
class Job:
    """What one process is to do."""

    address: Address
    host: str  # of the Host header
    plan: Plan  # its own share
    mix: tuple[RequestSpec, ...]
    connections: int  # at most so many at a time
    timeout_ns: int  # for one answer
    keep_alive: bool = True  # else each request opens a connection
    expect_errors: bool = False  # go on whatever share of requests fails
    tls: Tls | None = None
    agent: str = "Deployer/0.1 (load)"
    seed: int = 0
    first: int = 0  # number of its first request in the whole test …
    step: int = 1  # … and how far its numbers lie apart

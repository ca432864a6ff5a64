"""What a server that does nothing is measured with: the share of every response time that is no target's doing.

Sending, receiving and waking up take their time whoever answers, on loopback some tenths of a millisecond. Where a target's
median is not far above that, the measurement says little about it, and a reader should know. So after a load whose median is below
a millisecond, and only then, a server that does nothing is asked the way the target was, for less than half a second.

It errs on the target's side: the least of several medians counts, since whatever disturbs this machine meanwhile makes times
longer, never shorter; and it is asked at most as hard as the target was, so that it is never its own queue that is measured.
"""

from __future__ import annotations

import select
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, cast

import numpy as np

from deployer_lib.catalogue import Effect
from deployer_lib.errors import DeployerError
from deployer_lib.guard import Guard
from deployer_lib.load import null_server, outcomes
from deployer_lib.load.plan import closed, constant
from deployer_lib.load.running import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployer_lib.load.columns import Columns
    from deployer_lib.load.plan import Plan

__all__ = ["floor_ms"]

#: A target with a higher median is far above whatever a server that does nothing is measured with.
_MATTERS_MS: Final = 1.0
#: Times are the longer the more rarely a machine is woken: below, it is asked more often than the target was, above, less.
_RATES_PER_S: Final = (100.0, 2_000.0)
_OPEN_S: Final = 0.4
_CLOSED_S: Final = 0.25
_PARTS: Final = 5  # each with a median of its own
_FEWEST: Final = 5 * _PARTS  # requests, else their medians say nothing
_START_S: Final = 2.0
_PROGRAM: Final = Path(null_server.__file__)


def floor_ms(columns: Columns, plan: Plan) -> float | None:
    """Return the median response time of a server that does nothing, in milliseconds; None: not measured.

    That is where it cannot matter (the target's median is a millisecond or more, or unknown), where the load was stopped or came
    from a cluster's workers, and where it does not succeed. It takes no part of the target's ceilings, and at most half a
    second, or 2 s where the machine is so busy that the server does not start.

    Args:
        columns: what the target was measured with.
        plan: the target's.
    """
    if columns.stopped or columns.shares or not _may_matter(columns):
        return None
    try:
        with _null_server() as port:
            host = ("127.0.0.1", port)
            like = _like(columns, plan)
            guard = Guard("null server", frozenset({Effect.STRESS}), {host})
            return _least_median_ms(run(f"http://127.0.0.1:{port}/", like, guard=guard, timeout_s=_START_S))
    except (DeployerError, OSError):  # no descriptors, no processes: the target was measured all the same
        return None


def _may_matter(columns: Columns) -> bool:
    response_ns = outcomes.response_ns(columns, outcomes.timed(columns))
    return len(response_ns) > 0 and float(np.median(response_ns)) < _MATTERS_MS * 1e6


def _like(columns: Columns, plan: Plan) -> Plan:
    """Return a short plan like the target's that never asks harder.

    More connections of a closed loop would wait for each other in the generator, which is busy then and says so itself.
    """
    if plan.mode == "closed":
        return closed(1, duration_s=_CLOSED_S)
    lasted_s = float(np.ptp(columns.intended_ns)) / 1e9
    rate = (len(columns) - 1) / lasted_s if lasted_s else 0.0
    return constant(float(np.clip(rate, *_RATES_PER_S)), _OPEN_S)


def _least_median_ms(columns: Columns) -> float | None:
    if columns.stopped or len(columns) < _FEWEST or not outcomes.answered(columns).all():
        return None
    response_ns = columns.done_ns - columns.intended_ns
    return min(float(np.median(part)) for part in np.array_split(response_ns, _PARTS)) / 1e6


@contextmanager
def _null_server() -> Iterator[int]:
    """Run one and yield its port; it ends with the block.

    Raises:
        OSError: it cannot be started, or is not up within two seconds.
    """
    with subprocess.Popen(
        [sys.executable, "-I", "-S", str(_PROGRAM)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            out = cast("IO[bytes]", process.stdout)
            line = out.readline() if select.select([out], [], [], _START_S)[0] else b""
            if not line:
                raise OSError("the null server did not start")
            yield int(line)
        finally:
            process.kill()

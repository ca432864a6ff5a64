"""Load: requests under a plan, their raw columns, and every view derived from them.

``load.run(url, load.constant(100, 30), guard=guard)`` carries a plan out and returns a
:class:`~deployer_lib.load.result.LoadResult`; the plans' makers stand in :mod:`~deployer_lib.load.plan`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from deployer_lib.late import names_of_package

if TYPE_CHECKING:
    from deployer_lib.guard import Guard
    from deployer_lib.load.gates import judge
    from deployer_lib.load.plan import Plan, closed, constant, poisson, ramp, spike, stages
    from deployer_lib.load.requests import RequestSpec
    from deployer_lib.load.result import LoadResult

__all__ = [
    "LoadResult",
    "Plan",
    "RequestSpec",
    "closed",
    "constant",
    "judge",
    "poisson",
    "ramp",
    "run",
    "spike",
    "stages",
]

#: Name → module; imported when first asked for, since numpy takes a tenth of a second.
_HOMES: Final = {
    "LoadResult": "result",
    "RequestSpec": "requests",
    "judge": "gates",
    **dict.fromkeys(("Plan", "closed", "constant", "poisson", "ramp", "spike", "stages"), "plan"),
}


def run(target: str, plan: Plan, *, guard: Guard, **options: Any) -> LoadResult:  # noqa: ANN401  (running.run has their types)
    """Carry out a plan against a target, through the guard, and return what was measured.

    Args:
        target: URL, http or https.
        plan: what to send, and when.
        guard: is asked for every request; the effect stress must be allowed.
        options: mix, connections, keep_alive, timeout_s, workers, scheduler, expect_errors, ca, insecure, progress,
            seed, as :func:`deployer_lib.load.running.run` has them.

    Raises:
        UsageError: something asked for is not possible.
        NotAllowed: the guard refused the effect, the host or its address.
        RequestFailed: the name does not resolve.
        Unavailable: this is not Linux.
    """
    from deployer_lib.load.floor import floor_ms  # noqa: PLC0415  (numpy, only where there is load)
    from deployer_lib.load.result import LoadResult as Result  # noqa: PLC0415
    from deployer_lib.load.running import run as measured  # noqa: PLC0415

    columns = measured(target, plan, guard=guard, **options)
    return Result(columns, floor_ms=floor_ms(columns, plan))


__getattr__ = names_of_package(__name__, _HOMES)

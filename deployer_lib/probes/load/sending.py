"""Send a load test's requests to the declared path: through the guard, after a warm-up, with a bar that shows how far it is.

Every test of a phase begins in the same way (:func:`load_probe`); what it measures is judged elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from deployer_lib.app.serving import watching
from deployer_lib.check import Code, Fix, Result, Skip, errored, failed, skipped
from deployer_lib.load.floor import floor_ms
from deployer_lib.load.job import INTERRUPTED
from deployer_lib.load.requests import RequestSpec
from deployer_lib.load.result import LoadResult
from deployer_lib.load.running import run
from deployer_lib.probes.asking import not_declared, token_of
from deployer_lib.probes.context import probe
from deployer_lib.probes.load.words import DOCS, bar
from deployer_lib.probes.patience import patiently
from deployer_lib.probes.sources import sources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from deployer_lib.load.columns import Columns
    from deployer_lib.load.plan import Plan
    from deployer_lib.parameters.model import Load
    from deployer_lib.probes.context import Context, Probe

__all__ = ["WARM_UP", "Asker", "load_probe"]

#: Requests that are not counted: first connections, imports and caches are no daily fare.
WARM_UP: Final = 5
_TOO_MANY: Final = 429
_RIGHT: Final = range(200, 300)  # where nothing else is declared


@dataclass(frozen=True, slots=True)
class Asker:
    """The declared path, ready to be asked under any plan."""

    ctx: Context
    load: Load
    spec: RequestSpec

    def measured(self, plan: Plan, label: str, connections: int | None = None) -> LoadResult:
        """Carry out a plan and return what was measured; a bar shows how far it is.

        Args:
            plan: what to send, and when.
            label: the same in words.
            connections: at most so many at a time; None: as the plan says.

        Raises:
            KeyboardInterrupt: somebody ended it.
            NotAllowed: by the guard.
        """
        total_s = plan.duration_ns / 1e9
        where = urlsplit(self.ctx.http.base_url)
        with watching(where.hostname or "", where.port or 0) as seen:
            columns = self.columns(
                plan,
                connections=connections,
                show=lambda progress: bar(progress, total_s, plan.requests, label),
            )
        asked = [f"{self.spec.method} {self.spec.path}"]
        return LoadResult(columns, label, asked, floor_ms(columns, plan), resources=seen())

    def columns(
        self,
        plan: Plan,
        *,
        connections: int | None,
        timeout_s: float = 10.0,
        show: Callable[..., str] | None = None,
    ) -> Columns:
        """Carry out a plan and return the raw columns.

        Raises:
            KeyboardInterrupt: somebody ended it.
            NotAllowed: by the guard.
        """
        ctx = self.ctx
        columns = run(
            ctx.http.base_url,
            plan,
            guard=ctx.guard,
            mix=(self.spec,),
            connections=connections,
            timeout_s=timeout_s,
            progress=(lambda progress: ctx.progress(show(progress))) if show else None,
        )
        if columns.stopped == INTERRUPTED:
            raise KeyboardInterrupt
        return columns


def load_probe(check_id: str) -> Callable[[Callable[[Asker], Iterable[Result]]], Probe]:
    """Register a function as the probe of a check; it gets the declared path, warmed up, once that can be asked.

    Raises:
        ValueError: the id has a probe already.
    """

    def register(function: Callable[[Asker], Iterable[Result]]) -> Probe:
        @probe(check_id)
        @wraps(function)
        def begun(ctx: Context) -> Iterable[Result]:
            asker = _opened(ctx, check_id)
            return [asker] if isinstance(asker, Result) else function(asker)

        return begun

    return register


def _opened(ctx: Context, check: str) -> Asker | Result:
    """Return what sends to the declared path, warmed up; or why there is nothing to be measured."""
    load = ctx.parameters.health.load
    if load is None:
        return skipped(Skip.UNAVAILABLE, not_declared("health.load", check))
    headers = dict(ctx.http.identity)
    if load.auth:
        token, auth = token_of(ctx), ctx.parameters.smoke.auth
        if token is None or auth is None:
            return errored("health.load.auth is true, and there is no token: smoke.auth is missing or fails.")
        headers["authorization"] = f"{auth.scheme} {token}".strip()
    ctx.progress(f"warming up with {WARM_UP} requests to {load.path}")
    right = frozenset(load.statuses or _RIGHT)

    def asked() -> int:
        return ctx.http.get(load.path, headers=headers).status

    first = patiently(ctx, lambda: ctx.http.get(load.path, headers=headers)).status
    statuses = [first, *(asked() for _ in range(WARM_UP - 1))]
    if not right.issuperset(statuses):
        return _cold(ctx, load, statuses)
    spec = RequestSpec(
        path=urlsplit(ctx.http.base_url).path.rstrip("/") + load.path,
        headers=headers,
        expect=right,
        contains=load.contains.encode() or None,
    )
    return Asker(ctx, load, spec)


def _cold(ctx: Context, load: Load, statuses: list[int]) -> Result:
    if _TOO_MANY in statuses:
        return errored(
            f"GET {load.path} answered 429 while warming up: the rate limit was still in force, nothing was measured.",
            root_cause="An earlier check, or somebody else, had used up the limit.",
            statuses=list(statuses),
        )
    wanted = ", ".join(map(str, load.statuses)) or "2xx"
    return failed(
        f"GET {load.path} answered {statuses} before any load was put on it, and {wanted} is right.",
        root_cause="The path fails, redirects or asks for a log-in where a plain GET request comes.",
        impact="How fast the application answers its users is not known.",
        fix=Fix(
            (
                f"Mend the path, or name one that answers {wanted}; with auth: true the log-in's token is sent along.",
            ),
            (
                Code(
                    "parameters/<environment>.yaml",
                    "health:\n  load:\n    path: /products\n    auth: true\n",
                    language="yaml",
                ),
            ),
            DOCS,
            10,
        ),
        locations=sources(ctx).route(load.path),
        statuses=list(statuses),
    )

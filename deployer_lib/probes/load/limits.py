"""The search for the limits: how many connections are answered, and the highest rate that keeps an objective (F10, level deep)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from deployer_lib.charts import rates, staircase
from deployer_lib.check import Code, Fix, Result, errored, failed, passed
from deployer_lib.load import outcomes
from deployer_lib.load.knee import find_knee
from deployer_lib.load.plan import constant
from deployer_lib.load.steps import after_warm_up, open_step
from deployer_lib.probes.context import show
from deployer_lib.probes.load.sending import Asker, load_probe
from deployer_lib.probes.load.words import DOCS
from deployer_lib.probes.sources import sources

if TYPE_CHECKING:
    from collections.abc import Iterable

    from deployer_lib.check import JSONValue
    from deployer_lib.load.columns import Columns
    from deployer_lib.load.knee import Knee
    from deployer_lib.load.plan import Plan
    from deployer_lib.parameters.model import Load
    from deployer_lib.probes.context import Context

__all__ = ["load_limits"]

_WARM_UP_S: Final = 0.5
_RATE_S: Final = 4.0  # that a rate which is asked for must be kept
_TIMEOUT_S: Final = 10.0


@dataclass(slots=True)
class _Engine:
    """Carry out the steps of a search, and count what a rate limit refused."""

    asker: Asker
    throttled: int = field(default=0, init=False)

    def __call__(self, plan: Plan, *, connections: int, timeout_s: float) -> Columns:
        columns = self.asker.columns(plan, connections=connections, timeout_s=timeout_s)
        self.throttled += int(outcomes.throttled(columns).sum())
        return columns


@load_probe("health.load_limits")
def load_limits(asker: Asker) -> Iterable[Result]:
    """Raise connections, then the rate, until the application stops keeping up; hold what was found against what is asked."""
    ctx = asker.ctx
    wanted = asker.load.limits
    engine = _Engine(asker)
    needed = wanted.min_connections or asker.load.sustained.concurrent
    knee = find_knee(
        engine,
        wanted.slo,
        most_connections=max(wanted.max_connections, needed),
        budget_s=wanted.budget_s,
        progress=lambda text: ctx.progress(f"looking for the limits: {text}"),
    )
    if knee.interrupted:
        raise KeyboardInterrupt
    knee = _with_the_rate(ctx, asker.load, knee, engine)
    if any(step.mode == "closed" for step in knee.steps):
        show(ctx, staircase(knee))
    if any(step.mode == "open" for step in knee.steps):
        show(ctx, rates(knee))
    yield _judged(ctx, asker.load, knee, needed, engine.throttled).observing(_evidence(knee))


def _with_the_rate(ctx: Context, load: Load, knee: Knee, engine: _Engine) -> Knee:
    """Put the rate that is asked of the application on it where the search ended without an answer to that."""
    rate, answered = load.limits.min_rate_per_s, _answered(knee)
    if rate is None or knee.findings or not answered or (knee.max_rate_per_s or 0.0) >= rate:
        return knee
    if knee.above_per_s is not None and knee.above_per_s <= rate:
        return knee
    ctx.progress(f"looking for the limits: {rate:,.0f} requests a second, which are asked of it")
    columns = engine(constant(rate, _WARM_UP_S + _RATE_S), connections=answered, timeout_s=_TIMEOUT_S)
    step = open_step(after_warm_up(columns, _WARM_UP_S), rate, answered, load.limits.slo)
    return replace(
        knee,
        steps=(*knee.steps, step),
        max_rate_per_s=rate if step.kept else knee.max_rate_per_s,
        above_per_s=rate if step.kept is False else knee.above_per_s,
    )


def _judged(ctx: Context, load: Load, knee: Knee, needed: int, throttled: int) -> Result:
    if throttled:
        return errored(
            f"{throttled:,} requests were answered 429: the rate limit was found, not the application's limits.",
            root_cause="The rate limit counts the load test's address. Let it pass in this environment.",
        )
    if missed := [*knee.findings, *_missed(load, knee, needed)]:
        return _finding(ctx, load, missed)
    if untold := _untold(load, knee, needed):
        return errored(" ".join([untold, *knee.reasons]))
    return passed(" ".join([f"{load.path}: {_connections(knee)}, {_rate(knee)}.", *knee.reasons]))


def _missed(load: Load, knee: Knee, needed: int) -> list[str]:
    missed = []
    cliff, rate = knee.connections_cliff, load.limits.min_rate_per_s
    if knee.cliff == "unresponsive" and cliff is not None and cliff <= needed:
        missed.append(
            f"It stops answering at {cliff} connections, and {needed} are asked of it. {knee.cliff_why}"
        )
    if rate is not None and knee.above_per_s is not None and knee.above_per_s <= rate:
        missed.append(
            f"{rate:,.0f} requests a second are asked of it, and it does not keep them: {_rate(knee)}."
        )
    return missed


def _untold(load: Load, knee: Knee, needed: int) -> str:
    """Return what is asked of the application and was not reached by the search; empty where nothing is open."""
    answered = _answered(knee)
    if answered < needed:
        return f"{needed} connections are asked of it, and no more than {answered} were tried."
    rate = load.limits.min_rate_per_s
    if rate is not None and (knee.max_rate_per_s or 0.0) < rate:
        return f"{rate:,.0f} requests a second are asked of it, and the search came to {_rate(knee)}."
    if knee.max_rate_per_s is None:
        return "No rate was found that it keeps."
    return ""


def _answered(knee: Knee) -> int:
    """Return the most connections that were all answered."""
    return max((step.connections for step in knee.steps if step.mode == "closed" and step.kept), default=0)


def _connections(knee: Knee) -> str:
    if knee.cliff == "unresponsive":
        return f"stops answering at {knee.connections_cliff} connections"
    most = max((step.connections for step in knee.steps if step.mode == "closed"), default=0)
    if knee.cliff == "levels off":
        return (
            f"answers {most} connections, and its throughput levels off at {knee.connections_cliff} at a time"
        )
    return f"answers {most} connections, and its throughput still rises there"


def _rate(knee: Knee) -> str:
    if knee.max_rate_per_s is None:
        return "no rate is kept"
    wish = f" with {knee.objective}"
    if knee.above_per_s is None:
        return f"at least {knee.max_rate_per_s:,.0f} requests a second are kept{wish}"
    return f"{knee.max_rate_per_s:,.0f} requests a second are kept{wish}, {knee.above_per_s:,.0f} are not"


def _finding(ctx: Context, load: Load, missed: list[str]) -> Result:
    again = f'deployer load {ctx.http.base_url}{load.path} --find-knee --slo "{load.limits.slo}"'
    return failed(
        " ".join(missed),
        root_cause="Something that every request needs is used up: connections that are accepted, workers, a pool, a lock, "
        "or the processor. The staircase shows whether answers end at once or throughput levels off before.",
        impact="Beyond this, users get no answer, those who were served before included.",
        fix=Fix(
            (
                "See what is used up at that step: accepted connections, workers, database pool, descriptors, processor.",
                "Raise that limit, or make requests shorter; refuse early (503 with Retry-After) what cannot be served.",
                f"Look for the limits again with: {again}",
            ),
            (Code("terminal", again, language="sh"),),
            DOCS,
            180,
        ),
        locations=sources(ctx).route(load.path),
    )


def _evidence(knee: Knee) -> dict[str, JSONValue]:
    steps: list[JSONValue] = [
        {
            "mode": step.mode,
            "connections": step.connections,
            "rate_per_s": None if step.rate_per_s is None else round(step.rate_per_s, 1),
            "throughput_per_s": round(step.throughput_per_s, 1),
            "p95_ms": round(step.response_ms.p95, 2) if step.response_ms else None,
            "errors": step.errors,
            "kept": step.kept,
            "why": step.why,
        }
        for step in knee.steps
    ]
    return {**knee.to_json(), "steps": steps}

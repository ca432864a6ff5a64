"""Does the application notice a lost database, and does it stay alive meanwhile? Seen on a diagnostic copy only."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import Severity
from deployer_lib.check import Provenance, Skip, errored, failed, passed, skipped
from deployer_lib.errors import RequestFailed
from deployer_lib.probes.asking import ask, judge, not_declared
from deployer_lib.probes.context import probe
from deployer_lib.probes.printed import shown_output
from deployer_lib.probes.smoke import database_endpoint, health_endpoint, unwell
from deployer_lib.probes.sources import fix_for, sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from deployer_lib.app.target import RunningCopy
    from deployer_lib.check import Result
    from deployer_lib.parameters.model import Endpoint
    from deployer_lib.probes.context import Context

__all__ = ["readiness"]

_NOTICE_S: Final = 5.0  # within which a lost database must show
_INTERVAL_S: Final = 0.2
_OUTPUT_CHARACTERS: Final = 2_000  # of a copy that did not come up
_TIMEOUT_S: Final = 6.0  # of one request; longer than _NOTICE_S, so that a late answer is seen as late


@dataclass(frozen=True, slots=True)
class _Seen:
    """What an endpoint of the copy answered."""

    well: bool
    what: str  # "200", "503", "timeout"
    elapsed_ms: float


@probe("smoke.readiness")
def readiness(ctx: Context) -> Iterable[Result]:
    """Take the database away from a copy: its endpoint must stop saying that all is well, and liveness go on."""
    database = ctx.parameters.smoke.database
    endpoint = database_endpoint(ctx)
    if database is None or endpoint is None:
        yield skipped(Skip.UNAVAILABLE, not_declared("smoke.database", "smoke.readiness"))
        return
    if not database.readiness:
        yield skipped(Skip.NOT_APPLICABLE, "smoke.database.readiness is false.")
        return
    ctx.progress("starting a copy of the application to take its database away")
    with ctx.target.copy("readiness", {}) as copy:
        for result in _experiment(ctx, copy, endpoint):
            yield replace(result, provenance=Provenance.DIAGNOSTIC)


def _experiment(ctx: Context, copy: RunningCopy, endpoint: Endpoint) -> Iterator[Result]:
    live = health_endpoint(ctx)
    if not copy.wait_ready(ctx.parameters.deploy.ready.within_s):
        yield errored(
            "The copy did not become ready, so nothing was tried on it.",
            subject=endpoint.path,
            root_cause="A copy gets another port and a copied database; its output says what it missed.",
            output=shown_output(ctx, copy.output(), _OUTPUT_CHARACTERS),
        )
        return
    before, alive = _look(ctx, copy, endpoint), _look(ctx, copy, live)
    if not (before.well and alive.well):
        yield errored(
            f"Even with its database the copy answered {before.what} at {endpoint.path} and {alive.what} at {live.path}.",
            subject=endpoint.path,
            before=before.what,
            alive=alive.what,
        )
        return
    copy.lose_database()
    ctx.progress(f"the copy has lost its database; asking {endpoint.path}")
    seen, after_s = _until_unwell(ctx, copy, endpoint)
    yield _noticed(ctx, endpoint, before, seen, after_s)
    if live.path != endpoint.path:
        yield _liveness(ctx, live, _look(ctx, copy, live))


def _look(ctx: Context, copy: RunningCopy, endpoint: Endpoint) -> _Seen:
    started = time.monotonic()
    try:
        answer = ask(ctx, endpoint, base_url=copy.base_url, timeout_s=_TIMEOUT_S, patient=False)
    except RequestFailed as failure:
        return _Seen(well=False, what=failure.kind, elapsed_ms=(time.monotonic() - started) * 1e3)
    well = judge(endpoint, answer).right and not unwell(answer, endpoint.expect)
    return _Seen(well, str(answer.status), answer.elapsed_ms)


def _until_unwell(ctx: Context, copy: RunningCopy, endpoint: Endpoint) -> tuple[_Seen, float]:
    """Ask until the endpoint stops saying that all is well, or the time is over."""
    started = time.monotonic()
    while True:
        seen = _look(ctx, copy, endpoint)
        after_s = time.monotonic() - started
        if not seen.well or after_s >= _NOTICE_S:
            return seen, after_s
        time.sleep(_INTERVAL_S)


def _noticed(ctx: Context, endpoint: Endpoint, before: _Seen, seen: _Seen, after_s: float) -> Result:
    if not seen.well and seen.what.isdigit() and after_s <= _NOTICE_S:
        return passed(
            f"{endpoint.path} answered {seen.what} {after_s:.1f} s after the database was gone.",
            subject=endpoint.path,
            before=before.what,
            after=seen.what,
            after_s=round(after_s, 2),
        )
    places = sources(ctx).route(endpoint.path)
    if seen.well:
        message = (
            f"{endpoint.path} went on answering {seen.what} for {after_s:.1f} s after the database was gone."
        )
        cause = "The endpoint does not ask the database each time: it answers a constant, or a cached result."
        impact = "Traffic keeps coming to instances that cannot serve it, and no monitor notices an outage."
    else:
        late = f"only after {after_s:.1f} s" if seen.what.isdigit() else f"with no answer ({seen.what})"
        message = f"{endpoint.path} reacted to a lost database {late}."
        cause = "The query has no time limit, or its error is not caught."
        impact = "Probes pile up behind a hanging endpoint, and the orchestrator kills what it should only take out."
    return failed(
        message,
        subject=endpoint.path,
        root_cause=cause,
        impact=impact,
        fix=fix_for(
            ctx,
            "database_ready",
            "Run a query with a time limit of 2 s at each request and answer 503 when it fails.",
            minutes=20,
            at=places,
            path=endpoint.path,
        ),
        locations=places,
        before=before.what,
        after=seen.what,
        after_s=round(after_s, 2),
    )


def _liveness(ctx: Context, live: Endpoint, seen: _Seen) -> Result:
    if seen.well:
        return passed(
            f"{live.path} went on answering {seen.what} without the database.",
            subject=live.path,
            after=seen.what,
            elapsed_ms=round(seen.elapsed_ms, 1),
        )
    places = sources(ctx).route(live.path)
    return failed(
        f"{live.path} answered {seen.what} without the database; liveness must not depend on it.",
        subject=live.path,
        severity=Severity.HIGH,
        root_cause="The liveness endpoint asks the database too, or the process ended with it.",
        impact="A short outage of the database makes the orchestrator restart every instance, and start-up needs it.",
        fix=fix_for(
            ctx,
            "health",
            "Let liveness say only that the process answers; leave the database to readiness.",
            minutes=15,
            at=places,
            path=live.path,
        ),
        locations=places,
        after=seen.what,
    )

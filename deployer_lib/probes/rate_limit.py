"""Are too many requests answered 429 in the end, with word on when to come back, and only then?"""

from __future__ import annotations

import math
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import Severity
from deployer_lib.check import Skip, errored, failed, passed, skipped
from deployer_lib.errors import RequestFailed
from deployer_lib.probes.asking import (
    ask,
    judge,
    name_of,
    not_declared,
    retry_after_s,
    token_of,
    wait_out,
)
from deployer_lib.probes.context import probe
from deployer_lib.probes.smoke import health_endpoint
from deployer_lib.probes.sources import fix_for, sources

if TYPE_CHECKING:
    from collections.abc import Iterable

    from deployer_lib.app.http import Answer
    from deployer_lib.check import JSONValue, Location, Result
    from deployer_lib.parameters.model import RateLimit
    from deployer_lib.probes.context import Context

__all__ = ["rate_limit"]

_TOO_MANY: Final = 429
_BEYOND: Final = 1.2  # how far beyond the limit is asked
_AT_ONCE: Final = 8  # requests at a time: a slow path to the target must not outlast the limit's window
_WAITED_S: Final = 10.0  # a quick check does not wait longer to see the limit end
_SANE_S: Final = 86_400  # beyond a day, nobody waits


@dataclass(slots=True)
class _Burst:
    """What a burst of requests was answered."""

    by_status: Counter[int] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    refusal: Answer | None = None
    duration_s: float = 0.0

    @property
    def sent(self) -> int:
        """Return how many requests were sent."""
        return self.by_status.total() + self.failures.total()

    def counts(self) -> dict[str, JSONValue]:
        """Return the counts as evidence."""
        return {
            "sent": self.sent,
            "by_status": {str(k): v for k, v in sorted(self.by_status.items())},
            "failures": dict(self.failures),
            "let_pass": self.sent - self.by_status[_TOO_MANY],
            "duration_s": round(self.duration_s, 2),
        }


@probe("smoke.rate_limit")
def rate_limit(ctx: Context) -> Iterable[Result]:
    """Repeat a request up to a fifth beyond its limit; health must go on answering, and the limit must end again."""
    declared = ctx.parameters.smoke.rate_limit
    if declared is None:
        yield skipped(Skip.UNAVAILABLE, not_declared("smoke.rate_limit", "smoke.rate_limit"))
        return
    token = token_of(ctx) if declared.request.auth else None
    control = ask(ctx, declared.request, token=token)  # waits where other checks have used the limit up
    if not judge(declared.request, control).right:
        yield errored(
            f"The first request was answered {control.status}, not as declared, so a limit could not be seen to begin.",
            subject=name_of(declared.request),
            answer=control.observed(),
        )
        return
    burst = _burst(ctx, declared, token)
    burst.by_status[control.status] += 1
    yield _judged(ctx, declared, burst)
    if burst.refusal is not None:
        yield _health(ctx)
        if declared.expect_retry_after:
            yield _retry_after(ctx, declared, burst.refusal, token)


def _burst(ctx: Context, declared: RateLimit, token: str | None) -> _Burst:
    most = max(math.ceil(declared.limit * _BEYOND), declared.limit + 2)
    burst, started = _Burst(), time.monotonic()
    ctx.progress(f"sending up to {most} requests to {name_of(declared.request)}")
    with ThreadPoolExecutor(_AT_ONCE) as pool:

        def send(_: int) -> Answer | RequestFailed:
            try:
                return ask(ctx, declared.request, token=token, patient=False)
            except RequestFailed as failure:
                return failure

        for first in range(0, most, _AT_ONCE):
            for answer in pool.map(send, range(min(_AT_ONCE, most - first))):
                _count(burst, answer)
            if burst.refusal is not None:
                break  # it came; more would only burden others
    burst.duration_s = time.monotonic() - started
    return burst


def _count(burst: _Burst, answer: Answer | RequestFailed) -> None:
    if isinstance(answer, RequestFailed):
        burst.failures[answer.kind] += 1
        return
    burst.by_status[answer.status] += 1
    if answer.status == _TOO_MANY and burst.refusal is None:
        burst.refusal = answer


def _judged(ctx: Context, declared: RateLimit, burst: _Burst) -> Result:
    name = name_of(declared.request)
    broken = sum(n for status, n in burst.by_status.items() if status >= 500)  # noqa: PLR2004
    if broken or burst.failures:
        return _failed(
            ctx,
            declared,
            burst,
            f"Under {burst.sent} quick requests {name} failed {broken + burst.failures.total()} times instead of answering 429.",
            "The application breaks before its limit, or where it counts (a store that cannot be reached, say).",
        )
    if burst.refusal is None:
        return _failed(
            ctx,
            declared,
            burst,
            f"{burst.sent} requests to {name} in {burst.duration_s:.1f} s were all let pass; 429 was expected after {declared.limit}.",
            "No limit guards this path, it is higher than declared, or it counts something else than the client.",
        )
    return passed(
        f"{name} answered 429 after {burst.sent - burst.by_status[_TOO_MANY]} requests (declared: {declared.limit}).",
        subject=name,
        limit=declared.limit,
        counts=burst.counts(),
    )


def _failed(ctx: Context, declared: RateLimit, burst: _Burst, message: str, cause: str) -> Result:
    places = _places(ctx)
    return failed(
        message,
        subject=name_of(declared.request),
        root_cause=cause,
        impact="One client can guess passwords or use up the service for everybody else.",
        fix=fix_for(
            ctx,
            "rate_limit",
            f"Answer 429 with Retry-After after {declared.limit} requests a minute by one client.",
            minutes=30,
            at=places,
            path=declared.request.path.partition("?")[0],
            limit=str(declared.limit),
        ),
        locations=places or sources(ctx).route(declared.request.path),
        counts=burst.counts(),
    )


def _places(ctx: Context) -> tuple[Location, ...]:
    return sources(ctx).locate(
        "RateLimit", "rate_limit", "rateLimit", "Limiter", "Throttle", "throttle", "429", limit=2
    )


def _health(ctx: Context) -> Result:
    endpoint = health_endpoint(ctx)
    subject = f"{endpoint.path} meanwhile"
    answer = ask(ctx, endpoint, patient=False)
    if judge(endpoint, answer).right:
        return passed(
            f"{endpoint.path} went on answering {answer.status} while the limit held.",
            subject=subject,
            answer=answer.observed(),
        )
    places = _places(ctx)
    return failed(
        f"{endpoint.path} answered {answer.status} while the limit held.",
        subject=subject,
        severity=Severity.MEDIUM,
        root_cause="The limit counts health requests too."
        if answer.status == _TOO_MANY
        else "The application suffers from the burst itself.",
        impact="One noisy client makes the orchestrator take the instance for dead.",
        fix=fix_for(
            ctx,
            "rate_limit",
            f"Leave {endpoint.path} out of the limit.",
            minutes=10,
            at=places,
            path=endpoint.path,
            limit=str(ctx.parameters.smoke.rate_limit.limit if ctx.parameters.smoke.rate_limit else 0),
        ),
        locations=places,
        answer=answer.observed(),
    )


def _retry_after(ctx: Context, declared: RateLimit, refusal: Answer, token: str | None) -> Result:
    said = refusal.headers.get("retry-after", "")
    wait_s = retry_after_s(refusal)
    if wait_s is None or not 0 < wait_s <= _SANE_S:
        places = _places(ctx)
        return failed(
            f"The 429 says {f'Retry-After: {said}' if said else 'no Retry-After'}, so nobody knows when to come back.",
            subject="Retry-After",
            severity=Severity.MEDIUM,
            root_cause="The limiter does not tell when its window ends.",
            impact="Clients retry at once and keep themselves, and others behind the same address, locked out.",
            fix=fix_for(
                ctx,
                "rate_limit",
                "Send Retry-After with the seconds that are left of the window.",
                minutes=10,
                at=places,
                path=declared.request.path.partition("?")[0],
                limit=str(declared.limit),
            ),
            locations=places,
            answer=refusal.observed(),
        )
    if wait_s > _WAITED_S:
        return passed(
            f"The 429 says Retry-After: {said}; so long was not waited.",
            subject="Retry-After",
            retry_after_s=wait_s,
            waited=False,
        )
    return _afterwards(ctx, declared, refusal, token)


def _afterwards(ctx: Context, declared: RateLimit, refusal: Answer, token: str | None) -> Result:
    # Waiting proves the header true, and leaves the checks that follow a limit that is not used up.
    wait_out(ctx, refusal)
    said, wait_s = refusal.headers["retry-after"], retry_after_s(refusal)
    answer = ask(ctx, declared.request, token=token, patient=False)
    if answer.status != _TOO_MANY:
        return passed(
            f"The 429 says Retry-After: {said}, and after that the answer was {answer.status}.",
            subject="Retry-After",
            retry_after_s=wait_s,
            afterwards=answer.status,
        )
    places = _places(ctx)
    return failed(
        f"The 429 says Retry-After: {said}, and after that the answer was 429 again.",
        subject="Retry-After",
        severity=Severity.MEDIUM,
        root_cause="Retry-After does not tell when the window ends, or refused requests count again.",
        impact="Clients that do as they are told stay locked out.",
        fix=fix_for(
            ctx,
            "rate_limit",
            "Send the seconds that are left of the window, and do not count refused requests.",
            minutes=15,
            at=places,
            path=declared.request.path.partition("?")[0],
            limit=str(declared.limit),
        ),
        locations=places,
        retry_after_s=wait_s,
        afterwards=answer.status,
    )

"""Do the key metrics exist, and do they move with what is done (F6)?

The endpoint is scraped, N requests are sent, and it is scraped again: a counter of requests must have risen by at least
N (others may ask at the same time). A metric that is not there and one that stands still have different causes.
"""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import Severity
from deployer_lib.check import Fix, Result, Skip, errored, failed, passed, skipped
from deployer_lib.probes.asking import ask, judge, token_of
from deployer_lib.probes.context import probe
from deployer_lib.probes.marked import Mark, ordinary_path
from deployer_lib.probes.metrics import Exposition, metrics_settings, parse
from deployer_lib.probes.patience import patiently
from deployer_lib.probes.remedies import remedy
from deployer_lib.probes.sources import sources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from deployer_lib.check import JSONValue
    from deployer_lib.parameters.model import BusinessMetric
    from deployer_lib.probes.context import Context

__all__ = ["metrics_move"]

_REQUESTS: Final = 5
_ERRORS: Final = 3
_WITHIN_S: Final = 5.0
_POLL_S: Final = 0.2
_FIRST_ERROR: Final = 400
_REFUSALS: Final = range(400, 500)
_SERVER_ONLY: Final = re.compile(r"5xx|50\d|server|exception|panic|unhandled")
#: Names that common libraries give, where none is declared.
_USUAL: Final = {
    "requests": (
        "http_requests_total",
        "http_request_total",
        "http_server_requests_total",
        "http_server_requests_seconds_count",
        "http_server_request_duration_seconds_count",
        "http_server_duration_milliseconds_count",
        "http_request_duration_seconds_count",
        "http_request_duration_ms_count",
        "axum_http_requests_total",
        "actix_web_http_requests_total",
        "flask_http_request_total",
        "starlette_requests_total",
        "django_http_requests_before_middlewares_total",
    ),
    "durations": (
        "http_request_duration_seconds",
        "http_server_requests_seconds",
        "http_server_request_duration_seconds",
        "http_server_duration_milliseconds",
        "http_request_duration_ms",
        "axum_http_requests_duration_seconds",
        "flask_http_request_duration_seconds",
        "starlette_request_duration_seconds",
        "django_http_requests_latency_including_middlewares_seconds",
    ),
    "errors": ("http_errors_total", "http_request_errors_total", "http_requests_errors_total"),
}


@dataclass(frozen=True, slots=True)
class _Moved:
    """A metric before and after something was done ``times`` times."""

    kind: str  # requests, durations, errors, business
    name: str  # as declared, or as found
    did: str  # what was done, in words
    times: int
    before: float
    after: float

    @property
    def rose(self) -> float:
        return self.after - self.before

    def result(self, ctx: Context) -> Result:
        """Judge it: at least as often as it was done, since others may move it too."""
        seen: dict[str, JSONValue] = {
            "metric": self.name,
            "kind": self.kind,
            "did": self.did,
            "before": self.before,
            "after": self.after,
            "rose": self.rose,
            "expected_at_least": self.times,
            "exactly": self.rose == self.times,
        }
        return self._judged(ctx).observing(seen)

    def _judged(self, ctx: Context) -> Result:
        if self.rose >= self.times:
            how = "exactly" if self.rose == self.times else f"at least {self.times}, that is"
            return passed(f"{self.name} rose by {how} {self.rose:g} after {self.did}.", subject=self.name)
        bare = self.name.removesuffix("_total").removesuffix("_count")
        return failed(
            f"{self.name} {'fell' if self.rose < 0 else 'rose'} by {abs(self.rose):g} after {self.did}; "
            f"at least {self.times} was expected.",
            subject=self.name,
            root_cause=self._cause(),
            impact=f"Graphs and alerts on {self.name} show something else than what happens.",
            fix=self._fix(ctx),
            locations=sources(ctx).locate(self.name, bare),
        )

    def _fix(self, ctx: Context) -> Fix:
        if self.kind != "business" or self.rose:
            return remedy(ctx, "metrics_count", *self._steps(), minutes=60)
        variable = self.name.removesuffix("_total").upper()
        step = f"Move {self.name} in the handler, once what was asked for has been done and stored."
        return remedy(
            ctx, "metrics_business", step, minutes=30, metric=self.name, variable=variable, did=self.did
        )

    def _cause(self) -> str:
        if self.rose < 0:
            return (
                "Several processes answer, each with a registry of its own, or the application was restarted."
            )
        if self.rose > 0:
            return (
                "Only some are counted: several processes answer, each with a registry of its own, "
                "or some routes are left out."
            )
        return "The metric is registered, and nothing on the way of these requests moves it."

    def _steps(self) -> tuple[str, ...]:
        if self.rose:
            return (
                "Share one registry between the processes (prometheus_client: PROMETHEUS_MULTIPROC_DIR).",
            )
        return (
            f"Move {self.name} where {self.kind} are handled: a middleware around all routes, or the handler.",
        )


@probe("health.metrics_move")
def metrics_move(ctx: Context) -> Iterable[Result]:
    """Send requests, refused requests and the business's own, and watch the metrics that they must move."""
    yield from _traffic(ctx)
    yield from _refusals(ctx)
    items = metrics_settings(ctx).business
    for item in items:
        yield from _business(ctx, item)
    if not items:
        yield skipped(
            Skip.NOT_APPLICABLE,
            "No metric of the business is declared in health.metrics.business",
            subject="business",
        )


def _scrape(ctx: Context) -> Exposition:
    answer = ctx.http.get(metrics_settings(ctx).path)
    return parse(answer.text, answer.headers.get("content-type", ""))


def _sample(now: Exposition, kind: str, name: str) -> str:
    """Return the name of the sample to read of a metric, empty where it is not there."""
    endings = ("_count", "") if kind == "durations" else ("", "_total", "_count")
    return next((name + end for end in endings if name + end in now.totals), "")


def _choose(ctx: Context, now: Exposition, kind: str) -> tuple[str, str]:
    """Return the metric's name, declared or usual, and its sample; both empty where none is declared nor found."""
    settings = metrics_settings(ctx)
    declared = {"requests": settings.requests, "durations": settings.durations, "errors": settings.errors}[
        kind
    ]
    if declared:
        return declared, _sample(now, kind, declared)
    found = ((name, _sample(now, kind, name)) for name in _USUAL[kind])
    return next(((name, sample) for name, sample in found if sample), ("", ""))


def _absent(ctx: Context, kind: str, name: str, now: Exposition) -> Result:
    near = [known for known in sorted(now.totals) if name.partition("_")[0] in known][:10]
    return failed(
        f"{name} is not among the {now.families} metric families of {metrics_settings(ctx).path}.",
        subject=name,
        root_cause="The application does not register it, registers it under another name or in another registry, "
        "or makes it only at its first event.",
        impact=f"Nothing can be seen or alerted on: {kind} are not measured under the name that is declared.",
        fix=remedy(
            ctx,
            "metrics_count",
            f"Register {name} at start-up; or declare its right name in health.metrics.",
            minutes=45,
        ),
        locations=sources(ctx).locate(name, name.removesuffix("_total")),
        metric=name,
        kind=kind,
        near=list(near),
    )


def _undeclared(kind: str) -> Result:
    return skipped(
        Skip.UNAVAILABLE,
        f"health.metrics.{kind} is not declared, and no metric has a usual name; declare it",
        subject=kind,
    )


def _wait(ctx: Context, moved: Callable[[Exposition], bool]) -> Exposition:
    """Scrape until it has moved, or until the time limit."""
    deadline = time.monotonic() + _WITHIN_S
    while not moved(now := _scrape(ctx)) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return now


def _traffic(ctx: Context) -> Iterator[Result]:
    path = ordinary_path(ctx)
    Mark().send(ctx, path)  # not counted: some metrics are only made at their first event
    before = _scrape(ctx)
    chosen = {kind: _choose(ctx, before, kind) for kind in ("requests", "durations")}
    ctx.progress(f"sending {_REQUESTS} requests to {path}")
    for _ in range(_REQUESTS):
        Mark().send(ctx, path)
    samples = [sample for _, sample in chosen.values() if sample]

    def moved(now: Exposition) -> bool:
        return all(now.totals.get(s, 0) - before.totals[s] >= _REQUESTS for s in samples)

    after = _wait(ctx, moved)
    did = f"{_REQUESTS} requests GET {path}"
    for kind, (name, sample) in chosen.items():
        if not name:
            yield _undeclared(kind)
        elif sample:
            yield _Moved(
                kind, name, did, _REQUESTS, before.totals[sample], after.totals.get(sample, 0.0)
            ).result(ctx)
        elif later := _sample(after, kind, name):  # made at its first event
            yield _Moved(kind, name, did, _REQUESTS, 0.0, after.totals[later]).result(ctx)
        else:
            yield _absent(ctx, kind, name, after)


def _refusals(ctx: Context) -> Iterator[Result]:
    """Ask for what must be refused: a counter of errors, or the requests' own status label, must tell."""
    before, tried, refused = _scrape(ctx), [], 0
    for path in _refused_paths(ctx):
        answers = {Mark().send(ctx, path).status for _ in range(_ERRORS)}
        tried.append(f"GET {path}: {', '.join(map(str, sorted(answers)))}")
        if len(answers) == 1 and (status := next(iter(answers))) in _REFUSALS:
            refused = status
            break
        before = _scrape(ctx)
    if not refused:
        yield errored(
            f"Nothing that was asked is refused, so no error could be provoked ({'; '.join(tried)}).",
            subject="errors",
        )
        return
    name, _ = _choose(ctx, before, "errors")
    if _SERVER_ONLY.search(name):
        name = ""  # nothing can provoke a 5xx from outside: the requests' own status label must tell

    def count(now: Exposition) -> tuple[str, float]:
        if name:
            sample = _sample(now, "errors", name)
            return sample, now.totals.get(sample, 0.0)
        requests, sample = _choose(ctx, now, "requests")
        return (requests if sample in now.refused else ""), now.refused.get(sample, 0.0)

    start = count(before)[1]
    after = _wait(ctx, lambda now: count(now)[1] - start >= _ERRORS)
    found, end = count(after)
    did = f"{_ERRORS} requests that were answered {refused}"
    if found:
        shown = name or f"{found}{{4xx}}"
        yield _Moved("errors", shown, did, _ERRORS, start, end).result(ctx)
    elif name:
        yield _absent(ctx, "errors", name, after)
    else:
        yield _no_error_rate(ctx, did)


def _refused_paths(ctx: Context) -> Iterator[str]:
    """Yield paths that are refused where all is well: one that does not exist, then one that needs a log-in."""
    yield f"/deployer-{secrets.token_hex(6)}"
    auth = ctx.parameters.smoke.auth
    if auth is not None and auth.protected.method == "GET":
        yield auth.protected.path


def _no_error_rate(ctx: Context, did: str) -> Result:
    return failed(
        f"After {did} no metric tells errors from successes.",
        subject="errors",
        severity=Severity.MEDIUM,
        root_cause="There is no counter of errors (health.metrics.errors), and the counter of requests has no label with "
        "the status.",
        impact="An error rate can be neither seen nor alerted on.",
        fix=remedy(
            ctx,
            "metrics_count",
            "Give the counter of requests a label with the status of the answer.",
            minutes=45,
        ),
        locations=sources(ctx).locate(metrics_settings(ctx).requests or "Counter("),
        did=did,
    )


def _token(ctx: Context) -> str | None:
    """Return the token of the log-in; where an earlier check used up its rate limit, wait for it once."""
    auth = ctx.parameters.smoke.auth
    known = token_of(ctx)
    if (
        known is None
        and auth is not None
        and patiently(ctx, lambda: ask(ctx, auth.login)).status < _FIRST_ERROR
    ):
        del ctx.memo["token"]  # that there is none
        known = token_of(ctx)
    return known


def _business(ctx: Context, item: BusinessMetric) -> Iterator[Result]:
    before = _scrape(ctx)
    what = f"{item.request.method} {item.request.path}"
    token = _token(ctx) if item.request.auth else None
    if item.request.auth and token is None:
        yield errored(
            f"{what} needs the token of the log-in, which gave none, so {item.metric} could not be moved.",
            subject=item.metric,
        )
        return
    answer = patiently(ctx, lambda: ask(ctx, item.request, token=token, headers=Mark().headers))
    judged = judge(item.request, answer)
    if not judged.right:
        yield errored(
            f"{what}: {'; '.join(judged.wrong + judged.unclear)}, so {item.metric} could not be moved.",
            subject=item.metric,
        ).observing(answer.observed())
        return
    start = before.totals.get(_sample(before, "business", item.metric), 0.0)
    after = _wait(ctx, lambda now: now.totals.get(_sample(now, "business", item.metric), 0.0) - start >= 1)
    sample = _sample(after, "business", item.metric)
    if sample:
        yield _Moved("business", item.metric, f"one {what}", 1, start, after.totals[sample]).result(ctx)
    else:
        yield _absent(ctx, "business", item.metric, after)

"""Is it alive, does it know what it does not serve, and does it reach its database?"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from deployer_lib.catalogue import Severity
from deployer_lib.check import Skip, errored, failed, passed, skipped
from deployer_lib.parameters.model import Endpoint
from deployer_lib.probes.asking import ask, judge, not_declared
from deployer_lib.probes.context import probe
from deployer_lib.probes.endpoints import finding
from deployer_lib.probes.sources import fix_for, sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from deployer_lib.app.http import Answer
    from deployer_lib.check import JSONValue, Location, Result
    from deployer_lib.probes.context import Context

__all__ = ["database", "database_endpoint", "health", "health_endpoint", "unknown_path", "unwell"]

#: What JSON health answers say when something is wrong, whatever their status (Spring, Kubernetes, RFC drafts, habit).
_UNWELL: Final = frozenset(
    {
        "degraded", "down", "unhealthy", "fail", "failed", "failing", "failure", "error", "errored", "critical",
        "unavailable", "not ok", "not_ok", "nok", "ko", "out_of_service", "offline", "disconnected", "dead", "broken",
        "unreachable", "timeout", "partial_outage", "major_outage", "red",
    }
)  # fmt: skip
_STATUS_KEYS: Final = frozenset(
    {"status", "state", "health", "healthy", "ok", "ready", "alive", "up", "db", "database", "connected"}
)
_GROUPS: Final = frozenset(
    {"checks", "components", "dependencies", "details", "services", "info", "data", "results"}
)
_DEPTH: Final = 5
#: Routes that take every path, as the frameworks write them.
_CATCH_ALL: Final = re.compile(
    r"""\{\w+:path\}|<path:\w+>|["'`]/?\*\w*["'`]|\.fallback(_service)?\(|html=True"""
)


def health_endpoint(ctx: Context) -> Endpoint:
    """Return the declared health endpoint, or what the deployment's readiness asks."""
    ready = ctx.parameters.deploy.ready
    return ctx.parameters.smoke.health or Endpoint(path=ready.path, status=ready.status, expect=ready.expect)


def database_endpoint(ctx: Context) -> Endpoint | None:
    """Return the endpoint that looks at the database, None where none is declared."""
    database_ = ctx.parameters.smoke.database
    return (
        Endpoint(path=database_.path, status=database_.status, expect=database_.expect) if database_ else None
    )


@probe("smoke.health")
def health(ctx: Context) -> Iterable[Result]:
    """Ask the health endpoint; status, declared expectation and what its body says must all be well."""
    endpoint = health_endpoint(ctx)
    yield _judged(ctx, endpoint, endpoint.path, "The application is up")


@probe("smoke.database")
def database(ctx: Context) -> Iterable[Result]:
    """Ask the endpoint that looks at the database."""
    endpoint = database_endpoint(ctx)
    if endpoint is None:
        yield skipped(Skip.UNAVAILABLE, not_declared("smoke.database", "smoke.database"))
        return
    yield _judged(ctx, endpoint, endpoint.path, "The application reaches its database")


def _judged(ctx: Context, endpoint: Endpoint, subject: str, claim: str) -> Result:
    answer = ask(ctx, endpoint)
    judgement = judge(endpoint, answer)
    if judgement.wrong:
        return finding(ctx, endpoint, answer, "; ".join(judgement.wrong), subject=subject)
    if judgement.unclear:
        return errored(
            f"{subject}: {'; '.join(judgement.unclear)}.", subject=subject, answer=answer.observed()
        )
    if wrong := unwell(answer, endpoint.expect):
        return _sick(ctx, endpoint, answer, wrong)
    if _is_page(answer) and not endpoint.expect:
        control = ctx.http.get(_elsewhere(endpoint.path))
        if (control.status, control.body) == (answer.status, answer.body):
            return _fallback(
                ctx, control, f"{subject} answers the same page as a path that does not exist", subject
            )
    return passed(
        f"{claim}: {subject} answered {answer.status} in {answer.elapsed_ms:.0f} ms.",
        subject=subject,
        answer=answer.observed(),
        expect=endpoint.expect or "not declared",
    )


def unwell(answer: Answer, expect: str = "") -> str:
    """Return the part of a JSON answer that says that something is wrong, empty where nothing does.

    Args:
        answer: of a health endpoint.
        expect: the declared expectation; a word that stands in it was meant.
    """
    try:
        document = answer.json()
    except (ValueError, RecursionError):
        return ""
    return next((said for said, word in _said(document, "", _DEPTH) if f'"{word}"' not in expect), "")


def _said(value: JSONValue, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if not isinstance(value, dict) or not depth:
        return
    for key, inner in value.items():
        at, name = f"{path}.{key}".lstrip("."), key.lower()
        grouped = path.rpartition(".")[2].lower() in _GROUPS
        if (name in _STATUS_KEYS or grouped) and isinstance(inner, str) and inner.strip().lower() in _UNWELL:
            yield f'{at} is "{inner}"', inner
        elif (name in _STATUS_KEYS or grouped) and inner is False:
            yield f"{at} is false", "false"
        else:
            yield from _said(inner, at, depth - 1)


def _sick(ctx: Context, endpoint: Endpoint, answer: Answer, wrong: str) -> Result:
    places = sources(ctx).route(endpoint.path)
    return failed(
        f"{endpoint.path} answered {answer.status}, but its body says that it is not well: {wrong}.",
        subject=endpoint.path,
        root_cause=f"The application itself reports a problem ({wrong}) and does not say so by its status.",
        impact="Load balancers and monitors read the status alone: they keep sending users to a sick application.",
        fix=fix_for(
            ctx,
            "health",
            f"Find out why {wrong}; the application's log and its dependencies say more.",
            "Answer 503 where the application cannot serve, so that machines notice.",
            minutes=30,
            at=places,
            path=endpoint.path,
        ),
        locations=places,
        answer=answer.observed(),
    )


@probe("smoke.unknown_path")
def unknown_path(ctx: Context) -> Iterable[Result]:
    """Ask for paths that cannot exist: where they are answered 200, another path's 200 means nothing."""
    folders = dict.fromkeys(path.rpartition("/")[0] for path in ("/", _deepest(ctx)))
    for folder in folders:
        yield _unknown(ctx, _elsewhere(f"{folder}/"), f"{folder}/<random>")


def _elsewhere(path: str) -> str:
    """Return a path that nobody serves, in the folder of another."""
    return f"{path.partition('?')[0].rpartition('/')[0]}/deployer-{secrets.token_hex(8)}"


def _deepest(ctx: Context) -> str:
    smoke = ctx.parameters.smoke
    paths = [health_endpoint(ctx).path, *(e.path for e in smoke.endpoints if e.method == "GET")]
    return max((p.partition("?")[0] for p in paths), key=lambda p: p.count("/"))


def _unknown(ctx: Context, path: str, subject: str) -> Result:
    answer = ctx.http.get(path)
    away = urljoin(answer.url, answer.headers.get("location", ""))
    if 300 <= answer.status < 400 and urlsplit(away).netloc == urlsplit(answer.url).netloc:  # noqa: PLR2004
        answer = ctx.http.get(path, follow=True)
    if answer.status < 300:  # noqa: PLR2004  (the classes of HTTP)
        return _fallback(ctx, answer, f"{subject} does not exist and was answered {answer.status}", subject)
    if answer.status >= 500:  # noqa: PLR2004
        return failed(
            f"{subject} does not exist and was answered {answer.status} instead of 404.",
            subject=subject,
            root_cause="What handles unknown paths raises an error itself.",
            impact="Every scanner and every mistyped address raises an alarm, and real errors drown in them.",
            fix=fix_for(ctx, "unknown_path", "Answer 404 for paths that are not served.", minutes=15),
            locations=sources(ctx).locate("404", "not_found", "NotFound", limit=2),
            answer=answer.observed(),
        )
    return passed(
        f"{subject}, which does not exist, was answered {answer.status}.",
        subject=subject,
        answer=answer.observed(),
    )


def _fallback(ctx: Context, answer: Answer, what: str, subject: str) -> Result:
    page = " with an HTML page" if _is_page(answer) else ""
    return failed(
        f"{what}{page}; so a 200 from any path proves nothing.",
        subject=subject,
        severity=Severity.HIGH,
        root_cause="A fallback answers every path with the same page (a single-page application's index.html).",
        impact="Missing endpoints look present: monitors, scrapers of /metrics and clients take a page for an answer.",
        fix=fix_for(
            ctx,
            "unknown_path",
            "Answer 404 for paths that are neither files nor routes of the front end.",
            "At the least, keep the fallback away from /api, /health and /metrics.",
            minutes=20,
            at=_fallback_places(ctx)[:1],
        ),
        locations=_fallback_places(ctx),
        answer=answer.observed(),
    )


def _fallback_places(ctx: Context) -> tuple[Location, ...]:
    return sources(ctx).locate(_CATCH_ALL, "historyApiFallback", "try_files", "index.html", limit=3)


def _is_page(answer: Answer) -> bool:
    return "html" in answer.headers.get("content-type", "") or answer.body[:200].lstrip().lower().startswith(
        (b"<!doctype html", b"<html")
    )

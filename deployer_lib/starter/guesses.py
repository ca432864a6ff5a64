"""Which of a project's routes are the ones that Deployer asks for: health, database, metrics, log-in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.starter.facts import Found, line_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deployer_lib.starter.facts import Project
    from deployer_lib.starter.routes import Route

__all__ = ["Guesses", "guess"]

_HEALTH: Final = r"(health|healthz|health[-_]?check|livez?|liveness|alive|ping|heartbeat|status|up)"
_READY: Final = r"(readyz?|readiness|health/(db|database|ready)|db[-_]?health|healthz?/ready)"
_LOGIN: Final = r"(log[-_]?in|sign[-_]?in|sessions?|access[-_]token|tokens?|authenticate)"
_MINE: Final = r"(me|whoami|current[-_]user|user|profile|account)"
_GUARDED: Final = re.compile(
    r"auth|current.?user|session|logged|permission|Guard|Depends|user", re.IGNORECASE
)
_ORIGINS: Final = re.compile(
    r"CORSMiddleware|CORS_ALLOWED_ORIGINS|flask_cors|\bcors\(|enableCors|@fastify/cors|CorsLayer|actix_cors|Cors::|rocket_cors"
)


@dataclass(frozen=True, slots=True)
class Guesses:
    """What was recognised; None where nothing was."""

    health: Route | None
    ready: Route | None
    version: Route | None
    metrics: Found[str] | None
    login: Route | None
    protected: Route | None
    reads: tuple[Route, ...]  # GET without parameters that are none of these, at most three
    roots: tuple[Route, ...]  # GET /
    cors: Found[str] | None


def guess(project: Project, found: Sequence[Route], suffixes: tuple[str, ...]) -> Guesses:
    """Return what the routes seem to be for, by their last words alone."""
    gets = [route for route in found if route.method == "GET" and route.fixed]
    posts = [route for route in found if route.method == "POST" and route.fixed]
    login = _ending(posts, _LOGIN)
    protected = _ending(gets, _MINE) if login else None
    ready, health, version = (
        _ending(gets, _READY),
        _ending(gets, _HEALTH),
        _ending(gets, r"(version|build-info|about)"),
    )
    shown = _ending(gets, "metrics")
    metrics = Found(shown.path, shown.file, shown.line) if shown else _exported(project, suffixes)
    known = {route.path for route in (ready, health, version, login, protected) if route} | {"/metrics"}
    reads = tuple(
        route
        for route in gets
        if route.path not in known and not re.search(r"logout|callback|\.", route.path)
    )
    roots = tuple(route for route in reads if route.path == "/")
    reads = tuple(route for route in reads if route.path != "/")
    reads = tuple(sorted(reads, key=lambda route: bool(_GUARDED.search(route.near))))  # public ones first
    return Guesses(
        health, ready, version, metrics, login, protected, reads[:3], roots, _cors(project, suffixes)
    )


def _ending(found: Sequence[Route], words: str) -> Route | None:
    """Return the route whose path ends in one of these words; the shortest of several."""
    fitting = [route for route in found if re.search(rf"(^|/){words}/?$", route.path, re.IGNORECASE)]
    return min(fitting, key=lambda route: len(route.path), default=None)


def _exported(project: Project, suffixes: tuple[str, ...]) -> Found[str] | None:
    """Return where a library is told to serve /metrics by itself."""
    for file, text in project.sources(suffixes):
        if match := re.search(
            r"Instrumentator\(|make_asgi_app\(|PrometheusMetrics(Builder|Layer)?\b|express-prom-bundle", text
        ):
            return Found("/metrics", file, line_of(text, match.start()))
    return None


def _cors(project: Project, suffixes: tuple[str, ...]) -> Found[str] | None:
    for file, text in project.sources(suffixes):
        if match := _ORIGINS.search(
            re.sub(
                r"^(\s*(import|use|from)\b.*|.*\brequire\(.*)$",
                lambda line: " " * len(line[0]),
                text,
                flags=re.MULTILINE,
            )
        ):
            return Found(match[0].rstrip("("), file, line_of(text, match.start()))
    return None

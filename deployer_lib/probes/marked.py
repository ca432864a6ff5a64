"""A marked request: one that we would know again in a log or in a trace, by ids that nobody else made."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deployer_lib.app.http import Answer
    from deployer_lib.parameters.model import Endpoint
    from deployer_lib.probes.context import Context

__all__ = ["Mark", "ordinary_path", "ready_path"]


def _hex(count: int) -> str:
    return secrets.token_hex(count)


@dataclass(frozen=True, slots=True)
class Mark:
    """The ids of one request: W3C trace context (https://www.w3.org/TR/trace-context/), X-Request-ID, a query value."""

    trace_id: str = field(default_factory=lambda: _hex(16))
    span_id: str = field(default_factory=lambda: _hex(8))
    request_id: str = field(default_factory=lambda: f"deployer-{_hex(8)}")
    query: str = field(default_factory=lambda: _hex(8))

    @property
    def headers(self) -> dict[str, str]:
        """Return the request headers that carry the ids."""
        return {"traceparent": f"00-{self.trace_id}-{self.span_id}-01", "X-Request-ID": self.request_id}

    def path(self, path: str) -> str:
        """Return the path with the query value that names this request."""
        return f"{path}{'&' if '?' in path else '?'}deployer_mark={self.query}"

    def named_in(self, text: str) -> bool:
        """Tell whether a text names this request by any of its ids."""
        return any(
            own in text
            for own in (self.trace_id, self.span_id, self.request_id, f"deployer_mark={self.query}")
        )

    def send(
        self, ctx: Context, path: str, *, headers: dict[str, str] | None = None, more: str = ""
    ) -> Answer:
        """Send a GET request that carries the mark.

        Args:
            ctx: the probe's context.
            path: path with query below the base URL.
            headers: further request headers.
            more: further query, from ``&`` on.

        Raises:
            RequestFailed: no whole answer came.
            NotAllowed: by the guard.
        """
        return ctx.http.get(self.path(path) + more, headers={**self.headers, **(headers or {})})


def ready_path(ctx: Context) -> str:
    """Return the path of the health endpoint."""
    health = ctx.parameters.smoke.health
    return health.path if health else ctx.parameters.deploy.ready.path


def ordinary_path(ctx: Context) -> str:
    """Return a path that answers like ordinary traffic: a declared endpoint before the health endpoint.

    Applications often leave the health endpoint out of their access log and their metrics.
    """

    def plain(endpoint: Endpoint) -> bool:
        statuses = [endpoint.status] if isinstance(endpoint.status, int) else endpoint.status
        safe = endpoint.method == "GET" and not endpoint.auth and not endpoint.headers
        return safe and all(status < 300 for status in statuses)  # noqa: PLR2004  (2xx)

    for endpoint in ctx.parameters.smoke.endpoints:
        if plain(endpoint):
            return endpoint.path
    load = ctx.parameters.health.load
    return load.path if load else ready_path(ctx)

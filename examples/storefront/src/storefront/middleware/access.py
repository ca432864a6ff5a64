"""One log line and one count for each request, under the trace that it belongs to."""

import logging
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from storefront import trace
from storefront.metrics import Metrics

log = logging.getLogger("storefront.access")


class Access:
    """Give each request its ids; log and count its answer."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent = Headers(scope=scope)
        ids = trace.begin(sent.get("traceparent", ""), sent.get("x-request-id", ""))
        started = time.perf_counter()
        status = 500  # what the client gets if nothing else is sent

        async def send_with_ids(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["traceresponse"] = ids.response_header
                headers["X-Request-ID"] = ids.request_id
            await send(message)

        try:
            await self._app(scope, receive, send_with_ids)
        finally:
            self._record(scope, status, time.perf_counter() - started)

    def _record(self, scope: Scope, status: int, duration_s: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        if route != "/metrics":  # watching must not change what is watched
            self._metrics.answered(scope["method"], route, status, duration_s)
        log.info(
            "request",
            extra={
                "method": scope["method"],
                "path": scope["path"],  # without the query, which may hold secrets
                "status": status,
                "duration_ms": round(duration_s * 1000, 2),
            },
        )

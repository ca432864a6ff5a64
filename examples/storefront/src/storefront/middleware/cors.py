"""Which web pages may call the API from a browser: those in FRONTEND_URL, and no others."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from storefront.answers import error_answer

METHODS = ("GET", "POST", "PATCH")
HEADERS = ("Authorization", "Content-Type", "traceparent", "X-Request-ID")
#: Browsers may name these although they need no permission.
SAFELISTED = {"accept", "accept-language", "content-language"}
ALLOWED = {name.lower() for name in HEADERS} | SAFELISTED
PREFLIGHT_VARY = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


class Cors:
    """Compare the whole origin: a pattern or a prefix would let strangers in."""

    def __init__(self, app: ASGIApp, origins: frozenset[str]) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent = Headers(scope=scope)
        if scope["method"] == "OPTIONS" and "access-control-request-method" in sent:
            await self._preflight(sent)(scope, receive, send)
            return

        async def send_with_permission(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.add_vary_header("Origin")
                headers.update(self._permission(sent))
            await send(message)

        await self._app(scope, receive, send_with_permission)

    def _preflight(self, sent: Headers) -> Response:
        permission = self._permission(sent)
        named = sent.get("access-control-request-headers", "").lower().split(",")
        wanted = {name.strip() for name in named} - {""}
        if not permission:
            return error_answer(403, "this origin may not call", headers={"Vary": PREFLIGHT_VARY})
        if sent["access-control-request-method"] not in METHODS or wanted - ALLOWED:
            return error_answer(
                403,
                "this method or header is not allowed",
                headers={**permission, "Vary": PREFLIGHT_VARY},
            )
        return Response(
            status_code=204,
            headers={
                **permission,
                "Access-Control-Allow-Methods": ", ".join(METHODS),
                "Access-Control-Allow-Headers": ", ".join(HEADERS),
                "Access-Control-Max-Age": "600",
                "Vary": PREFLIGHT_VARY,
            },
        )

    def _permission(self, sent: Headers) -> dict[str, str]:
        origin = sent.get("origin", "")
        if origin not in self._origins:
            return {}
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Credentials": "true",
            "Access-Control-Expose-Headers": "Retry-After, X-Request-ID",
        }

"""No request may send more than it could mean, or take forever to send it."""

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from storefront.answers import error_answer

MAX_BYTES = 1_000_000
TIME_LIMIT_S = 10


class BodyLimit:
    """Read the body before the application sees it, up to a size and a time."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        sent = Headers(scope=scope) if scope["type"] == "http" else Headers()
        if not {"content-length", "transfer-encoding"} & set(sent):
            await self._app(scope, receive, send)
            return
        declared = sent.get("content-length", "0")
        body: bytes | None = None
        if not declared.isdigit() or int(declared) <= MAX_BYTES:
            try:
                async with asyncio.timeout(TIME_LIMIT_S):
                    body = await _read(receive)
            except TimeoutError:
                await error_answer(408, "the body took too long")(scope, receive, send)
                return
        if body is None:
            await error_answer(413, "the body is too large")(scope, receive, send)
            return
        await self._app(scope, _replay(body, receive), send)


async def _read(receive: Receive) -> bytes | None:
    """Return the body, or None when it is larger than anything we take."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BYTES:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    done = False

    async def receive_again() -> Message:
        nonlocal done
        if done:
            return await receive()
        done = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again

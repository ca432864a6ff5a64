"""How many requests one address may send: a window of 60 seconds that slides."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Receive, Scope, Send

from storefront.answers import error_answer

WINDOW_S = 60


@dataclass(slots=True)
class _Client:
    """Count a client's requests by the second, which bounds the memory it can take."""

    seconds: deque[list[int]] = field(default_factory=deque)
    total: int = 0

    def forget_before(self, second: int) -> None:
        while self.seconds and self.seconds[0][0] < second:
            self.total -= self.seconds.popleft()[1]

    def count(self, second: int) -> None:
        if not self.seconds or self.seconds[-1][0] != second:
            self.seconds.append([second, 0])
        self.seconds[-1][1] += 1
        self.total += 1


class SlidingWindow:
    """Admit `limit` requests of each client in any 60 seconds."""

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._clients: dict[str, _Client] = {}
        self._swept = int(clock())

    def wait_s(self, client: str) -> int:
        """Return 0 and count the request, or the seconds after which it is worth another try."""
        now = int(self._clock())
        self._sweep(now)
        known = self._clients.setdefault(client, _Client())
        known.forget_before(now - WINDOW_S + 1)
        if known.total >= self._limit:
            return known.seconds[0][0] + WINDOW_S - now
        known.count(now)
        return 0

    def _sweep(self, now: int) -> None:
        if now - self._swept < WINDOW_S:
            return
        self._swept = now
        for name, client in list(self._clients.items()):
            client.forget_before(now - WINDOW_S + 1)
            if not client.total:
                del self._clients[name]


class RateLimit:
    """Answer 429 beyond the limit on /api, and beyond a lower one on log-ins."""

    def __init__(self, app: ASGIApp, per_minute: int, logins_per_minute: int) -> None:
        self._app = app
        self._all = SlidingWindow(per_minute)
        self._logins = SlidingWindow(logins_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or not scope["path"].startswith("/api/"):
            await self._app(scope, receive, send)
            return
        window = self._logins if scope["path"] == "/api/login" else self._all
        wait_s = window.wait_s(scope["client"][0] if scope.get("client") else "")
        if wait_s:
            answer = error_answer(429, "too many requests", headers={"Retry-After": str(wait_s)})
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)

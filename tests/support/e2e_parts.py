"""Parts of end-to-end tests: a server that keeps what it was asked, and an environment that looks at one."""

from __future__ import annotations

import itertools
import json
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: What an environment of kind none, looked at by smoke and health alone, need not say.
VERIFY_ONLY = """
environment: {name}
project: {{path: project}}
deploy: {{kind: none, address: "{address}"}}
smoke:
  health: {{path: /health}}
health:
  headers: {{https: false}}
"""


@dataclass(slots=True)
class Recorder:
    """A server that answers soundly and keeps method, path and time of every request."""

    server: ThreadingHTTPServer
    seen: list[tuple[str, str, float]] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    @property
    def methods(self) -> set[str]:
        return {method for method, _, _ in self.seen}

    def gaps_s(self) -> list[float]:
        times = [at for _, _, at in self.seen]
        return [after - before for before, after in itertools.pairwise(times)]


__all__ = ["VERIFY_ONLY", "Recorder", "handler"]


def handler(recorder: Callable[[], Recorder]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            super().handle_one_request()

        def answer(self) -> None:
            recorder().seen.append((self.command, self.path, time.monotonic()))
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.partition("?")[0]
            status = 200 if path in {"/health", "/", "/items", "/metrics", "/login", "/me"} else 404
            data = json.dumps({"status": "ok", "access_token": "t" * 24}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer  # noqa: N815  (http.server's names)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class's)
            pass

    return Handler

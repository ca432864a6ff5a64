"""A real server on loopback with a handler for each test, and a context with a real guard and client that asks it.

A handler takes an :class:`Asked` and answers ``(status, headers, body)``: headers as a dict or, for doubled ones, pairs;
a body of bytes or text as it is, anything else as JSON. ``None`` instead cuts the connection without an answer.
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import pytest

from deployer_lib.app.http import Http
from deployer_lib.catalogue import Effect
from deployer_lib.errors import Unavailable
from deployer_lib.guard import Guard
from deployer_lib.parameters.model import Parameters
from deployer_lib.places import Places
from deployer_lib.probes.context import Context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from deployer_lib.app.target import Artifact, Deployment, Instance, LogLine, RunningCopy

_IDLE_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as the server saw it."""

    method: str
    path: str  # without query, as sent (percent-encoded)
    query: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    def json(self) -> Any:
        """Return the body parsed as JSON."""
        return json.loads(self.body)


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # joined at the end, so that no socket is left open
    answer: Callable[[Asked], tuple[int, Any, Any] | None]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay quiet: a client that goes away is part of some tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_S
    disable_nagle_algorithm = True
    server: _Server

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class names it so)
        """Stay quiet."""

    def _answer(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        parts = urlsplit(self.path)
        answer = self.server.answer(Asked(self.command, parts.path, parts.query, headers, body))
        if answer is None:
            self.close_connection = True
            return
        status, given, content = answer
        pairs = list(given.items() if isinstance(given, dict) else given)
        names = {name.lower() for name, _ in pairs}
        if not isinstance(content, bytes | str):
            content = json.dumps(content)
            if "content-type" not in names:
                pairs.append(("Content-Type", "application/json"))
        data = content.encode() if isinstance(content, str) else content
        self.send_response_only(status)
        for name, value in pairs:
            self.send_header(name, value)
        bodiless = status in {204, 304}
        if "content-length" not in names and not bodiless:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD" and not bodiless:
            self.wfile.write(data)


@pytest.fixture
def served() -> Iterator[Callable[[Any], str]]:
    """Return ``served(handler) -> base_url``; every server is stopped at the test's end."""
    running: list[tuple[_Server, threading.Thread]] = []

    def serve(handler: Any) -> str:
        server = _Server(("127.0.0.1", 0), _Handler)
        server.answer = handler
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class FakeTarget:
    """A target whose answers a test sets; what it does not set is unavailable."""

    address: str
    guard: Guard
    kind: str = "fake"
    lines: list[LogLine] | None = None  # what logs() answers
    names: frozenset[str] | None = None  # what variable_names() answers
    copies: Callable[[str, Mapping[str, str | None]], AbstractContextManager[RunningCopy]] | None = None
    asked_copies: list[str] = field(default_factory=list)

    def base_url(self) -> str:
        return self.address

    def instances(self) -> list[Instance]:
        raise Unavailable("The fake has no instances.")

    def artifact(self) -> Artifact:
        raise Unavailable("The fake has no artifact.")

    def logs(self, since: int = 0) -> list[LogLine]:
        if self.lines is None:
            raise Unavailable("The fake has no log.")
        return self.lines[since:]

    def restarts(self) -> int:
        raise Unavailable("The fake has no restarts.")

    def variable_names(self) -> frozenset[str]:
        if self.names is None:
            raise Unavailable("The fake has no variables.")
        return self.names

    def deploy(self, *_: object) -> Deployment:
        raise Unavailable("The fake deploys nothing.")

    def rollback(self, *_: object) -> Deployment:
        raise Unavailable("The fake has nothing to go back to.")

    def previous(self) -> Artifact | None:
        return None

    def copy(self, name: str, variables: Mapping[str, str | None]) -> AbstractContextManager[RunningCopy]:
        if self.copies is None:
            raise Unavailable("The fake makes no copies.")
        self.asked_copies.append(name)
        return self._copied(self.copies(name, variables))

    @contextmanager
    def _copied(self, copy: AbstractContextManager[RunningCopy]) -> Iterator[RunningCopy]:
        with copy as running:
            allow_host(self.guard, running.base_url)
            yield running

    def stop(self) -> None:
        """Nothing runs."""


def allow_host(guard: Guard, url: str) -> None:
    """Let the guard pass requests to the host and port of a URL."""
    parts = urlsplit(url)
    guard.hosts.add((parts.hostname or "", parts.port or 80))


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Callable[..., Context]]:
    """Return ``context(base_url, allow=…, level=…, files={file: text}, **sections) -> Context``.

    ``files`` are written into the project's folder. Sections are those of a parameters file (``smoke={"health": {"path": "/health"}}``). All effects are allowed unless
    ``allow`` says otherwise. ``ctx.target`` is a :class:`FakeTarget`, whose fields a test may set.
    """
    opened: list[Http] = []

    def make(
        base_url: str,
        *,
        allow: frozenset[Effect] = frozenset(Effect),
        level: Any = "full",
        files: Mapping[str, str] | None = None,
        **sections: Any,
    ) -> Context:
        parameters = Parameters.model_validate(
            {"environment": "test", "deploy": {"kind": "none", "address": base_url}, **sections}
        )
        guard = Guard("test", allow, set(), pause=lambda _s: None)
        allow_host(guard, base_url)
        http = Http(guard, base_url, run="01TEST", level=level)
        opened.append(http)
        folders = {name: tmp_path / name for name in ("project", "workspace", "scratch")}
        for folder in folders.values():
            folder.mkdir(exist_ok=True)
        for name, text in (files or {}).items():
            (folders["project"] / name).parent.mkdir(parents=True, exist_ok=True)
            (folders["project"] / name).write_text(text, encoding="utf-8")
        return Context(
            parameters=parameters,
            guard=guard,
            http=http,
            target=FakeTarget(base_url, guard),
            live=None,
            places=Places.of(tmp_path, "test"),
            root=tmp_path,
            project=folders["project"],
            workspace=folders["workspace"],
            scratch=folders["scratch"],
            progress=lambda _line: None,
            hide=lambda _value, _name: None,
            keep=lambda name, _data: f"evidence/{name}",
            propose=lambda name, _text: name,
        )

    yield make
    for http in opened:
        http.close()

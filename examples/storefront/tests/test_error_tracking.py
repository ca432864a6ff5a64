"""Unexpected errors reach the tracker, and nothing private goes with them."""

import gzip
import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue
from threading import Thread

import pytest
import sentry_sdk
from conftest import Shop

from storefront import build_info, error_tracking
from storefront.db import Database


@pytest.fixture
def events() -> Iterator[tuple[str, Queue[bytes]]]:
    """Take the place of the service, and keep what arrives."""
    arrived: Queue[bytes] = Queue()

    class Sink(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            arrived.put(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Sink) as sink:
        thread = Thread(target=sink.serve_forever)
        thread.start()
        yield f"http://key@127.0.0.1:{sink.server_port}/1", arrived
        sink.shutdown()
        thread.join()


def test_an_error_is_sent_with_its_trace_id(
    events: tuple[str, Queue[bytes]],
    open_shop: Callable[..., Shop],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: Database) -> None:
        raise LookupError("nobody expected this")

    dsn, arrived = events
    shop = open_shop()
    error_tracking.configure(dsn, build_info.read())
    monkeypatch.setattr(Database, "session", fail)
    try:
        answer = shop.client.post(
            "/api/login", json={"email": "a@example.com", "password": "a private password"}
        )
        envelope = gzip.decompress(arrived.get(timeout=10))
    finally:
        sentry_sdk.get_global_scope().set_client(None)

    event = json.loads(envelope.splitlines()[-1])
    assert event["exception"]["values"][-1]["type"] == "LookupError"
    assert event["tags"]["trace_id"] == answer.json()["trace_id"]
    assert b"private password" not in envelope

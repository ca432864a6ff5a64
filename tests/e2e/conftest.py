"""Fixtures of end-to-end tests."""

from __future__ import annotations

import threading
from http.server import ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from e2e_parts import VERIFY_ONLY, Recorder, handler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Root


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """Return a server that keeps what it was asked."""
    made: list[Recorder] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(lambda: made[0]))
    server.daemon_threads = True
    made.append(Recorder(server))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield made[0]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def verify_only(root: Root) -> Callable[[str, str], Path]:
    """Return a function that writes an environment which verifies what somebody else deployed."""

    def write(name: str, address: str) -> Path:
        return root.write(name, VERIFY_ONLY.format(name=name, address=address))

    return write

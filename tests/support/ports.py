"""Ports for tests: one that refuses every connection for as long as a test needs it."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["refusing"]


@contextmanager
def refusing() -> Iterator[int]:
    """Yield a port at which connections are refused: bound and not listening, so nobody else gets it meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])

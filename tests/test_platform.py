"""What the machine gives out: ports for applications that will be started."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deployer_lib import platform
from deployer_lib.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_free_port_is_none_that_the_kernel_gives_away() -> None:
    """No outgoing connection takes it between the draw and the application's start."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    drawn = {platform.free_port() for _ in range(300)}
    assert drawn <= set(range(10_000, lowest))
    assert len(drawn) > 250  # two runs beside each other hardly ever draw the same


def test_a_port_that_somebody_has_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Listening or bound: it is not free, and with all of them taken nobody gets one."""
    free = platform.free_port()
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]

        def drawing(*ports: int) -> Callable[[range, int], list[int]]:
            return lambda _range, _count: list(ports)

        monkeypatch.setattr("deployer_lib.platform.random.sample", drawing(taken, free))
        assert free == platform.free_port()
        monkeypatch.setattr("deployer_lib.platform.random.sample", drawing(taken))
        with pytest.raises(Unavailable, match="No free port"):
            platform.free_port()

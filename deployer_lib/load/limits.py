"""This machine's limits on connections: file descriptors and ports."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from deployer_lib.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["descriptors", "possible", "require"]

#: Descriptors besides connections: those that wait for their end, the loop's own, and whatever opens meanwhile.
_SPARE: Final = 400
_OPEN: Final = Path("/proc/self/fd")
_PORTS: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")


def possible(workers: int = 1) -> int:
    """Return how many connections to one address this machine allows so many processes together."""
    import resource  # noqa: PLC0415  (not on every platform)

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    per_process = _ports() if hard == resource.RLIM_INFINITY else max(0, hard - _in_use() - _SPARE)
    return min(workers * per_process, _ports())


def require(connections: int, workers: int = 1) -> None:
    """Refuse more connections than are possible.

    Raises:
        UsageError: it says how many are.
    """
    most = possible(workers)
    if connections > most:
        raise UsageError(
            f"{connections:,} connections are not possible here: {most:,} are, by file descriptors (ulimit -Hn) and ports.",
            hint=f"Ask for at most {most:,}, raise the limits, or use more --workers.",
        )


@contextmanager
def descriptors(connections: int) -> Iterator[None]:
    """Raise this process's soft limit on descriptors for so many connections, and put it back at the end."""
    import resource  # noqa: PLC0415  (not on every platform)

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _in_use() + _SPARE
    if soft == resource.RLIM_INFINITY or wanted <= soft:
        yield
        return
    raised = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _in_use() -> int:
    return len(os.listdir(_OPEN))  # noqa: PTH208  (iterdir would hold one open itself)


def _ports() -> int:
    try:
        first, last = (int(text) for text in _PORTS.read_text().split())
    except (OSError, ValueError):
        return 28_232  # Linux's usual 32768 to 60999
    return last - first + 1

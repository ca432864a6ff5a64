"""Who serves a port of this machine, and what these processes use while something is sent to it."""

from __future__ import annotations

import ipaddress
import socket
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import psutil

from deployer_lib import platform
from deployer_lib.app.watching import watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from deployer_lib.app.resources import Resources

__all__ = ["watching"]


@contextmanager
def watching(host: str, port: int) -> Iterator[Callable[[], Resources | None]]:
    """Watch who listens where something is sent, and give what returns what was seen; None where it is another machine."""
    addresses = _addresses(host)
    if not addresses or not all(ipaddress.ip_address(address).is_loopback for address in addresses):
        yield lambda: None
        return
    found, note = _serving(port, addresses)
    with watch(found) as seen:
        yield lambda: replace(seen.resources, notes=(note,)) if note else seen.resources


def _addresses(host: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(info[4][0]).partition("%")[0] for info in found))


def _serving(port: int, addresses: Sequence[str]) -> tuple[list[platform.ProcessId], str]:
    """Return who listens on a port, and why nobody can be watched."""
    try:
        holders = platform.listeners(port)
    except (psutil.Error, OSError) as error:
        return [], f"Who listens on port {port} could not be read: {error}."
    # Another address of the same port may be another application's.
    asked = {pid for pid, address in holders.items() if address in addresses or _any(address)} or set(holders)
    found = {one.pid: one for pid in asked if pid is not None and (one := _topmost(pid, port))}
    if found:
        return list(found.values()), ""
    if holders:
        return [], f"Who listens on port {port} belongs to another user, and cannot be watched."
    return [], f"Nobody listens on port {port} of this machine, so nothing was watched."


def _any(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_unspecified


def _topmost(pid: int, port: int) -> platform.ProcessId | None:
    """Return the uppermost process that holds the same socket: a worker has it from who started it."""
    top = platform.identify(pid)
    try:
        for above in psutil.Process(pid).parents():
            if not platform.listening_of(port, [above]):
                break
            top = platform.identify(above.pid)
    except psutil.Error:  # it has just ended
        return top
    return top

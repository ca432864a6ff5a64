"""Ask one URL over many connections with aiohttp or httpx, and print how many answers came, as JSON.

``python bench_clients.py LIBRARY URL SECONDS CONNECTIONS``, or ``python bench_clients.py LIBRARY`` for the versions. It runs under
whatever interpreter has the library, so it imports nothing of this project.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import importlib.metadata
import json
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Ask = Callable[[int], Awaitable[object]]  # told the number of the connection


@contextlib.asynccontextmanager
async def aiohttp(url: str, connections: int) -> AsyncIterator[Ask]:
    """Share one session, as its documentation advises."""
    from aiohttp import ClientSession, TCPConnector  # noqa: PLC0415  (whichever library is asked for)

    async with ClientSession(connector=TCPConnector(limit=connections)) as session:

        async def ask(_number: int) -> None:
            async with session.get(url) as answer:
                await answer.read()

        yield ask


@contextlib.asynccontextmanager
async def httpx(url: str, connections: int) -> AsyncIterator[Ask]:
    """Share one client, as its documentation advises."""
    from httpx import AsyncClient, Limits  # noqa: PLC0415

    limits = Limits(max_connections=connections, max_keepalive_connections=connections)
    async with AsyncClient(limits=limits) as client:
        yield lambda _number: client.get(url)


@contextlib.asynccontextmanager
async def httpx_each(url: str, connections: int) -> AsyncIterator[Ask]:
    """Have one client for each connection: its pool takes the longer the more connections it holds."""
    from httpx import AsyncClient, create_ssl_context  # noqa: PLC0415

    trusted = create_ssl_context()
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(AsyncClient(verify=trusted)) for _ in range(connections)]
        yield lambda number: clients[number].get(url)


LIBRARIES = {"aiohttp": aiohttp, "httpx": httpx, "httpx-each": httpx_each}


async def load(library: str, url: str, seconds: float, connections: int) -> int:
    """Ask on each connection as soon as its last answer came, and return how many came."""
    count = 0
    async with LIBRARIES[library](url, connections) as ask:
        end = time.monotonic() + seconds

        async def loop(number: int) -> None:
            nonlocal count
            while time.monotonic() < end:
                await ask(number)
                count += 1

        await asyncio.gather(*(loop(number) for number in range(connections)))
    return count


def versions(library: str) -> str:
    """Return the library's version, and uvloop's where it is installed.

    Raises:
        PackageNotFoundError: the library is not installed.
    """
    told = importlib.metadata.version(library.partition("-")[0])
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        told += f" with uvloop {importlib.metadata.version('uvloop')}"
    return told


def main(library: str, *words: str) -> None:
    """Print the versions, or ask."""
    if not words:
        print(versions(library))
        return
    url, seconds, connections = words
    try:
        run = importlib.import_module("uvloop").run  # faster, where it is installed
    except ImportError:
        run = asyncio.run
    print(json.dumps({"requests": run(load(library, url, float(seconds), int(connections)))}))


if __name__ == "__main__":
    main(*sys.argv[1:])

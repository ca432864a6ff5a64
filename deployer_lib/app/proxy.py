"""A TCP proxy that can be told to fail: what stands between a diagnostic copy and its scratch database."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from typing import TYPE_CHECKING, Final, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import TracebackType

__all__ = ["Fault", "Proxy"]

#: ``pass`` forwards; ``refuse`` does not listen; ``reset`` accepts and resets; ``blackhole`` accepts and is silent.
Fault = Literal["pass", "refuse", "reset", "blackhole"]

_CALL_S: Final = 10.0
_CHUNK_BYTES: Final = 65_536


class Proxy:
    """Forward connections on a free loopback port to one upstream, until told otherwise.

    It runs in a thread of its own and ends with the block::

        with Proxy("127.0.0.1", 5432) as proxy:
            connect(proxy.port)
            proxy.set("refuse")
    """

    def __init__(self, host: str, port: int) -> None:
        self.port = 0  # of ours; the same after ``refuse`` and back
        self._upstream = (host, port)
        self._fault: Fault = "pass"
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CALL_S)
        self._loop.close()

    def set(self, fault: Fault) -> None:
        """Fail from now on in this way; connections that stand are cut, or fall silent in ``blackhole``."""
        self._call(self._change(fault))

    def _call(self, work: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_CALL_S)

    async def _change(self, fault: Fault) -> None:
        self._fault = fault
        if fault == "refuse":
            await self._close_server()
        elif self._server is None:
            await self._listen()
        if fault in {"refuse", "reset"}:
            for writer in list(self._writers):
                _reset(writer)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def _close_server(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _close(self) -> None:
        await self._close_server()
        for writer in list(self._writers):
            _reset(writer)
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._fault == "reset":
            _reset(writer)
            return
        with contextlib.suppress(OSError):
            back, there = await asyncio.open_connection(*self._upstream)
            ends = {writer, there}
            self._writers |= ends
            try:
                await asyncio.gather(self._pump(reader, there), self._pump(back, writer))
            finally:
                self._writers -= ends
                for end in ends:
                    end.close()
            return
        _reset(writer)  # the upstream itself does not answer

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK_BYTES):
            if self._fault == "blackhole":
                continue
            writer.write(data)
            await writer.drain()
        with contextlib.suppress(OSError):
            writer.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    raw: socket.socket | None = writer.get_extra_info("socket")
    if raw is not None:
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()

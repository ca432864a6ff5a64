"""A connection to a Dask scheduler: the only place that imports distributed, and only when somebody asks for a cluster.

Its client runs in an event loop of its own thread, so that every question has a limit of time: the client's own waits have
none where a scheduler falls silent.
"""

from __future__ import annotations

import asyncio
import importlib
import re
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, TypeVar

from deployer_lib.errors import ProcessError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

__all__ = ["Link", "Task"]

_ADDRESS: Final = re.compile(r"(tcp|tls)://(\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):(\d{1,5})/?")
_CONNECT_S: Final = 4.0
#: Less than the time after which workers take whoever asked for lost.
_ANSWER_S: Final = 8.0
_CLOSE_S: Final = 3.0
#: A job's schedule and what was measured take as long as the network does.
_MOVE_S: Final = 600.0

_Made = TypeVar("_Made")


class Task(Protocol):
    """What a worker was given to do: a Future of Dask."""

    @property
    def status(self) -> str:
        """Return pending, finished, error, lost or cancelled."""

    def result(self) -> Any:  # noqa: ANN401  (of an asynchronous client something to wait for)
        """Return what it made."""


class Link:
    """A connection to one scheduler; a context manager."""

    def __init__(self, scheduler: str) -> None:
        """Take the address; nothing is done yet.

        Args:
            scheduler: ``tcp://host:port`` or ``tls://host:port``.

        Raises:
            UsageError: it is no such address, or distributed is not installed.
        """
        match = _ADDRESS.fullmatch(scheduler)
        if not match or int(match[3]) > 65535:  # noqa: PLR2004  (ports)
            raise UsageError(
                f"{scheduler!r} is not the address of a Dask scheduler.",
                hint="For example tcp://10.0.0.5:8786; the scheduler prints it when it starts.",
            )
        self.scheduler: Final = scheduler.rstrip("/")
        self._made = _client_type()
        self._loop: asyncio.AbstractEventLoop
        self._thread: threading.Thread
        self._client: Any = None  # distributed's Client; it has types for callers that wait, not for these

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="dask", daemon=True)
        self._thread.start()
        try:
            self._client = self._within(_CONNECT_S + 1, self._connected())
        except BaseException as error:
            self._end_loop()
            if not isinstance(error, Exception):
                raise
            # Whatever listens there may answer anything: Dask raises from ValueError to MemoryError.
            said = f" ({error})" if isinstance(error, OSError) and str(error) else ""
            raise UsageError(
                f"No Dask scheduler answers at {self.scheduler}{said}.",
                hint="Start one with `dask scheduler`, and give the address that it prints; for tls:// Dask's own settings "
                "(distributed.comm.tls) must name the certificates.",
            ) from error
        return self

    def __exit__(self, *_error: object) -> None:
        with suppress(Exception):  # a scheduler that is gone needs no farewell
            self._within(_CLOSE_S, self._client.close())
        self._end_loop()

    def workers(self) -> dict[str, int]:
        """Return the workers that the cluster has now, each with the number of tasks that it has to do.

        Raises:
            ProcessError: the scheduler does not answer.
        """
        return self._answered(self._workers())

    def ask(
        self, function: Callable[..., _Made], *args: object, workers: Sequence[str]
    ) -> dict[str, _Made | Exception]:
        """Call a function in workers at once, beside whatever they do; return what each made of it, or raised.

        Raises:
            ProcessError: the scheduler does not answer, or a worker has gone.
        """
        return self._answered(self._run(function, args, list(workers)))

    def submit(self, function: Callable[..., object], big: object, *args: object, worker: str) -> Task:
        """Let a worker carry out a function on what may be big; nowhere else, and once.

        Raises:
            ProcessError: the scheduler does not answer, or the worker has gone.
        """
        return self._answered(self._submit(function, big, args, worker), _MOVE_S)

    def result(self, task: Task) -> object:
        """Return what a task made, or raise what it raised, or what became of its worker or the scheduler."""
        return self._within(_MOVE_S, _result(task))

    def forget(self, tasks: Sequence[Task]) -> None:
        """Call off what is not done, and let go of what is; nothing is raised."""
        with suppress(Exception):  # a scheduler that is gone has forgotten it all
            self._within(_CLOSE_S, self._client.cancel(list(tasks), force=True))

    async def _workers(self) -> dict[str, int]:
        tasks = await self._client.processing()
        return {str(address): len(keys) for address, keys in tasks.items()}

    async def _run(
        self, function: Callable[..., _Made], args: tuple[object, ...], workers: list[str]
    ) -> dict[str, _Made | Exception]:
        return dict(await self._client.run(function, *args, workers=workers, on_error="return"))

    async def _submit(
        self, function: Callable[..., object], big: object, args: tuple[object, ...], worker: str
    ) -> Task:
        # Given with the task, it would pass through the scheduler's memory, of which Dask warns.
        held = await self._client.scatter([big], workers=[worker], hash=False)
        task: Task = self._client.submit(
            function, held[0], *args, workers=[worker], allow_other_workers=False, pure=False, retries=0
        )
        return task

    async def _connected(self) -> object:
        client: Any = self._made(
            self.scheduler, asynchronous=True, timeout=_CONNECT_S, set_as_default=False, name="deployer-load"
        )
        try:
            await client
        except BaseException:
            with suppress(Exception):
                await asyncio.wait_for(client.close(), _CLOSE_S)
            raise
        return client

    def _answered(self, question: Coroutine[Any, Any, _Made], limit_s: float = _ANSWER_S) -> _Made:
        try:
            return self._within(limit_s, question)
        except Exception as error:  # of a connection, of a closed client, of what was cancelled with it …
            raise ProcessError(
                f"The Dask cluster at {self.scheduler} does not answer any more ({type(error).__name__}).",
                hint="Look at the logs of its scheduler and workers.",
            ) from error

    def _within(self, limit_s: float, question: Coroutine[Any, Any, _Made]) -> _Made:
        asked = asyncio.run_coroutine_threadsafe(question, self._loop)
        try:
            return asked.result(limit_s)
        finally:
            asked.cancel()

    def _end_loop(self) -> None:
        """End the thread; a client that does not end by itself is left behind in it."""

        async def ended() -> None:
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks, timeout=1)
            await self._loop.shutdown_asyncgens()

        with suppress(Exception):
            self._within(_CLOSE_S, ended())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CLOSE_S)
        if not self._thread.is_alive():
            self._loop.close()


async def _result(task: Task) -> object:
    return await task.result()


def _client_type() -> Callable[..., object]:
    try:
        made: Callable[..., object] = importlib.import_module("distributed").Client
    except ImportError as error:
        raise UsageError(
            f"A Dask cluster needs the package distributed, and it cannot be imported: {error}.",
            hint='Install the extra dask: pip install "deployer-lib[dask]".',
        ) from error
    return made

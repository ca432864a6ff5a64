"""The quick load test: a closed loop of threads over the guarded client.

Each of ``concurrent`` workers sends its next request when its last one ended. That is enough for a hundred requests; the
result is a :class:`~deployer_lib.load.result.LoadResult`, whatever engine makes it.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from deployer_lib.errors import NotAllowed, RequestFailed
from deployer_lib.load.brake import Brake
from deployer_lib.load.result import LoadResult, Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer_lib.app.http import Http

__all__ = ["quick"]

_FIRST_ERROR: Final = 400


@dataclass(slots=True)
class _Loop:
    http: Http
    path: str
    planned: int
    timeout_s: float
    deadline_ns: int
    progress: Callable[[str], None]
    brake: Brake = field(default_factory=Brake)
    rows: list[Request] = field(default_factory=list)
    bad: int = 0  # of the rows
    taken: int = 0
    stopped: str = ""
    refused: NotAllowed | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> bool:
        with self.lock:
            if not self.stopped and time.monotonic_ns() >= self.deadline_ns:
                self.stopped = "the time limit had come"
            if self.stopped or self.taken >= self.planned:
                return False
            self.taken += 1
            return True

    def work(self) -> None:
        while self.take():
            try:
                self.keep(self.once())
            except NotAllowed as error:
                with self.lock:
                    self.refused, self.stopped = error, "the guard refused it"

    def once(self) -> Request:
        intended = time.monotonic_ns()
        left_s = max(0.05, (self.deadline_ns - intended) / 1e9)
        try:
            answer = self.http.get(self.path, timeout_s=min(self.timeout_s, left_s))
        except RequestFailed as error:
            done = time.monotonic_ns()
            cut = error.kind == "timeout" and done >= self.deadline_ns
            return Request(intended, intended, done, error="stopped" if cut else error.kind)
        done = time.monotonic_ns()
        sent = max(intended, done - int(answer.elapsed_ms * 1e6))  # the guard may have held it back
        return Request(intended, sent, done, answer.status, len(answer.body))

    def keep(self, row: Request) -> None:
        with self.lock:
            self.rows.append(row)
            self.bad += row.status >= _FIRST_ERROR or row.status == 0
            if self.brake.over(row.done_ns, len(self.rows), self.bad) and not self.stopped:
                self.stopped = "more than 5 % of requests failed for 2 s"
            if len(self.rows) % max(1, self.planned // 4) == 0:
                self.progress(f"{len(self.rows)} of {self.planned} requests to {self.path}")


def quick(
    http: Http,
    path: str,
    *,
    requests: int = 100,
    concurrent: int = 10,
    timeout_s: float = 10.0,
    limit_s: float = 60.0,
    progress: Callable[[str], None] = lambda _line: None,
) -> LoadResult:
    """Send ``requests`` GET requests, ``concurrent`` at a time, and return what was measured.

    It stops itself above 5 % errors for 2 s, and at ``limit_s``; what was not sent then is counted as unsent.

    Args:
        http: the guarded client; the effect stress must have been permitted.
        path: path with query below the base URL.
        requests: how many in all.
        concurrent: how many at a time.
        timeout_s: limit in seconds for one answer.
        limit_s: limit in seconds for the whole test.
        progress: gets a line at each quarter.

    Raises:
        NotAllowed: the guard refused a request (effect, host, or the ceiling on requests).
    """
    loop = _Loop(http, path, requests, timeout_s, time.monotonic_ns() + int(limit_s * 1e9), progress)
    cpu = time.process_time()
    with ThreadPoolExecutor(concurrent, thread_name_prefix="load") as pool:
        workers = [pool.submit(loop.work) for _ in range(concurrent)]
        try:
            for worker in workers:
                worker.result()
        except BaseException:  # Ctrl-C too: no worker may go on sending while the pool waits for it
            loop.stopped = "interrupted"
            raise
    if loop.refused:
        raise loop.refused
    return LoadResult.of(
        loop.rows,
        planned=requests,
        concurrent=concurrent,
        client_cpu_s=time.process_time() - cpu,
        stopped=loop.stopped,
    )

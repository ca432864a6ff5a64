"""Start a process and know that it is up: whose answer is it, and if none comes, why?"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import psutil

from deployer_lib import platform
from deployer_lib.app.supervisor import stop
from deployer_lib.catalogue import Effect
from deployer_lib.errors import RequestFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from deployer_lib.app.handover import Live
    from deployer_lib.app.http import Answer, Http
    from deployer_lib.app.supervisor import Supervised
    from deployer_lib.guard import Guard
    from deployer_lib.parameters.model import Ready

__all__ = [
    "NotReady",
    "allow_host",
    "end_earlier",
    "foreign_holder",
    "read_from",
    "wait_ready",
]

_ASK_S: Final = 0.1  # between two questions
_ANSWER_S: Final = 5.0  # limit for one answer
_OUTPUT_BYTES: Final = 4_000_000  # of a log, from its end
_RELEASED_S: Final = 5.0  # until the port of a stopped process must be free


class NotReady(Exception):  # noqa: N818  (what was found, inside app/; it becomes Deployment.message)
    """Say in one sentence why a started process does not count as up."""

    def __init__(self, message: str, exit_code: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code


@contextlib.contextmanager
def allow_host(guard: Guard, base_url: str) -> Iterator[None]:
    """Let requests go to a process that we started, for a while."""
    parts = urlsplit(base_url)
    key = (parts.hostname or "", parts.port or 0)
    new = key not in guard.hosts
    guard.hosts.add(key)
    try:
        yield
    finally:
        if new:
            guard.hosts.discard(key)


def wait_ready(
    supervised: Supervised,
    http: Http,
    guard: Guard,
    ready: Ready,
    *,
    within_s: float,
    accepts: Callable[[Answer], bool] | None = None,
) -> None:
    """Ask until the ready path has answered as declared, several times in a row.

    Raises:
        NotReady: the process ended (said at once, with its exit code), or the time did.
    """
    deadline = time.monotonic() + within_s
    in_a_row, last = 0, "nothing was asked yet"
    with guard.during(Effect.DISRUPT):
        while in_a_row < ready.times:
            _still_runs(supervised)
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise NotReady(
                    f"{ready.path} did not answer {ready.status}"
                    f"{' as declared' if ready.expect else ''} {ready.times} times in a row within {within_s:g} s; last: {last}"
                )
            last, good = _ask(http, ready, min(_ANSWER_S, left_s), accepts)
            in_a_row = in_a_row + 1 if good else 0
            if in_a_row < ready.times:
                time.sleep(min(_ASK_S, max(0.0, deadline - time.monotonic())))
    _still_runs(supervised)


def foreign_holder(port: int, own: Collection[int]) -> str:
    """Return who listens on a port and is none of ours, as a person knows it; empty where nobody does."""
    for pid in platform.listeners(port):
        if pid is None or pid not in own:
            return _describe(pid)
    return ""


def end_earlier(ledger: Path, live: Live | None, port: int) -> str:
    """End what was deployed before and return what still holds the port then, empty where nothing does."""
    stop(ledger)
    if live is not None and live.pid and live.boot_id == platform.boot_id():
        process = platform.ProcessId(live.pid, live.pid_created).process()
        if process is not None:
            platform.end_processes([process, *platform.descendants(process.pid)], _RELEASED_S)
    deadline = time.monotonic() + _RELEASED_S
    while holder := foreign_holder(port, ()):
        if time.monotonic() > deadline:
            return holder
        time.sleep(_ASK_S)
    return ""


def read_from(path: Path, offset: int) -> str:
    """Return a log from an offset on (from its start where it has become shorter), its last 4 MB at most."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            start = offset if offset <= size else 0
            file.seek(max(start, size - _OUTPUT_BYTES))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def _ask(
    http: Http, ready: Ready, timeout_s: float, accepts: Callable[[Answer], bool] | None
) -> tuple[str, bool]:
    try:
        answer = http.get(ready.path, timeout_s=timeout_s)
    except RequestFailed as error:
        return error.message.rstrip("."), False
    if answer.status != ready.status:
        return f"{answer.status} {answer.text[:200]!r}", False
    if accepts is not None and not accepts(answer):
        return f"{answer.status}, but not {ready.expect}: {answer.text[:200]!r}", False
    return f"{answer.status}", True


def _still_runs(supervised: Supervised) -> None:
    ledger = supervised.ledger()
    if ledger.exits or ledger.state != "running":
        code = ledger.exits[-1].code if ledger.exits else None
        raise NotReady(f"the process ended by itself, {_how(code)}", code)


def _how(code: int | None) -> str:
    if code is None:
        return "for an unknown reason"
    return f"with exit code {code}" if code >= 0 else f"by signal {-code}"


def _describe(pid: int | None) -> str:
    if pid is None:
        return "a process of another user"
    try:
        process = psutil.Process(pid)
        words = process.cmdline()
        return (
            f"process {pid} ({Path(words[0]).name if words else process.name()}, user {process.username()})"
        )
    except psutil.Error:
        return f"process {pid}"

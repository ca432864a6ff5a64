"""Where a probe reads the application's log: what the target answers, else the declared file."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from deployer_lib.app.surroundings import fill
from deployer_lib.app.target import LogLine
from deployer_lib.errors import Unavailable
from deployer_lib.parameters.model import Logs
from deployer_lib.probes.log_lines import parsed, time_field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from deployer_lib.probes.context import Context

__all__ = ["log_lines", "log_settings", "wait_for_lines"]

_POLL_S: Final = 0.05
_MAX_BYTES: Final = 16_000_000  # of the end of a log file that are read
_MILLISECONDS: Final = 1e11  # an epoch time above this is in milliseconds


def log_settings(ctx: Context) -> Logs:
    """Return what is declared about the log, the defaults where nothing is."""
    return ctx.parameters.health.logs or Logs()


def log_lines(ctx: Context, since: int = 0) -> list[LogLine]:
    """Return log lines since the deployment, leaving out the first ``since``.

    Raises:
        Unavailable: the target has no log, or the declared file can't be read.
    """
    declared = log_settings(ctx).path
    try:
        return ctx.target.logs(since)
    except Unavailable:
        if not declared:
            raise
    return list(_of_file(ctx, declared))[since:]


def wait_for_lines(
    ctx: Context, since: int, found: Callable[[list[LogLine]], bool], *, within_s: float
) -> tuple[list[LogLine], float]:
    """Return the lines after the first ``since`` as soon as ``found`` holds of them, or at the time limit.

    A log has no event that could be waited for from outside, so it is read again and again.

    Returns:
        The lines, and how many seconds it took.
    """
    started = time.monotonic()
    while True:
        lines = log_lines(ctx, since)
        took_s = time.monotonic() - started
        if found(lines) or took_s >= within_s:
            return lines, took_s
        time.sleep(_POLL_S)


def _of_file(ctx: Context, declared: str) -> Iterator[LogLine]:
    path = Path(fill(declared, {"state": str(ctx.places.state), "project": str(ctx.workspace)}))
    path = path if path.is_absolute() else ctx.workspace / path
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _MAX_BYTES))
            texts = file.read().decode("utf-8", "replace").split("\n")
    except OSError as error:
        raise Unavailable(
            f"The log file {declared} can't be read: {error.strerror}.",
            hint="Set health.logs.path to the file that the application writes.",
        ) from error
    if texts[-1] == "":
        texts.pop()
    if ctx.live:
        texts = texts[_first_since(texts, ctx.live.started_at) :]
    for number, text in enumerate(texts, 1):
        yield LogLine(text.rstrip("\r"), path.name, number)


def _first_since(texts: list[str], started_at: str) -> int:
    """Return the index of the first line that is not older than the deployment; 0 where no line tells its time."""
    started = _moment(started_at)
    if started is None:
        return 0
    for index in range(len(texts) - 1, -1, -1):
        line = parsed(texts[index])
        name = time_field(line) if line else None
        moment = _moment(line[name]) if line and name else None
        if moment is not None and moment < started:
            return index + 1
    return 0


def _moment(value: object) -> float | None:
    """Return seconds since the epoch of an ISO 8601 text or of an epoch number, None where it is neither."""
    if isinstance(value, int | float):
        return value / 1e3 if value > _MILLISECONDS else float(value)
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

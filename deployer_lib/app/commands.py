"""Run one declared command to its end: no shell, no standard input, a time limit, and nothing of it left behind."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Final

from deployer_lib.errors import ProcessError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

__all__ = ["OUTPUT_CHARACTERS", "Done", "find_command", "run_command"]

OUTPUT_CHARACTERS: Final = 20_000  # how much of a command's output is kept in memory, from its end
_LINE_CHARACTERS: Final = 65_536  # a longer line is cut into several
_TICK_S: Final = 0.05  # how often an ended command whose children hold its output open is noticed
_GRACE_S: Final = 2.0  # between asking the group to end and ending it


@dataclass(frozen=True, slots=True)
class Done:
    """What a command did."""

    exit_code: int | None  # negative: ended by that signal; None: ended by the time limit
    duration_s: float
    output: str  # both streams in the order of their arrival, the last 20,000 characters
    line_count: int  # lines that it printed in all, the forgotten ones included

    @property
    def ok(self) -> bool:
        """Tell whether it ended by itself with exit code 0."""
        return self.exit_code == 0

    @property
    def lines(self) -> list[str]:
        """Return the lines of what was kept of its output."""
        return self.output.splitlines()


def run_command(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout_s: float,
    on_line: Callable[[str], None] | None = None,
    log: Path | None = None,
    stderr: IO[bytes] | None = None,
) -> Done:
    """Run a command in a process group of its own and return what it did.

    Whatever is left of the group is ended with the command: a build must not leave a server behind. ``on_line`` is
    called in the caller's thread. Bytes that are not UTF-8 are replaced.

    Args:
        argv: the command's words; the first is found on the PATH of ``env``.
        cwd: folder in which it runs.
        env: its whole environment.
        timeout_s: limit in seconds; past it the group is ended and ``exit_code`` is None.
        on_line: gets each line, without its end, as it comes.
        log: file that gets the whole output.
        stderr: gets the second stream, which is else part of the output.

    Raises:
        ProcessError: it could not be started.
    """
    started = time.monotonic()
    process = _start(argv, cwd, env, stderr)
    tail = _Tail(process, on_line)
    with contextlib.ExitStack() as stack:
        stack.callback(tail.close)
        stack.callback(_end_group, process)
        if log is not None:
            tail.log = stack.enter_context(log.open("w", encoding="utf-8"))
        in_time = tail.follow(started + timeout_s)
    return Done(
        process.returncode if in_time else None, time.monotonic() - started, tail.text(), tail.line_count
    )


def find_command(word: str, *, cwd: Path, env: Mapping[str, str]) -> Path | None:
    """Return the file that a command's first word would run, None where there is none."""
    folders = [""] if os.path.dirname(word) else os.get_exec_path(dict(env))  # noqa: PTH120  (as execvp decides)
    for folder in folders:
        path = cwd / folder / word
        if path.is_file() and os.access(path, os.X_OK):
            return path
    return None


def _start(
    argv: Sequence[str], cwd: Path, env: Mapping[str, str], stderr: IO[bytes] | None
) -> subprocess.Popen[str]:
    if not argv:
        raise ProcessError("An empty command can't be run.", hint="Give it at least one word.")
    if not cwd.is_dir():
        raise ProcessError(f"{argv[0]} can't be run in {cwd}: there is no such folder.")
    try:
        return subprocess.Popen(
            list(argv),
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr or subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise ProcessError(
            f"The command {argv[0]} was not found.", hint="Install it, or write its whole path."
        ) from error
    except (OSError, ValueError) as error:
        raise ProcessError(
            f"The command {argv[0]} can't be run: {error}.",
            hint="Is it an executable file with a first line such as #!/bin/sh?",
        ) from error


@dataclass(slots=True)
class _Tail:
    """Follow a process's output; a thread reads, so that a time limit holds while nothing comes."""

    process: subprocess.Popen[str]
    on_line: Callable[[str], None] | None
    log: IO[str] | None = None
    line_count: int = 0
    _kept: deque[str] = field(default_factory=deque)
    _characters: int = 0
    _thread: threading.Thread | None = None
    _over: threading.Event = field(default_factory=threading.Event)
    # Bounded, so that a command that prints faster than its lines are taken has to wait, and memory does not grow.
    _lines: queue.Queue[str | None] = field(default_factory=lambda: queue.Queue(10_000))

    def follow(self, deadline: float) -> bool:
        """Take lines until the process has ended and its output too; False where the deadline came first."""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        open_ = True
        while open_:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return False
            try:
                line = self._lines.get(timeout=min(_TICK_S, left_s))
            except queue.Empty:
                open_ = self.process.poll() is None
                continue
            open_ = line is not None
            if line is not None:
                self._take(line)
        return self._finish(deadline)

    def _finish(self, deadline: float) -> bool:
        try:
            self.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return False
        _end_group(
            self.process
        )  # children that hold the output open; what they printed is taken all the same
        with contextlib.suppress(queue.Empty):
            while (line := self._lines.get(timeout=_TICK_S)) is not None:
                self._take(line)
        return True

    def text(self) -> str:
        return "".join(self._kept)[-OUTPUT_CHARACTERS:]

    def close(self) -> None:
        """Let the reader go; where a daemon that left the group holds the output open, it stays behind asleep."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(_GRACE_S)

    def _read(self) -> None:
        stream = self.process.stdout
        if stream is not None:
            with stream:
                while line := stream.readline(_LINE_CHARACTERS):
                    self._put(line)
        self._put(None)

    def _put(self, line: str | None) -> None:
        while not self._over.is_set():
            with contextlib.suppress(queue.Full):
                self._lines.put(line, timeout=_TICK_S)
                return

    def _take(self, line: str) -> None:
        self.line_count += 1
        self._kept.append(line)
        self._characters += len(line)
        while self._characters - len(self._kept[0]) > OUTPUT_CHARACTERS:
            self._characters -= len(self._kept.popleft())
        if self.log is not None:
            self.log.write(line)
        if self.on_line is not None:
            self.on_line(line.rstrip("\n"))


def _end_group(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        _signal_group(process, "SIGTERM")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)
    _signal_group(process, "SIGKILL")
    process.wait()


def _signal_group(process: subprocess.Popen[str], name: str) -> None:
    if sys.platform == "win32":
        process.kill()
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.Signals[name])

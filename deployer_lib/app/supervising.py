"""The inside of the supervisor's process: see :mod:`~deployer_lib.app.supervisor`."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from deployer_lib import platform
from deployer_lib.app.ledger import Exit, Ledger, write_ledger
from deployer_lib.app.supervisor import MARKER

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["main"]

_TICK_S: Final = 0.5  # how often the owner of a lease is looked at
_BACKOFF_S: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)  # before each start again; then it is given up
_STEADY_S: Final = 60.0  # a process that ran so long begins at the first of these again


def main(ledger: str) -> None:
    """Read a spec from standard input, detach, start its process and stay with it until it has ended."""
    spec = json.load(sys.stdin)
    if os.fork():
        os._exit(0)  # whoever started us waits for our answer on standard output, not for our end
    os.setsid()
    platform.adopt_orphans()
    os.chdir("/")
    supervisor = _Supervisor(spec, Path(ledger))
    supervisor.listen()
    try:
        supervisor.launch()
    except OSError as error:
        supervisor.note(state="ended")
        _answer(f"{error.strerror}: {error.filename or spec['shown'][0]}")
        return
    _answer("started")
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    supervisor.run()


@dataclass(slots=True)
class _Supervisor:
    spec: dict[str, Any]
    path: Path
    ledger: Ledger = field(init=False)
    told: bool = False  # by a signal, to end
    wakeup: int = -1
    launched_at: float = 0.0
    failures: int = 0  # starts again since it last ran steadily

    def __post_init__(self) -> None:
        spec, me = self.spec, platform.identify(os.getpid())
        boot = platform.boot_id()
        owner = spec["owner"]
        self.ledger = Ledger(
            id=f"{self.path.name.partition('.')[0]}-{boot[:8]}-{os.getpid()}-{time.time_ns()}",
            name=spec["name"],
            command=tuple(spec["shown"]),
            cwd=spec["cwd"],
            log=spec["log"],
            boot=boot,
            supervisor=me,
            owner=platform.ProcessId(**owner) if owner else None,
            started_at=_now(),
            stop_timeout_s=spec["stop_timeout_s"],
        )
        write_ledger(self.path, self.ledger)

    def note(self, **changes: Any) -> None:  # noqa: ANN401  (fields of Ledger)
        self.ledger = replace(self.ledger, **changes)
        write_ledger(self.path, self.ledger)

    def listen(self) -> None:
        """Let signals wake the loop; handlers, unlike ignoring, are not inherited by the application."""
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        self.wakeup = reader
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._tell)
        for number in (signal.SIGCHLD, signal.SIGHUP):
            signal.signal(number, lambda *_: None)

    def _tell(self, _number: int, _frame: FrameType | None) -> None:
        self.told = True

    def launch(self) -> None:
        """Start the process; its session is its own, its output goes to the log."""
        spec = self.spec
        log = os.open(spec["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            process = subprocess.Popen(
                spec["argv"],
                cwd=spec["cwd"],
                env=spec["env"] | {MARKER: self.ledger.id},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        finally:
            os.close(log)
        process.returncode = 0  # collected by waitpid(-1) together with adopted orphans, not by Popen
        self.launched_at = time.monotonic()
        identity = platform.identify(process.pid) or platform.ProcessId(process.pid, time.time())
        self.note(state="running", process=identity)

    def run(self) -> None:
        """Stay until the process has ended for good, the lease ends, or a signal says so."""
        while not self.told and self.ledger.owned():
            code = self._collect()
            if code is not None and not self._goes_on(code):
                self._end_tree()
                self.note(state="ended")
                return
            if code is None:
                self._sleep(_TICK_S)
        self._end_tree()
        self.note(state="stopped")

    def _collect(self) -> int | None:
        """Collect whatever has ended; return the exit code of the process itself once it has."""
        found = None
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return found
            if pid == 0:
                return found
            if self.ledger.process is not None and pid == self.ledger.process.pid:
                found = os.waitstatus_to_exitcode(status)

    def _goes_on(self, code: int) -> bool:
        """Note an exit, and adopt a daemon or start again where that is due."""
        left = platform.descendants(os.getpid())
        if code == 0 and left:
            # It put itself into the background: from now on its eldest is what is watched.
            eldest = min(left, key=lambda process: process.create_time())
            self.note(process=platform.ProcessId(eldest.pid, eldest.create_time()))
            return True
        pid = self.ledger.process.pid if self.ledger.process else 0
        self.note(exits=(*self.ledger.exits, Exit(pid, code, _now())))
        if code == 0 or self.spec["restart"] != "on-failure":
            return False
        if time.monotonic() - self.launched_at > _STEADY_S:
            self.failures = 0
        if self.failures >= len(_BACKOFF_S):
            return False
        return self._again()

    def _again(self) -> bool:
        self._end_tree()  # children of the dead one may hold its port
        until = time.monotonic() + _BACKOFF_S[self.failures]
        self.failures += 1
        while (left_s := until - time.monotonic()) > 0:
            if self.told or not self.ledger.owned():
                return True  # the loop sees it
            self._sleep(min(_TICK_S, left_s))
        try:
            self.launch()
        except OSError:
            return False
        self.note(restarts=self.ledger.restarts + 1)
        return True

    def _end_tree(self) -> None:
        """End everything below: asked first, then not; whatever is forked meanwhile is found by looking again."""
        within_s = float(self.spec["stop_timeout_s"])
        while left := platform.descendants(os.getpid()):
            if not platform.end_processes(left, within_s):
                within_s = 0.0
        code = self._collect()
        if code is not None and self.ledger.process is not None:
            self.note(exits=(*self.ledger.exits, Exit(self.ledger.process.pid, code, _now())))

    def _sleep(self, within_s: float) -> None:
        ready, _, _ = select.select([self.wakeup], [], [], within_s)
        if ready:
            os.read(self.wakeup, 4096)


def _answer(text: str) -> None:
    os.write(1, text.encode("utf-8", "replace"))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

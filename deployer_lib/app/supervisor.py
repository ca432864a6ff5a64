"""A process of its own that runs one application, outlives whoever started it, and leaves nothing behind.

:func:`start` hands a :class:`Spec` to a fresh Python through a pipe (so no secret reaches a file or a command line) and
returns once the application was started, or could not be. The supervisor has its own session and adopts orphans, so
that daemons which fork twice are found too; it keeps the :mod:`~deployer_lib.app.ledger`, starts the application again
where asked to, and ends when it has ended, when it is told to (SIGTERM), or when the owner of its lease is gone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from deployer_lib import platform
from deployer_lib.app.ledger import SUFFIX, Ledger, read_ledger, write_ledger
from deployer_lib.app.surroundings import base_environment
from deployer_lib.errors import ProcessError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psutil

__all__ = ["MARKER", "Restart", "Spec", "Supervised", "find", "start", "stop", "sweep"]

#: Variable that every supervised process carries, so that it is found again when its supervisor was killed.
MARKER: Final = "DEPLOYER_SUPERVISED"

Restart = Literal["never", "on-failure"]

_START_S: Final = 30.0  # until the supervisor must have started its process, on a busy machine
_KILL_S: Final = 5.0  # beyond the stop time-out, for ending what did not end
# -P and appending: nothing beside deployer_lib may stand before the standard library.
_BOOT: Final = "import sys; sys.path.append(sys.argv[1]); from deployer_lib.app.supervising import main; main(sys.argv[2])"


@dataclass(frozen=True, slots=True)
class Spec:
    """What a supervisor is to run."""

    name: str
    argv: tuple[str, ...]  # as it is run, secrets revealed
    shown: tuple[str, ...]  # as it may be shown
    cwd: Path
    env: Mapping[str, str]  # the whole environment
    log: Path  # both streams are appended to it
    ledger: Path  # …/<name>.ledger.json
    restart: Restart = "never"
    stop_timeout_s: float = 10.0  # between asking the process to end and ending it
    leased: bool = False  # whether it ends with the process that started it


@dataclass(frozen=True, slots=True)
class Supervised:
    """A process under a supervisor, found by its ledger."""

    path: Path

    def ledger(self) -> Ledger:
        """Return what its supervisor knows now.

        Raises:
            ProcessError: the ledger is gone or torn.
        """
        ledger = read_ledger(self.path)
        if ledger is None:
            raise ProcessError(f"The supervisor's ledger {self.path.name} is gone.")
        return ledger

    def running(self) -> bool:
        """Tell whether the process runs."""
        return self.ledger().running()

    def tree(self) -> list[psutil.Process]:
        """Return the processes that belong to it, its supervisor left out."""
        return _tree(self.ledger())

    def wait_exit(self, within_s: float) -> int | None:
        """Wait until the process ends by itself and return its exit code, None where it still runs then."""
        deadline = time.monotonic() + within_s
        while not (exits := self.ledger().exits):
            if time.monotonic() >= deadline:
                return None
            time.sleep(0.02)
        return exits[-1].code

    def stop(self) -> None:
        """End the process with everything that belongs to it."""
        stop(self.path)


def start(spec: Spec) -> Supervised:
    """Start a process under a supervisor of its own and return once it was started.

    Raises:
        ProcessError: it could not be started, or the ledger's process still runs.
        Unavailable: this system can't.
    """
    platform.require_linux("Starting the application")
    before = read_ledger(spec.ledger)
    if before is not None and (before.supervised() or _tree(before)):
        raise ProcessError(f"{spec.name} runs already.", hint="Stop it first.")
    spec.ledger.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    spec.log.parent.mkdir(parents=True, exist_ok=True)
    owner = platform.identify(os.getpid()) if spec.leased else None
    document = asdict(replace(spec, env={})) | {
        "env": dict(spec.env),
        "owner": asdict(owner) if owner else None,
    }
    answer = _launch(json.dumps(document, default=str), spec.ledger)
    if answer:
        raise ProcessError(f"{spec.name} could not be started: {answer}", hint="Look at deploy.start.")
    return Supervised(spec.ledger)


def find(ledger: Path) -> Supervised | None:
    """Return the supervised process of a ledger, None where there is no ledger."""
    return Supervised(ledger) if read_ledger(ledger) is not None else None


def stop(ledger: Path) -> bool:
    """End a supervised process with its whole tree; False where nothing of it ran.

    Raises:
        ProcessError: something of it could not be ended.
    """
    known = read_ledger(ledger)
    if known is None or not known.this_boot:
        return False
    supervisor = known.supervisor.process() if known.supervisor else None
    ran = supervisor is not None or bool(_tree(known))
    if supervisor is not None and known.supervisor is not None:
        supervisor.terminate()
        known.supervisor.wait(known.stop_timeout_s + _KILL_S)
    left = platform.end_processes(_tree(known), min(known.stop_timeout_s, _KILL_S))
    if left or known.supervised():
        names = ", ".join(str(process.pid) for process in left) or "its supervisor"
        raise ProcessError(f"{known.name} could not be stopped: {names} still runs.")
    now = read_ledger(ledger)
    if now is not None and now.state in {"starting", "running"}:
        write_ledger(ledger, replace(now, state="lost"))  # its supervisor was killed before
    return ran


def sweep(folder: Path) -> list[str]:
    """End what dead owners and killed supervisors left behind, and return a sentence on each."""
    said = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            known = read_ledger(path)
        except ProcessError as error:
            said.append(error.message)
            continue
        if known is None or (known.supervised() and known.owned()):
            continue
        if stop(path):
            why = "its supervisor was killed" if not known.supervised() else "whoever started it is gone"
            said.append(
                f"{known.name} (process {known.process.pid if known.process else '?'}) was ended: {why}."
            )
        if known.owner is not None:
            path.unlink(missing_ok=True)
    return said


def _tree(ledger: Ledger) -> list[psutil.Process]:
    if not ledger.this_boot:
        return []
    found: dict[int, psutil.Process] = {}
    if ledger.supervised() and ledger.supervisor is not None:
        found = {process.pid: process for process in platform.descendants(ledger.supervisor.pid)}
    else:
        # Orphans belong to init now: what was started, what is below it, and what carries the marker.
        process = ledger.process.process() if ledger.process else None
        roots = [*([process] if process else []), *platform.marked(MARKER, ledger.id)]
        for root in roots:
            found |= {p.pid: p for p in (root, *platform.descendants(root.pid))}
    return list(found.values())


def _launch(document: str, ledger: Path) -> str:
    """Hand the document over and return why the process could not be started, empty where it was."""
    package = Path(__file__).parents[2]
    errors = ledger.with_suffix(".err")
    with errors.open("w", encoding="utf-8") as stderr:
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-c", _BOOT, str(package), str(ledger)],
                input=document,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=base_environment(os.environ),
                encoding="utf-8",
                timeout=_START_S,
                check=False,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired:
            return f"the supervisor did not answer within {_START_S:g} s"
    if done.stdout.strip() == "started":
        errors.unlink(missing_ok=True)
        return ""
    return done.stdout.strip() or errors.read_text(encoding="utf-8", errors="replace")[-2000:].strip()

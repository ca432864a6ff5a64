"""The supervisor's ledger: what it runs, what became of it, and how to find it again, in one small JSON file.

It holds no secret: the environment and the command's secrets reach the supervisor by a pipe alone.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from deployer_lib.errors import ProcessError
from deployer_lib.platform import ProcessId, boot_id

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LEDGER_SCHEMA", "SUFFIX", "Exit", "Ledger", "read_ledger", "write_ledger"]

LEDGER_SCHEMA: Final = "ledger/1"
SUFFIX: Final = ".ledger.json"


@dataclass(frozen=True, slots=True)
class Exit:
    """One end of the supervised process."""

    pid: int
    code: int  # negative: ended by that signal
    at: str  # UTC ISO 8601


@dataclass(frozen=True, slots=True)
class Ledger:
    """What a supervisor knows."""

    id: str  # also the marker that its processes carry
    name: str
    command: tuple[str, ...]  # secrets shown as [secure]
    cwd: str
    log: str
    boot: str
    state: str = "starting"  # starting, running, ended (by itself), stopped (by us), lost (supervisor killed)
    supervisor: ProcessId | None = None
    process: ProcessId | None = None
    owner: ProcessId | None = None  # with it the lease ends; None has no lease
    started_at: str = ""  # UTC ISO 8601, of the first start
    restarts: int = 0
    exits: tuple[Exit, ...] = ()
    stop_timeout_s: float = 10.0

    @property
    def this_boot(self) -> bool:
        """Tell whether its pids can still mean anything."""
        return self.boot == boot_id()

    def supervised(self) -> bool:
        """Tell whether its supervisor runs."""
        return self.this_boot and self.supervisor is not None and self.supervisor.alive()

    def running(self) -> bool:
        """Tell whether its process runs."""
        return self.this_boot and self.process is not None and self.process.alive()

    def owned(self) -> bool:
        """Tell whether its lease holds, or it has none."""
        return self.owner is None or (self.this_boot and self.owner.alive())


def read_ledger(path: Path) -> Ledger | None:
    """Return a ledger, None where there is none.

    Raises:
        ProcessError: it is not one.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data.pop("schema") != LEDGER_SCHEMA:
            raise ValueError("another schema")  # noqa: TRY301  (one message for every way of being no ledger)
        for name in ("supervisor", "process", "owner"):
            data[name] = _process(data[name])
        exits = tuple(Exit(**item) for item in data.pop("exits"))
        return Ledger(**{**data, "command": tuple(data["command"])}, exits=exits)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProcessError(
            f"The supervisor's ledger {path.name} can't be read: {error}.",
            hint="Remove it, after ending by hand what it had started.",
        ) from error


def write_ledger(path: Path, ledger: Ledger) -> None:
    """Write a ledger so that a reader, or a crash, finds the old one or the new one."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with fresh.open("w", encoding="utf-8") as file:
        json.dump({"schema": LEDGER_SCHEMA, **asdict(ledger)}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _process(data: dict[str, Any] | None) -> ProcessId | None:
    return None if data is None else ProcessId(**data)

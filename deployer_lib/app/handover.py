"""live.json: the one channel by which phases hand facts to later ones (contract, DESIGN.md section 4).

Whether a runner, plain papermill or a person in JupyterLab goes from phase to phase, the same file is read.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final

from deployer_lib.catalogue import Phases
from deployer_lib.errors import HandoverError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["LIVE_SCHEMA", "Live", "deployed_anew", "read_live", "update_live"]

LIVE_SCHEMA: Final = "live/1"


@dataclass(frozen=True, slots=True)
class Live:
    """What stands deployed, and what earlier phases found out about it."""

    schema: str = LIVE_SCHEMA
    run: str = ""  # run id that wrote it last
    environment: str = ""
    artifact: dict[str, str] = field(default_factory=dict)  # name, digest, commit, version
    artifact_path: str = ""  # file or folder that was built or given
    version: str = ""  # label that was deployed
    build_id: str = ""  # what the application must answer, where the build says one
    base_url: str = ""
    port: int = 0
    pid: int = 0  # of the application
    pid_created: float = 0.0  # its create time in seconds since the epoch
    boot_id: str = ""
    supervisor_pid: int = 0
    log_path: str = ""
    log_offset: int = 0  # bytes in the log before this deployment
    started_at: str = ""  # UTC ISO 8601
    required: tuple[str, ...] = ()  # names of variables that the code requires
    previous: dict[str, str] = field(default_factory=dict)  # artifact before this one
    blocked_by: str = ""  # id of the check that means: the target is not touched further
    passed: tuple[str, ...] = ()  # ids that passed in phases of this run, for ``needs`` across phases
    not_passed: tuple[str, ...] = ()  # ids that were made and did not pass


def deployed_anew(live: Live) -> Live:
    """Forget what was found out about the deployment before: only what was seen before any deployment still holds."""
    kept = tuple(
        f"{phase.value}." for phase in (Phases.PREFLIGHT, Phases.ENVIRONMENT, Phases.BUILD, Phases.DEPLOY)
    )
    return replace(
        live,
        passed=tuple(i for i in live.passed if i.startswith(kept)),
        not_passed=tuple(i for i in live.not_passed if i.startswith(kept)),
    )


def read_live(folder: Path) -> Live | None:
    """Return what stands in ``folder/live.json``, None where there is none.

    Raises:
        HandoverError: it is torn, or of another schema.
    """
    path = folder / "live.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise HandoverError(
            f"{path.name} can't be read: {error}.", hint="Remove it and run phase 03 again."
        ) from error
    if not isinstance(data, dict) or data.get("schema") != LIVE_SCHEMA:
        raise HandoverError(
            f"{path.name} is not of schema {LIVE_SCHEMA}.", hint="Remove it and run phase 03 again."
        )
    known = {f.name for f in fields(Live)}
    tuples = {"required", "passed", "not_passed"}
    values: dict[str, Any] = {k: tuple(v) if k in tuples else v for k, v in data.items() if k in known}
    return Live(**values)


def update_live(folder: Path, change: Callable[[Live], Live | None]) -> Live | None:
    """Replace live.json by what ``change`` makes of it, under a lock, by one rename; None removes it."""
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / ".live.lock"):
        new = change(read_live(folder) or Live())
        path = folder / "live.json"
        if new is None:
            path.unlink(missing_ok=True)
            return None
        fresh = folder / f".live.{os.getpid()}"
        with fresh.open("w", encoding="utf-8") as file:
            json.dump(asdict(new), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        return new


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

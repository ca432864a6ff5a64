"""Go on with a run that was interrupted: phases that were finished stay, the rest is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psutil

from deployer_lib.app.handover import read_live
from deployer_lib.errors import UsageError
from deployer_lib.history import list_runs
from deployer_lib.notebooks import keeps_inputs, read_phase
from deployer_lib.record import State

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from deployer_lib.places import Places
    from deployer_lib.runbook.notebooks import Notebook

__all__ = ["Resumed", "resume"]

_FINISHED: Final = frozenset({State.DONE, State.BLOCKED, State.SKIPPED})
_NEEDS_THE_DEPLOYMENT: Final = frozenset({"smoke", "health", "bugs"})
_CLOCK_S: Final = 1.0  # create times of one process differ by less


@dataclass(frozen=True, slots=True)
class Resumed:
    """An unfinished run, and what is left to do of it."""

    run: str
    run_dir: Path
    first: str  # phase that keeps the inputs; empty where an earlier one has kept them
    remaining: tuple[Notebook, ...]


def resume(places: Places, notebooks: Sequence[Notebook]) -> Resumed:
    """Return the newest unfinished run of an environment and the notebooks that it still lacks.

    A deployment is proved again: where its process is gone, the run goes on from phase 03.

    Raises:
        UsageError: no run is unfinished.
    """
    unfinished = [
        r for r in list_runs(places.records) if r.path.parent == places.records and r.state != "sealed"
    ]
    if not unfinished:
        raise UsageError(
            f"No run of {places.environment} is unfinished.",
            hint=f"deployer run {places.environment} makes a new one.",
        )
    folder = unfinished[-1].path
    finished = _finished(folder, notebooks)
    after_deploy = [
        n.phase for n in notebooks if n.phase in _NEEDS_THE_DEPLOYMENT and n.phase not in finished
    ]
    if "deploy" in finished and after_deploy and not _still_deployed(places, folder.name):
        finished = finished[: finished.index("deploy")]
    remaining = tuple(n for n in notebooks if n.phase not in finished)
    for notebook in remaining:
        (folder / notebook.name).unlink(missing_ok=True)
    kept = any(keeps_inputs(folder / n.name) for n in notebooks if n.phase in finished)
    return Resumed(folder.name, folder, "" if kept else remaining[0].phase, remaining)


def _finished(folder: Path, notebooks: Sequence[Notebook]) -> list[str]:
    """Return the phases that were finished one after the other from the first on."""
    finished: list[str] = []
    for notebook in notebooks:
        path = folder / notebook.name
        if (
            notebook.phase == "report"
            or not path.is_file()
            or read_phase(path, notebook.phase).state not in _FINISHED
        ):
            break
        finished.append(notebook.phase)
    return finished


def _still_deployed(places: Places, run: str) -> bool:
    live = read_live(places.records)
    if live is None or live.run != run:
        return False
    if not live.pid:
        return bool(live.base_url)
    try:
        return abs(psutil.Process(live.pid).create_time() - live.pid_created) < _CLOCK_S
    except psutil.NoSuchProcess:
        return False

"""Give DEPLOYMENT_LOG.md and NEXT_ACTIONS.md to the people and roles that read them."""

from __future__ import annotations

import fcntl
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from deployer_lib.phase.inputs import published_folder
from deployer_lib.reports.build import build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from deployer_lib.parameters.reader import Loaded
    from deployer_lib.places import Places
    from deployer_lib.record import Record

__all__ = ["publish"]


def publish(places: Places, loaded: Loaded, record: Record, log: str) -> Iterator[str]:
    """Copy the log, and merge the next actions, into the coordination folder; say what could not be done.

    What others wrote into NEXT_ACTIONS.md since the run began is kept: the merge is made again on what stands there now.
    """
    parameters = loaded.parameters
    project = (places.root / parameters.project.path).resolve()
    coordination = parameters.coordination
    folder = published_folder(places.root, project, coordination.dir, coordination.publish_to)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (places.root / ".deployer" / "publish.lock").open(
            "w"
        ) as lock:  # environments may share the folder
            fcntl.flock(lock, fcntl.LOCK_EX)
            _replace(folder / "DEPLOYMENT_LOG.md", log.encode())
            yield from _next_actions(folder / "NEXT_ACTIONS.md", record)
    except OSError as error:
        yield f"could not publish to {coordination.publish_to or coordination.dir}: {error.strerror}; the run folder holds both files"


def _next_actions(path: Path, record: Record) -> Iterator[str]:
    """Merge this run's tasks into the file as it stands now; beside it where it can't be parsed."""
    present = path.read_bytes() if path.exists() else None
    reports = build(replace(record, inputs=replace(record.inputs, next_actions=present)))
    if reports.next_actions is not None:
        _replace(path, reports.next_actions)
    else:
        _replace(path.with_name("NEXT_ACTIONS.deployer.md"), (reports.next_actions_beside or "").encode())
        yield f"{path.name} can't be parsed; the update is in NEXT_ACTIONS.deployer.md beside it"


def _replace(path: Path, data: bytes) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_bytes(data)
    fresh.replace(path)

"""run.json: how a run was executed, cell by cell, beside what it found."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from deployer_lib.errors import RecordError
from deployer_lib.notebooks import read_cells
from deployer_lib.probes.making import now_iso

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from deployer_lib.places import RunSetting
    from deployer_lib.runbook.notebooks import Notebook

__all__ = ["about_run"]

_PACKAGES: Final = (
    "deployer-lib",
    "papermill",
    "nbclient",
    "nbformat",
    "ipykernel",
    "httpx",
    "pandas",
    "matplotlib",
)


def about_run(
    setting: RunSetting,
    notebooks: Sequence[Notebook],
    run_dir: Path,
    ends: Mapping[str, str],
    withheld: Sequence[str],
    *,
    aborted: bool,
) -> dict[str, Any]:
    """Return run.json's document (schema run/1)."""
    return {
        "schema": "run/1",
        "run": setting.run,
        "mode": setting.mode,
        "trigger": setting.trigger,
        "started_at": setting.started_at,
        "finished_at": now_iso(),
        "aborted": aborted,
        "withheld": list(withheld),
        "engine": "papermill over ipc",
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {name: version(name) for name in _PACKAGES},
        "notebooks": [_notebook(notebook, run_dir, ends) for notebook in notebooks],
    }


def _notebook(notebook: Notebook, run_dir: Path, ends: Mapping[str, str]) -> dict[str, Any]:
    try:
        cells = read_cells(run_dir / notebook.name)
    except RecordError:
        cells = []
    return {
        "name": notebook.name,
        "phase": notebook.phase,
        "digest": notebook.digest,
        "origin": notebook.origin,
        "settings": notebook.settings.to_json(),
        "end": ends.get(notebook.name, "not executed"),
        "cells": [
            {
                "id": cell.id,
                "acknowledged": cell.acknowledged,
                "execution_count": cell.execution_count,
                "started_at": cell.started_at,
                "replied_at": cell.replied_at,
                "error": cell.error,
            }
            for cell in cells
        ],
    }

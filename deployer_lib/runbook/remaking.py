"""Make a run's reports again, from its notebooks alone, without touching the run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from deployer_lib.errors import UsageError
from deployer_lib.notebooks import read_record
from deployer_lib.reports.build import Reports, build
from deployer_lib.runbook.sealing import MANIFEST, write_files

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["remake"]


def remake(run_dir: Path, to: Path | None) -> Reports:
    """Return a run's reports, and write them to a folder where one is given.

    Raises:
        UsageError: ``to`` lies in the run's own folder, or in another sealed run's.
        RecordError: the notebooks can't be read.
    """
    if to is not None and _in_a_run(to.resolve(), run_dir.resolve()):
        raise UsageError("A run is never rewritten.", hint="Give --to a folder outside all runs'.")
    about = {}
    if (run_dir / "run.json").is_file():
        about = json.loads((run_dir / "run.json").read_text(encoding="utf-8"))
    record = read_record(run_dir, aborted=bool(about.get("aborted")), withheld=about.get("withheld", ()))
    reports = build(record)
    if to is not None:
        write_files(to, reports)
    return reports


def _in_a_run(folder: Path, run_dir: Path) -> bool:
    sealed = any((place / MANIFEST).is_file() for place in (folder, *folder.parents))
    return sealed or folder.is_relative_to(run_dir)

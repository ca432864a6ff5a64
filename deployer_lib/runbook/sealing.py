"""Seal a run: scan it for secrets, write its reports, name every file by digest, and commit by one rename."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from deployer_lib.check import Check
from deployer_lib.history import earlier_runs
from deployer_lib.notebooks import read_record
from deployer_lib.redaction_scan import scan
from deployer_lib.reports.build import Reports, build

if TYPE_CHECKING:
    from pathlib import Path

    from deployer_lib.record import Record
    from deployer_lib.redaction import Redactor

__all__ = ["MANIFEST", "Sealed", "commit", "link_latest", "write_about", "write_files", "write_reports"]

MANIFEST: Final = "manifest.json"
_READ_ONLY: Final = 0o444


@dataclass(frozen=True, slots=True)
class Sealed:
    """A run's reports and the files that were taken out of it."""

    record: Record
    reports: Reports
    withheld: tuple[str, ...]


def _write(path: Path, data: bytes) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with fresh.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def write_files(folder: Path, reports: Reports) -> None:
    """Write the report's files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "DEPLOYMENT_LOG.md", reports.log.encode())
    text = (
        reports.next_actions
        if reports.next_actions is not None
        else (reports.next_actions_beside or "").encode()
    )
    _write(folder / "NEXT_ACTIONS.md", text)
    _write(folder / "results.json", _dump(reports.results))


def _dump(data: dict[str, Any]) -> bytes:
    return (json.dumps(data, ensure_ascii=False, indent=1, sort_keys=False) + "\n").encode()


def write_reports(run_dir: Path, quarantine: Path, redactor: Redactor, *, aborted: bool) -> Sealed:
    """Scan a run for secrets, withhold the files that hold one, and write its reports.

    Args:
        run_dir: the run's folder.
        quarantine: private folder to which withheld files go.
        redactor: knows the secrets of the run.
        aborted: whether it was interrupted.

    Raises:
        RecordError: the notebooks hold no inputs.
    """
    record = read_record(run_dir, aborted=aborted)
    withheld = tuple(_withhold(run_dir, quarantine, redactor))
    if withheld:
        phases = tuple(replace(phase, checks=_redacted(phase.checks, redactor)) for phase in record.phases)
        record = replace(record, phases=phases, withheld=withheld)
    reports = build(record)
    write_files(run_dir, reports)
    return Sealed(record, reports, withheld)


def _redacted(checks: tuple[Check, ...], redactor: Redactor) -> tuple[Check, ...]:
    return tuple(Check.from_json(_mapping(redactor.redact(check.to_json()))) for check in checks)


def _mapping(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"a check became {type(value).__name__}")
    return value


def _withhold(run_dir: Path, quarantine: Path, redactor: Redactor) -> list[str]:
    """Move files that hold a secret out of the run, and return their names as they may be shown."""
    paths = {hit.path: hit.file.partition("!")[0] for hit in scan(run_dir, redactor)}
    for number, path in enumerate(sorted(paths)):
        quarantine.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.move(run_dir / path, quarantine / f"{number:03d}")
    return sorted(set(paths.values()))


def write_about(run_dir: Path, about: dict[str, Any]) -> None:
    """Write run.json: how the run was executed."""
    _write(run_dir / "run.json", _dump(about))


def commit(run_dir: Path) -> str:
    """Write the manifest, make the files read-only, and return the manifest's digest.

    The manifest's rename is the commit point: a folder without one is unfinished.
    """
    for leftover in run_dir.glob("*.part"):
        leftover.unlink()
    previous = earlier_runs(run_dir.parent, before=run_dir.name)
    files = {}
    for path in sorted(p for p in run_dir.rglob("*") if p.is_file() and p.name != MANIFEST):
        files[path.relative_to(run_dir).as_posix()] = (
            "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
        )
        path.chmod(_READ_ONLY)
    data = _dump(
        {
            "schema": "manifest/1",
            "run": run_dir.name,
            "files": files,
            "previous": {"run": previous[0].run, "manifest": previous[0].manifest} if previous else None,
        }
    )
    _write(run_dir / MANIFEST, data)
    (run_dir / MANIFEST).chmod(_READ_ONLY)
    return "sha256:" + hashlib.sha256(data).hexdigest()


def link_latest(run_dir: Path) -> None:
    """Let ``outputs/<env>/latest`` name this run."""
    fresh = run_dir.parent / f".latest.{os.getpid()}"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(run_dir.name)
    fresh.replace(run_dir.parent / "latest")

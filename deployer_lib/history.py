"""Earlier runs of an environment, read from the folder of records; it may be empty at every start."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from deployer_lib.check import Outcome
from deployer_lib.record import Earlier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["RunListed", "earlier_runs", "find_run", "list_runs", "next_round"]

_KEPT: Final = 10  # earlier runs that a report looks back on


@dataclass(frozen=True, slots=True)
class RunListed:
    """One run folder, whole or not."""

    run: str
    environment: str
    path: Path
    round: int  # 0 where it is not known
    verdict: str  # empty where the run is not sealed
    started_at: str
    state: str  # sealed, aborted, unfinished


def _json(path: Path) -> dict[str, Any] | None:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def _run_folders(outputs: Path) -> Iterator[Path]:
    """Yield run folders below ``outputs``: they hold run.json or executed notebooks, and lie in an environment's folder."""
    for path in sorted(outputs.rglob("*")):
        if path.is_dir() and not path.is_symlink() and len(path.name) == 26 and path.parent.name != "adhoc":  # noqa: PLR2004  (a ULID)
            yield path


def list_runs(outputs: Path) -> list[RunListed]:
    """Return every run below ``outputs``, oldest first, the unfinished ones included."""
    runs = []
    for path in _run_folders(outputs):
        environment = path.parent.relative_to(outputs).as_posix()
        results = _json(path / "results.json") or {}
        about = _json(path / "run.json") or {}
        sealed = (path / "manifest.json").exists()
        state = "aborted" if about.get("aborted") else "sealed" if sealed else "unfinished"
        runs.append(
            RunListed(
                path.name,
                environment,
                path,
                int(results.get("round", 0)),
                str(results.get("verdict", "")) if sealed else "",
                str(results.get("started_at", about.get("started_at", ""))),
                state,
            )
        )
    return sorted(runs, key=lambda run: run.run)


def find_run(outputs: Path, name: str) -> Path | None:
    """Return the folder of a run id (or its unambiguous beginning), None where there is none."""
    found = [run.path for run in list_runs(outputs) if run.run.startswith(name.upper())]
    return found[0] if len(found) == 1 else None


def earlier_runs(folder: Path, *, before: str = "") -> tuple[Earlier, ...]:
    """Return the sealed runs of an environment's folder, newest first, at most ten.

    Args:
        folder: ``outputs/<env>``.
        before: only runs whose id sorts before this one.
    """
    if not folder.is_dir():
        return ()
    found: list[Earlier] = []
    for path in sorted((p for p in folder.iterdir() if (p / "manifest.json").is_file()), reverse=True):
        if path.is_symlink() or (before and path.name >= before):
            continue
        results = _json(path / "results.json")
        if results is not None:
            found.append(_earlier(results, path))
        if len(found) == _KEPT:
            break
    return tuple(found)


def _earlier(results: dict[str, Any], path: Path) -> Earlier:
    findings = {
        f"{check['id']}:{check['subject']}": str(check["message"])
        for check in results.get("checks", [])
        if check.get("outcome") == Outcome.FAIL.value
    }
    return Earlier(
        run=str(results.get("run", path.name)),
        round=int(results.get("round", 0)),
        verdict=str(results.get("verdict", "")),
        finished_at=str(results.get("finished_at", "")),
        version=str(results.get("version", "")),
        digest=str((results.get("artifact") or {}).get("digest", "")),
        findings=findings,
        fixed=tuple(results.get("changes", {}).get("fixed", [])),
        manifest="sha256:" + hashlib.sha256((path / "manifest.json").read_bytes()).hexdigest(),
    )


def next_round(earlier: tuple[Earlier, ...]) -> int:
    """Return the number of the round that follows."""
    return max((run.round for run in earlier), default=0) + 1

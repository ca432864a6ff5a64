"""Read a run's executed notebooks into a record, believing nothing but what the kernel acknowledged.

papermill marks cells ``completed`` that never ran; a cell is done only where nbclient kept the kernel's reply to it, and
a phase only with a checks output that says ``closed``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from deployer_lib.check import CHECKS_MIME, Check, Skip
from deployer_lib.errors import RecordError
from deployer_lib.notebook_settings import share_of
from deployer_lib.record import INPUTS_MIME, Inputs, PhaseRecord, Record, State

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["Cell", "keeps_inputs", "notebook_phase", "read_cells", "read_phase", "read_record"]

_REPLY: Final = "shell.execute_reply"
_NAME: Final = re.compile(r"^\d{2}_(.+)\.ipynb$")


@dataclass(frozen=True, slots=True)
class Cell:
    """One code cell as it was executed."""

    index: int
    id: str
    acknowledged: bool  # the kernel replied to it
    execution_count: int | None
    started_at: str  # UTC ISO 8601, empty where it never ran
    replied_at: str
    error: str  # exception's name and text, empty where it ended well


def notebook_phase(name: str) -> str | None:
    """Return the phase of a notebook's file name (``04_smoke.ipynb`` → ``smoke``), None where it is none."""
    match = _NAME.match(name)
    return match.group(1) if match else None


def _load(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(data, dict) or not isinstance(data["cells"], list):
            raise RecordError(f"{path.name} is not a notebook.")
    except (OSError, ValueError, KeyError) as error:
        raise RecordError(f"{path.name} can't be read as a notebook: {error!r}.") from error
    return data


def _code_cells(notebook: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    for index, cell in enumerate(notebook["cells"]):
        if cell.get("cell_type") == "code":
            yield index, cell


def read_cells(path: Path) -> list[Cell]:
    """Return the code cells of an executed notebook.

    Raises:
        RecordError: it is not a notebook.
    """
    cells = []
    for index, cell in _code_cells(_load(path)):
        execution = cell.get("metadata", {}).get("execution", {})
        errors = [o for o in cell.get("outputs", []) if o.get("output_type") == "error"]
        cells.append(
            Cell(
                index,
                str(cell.get("id", "")),
                _REPLY in execution,
                cell.get("execution_count"),
                str(execution.get("iopub.execute_input", "")),
                str(execution.get(_REPLY, "")),
                f"{errors[0].get('ename')}: {errors[0].get('evalue')}" if errors else "",
            )
        )
    return cells


def _payloads(notebook: dict[str, Any], mime: str) -> list[dict[str, Any]]:
    return [
        output["data"][mime]
        for _, cell in _code_cells(notebook)
        for output in cell.get("outputs", [])
        if isinstance(output.get("data"), dict) and isinstance(output["data"].get(mime), dict)
    ]


def _phase_checks(payloads: Sequence[dict[str, Any]]) -> tuple[tuple[Check, ...], bool]:
    """Return the checks of a phase, and whether it was closed; without a closing output, what stood until then."""
    closed = [payload for payload in payloads if payload.get("closed") is True]
    chosen = closed[-1:] or payloads
    checks: dict[tuple[str, str], Check] = {}
    for payload in chosen:
        for data in payload.get("checks", []):
            check = Check.from_json(data)
            checks[check.id, check.subject] = check
    return tuple(checks.values()), bool(closed)


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _duration_s(cells: Sequence[Cell]) -> float:
    begun = [moment for c in cells if (moment := _moment(c.started_at))]
    ended = [moment for c in cells if (moment := _moment(c.replied_at))]
    if not begun or not ended:
        return 0.0
    return round(max(0.0, (max(ended) - min(begun)).total_seconds()), 3)


def read_phase(path: Path, phase: str, *, aborted: bool = False) -> PhaseRecord:
    """Return what one executed notebook tells of its phase.

    Raises:
        RecordError: it can't be read.
    """
    notebook = _load(path)
    cells = read_cells(path)
    try:
        checks, closed = _phase_checks(_payloads(notebook, CHECKS_MIME))
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(f"{path.name} holds checks that can't be read: {error!r}.") from error
    first_error = next((cell.error for cell in cells if cell.error), "")
    out_of_order = _out_of_order(cells)
    if closed and first_error.startswith("PhaseBlocked"):
        state, message = State.BLOCKED, first_error.partition(": ")[2]
    elif closed and (not first_error or first_error.startswith("PhaseUndecided")) and not out_of_order:
        state, message = State.DONE, ""
        if checks and all(c.result.skip is Skip.BLOCKED for c in checks):
            state, message = State.SKIPPED, checks[0].result.message
    elif out_of_order:
        state, message = State.CRASHED, out_of_order
    elif aborted and (not first_error or first_error.startswith("KeyboardInterrupt")):
        state, message = State.ABORTED, "interrupted"
    else:
        unanswered = next((c for c in cells if not c.acknowledged), None)
        where = (
            f"the kernel never answered cell {unanswered.index + 1}" if unanswered else "it was not closed"
        )
        state, message = State.CRASHED, first_error or where
    started = next((c.started_at for c in cells if c.started_at), "")
    share = share_of(notebook.get("metadata", {}))
    return PhaseRecord(phase, state, path.name, checks, started, _duration_s(cells), message, share)


def keeps_inputs(path: Path) -> bool:
    """Tell whether a notebook keeps the run's inputs."""
    try:
        return bool(_payloads(_load(path), INPUTS_MIME))
    except RecordError:
        return False


def _out_of_order(cells: Sequence[Cell]) -> str:
    counts = [c.execution_count for c in cells if c.execution_count is not None]
    if counts != list(range(1, len(counts) + 1)):
        return "cells ran twice or out of order"
    return ""


def read_record(folder: Path, *, aborted: bool = False, withheld: Sequence[str] = ()) -> Record:
    """Return the record of a run from its executed notebooks, the report's own left aside.

    Args:
        folder: the run's folder.
        aborted: whether the runner was interrupted.
        withheld: files in which a secret was found.

    Raises:
        RecordError: no notebook holds the run's inputs, or one can't be read.
    """
    phases: list[PhaseRecord] = []
    inputs: Inputs | None = None
    for path in sorted(folder.glob("[0-9][0-9]_*.ipynb")):
        phase = notebook_phase(path.name)
        if phase is None or phase == "report":
            continue
        phases.append(read_phase(path, phase, aborted=aborted))
        if inputs is None and (kept := _payloads(_load(path), INPUTS_MIME)):
            inputs = Inputs.from_json(kept[0])
    if inputs is None:
        raise RecordError(
            f"{folder.name} holds no notebook that kept the run's inputs.",
            hint="The first phase did not get that far; its notebook says why.",
        )
    return Record(inputs, tuple(phases), aborted, tuple(withheld))

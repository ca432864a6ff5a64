"""A record believes only what the kernel acknowledged and the phase closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from made_notebooks import INPUTS, cell, error, inputs_output, one, output, write

from deployer_lib.check import Outcome, Skip
from deployer_lib.errors import RecordError
from deployer_lib.notebooks import notebook_phase, read_cells, read_phase, read_record
from deployer_lib.record import State

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("cells", "state"),
    [
        ([cell(1, output(True, one()))], State.DONE),
        ([cell(1, output(True, one(Outcome.FAIL)), error("PhaseBlocked", "x"))], State.BLOCKED),
        ([cell(1, output(True, one(Outcome.ERROR)), error("PhaseUndecided", "x"))], State.DONE),
        ([cell(1, output(True, one(Outcome.SKIP, Skip.BLOCKED)))], State.SKIPPED),
        ([cell(1, output(False, one()))], State.CRASHED),
        ([cell(1, output(False, one())), cell(None)], State.CRASHED),
        ([cell(1, output(False, one()), acknowledged=False), cell(None)], State.CRASHED),
        ([cell(1, output(True, one()), error("ValueError", "after the close"))], State.CRASHED),
        ([cell(1), cell(3, output(True, one()))], State.CRASHED),
        ([cell(2, output(True, one())), cell(1)], State.CRASHED),
    ],
)
def test_the_state_of_a_phase_comes_from_what_was_acknowledged(
    tmp_path: Path, cells: list[dict[str, Any]], state: State
) -> None:
    assert state is read_phase(write(tmp_path, "04_smoke.ipynb", *cells), "smoke").state


def test_what_papermill_calls_completed_does_not_count(tmp_path: Path) -> None:
    path = write(tmp_path, "04_smoke.ipynb", cell(1), cell(None))
    assert [True, False] == [c.acknowledged for c in read_cells(path)]


def test_an_interrupted_phase_is_aborted_and_keeps_its_checks(tmp_path: Path) -> None:
    path = write(tmp_path, "04_smoke.ipynb", cell(1, output(False, one()), error("KeyboardInterrupt", "")))
    phase = read_phase(path, "smoke", aborted=True)
    assert (State.ABORTED, 1) == (phase.state, len(phase.checks))


def test_the_closing_output_stands_for_the_partial_ones(tmp_path: Path) -> None:
    early = [cell(1, output(False, one(subject="a"))), cell(2, output(False, one(subject="b")))]
    path = write(tmp_path, "04_smoke.ipynb", *early)
    assert ["a", "b"] == [c.subject for c in read_phase(path, "smoke").checks]
    path = write(tmp_path, "04_smoke.ipynb", *early, cell(3, output(True, one(subject="b"))))
    assert ["b"] == [c.subject for c in read_phase(path, "smoke").checks]


def test_a_record_reads_inputs_byte_for_byte_and_leaves_the_report_aside(tmp_path: Path) -> None:
    write(tmp_path, "00_preflight.ipynb", cell(1, inputs_output()), cell(2, output(True, one())))
    write(tmp_path, "07_report.ipynb", cell(1, output(True, one())))
    record = read_record(tmp_path)
    assert INPUTS == record.inputs
    assert ["preflight"] == [p.name for p in record.phases]
    assert 1.5 == record.phases[0].duration_s


def test_a_record_without_inputs_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "00_preflight.ipynb", cell(1, output(True, one())))
    with pytest.raises(RecordError, match="kept the run's inputs"):
        read_record(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", '{"cells": 3}', "not json"])
def test_what_is_no_notebook_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "04_smoke.ipynb"
    path.write_text(content)
    with pytest.raises(RecordError):
        read_cells(path)


@pytest.mark.parametrize(
    ("name", "phase"), [("04_smoke.ipynb", "smoke"), ("45_my_own.ipynb", "my_own"), ("smoke.ipynb", None)]
)
def test_the_name_of_a_notebook_tells_its_phase(name: str, phase: str | None) -> None:
    assert phase == notebook_phase(name)

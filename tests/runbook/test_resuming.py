"""An interrupted run is gone on with where it was finished; a deployment that is gone is made again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from made_notebooks import cell, inputs_output, one, output, write

from deployer_lib.app.handover import Live, update_live
from deployer_lib.errors import UsageError
from deployer_lib.notebook_settings import NotebookSettings
from deployer_lib.places import Places
from deployer_lib.runbook.notebooks import Notebook
from deployer_lib.runbook.resuming import resume

if TYPE_CHECKING:
    from collections.abc import Callable

RUN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
PHASES = ("preflight", "deploy", "smoke", "report")
NOTEBOOKS = [
    Notebook(f"0{n}_{p}.ipynb", p, Path(), "sha256:0", "packaged", NotebookSettings())
    for n, p in enumerate(PHASES)
]


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places.of(tmp_path, "test")


@pytest.fixture
def interrupted(places: Places) -> Callable[..., Path]:
    """Return a function that leaves a run folder in which some phases are closed and the next one is not."""

    def leave(*closed: str) -> Path:
        folder = places.records / RUN
        folder.mkdir(parents=True)
        for notebook in NOTEBOOKS:
            first = [inputs_output()] if notebook.phase == "preflight" else []
            ended = notebook.phase in closed
            write(folder, notebook.name, cell(1, *first), cell(2, output(ended, one())))
            if not ended:
                break
        return folder

    return leave


def live(places: Places, *, pid: int, created: float) -> None:
    update_live(
        places.records, lambda _: Live(run=RUN, base_url="http://127.0.0.1:9", pid=pid, pid_created=created)
    )


def test_finished_phases_stay_and_the_rest_is_made_again(
    places: Places, interrupted: Callable[..., Path]
) -> None:
    folder = interrupted("preflight")
    resumed = resume(places, NOTEBOOKS)
    assert (RUN, folder, "") == (resumed.run, resumed.run_dir, resumed.first)
    assert ["deploy", "smoke", "report"] == [n.phase for n in resumed.remaining]
    assert ["00_preflight.ipynb"] == sorted(path.name for path in folder.iterdir())


def test_a_deployment_that_stands_is_kept(places: Places, interrupted: Callable[..., Path]) -> None:
    interrupted("preflight", "deploy")
    live(places, pid=os.getpid(), created=psutil.Process().create_time())
    assert ["smoke", "report"] == [n.phase for n in resume(places, NOTEBOOKS).remaining]


@pytest.mark.parametrize("created", [0.0, None])
def test_a_deployment_that_is_gone_is_made_again(
    places: Places, interrupted: Callable[..., Path], created: float | None
) -> None:
    interrupted("preflight", "deploy")
    if created is not None:  # another process has its number now
        live(places, pid=os.getpid(), created=created)
    assert ["deploy", "smoke", "report"] == [n.phase for n in resume(places, NOTEBOOKS).remaining]


def test_inputs_that_were_not_kept_are_gathered_again(
    places: Places, interrupted: Callable[..., Path]
) -> None:
    interrupted()
    assert "preflight" == resume(places, NOTEBOOKS).first


def test_nothing_unfinished_is_refused(places: Places, interrupted: Callable[..., Path]) -> None:
    with pytest.raises(UsageError, match="unfinished"):
        resume(places, NOTEBOOKS)
    (interrupted("preflight") / "manifest.json").write_text("{}")
    with pytest.raises(UsageError, match="unfinished"):
        resume(places, NOTEBOOKS)

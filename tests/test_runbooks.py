"""The packaged notebooks: no outputs, stable ids, short cells, the parameters that the model knows, every check once."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from deployer_lib.catalogue import CATALOGUE, PHASES
from deployer_lib.parameters import parameters_cell

FOLDER = Path(__file__).parents[1] / "runbooks"
FILES = sorted(FOLDER.glob("*.ipynb"))
SCREEN = 32  # lines


def cells(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return found


def test_there_is_one_for_each_phase_in_order() -> None:
    assert [f"{n:02d}_{phase}.ipynb" for n, phase in enumerate(PHASES)] == [path.name for path in FILES]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_runbook_is_valid_and_was_never_run(path: Path) -> None:
    nbformat.validate(nbformat.read(path, as_version=4))
    ids = [cell["id"] for cell in cells(path)]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z][a-z0-9-]*", each) for each in ids)
    for cell in cells(path):
        assert [] == cell.get("outputs", [])
        assert cell.get("execution_count") is None
        assert len("".join(cell["source"]).splitlines()) <= SCREEN


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_parameters_cell_lists_what_the_model_knows(path: Path) -> None:
    """``python tools/refresh_runbooks.py`` writes it anew."""
    (tagged,) = [cell for cell in cells(path) if "parameters" in cell["metadata"].get("tags", ())]
    assert parameters_cell() == "".join(tagged["source"])


def test_every_check_stands_in_its_phases_notebook_once() -> None:
    for path in FILES[:-1]:
        phase = path.stem.partition("_")[2]
        asked = re.findall(
            r'phase\.check\("([\w.]+)"\)', "".join("".join(c["source"]) + "\n" for c in cells(path))
        )
        assert sorted(s.id for s in CATALOGUE.values() if s.phase == phase) == sorted(asked)

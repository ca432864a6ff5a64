"""A phase that ended as it should shows no banner of a crash; one that crashed keeps papermill's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from deployer_lib.runbook.engine import remove_banners

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, error: str) -> Path:
    banner = {
        "cell_type": "markdown",
        "metadata": {"tags": ["papermill-error-cell-tag"]},
        "source": "An Exception",
    }
    output = {"output_type": "error", "ename": error, "evalue": "", "traceback": []}
    cell: dict[str, Any] = {"cell_type": "code", "metadata": {}, "source": "", "outputs": [output]}
    path = folder / "n.ipynb"
    path.write_text(json.dumps({"cells": [banner, cell], "metadata": {}}))
    return path


@pytest.mark.parametrize(
    ("error", "cells"),
    [("PhaseBlocked", 1), ("PhaseUndecided", 1), ("ValueError", 2), ("KeyboardInterrupt", 2)],
)
def test_banners_go_only_where_the_phase_ended_as_it_should(tmp_path: Path, error: str, cells: int) -> None:
    path = write(tmp_path, error)
    remove_banners(path)
    assert cells == len(json.loads(path.read_text())["cells"])


def test_a_torn_or_absent_notebook_is_left_alone(tmp_path: Path) -> None:
    remove_banners(tmp_path / "none.ipynb")
    torn = tmp_path / "torn.ipynb"
    torn.write_text("{")
    remove_banners(torn)
    assert "{" == torn.read_text()

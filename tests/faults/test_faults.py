"""Each check has two faults that trip exactly it: one by its author, one by somebody who had not seen the probe."""

from __future__ import annotations

import random
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from faults import FOLDER, all_faults
from ruamel.yaml import YAML
from trying import REPOSITORY, try_fault

from deployer_lib.catalogue import CATALOGUE

if TYPE_CHECKING:
    from pathlib import Path

    from faults import Fault

SETS = ("storefront", "storefront/second")
WANTED = {spec.id for spec in CATALOGUE.values() if spec.phase != "report"}
#: One of each set, the same on every day; `make proof` tries them all.
SAMPLE = [
    fault
    for name in SETS
    for fault in random.Random(name).sample(all_faults(name), 1)  # noqa: S311  (a choice, not a secret)
]


@pytest.mark.parametrize("name", SETS)
def test_every_check_has_a_fault_of_its_own(name: str) -> None:
    faults = all_faults(name)
    assert WANTED == {fault.id for fault in faults}
    assert all(fault.id in fault.trips for fault in faults)


@pytest.mark.parametrize("name", SETS)
def test_every_patch_applies(name: str, tmp_path: Path) -> None:
    for fault in all_faults(name):
        sample = tmp_path / fault.id
        shutil.copytree(
            REPOSITORY / "examples" / "storefront",
            sample,
            ignore=shutil.ignore_patterns(".venv", "__pycache__", "dist"),
        )
        done = subprocess.run(
            ["git", "apply", str(fault.path)], cwd=sample, capture_output=True, text=True, check=False
        )
        assert (0, "") == (done.returncode, done.stderr), fault.id


def test_staging_applies_seven_faults_that_stand_here() -> None:
    staging = YAML(typ="safe").load((REPOSITORY / "parameters" / "staging.yaml").read_text(encoding="utf-8"))
    patches = staging["project"]["patches"]
    assert 7 == len(patches)
    assert all((REPOSITORY / patch).parent == FOLDER / "storefront" for patch in patches)


@pytest.mark.parametrize("fault", SAMPLE, ids=lambda fault: f"{fault.path.parent.name}-{fault.id}")
def test_a_fault_trips_its_check_and_no_other(fault: Fault, tmp_path: Path) -> None:
    tried = try_fault(fault, tmp_path)
    assert set(fault.trips) == set(tried.failed), tried.detail
    assert () == tried.errors, tried.detail

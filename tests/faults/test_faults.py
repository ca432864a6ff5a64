"""Each check has two faults that trip exactly it: one by its author, one by somebody who had not seen the probe."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ruamel.yaml import YAML

from deployer_lib.catalogue import CATALOGUE
from deployer_lib.proving import all_faults, try_fault

if TYPE_CHECKING:
    from deployer_lib.proving import Fault

FOLDER = Path(__file__).parent
REPOSITORY = FOLDER.parents[1]
SETS = ("storefront", "storefront/second")
#: What can't go wrong in the storefront alone goes wrong in a small sample (test_small_samples.py tries those).
ELSEWHERE = {"storefront": ("node_workspace",), "storefront/second": ("node_workspace/second",)}
#: For the probes that were mended after their second fault was known.
THIRD = "storefront/third"
WANTED = {spec.id for spec in CATALOGUE.values() if spec.phase != "report"}
#: One of them all, the same on every day; `make proof` tries every one.
SAMPLE = random.Random(7).sample(  # noqa: S311  (a choice, not a secret)
    [fault for name in (*SETS, THIRD) for fault in all_faults(FOLDER / name)], 1
)


@pytest.mark.parametrize("name", SETS)
def test_every_check_has_a_fault_of_its_own(name: str) -> None:
    faults = [f for folder in (name, *ELSEWHERE[name]) for f in all_faults(FOLDER / folder)]
    assert WANTED == {fault.id for fault in faults}
    assert all(fault.id in fault.trips for fault in faults)


def test_a_third_fault_is_of_another_kind() -> None:
    earlier = {fault.id: fault.why for name in SETS for fault in all_faults(FOLDER / name)}
    third = all_faults(FOLDER / THIRD)
    assert third
    assert all((fault.id,) == fault.trips and fault.why != earlier[fault.id] for fault in third)


@pytest.mark.parametrize("name", [*SETS, THIRD])
def test_every_patch_applies(name: str, tmp_path: Path) -> None:
    for fault in all_faults(FOLDER / name):
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
    tried = try_fault(fault, tmp_path, REPOSITORY, "local")
    assert set(fault.trips) == set(tried.failed), tried.detail
    assert () == tried.errors, tried.detail

"""Node, Rust and Django: every check of the environment that sources alone can answer passes on a small sound project, and each
fault of one trips exactly its check."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deployer_lib.auditing.making import checks_made, folder_context
from deployer_lib.catalogue import CATALOGUE
from deployer_lib.check import Outcome, Skip
from deployer_lib.probes import MODULES
from deployer_lib.proving import all_faults

if TYPE_CHECKING:
    from deployer_lib.check import Check
    from deployer_lib.proving import Fault

FOLDER = Path(__file__).parent
PROJECTS = FOLDER.parent / "projects"
SAMPLES = ("node_workspace", "rust_service", "django_site")
#: What a folder alone can't answer: it has no environment, and no database.
UNANSWERED = {"environment.variables_set", "environment.migrations", "environment.configuration"}
CHECKS = [spec.id for spec in CATALOGUE.values() if spec.phase == "environment"]
#: A sample of them, the same on every day; `make proof` tries every one.
TRIED = 2
FAULTS = [(name, f) for name in SAMPLES for kind in ("", "second") for f in all_faults(FOLDER / name / kind)]


def made(project: Path) -> list[Check]:
    with folder_context(project, (), lambda _: None) as ctx:
        return checks_made(ctx, CHECKS, MODULES["environment"])


def copied(name: str, to: Path) -> Path:
    ignored = shutil.ignore_patterns("node_modules", "target", "__pycache__", ".venv")
    return Path(shutil.copytree(PROJECTS / name, to / name, ignore=ignored))


def told(checks: list[Check]) -> list[str]:
    return [
        f"{c.id} {c.subject}: {c.outcome.value}: {c.result.message}"
        for c in checks
        if c.outcome is not Outcome.PASS
    ]


@pytest.mark.parametrize("name", SAMPLES)
def test_every_check_passes_on_a_sound_project(name: str, tmp_path: Path) -> None:
    """Nothing is found, nothing could not be told, and what a folder can answer is answered."""
    checks = made(copied(name, tmp_path))
    wrong = [
        c
        for c in checks
        if c.outcome in {Outcome.FAIL, Outcome.ERROR}
        or (c.outcome is Outcome.SKIP and c.result.skip is not Skip.NOT_APPLICABLE and c.id not in UNANSWERED)
    ]
    assert [] == told(wrong)
    passed = {c.id for c in checks if c.outcome is Outcome.PASS}
    assert {
        "environment.clean_install",
        "environment.dependencies_declared",
        "environment.variables_read",
        "environment.secrets",
    } <= passed, told(checks)


def chosen() -> list[object]:
    sample = random.Random(3).sample(range(len(FAULTS)), min(TRIED, len(FAULTS)))  # noqa: S311  (a choice, not a secret)
    return [
        pytest.param(*pair, marks=() if number in sample else pytest.mark.proof)
        for number, pair in enumerate(FAULTS)
    ]


@pytest.mark.parametrize(
    ("name", "fault"), chosen(), ids=[f"{name}-{fault.path.parent.name}-{fault.id}" for name, fault in FAULTS]
)
def test_a_fault_trips_its_check_and_no_other(name: str, fault: Fault, tmp_path: Path) -> None:
    project = copied(name, tmp_path)
    done = subprocess.run(
        ["git", "apply", str(fault.path)], cwd=project, capture_output=True, text=True, check=False
    )
    assert (0, "") == (done.returncode, done.stderr)
    checks = made(project)
    assert set(fault.trips) == {c.id for c in checks if c.outcome is Outcome.FAIL}, told(checks)
    assert [] == told([c for c in checks if c.outcome is Outcome.ERROR])

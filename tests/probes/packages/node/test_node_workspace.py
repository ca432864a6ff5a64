"""The sample is sound, and each of its faults trips its own check and no other."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final, get_args

import pytest

from deployer_lib.check import Outcome
from deployer_lib.probes.packages.model import Kind
from deployer_lib.probes.packages.node import Node
from deployer_lib.proving.faults import read_fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer_lib.probes.context import Context

_TESTS: Final = Path(__file__).parents[3]
_SAMPLE: Final = _TESTS / "projects" / "node_workspace"
_FAULTS: Final = _TESTS / "faults" / "node_workspace"
_CHECKS: Final[dict[Kind, str]] = {
    "undeclared": "environment.dependencies_declared",
    "dev_in_production": "environment.development_dependencies",
    "peers": "environment.peers",
    "conflicts": "environment.conflicts",
    "platform": "environment.platform_packages",
    "drift": "environment.clean_install",
}


@pytest.fixture
def sample(context: Callable[..., Context]) -> Context:
    ctx = context("http://127.0.0.1:9")
    for folder in (ctx.project, ctx.workspace):
        shutil.copytree(_SAMPLE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
    return ctx


def tripped(ctx: Context) -> list[str]:
    found = {kind: Node().examine(ctx, kind) for kind in get_args(Kind)}
    assert not [each.unknown for each in found.values() if each.unknown]
    return [_CHECKS[kind] for kind, examined in found.items() if examined.problems]


def test_the_sample_is_sound_and_installs_from_its_lock_file(sample: Context) -> None:
    assert [] == tripped(sample)
    (installed,) = Node().install(sample)
    assert Outcome.PASS is installed.outcome, installed.message
    assert "npm ci --loglevel error --ignore-scripts" == installed.evidence["command"]


def test_the_lock_file_names_no_index() -> None:
    packages = json.loads((_SAMPLE / "package-lock.json").read_text())["packages"]
    assert [] == [name for name, entry in packages.items() if "://" in str(entry.get("resolved", ""))]


@pytest.mark.parametrize("path", sorted(_FAULTS.glob("*.patch")), ids=lambda path: path.stem)
def test_each_fault_trips_its_own_check_alone(sample: Context, path: Path) -> None:
    fault = read_fault(path)
    for folder in (sample.project, sample.workspace):
        subprocess.run(["git", "apply", str(path)], cwd=folder, check=True, env={"GIT_CEILING_DIRECTORIES": str(folder.parent), "PATH": "/usr/bin:/bin"})  # fmt: skip
    assert [*fault.trips] == tripped(sample)

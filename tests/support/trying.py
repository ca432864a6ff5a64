"""Try a fault: run the sample with its patch, and say which checks it tripped."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ruamel.yaml import YAML

if TYPE_CHECKING:
    from faults import Fault

__all__ = ["REPOSITORY", "Tried", "sample_root", "try_fault"]

REPOSITORY: Final = Path(__file__).parents[2]
_LIMIT_S: Final = 900


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a run with one fault."""

    fault: str
    expected: tuple[str, ...]
    failed: tuple[str, ...]  # checks that ended in a finding
    errors: tuple[str, ...]  # checks that could not tell
    passed: int
    verdict: str
    duration_s: float
    detail: tuple[str, ...]  # one line a finding or error

    @property
    def exact(self) -> bool:
        """Tell whether it tripped just what it should, and left nothing untold."""
        return set(self.failed) == set(self.expected) and not self.errors


def sample_root(folder: Path, environment: str, changes: dict[str, Any]) -> Path:
    """Make a root with the sample's parameters and one environment that changes some of them."""
    parameters = folder / "parameters"
    parameters.mkdir(parents=True)
    shutil.copy(REPOSITORY / "parameters" / "storefront.base.yaml", parameters)
    data: dict[str, Any] = {
        "environment": environment,
        "extends": "storefront.base.yaml",
        "coordination": {"publish_to": "published"},
        **changes,
    }
    data["project"] = {"path": str(REPOSITORY / "examples" / "storefront"), **data.get("project", {})}
    data["deploy"] = {"stop_after": True, **data.get("deploy", {})}
    with (parameters / f"{environment}.yaml").open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(data, file)
    return folder


def try_fault(fault: Fault, folder: Path) -> Tried:
    """Run all phases on the sample with one fault in it."""
    changes = fault.overrides()
    changes["project"] = {**changes.get("project", {}), "patches": [str(fault.path)]}
    root = sample_root(folder, "fault", changes)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DEPLOYER_")}
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "deployer_lib", "run", "fault", "--json"],
        cwd=root,
        env={**kept, "DEPLOYER_HOME": str(root)},
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )
    duration_s = time.monotonic() - started
    try:
        results = json.loads(done.stdout)
    except ValueError:
        return Tried(
            fault.id, fault.trips, (), ("no results",), 0, "none", duration_s, (done.stderr[-2000:],)
        )
    checks = results["checks"]
    told = [c for c in checks if c["outcome"] in {"fail", "error"}]
    return Tried(
        fault.id,
        fault.trips,
        tuple(dict.fromkeys(c["id"] for c in told if c["outcome"] == "fail")),
        tuple(dict.fromkeys(c["id"] for c in told if c["outcome"] == "error")),
        sum(c["outcome"] == "pass" for c in checks),
        results["verdict"],
        round(duration_s, 1),
        tuple(f"{c['outcome']} {c['id']} {c['subject']}: {c['message']}"[:400] for c in told),
    )

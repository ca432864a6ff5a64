"""Try a fault: run an environment with its patch applied, and say which checks it tripped."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ruamel.yaml import YAML

from deployer_lib.errors import UsageError
from deployer_lib.parameters import find_root, load
from deployer_lib.places import HOME_VARIABLE
from deployer_lib.proving.faults import Fault, read_fault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deployer_lib.probes.own import OwnCheck

__all__ = ["Tried", "assert_trips", "try_fault"]

_LIMIT_S: Final = 900
_LAST_OUTPUT: Final = 2000
_LONGEST_LINE: Final = 400


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a run with one fault."""

    fault: str
    expected: tuple[str, ...]
    failed: tuple[str, ...]  # checks that ended in a finding
    errors: tuple[str, ...]  # checks that could not tell
    passed: int  # outcomes that passed
    verdict: str
    duration_s: float
    detail: tuple[str, ...]  # one line a finding or error

    @property
    def exact(self) -> bool:
        """Tell whether it tripped just what it should, and left nothing untold."""
        return set(self.failed) == set(self.expected) and not self.errors


def assert_trips(
    check: str | OwnCheck,
    fault: Path,
    *,
    environment: str = "local",
    root: Path | None = None,
    phases: Sequence[str] = (),
) -> None:
    """Assert that a fault trips a check and no other: a test that a team writes for a check of its own.

    The environment is run for real, on a copy of the project with the patch applied, in a folder of its own.

    Args:
        check: an id, or an own check.
        fault: patch with its three lines (:mod:`deployer_lib.proving.faults`).
        environment: its target is a process, so that what is patched is what is asked.
        root: folder that holds parameters/; the nearest one upwards where absent.
        phases: only these phases; all where empty.

    Raises:
        AssertionError: it trips another check, or none; or something could not be told.
        UsageError: the fault or the environment can't be used.
    """
    check_id = check if isinstance(check, str) else check.spec.id
    read = read_fault(fault)
    if check_id not in read.trips:
        raise AssertionError(
            f"{fault.name} does not say that it trips {check_id}, but {', '.join(read.trips)}"
        )
    with tempfile.TemporaryDirectory(prefix="fault-") as folder:
        tried = try_fault(
            read, Path(folder), root or find_root(Path.cwd(), os.environ), environment, phases=phases
        )
    if not tried.exact:
        told = "\n  ".join(tried.detail) or "no finding at all"
        raise AssertionError(
            f"{fault.name} should trip {', '.join(read.trips)} alone, and the run told\n  {told}"
        )


def try_fault(
    fault: Fault, folder: Path, root: Path, environment: str, *, phases: Sequence[str] = ()
) -> Tried:
    """Run an environment with one fault in its project.

    Args:
        fault: the patch.
        folder: an empty folder that takes the run's record and state.
        root: folder that holds parameters/.
        environment: the one whose application is made faulty.
        phases: only these phases; all where empty.

    Raises:
        UsageError: its target is not a process that is started here, or its parameters are wrong.
    """
    faulty = _faulty_environment(fault, folder, root.resolve(), environment)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DEPLOYER_")}
    argv = [sys.executable, "-m", "deployer_lib", "run", faulty, "--json"]
    started = time.monotonic()
    done = subprocess.run(
        [*argv, "--phases", ",".join(phases)] if phases else argv,
        cwd=folder,
        env={**kept, HOME_VARIABLE: str(folder)},
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )
    duration_s = round(time.monotonic() - started, 1)
    try:
        results = json.loads(done.stdout)
    except ValueError:
        last = done.stderr[-_LAST_OUTPUT:]
        return Tried(fault.id, fault.trips, (), ("no results",), 0, "none", duration_s, (last,))
    checks = results["checks"]
    told = [c for c in checks if c["outcome"] in {"fail", "error"}]
    return Tried(
        fault.id,
        fault.trips,
        tuple(dict.fromkeys(c["id"] for c in told if c["outcome"] == "fail")),
        tuple(dict.fromkeys(c["id"] for c in told if c["outcome"] == "error")),
        sum(c["outcome"] == "pass" for c in checks),
        results["verdict"],
        duration_s,
        tuple(f"{c['outcome']} {c['id']} {c['subject']}: {c['message']}"[:_LONGEST_LINE] for c in told),
    )


def _faulty_environment(fault: Fault, folder: Path, root: Path, environment: str) -> str:
    """Make ``folder`` a root like ``root``, with one more environment that is ``environment`` with the fault."""
    parameters = load(root, environment).parameters
    if parameters.deploy.kind != "process":
        raise UsageError(
            f"{environment} is no process that is started here (deploy.kind: {parameters.deploy.kind}), and a patch "
            "would not reach what is asked.",
            hint="Name an environment with deploy.kind: process.",
        )
    shutil.copytree(root / "parameters", folder / "parameters")
    if (root / "runbooks").is_dir():
        shutil.copytree(root / "runbooks", folder / "runbooks")
    own = folder / "parameters" / f"{environment}.yaml"
    faulty = f"{environment}-with-fault"
    changes = fault.overrides()
    patches = [str((root / patch).resolve()) for patch in parameters.project.patches]
    changes |= {
        "environment": faulty,
        "extends": own.name,
        "coordination": {"publish_to": "published", **changes.get("coordination", {})},
        "deploy": {"stop_after": True, **changes.get("deploy", {})},
        "project": {
            **changes.get("project", {}),
            "path": str((root / parameters.project.path).resolve()),
            "patches": [*patches, str(fault.path.resolve())],
        },
    }
    with (folder / "parameters" / f"{faulty}.yaml").open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(changes, file)
    return faulty

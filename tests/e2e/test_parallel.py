"""Two environments side by side, and the same one twice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from e2e_parts import Recorder

    from tests.conftest import Root

WAITING = """
import pathlib, time
from deployer_lib import Phase
from deployer_lib.check import passed
phase = Phase.open("team", globals())
def meets(ctx):
    pathlib.Path(ctx.root, f"{ctx.parameters.environment}.here").touch()
    deadline = time.monotonic() + 100
    while not pathlib.Path(ctx.root, "go").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    yield passed("They met.", environment=ctx.parameters.environment)
"""


def test_two_environments_at_once(
    root: Root,
    recorder: Recorder,
    verify_only: Callable[[str, str], Path],
    notebook: Callable[..., Path],
) -> None:
    """Two runs of different environments under way at the same moment are both whole, each with what it saw; the same
    environment a second time is refused with exit 2, and nothing of it stays."""
    for name in ("blue", "shop/green"):
        verify_only(name, recorder.url)
    notebook(
        root.path / "runbooks" / "45_team.ipynb",
        '# Parameters of this notebook.\nenvironment = "blue"',
        WAITING,
        'phase.check("team.meets", meets)',
        "phase.close()",
    )
    (root.path / "shop").mkdir()
    runs = [root.start("run", name, "--phases", "team,smoke") for name in ("blue", "shop/green")]
    here = [root.path / "blue.here", root.path / "shop" / "green.here"]
    until(lambda: all(path.exists() for path in here), "both runs are under way", 150)
    again = root.run("run", "blue", "--phases", "smoke")
    assert (2, "") == (again.returncode, again.stdout)
    assert "Another run of blue is under way" in again.stderr
    assert 1 == len(root.runs("blue"))
    (root.path / "go").touch()
    for process in runs:
        said, _ = process.communicate(timeout=200)
        assert 3 == process.returncode, said
    for name in ("blue", "shop/green"):
        results = root.results(name)
        assert (name, 1) == (results["environment"], results["round"])
        assert {"done"} == {p["state"] for p in results["phases"] if p["name"] in {"team", "smoke"}}
        met = next(c for c in results["checks"] if c["id"] == "team.meets")
        assert name == met["evidence"]["environment"]
        assert "pass" == next(c for c in results["checks"] if c["id"] == "smoke.health")["outcome"]
    listed = json.loads(root.run("list", "--json").stdout)["runs"]
    assert {("blue", "sealed"), ("shop/green", "sealed")} == {(r["environment"], r["state"]) for r in listed}

"""A project's own notebook is a gate, keeps to its share of time and to its effects, as its metadata says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from e2e_parts import Recorder

    from tests.conftest import Root

PARAMETERS = '# Parameters of this notebook.\nenvironment = "shop"'
OPEN = """
from deployer_lib import Fix, Phase, passed, failed
phase = Phase.open("team", globals())
def stale(ctx):
    yield failed("The newest order is 3 days old.", root_cause="no import", impact="wrong stock",
                 fix=Fix(("Start the import.",), docs="https://docs.example/import", minutes=5), age_d=3)
def fresh(ctx):
    yield passed("The newest order is 3 s old.", age_s=3)
def post(ctx):
    yield passed("An order was made.", status=ctx.http.request("POST", "/items").status)
"""


@pytest.fixture
def team(root: Root, notebook: Callable[..., Path]) -> Callable[..., None]:
    """Return a function that writes the own notebook 03_team with metadata and checks."""

    def write(metadata: dict[str, Any], *checks: str) -> None:
        path = notebook(root.path / "runbooks" / "03_team.ipynb", PARAMETERS, OPEN, *checks, "phase.close()")
        written = nbformat.read(path, as_version=4)
        written.metadata["deployer"] = metadata
        nbformat.write(written, path)

    return write


@pytest.mark.parametrize("gate", [True, False])
def test_a_gate_keeps_the_target_from_being_touched(
    root: Root,
    recorder: Recorder,
    verify_only: Callable[[str, str], Path],
    team: Callable[..., None],
    gate: bool,  # noqa: FBT001
) -> None:
    """After a gate's blocking finding later phases don't ask the target; after another notebook's they do."""
    verify_only("shop", recorder.url)
    team({"gate": gate}, 'phase.check("team.orders_stale", stale, severity="critical")')
    done = root.run("run", "shop", "--phases", "team,smoke")
    results = root.results("shop")
    assert (1, ["team.orders_stale"]) == (done.returncode, results["blocking"]), done.stderr
    smoke = [c for c in results["checks"] if c["phase"] == "smoke"]
    assert smoke
    blocked = [c for c in smoke if c["skip"] == "blocked" and c["because"] == "team.orders_stale"]
    assert (len(smoke) if gate else 0) == len(blocked)
    assert gate == (recorder.seen == [])


def test_share_and_effects_are_kept_to(
    root: Root, recorder: Recorder, verify_only: Callable[[str, str], Path], team: Callable[..., None]
) -> None:
    """A notebook that declares observe alone sends no POST although the environment allows it; one whose share is used
    up makes no further check; both leave the run undecided, and run.json and the plan say what was declared."""
    written = verify_only("shop", recorder.url)
    written.write_text(written.read_text(encoding="utf-8") + "allow: [write]\n", encoding="utf-8")
    team(
        {"effects": ["observe"]},
        'phase.check("team.orders_fresh", fresh)',
        'phase.check("team.made", post, effect="write")',
        'phase.check("team.made_secretly", post)',
    )
    assert 3 == root.run("run", "shop", "--phases", "team").returncode
    own = {c["id"]: c for c in root.results("shop")["checks"] if c["row"] == "K7"}
    assert ["pass", "skip", "skip"] == [c["outcome"] for c in own.values()]
    assert {"not-allowed"} == {c["skip"] for c in own.values() if c["skip"]}
    assert "the notebook of team does not declare the effect write" in own["team.made"]["message"]
    assert "POST" not in recorder.methods
    about = json.loads((root.runs("shop")[-1] / "run.json").read_text(encoding="utf-8"))
    settings = next(n["settings"] for n in about["notebooks"] if n["phase"] == "team")
    assert {"gate": None, "share": None, "effects": ["observe"], "deployer_api": 1} == settings
    assert "03_team.ipynb" in root.run("plan", "shop").stdout

    team({"share": 1e-6}, 'phase.check("team.orders_fresh", fresh)')
    assert 3 == root.run("run", "shop", "--phases", "team").returncode
    (late,) = [c for c in root.results("shop")["checks"] if c["row"] == "K7"]
    assert ("skip", "cut") == (late["outcome"], late["skip"])


def test_a_notebook_for_a_later_version_is_refused(
    root: Root, recorder: Recorder, verify_only: Callable[[str, str], Path], team: Callable[..., None]
) -> None:
    """Exit 2 before anything is asked, and no run folder."""
    verify_only("shop", recorder.url)
    team({"deployer_api": 99}, 'phase.check("team.orders_fresh", fresh)')
    done = root.run("run", "shop")
    assert 2 == done.returncode
    assert "03_team.ipynb was written for version 99 of Deployer's interface; this one has 1." in done.stderr
    assert ([], []) == (recorder.seen, root.runs("shop"))

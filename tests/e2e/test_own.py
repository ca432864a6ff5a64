"""A team's own checks and notebooks take part in findings, verdict and record."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import nbclient
import nbformat

from deployer_lib.check import Verdict
from deployer_lib.notebooks import read_record
from deployer_lib.reports.build import build

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2e_parts import Recorder

    from tests.conftest import Root

RUNBOOKS = Path(__file__).parents[2] / "runbooks"
PARAMETERS = '# Parameters of this notebook.\nenvironment = "shop"'
OPEN = 'from deployer_lib import Phase\nfrom deployer_lib.check import failed, passed, Fix\nphase = Phase.open("team", globals())'
PROBES = """
def fresh(ctx):
    yield passed("The newest order is 3 s old.", age_s=3)
def stale(ctx):
    yield failed("The newest order is 3 days old.", root_cause="no import runs", impact="wrong stock",
                 fix=Fix(steps=("Start the import.",), docs="https://docs.example/import", minutes=5), age_d=3)
def broken(ctx):
    raise LookupError("no such table")
def empty(ctx):
    return []
"""


def test_own_checks_count(
    root: Root, recorder: Recorder, verify_only: Callable[[str, str], Path], notebook: Callable[..., Path]
) -> None:
    """Own checks stand in results.json with row K7; one that fails at the blocking severity is a no-go."""
    verify_only("shop", recorder.url)
    notebook(
        root.path / "runbooks" / "45_team.ipynb",
        PARAMETERS,
        OPEN,
        PROBES,
        'phase.check("team.orders_fresh", fresh, title="Orders are fresh")',
        'phase.check("team.orders_stale", stale, title="Orders came today", severity="critical")',
        'phase.check("team.orders_broken", broken)',
        'phase.check("team.orders_empty", empty)',
        "phase.close()",
    )
    done = root.run("run", "shop", "--phases", "smoke,team")
    results = root.results("shop")
    assert (1, "no-go") == (done.returncode, results["verdict"]), done.stderr
    assert ["team.orders_stale"] == results["blocking"]
    own = {c["id"]: c for c in results["checks"] if c["row"] == "K7"}
    assert {
        "team.orders_fresh": "pass",
        "team.orders_stale": "fail",
        "team.orders_broken": "error",
        "team.orders_empty": "error",
    } == {name: check["outcome"] for name, check in own.items()}
    assert "LookupError: no such table" in own["team.orders_broken"]["message"]
    log = (root.runs("shop")[-1] / "DEPLOYMENT_LOG.md").read_text(encoding="utf-8")
    assert "The newest order is 3 days old." in log
    assert "- [x] Orders are fresh" in log
    about = json.loads((root.runs("shop")[-1] / "run.json").read_text(encoding="utf-8"))
    origins = {n["name"]: n["origin"] for n in about["notebooks"]}
    assert {"04_smoke.ipynb": "packaged", "45_team.ipynb": "own"}.items() <= origins.items()
    assert "team." not in root.run("checks").stdout


def test_a_changed_notebook_is_marked(
    root: Root, recorder: Recorder, verify_only: Callable[[str, str], Path], notebook: Callable[..., Path]
) -> None:
    """A packaged notebook that was changed says ``modified``; checks that it leaves out leave the run undecided; own
    checks can't take packaged ids, and an own notebook that is never closed is no pass."""
    verify_only("shop", recorder.url)
    (root.path / "runbooks").mkdir()
    changed = nbformat.read(RUNBOOKS / "04_smoke.ipynb", as_version=4)
    changed.cells = [c for c in changed.cells if "smoke.unknown_path" not in c.source]
    nbformat.write(changed, root.path / "runbooks" / "04_smoke.ipynb")
    notebook(
        root.path / "runbooks" / "45_team.ipynb",
        PARAMETERS,
        OPEN + PROBES,
        'phase.check("smoke.unknown_path", fresh)',
        "phase.close()",
    )
    notebook(
        root.path / "runbooks" / "46_open.ipynb",
        PARAMETERS,
        OPEN.replace('"team"', '"open"') + PROBES,
        'phase.check("team.x", fresh)',
    )
    done = root.run("run", "shop", "--phases", "smoke,team,open")
    results = root.results("shop")
    assert (3, "undecided") == (done.returncode, results["verdict"]), done.stderr
    states = {p["name"]: p["state"] for p in results["phases"]}
    assert {"team": "crashed", "open": "crashed"}.items() <= states.items(), states
    about = json.loads((root.runs("shop")[-1] / "run.json").read_text(encoding="utf-8"))
    origins = {n["name"]: n["origin"] for n in about["notebooks"]}
    assert "modified" == origins["04_smoke.ipynb"]
    assert "smoke.unknown_path" not in {c["id"] for c in results["checks"]}
    assert "smoke.unknown_path" in json.dumps(results["reason"]) + (
        root.runs("shop")[-1] / "DEPLOYMENT_LOG.md"
    ).read_text(encoding="utf-8")


def run_by_hand(root: Root, order: list[int], sources: list[str]) -> Path:
    """Execute the cells of an own notebook in an order of a person's choosing, and keep what came."""
    cells = [nbformat.v4.new_code_cell(source, id=f"c{i}") for i, source in enumerate(sources)]
    made = nbformat.v4.new_notebook(cells=cells)
    client = nbclient.NotebookClient(
        made, resources={"metadata": {"path": str(root.path)}}, allow_errors=True, timeout=120
    )
    with client.setup_kernel(env=root.environ()):
        for index in order:
            client.execute_cell(made.cells[index], index)
    folder = root.path / "by_hand"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    nbformat.write(made, folder / "45_team.ipynb")
    return folder


def test_cells_out_of_order_are_never_a_go(
    root: Root, recorder: Recorder, verify_only: Callable[[str, str], Path]
) -> None:
    """Cells that a person ran twice or out of order leave a phase that counts as crashed."""
    verify_only("shop", recorder.url)
    first = OPEN.replace('"team"', '"preflight"')  # the phase that keeps the inputs
    sources = [PARAMETERS, first + PROBES, 'phase.check("team.orders_fresh", fresh)', "phase.close()"]
    for order, state in (([0, 1, 2, 3], "done"), ([0, 1, 2, 2, 3], "crashed"), ([1, 0, 2, 3], "crashed")):
        if order[0] == 1:
            sources[1] = 'environment = "shop"\n' + sources[1]
        record = read_record(run_by_hand(root, order, sources))
        assert [state] == [p.state.value for p in record.phases], order
        assert Verdict.GO is not build(record).verdict

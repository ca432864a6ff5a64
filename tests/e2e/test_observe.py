"""An environment that allows observing alone is only observed, whichever way its notebooks are run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import nbclient
import nbformat
import pytest

if TYPE_CHECKING:
    from e2e_parts import Recorder

    from tests.conftest import Root

RUNBOOKS = Path(__file__).parents[2] / "runbooks"
SAFE = {"GET", "HEAD", "OPTIONS"}
NOTEBOOKS = {"smoke": "04_smoke", "health": "05_health", "bugs": "06_bugs"}

#: Everything is declared that would write, stress or disrupt if it were allowed.
EVERYTHING = """
environment: shop
project: {{path: project}}
allow: [observe]
deploy: {{kind: none, address: "{address}"}}
smoke:
  health: {{path: /health}}
  database: {{path: /health}}
  endpoints: [{{path: /items}}, {{path: /items, method: POST, body: {{name: a}}, status: [201, 400]}}]
  auth:
    login: {{path: /login, method: POST, body: {{user: a}}}}
    protected: {{path: /me}}
  cors: {{origins: ["https://front.example"], path: /items}}
  rate_limit: {{request: {{path: /items}}, limit: 50}}
health:
  headers: {{https: false}}
  logs: {{trace_field: trace}}
  metrics:
    requests: http_requests_total
    business: [{{metric: orders_total, request: {{path: /items, method: POST, body: {{name: a}}}}}}]
  load: {{path: /items, requests: 200, concurrent: 20}}
bugs:
  startup: {{variables: [DATABASE_URL]}}
"""


def only_looked(recorder: Recorder) -> None:
    assert recorder.seen, "nothing was asked at all"
    assert SAFE >= recorder.methods, recorder.seen
    assert not [path for _, path, _ in recorder.seen if path.startswith("/login")]
    assert 0.45 <= min(recorder.gaps_s(), default=1.0), recorder.gaps_s()


def test_a_run_only_observes(root: Root, recorder: Recorder) -> None:
    """A run with everything declared sends GET, HEAD and OPTIONS, at most two a second, and is undecided, not go."""
    root.write("shop", EVERYTHING.format(address=recorder.url))
    done = root.run("run", "shop", "--phases", "smoke,health,bugs")
    only_looked(recorder)
    results = root.results("shop")
    assert done.returncode in {1, 3}, done.stderr
    assert "go" != results["verdict"]
    by_id = {check["id"]: check for check in results["checks"]}
    for check in ("smoke.authentication", "smoke.rate_limit", "health.load_quick", "smoke.error_answers"):
        assert ("skip", "not-allowed") == (by_id[check]["outcome"], by_id[check]["skip"]), by_id[check]
    assert not [c for c in results["checks"] if c["outcome"] == "pass" and c["effect"] != "observe"]


def by_papermill(root: Root, phase: str, *words: str) -> None:
    name = NOTEBOOKS[phase]
    subprocess.run(
        [sys.executable, "-m", "papermill", str(RUNBOOKS / f"{name}.ipynb"), f"{name}.ipynb", *words],
        cwd=root.path,
        env=root.environ(),
        capture_output=True,
        timeout=240,
        check=False,  # a phase that blocks or can't tell ends non-zero
    )


def by_nbclient(root: Root, phase: str) -> None:
    notebook = nbformat.read(RUNBOOKS / f"{NOTEBOOKS[phase]}.ipynb", as_version=4)
    cell = next(c for c in notebook.cells if "parameters" in c.metadata.get("tags", []))
    cell.source = cell.source.replace('environment = "local"', 'environment = "shop"')
    client = nbclient.NotebookClient(
        notebook, resources={"metadata": {"path": str(root.path)}}, allow_errors=True, timeout=240
    )
    client.execute(env=root.environ())
    nbformat.write(notebook, root.path / f"{NOTEBOOKS[phase]}.ipynb")


def other_way(root: Root, recorder: Recorder, way: str, phase: str) -> None:
    root.write("shop", EVERYTHING.format(address=recorder.url))
    if way == "nbclient":
        by_nbclient(root, phase)
    else:
        words = ("-p", "environment", "shop") if way == "-p" else ("-f", "parameters/shop.yaml")
        by_papermill(root, phase, *words)
    only_looked(recorder)
    text = (root.path / f"{NOTEBOOKS[phase]}.ipynb").read_text(encoding="utf-8")
    closed = [
        data["application/vnd.deployer.checks.v1+json"]
        for cell in json.loads(text)["cells"]
        for output in cell.get("outputs", [])
        if "application/vnd.deployer.checks.v1+json" in (data := output.get("data", {}))
        and data["application/vnd.deployer.checks.v1+json"]["closed"]
    ]
    assert 1 == len(closed)
    assert not [c for c in closed[0]["checks"] if c["effect"] != "observe" and c["outcome"] == "pass"]


@pytest.mark.parametrize(("way", "phase"), [("-p", "smoke"), ("-f", "health"), ("nbclient", "bugs")])
def test_plain_notebooks_only_observe(way: str, phase: str, root: Root, recorder: Recorder) -> None:
    """Plain papermill and plain nbclient, without the runner, obey as well."""
    other_way(root, recorder, way, phase)


@pytest.mark.proof
@pytest.mark.parametrize("phase", NOTEBOOKS)
@pytest.mark.parametrize("way", ["-p", "-f", "nbclient"])
def test_every_notebook_every_way(way: str, phase: str, root: Root, recorder: Recorder) -> None:
    """Each of 04, 05 and 06 in each of these ways."""
    other_way(root, recorder, way, phase)

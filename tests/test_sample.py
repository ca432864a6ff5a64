"""The main job, end to end: the sound sample is a go, staging names its seven mistakes, broken names the variable."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

REPOSITORY = Path(__file__).parents[1]
#: SCHEMA.md's list of a run's folder.
WRITTEN = {
    *(
        f"0{n}_{name}.ipynb"
        for n, name in enumerate(
            ["preflight", "environment", "build", "deploy", "smoke", "health", "bugs", "report"]
        )
    ),
    "DEPLOYMENT_LOG.md",
    "NEXT_ACTIONS.md",
    "results.json",
    "run.json",
    "manifest.json",
    "evidence",
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what a clean clone holds of parameters, sample and faults."""
    root = tmp_path_factory.mktemp("checkout")
    for name in ("parameters", "examples", "tests/faults"):
        shutil.copytree(
            REPOSITORY / name, root / name, ignore=shutil.ignore_patterns("__pycache__", ".venv", "dist")
        )
    return root


def deployer(root: Path, *words: str) -> tuple[int, dict[str, Any]]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DEPLOYER_")}
    done = subprocess.run(
        [sys.executable, "-m", "deployer_lib", *words, "--json"],
        cwd=root,
        env=kept,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.stdout, done.stderr
    data: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, data


def failed(results: dict[str, Any]) -> set[str]:
    return {c["id"] for c in results["checks"] if c["outcome"] == "fail"}


def test_the_sound_sample_is_a_go_and_leaves_nothing_running(checkout: Path) -> None:
    code, results = deployer(checkout, "run", "local")
    assert (0, "go", set()) == (code, results["verdict"], failed(results))
    assert [] == [c for c in results["checks"] if c["outcome"] == "error"]
    run = checkout / results["record"]
    assert set() == WRITTEN - {path.name for path in run.iterdir()}
    deployed = next(c for c in results["checks"] if c["id"] == "deploy.run")
    port = int(deployed["evidence"]["base_url"].rpartition(":")[2])
    with socket.socket() as free:
        free.bind(("127.0.0.1", port))
    assert [] == [
        p.pid for p in psutil.process_iter(["cmdline"]) if str(checkout) in " ".join(p.info["cmdline"] or ())
    ]


def test_staging_names_every_mistake_and_nothing_else(checkout: Path) -> None:
    code, results = deployer(checkout, "run", "staging", "-p", "health.load.sustained.duration_s=5")
    assert (1, "no-go") == (code, results["verdict"])
    assert {
        "environment.variables_documented",
        "smoke.cors",
        "environment.dependencies_declared",
        "health.headers",
        "smoke.readiness",
        "health.metrics_move",
        "smoke.error_answers",
    } == failed(results)
    for check in results["checks"]:
        if check["outcome"] == "fail":
            assert check["root_cause"], check["id"]
            assert check["fix"]["code"], check["id"]
            assert check["locations"][0]["file"], check["id"]
            assert check["locations"][0]["line"], check["id"]
    assert [] == [c["id"] for c in results["checks"] if c["outcome"] == "error"]


def test_broken_is_a_no_go_in_the_deploy_phase_with_the_variable(checkout: Path) -> None:
    code, results = deployer(checkout, "run", "broken")
    assert (1, "no-go") == (code, results["verdict"])
    assert {"deploy.run", "environment.variables_set"} == failed(results)
    assert "blocked" == next(p["state"] for p in results["phases"] if p["name"] == "deploy")
    found = next(c for c in results["checks"] if c["id"] == "deploy.run")
    assert "JWT_SECRET" in found["message"] + found["root_cause"]
    assert "JWT_SECRET" in found["fix"]["code"][0]["text"]
    touched = [
        c["id"]
        for c in results["checks"]
        if c["phase"] in {"smoke", "health", "bugs"} and c["outcome"] != "skip"
    ]
    assert [] == touched

"""Fixtures that several folders share: a root with an environment, and the command run in it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPOSITORY = Path(__file__).parents[1]
TINY = Path(__file__).parent / "projects" / "tiny"

TINY_PARAMETERS = f"""
environment: tiny
profile: worker
project: {{path: project}}
not_applicable:
  environment.clean_install: nothing to install
  environment.dependencies_declared: nothing to install
  environment.variables_read: none that matters
  environment.variables_documented: none that matters
  environment.variables_set: none that matters
  environment.migrations: no database
  build.run: nothing to build
  build.clean: nothing to build
  build.size: nothing to build
  preflight.architecture: nothing to compare
  health.logs_written: no request marks it
  health.logs_structured: no request marks it
  bugs.startup_variables: none is required
  bugs.log_files: it logs to its output
deploy:
  kind: process
  start: [{sys.executable}, server.py, "{{port}}"]
  ready: {{path: /health, expect: 'json.status == "ok"', times: 1}}
  rollback: {{steps: [{{name: back, command: ["true"]}}], risk: LOW, why: nothing is kept}}
  stop_after: true
"""


def pytest_configure() -> None:
    """Make each run the same.

    Ctrl-C is taken as a terminal gives it: a shell that runs this in the background ignores it, and all children inherit that.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # The same cases on every day, and no limit on their time: a slow machine is no fault.
    settings.register_profile("suite", deadline=None, derandomize=True, database=None)
    settings.load_profile("suite")


@dataclass(slots=True)
class Root:
    """A folder with parameters/ and a project, and the command ``deployer`` run in it."""

    path: Path

    def write(self, environment: str, text: str) -> Path:
        path = self.path / "parameters" / f"{environment}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def environ(self, **more: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("DEPLOYER_")}
        return {**kept, "DEPLOYER_HOME": str(self.path), **more}

    def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "deployer_lib", *words],
            cwd=self.path,
            env=self.environ(**more),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def start(self, *words: str, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "deployer_lib", *words],
            cwd=self.path,
            env=self.environ(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def runs(self, environment: str) -> list[Path]:
        folder = self.path / "outputs" / environment
        return (
            sorted(p for p in folder.iterdir() if len(p.name) == 26 and not p.is_symlink())
            if folder.is_dir()
            else []
        )

    def results(self, environment: str) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(
            (self.runs(environment)[-1] / "results.json").read_text(encoding="utf-8")
        )
        return data


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """Return an empty root with the tiny project in it."""
    shutil.copytree(TINY, tmp_path / "project")
    (tmp_path / "parameters").mkdir()
    return Root(tmp_path)


@pytest.fixture
def tiny(root: Root) -> Iterator[Root]:
    """Return a root with the environment ``tiny``, stopped at the end."""
    root.write("tiny", TINY_PARAMETERS)
    yield root
    root.run("down", "tiny")


@pytest.fixture
def notebook() -> Callable[..., Path]:
    """Return a function that writes a runbook notebook from the sources of its cells."""

    def write(path: Path, *sources: str) -> Path:
        import nbformat  # noqa: PLC0415

        cells = [
            nbformat.v4.new_code_cell(source, id=f"cell-{index}") for index, source in enumerate(sources)
        ]
        cells[0].metadata["tags"] = ["parameters"]
        spec = {"display_name": "Python 3", "language": "python", "name": "python3"}
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": spec}), path)
        return path

    return write

"""JupyterLab as a person opens it, Debian's Chromium, and an application of two routes with two environments."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from lab_parts import Lab
from playwright.sync_api import sync_playwright
from ports import refusing

from deployer_lib.runbook.notebooks import packaged_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

_LAB = Path(__file__).parents[2] / "tools" / "lab.py"
_CHROMIUM = "/usr/bin/chromium"
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
_URL = re.compile(r"(http://127\.0\.0\.1:\d+)/\S*\?token=(\w+)")

_PARAMETERS = """
environment: {name}
project: {{path: project}}
deploy: {{kind: none, address: "http://127.0.0.1:{port}"}}
smoke:
  health: {{path: /health, expect: 'json.status == "ok"'}}
not_applicable:
  smoke.database: none is used
  smoke.readiness: none is used
  smoke.authentication: nobody logs in
  smoke.endpoints: one only
  smoke.error_answers: one endpoint only
  smoke.cors: no front end
  smoke.rate_limit: behind a proxy that limits
"""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        found = self.path.partition("?")[0] == "/health"
        data = json.dumps({"status": "ok"} if found else {"error": "not found"}).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class's)
        pass


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a folder with two environments: ``tiny`` answers, and nothing listens where ``down`` should be."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "project").mkdir()
    (folder / "parameters").mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    with refusing() as closed:
        for name, port in (("tiny", server.server_address[1]), ("down", closed)):
            text = _PARAMETERS.format(name=name, port=port)
            (folder / "parameters" / f"{name}.yaml").write_text(text, encoding="utf-8")
        yield folder
    server.shutdown()
    thread.join()
    server.server_close()


def own_environ(home: Path) -> dict[str, str]:
    """Return an environment in which Jupyter finds nobody's settings, and the phases the home."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DEPLOYER_", "JUPYTER"))}
    folders = (
        "JUPYTER_CONFIG_DIR",
        "JUPYTER_DATA_DIR",
        "JUPYTERLAB_SETTINGS_DIR",
        "JUPYTERLAB_WORKSPACES_DIR",
    )
    return {**kept, "DEPLOYER_HOME": str(home)} | {name: str(home / "jupyter" / name) for name in folders}


@pytest.fixture(scope="session")
def environ(home: Path) -> dict[str, str]:
    """Return the environment variables of JupyterLab and papermill."""
    return own_environ(home)


@pytest.fixture(scope="session")
def lab(home: Path, environ: dict[str, str]) -> Iterator[Lab]:
    """Start ``make lab``'s program and the browser; Ctrl-C ends it, and it leaves nothing running."""
    if not Path(_CHROMIUM).exists():
        pytest.fail(f"{_CHROMIUM} is not there: apt-get install chromium")
    process = subprocess.Popen(
        [sys.executable, str(_LAB), "--port", "0", "--no-browser"],
        cwd=home,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    if process.stdout is None:
        pytest.fail("a pipe was asked for")
    with process.stdout:
        found = _URL.match(process.stdout.readline())
        if found is None:
            pytest.fail("tools/lab.py printed no address first")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=_ARGUMENTS)
            yield Lab(found[1], found[2], home, browser)
            browser.close()
        process.send_signal(signal.SIGINT)
        assert 0 == process.wait(30)


@pytest.fixture
def smoke_for(home: Path) -> Any:
    """Return a function that copies 04_smoke with another environment in its parameters cell, as a person edits it."""

    def copy(environment: str) -> Path:
        path = home / environment / "04_smoke.ipynb"
        path.parent.mkdir(exist_ok=True)
        shutil.copyfile(packaged_folder() / path.name, path)
        text = path.read_text(encoding="utf-8")
        changed = text.replace('environment = \\"local\\"', f'environment = \\"{environment}\\"')
        assert changed != text
        path.write_text(changed, encoding="utf-8")
        return path

    return copy

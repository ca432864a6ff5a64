"""Real parts for tests of targets: a small application, its environment's parameters, a guard."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING, Any

from deployer_lib.app.opening import open_target
from deployer_lib.catalogue import Effect
from deployer_lib.guard import Guard
from deployer_lib.parameters.model import Parameters

if TYPE_CHECKING:
    from pathlib import Path

    from deployer_lib.app.target import Target

PYTHON = sys.executable

#: Answers /health 200 with what APP_SAYS holds; /db from the SQLite file of DATABASE_URL; /spawn leaves a daemon.
SERVER = textwrap.dedent(
    """
    import http.server, os, sqlite3, sys, urllib.parse

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = 200, os.environ.get("APP_SAYS", "ok")
            if self.path == "/db":
                try:
                    url = os.environ["DATABASE_URL"]
                    path = url.removeprefix("sqlite:///")
                    with sqlite3.connect(path) as connection:
                        body = str(connection.execute("select count(*) from things").fetchone()[0])
                except sqlite3.Error as error:
                    status, body = 503, str(error)
            elif self.path != "/health":
                status = 404
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())
            print("served", self.path, flush=True)

        def log_message(self, *args):
            pass

    print("starting", flush=True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
    server.serve_forever()
    """
)


def parameters(**deploy: Any) -> Parameters:
    """Return an environment whose process is :data:`SERVER`, with some of ``deploy`` changed."""
    smoke, bugs = deploy.pop("smoke", {}), deploy.pop("bugs", {})
    declared = {
        "kind": "process",
        "start": [PYTHON, "server.py"],
        "variables": {"PORT": "{port}"},
        "ready": {"within_s": 15, "times": 2},
        "stop_timeout_s": 3,
    }
    return Parameters.model_validate(
        {
            "environment": "local",
            "version": "1.0",
            "deploy": declared | deploy,
            "smoke": smoke,
            "bugs": bugs,
            "project": {"name": "shop"},
        }
    )


def guard(*effects: Effect) -> Guard:
    """Return a guard that allows these effects, all where none is named."""
    return Guard("local", frozenset(effects or Effect), set())


def target(root: Path, declared: Parameters, *, server: str = SERVER, run: str = "run1") -> Target:
    """Return an opened target whose project holds ``server.py``."""
    project = root / "project"
    project.mkdir(exist_ok=True)
    (project / "server.py").write_text(server, encoding="utf-8")
    return open_target(
        declared,
        guard(),
        root=root,
        outputs_env=root / "outputs" / "local",
        state=root / ".deployer" / "local",
        run=run,
        project_workspace=project,
    )


def quiet(_line: str) -> None:
    """Take a line of progress, and say nothing."""

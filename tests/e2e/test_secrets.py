"""Secrets in every parameter that takes one, leaked in every way: in no file of the record, and on no terminal."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args, get_origin
from urllib.parse import quote, quote_plus

from e2e_parts import VERIFY_ONLY

from deployer_lib.parameters.fields import JsonBody, section_of, types_of
from deployer_lib.parameters.model import Parameters
from deployer_lib.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from e2e_parts import Recorder
    from pydantic import BaseModel

    from tests.conftest import Root

VALUES = {
    "env": 'zq8/Wv+3&"x#env-9Kd',
    "file": "file-7Hs.Lp2~Qe5'Tt",
    "cmd": "cmd_4Rb-Xy6=Uu1%Nn0",
}
REFERENCES = {"env": "${env:PLANTED}", "file": "${file:planted.txt}", "cmd": '${cmd:["cat", "planted.cmd"]}'}

#: Parameters that take a secret which this test does not plant, each with the reason.
NOT_PLANTED = {
    "deploy.commands": "a target of another kind; its commands are words like those of deploy.steps",
    "install": "no clean install is made here",
}


def takes_secrets(model: type[BaseModel], path: str = "") -> Iterator[str]:
    """Yield every place of a model that takes a secret, ``[]`` for lists and ``.*`` for maps."""
    for name, declared in model.model_fields.items():
        yield from _of_type(declared.annotation, declared.metadata, f"{path}.{name}".lstrip("."))


def _of_type(kind: Any, metadata: list[Any], path: str) -> Iterator[str]:
    if metadata and metadata[0] in get_args(JsonBody)[1:]:
        yield path
        return
    for one in types_of(kind):
        inner = get_args(one)
        if one is Secret:
            yield path
        elif get_origin(one) is list:
            yield from _of_type(inner[0], [], f"{path}[]")
        elif get_origin(one) is dict:
            yield from _of_type(inner[1], [], f"{path}.*")
        elif section := section_of(one):
            yield from takes_secrets(section, path)


@dataclass(slots=True)
class Planter:
    """Build a parameters document with a secret in every place that takes one."""

    planted: list[str]

    def reference(self, path: str) -> str:
        self.planted.append(path)
        return list(REFERENCES.values())[len(self.planted) % len(REFERENCES)]

    def endpoint(self, path: str, asked: str) -> dict[str, object]:
        return {
            "path": asked,
            "headers": {"X-Key": self.reference(f"{path}.headers.*")},
            "body": {"deep": [{"er": self.reference(f"{path}.body")}]},
        }

    def command(self, path: str, text: str) -> list[str]:
        """Return a command that prints its words, in a list with a secret in it."""
        script = f"import sys; print('said', *sys.argv[1:], flush=True); {text}"
        return ["python3", "-c", script, self.reference(f"{path}[]")]


def document(plant: Planter) -> dict[str, Any]:
    make = "import pathlib; pathlib.Path('out').mkdir(exist_ok=True); pathlib.Path('out/a').write_text('a')"
    serve = "import runpy; sys.argv = ['server.py', sys.argv[2]]; runpy.run_path('server.py', run_name='__main__')"
    start = plant.command("deploy.start", serve)
    return {
        "environment": "tiny",
        "profile": "api",
        "project": {"path": "project"},
        "preflight": {
            "tests": {
                "command": plant.command("preflight.tests.command", ""),
                "variables": {"TEST_VALUE": plant.reference("preflight.tests.variables.*")},
            }
        },
        "build": {
            "command": plant.command("build.command", make),
            "output": ["out"],
            "variables": {"BUILD_VALUE": plant.reference("build.variables.*")},
        },
        "deploy": {
            "kind": "process",
            "steps": [{"name": "say", "command": plant.command("deploy.steps[].command", "")}],
            "start": [*start, "{port}"],
            "variables": {"TINY_SECRET": plant.reference("deploy.variables.*")},
            "ready": {"times": 1},
            "rollback": {
                "steps": [{"name": "back", "command": plant.command("deploy.rollback.steps[].command", "")}],
                "risk": "LOW",
                "why": "nothing is kept",
            },
            "stop_after": True,
        },
        "smoke": {
            "health": plant.endpoint("smoke.health", "/health"),
            "database": {"path": "/health", "scratch": plant.reference("smoke.database.scratch")},
            "endpoints": [plant.endpoint("smoke.endpoints[]", "/token")],
            "auth": {
                "login": plant.endpoint("smoke.auth.login", "/token"),
                "token": "$.token",
                "protected": plant.endpoint("smoke.auth.protected", "/nothing"),
            },
            "rate_limit": {"request": plant.endpoint("smoke.rate_limit.request", "/health"), "limit": 2},
        },
        "health": {
            "headers": {"https": False},
            "logs": {},
            "metrics": {
                "business": [
                    {
                        "metric": "orders_total",
                        "request": plant.endpoint("health.metrics.business[].request", "/health"),
                    }
                ]
            },
        },
    }


LEAKS = (
    '# Parameters of this notebook.\nenvironment = "tiny"',
    """
import subprocess, sys
from deployer_lib import Phase
from deployer_lib.check import Fix, failed
phase = Phase.open("leak", globals())
values = [s.reveal() for s in phase._session.loaded.secrets()]
""",
    "for v in values: print(v[:5], end='', flush=True); print(v[5:], flush=True)",
    "for v in values: subprocess.run([sys.executable, '-c', 'import sys; print(sys.argv[1]); print(sys.argv[1], file=sys.stderr)', v])",
    "import pandas; pandas.DataFrame({'value': values, **{v: [1] * len(values) for v in values}})",
    """
import base64
def leaks(ctx):
    for v in set(values):
        yield failed(f"It holds {v}.", subject=v, root_cause=f"{v!r}", impact=v, fix=Fix(steps=(v,), docs="https://docs.example/?k=" + v, minutes=1),
                     whole=v, packed=base64.b64encode(v.encode()).decode(), nested={v: [v]}, hexed=v.encode().hex())
    ctx.keep("notes.txt", "\\n".join(values).encode())
""",
    'phase.check("team.leaks", leaks)',
    "phase.close()",
)
TRACEBACK = (LEAKS[0], LEAKS[1].replace('"leak"', '"trace"'), "raise ValueError(values)")


def forms(value: str) -> set[str]:
    """Return the forms of a value that count as a leak, worked out here and not by the redactor."""
    raw = value.encode()
    packed = {
        base64.b64encode(b"\0" * offset + raw).decode()[(0, 2, 3)[offset] : -4].rstrip("=")
        for offset in range(3)
    }
    quoted = {json.dumps(value)[1:-1], quote(value, safe=""), quote_plus(value)}
    return {value, raw.hex(), raw.hex().upper()} | quoted | packed


def strings(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, str):
        yield value


def leaked(texts: dict[str, str]) -> list[str]:
    return [
        f"{kind} in {name}"
        for name, text in texts.items()
        for kind, value in VALUES.items()
        if any(form in text for form in forms(value))
    ]


def written(folder: Path) -> dict[str, str]:
    """Return the text of every file below a folder, notebooks and JSON joined as well."""
    texts = {}
    for path in (p for p in folder.rglob("*") if p.is_file()):
        text = path.read_bytes().decode("utf-8", "replace")
        texts[str(path.relative_to(folder))] = text
        if path.suffix in {".ipynb", ".json"}:
            texts[f"{path.relative_to(folder)} (joined)"] = "".join(strings(json.loads(text)))
    return texts


def plant_sources(root: Root) -> None:
    (root.path / "planted.txt").write_text(VALUES["file"], encoding="utf-8")
    (root.path / "planted.cmd").write_text(VALUES["cmd"] + "\n", encoding="utf-8")


def test_no_secret_reaches_the_record(tiny: Root, notebook: Callable[..., Path]) -> None:
    """A secret in each parameter that takes one, printed by commands, logged by the application, answered by it and
    leaked by a notebook in every way, is in no file below outputs/ or the coordination folder, in no form, and not in
    what the terminal shows."""
    plant = Planter([])
    tiny.write("tiny", json.dumps(document(plant)))
    planted = set(plant.planted)
    every = {p for p in takes_secrets(Parameters) if not p.startswith(tuple(NOT_PLANTED))}
    assert every == planted
    plant_sources(tiny)
    notebook(tiny.path / "runbooks" / "45_leak.ipynb", *LEAKS)
    notebook(tiny.path / "runbooks" / "46_trace.ipynb", *TRACEBACK)
    done = tiny.run(
        "run",
        "tiny",
        "--phases",
        "preflight,build,deploy,smoke,health,leak,trace",
        "--json",
        PLANTED=VALUES["env"],
    )
    results = tiny.results("tiny")
    made = {c["id"]: c["outcome"] for c in results["checks"]}
    assert "pass" == made["deploy.run"], done.stderr
    assert "fail" == made["team.leaks"]
    states = {p["name"]: p["state"] for p in results["phases"]}
    assert "crashed" == states["trace"]
    assert [] == leaked({"stdout": done.stdout, "stderr": done.stderr})
    texts = written(tiny.path / "outputs")
    assert len(texts) > 15
    assert [] == leaked(texts)
    assert [] == leaked(written(tiny.path / "project" / "_coordination"))
    about = json.loads((tiny.runs("tiny")[-1] / "run.json").read_text(encoding="utf-8"))
    assert [] == about["withheld"], "redaction came too late for these"


def test_up_shows_no_secret(tiny: Root) -> None:
    """What the application prints when ``up`` fails is shown without its secret, and without --json too."""
    text = (tiny.path / "parameters" / "tiny.yaml").read_text(encoding="utf-8")
    crash = "import os, sys; print('with', os.environ['TINY_SECRET'], flush=True); sys.exit(3)"
    start = text.index("  start:")
    tiny.write(
        "tiny",
        text[:start]
        + f"  variables: {{TINY_SECRET: '{REFERENCES['env']}'}}\n  start: {json.dumps(['python3', '-c', crash])}\n"
        + text[text.index("  ready:") :],
    )
    for more in ((), ("--json",)):
        done = tiny.run("up", "tiny", *more, PLANTED=VALUES["env"])
        assert 1 == done.returncode, done.stderr
        assert "with" in done.stderr
        assert [] == leaked({"stdout": done.stdout, "stderr": done.stderr})


STEALS = """
import json, os, pathlib
folder = pathlib.Path(json.loads(os.environ["DEPLOYER_RUN"])["run_dir"])
(folder / "stolen.txt").write_text("it is " + values[0])
(folder / "evidence").mkdir(exist_ok=True)
import gzip
(folder / "evidence" / "stolen.gz").write_bytes(gzip.compress(values[0].encode()))
from deployer_lib.check import passed
phase.check("team.fine", lambda ctx: [passed("fine", a=1)])
"""


def test_a_file_with_a_secret_is_withheld(
    root: Root, recorder: Recorder, notebook: Callable[..., Path]
) -> None:
    """A file that a notebook wrote with a secret in it is taken out; the report is still written, and it is no go."""
    text = VERIFY_ONLY.format(name="tiny", address=recorder.url)
    text = text.replace("{path: /health}", f"{{path: /health, headers: {{X-Key: '{REFERENCES['env']}'}}}}")
    root.write("tiny", text)
    notebook(root.path / "runbooks" / "45_leak.ipynb", LEAKS[0], LEAKS[1], STEALS, "phase.close()")
    done = root.run("run", "tiny", "--phases", "smoke,leak", PLANTED=VALUES["env"])
    results = root.results("tiny")
    assert (3, "undecided") == (done.returncode, results["verdict"]), done.stderr
    assert [] == leaked(written(root.path / "outputs"))
    folder = root.runs("tiny")[-1]
    about = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert ["evidence/stolen.gz", "stolen.txt"] == about["withheld"]
    assert not (folder / "stolen.txt").exists()
    assert "stolen.txt" in (folder / "DEPLOYMENT_LOG.md").read_text(encoding="utf-8")
    assert (folder / "manifest.json").exists()

from __future__ import annotations

import os
import signal
import socket
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from deployer_lib.app.handover import Live, read_live, update_live
from deployer_lib.app.opening import open_target
from deployer_lib.check import Outcome, Result, Skip
from deployer_lib.probes.deploying import clean_start_log, deploy, steady_process
from deployer_lib.probes.rollback_plan import rollback_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from deployer_lib.probes.context import Context

SERVER = """
import http.server, os
{before}
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ.get("SAYS", "ok").encode())
    def log_message(self, *args):
        pass
print("listening", flush=True)
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
OLD = {"name": "shop", "digest": "sha256:" + "1" * 64, "commit": "", "version": "1.0"}
NEW = {"name": "shop", "digest": "sha256:" + "2" * 64, "commit": "", "version": "2.0"}


@pytest.fixture
def deployable(context: Callable[..., Context]) -> Iterator[Callable[..., Context]]:
    """Give what makes a context whose target is a real process; it is stopped at the end."""
    made: list[Context] = []

    def make(
        before: str = "", *, server: str = "", artifact: dict[str, str] = NEW, **declared: Any
    ) -> Context:
        deploy = {
            "kind": "process",
            "start": [sys.executable, "server.py"],
            "variables": {"PORT": "{port}"},
            "ready": {"within_s": 15, "times": 1},
            "stop_timeout_s": 2,
            **declared.pop("deploy", {}),
        }
        ctx = context("http://127.0.0.1:9", deploy=deploy, build={"command": ["true"]}, **declared)
        (ctx.workspace / "server.py").write_text(
            server or SERVER.replace("{before}", before), encoding="utf-8"
        )
        (ctx.project / "server.py").write_text(server or SERVER.replace("{before}", before), encoding="utf-8")
        update_live(ctx.places.records, lambda live: replace(live, artifact=artifact))
        ctx.target = open_target(
            ctx.parameters,
            ctx.guard,
            root=ctx.root,
            outputs_env=ctx.places.records,
            state=ctx.places.state,
            run="run1",
            project_workspace=ctx.workspace,
        )
        ctx.live = read_live(ctx.places.records)
        made.append(ctx)
        return ctx

    yield make
    for ctx in made:
        ctx.target.stop()


def one(results: Any) -> Result:
    found: list[Result] = list(results)
    assert len(found) == 1, found
    return found[0]


def test_a_deployment_is_told_whole(deployable: Callable[..., Context]) -> None:
    """Duration, moment, version, address and each step stand in the evidence that the report reads."""
    steps = [{"name": "greet", "command": [sys.executable, "-c", "print('{version}')"]}]
    result = one(deploy(deployable(deploy={"steps": steps})))
    evidence: Any = result.evidence
    assert result.outcome is Outcome.PASS, result
    assert (evidence["version"], evidence["digest"]) == ("2.0", NEW["digest"])
    assert evidence["duration_s"] > 0
    assert evidence["base_url"].startswith("http://127.0.0.1:")
    assert [("greet", 0)] == [(step["name"], step["exit_code"]) for step in evidence["steps"]]


def test_a_missing_variable_is_named_with_the_line_that_sets_it(deployable: Callable[..., Context]) -> None:
    """The root cause is read out of the output; the place is the project's line; the fix is YAML to paste."""
    result = one(deploy(deployable("key = os.environ['STRIPE_API_KEY']")))
    assert result.outcome is Outcome.FAIL
    assert "with exit code 1" in result.message
    assert "KeyError: 'STRIPE_API_KEY'" in result.message
    assert result.root_cause.startswith("STRIPE_API_KEY is not set")
    assert result.fix.code[0].file == "parameters/test.yaml"
    assert result.fix.code[0].text == "deploy:\n  variables:\n    STRIPE_API_KEY: ${env:STRIPE_API_KEY}"
    assert [("server.py", 3)] == [(place.file, place.line) for place in result.locations]
    assert "Traceback" in str(result.evidence["output"])


def test_a_variable_that_is_set_is_not_blamed(deployable: Callable[..., Context]) -> None:
    """A message may name a variable that is there; its error is another."""
    result = one(
        deploy(
            deployable(
                "raise SystemExit('LOG_LEVEL: value not found in the list')",
                deploy={"variables": {"PORT": "{port}", "LOG_LEVEL": "loud"}},
            )
        )
    )
    assert "is not set" not in result.root_cause
    assert "LOG_LEVEL: value not found" in result.message


def test_a_missing_module_is_named(deployable: Callable[..., Context]) -> None:
    """What installs it is the fix."""
    result = one(deploy(deployable("import no_such_module_at_all")))
    assert "no_such_module_at_all" in result.root_cause
    assert result.fix.code


def test_a_port_that_is_taken_names_its_holder(deployable: Callable[..., Context]) -> None:
    """Nothing is stopped for it."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        result = one(deploy(deployable(deploy={"port": other.getsockname()[1]})))
    assert f"held by process {os.getpid()}" in result.message
    assert "What ran before was not stopped." in result.impact


def test_a_failed_step_shows_its_output(deployable: Callable[..., Context]) -> None:
    """The step's last line is the message; the output is kept."""
    steps = [{"name": "migrate", "command": [sys.executable, "-c", "raise SystemExit('two heads')"]}]
    result = one(deploy(deployable(deploy={"steps": steps})))
    assert result.message == "The step migrate ended with 1: two heads"
    assert "not stopped" in result.impact


def test_without_an_artifact_nothing_is_deployed(deployable: Callable[..., Context]) -> None:
    """It could not be told what would run."""
    result = one(deploy(deployable(artifact={})))
    assert result.outcome is Outcome.ERROR
    assert "run 02 first" in result.root_cause


def test_kind_none_is_not_deployed_from_here(context: Callable[..., Context]) -> None:
    """Checks that need the deployment are made all the same."""
    result = one(deploy(context("http://127.0.0.1:9")))
    assert (Outcome.SKIP, Skip.NOT_APPLICABLE) == (result.outcome, result.skip)


def test_a_failed_deployment_is_rolled_back_where_that_is_asked_for(
    deployable: Callable[..., Context],
) -> None:
    """The previous version answers again, and the finding says so."""
    script = "import shutil; shutil.copy('good.py', 'server.py')"
    plan = {"on_failure": True, "steps": [{"name": "back", "command": [sys.executable, "-c", script]}]}
    ctx = deployable(artifact=OLD, deploy={"rollback": plan})
    assert one(deploy(ctx)).outcome is Outcome.PASS
    server = ctx.workspace / "server.py"
    server.rename(ctx.workspace / "good.py")
    server.write_text("raise SystemExit('broken')", encoding="utf-8")
    update_live(ctx.places.records, lambda live: replace(live, artifact=NEW))
    result = one(deploy(ctx))
    rollback: Any = result.evidence["rollback"]
    assert result.outcome is Outcome.FAIL
    assert rollback["ok"], rollback
    assert "brought back" in result.impact
    assert ctx.target.artifact().version == "1.0"
    assert ctx.target.instances()[0].running


@pytest.mark.parametrize(
    ("before", "outcome", "said"),
    [
        ("", Outcome.PASS, "No error in the 1 lines"),
        ("print('ERROR cache is not reachable', flush=True)", Outcome.FAIL, "cache is not reachable"),
        (
            "import traceback\ntry:\n  1 / 0\nexcept ZeroDivisionError: traceback.print_exc()",
            Outcome.FAIL,
            "ZeroDivisionError",
        ),
        ("print = lambda *a, **k: None", Outcome.ERROR, "nothing was printed"),
    ],
)
def test_the_start_up_log_is_read(
    deployable: Callable[..., Context], before: str, outcome: Outcome, said: str
) -> None:
    """Error lines and stack traces are findings, silence tells nothing."""
    ctx = deployable(before)
    assert one(deploy(ctx)).outcome is Outcome.PASS
    result = one(clean_start_log(ctx))
    assert result.outcome is outcome
    assert said in result.message


def test_expected_errors_are_allowed(deployable: Callable[..., Context]) -> None:
    """health.logs.allow holds at the start too."""
    ctx = deployable("print('ERROR no cache', flush=True)", health={"logs": {"allow": ["no cache"]}})
    list(deploy(ctx))
    result = one(clean_start_log(ctx))
    assert (Outcome.PASS, 1) == (result.outcome, result.evidence["allowed"])


def test_a_steady_process_passes(deployable: Callable[..., Context]) -> None:
    """It is looked at twice."""
    ctx = deployable()
    list(deploy(ctx))
    result = one(steady_process(ctx))
    assert result.outcome is Outcome.PASS, result
    assert result.evidence["restarts"] == 0


@pytest.mark.parametrize("restart", ["never", "on-failure"])
def test_a_process_that_ended_is_a_finding(deployable: Callable[..., Context], restart: str) -> None:
    """Also where the supervisor started it again."""
    ctx = deployable(deploy={"restart": restart})
    list(deploy(ctx))
    pid = ctx.target.instances()[0].pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    result = one(steady_process(ctx))
    assert result.outcome is Outcome.FAIL, result
    assert ("does not run" if restart == "never" else "started again") in result.message


def test_live_is_what_later_phases_read(deployable: Callable[..., Context]) -> None:
    """After deploy.run the address and the process stand in live.json."""
    ctx = deployable()
    list(deploy(ctx))
    live = read_live(ctx.places.records) or Live()
    assert (live.artifact, ctx.target.instances()[0].pid) == (NEW, live.pid)


WORKERS = """
import os, socket, sys, time, http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *args):
        pass
server = http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
server.timeout = 0.2
while True:
    child = os.fork()
    if child == 0:
        born = time.monotonic()
        while {lives} or time.monotonic() - born < 1:
            server.handle_request()
        os._exit(0)
    os.waitpid(child, 0)
"""


@pytest.mark.parametrize(("lives", "outcome"), [(True, Outcome.PASS), (False, Outcome.FAIL)])
def test_workers_that_are_replaced_without_end_are_a_finding(
    deployable: Callable[..., Context],
    lives: bool,  # noqa: FBT001
    outcome: Outcome,
) -> None:
    """A parent may keep its process id while those that take the requests come and go."""
    ctx = deployable(server=WORKERS.replace("{lives}", str(lives)))
    assert one(deploy(ctx)).outcome is Outcome.PASS
    result = one(steady_process(ctx))
    assert outcome is result.outcome, result
    evidence: Any = result.evidence
    assert 1 <= len(evidence["instances"][0]["listening"]) <= 2
    if not lives:
        assert "were replaced within 3 s, while it keeps its process id" in result.message


INSTALL = """
import pathlib, shutil, sys
what, releases = sys.argv[1], pathlib.Path(sys.argv[2])
current, previous = releases / "current", releases / "previous"
def point(link, target):
    link.unlink(missing_ok=True)
    link.symlink_to(target)
if what == "install":
    (releases / sys.argv[3]).mkdir(parents=True)
    shutil.copy("server.py", releases / sys.argv[3])
    if current.is_symlink():
        point(previous, current.readlink())
    point(current, sys.argv[3])
    {after}
else:
    point(current, previous.readlink())
"""
PRUNE = "[shutil.rmtree(f) for f in releases.glob('*-rehearsal-*') if not f.is_symlink() and f.name != sys.argv[3]]"


@pytest.mark.parametrize(("after", "outcome"), [("pass", Outcome.PASS), (PRUNE, Outcome.FAIL)])
def test_the_way_back_is_rehearsed(deployable: Callable[..., Context], after: str, outcome: Outcome) -> None:
    """A rollback that ends well and leaves nothing that starts is found before it is needed; the target's own state and
    process are not touched, and nothing of the rehearsal is left."""
    python, releases = sys.executable, "{state}/releases"
    ctx = deployable(
        deploy={
            "steps": [
                {"name": "install", "command": [python, "install.py", "install", releases, "{release}"]}
            ],
            "start": [python, "{state}/releases/current/server.py"],
            "rollback": {
                "steps": [{"name": "back", "command": [python, "install.py", "back", releases]}],
                "risk": "LOW",
                "why": "files alone",
                "rehearse": True,
            },
        }
    )
    (ctx.workspace / "install.py").write_text(INSTALL.replace("{after}", after), encoding="utf-8")
    assert one(deploy(ctx)).outcome is Outcome.PASS
    pid = ctx.target.instances()[0].pid
    before = sorted(str(path) for path in ctx.places.state.rglob("*") if "supervisor" not in path.parts)
    result = one(rollback_plan(ctx))
    assert outcome is result.outcome, result
    evidence: Any = result.evidence
    assert ["install", "install", "back"] == [step["name"] for step in evidence["rehearsal"]]
    if outcome is Outcome.FAIL:
        assert "What stands after the way back" in result.message
    after_it = sorted(str(path) for path in ctx.places.state.rglob("*") if "supervisor" not in path.parts)
    assert ([pid], before) == (
        [one.pid for one in ctx.target.instances()],
        [path for path in after_it if not path.endswith("/secrets")],
    )


def test_a_way_back_that_can_t_be_rehearsed_is_no_pass(context: Callable[..., Context]) -> None:
    """Somebody else's deployment can't be tried in a scratch place."""
    ctx = context(
        "http://127.0.0.1:9",
        deploy={
            "kind": "none",
            "rollback": {
                "steps": [{"name": "back", "command": ["true"]}],
                "risk": "LOW",
                "why": "x",
                "rehearse": True,
            },
        },
    )
    assert Outcome.ERROR is one(rollback_plan(ctx)).outcome

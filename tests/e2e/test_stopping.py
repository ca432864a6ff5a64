"""Signals and deaths in the middle of a run: the record is kept, nothing is left running, nothing sealed is harmed."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from typing import TYPE_CHECKING

import psutil
import pytest
from waiting import until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from e2e_parts import Recorder

    from tests.conftest import Root

PARAMETERS = '# Parameters of this notebook.\nenvironment = "tiny"'
OPEN = """
import os, pathlib, time
from deployer_lib import Phase
from deployer_lib.check import passed
phase = Phase.open("team", globals())
def waits(ctx):
    pathlib.Path(ctx.root, "kernel.pid").write_text(str(os.getpid()))
    pathlib.Path(ctx.root, "waits").touch()
    time.sleep(120)
    yield passed("It waited.", waited=True)
"""
WAIT = 'phase.check("team.waits", waits)'
#: An application that starts and never becomes ready.
NEVER_READY = "import pathlib, sys, time; pathlib.Path(sys.argv[1], 'waits').touch(); time.sleep(120)"


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def supervised(root: Root) -> list[psutil.Process]:
    """Return every process that works in this root's folder, whoever its parent is."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd().startswith(str(root.path)) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


def aborted(root: Root, process: subprocess.Popen[str]) -> Path:
    """Hold what every interrupted run must leave, and return its folder."""
    said, _ = process.communicate(timeout=120)
    assert 130 == process.returncode, said
    assert "Traceback" not in said
    folder = root.runs("tiny")[-1]
    log = (folder / "DEPLOYMENT_LOG.md").read_text(encoding="utf-8")
    assert "**Reason**: Aborted:" in log
    assert "❌ DEPLOYMENT FAILED" in log
    assert json.loads((folder / "run.json").read_text(encoding="utf-8"))["aborted"] is True
    assert not (folder / "manifest.json").exists()
    assert "go" != root.results("tiny")["verdict"]
    until(lambda: not supervised(root), f"nothing of it runs any more: {supervised(root)}", 20)
    listed = json.loads(root.run("list", "--json").stdout)["runs"]
    assert "aborted" == listed[-1]["state"]
    return folder


def test_ctrl_c_while_deploying(tiny: Root) -> None:
    """Ctrl-C while the application starts: exit 130, the half-started process is gone, the record says aborted."""
    text = (tiny.path / "parameters" / "tiny.yaml").read_text(encoding="utf-8")
    start = json.dumps([NEVER_READY, str(tiny.path)])[1:-1]
    text = text.replace('server.py, "{port}"]', f'"-c", {start}, "{{port}}"]')
    tiny.write("tiny", text.replace("times: 1", "times: 1, within_s: 120"))
    process = tiny.start("run", "tiny", "--phases", "deploy,smoke")
    until((tiny.path / "waits").exists, "the application starts", 120)
    process.send_signal(signal.SIGINT)
    aborted(tiny, process)
    phases = {p["name"]: p["state"] for p in tiny.results("tiny")["phases"]}
    assert "aborted" == phases["deploy"]


@pytest.mark.parametrize("presses", [[signal.SIGTERM], [signal.SIGINT, signal.SIGINT]])
def test_stopped_while_a_check_waits(
    presses: list[signal.Signals], tiny: Root, notebook: Callable[..., Path]
) -> None:
    """SIGTERM, and Ctrl-C pressed twice, in a check that waits: what this run deployed is stopped as well."""
    notebook(tiny.path / "runbooks" / "45_team.ipynb", PARAMETERS, OPEN, WAIT, "phase.close()")
    process = tiny.start("run", "tiny", "--phases", "deploy,team")
    until((tiny.path / "waits").exists, "the check waits", 120)
    port = json.loads((tiny.path / "outputs" / "tiny" / "live.json").read_text(encoding="utf-8"))["port"]
    for press in presses:
        process.send_signal(press)
    folder = aborted(tiny, process)
    assert not [
        c for c in psutil.net_connections("tcp") if c.laddr and c.laddr.port == port and c.status == "LISTEN"
    ]
    assert (folder / "03_deploy.ipynb").exists()
    states = {p["name"]: p["state"] for p in tiny.results("tiny")["phases"]}
    assert ("done", "aborted") == (states["deploy"], states["team"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_before_anything_was_kept(number: signal.Signals, tiny: Root) -> None:
    """A signal while the first kernel starts ends with 130, never with a verdict, and leaves no process."""
    process = tiny.start("run", "tiny", "--phases", "smoke")
    until(lambda: tiny.runs("tiny"), "the run's folder", 120)
    process.send_signal(number)
    said, _ = process.communicate(timeout=120)
    assert 130 == process.returncode, said
    assert "Traceback" not in said
    until(lambda: not supervised(tiny), "nothing of it runs any more", 20)
    assert not list(tiny.runs("tiny")[-1].glob("manifest.json"))


def digests(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in folder.rglob("*")
        if p.is_file()
    }


def test_the_runner_is_killed(tiny: Root, notebook: Callable[..., Path]) -> None:
    """After kill -9 of the runner and the supervisor, kernels end by themselves; the next run sweeps and says so; what
    was sealed before is as it was, and ``latest`` names it until then."""
    text = (tiny.path / "parameters" / "tiny.yaml").read_text(encoding="utf-8")
    tiny.run("run", "tiny", "--phases", "smoke")
    sealed = tiny.runs("tiny")[-1]
    before = digests(sealed)
    notebook(tiny.path / "runbooks" / "45_team.ipynb", PARAMETERS, OPEN, WAIT, "phase.close()")
    tiny.write("tiny", text.replace("stop_after: true", "stop_after: false"))
    process = tiny.start("run", "tiny", "--phases", "deploy,team")
    until((tiny.path / "waits").exists, "the check waits", 120)
    live = json.loads((tiny.path / "outputs" / "tiny" / "live.json").read_text(encoding="utf-8"))
    kernel = psutil.Process(int((tiny.path / "kernel.pid").read_text()))
    process.kill()
    process.communicate()
    os.kill(live["supervisor_pid"], signal.SIGKILL)
    until(lambda: not kernel.is_running() or kernel.status() == psutil.STATUS_ZOMBIE, "the kernel ends", 20)
    assert psutil.pid_exists(live["pid"])
    assert sealed.name == (tiny.path / "outputs" / "tiny" / "latest").readlink().name
    done = tiny.run("run", "tiny", "--phases", "smoke")
    assert "its supervisor was killed" in done.stderr
    assert not psutil.pid_exists(live["pid"])
    assert before == digests(sealed)
    listed = json.loads(tiny.run("list", "--json").stdout)["runs"]
    assert ["sealed", "unfinished", "sealed"] == [r["state"] for r in listed]
    assert tiny.runs("tiny")[-1].name == (tiny.path / "outputs" / "tiny" / "latest").readlink().name


def test_a_kernel_is_killed(
    root: Root, recorder: Recorder, verify_only: Callable[[str, str], Path], notebook: Callable[..., Path]
) -> None:
    """A kernel that dies in the middle leaves its phase crashed and the run undecided; what follows is still run."""
    verify_only("tiny", recorder.url)
    die = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    notebook(root.path / "runbooks" / "35_team.ipynb", PARAMETERS, OPEN, die, "phase.close()")
    done = root.run("run", "tiny", "--phases", "team,smoke")
    results = root.results("tiny")
    assert (3, "undecided") == (done.returncode, results["verdict"]), done.stderr
    states = {p["name"]: p["state"] for p in results["phases"]}
    assert ("crashed", "crashed") != (states["team"], states["smoke"])
    assert "crashed" == states["team"]
    folder = root.runs("tiny")[-1]
    assert "Undecided:" in (folder / "DEPLOYMENT_LOG.md").read_text(encoding="utf-8")
    about = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    cells = next(n["cells"] for n in about["notebooks"] if n["name"] == "35_team.ipynb")
    assert [True, True, False, False] == [c["acknowledged"] for c in cells[-4:]]
    assert (folder / "manifest.json").exists()

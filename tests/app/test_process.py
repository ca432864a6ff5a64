from __future__ import annotations

import os
import signal
import socket
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest
from target_parts import PYTHON, SERVER, guard, parameters, quiet, target

from deployer_lib.app.handover import read_live, update_live
from deployer_lib.app.opening import open_target, sweep_leftovers
from deployer_lib.app.supervisor import find
from deployer_lib.app.target import Artifact
from deployer_lib.catalogue import Effect
from deployer_lib.errors import NotAllowed, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from deployer_lib.app.target import Target

FIRST = Artifact("shop", "sha256:" + "1" * 64, "c1", "1.0")
SECOND = Artifact("shop", "sha256:" + "2" * 64, "c2", "2.0")


@pytest.fixture
def sound(tmp_path: Path) -> Iterator[Target]:
    """Give a target of a sound application, and stop what it started."""
    opened = target(tmp_path, parameters())
    yield opened
    opened.stop()


def get(url: str) -> httpx.Response:
    return httpx.get(url, trust_env=False)


def test_a_deployment_is_up_and_handed_over(sound: Target, tmp_path: Path) -> None:
    """What deploy() says is up answers, and live.json names its process, port and log."""
    done = sound.deploy(FIRST, "dist/shop.whl", quiet)
    live = read_live(tmp_path / "outputs" / "local")
    assert done.ok, done
    assert live is not None
    assert get(f"{live.base_url}/health").text == "ok"
    assert (live.run, live.version, live.artifact["digest"], live.artifact_path) == (
        "run1",
        "1.0",
        FIRST.digest,
        "dist/shop.whl",
    )
    assert [(sound.instances()[0].pid, True)] == [(live.pid, sound.instances()[0].running)]
    assert sound.logs()[0].text == "starting"
    assert sound.restarts() == 0
    assert sound.variable_names() == {"PORT"}
    assert sound.artifact() == FIRST
    assert sound.previous() is None


def test_the_second_deployment_replaces_the_first_on_its_port(sound: Target, tmp_path: Path) -> None:
    """The old process is gone, the port stays, and the old artifact is known as the way back."""
    sound.deploy(FIRST, "", quiet)
    before = read_live(tmp_path / "outputs" / "local")
    sound.deploy(SECOND, "", quiet)
    after = read_live(tmp_path / "outputs" / "local")
    assert before is not None
    assert after is not None
    assert before.port == after.port
    assert not psutil.pid_exists(before.pid) or psutil.Process(before.pid).status() == psutil.STATUS_ZOMBIE
    assert sound.previous() == FIRST
    assert sound.logs()[0].number == 1
    assert [line.text for line in sound.logs()].count("starting") == 1


def test_a_new_deployment_forgets_what_was_seen_of_the_old_one(sound: Target, tmp_path: Path) -> None:
    """What failed before it was up again blocks nothing; what was seen before any deployment still holds."""
    seen: dict[str, Any] = {
        "passed": ("build.run", "smoke.cors"),
        "not_passed": ("preflight.ready", "smoke.health", "team.fresh"),
    }
    update_live(tmp_path / "outputs" / "local", lambda live: replace(live, **seen))
    sound.deploy(FIRST, "", quiet)
    after = read_live(tmp_path / "outputs" / "local")
    assert after is not None
    assert (("build.run",), ("preflight.ready",)) == (after.passed, after.not_passed)


def test_a_port_that_another_holds_is_named_and_left_alone(tmp_path: Path) -> None:
    """Nothing is stopped or started where somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        opened = target(tmp_path, parameters(port=port))
        done = opened.deploy(FIRST, "", quiet)
    assert not done.ok
    assert f"Port {port} is held by process {os.getpid()}" in done.message
    assert opened.previous() is None


def test_a_process_that_dies_shows_its_exit_code_and_its_output_at_once(tmp_path: Path) -> None:
    """The root cause is visible: nobody waits for the time limit."""
    opened = target(tmp_path, parameters(variables={}))
    done = opened.deploy(FIRST, "", quiet)
    assert not done.ok
    assert done.exit_code == 1
    assert "KeyError: 'PORT'" in done.output
    assert "with exit code 1" in done.message
    assert done.duration_s < 10


def test_a_process_that_never_answers_is_stopped(tmp_path: Path) -> None:
    """What did not come up in time does not stay behind; the last answer is told."""
    opened = target(tmp_path, parameters(ready={"path": "/nothing", "within_s": 1}))
    done = opened.deploy(FIRST, "", quiet)
    assert not done.ok
    assert "last: 404" in done.message
    assert not opened.instances()[0].running


def test_answers_of_another_process_do_not_count(tmp_path: Path, sound: Target) -> None:
    """A process that lives but does not listen is not up because a stranger answers at the declared address."""
    sound.deploy(FIRST, "", quiet)
    stranger = sound.base_url()
    (tmp_path / "b").mkdir()
    opened = target(tmp_path / "b", parameters(address=stranger), server="import time; time.sleep(60)")
    done = opened.deploy(FIRST, "", quiet)
    assert not done.ok
    assert "nothing listens on port" in done.message
    assert not opened.instances()[0].running


def test_a_failed_step_ends_the_deployment_and_the_old_process_stays(sound: Target, tmp_path: Path) -> None:
    """Steps come before the stop: a migration that fails takes nothing down."""
    sound.deploy(FIRST, "", quiet)
    url = sound.base_url()
    steps = [
        {"name": "say", "command": [PYTHON, "-c", "print('{release} {artifact} {unknown}')"]},
        {"name": "migrate", "command": [PYTHON, "-c", "raise SystemExit('no such table: things')"]},
    ]
    done = target(tmp_path, parameters(steps=steps)).deploy(SECOND, "dist/x", quiet)
    assert not done.ok
    assert done.message == "The step migrate ended with 1: no such table: things"
    assert done.steps[0].output == "2.0-222222222222 dist/x {unknown}\n"
    assert get(f"{url}/health").status_code == 200


def test_a_rollback_brings_back_what_ran(tmp_path: Path) -> None:
    """After it the earlier artifact is the one in place, and it is up."""
    steps = [{"name": "switch", "command": [PYTHON, "-c", "print('to {previous}')"]}]
    opened = target(tmp_path, parameters(rollback={"steps": steps}))
    try:
        with pytest.raises(Unavailable, match="no earlier release"):
            opened.rollback(quiet)
        opened.deploy(FIRST, "", quiet)
        opened.deploy(SECOND, "", quiet)
        done = opened.rollback(quiet)
        live = read_live(tmp_path / "outputs" / "local")
        assert done.ok, done
        assert done.steps[0].output == "to 1.0-111111111111\n"
        assert opened.artifact() == FIRST
        assert live is not None
        assert live.version == "1.0"
        assert get(f"{live.base_url}/health").status_code == 200
    finally:
        opened.stop()


def test_a_release_that_never_came_up_is_no_way_back(tmp_path: Path, sound: Target) -> None:
    """previous() skips the failed one."""
    sound.deploy(FIRST, "", quiet)
    target(tmp_path, parameters(), server="raise SystemExit(2)").deploy(SECOND, "", quiet)
    again = target(tmp_path, parameters())
    third = Artifact("shop", "sha256:" + "3" * 64, "c3", "3.0")
    assert again.deploy(third, "", quiet).ok
    assert again.previous() == FIRST


def test_restarts_are_counted(tmp_path: Path) -> None:
    """A process that was killed and started again shows as one restart."""
    opened = target(tmp_path, parameters(restart="on-failure"))
    try:
        opened.deploy(FIRST, "", quiet)
        pid = opened.instances()[0].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        supervised = find(tmp_path / ".deployer" / "local" / "supervisor" / "target.ledger.json")
        assert supervised is not None
        assert supervised.wait_exit(5) == -9
        deadline = 200
        while opened.restarts() == 0 and deadline:
            deadline -= 1
            signal.sigtimedwait([], 0.05)
        assert opened.restarts() == 1
        assert opened.instances()[0].pid != pid
    finally:
        opened.stop()


def test_stop_leaves_nothing(sound: Target, tmp_path: Path) -> None:
    """The port is free, live.json is gone."""
    sound.deploy(FIRST, "", quiet)
    url = sound.base_url()
    sound.stop()
    with pytest.raises(httpx.ConnectError):
        get(url)
    assert read_live(tmp_path / "outputs" / "local") is None


def test_deeds_pass_the_guard(tmp_path: Path) -> None:
    """An environment that allows only observing is not deployed to, and no copy is started for it."""
    opened = open_target(
        parameters(),
        guard(Effect.OBSERVE),
        root=tmp_path,
        outputs_env=tmp_path,
        state=tmp_path,
        run="",
        project_workspace=tmp_path,
    )
    with pytest.raises(NotAllowed):
        opened.deploy(FIRST, "", quiet)
    with pytest.raises(NotAllowed):
        opened.copy("x", {})


def test_secrets_reach_the_process_and_no_file(tmp_path: Path) -> None:
    """A secret variable is in the process's environment alone."""
    key = tmp_path / "key"
    key.write_text("tok-{port}-9753108642", encoding="utf-8")
    opened = target(tmp_path, parameters(variables={"PORT": "{port}", "APP_SAYS": f"${{file:{key}}}"}))
    try:
        assert opened.deploy(FIRST, "", quiet).ok
        assert get(f"{opened.base_url()}/health").text == "tok-{port}-9753108642"
        key.unlink()
        holding = [p for p in tmp_path.rglob("*") if p.is_file() and b"9753108642" in p.read_bytes()]
        assert holding == []
    finally:
        opened.stop()


def test_a_copy_has_its_own_port_and_database(tmp_path: Path) -> None:
    """Losing the copy's database leaves the target's alone; the copy is gone after the block."""
    database = tmp_path / "shop.db"
    with sqlite3.connect(database) as connection:
        connection.execute("create table things (name text)")
        connection.execute("insert into things values ('cup')")
    connection.close()
    declared = parameters(
        variables={"PORT": "{port}", "DATABASE_URL": f"sqlite:///{database}"},
        smoke={"database": {"path": "/db"}},
    )
    opened = target(tmp_path, declared)
    try:
        opened.deploy(FIRST, "", quiet)
        with opened.copy("database lost", {"APP_SAYS": "copy"}) as copy:
            assert copy.wait_ready(10)
            assert copy.base_url != opened.base_url()
            assert get(f"{copy.base_url}/health").text == "copy"
            assert get(f"{copy.base_url}/db").text == "1"
            copy.lose_database()
            assert get(f"{copy.base_url}/db").status_code == 503
            assert get(f"{opened.base_url()}/db").text == "1"
            assert "served /db" in copy.output()
        with pytest.raises(httpx.ConnectError):
            get(copy.base_url)
        assert list((tmp_path / ".deployer" / "local" / "copies").iterdir()) == []
        assert get(f"{opened.base_url()}/health").text == "ok"
    finally:
        opened.stop()


def test_a_copy_without_a_variable_ends(tmp_path: Path) -> None:
    """None takes a variable away; exit code and output tell what came of it."""
    opened = target(
        tmp_path, parameters(), server=SERVER.replace('os.environ["PORT"]', 'os.environ["HTTP_PORT"]')
    )
    with opened.copy("no port", {"PORT": None}) as copy:
        assert copy.wait_exit(10) == 1
        assert not copy.wait_ready(1)
        assert "KeyError: 'HTTP_PORT'" in copy.output()


def test_a_copy_that_would_take_the_targets_port_is_not_started(tmp_path: Path) -> None:
    """Where nothing says {port}, a copy can't be told another one."""
    opened = target(tmp_path, parameters(variables={"PORT": "8123"}))
    with pytest.raises(Unavailable, match="fixed one"), opened.copy("x", {}):
        pass


def test_what_a_killed_owner_left_of_copies_is_removed(tmp_path: Path) -> None:
    """Folders of owners that are gone go; those of the living stay."""
    copies = tmp_path / "copies"
    gone, ours = copies / "copy-4194305-x-abc", copies / f"copy-{os.getpid()}-x-abc"
    for folder in (gone, ours):
        folder.mkdir(parents=True)
    assert sweep_leftovers(tmp_path) == []
    assert (gone.exists(), ours.exists()) == (False, True)


def test_files_alone_are_put_in_place_without_a_process(tmp_path: Path) -> None:
    """A static site has steps and an address, and nothing that is started."""
    steps = [{"name": "copy", "command": [PYTHON, "-c", "open('published', 'w')"]}]
    opened = target(tmp_path, parameters(start=None, steps=steps, address="http://127.0.0.1:1/"))
    done = opened.deploy(FIRST, "dist", quiet)
    live = read_live(tmp_path / "outputs" / "local")
    assert done.ok, done
    assert live is not None
    assert (live.base_url, live.pid, live.version) == ("http://127.0.0.1:1", 0, "1.0")
    assert (tmp_path / "project" / "published").exists()
    with pytest.raises(Unavailable):
        opened.instances()

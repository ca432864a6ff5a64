from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from target_parts import PYTHON, guard, parameters, quiet

from deployer_lib.app.handover import read_live
from deployer_lib.app.opening import open_target
from deployer_lib.app.target import Artifact, Instance
from deployer_lib.catalogue import Effect
from deployer_lib.errors import NotAllowed, ProcessError, Unavailable, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from deployer_lib.app.target import Target

FIRST = Artifact("shop", "sha256:" + "1" * 64, "c1", "1.0")
SECOND = Artifact("shop", "sha256:" + "2" * 64, "c2", "2.0")


def says(text: str, *, code: int = 0) -> list[str]:
    return [PYTHON, "-c", f"import sys; print({text!r}); print('warning', file=sys.stderr); sys.exit({code})"]


def opened(root: Path, *effects: Effect, address: str = "https://shop.example/", **commands: Any) -> Target:
    declared = parameters(kind="command", address=address, commands=commands, start=None)
    return open_target(
        declared,
        guard(*effects),
        root=root,
        outputs_env=root / "outputs",
        state=root / "state",
        run="run1",
        project_workspace=root,
    )


def test_answers_are_read_from_standard_output_alone(tmp_path: Path) -> None:
    """kubectl warns on the second stream; that is no answer."""
    target = opened(
        tmp_path,
        instances=says(json.dumps([{"name": "shop-1", "running": True, "node": "n1"}])),
        artifact=says(json.dumps({"digest": "sha256:1", "version": "1.10"})),
        logs=says("one\ntwo"),
        restarts=says("2"),
        variables=says('["A", "B"]'),
    )
    assert target.instances() == [Instance("shop-1", running=True)]
    assert target.artifact() == Artifact("", "sha256:1", "", "1.10")
    assert [(line.text, line.number) for line in target.logs(since=1)] == [("two", 2)]
    assert target.restarts() == 2
    assert target.variable_names() == {"A", "B"}
    assert target.base_url() == "https://shop.example"


@pytest.mark.parametrize("answer", ["", "3 restarts", "[]", "null", '"3"', "1.5"])
def test_an_answer_of_another_shape_is_an_error_that_shows_it(tmp_path: Path, answer: str) -> None:
    """Nothing is guessed from it."""
    with pytest.raises(ProcessError, match=r"deploy\.commands\.restarts printed no valid answer"):
        opened(tmp_path, restarts=says(answer)).restarts()


def test_a_command_that_fails_says_what_it_said(tmp_path: Path) -> None:
    """The exit code and the second stream."""
    with pytest.raises(ProcessError, match=r"deploy\.commands\.instances ended with 3: warning"):
        opened(tmp_path, instances=says("[]", code=3)).instances()


def test_a_command_that_hangs_is_ended(tmp_path: Path) -> None:
    """The time limit is the declared one."""
    slow = [PYTHON, "-c", "import time; time.sleep(60)"]
    with pytest.raises(ProcessError, match="took too long"):
        opened(tmp_path, restarts=slow, timeout_s=0.3).restarts()


def test_what_is_not_declared_is_unavailable(tmp_path: Path) -> None:
    """Each capability for itself, a diagnostic copy always."""
    target = opened(tmp_path)
    for ask in (target.instances, target.artifact, target.logs, target.restarts, target.variable_names):
        with pytest.raises(Unavailable, match="is not declared"):
            ask()
    with pytest.raises(Unavailable):
        target.deploy(FIRST, "", quiet)
    with pytest.raises(Unavailable):
        target.copy("x", {})
    assert target.previous() is None
    target.stop()


def test_a_deployment_and_a_rollback_are_noted(tmp_path: Path) -> None:
    """live.json says what is in place; the way back is what was before."""
    target = opened(tmp_path, deploy=says("{version} {release}"), rollback=says("back to {previous}"))
    assert target.deploy(FIRST, "dist/a", quiet).ok
    second = target.deploy(SECOND, "dist/b", quiet)
    live = read_live(tmp_path / "outputs")
    assert second.ok
    assert "2.0 2.0-222222222222" in second.steps[-1].output
    assert live is not None
    assert ("2.0", "https://shop.example", FIRST.digest) == (
        live.version,
        live.base_url,
        live.previous["digest"],
    )
    assert target.previous() == FIRST
    assert "back to 1.0-111111111111" in target.rollback(quiet).steps[-1].output
    live = read_live(tmp_path / "outputs")
    assert live is not None
    assert live.version == "1.0"


def test_a_failed_deployment_is_said_and_not_handed_over(tmp_path: Path) -> None:
    """The last line tells why."""
    done = opened(tmp_path, deploy=says("image not found", code=1)).deploy(FIRST, "", quiet)
    assert (done.ok, done.exit_code) == (False, 1)
    assert done.message.startswith("The step deploy ended with 1: ")
    assert read_live(tmp_path / "outputs") is None


def test_deeds_pass_the_guard_and_questions_do_not_need_to(tmp_path: Path) -> None:
    """Observing a cluster is allowed everywhere; changing it is not."""
    target = opened(tmp_path, Effect.OBSERVE, deploy=says("x"), rollback=says("x"), restarts=says("0"))
    with pytest.raises(NotAllowed):
        target.deploy(FIRST, "", quiet)
    with pytest.raises(NotAllowed):
        target.rollback(quiet)
    assert target.restarts() == 0


def test_kind_none_has_an_address_and_nothing_more(tmp_path: Path) -> None:
    """Every other question is unavailable, so its checks are skipped and never pass."""
    target = open_target(
        parameters(kind="none", address="https://shop.example/", start=None),
        guard(),
        root=tmp_path,
        outputs_env=tmp_path,
        state=tmp_path,
        run="",
        project_workspace=tmp_path,
    )
    assert target.base_url() == "https://shop.example"
    for ask in (target.instances, target.artifact, target.logs, target.restarts, target.variable_names):
        with pytest.raises(Unavailable):
            ask()
    with pytest.raises(Unavailable):
        target.deploy(FIRST, "", quiet)
    with pytest.raises(Unavailable):
        target.rollback(quiet)
    with pytest.raises(Unavailable):
        target.copy("x", {})
    target.stop()
    assert target.previous() is None


def test_an_address_is_asked_for(tmp_path: Path) -> None:
    """Without it nothing can be verified."""
    with pytest.raises(UsageError, match=r"deploy\.address"):
        opened(tmp_path, address="").base_url()

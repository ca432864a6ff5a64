from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from deployer_lib.app.handover import update_live
from deployer_lib.app.recipe import Release, Releases, write_releases
from deployer_lib.app.target import Artifact
from deployer_lib.check import Outcome, Result
from deployer_lib.probes.rollback_plan import rollback_plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer_lib.probes.context import Context

OLDER = Artifact("shop", "sha256:" + "0" * 64, "", "0.9")
OLD = Artifact("shop", "sha256:" + "1" * 64, "", "1.0")
NEW = Artifact("shop", "sha256:" + "2" * 64, "", "2.0")
STEP = {"name": "back", "command": [sys.executable, "scripts/back.py", "{previous}"]}
SOUND = {"steps": [STEP], "risk": "LOW", "why": "migrations only add"}


@pytest.fixture
def plan(context: Callable[..., Context]) -> Callable[..., Result]:
    """Give what judges a declared plan; ``scripts/back.py`` is there."""

    def judge(
        before: Artifact | None = None, *, built: Artifact | None = None, ok: bool = True, **declared: Any
    ) -> Result:
        deploy = {
            "kind": "process",
            "address": "http://127.0.0.1:9",
            "start": ["x"],
            "rollback": SOUND | declared,
        }
        ctx = context("http://127.0.0.1:9", deploy=deploy)
        (ctx.workspace / "scripts").mkdir(exist_ok=True)
        (ctx.workspace / "scripts" / "back.py").touch()
        ctx.places.state.mkdir(parents=True, exist_ok=True)
        in_place = Releases(Release(before), Release(OLDER), ok) if before else Releases()
        write_releases(ctx.places.state / "releases.json", in_place)
        if built:
            about = {"name": "shop", "digest": built.digest, "version": built.version}
            update_live(ctx.places.records, lambda live: replace(live, artifact=about))
        (result,) = rollback_plan(ctx)
        return result

    return judge


def test_a_sound_plan_passes_with_what_the_report_shows(plan: Callable[..., Result]) -> None:
    """Current and previous version, the command, the risk and why."""
    result = plan(OLD, built=NEW)
    assert result.outcome is Outcome.PASS, result
    assert result.evidence["previous"] == "1.0 (111111111111)"
    assert [[sys.executable, "scripts/back.py", "1.0-111111111111"]] == result.evidence["command"]
    assert ("LOW", "migrations only add") == (result.evidence["risk"], result.evidence["why"])


@pytest.mark.parametrize(
    ("built", "ok", "current", "previous"),
    [
        (NEW, True, "2.0 (222222222222)", "1.0 (111111111111)"),
        (NEW, False, "2.0 (222222222222)", "0.9 (000000000000)"),
        (OLD, True, "1.0 (111111111111)", "0.9 (000000000000)"),
    ],
)
def test_the_way_back_is_from_what_is_built_to_what_came_up_last(
    plan: Callable[..., Result], built: Artifact, current: str, previous: str, *, ok: bool
) -> None:
    """Before the deployment it is told as it will be after it; a release that never came up is skipped."""
    evidence = plan(OLD, built=built, ok=ok).evidence
    assert (evidence["current"], evidence["previous"]) == (current, previous)


def test_a_first_deployment_is_said(plan: Callable[..., Result]) -> None:
    """There is nothing to go back to yet, and the plan stands all the same."""
    assert plan().evidence["previous"] == "none (first deployment)"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"steps": []}, "no command brings the previous version back"),
        ({"risk": ""}, "its risk is not declared"),
        ({"why": " "}, "why the risk is what it is"),
        ({"steps": [STEP | {"command": ["no-such-program"]}]}, "the command no-such-program is not found"),
        ({"steps": [STEP | {"command": ["sh", "scripts/gone.sh"]}]}, "the file scripts/gone.sh is not there"),
        ({"steps": [STEP | {"command": ["sh", "{previus}"]}]}, "{previus} is no placeholder"),
    ],
)
def test_a_plan_that_could_not_be_carried_out_is_a_finding(
    plan: Callable[..., Result], changed: Any, said: str
) -> None:
    """Each part is tried; the fix is the section to paste."""
    result = plan(**changed)
    assert result.outcome is Outcome.FAIL
    assert said in result.message
    assert "rollback:" in result.fix.code[0].text


def test_a_folder_that_no_step_knows_is_a_finding(context: Any) -> None:
    """A plan that was pasted from another machine's notes finds nothing to go back to."""
    deploy = {
        "kind": "process",
        "start": ["true"],
        "steps": [{"name": "install", "command": ["true", "--to", "{state}/releases"]}],
        "rollback": {
            "steps": [{"name": "back", "command": ["true", "--from", "/srv/of-another-machine"]}],
            "risk": "LOW",
            "why": "nothing is kept",
        },
    }
    (result,) = rollback_plan(context("http://127.0.0.1:9", deploy=deploy))
    assert Outcome.FAIL is result.outcome
    assert "/srv/of-another-machine is not there" in result.message
    deploy["rollback"]["steps"][0]["command"][2] = "{state}/releases"  # type: ignore[index]  # plain data
    (result,) = rollback_plan(context("http://127.0.0.1:9", deploy=deploy))
    assert Outcome.PASS is result.outcome

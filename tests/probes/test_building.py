"""C1 to C3: a real build command in a folder; what it leaves, what it weighs, and why it failed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from deployer_lib.app.handover import read_live
from deployer_lib.app.workspace import digest_path
from deployer_lib.check import Outcome, Skip
from deployer_lib.probes.build_leftovers import clean
from deployer_lib.probes.build_size import size
from deployer_lib.probes.building import build

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer_lib.check import Result
    from deployer_lib.probes.context import Context

BASE = "http://127.0.0.1:9"
CLEANS = """
import pathlib, shutil
shutil.rmtree("dist", ignore_errors=True)
pathlib.Path("dist/static").mkdir(parents=True)
pathlib.Path("dist/app.txt").write_text("the application")
pathlib.Path("dist/static/app.js").write_text("x" * 2000)
pathlib.Path("dist/info.json").write_text('{"build_id": "b-1", "commit": "unknown", "version": "2.0"}')
print("warning: something is deprecated")
"""
KEEPS = CLEANS.replace('shutil.rmtree("dist", ignore_errors=True)', "").replace(
    "mkdir(parents=True)", "mkdir(parents=True, exist_ok=True)"
)


@pytest.fixture
def made(context: Callable[..., Context]) -> Callable[..., Context]:
    """Return a context whose working copy holds a build script."""

    def make(script: str = CLEANS, **declared: Any) -> Context:
        section = {
            "command": [sys.executable, "build.py"],
            "artifact": "dist/app.txt",
            "info": "dist/info.json",
            "bundle": "dist/static",
        }
        ctx = context(BASE, build={**section, **declared})
        (ctx.workspace / "build.py").write_text(script, encoding="utf-8")
        return ctx

    return make


def one(results: Any) -> Result:
    (result,) = results
    assert not isinstance(result, list)
    found: Result = result
    return found


def test_a_sound_build_passes_and_hands_its_artifact_over(made: Callable[..., Context]) -> None:
    ctx = made()
    result = one(build(ctx))
    assert Outcome.PASS is result.outcome, result
    assert ["warning: something is deprecated"] == result.evidence["warnings"]
    live = read_live(ctx.places.records)
    assert live is not None
    assert ("b-1", "2.0") == (live.build_id, live.artifact["version"])
    assert digest_path(ctx.workspace / "dist/app.txt") == live.artifact["digest"]
    assert ctx.commit == live.artifact["commit"]  # "unknown" says nothing
    assert Outcome.PASS is one(clean(ctx)).outcome
    assert Outcome.PASS is one(size(ctx)).outcome


def test_a_build_that_keeps_old_output_is_a_finding_and_ships_clean(made: Callable[..., Context]) -> None:
    ctx = made(KEEPS)
    assert Outcome.PASS is one(build(ctx)).outcome
    result = one(clean(ctx))
    assert Outcome.FAIL is result.outcome
    assert "dist/" in result.message
    assert [] == list((ctx.workspace / "dist").rglob("*deployer_stale*"))


def test_what_deployer_is_told_to_remove_is_no_finding(made: Callable[..., Context]) -> None:
    ctx = made(KEEPS, clean=["dist"])
    one(build(ctx))
    assert Outcome.PASS is one(clean(ctx)).outcome


@pytest.mark.parametrize(
    ("script", "cause"),
    [
        ("import nothing_of_this_name", "nothing_of_this_name"),
        ("raise SystemExit('error: disk is full')", "disk is full"),
        ("def f(:", "does not parse"),
    ],
)
def test_a_failed_build_names_its_cause(made: Callable[..., Context], script: str, cause: str) -> None:
    result = one(build(made(script)))
    assert Outcome.FAIL is result.outcome
    assert cause in result.root_cause
    assert result.fix.steps


def test_a_build_that_hangs_or_is_not_there_is_a_finding(made: Callable[..., Context]) -> None:
    hangs = one(build(made("import time; time.sleep(60)", timeout_s=0.5)))
    assert (Outcome.FAIL, None) == (hangs.outcome, hangs.evidence["exit_code"])
    absent = one(build(made(command=["no-such-command-here"])))
    assert Outcome.FAIL is absent.outcome


def test_a_build_that_leaves_no_artifact_is_a_finding(made: Callable[..., Context]) -> None:
    result = one(build(made(artifact="dist/*.whl")))
    assert Outcome.FAIL is result.outcome
    assert "dist/*.whl" in result.message


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        ({"max_chunk_kb": 1}, "app.js"),
        ({"max_bundle_kb": 1}, "bundle"),
        ({"max_output_kb": 1}, "whole output"),
    ],
)
def test_each_budget_can_be_overrun(made: Callable[..., Context], budget: dict[str, int], told: str) -> None:
    ctx = made(**budget)
    one(build(ctx))
    result = one(size(ctx))
    assert Outcome.FAIL is result.outcome
    assert told in result.message
    assert 2000 == result.evidence["bundle_raw_bytes"]


def test_nothing_built_is_an_error_not_a_pass(made: Callable[..., Context]) -> None:
    ctx = made()
    assert Outcome.ERROR is one(clean(ctx)).outcome
    assert Outcome.ERROR is one(size(ctx)).outcome


def test_an_undeclared_build_is_unavailable(context: Callable[..., Context]) -> None:
    assert Skip.UNAVAILABLE is one(build(context(BASE))).skip


def test_a_given_artifact_is_verified_and_not_built(context: Callable[..., Context]) -> None:
    ctx = context(BASE, artifact={"path": "app.tar", "digest": "sha256:" + "0" * 64})
    assert Outcome.ERROR is one(build(ctx)).outcome  # it is not there
    (ctx.root / "app.tar").write_text("approved")
    assert Outcome.FAIL is one(build(ctx)).outcome
    right = context(BASE, artifact={"path": "app.tar", "digest": digest_path(ctx.root / "app.tar")})
    assert Outcome.PASS is one(build(right)).outcome
    live = read_live(right.places.records)
    assert live is not None
    assert str(right.root / "app.tar") == live.artifact_path


UP_TO_DATE = """
import pathlib, sys
if pathlib.Path("dist/app.txt").exists():
    sys.exit(print("nothing changed"))
pathlib.Path("dist/static").mkdir(parents=True, exist_ok=True)
for stray in pathlib.Path("dist").rglob("*.py"):
    stray.unlink()
pathlib.Path("dist/app.txt").write_text("the application")
"""
ONCE = """
import pathlib
for stray in pathlib.Path("dist").rglob("*.py"):
    stray.unlink()
with open("dist/app.txt", "x") as file:
    file.write("the application")
"""


def test_a_build_that_takes_earlier_output_for_its_own_is_a_finding(made: Callable[..., Context]) -> None:
    """It is clean in an empty place, and leaves what stands there once its own output does."""
    ctx = made(UP_TO_DATE, info="")
    built = one(build(ctx))
    assert Outcome.PASS is built.outcome
    live = read_live(ctx.places.records)
    assert live is not None
    kept = Path(live.artifact_path)
    assert ("the application", live.artifact["digest"]) == (
        kept.read_text(encoding="utf-8"),
        digest_path(kept),
    )
    result = one(clean(ctx))
    assert (Outcome.FAIL, "built") == (result.outcome, result.evidence["again"])
    assert "Built a second time over its own output" in result.root_cause


def test_a_build_that_works_once_alone_is_a_finding(made: Callable[..., Context]) -> None:
    """A second build over the first one's output fails; what is deployed is the first one's."""
    ctx = made(ONCE, info="")
    assert Outcome.PASS is one(build(ctx)).outcome
    result = one(clean(ctx))
    assert Outcome.FAIL is result.outcome
    assert "can't be made a second time" in result.message
    assert "FileExistsError" in result.message


def test_a_slow_build_is_made_once(made: Callable[..., Context], monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not tried is said in the evidence."""
    monkeypatch.setattr("deployer_lib.probes.building._AGAIN_S", 0.0)
    ctx = made()
    one(build(ctx))
    result = one(clean(ctx))
    assert (Outcome.PASS, "not made") == (result.outcome, result.evidence["again"])

"""What a notebook's metadata may say, and what it is told when it says something else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from deployer_lib.catalogue import SHARES, Effect
from deployer_lib.errors import UsageError
from deployer_lib.guard import Guard
from deployer_lib.notebook_settings import API, NotebookSettings, own_settings, read_settings, settings_of

if TYPE_CHECKING:
    from pathlib import Path


def test_settings_are_read() -> None:
    said = {"gate": False, "share": 0.25, "effects": ["stress"], "deployer_api": 1}
    settings = settings_of({"deployer": said, "kernelspec": {}}, "x.ipynb")
    assert NotebookSettings(gate=False, share=0.25, effects=(Effect.OBSERVE, Effect.STRESS)) == settings
    assert {**said, "effects": ["observe", "stress"]} == settings.to_json()
    assert NotebookSettings() == settings_of({}, "x.ipynb")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"gat": True}, "has no gat.\n  Did you mean gate?"),
        ({"gate": "yes"}, "gate is true or false"),
        ({"share": 0}, "share is a part of the time budget"),
        ({"share": 1.5}, "share is a part of the time budget"),
        ({"share": True}, "share is a part of the time budget"),
        ({"effects": "write"}, "effects is a list of observe, write"),
        ({"effects": ["wriet"]}, "effects is a list of observe, write"),
        ({"deployer_api": "1"}, "deployer_api is a whole number"),
        (
            {"deployer_api": API + 1},
            f"written for version {API + 1} of Deployer's interface; this one has {API}",
        ),
        (["gate"], "metadata.deployer is a map of gate"),
    ],
)
def test_wrong_settings_are_refused_by_name(said: Any, words: str) -> None:
    with pytest.raises(UsageError, match=r"45_team\.ipynb") as refused:
        settings_of({"deployer": said}, "45_team.ipynb")
    assert words in str(refused.value)


def test_a_file_that_is_no_notebook_is_named(tmp_path: Path) -> None:
    for text in ("", "[]", "{", '{"cells": []}'):
        (tmp_path / "45_team.ipynb").write_text(text, encoding="utf-8")
        with pytest.raises(UsageError, match=r"45_team\.ipynb can't be read as a notebook"):
            read_settings(tmp_path / "45_team.ipynb")


def test_a_project_without_a_notebook_of_the_phase_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "runbooks").mkdir()
    text = json.dumps({"metadata": {"deployer": {"gate": True}}})
    (tmp_path / "runbooks" / "45_team.ipynb").write_text(text, encoding="utf-8")
    assert NotebookSettings(gate=True) == own_settings(tmp_path, "team")
    assert NotebookSettings() == own_settings(tmp_path, "smoke")


def test_the_guard_says_who_does_without_an_effect() -> None:
    """What a notebook does not declare is refused in its name; what the environment forbids, in the environment's."""
    guard = Guard("shop", frozenset({Effect.WRITE, Effect.STRESS}), set())
    guard.restrict((Effect.STRESS,), "the notebook of team")
    assert guard.allows(Effect.OBSERVE)
    assert guard.allows(Effect.STRESS)
    with pytest.raises(Exception, match="the notebook of team does not declare the effect write"):
        guard.permit_effect(Effect.WRITE, "POST request")
    with pytest.raises(Exception, match="shop does not allow the effect disrupt"):
        guard.permit_effect(Effect.DISRUPT, "restart")


def test_packaged_shares_are_the_whole_budget() -> None:
    assert 1.0 == pytest.approx(sum(part for part, _ in SHARES.values()))

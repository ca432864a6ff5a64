"""A protected environment: nothing but observing happens until its id is typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deployer_lib.errors import ParametersError
from deployer_lib.parameters import load

if TYPE_CHECKING:
    from tests.conftest import Root


@pytest.fixture
def guarded(tiny: Root) -> Root:
    text = (tiny.path / "parameters" / "tiny.yaml").read_text(encoding="utf-8")
    step = f'steps: [{{name: mark, command: [touch, "{tiny.path}/deployed"]}}]\n  start:'
    tiny.write("tiny", f"protected: true\n{text.replace('start:', step, 1)}")
    return tiny


@pytest.mark.parametrize("words", [[], ["--yes", "TINY"]])
def test_nothing_happens_without_the_right_word(words: list[str], guarded: Root) -> None:
    """Without --yes, or with another id, nothing is deployed: the check is skipped as not allowed, the run undecided."""
    done = guarded.run("run", "tiny", "--phases", "deploy", *words)
    assert not (guarded.path / "deployed").exists()
    assert 3 == done.returncode, done.stderr
    deployed = next(c for c in guarded.results("tiny")["checks"] if c["id"] == "deploy.run")
    assert ("skip", "not-allowed") == (deployed["outcome"], deployed["skip"])
    assert "tiny is protected and was not confirmed" in deployed["message"]


def test_it_happens_with_the_right_word(guarded: Root) -> None:
    """With its own id it runs; up needs the word too."""
    refused = guarded.run("up", "tiny")
    assert (2, "") == (refused.returncode, refused.stdout)
    assert "--yes tiny" in refused.stderr
    assert not (guarded.path / "deployed").exists()
    done = guarded.run("run", "tiny", "--phases", "deploy", "--yes", "tiny")
    assert (guarded.path / "deployed").exists(), done.stderr
    deployed = next(c for c in guarded.results("tiny")["checks"] if c["id"] == "deploy.run")
    assert "pass" == deployed["outcome"], deployed
    again = guarded.run("run", "tiny", "--phases", "deploy")
    assert 3 == again.returncode, again.stderr
    assert (
        "the application was not stopped: " in again.stderr
    )  # stop_after needs the word, and costs no record
    assert 2 == len(guarded.runs("tiny"))
    assert (guarded.runs("tiny")[-1] / "manifest.json").exists()


def test_confirm_is_never_kept_in_a_file(guarded: Root) -> None:
    """A file that confirms itself is refused."""
    text = (guarded.path / "parameters" / "tiny.yaml").read_text(encoding="utf-8")
    guarded.write("tiny", f"confirm: tiny\n{text}")
    done = guarded.run("run", "tiny", "--phases", "deploy")
    assert 2 == done.returncode
    assert "never in a file" in done.stderr


@pytest.mark.parametrize(
    "loosened", [{"protected": "false"}, {"allow": ["observe", "disrupt"]}, {"hosts": ["other.example"]}]
)
def test_nothing_given_at_the_run_loosens_an_environment(loosened: dict[str, object], root: Root) -> None:
    """``-p`` may protect more and allow less, never the other way round."""
    deploy = 'deploy: {kind: none, address: "http://127.0.0.1:9"}'
    root.write("shop", f"environment: shop\nprotected: true\nallow: [observe]\n{deploy}\n")
    with pytest.raises(ParametersError):
        load(root.path, "shop", injected=loosened)

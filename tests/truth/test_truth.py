"""Truths are whole; and what is said of a repository that is at hand is what a person read (``make proof``)."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, Final

import pytest

from deployer_lib.probes.variables.model import NEEDS
from tools.truth import judge

HERE: Final = Path(__file__).parent
TRUTHS: Final = sorted(HERE.glob("*.json"))
#: Folders with a work tree ``<name>`` of each repository, at the commit that its truth names.
TREES: Final = [Path(folder) for folder in os.environ.get("TRUTH_TREES", "").split(os.pathsep) if folder]
#: What the figures do not hold for, and why (README.md).
BELOW: Final = {
    "dependencytrack": "names of a Maven build, a benchmark and a loop over the environment that ignores case",
    "flipt": "a function of its own binds the fields of the configuration to viper by reflection",
    "jellyfin": "keys of the configuration, in constants of another class, with a prefix",
    "outline": "validators of a settings class refuse its fallbacks, and a browser's names look like the server's",
    "vaultwarden": "a declarative macro makes the names of its own fragments",
    "lobsters": "counts Ruby's ENV.fetch with nil as optional, where shared idioms have it as default",
    "leantime": "names are made of a class's properties by a library's change of case",
    "openremote": "a third of the names is read by scripts in a hidden folder",
    "publishing": "one name of 33 stands in ENV[…] ||= alone, which shared idioms count as a write",
    "traccar": "a key object holds fallback and kind, by its generic type",
    "unkey": "a command-line library of its own, and placeholders that it expands itself",
}


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("path", TRUTHS, ids=lambda path: path.stem)
def test_a_truth_is_whole(path: Path) -> None:
    """A commit to look it up at, a need and a place for every name, and no name on two lists."""
    truth = read(path)
    assert re.fullmatch(r"github:[\w.-]+/[\w.-]+", truth["repository"])
    assert re.fullmatch(r"[0-9a-f]{40}", truth["commit"])
    names = list(truth["variables"])
    assert sorted(names) == names
    for entry in truth["variables"].values():
        assert entry["need"] in NEEDS
        assert re.search(r":\d+", entry["at"])
    assert not set(names) & set(truth["deploy_only"])
    only_need = {name for name, why in truth["disputed"].items() if why.startswith("need only")}
    assert only_need <= set(names)


@pytest.mark.proof
@pytest.mark.parametrize("path", TRUTHS, ids=lambda path: path.stem)
def test_what_is_said_of_a_repository_is_what_a_person_read(
    path: Path, request: pytest.FixtureRequest
) -> None:
    tree = next((folder / path.stem for folder in TREES if (folder / path.stem).is_dir()), None)
    if tree is None:
        pytest.skip("no copy is at hand: set TRUTH_TREES to folders that hold one")
    if path.stem in BELOW:
        request.applymarker(pytest.mark.xfail(reason=BELOW[path.stem], strict=True))
    judged = judge(read(path), path.stem, tree)
    assert judged.holds, (judged.precision, judged.recall, judged.need, judged.invented, judged.missed)

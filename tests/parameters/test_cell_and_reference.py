"""The notebooks' parameters cell and the reference page are made from the model, and hold together with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deployer_lib.parameters import load, parameters_cell
from deployer_lib.parameters.examples import EXAMPLES
from deployer_lib.parameters.model import Parameters
from deployer_lib.parameters.reference import keys, reference

if TYPE_CHECKING:
    from collections.abc import Callable

DOCS = Path(__file__).parents[2] / "docs" / "parameters.md"


def test_the_cell_sets_every_parameter_and_reads_as_python() -> None:
    """What ``-f`` injects is known by name everywhere, and everything but the environment is not given."""
    source = parameters_cell()
    names: dict[str, object] = {}
    exec(source, names)  # noqa: S102  (our own source)
    del names["__builtins__"]

    assert "None below is what that file says" in source.partition("\n")[0]
    assert next(iter(names)) == "environment"
    assert {*Parameters.model_fields, "extends"} == set(names)
    assert {"local", None} == set(names.values())


def test_the_cell_of_untouched_names_changes_nothing(write: Callable[..., Path]) -> None:
    names: dict[str, object] = {}
    exec(parameters_cell(), {}, names)  # noqa: S102  (our own source)
    root = write()

    assert load(root, "staging") == load(root, "staging", injected=names | {"environment": "staging"})


def test_the_page_in_the_docs_is_the_one_made_from_the_model() -> None:
    """Run ``python -m deployer_lib.parameters.reference > docs/parameters.md`` after a change of the model."""
    assert reference() == DOCS.read_text(encoding="utf-8")


def test_the_page_names_every_key_once_and_every_section_has_an_example() -> None:
    page = reference()

    assert len(keys()) == len(set(keys()))
    assert [key for key in keys() if page.count(f"| `{key}` |") != 1] == []
    assert {"", "endpoint", *(name for name in Parameters.model_fields if f"## `{name}`" in page)} == set(
        EXAMPLES
    )


@pytest.mark.parametrize("section", EXAMPLES)
def test_every_example_loads(write: Callable[..., Path], section: str) -> None:
    least = {
        "environment": "environment: staging\n",
        "deploy": "deploy: {kind: none, address: https://a.example}\n",
    }
    text = EXAMPLES[section] + "".join(
        line for key, line in least.items() if f"{key}:" not in EXAMPLES[section]
    )

    assert load(write(text, base="max_requests: 100\n"), "staging").parameters.environment == "staging"

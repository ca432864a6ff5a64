"""What papermill injects: copies of the file give way to it, overrides count, guesses are refused."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from papermill.cli import _resolve_type
from papermill.iorw import read_yaml_file

from deployer_lib.errors import ParametersError
from deployer_lib.parameters import Origin, load
from deployer_lib.parameters.injected import _same

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILE = """\
environment: staging
version: 1.10
commit: 1234567
description: 2026-03-01
protected: false
deploy:
  kind: process
  start: [run, 0012]
  variables: {A: no, B: 22:22, C: 0012, D: 12e+4567, E: .nan}
"""


def test_the_files_own_values_as_papermill_reads_them_give_way_to_the_file(
    write: Callable[..., Path],
) -> None:
    """``papermill -f parameters/staging.yaml`` changes nothing: not a value, not its place."""
    root = write(FILE)
    injected = read_yaml_file(str(root / "parameters" / "staging.yaml"))
    loaded = load(root, "staging", injected=injected)

    assert injected["version"] == 1.1
    assert False is injected["deploy"]["variables"]["A"]
    assert load(root, "staging") == loaded
    assert Origin("parameters/staging.yaml", 2, "1.10") == loaded.origins["version"]


def test_every_file_of_the_chain_may_be_given(write: Callable[..., Path]) -> None:
    """``papermill -f parameters/base.yaml -f parameters/staging.yaml`` is no override either."""
    root = write("extends: base.yaml\n" + FILE, base="version: 0012\nhosts: [no]\nenvironment: base\n")
    injected = read_yaml_file(str(root / "parameters" / "base.yaml"))
    injected |= read_yaml_file(str(root / "parameters" / "staging.yaml"))

    assert load(root, "staging") == load(root, "staging", injected=injected)


def test_overrides_merge_maps_replace_lists_and_are_typed(write: Callable[..., Path]) -> None:
    loaded = load(
        write(FILE),
        "staging",
        injected={
            "environment": "staging",
            "confirm": "staging",
            "version": "12e4567",
            "max_requests": 50.0,
            "protected": "true",
            "allow": "[observe, write]",
            "budget_s": 60,
            "deploy": {"variables": {"A": "yes"}, "start": ["other"], "port": "8080"},
            "smoke": None,
        },
    )
    parameters = loaded.parameters

    assert (
        parameters.version, parameters.max_requests, parameters.protected, parameters.budget_s
    ) == ("12e4567", 50, True, 60.0)  # fmt: skip
    assert parameters.allow == ["observe", "write"]
    assert (
        {name: parameters.deploy.variables[name] for name in "AB"}, parameters.deploy.start, parameters.deploy.port
    ) == ({"A": "yes", "B": "22:22"}, ["other"], 8080)  # fmt: skip
    assert Origin("injected", 0, "8080") == loaded.origins["deploy.port"]
    assert Origin("parameters/staging.yaml", 9, "22:22") == loaded.origins["deploy.variables.B"]


@pytest.mark.parametrize(
    ("injected", "message"),
    [
        (
            {"version": math.inf},
            "injected: version arrived as the number inf; papermill -p guesses types: use -r version …",
        ),
        (
            {"commit": 7654321},
            "injected: commit arrived as the number 7654321; papermill -p guesses types: use -r commit …",
        ),
        (
            {"version": True},
            "injected: version arrived as the truth value True; papermill -p guesses types: use -r version …",
        ),
        (
            {"deploy": {"variables": {"A": 1.1}}},
            "injected: deploy.variables.A arrived as the number 1.1; papermill -p guesses types: put it in quotes",
        ),
        ({"versoin": "1"}, "injected: there is no parameter versoin; did you mean version?"),
        ({"deploy": {"prot": 1}}, "injected: there is no key prot in deploy; did you mean port?"),
        ({"environment": "production"}, "injected: environment is production there, and parameters/staging.yaml was asked for."),
        ({"max_requests": 1.5}, "injected: max_requests: expected a whole number, and the number 1.5 stands there"),
        ({"max_requests": math.inf}, "injected: max_requests: expected a whole number, and the number inf stands there"),
        ({"max_requests": True}, "injected: max_requests: expected a whole number, and the truth value True stands there"),
        ({"protected": 1}, "injected: protected: expected true or false, and the number 1 stands there"),
        ({"budget_s": math.nan}, "injected: budget_s: expected a number, and the number nan stands there"),
        (
            {"deploy": {"variables": {"API_TOKEN": "hunter2"}}},
            ("injected: deploy.variables.API_TOKEN holds a literal secret; rotate it and write ${env:API_TOKEN}\n"
            "  Delete executed notebooks that were made with it."),
        ),
    ],
)  # fmt: skip
def test_what_is_guessed_or_unknown_is_refused(
    write: Callable[..., Path], injected: dict[str, object], message: str
) -> None:
    with pytest.raises(ParametersError) as caught:
        load(write(FILE), "staging", injected=injected)

    assert message == str(caught.value)


@given(st.text("0123456789abcdef", min_size=7, max_size=7))
def test_a_commit_given_with_p_arrives_as_written_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, commit: str
) -> None:
    """Never a third way: papermill's own guess is either the text itself or no text at all."""
    root = tmp_path_factory.mktemp("root")
    (root / "parameters").mkdir()
    (root / "parameters" / "staging.yaml").write_text(FILE)
    try:
        loaded = load(root, "staging", injected={"commit": _resolve_type(commit)})
    except ParametersError as error:
        assert "use -r commit" in str(error)  # noqa: PT017  (either way is right)
    else:
        assert commit == loaded.parameters.commit


def test_equal_means_of_equal_type() -> None:
    """An override ``1`` over ``true`` is an override."""
    assert _same({"a": [1, math.nan]}, {"a": [1, math.nan]})
    assert not _same({"a": 1}, {"a": True})
    assert not _same([1], [1.0])
    assert not _same([1], [1, 2])
    assert not _same({"a": 1}, {"b": 1})

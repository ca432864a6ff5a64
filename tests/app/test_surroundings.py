from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from deployer_lib.app.surroundings import (
    base_environment,
    fill,
    fill_all,
    process_environment,
    unknown_placeholders,
)

SHELL = {
    "PATH": "/usr/bin",
    "HOME": "/home/o",
    "LC_ALL": "de_DE.UTF-8",
    "AWS_SECRET_ACCESS_KEY": "x",
    "GITHUB_TOKEN": "x",
    "VIRTUAL_ENV": "/v",
    "PYTHONPATH": "/p",
    "UV_INDEX_URL": "https://index",
    "UV_PUBLISH_TOKEN": "x",
    "npm_config_registry": "https://npm",
    "HTTPS_PROXY": "http://proxy",
    "NODE_EXTRA_CA_CERTS": "/ca",
}


def test_a_build_gets_what_it_needs_and_no_secret_of_the_operator() -> None:
    """A short list passes; everything else stays in the shell."""
    kept = base_environment(SHELL)
    assert {"PATH", "HOME", "LC_ALL", "LANG"} | {
        "UV_INDEX_URL",
        "npm_config_registry",
        "HTTPS_PROXY",
        "NODE_EXTRA_CA_CERTS",
    } == set(kept)


def test_the_process_gets_its_declared_variables_alone() -> None:
    """Package indexes and proxies are nothing to it."""
    kept = process_environment(SHELL, {"PORT": "1", "HOME": "/srv"})
    assert {"PATH", "HOME", "LC_ALL", "LANG", "PORT"} == set(kept)
    assert kept["HOME"] == "/srv"


def test_the_folder_of_this_python_comes_first_and_once() -> None:
    """So uv and python are those beside Deployer."""
    own = str(Path(sys.executable).parent)
    path = base_environment({"PATH": os.pathsep.join(["/usr/bin", own, ""])})["PATH"]
    assert [own, "/usr/bin"] == path.split(os.pathsep)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{host}:{port}", "127.0.0.1:80"),
        ('{"port": {port}}', '{"port": 80}'),
        ("${port} {{port}} {nobody} {} {Port}", "$80 {80} {nobody} {} {Port}"),
        ("{state}", "{state}"),
    ],
)
def test_known_placeholders_are_filled_in_and_nothing_else(text: str, filled: str) -> None:
    """JSON, templates and format strings in commands stay what they are."""
    assert filled == fill(text, {"host": "127.0.0.1", "port": "80", "nobody": "x"})


def test_a_value_is_one_word_and_is_not_filled_again() -> None:
    """A path with a blank, or with braces, can't become something else."""
    assert fill_all(["{project}", "{port}"], {"project": "a {port} b", "port": "80"}) == ["a {port} b", "80"]


def test_a_misspelt_placeholder_is_found() -> None:
    """It stays as it is when run, and a rollback plan that has one is no plan."""
    assert unknown_placeholders("{relase} {release} {1}") == ["relase"]

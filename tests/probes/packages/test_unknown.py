"""What could not be told is said, by every ecosystem: never a pass, never silence."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from deployer_lib.check import Code, Fix, Outcome, Skip, failed
from deployer_lib.probes.dependencies import (
    conflicts,
    dependencies_declared,
    development_dependencies,
    platform_packages,
)
from deployer_lib.probes.install import clean_install
from deployer_lib.probes.packages.cargo import Cargo
from deployer_lib.probes.packages.documented import says_platform
from deployer_lib.probes.packages.model import Examined
from deployer_lib.probes.packages.node import Node
from deployer_lib.probes.packages.python import Python
from deployer_lib.probes.packages.python.clean_environment import Environment
from deployer_lib.probes.packages.python.declared import Declared, read_requirements
from deployer_lib.probes.packages.python.drift import drift_examined
from deployer_lib.probes.packages.python.imports import production_imports
from deployer_lib.probes.packages.python.interpreter import says_outside
from deployer_lib.probes.packages.python.locks import Lock
from deployer_lib.probes.packages.python.roots import python_roots, roots_left_out
from deployer_lib.probes.packages.python.tools import locked_tools
from deployer_lib.probes.packages.saying import said
from deployer_lib.secret import mask_urls

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from deployer_lib.check import Result
    from deployer_lib.probes.context import Context

    Make = Callable[..., Context]

NODE: dict[str, Any] = {"name": "s", "dependencies": {"a": "1"}}
PROJECT = '[project]\nname = "shop"\nversion = "1"\ndependencies = ["idna"]\n'


def made(context: Make, files: dict[str, Any]) -> Context:
    ctx = context("http://127.0.0.1:9")
    write(ctx.workspace, files)
    return ctx


def write(folder: Path, files: dict[str, Any]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def outcomes(results: list[Result]) -> list[tuple[str, str]]:
    return [(result.outcome.value, result.subject) for result in results]


def test_what_is_not_told_becomes_a_result_of_its_kind() -> None:
    (unknown,) = said(Examined(unknown=("It is binary.", "So is this.")), "npm")
    assert (Outcome.ERROR, ["It is binary.", "So is this."]) == (
        unknown.outcome,
        unknown.evidence["unknown"],
    )
    (blocked,) = said(Examined(blocked="no install"), "npm")
    assert (Skip.BLOCKED, "environment.clean_install") == (blocked.skip, blocked.because)
    (none,) = said(Examined(not_applicable="no peers"), "npm")
    assert Skip.NOT_APPLICABLE is none.skip
    assert [] == [*said(Examined(), "npm")]


def test_a_lock_file_whose_agreement_is_unknown_is_no_pass_of_the_clean_install(
    context: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The install itself passes here, so that the drift alone decides."""
    ctx = made(context, {"package.json": NODE})
    monkeypatch.setattr(Node, "examine", lambda *_: Examined(unknown=("The lock file is binary.",)))
    monkeypatch.setattr(Node, "install", lambda *_: iter(()))
    assert [("error", "npm lock file")] == outcomes([*clean_install(ctx)])


# -- Node ------------------------------------------------------------------------------------------------------------


def test_a_binary_lock_file_tells_neither_drift_nor_platforms(context: Make) -> None:
    ctx = made(context, {"package.json": NODE, "a.js": 'import "a";', "bun.lockb": "x"})
    assert ["bun.lockb"] == [text.split()[0] for text in Node().examine(ctx, "drift").unknown]
    assert [("error", "npm")] == outcomes([*platform_packages(ctx)])


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("yarn.lock", '# yarn lockfile v1\n\na@1:\n  version "1.0.0"\n'),
        ("package-lock.json", '{"lockfileVersion": 1, "dependencies": {"a": {"version": "1.0.0"}}}'),
    ],
)
def test_a_lock_file_without_systems_tells_nothing_of_platforms(context: Make, file: str, text: str) -> None:
    ctx = made(context, {"package.json": NODE, file: text})
    assert [("error", "npm")] == outcomes([*platform_packages(ctx)])


def test_an_unread_source_leaves_development_dependencies_open(context: Make) -> None:
    ctx = made(context, {"package.json": NODE, "a.js": 'import "a";', "b.ts": "<<<<<<< import ((("})
    assert [("error", "npm")] == outcomes([*development_dependencies(ctx)])


@pytest.mark.parametrize("text", ["packages: ['packages/*']\n", "packages:\n- packages/*\n"])
def test_members_are_read_in_every_form_of_yaml(context: Make, text: str) -> None:
    ctx = made(
        context,
        {
            "package.json": {"name": "r", "private": True, "devDependencies": {"x": "1"}},
            "pnpm-workspace.yaml": text,
            "packages/a/package.json": {"name": "@s/a", "dependencies": {"q": "1"}},
            "packages/a/i.js": 'import "@s/b";',
            "packages/b/package.json": {"name": "@s/b", "version": "1.0.0"},
        },
    )
    (problem,) = Node().examine(ctx, "undeclared").problems
    assert "is a member of the workspace" in problem.message


def test_a_broken_workspace_file_is_named(context: Make) -> None:
    ctx = made(context, {"package.json": NODE, "a.js": 'import "a";', "pnpm-workspace.yaml": "packages: ["})
    assert ["pnpm-workspace.yaml"] == [t.split()[0] for t in Node().examine(ctx, "undeclared").unknown]


# -- Rust ------------------------------------------------------------------------------------------------------------


def test_a_workspace_without_packages_can_t_be_told(context: Make) -> None:
    ctx = made(context, {"Cargo.toml": "[workspace]\nmembers = []\n"})
    assert [("error", "cargo")] == outcomes([*conflicts(ctx)])
    assert [("error", "cargo")] == outcomes([*platform_packages(ctx)])
    assert [("error", "cargo")] == outcomes([*Cargo().install(ctx)])


def test_paths_of_the_first_edition_are_not_judged_in_silence(context: Make) -> None:
    manifest = '[package]\nname = "x"\nversion = "0.1.0"\n'
    lock = 'version = 3\n[[package]]\nname = "x"\nversion = "0.1.0"\n'
    main = "extern crate serde_json;\nfn main() {}\n"
    ctx = made(context, {"Cargo.toml": manifest, "Cargo.lock": lock, "src/main.rs": main})
    (result,) = dependencies_declared(ctx)
    assert (Outcome.ERROR, "Cargo.toml is of edition 2015") == (result.outcome, result.message[:29])


# -- Python ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["pyproject.toml", "Pipfile", "setup.cfg", "setup.py"])
def test_a_manifest_that_can_t_be_read_declares_nothing_that_is_known(tmp_path: Path, file: str) -> None:
    write(tmp_path, {"requirements.lock": "idna==3.7\n", file: "[project\nx = (\n"})
    assert [file] == [text.split()[0] for text in drift_examined(tmp_path).unknown]


def test_imports_are_no_findings_where_the_manifest_is_broken(context: Make) -> None:
    files = {"requirements.lock": "", "pyproject.toml": "[project\n", "shop/a.py": "import idna\n"}
    (result,) = dependencies_declared(made(context, files))
    assert "fail" != result.outcome.value
    assert "pass" != result.outcome.value


@pytest.mark.parametrize("lock", ["uv.lock", "poetry.lock", "Pipfile.lock"])
def test_a_broken_lock_file_is_one_finding_with_its_line(tmp_path: Path, lock: str) -> None:
    write(tmp_path, {"pyproject.toml": PROJECT, lock: "<<<<<<< HEAD\n"})
    (problem,) = drift_examined(tmp_path).problems
    assert (lock, lock, 1) == (problem.subject, problem.locations[0].file, problem.locations[0].line)


def test_lock_files_of_all_groups_are_not_production_s() -> None:
    """uv.lock holds development groups by its nature; a compiled requirements file does not."""
    declared = {"pytest": [Declared("pytest", "pytest", "pyproject.toml", 1, "development", "dev")]}
    of_all, flat = (Lock(file, {"pytest": "8.0"}) for file in ("uv.lock", "requirements.lock"))
    assert [] == [*locked_tools(declared, of_all, frozenset(), frozenset())]
    assert 1 == len([*locked_tools(declared, flat, frozenset(), frozenset())])


@pytest.mark.parametrize(
    "output",
    [
        "error: Failed to fetch: `http://x/simple/idna/`\n  client error (Connect)",
        "dns error: failed to lookup address",
        "write failed: No space left on device",
        "HTTP status server error (503 Service Unavailable) for url",
    ],
)
def test_an_index_out_of_reach_says_nothing_of_the_project(tmp_path: Path, output: str) -> None:
    assert says_outside(tmp_path, output)
    assert not says_outside(tmp_path, "No solution found: there is no version of idna==99")


def test_a_machine_without_virtual_environments_is_no_finding(
    context: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = made(context, {"requirements.txt": "idna==3.7\n", "shop/a.py": "import idna\n"})
    # uv lies beside the real interpreter, and stays where it can be found.
    beside = os.path.dirname(sys.executable)  # noqa: PTH120
    monkeypatch.setenv("PATH", f"{beside}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    assert [("error", "pip")] == outcomes([*Python().install(ctx)])
    assert isinstance(ctx.memo["clean_environment"], Environment)
    assert [("skip", "pip")] == outcomes([*platform_packages(ctx)])


def test_an_include_in_a_circle_ends(tmp_path: Path) -> None:
    write(tmp_path, {"requirements/base.txt": "-r ../requirements/base.txt\nidna==3.7\n"})
    found = [*read_requirements(tmp_path / "requirements" / "base.txt")]
    assert [(tmp_path / "requirements" / "base.txt", 2, "idna==3.7")] == found


def test_sources_that_no_parser_takes_are_named(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "import idna\n", "deep.py": f"x = {'-' * 100_000}1\n"})
    (tmp_path / os.fsdecode(b"\xff.py")).write_text("import yaml\n", encoding="utf-8")
    imports, count, unread = production_imports(tmp_path)
    assert (["idna"], 1) == ([item.module for item in imports], count)
    assert ["deep.py", "\\xff.py"] == [text.split()[0] for text in unread]


def test_projects_beyond_the_limit_are_named(tmp_path: Path) -> None:
    for number in range(10):
        write(tmp_path, {f"s{number}/pyproject.toml": PROJECT, f"s{number}/a.py": "import idna\n"})
    assert 8 == len(python_roots(tmp_path))
    assert ["2 more Python projects were not looked at: s8, s9."] == roots_left_out(tmp_path)
    assert [] == roots_left_out(tmp_path / "s1")


# -- documents -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "where"), [("```sh\nmake\n```\n", ""), ("It needs `sh`.\n", "README.md:1")])
def test_a_word_of_every_readme_is_no_mention_of_a_package(tmp_path: Path, text: str, where: str) -> None:
    write(tmp_path, {"README.md": text})
    assert where == says_platform(tmp_path, "sh", "Linux and macOS")


def test_a_finding_shows_no_credentials_of_a_declared_address() -> None:
    """A dependency may be declared with a password or a token in its URL; neither is repeated anywhere."""
    address = (
        "git+https://build:pa55word@git.example/a.git and https://ghx_0123456789abcdefABCDEF@git.example/b"
    )
    found = failed(
        f"a: {address}",
        subject="a",
        root_cause=address,
        impact="",
        fix=Fix((f"Use {address}",), (Code("package.json", address),)),
        declared={"a": [address]},
    )
    (shown,) = said(Examined(problems=(found,)), "npm")
    told = json.dumps([shown.message, shown.root_cause, shown.fix.to_json(), dict(shown.evidence)])
    assert "pa55word" not in told
    assert "ghx_" not in told
    assert "https://build:[secure]@git.example/a.git" in shown.message
    assert "ssh://git@git.example" == mask_urls("ssh://git@git.example")

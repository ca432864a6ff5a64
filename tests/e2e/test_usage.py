"""Bad input: one message with file, line and the nearest right name, exit 2, and nothing was touched."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from typer.testing import CliRunner

from deployer_lib.cli.app import app
from deployer_lib.parameters import load

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2e_parts import Recorder
    from typer.testing import Result

    from tests.conftest import Root

FILE = "parameters/shop.yaml"
HEAD = "environment: shop\nproject: {path: project}\n"

#: What stands in the file, words after ``run shop``, and what the one message holds.
WRONG: dict[str, tuple[str, list[str], list[str]]] = {
    "unknown key": ("smok: {}\n", [], [f"{FILE}:4:", "smoke"]),
    "unknown key in a section": ("smoke:\n  helth: {path: /}\n", [], [f"{FILE}:5:", "health"]),
    "wrong type": ("budget_s: soon\n", [], [f"{FILE}:4:", "budget_s", "number"]),
    "a word that is no truth": ("protected: yes\n", [], [f"{FILE}:4:", "Write true"]),
    "YAML error": ("allow: [observe\nhosts: []\n", [], [f"{FILE}:5:", "no YAML"]),
    "tab": ("smoke:\n\thealth: {path: /}\n", [], [f"{FILE}:5:", "tab"]),
    "duplicate key": ("version: a\nversion: b\n", [], [f"{FILE}:5:", "twice", "line 4"]),
    "bad path": ("smoke: {health: {path: health}}\n", [], [f"{FILE}:4:", "begins with /"]),
    "bad host": ("hosts: [pay example]\n", [], [f"{FILE}:4:", "no host"]),
    "unknown check": ("severities: {smoke.heath: low}\n", [], [f"{FILE}:4:", "smoke.health"]),
    "literal secret": (
        "smoke: {health: {path: /, headers: {X-Api-Key: hunter2}}}\n",
        [],
        [f"{FILE}:4:", "literal secret"],
    ),
    "unset secret": (
        "smoke: {health: {path: /, headers: {X-Api-Key: '${env:NOT_SET_ANYWHERE}'}}}\n",
        [],
        ["NOT_SET_ANYWHERE", "is not set"],
    ),
    "missing secret file": (
        "smoke: {health: {path: /, headers: {X-Api-Key: '${file:none.txt}'}}}\n",
        [],
        ["none.txt"],
    ),
    "failing secret command": (
        "smoke: {health: {path: /, headers: {X-Api-Key: '${cmd:[\"false\"]}'}}}\n",
        [],
        ["false", "ended with 1"],
    ),
    "unknown name by -p": ("", ["-p", "smoke.rate_limt.limit=3"], ["rate_limit"]),
    "wrong type by -p": ("", ["-p", "max_requests=many"], ["max_requests", "many"]),
    "-p without a value": ("", ["-p", "version"], ["name=value"]),
    "-p of a value and a section": ("", ["-p", "smoke=1", "-p", "smoke.health.path=/"], ["smoke"]),
    "-p of another environment": ("", ["-p", "environment=other"], ["other"]),
    "unknown phase": ("", ["--phases", "smoke,helth"], ["helth", "health"]),
    "unknown trigger": ("", ["--trigger", "whim"], ["whim", "schedule"]),
    "unknown option": ("", ["--fast"], ["--fast"]),
}


def invoke(root: Root, monkeypatch: pytest.MonkeyPatch, *words: str) -> Result:
    monkeypatch.setenv("DEPLOYER_HOME", str(root.path))
    monkeypatch.chdir(root.path)
    return CliRunner().invoke(app, list(words))


def untouched(root: Root) -> bool:
    below = (root.path / "outputs").rglob("*")
    children = psutil.Process().children(recursive=True)
    return not [path for path in below if path.is_file() or len(path.name) == 26] and not children


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_one_message(
    name: str, root: Root, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 2, stdout empty, one message and at most one hint on stderr; no request, no process, no run folder."""
    text, words, expected = WRONG[name]
    root.write("shop", f"{HEAD}deploy: {{kind: none, address: '{recorder.url}'}}\n{text}")
    done = invoke(root, monkeypatch, "run", "shop", *words)
    assert (2, "") == (done.exit_code, done.stdout), done.stderr
    for word in expected:
        assert word in done.stderr
    if name != "unknown option":  # that one is click's, with its usage
        assert 1 == done.stderr.count("deployer: ")
        assert 2 >= len(done.stderr.strip().splitlines())
    assert "Traceback" not in done.stderr
    assert [] == recorder.seen
    assert untouched(root)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [("shpo", "shop"), ("../shop", "no environment"), ("", "no environment"), ("shop.yaml", "shop")],
)
def test_an_unknown_environment(
    environment: str, expected: str, root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown environment is refused with those that there are."""
    root.write("shop", HEAD + "deploy: {kind: none, address: 'http://127.0.0.1:9'}\n")
    for command in ("run", "plan", "up", "down"):
        done = invoke(root, monkeypatch, command, environment)
        assert (2, "") == (done.exit_code, done.stdout), command
        assert expected in done.stderr
    assert untouched(root)


def test_a_file_that_can_not_be_read(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder in the file's place, and a link to nowhere, are told as what they are."""
    (root.path / "parameters" / "shop.yaml").mkdir()
    (root.path / "parameters" / "gone.yaml").symlink_to("nowhere")
    for environment in ("shop", "gone"):
        done = invoke(root, monkeypatch, "run", environment)
        assert 2 == done.exit_code
        assert f"parameters/{environment}.yaml" in done.stderr
    assert untouched(root)


def test_no_parameters_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside a project each command says where to begin, exit 2."""
    monkeypatch.delenv("DEPLOYER_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    for words in (["run", "x"], ["plan", "x"], ["up", "x"], ["down", "x"], ["list"], ["report", "x"]):
        done = CliRunner().invoke(app, words)
        assert 2 == done.exit_code, words
        assert "deployer init" in done.stderr


@pytest.mark.parametrize("commit", ["12e4567", "0012345", "1234567", "1_000_00", "0x12345", "1.10", "22:22"])
@pytest.mark.parametrize("way", ["file", "-p"])
def test_a_commit_keeps_its_letters(
    commit: str, way: str, root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What looks like a number to YAML stays the text that was written, from the file and by -p."""
    line = f"commit: {commit}\n" if way == "file" else ""
    root.write("shop", f"{HEAD}{line}deploy: {{kind: none, address: 'http://127.0.0.1:9'}}\n")
    seen: list[Any] = []

    def stop(request: Any, _listener: object) -> None:
        seen.append(load(request.root, request.environment, injected=request.overrides).parameters.commit)
        raise SystemExit(0)

    monkeypatch.setattr("deployer_lib.runbook.running.run", stop)
    invoke(root, monkeypatch, "run", "shop", *(["-p", f"commit={commit}"] if way == "-p" else []))
    assert [commit] == seen


def test_json_is_the_only_thing_on_stdout(
    tiny: Root, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """With --json every command prints one document with its schema; what it tells on the way is on stderr."""
    (tiny.path / "project" / "requirements.txt").write_text("")
    documents: list[tuple[list[str], str]] = [
        (["plan", "tiny"], "plan/1"),
        (["list"], "list/1"),
        (["checks"], "checks/1"),
        (["init", "project", "--name", "fresh"], "init/1"),
        (["up", "tiny"], "up/1"),
        (["down", "tiny"], "down/1"),
    ]
    for words, schema in documents:
        done = invoke(tiny, monkeypatch, *words, "--json")
        assert 0 == done.exit_code, done.stderr
        assert schema == json.loads(done.stdout)["schema"]
    assert "" == capfd.readouterr().out


def test_json_of_a_run_and_its_report(
    recorder: Recorder, root: Root, verify_only: Callable[..., Path]
) -> None:
    """``run --json`` prints results.json and nothing else; ``report --json`` prints the same document."""
    verify_only("shop", recorder.url)
    done = root.run("run", "shop", "--phases", "smoke", "--json")
    assert 3 == done.returncode, done.stderr
    kept = root.results("shop")
    assert kept == json.loads(done.stdout)
    again = root.run("report", kept["run"], "--json")
    assert (0, kept) == (again.returncode, json.loads(again.stdout))
    listed = json.loads(root.run("list", "--json").stdout)["runs"]
    assert [(kept["run"], "shop", "undecided", "sealed")] == [
        (r["run"], r["environment"], r["verdict"], r["state"]) for r in listed
    ]


def test_an_unknown_run(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is not there is said so, exit 2."""
    done = invoke(root, monkeypatch, "report", "01NOTHERE", "--json")
    assert (2, "") == (done.exit_code, done.stdout)
    assert "01NOTHERE" in done.stderr
    assert "deployer list" in done.stderr


def test_a_folder_that_is_no_run(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report of a folder without notebooks is no report."""
    done = invoke(root, monkeypatch, "report", str(root.path), "--json")
    assert done.exit_code in {2, 3}
    assert "" == done.stdout
    assert 1 == done.stderr.count("deployer: ")
    assert os.fspath(Path("/nowhere")) not in done.stderr

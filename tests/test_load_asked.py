"""What ``deployer load`` is asked for: protected environments, words of other tools, input that nobody can use."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest
from load_servers import OK, Scripted, answers
from typer.main import get_command
from typer.testing import CliRunner

from deployer_lib.cli.app import app
from deployer_lib.cli.load_options import OTHERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMAND: Final = (sys.executable, "-m", "deployer_lib", "load")
NOWHERE: Final = "http://127.0.0.1:9/"


def load(*words: str, cwd: Path | None = None, home: Path | None = None) -> tuple[int, dict[str, Any], str]:
    environment = {name: value for name, value in os.environ.items() if name != "DEPLOYER_HOME"}
    done = subprocess.run(
        [*COMMAND, *words, "--json"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=cwd,
        env=environment | ({"DEPLOYER_HOME": str(home)} if home else {}),
    )
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


def refused(*words: str) -> str:
    """Return what is said to words that are exit 2, with nothing on stdout and a second line that helps."""
    done = CliRunner().invoke(app, ["load", *words, "--json"])
    assert (2, "") == (done.exit_code, done.stdout), done.output
    assert len(done.stderr.strip().splitlines()) > 1
    return done.stderr


@pytest.fixture
def shop() -> Iterator[Scripted]:
    with Scripted(answers(OK)) as server:
        yield server


@pytest.fixture
def project(tmp_path: Path, shop: Scripted) -> Path:
    """Return a folder whose environment production is protected, at the shop's address; staging is not, elsewhere."""
    files = tmp_path / "parameters"
    files.mkdir()
    for name, address, protected in (
        ("production", f"http://127.0.0.1:{shop.port}", "true"),
        ("staging", "http://127.0.0.1:9", "false"),
    ):
        text = f"environment: {name}\nprofile: api\nprotected: {protected}\ndeploy: {{kind: none, address: '{address}'}}\n"
        (files / f"{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("words", [(), ("--yes",), ("--find-knee",), ("--find-knee", "--yes")])
def test_a_protected_environment_is_not_loaded_by_accident(
    shop: Scripted, project: Path, words: tuple[str, ...]
) -> None:
    """Nothing is sent, also where another machine would have been confirmed."""
    more = () if "--find-knee" in words else ("-n", "5")
    code, told, said = load(shop.url, *words, *more, cwd=project)
    assert (2, {}, 0) == (code, told, shop.accepted)
    assert f"127.0.0.1:{shop.port} is where production is, which is protected." in said
    assert "Add --yes production" in said


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "127.0.0.2", "[::ffff:127.0.0.1]"])
def test_it_is_protected_under_every_name(shop: Scripted, project: Path, name: str) -> None:
    """A name that resolves to its address is its name."""
    code, _, said = load(f"http://{name}:{shop.port}/", "-n", "5", cwd=project)
    assert (2, 0) == (code, shop.accepted)
    assert "which is protected" in said


def test_it_is_protected_wherever_in_the_project_somebody_stands(shop: Scripted, project: Path) -> None:
    (project / "src").mkdir()
    assert 2 == load(shop.url, "-n", "5", cwd=project / "src")[0]
    assert 2 == load(shop.url, "-n", "5", cwd=project.parent, home=project)[0]
    assert 2 == load(shop.url, "-n", "5", cwd=project, home=project / "src")[0]  # which holds no parameters
    assert 0 == shop.accepted


@pytest.mark.parametrize("words", [("--yes", "production"), ("--yes=production",)])
def test_its_name_confirms_it(shop: Scripted, project: Path, words: tuple[str, ...]) -> None:
    """As in ``deployer run``."""
    code, told, said = load(shop.url, "-n", "5", *words, cwd=project)
    assert (0, 5) == (code, told["requests"]), said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("staging", "staging is at 127.0.0.1:9, not at"),
        ("prodution", "Did you mean production?"),
    ],
)
def test_another_name_does_not(shop: Scripted, project: Path, name: str, said: str) -> None:
    code, _, told = load(shop.url, "-n", "5", "--yes", name, cwd=project)
    assert (2, 0) == (code, shop.accepted)
    assert said in told
    assert "Add --yes production" in told


def test_what_is_not_protected_is_loaded_as_ever(
    shop: Scripted, project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Outside of the project, and for another port in it; a bare --yes may stand before the URL, too."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    assert 0 == load(shop.url, "-n", "5", cwd=elsewhere)[0]
    assert 0 == load("--yes", shop.url, "-n", "5", cwd=elsewhere)[0]
    with Scripted(answers(OK)) as other:
        assert 0 == load(other.url, "-n", "5", cwd=project)[0]


def test_where_nobody_knows_another_machine_is_refused(project: Path) -> None:
    """A file that can't be read may be the one that protects the address; this machine goes on."""
    (project / "parameters" / "live.yaml").write_text("environment: live\nprotcted: true\n", encoding="utf-8")
    code, _, said = load("http://192.0.2.1/", "-n", "5", "--yes", cwd=project)
    assert 2 == code
    assert "Whether 192.0.2.1:80 is protected is not known, since live can't be read" in said
    with Scripted(answers(OK)) as other:
        assert 0 == load(other.url, "-n", "5", cwd=project)[0]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("run --vus 10 --duration 30s URL", "takes no run, as k6 does"),
        ("--vus 10 --iterations 100 URL", "k6's --iterations is --requests"),
        ("--stage 5s:10 URL", 'k6\'s --stage is --stages "10:5s,100:20s"'),
        ("--rps 10 URL", "k6's --rps is --rate"),
        ("URL --insecure-skip-tls-verify", "k6's --insecure-skip-tls-verify is --insecure"),
        ("attack -rate=100/s", "takes no attack, as vegeta does"),
        ("URL -rate=100/s -duration=30s", "vegeta's -rate is --rate"),
        ("URL -duration=30s", "vegeta's -duration is --duration"),
        ("URL -duration 30s", "vegeta's -duration is --duration"),
        ("URL --rate 5 -workers 10", "vegeta's -workers: leave it out, connections are opened as they are"),
        ("URL --rate 5 -max-workers=10", "vegeta's -max-workers is --connections"),
        ("URL --rate 5 -timeout=10s", "vegeta's -timeout is --timeout"),
        ("URL --rate 5 -header 'A: b'", 'vegeta\'s -header is --header "Name: value"'),
        ("URL --rate 5 -keepalive=false", "vegeta's -keepalive is --keep-alive or --no-keep-alive"),
        ("-t2 -c50 -d30s --latency URL", "wrk's --latency: leave it out, percentiles are always shown"),
        ("-t2 -c50 -d30s -s script.lua URL", "wrk's -s is --mix"),
        ("--threads 2 URL", "wrk's --threads is --workers"),
        ("-c 10 -z 30s URL", "hey's -z is --duration"),
        ("-c 10 -z30s URL", "hey's -z is --duration"),
        ("-n 10 -c 10 -q 5 URL", "hey's -q is --rate, of all connections together"),
        ("-n 10 -m POST -D file URL", "hey's -m is --method"),
        ("-n 10 -disable-keepalive URL", "hey's -disable-keepalive is --no-keep-alive"),
        ("-n 10 -d '{\"a\": 1}' URL", "hey's and curl's -d is --body"),
        ("-c 10 -t 1000 URL", "hey's -t is --timeout, ab's is --duration"),
        ("-c 10 -t1000 URL", "hey's -t is --timeout, ab's is --duration"),
        ("-n 10 -c 10 -k URL", "ab's -k: leave it out, connections are used again"),
        ("-n 10 -p body.json -T application/json URL", "ab's -p is --body-file"),
        ("-n 10 --reqests 5 URL", "Did you mean --requests?"),
        ("-n 10 -duratoin=5s URL", "Did you mean --duration?"),
        ("-n 10 --colour URL", "deployer load --help lists them"),
    ],
)
def test_words_of_other_tools_are_answered_with_ours(typed: str, said: str) -> None:
    """Nothing is sent, and nothing is taken for what it does not mean."""
    assert said in refused(*(NOWHERE if word == "URL" else word for word in shlex.split(typed)))


def test_no_answer_names_an_option_that_is_not_ours() -> None:
    """And no option of ours is taken for another tool's."""
    params = get_command(app).commands["load"].params  # type: ignore[attr-defined]  # a group has commands
    own = {name for param in params for name in (*param.opts, *param.secondary_opts)}
    assert set() == own & set(OTHERS)
    named = {
        word
        for meanings in OTHERS.values()
        for _, ours in meanings
        for word in re.findall(r"--[a-z-]+", ours)
    }
    assert set() == named - own


@pytest.mark.parametrize("typed", ["-t2 -c5 -n10", "-R 100 -d200ms", "-HX-A:b -n5", "-n5 -XPOST"])
def test_words_that_are_understood_as_they_are(shop: Scripted, typed: str) -> None:
    code, _, said = load(*shlex.split(typed), shop.url)
    assert 0 == code, said


@pytest.mark.parametrize(
    "url",
    [
        "http://ann:hunter2@127.0.0.1:9/",
        "http://ann:hunter2@127.0.0.1:99999/",
        "ftp://ann:hunter2@127.0.0.1/",
    ],
)
def test_credentials_in_a_url_are_refused_and_not_repeated(url: str) -> None:
    assert "hunter2" not in refused(url, "-n", "1")


def test_a_header_without_a_name_is_not_repeated() -> None:
    """It may be a token that somebody pasted."""
    assert "hunter2" not in refused(NOWHERE, "-n", "1", "-H", "Bearer hunter2")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--rate", "0"), "A rate of 0"),
        (("--rate", "-5"), "A rate of -5"),
        (("--rate", "1e9"), "beyond any client"),
        (("--rate", "5", "--poisson", "--seed", "-1"), "Invalid value for '--seed'"),
        (("-c", "100000", "-n", "5"), "connections are not possible here"),
        (("-n", "5", "--body-file", "/"), "cannot be read"),
        (("-n", "5", "--body-file", "/nowhere/body"), "cannot be read"),
        (("-n", "5", "--body-file", "/dev/zero"), "is larger than"),
        (("-n", "5", "--ca", "/dev/null"), "is no file"),
        (("-n", "5", "--insecure", "--ca", __file__), "contradict each other"),
    ],
)
def test_what_nobody_can_do_is_said_before_anything_is_sent(
    shop: Scripted, words: tuple[str, ...], said: str
) -> None:
    """By the command itself, as a person types it."""
    code, told, error = load(shop.url, *words)
    assert (2, {}, 0) == (code, told, shop.accepted)
    assert said in error
    assert "Traceback" not in error


def test_a_file_that_holds_no_certificates_is_exit_2() -> None:
    assert "holds no certificates" in refused("https://127.0.0.1:9/", "-n", "1", "--ca", __file__)

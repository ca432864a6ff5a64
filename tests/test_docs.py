"""The documents say what is: every command, option, check, link and example in them is tried or compared."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

import nbformat
import pytest
from typer.main import get_command

from deployer_lib.catalogue import CATALOGUE
from deployer_lib.cli.app import app
from deployer_lib.extensions import Group
from deployer_lib.parameters import load
from deployer_lib.parameters.waivers import read_waivers

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parent.parent
PAGES: Final = (
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "decisions").glob("*.md")),
)
SAMPLE: Final = ROOT / "examples" / "storefront"
#: Commands of ``deployer`` that the documents show and that end at once; the others' flags are looked at.
QUICK: Final = frozenset({"plan", "list", "checks", "init"})
#: Programs that are not ours: what is shown of them is not tried.
FOREIGN: Final = frozenset(
    {"papermill", "uv", "python", ".venv/bin/pytest", ".venv/bin/ruff", ".venv/bin/mypy"}
)
MAX_IMAGE_BYTES: Final = 200_000

Options = dict[str, set[str]]


def _blocks(page: Path, language: str) -> list[str]:
    found = re.findall(
        rf"^ *```{language}\n(.*?)^ *```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    return [textwrap.dedent(block) for block in found]


def _shown() -> list[tuple[str, str]]:
    """Return ``(page, command line)`` of every line in a shell block."""
    return [
        (page.relative_to(ROOT).as_posix(), line.strip())
        for page in PAGES
        for block in _blocks(page, "bash")
        for line in block.splitlines()
        if line.strip() and not line.startswith("#")
    ]


def _options() -> Options:
    """Return the options of each command, as click knows them; a group's command has two words."""
    group = get_command(app)
    commands: dict[str, Any] = {}
    for first, command in group.commands.items():  # type: ignore[attr-defined]  # a group, which typer does not say
        inner = getattr(command, "commands", None)
        commands |= {f"{first} {name}": one for name, one in inner.items()} if inner else {first: command}
    return {
        name: {
            option
            for parameter in command.params
            for option in (*parameter.opts, *parameter.secondary_opts)
            if option.startswith("-")
        }
        for name, command in commands.items()
    }


def _ours(line: str) -> list[str] | None:
    """Return the words of a ``deployer`` command line without its first, None where it is another program's."""
    words = shlex.split(line)
    return words[1:] if words[0] in {"deployer", ".venv/bin/deployer"} else None


def test_every_command_and_option_is_documented() -> None:
    """docs/commands.md has a section for each command, and a row for each of its options; nothing else."""
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    sections = dict(
        re.findall(
            r"^## `deployer ([a-z]+(?: [a-z]+)?)[^`]*`\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL
        )
    )
    documented = {
        name: set(
            re.findall(r"`(--?[A-Za-z][\w-]*)", "\n".join(re.findall(r"^\| (`-.*?) \|", body, re.MULTILINE)))
        )
        for name, body in sections.items()
    }
    assert _options() == documented


def test_the_readme_names_every_command() -> None:
    """Somebody who reads only the README knows which commands there are."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [] == [name for name in _options() if f"`deployer {name}" not in text]


@pytest.mark.parametrize(("page", "line"), _shown())
def test_a_shown_command_exists(page: str, line: str) -> None:
    """What a page tells people to type is a command, with options that it has."""
    words = _ours(line)
    if words is not None:
        known = _options()
        name = next((n for n in (" ".join(words[:2]), words[0]) if n in known), None)
        assert name is not None, page
        given = {word.partition("=")[0] for word in words[1:] if re.match(r"--?[a-z]", word)}
        assert set() == given - known[name], page
        return
    program, *rest = shlex.split(line)
    if program == "make":
        targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        assert set() == set(rest) - set(targets), page
        return
    assert program in FOREIGN, page
    named = [word for word in rest if re.match(r"(runbooks|parameters|tests|deployer_lib)/", word)]
    assert [] == [word for word in named if not (ROOT / word).exists()], page


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a root beside a project ``shop``, itself holding the sample's project and parameters."""
    shutil.copytree(SAMPLE, tmp_path / "shop", ignore=shutil.ignore_patterns(".venv", "dist", "*.db"))
    home = tmp_path / "home"
    shutil.copytree(SAMPLE, home, ignore=shutil.ignore_patterns(".venv", "dist", "*.db"))
    shutil.copytree(ROOT / "parameters", home / "parameters")
    (home / "parameters" / "staging.yaml").unlink()  # what init is to write
    return home


def _deployer(words: list[str], root: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "deployer_lib", *words]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DEPLOYER_")}
    return subprocess.run(
        argv, cwd=root, env={**environment, **variables}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("page", ["README.md", "docs/your-application.md"])
def test_quick_commands_run_in_the_order_in_which_they_stand(page: str, root: Path) -> None:
    """Whoever types a page's commands one after the other gets an answer from each."""
    tried = []
    for where, line in _shown():
        words = _ours(line)
        if where == page and words and words[0] in QUICK:
            done = _deployer(words, root)
            assert 0 == done.returncode, f"{line}: {done.stderr}"
            tried.append(words[0])
    assert ["init", "plan"] == tried


@pytest.mark.parametrize("words", [["checks"], ["list"], ["plan", "local"]])
def test_quick_commands_answer_with_one_document(words: list[str], root: Path) -> None:
    """``--json`` prints one document with its schema, and nothing else, on stdout."""
    done = _deployer([*words, "--json"], root)
    assert f"{words[0]}/1" == json.loads(done.stdout)["schema"]


@pytest.mark.parametrize("page", [p for p in PAGES if _blocks(p, "yaml")], ids=lambda p: p.name)
def test_yaml_examples_can_be_loaded(page: Path, tmp_path: Path) -> None:
    """An example that is pasted into a file is taken: parameters that name their environment, and waivers."""
    (tmp_path / "parameters").mkdir()
    for block in _blocks(page, "yaml"):
        if re.search(r"^deploy:", block, re.MULTILINE) and (name := re.match(r"environment: (\w+)", block)):
            (tmp_path / "parameters" / f"{name[1]}.yaml").write_text(block, encoding="utf-8")
            assert name[1] == load(tmp_path, name[1]).parameters.environment
        elif block.startswith("- check:"):
            (tmp_path / "parameters" / "waivers.yaml").write_text(block, encoding="utf-8")
            assert 1 == len(read_waivers(tmp_path, "staging"))


def test_the_page_of_checks_is_the_catalogue() -> None:
    """docs/checks.md is what ``python -m tools.checks_page`` prints."""
    argv = [sys.executable, "-m", "tools.checks_page"]
    made = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert made == (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")


def test_every_requirement_is_checked_or_said_not_to_be() -> None:
    """No row of what Deployer should ask is neither in the catalogue nor under «Not checked yet»."""
    text = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
    not_yet = set(re.findall(r"^\| ([A-H]\d+) \|", text.partition("## Not checked yet")[2], re.MULTILINE))
    rows = {
        "A": 5,
        "B": 11,
        "C": 7,
        "D": 6,
        "E": 7,
        "F": 13,
        "G": 12,
        "H": 7,
    }  # A6 is what a blocked run does
    asked = {spec.row for spec in CATALOGUE.values()} - {"I1"}
    assert {
        f"{letter}{number}" for letter, last in rows.items() for number in range(1, last + 1)
    } == asked | not_yet
    assert set() == asked & not_yet


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link leads to a file of this repository, and to a heading that it has."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if (
            not target.is_relative_to(ROOT)
            or not target.exists()
            or (anchor and anchor not in _anchors(target))
        ):
            broken.append(link)
    assert [] == broken


def test_pictures_are_small_and_described() -> None:
    """Pictures load fast, and whoever can't see one reads what it shows."""
    pictures = list((ROOT / "docs" / "images").iterdir())
    assert [] == [p.name for p in pictures if p.stat().st_size > MAX_IMAGE_BYTES]
    texts = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    described = {Path(path).name: alt for alt, path in re.findall(r"!\[([^\]]*)\]\(([^)\s]+)\)", texts)}
    assert {p.name for p in pictures} == set(described)
    assert all(len(alt) > len("a picture of a run") for alt in described.values())


def test_decisions_are_listed_and_whole() -> None:
    """Each decision says what was chosen, why, what else there was and what it costs; the list has all of them."""
    folder = ROOT / "docs" / "decisions"
    pages = sorted(folder.glob("0*.md"))
    parts = ("**We chose**", "**Why.**", "**What else.**", "**What it costs.**")
    lacking = [(p.name, part) for p in pages for part in parts if part not in p.read_text(encoding="utf-8")]
    assert [] == lacking
    listed = re.findall(r"\]\((0[\w-]+\.md)\)", (folder / "README.md").read_text(encoding="utf-8"))
    assert [p.name for p in pages] == listed


@pytest.fixture
def shop() -> Iterator[str]:
    """Serve an application that knows how old its newest order is."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"age_s": 12}'
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class's name)
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_package_of_the_page_is_one() -> None:
    """The page's package makes a check of the claim that its entry point names, and its test calls what is there."""
    *_, package, test = _blocks(ROOT / "docs" / "own-checks.md", "python")
    made: dict[str, Any] = {}
    exec(compile(package, "team_things.py", "exec"), made)  # noqa: S102  (the page's own text)
    assert ("team.orders_fresh", "critical") == (
        made["orders_fresh"].spec.id,
        made["orders_fresh"].spec.severity,
    )
    assert ["pass"] == [result.outcome for result in made["orders_fresh"].probe(None)]
    exec(compile(test, "test_team.py", "exec"), made)  # noqa: S102
    assert callable(made["test_stale_orders_are_found"])
    toml = _blocks(ROOT / "docs" / "own-checks.md", "toml")[0]
    groups = tomllib.loads(toml)["project"]["entry-points"]
    assert {f"deployer.{group}" for group in get_args(Group)} == set(groups)


def test_the_own_notebook_of_the_page_runs(tmp_path: Path, shop: str) -> None:
    """The cells of docs/own-checks.md, pasted into a notebook, make a check that stands in the sealed record."""
    probe, check, parameters, opening, closing, *_ = _blocks(ROOT / "docs" / "own-checks.md", "python")
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [
        nbformat.v4.new_code_cell(text) for text in (parameters, opening, probe, check, closing)
    ]
    notebook.cells[0].metadata["tags"] = ["parameters"]
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for folder in ("parameters", "runbooks", "runtime"):
        (tmp_path / folder).mkdir()
    nbformat.write(notebook, tmp_path / "runbooks" / "15_orders.ipynb")
    (tmp_path / "parameters" / "staging.yaml").write_text(
        f"environment: staging\ndeploy: {{kind: none, address: '{shop}'}}\nrequired: [team.orders_fresh]\n",
        encoding="utf-8",
    )
    words = ["run", "staging", "--phases", "orders", "--json"]
    done = _deployer(words, tmp_path, XDG_RUNTIME_DIR=str(tmp_path / "runtime"))
    assert done.stdout, done.stderr
    results = json.loads(done.stdout)
    made = {check["id"]: check for check in results["checks"]}
    assert "pass" == made["team.orders_fresh"]["outcome"]
    assert 12 == made["team.orders_fresh"]["evidence"]["age_s"]
    about = json.loads(
        (tmp_path / "outputs" / "staging" / results["run"] / "run.json").read_text(encoding="utf-8")
    )
    assert "own" == next(n for n in about["notebooks"] if n["phase"] == "orders")["origin"]
    assert (0, "go") == (done.returncode, results["verdict"]), results["reason"]

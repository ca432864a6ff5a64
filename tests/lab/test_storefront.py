"""The real sample in JupyterLab: ``deployer up local``, Run All on 04_smoke, ``deployer down local``, Run All again."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deployer_lib.runbook.notebooks import packaged_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab_parts import Lab
    from playwright.sync_api import Page

# 27 s: make proof runs it; in the suite the small service of test_jupyterlab.py stands for it
pytestmark = [pytest.mark.xdist_group("lab"), pytest.mark.proof]

_REPOSITORY = Path(__file__).parents[2]
_NAME = "04_smoke.ipynb"
_ERRORS = (
    '.jp-OutputArea [data-mime-type="application/vnd.jupyter.stderr"], '
    '.jp-OutputArea [data-mime-type="application/vnd.jupyter.error"]'
)
_IDLE = '.jp-Notebook-ExecutionIndicator[data-status="idle"]'
#: Every cell has a number above the one given: what an earlier Run All left is not taken for this one's.
_ALL_RAN = """before => [...document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')]
    .every(p => /^\\[\\d+\\]:$/.test(p.textContent) && Number(p.textContent.slice(1, -2)) > before)"""


def deployer(home: Path, environ: dict[str, str], *words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deployer_lib", *words],
        cwd=home,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert 0 == done.returncode, done.stdout + done.stderr


@pytest.fixture
def storefront(home: Path, environ: dict[str, str]) -> Iterator[None]:
    """Bring the sample up as the committed parameters/local.yaml says, with its records below the home."""
    for name in ("storefront.base.yaml", "local.yaml"):
        shutil.copyfile(_REPOSITORY / "parameters" / name, home / "parameters" / name)
    project = json.dumps(str(_REPOSITORY / "examples" / "storefront"))
    with (home / "parameters" / "local.yaml").open("a", encoding="utf-8") as file:
        file.write(f"project: {{path: {project}}}\n")
    try:
        deployer(home, environ, "up", "local")
        yield
    finally:
        deployer(home, environ, "down", "local")


def declared_checks() -> list[str]:
    """Return the ids that the packaged notebook checks, in its order."""
    notebook = json.loads((packaged_folder() / _NAME).read_text(encoding="utf-8"))
    sources = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    found = [re.fullmatch(r'phase\.check\("([\w.]+)"\)', source) for source in sources]
    return [match[1] for match in found if match]


def outputs_by_check(page: Page) -> dict[str, str]:
    """Return what is shown below each ``phase.check`` cell, and below the closing cell as ``close``."""
    shown = {}
    for cell in page.query_selector_all(".jp-CodeCell"):
        source = cell.query_selector(".jp-InputArea-editor")
        output = cell.query_selector(".jp-OutputArea")
        assert source
        match = re.search(r'phase\.(?:check\("([\w.]+)"\)|(close)\(\))', source.inner_text())
        if match:
            shown[match[1] or match[2]] = output.inner_text().strip() if output else ""
    return shown


def run_all_again(page: Page) -> None:
    """Run all cells of an open page in the kernel that it has, as a person does who comes back to it."""
    numbers = page.locator(".jp-CodeCell .jp-InputArea-prompt").all_text_contents()
    page.click(".jp-Notebook .jp-MarkdownCell >> nth=0")
    page.click('.lm-MenuBar-itemLabel:text-is("Run")')
    page.click('.lm-Menu-itemLabel:text-is("Run All Cells")')
    page.wait_for_function(_ALL_RAN, arg=max(int(number[1:-2]) for number in numbers))
    page.wait_for_selector(_IDLE)


@pytest.mark.usefixtures("storefront")
def test_run_all_on_the_sample(lab: Lab, home: Path, environ: dict[str, str]) -> None:
    """Up, every check passes and no cell raises; down, the same page says what to run, and one line where it ended."""
    ids = declared_checks()
    assert {"smoke.health", "smoke.authentication", "smoke.rate_limit"} <= set(ids)
    page = lab.run_all(home / ".deployer" / "lab" / _NAME)
    page.wait_for_function(_ALL_RAN, arg=0)
    page.wait_for_selector(_IDLE)

    shown = outputs_by_check(page)
    assert [*ids, "close"] == list(shown)
    for check_id in ids:
        assert shown[check_id].startswith("✅ pass"), shown[check_id]
        assert check_id in shown["close"]
    assert re.match(r"smoke: ✅ \d+ pass\n", shown["close"]), shown["close"]
    assert "http://127.0.0.1:" in page.inner_text(".jp-Notebook")
    assert [] == page.query_selector_all(_ERRORS)
    assert "Traceback" not in page.inner_text(".jp-Notebook")

    deployer(home, environ, "down", "local")
    run_all_again(page)

    shown = outputs_by_check(page)
    assert [*ids, "close"] == list(shown)
    assert "✅" not in "".join(shown.values())
    assert "03_deploy" in shown["smoke.health"]
    assert "skipped: blocked" in shown["smoke.database"]
    errors = [error.inner_text().strip() for error in page.query_selector_all(_ERRORS)]
    assert [1] == [len(error.splitlines()) for error in errors]
    assert re.match(r"Phase(Undecided|Blocked): .*smoke\.health", errors[0])
    assert "Traceback" not in page.inner_text(".jp-Notebook")
    page.close()

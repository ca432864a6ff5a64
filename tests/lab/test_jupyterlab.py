"""The notebooks in JupyterLab and Chromium: what a person sees is a table, never a traceback, trusted or not."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lab_parts import Lab
    from playwright.sync_api import Page

pytestmark = pytest.mark.xdist_group("lab")

#: What JupyterLab shows of exceptions and of stderr.
_ERROR = '.jp-OutputArea [data-mime-type="application/vnd.jupyter.stderr"]'


def empty_rows(page: Page) -> list[str]:
    """Return the cells below which an output takes a row and shows nothing."""
    rows = page.query_selector_all(".jp-CodeCell .jp-OutputArea-child")
    assert rows
    return [
        row.inner_html()[:200]
        for row in rows
        if not row.inner_text().strip() and not row.query_selector("img")
    ]


def test_run_all(lab: Lab, smoke_for: Callable[[str], Path], tmp_path: Path) -> None:
    """Run All on 04_smoke shows header, checks and headline; no traceback, no empty row, nothing on stderr."""
    page = lab.run_all(smoke_for("tiny"))
    shown = page.inner_text(".jp-Notebook")
    for words in ("Deployer · smoke · tiny", "✅ pass", "The application is up", "smoke: ⏭️ 7 skipped · ✅"):
        assert words in shown
    assert "Traceback" not in shown
    assert [] == page.query_selector_all(_ERROR)
    assert [] == empty_rows(page)
    page.screenshot(path=tmp_path / "smoke.png")
    assert 20_000 < (tmp_path / "smoke.png").stat().st_size
    page.close()


def test_the_application_is_down(lab: Lab, smoke_for: Callable[[str], Path]) -> None:
    """What nobody answers is a finding with its cause and fix; the phase ends in one line, without a traceback."""
    page = lab.run_all(smoke_for("down"))
    shown = page.inner_text(".jp-Notebook")
    for words in ("❌ fail · 🔴 critical", "Nothing listens at this address", "Users get no answer.", "Fix"):
        assert words in shown
    assert "Traceback" not in shown
    errors = page.query_selector_all(_ERROR)
    assert [1] == [len(error.inner_text().strip().splitlines()) for error in errors]
    assert errors[0].inner_text().startswith("PhaseBlocked: smoke.health")
    assert [] == empty_rows(page)
    page.close()


def test_copies_are_refreshed_and_sources_stay(lab: Lab) -> None:
    """JupyterLab opens on copies, and refuses to write where runbooks and records lie."""
    copies = sorted(path.name for path in (lab.home / ".deployer" / "lab").glob("*.ipynb"))
    assert ["00_preflight.ipynb", "07_report.ipynb"] == [copies[0], copies[-1]]
    page = lab.browser.new_page()
    headers = {"Authorization": f"token {lab.token}"}
    for folder, status in (("outputs", 403), ("runbooks", 403), (".deployer/lab", 201)):
        answer = page.request.put(
            f"{lab.url}/api/contents/{folder}/note.txt",
            headers=headers,
            data={"type": "file", "format": "text", "content": "x"},
        )
        assert status == answer.status, folder
    page.close()


def papermill(home: Path, environ: dict[str, str], *words: str) -> tuple[int, dict[str, Any], str]:
    done = subprocess.run(
        [sys.executable, "-m", "papermill", *words],
        cwd=home,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, json.loads((home / words[1]).read_text(encoding="utf-8")), done.stderr


def outputs_of(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [output for cell in notebook["cells"] for output in cell.get("outputs", ())]


@pytest.mark.parametrize("words", [("-p", "environment", "tiny"), ("-f", "parameters/tiny.yaml")])
def test_plain_papermill(
    words: tuple[str, ...], home: Path, environ: dict[str, str], smoke_for: Callable[[str], Path]
) -> None:
    """papermill alone runs a phase, by -p and by -f: exit 0, and the checks are closed."""
    code, notebook, told = papermill(home, environ, str(smoke_for("tiny")), "out.ipynb", *words)
    assert 0 == code, told
    assert [] == [o for o in outputs_of(notebook) if o["output_type"] == "error"]
    assert closing_outcomes(notebook) == {"pass", "skip"}


def test_plain_papermill_with_the_application_down(
    home: Path, environ: dict[str, str], smoke_for: Callable[[str], Path]
) -> None:
    """A finding ends papermill non-zero; the notebook holds the outcome, and one line where a traceback would be."""
    code, notebook, _ = papermill(
        home, environ, str(smoke_for("tiny")), "down.ipynb", "-p", "environment", "down"
    )
    assert 0 != code
    assert closing_outcomes(notebook) & {"fail", "error"}
    errors = [o for o in outputs_of(notebook) if o["output_type"] == "error"]
    assert ["PhaseBlocked"] == [error["ename"] for error in errors]
    assert 1 == len(errors[0]["traceback"])


def closing_outcomes(notebook: dict[str, Any]) -> set[str]:
    payloads = [
        o.get("data", {}).get("application/vnd.deployer.checks.v1+json") for o in outputs_of(notebook)
    ]
    closed = [payload for payload in payloads if payload and payload["closed"]]
    assert 1 == len(closed)
    return {check["outcome"] for check in closed[0]["checks"]}


_CHART = """
from deployer_lib import passed
from deployer_lib.charts import sizes

def small(context):
    context.memo["charts"] = [sizes([("assets/index.js", 412_000)], 300_000)]
    return [passed("one file", files=1)]

phase.check("team.small", small, title="Files are small")
"""


def test_a_strangers_notebook(
    lab: Lab, home: Path, environ: dict[str, str], notebook: Callable[..., Path]
) -> None:
    """Untrusted, an executed notebook still shows its tables and charts; details unfold, and say charts in words."""
    source = notebook(
        home / "own.ipynb",
        'environment = "down"\nextends = None',
        'from deployer_lib import Phase\nphase = Phase.open("smoke", globals())',
        'phase.check("smoke.health")',
        _CHART,
    )
    code, executed, told = papermill(home, environ, str(source), "stranger.ipynb")
    assert 0 == code, told
    pictures = [o["metadata"]["image/png"] for o in outputs_of(executed) if "image/png" in o.get("data", ())]
    assert ["Largest of 1 files: assets/index.js 412 kB."] == [picture["alt"] for picture in pictures]
    page = lab.open(home / "stranger.ipynb")
    page.wait_for_selector(".jp-OutputArea img")
    shown = page.inner_text(".jp-Notebook")
    for words in ("Deployer · smoke · down", "❌ fail · 🔴 critical", "✅ pass", "Files are small"):
        assert words in shown
    page.click('summary:text-is("this chart in words")')
    assert page.is_visible("text=Largest of 1 files: assets/index.js 412 kB.")
    page.click('summary:text-is("evidence") >> nth=0')
    assert page.is_visible("details[open] pre:has-text('kind: refused')")
    assert [] == empty_rows(page)
    page.close()

"""A running JupyterLab with a browser, as its tests use it."""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import TimeoutError as TooLate

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

__all__ = ["Lab"]

_TALL = {"width": 1300, "height": 4500}  # JupyterLab renders only what is in view
#: A workspace for each page. With ``?reset`` in its place, JupyterLab under load opens the notebook twice, starts two kernels,
#: ends one of them, and asks for a kernel by a dialog.
_WORKSPACES = (f"page-{number}" for number in itertools.count(1))
_BEGUN = "() => document.querySelector('.jp-CodeCell .jp-InputArea-prompt').textContent !== '[ ]:'"
#: Every cell was answered; or one ended in an error, which leaves out those after it, and none runs or waits.
_ENDED = """() => {
  const prompts = [...document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')].map(p => p.textContent);
  const failed = document.querySelector('.jp-OutputArea [data-mime-type="application/vnd.jupyter.stderr"]');
  return prompts.every(p => /^\\[\\d+\\]:$/.test(p)) || (failed !== null && !prompts.includes('[*]:'));
}"""


@dataclass(frozen=True, slots=True)
class Lab:
    """A running JupyterLab and a browser."""

    url: str
    token: str
    home: Path
    browser: Browser

    def open(self, path: Path) -> Page:
        """Open a notebook below the home and wait until it shows and its kernel, which starts by itself, is ready."""
        page = self.browser.new_page(viewport=_TALL)  # type: ignore[arg-type]  # a TypedDict's literal
        page.set_default_timeout(60_000)
        place = f"lab/workspaces/{next(_WORKSPACES)}/tree/{path.relative_to(self.home)}"
        page.goto(f"{self.url}/{place}?token={self.token}")
        page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
        return page

    def run_all(self, path: Path) -> Page:
        """Open a notebook, run all of its cells, and wait until no cell runs or waits any more."""
        page = self.open(path)
        for _ in range(5):  # a click while JupyterLab still settles is lost
            try:
                page.click(".jp-Notebook .jp-MarkdownCell >> nth=0")
                page.click('.lm-MenuBar-itemLabel:text-is("Run")')
                page.click('.lm-Menu-itemLabel:text-is("Run All Cells")')
            except TooLate:
                asked = [dialog.inner_text() for dialog in page.query_selector_all(".jp-Dialog")]
                pytest.fail(f"JupyterLab could not be clicked; its dialogs say {asked}")
            with contextlib.suppress(TooLate):
                page.wait_for_function(_BEGUN, timeout=4_000)
                break
        try:
            page.wait_for_function(_ENDED)
        except TooLate:
            pytest.fail(f"the cells did not end in time: {page.inner_text('.jp-Notebook')[-2000:]}")
        return page

"""A running JupyterLab with a browser, as its tests use it."""

from __future__ import annotations

import contextlib
import itertools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import TimeoutError as TooLate

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

__all__ = ["Lab"]

_TALL = {"width": 1300, "height": 4500}  # JupyterLab renders only what is in view
#: A workspace for each page, so that no page finds what another left open.
_WORKSPACES = (f"page-{number}" for number in itertools.count(1))
_CONNECTED_S, _LOOKS, _BETWEEN_MS = 60.0, 2, 500
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
        self._start_kernel(page, path.relative_to(self.home).as_posix())
        page.goto(f"{self.url}/{place}?token={self.token}")
        page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
        self._wait_for_connection(page, path.relative_to(self.home).as_posix())
        return page

    def _start_kernel(self, page: Page, path: str) -> None:
        """Start the notebook's kernel before it is opened, as where a person comes back to it.

        Left to itself on a busy machine, JupyterLab now and then starts two kernels for one notebook, ends one of them,
        and asks for a kernel by a dialog: seen in the server's log, and with four busy loops beside it in one of four tries.
        """
        session = {"path": path, "name": path, "type": "notebook", "kernel": {"name": "python3"}}
        headers = {"Authorization": f"token {self.token}"}
        answer = page.request.post(f"{self.url}/api/sessions", headers=headers, data=session)
        assert 201 == answer.status, answer.text()

    def _wait_for_connection(self, page: Page, path: str) -> None:
        """Wait until the server says, at two looks, that the page is connected to an idle kernel; the page says so too early."""
        headers, good = {"Authorization": f"token {self.token}"}, 0
        until = time.monotonic() + _CONNECTED_S
        while good < _LOOKS:
            sessions = page.request.get(f"{self.url}/api/sessions", headers=headers).json()
            kernels = [one["kernel"] for one in sessions if one["path"] == path]
            ready = [k for k in kernels if k["connections"] == 1 and k["execution_state"] == "idle"]
            good = good + 1 if len(ready) == len(kernels) == 1 else 0
            if time.monotonic() > until:
                pytest.fail(f"JupyterLab did not connect to a kernel: {self._state(page)}")
            page.wait_for_timeout(_BETWEEN_MS)

    def run_all(self, path: Path) -> Page:
        """Open a notebook, run all of its cells, and wait until no cell runs or waits any more."""
        page = self.open(path)
        for _ in range(5):  # a click while JupyterLab still settles is lost
            try:
                page.click(".jp-Notebook .jp-MarkdownCell >> nth=0")
                page.click('.lm-MenuBar-itemLabel:text-is("Run")')
                page.click('.lm-Menu-itemLabel:text-is("Run All Cells")')
            except TooLate:
                pytest.fail(f"JupyterLab could not be clicked: {self._state(page)}")
            with contextlib.suppress(TooLate):
                page.wait_for_function(_BEGUN, timeout=4_000)
                break
        try:
            page.wait_for_function(_ENDED)
        except TooLate:
            pytest.fail(f"the cells did not end in time: {self._state(page)}")
        return page

    def _state(self, page: Page) -> str:
        """Return what tells why a notebook did not run: prompts, dialogs, and the server's sessions and kernels."""
        prompts = page.locator(".jp-CodeCell .jp-InputArea-prompt").all_text_contents()
        dialogs = [dialog.inner_text() for dialog in page.query_selector_all(".jp-Dialog")]
        headers = {"Authorization": f"token {self.token}"}
        sessions = page.request.get(f"{self.url}/api/sessions", headers=headers).json()
        kernels = page.request.get(f"{self.url}/api/kernels", headers=headers).json()
        return f"prompts {prompts}, dialogs {dialogs}, sessions {sessions}, kernels {kernels}"

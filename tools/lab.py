"""Open JupyterLab on copies of the runbooks: ``make lab``, or ``python tools/lab.py [--run FOLDER] [--port N]``.

What a person runs and saves there stays in ``.deployer/lab/``; the runbooks and every record are read-only in this
server, so that no click writes into a sealed run. Nothing is fetched from a network.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
import webbrowser
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from jupyterlab.labapp import LabApp  # type: ignore[import-untyped]
from tornado.ioloop import IOLoop
from tornado.web import HTTPError
from traitlets.config import Config

from deployer_lib.errors import UsageError
from deployer_lib.places import HOME_VARIABLE
from deployer_lib.runbook.notebooks import choose, packaged_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

_COPIES: Final = PurePosixPath(".deployer/lab")
_SOURCES: Final = ".sources.json"  # digest of the source that each copy was made from
_ANNOUNCEMENTS: Final = "@jupyterlab/apputils-extension:announcements"
_READ_ONLY: Final = frozenset({"runbooks", "outputs"})


class Copies(AsyncLargeFileManager):
    """Serve the folder, and refuse to write where runbooks and records lie."""

    def _refuse(self, path: str) -> None:
        first = PurePosixPath(path.strip("/")).parts[:1]
        if first and first[0] in _READ_ONLY:
            raise HTTPError(403, f"{first[0]}/ is read-only here: work on the copies in {_COPIES}/.")

    async def save(self, model: dict[str, Any], path: str = "") -> Any:  # noqa: ANN401  (jupyter_server's)
        """Save a file outside the runbooks and the records."""
        self._refuse(path)
        return await super().save(model, path)  # type: ignore[no-untyped-call]

    async def delete_file(self, path: str) -> None:
        """Delete a file outside the runbooks and the records."""
        self._refuse(path)
        await super().delete_file(path)  # type: ignore[no-untyped-call]

    async def rename_file(self, old_path: str, new_path: str) -> None:
        """Rename a file outside the runbooks and the records."""
        self._refuse(old_path)
        self._refuse(new_path)
        await super().rename_file(old_path, new_path)  # type: ignore[no-untyped-call]


def refresh(folder: Path, sources: Iterable[Path]) -> list[Path]:
    """Copy each notebook whose source changed since its copy was made; a person's older copy is kept beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    known_path = folder / _SOURCES
    known: dict[str, str] = json.loads(known_path.read_text(encoding="utf-8")) if known_path.exists() else {}
    copies = []
    for source in sources:
        copy, data = folder / source.name, source.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        if not copy.exists() or known.get(source.name) != digest:
            if copy.exists():
                copy.replace(copy.with_suffix(f".before-{digest[:8]}.ipynb"))
            copy.write_bytes(data)
            known[source.name] = digest
        copies.append(copy)
    known_path.write_text(json.dumps(known, indent=1), encoding="utf-8")
    return copies


def _home() -> Path:
    """Return the folder that holds parameters/: DEPLOYER_HOME, else the checkout."""
    return Path(os.environ.get(HOME_VARIABLE) or packaged_folder().parent).resolve()


def _config(home: Path, start_at: str, port: int, *, browser: bool) -> Config:
    config = Config()
    server, lab = config.ServerApp, config.LabApp
    server.root_dir = str(home)
    server.ip, server.port, server.port_retries = "127.0.0.1", port, 50
    server.open_browser = browser
    server.answer_yes = True  # the first Ctrl-C ends it
    server.allow_root = True  # in a container everybody is; it listens on loopback alone, behind a token
    server.contents_manager_class = Copies
    server.log_level = lab.log_level = "WARN"
    server.tornado_settings = {"page_config_hook": _without_news}
    config.ContentsManager.allow_hidden = True  # the copies lie in .deployer/
    lab.default_url = f"/lab/tree/{start_at}"
    lab.extension_manager = "readonly"
    lab.news_url = None
    lab.check_for_updates_class = "jupyterlab.handlers.announcements.NeverCheckForUpdate"
    if sys.platform == "linux":  # over TCP every local process may read a kernel's outputs
        config.KernelManager.transport = "ipc"
    return config


def _without_news(_handler: object, page: dict[str, Any]) -> dict[str, Any]:
    """Leave out the extension that asks whether it may fetch Jupyter's news."""
    return {**page, "disabledExtensions": [*page.get("disabledExtensions", ()), _ANNOUNCEMENTS]}


def _has_browser() -> bool:
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def _sources(home: Path, run: Path | None) -> tuple[PurePosixPath, list[Path]]:
    """Return the folder of the copies and what they are copies of: the runbooks, or a run's executed notebooks."""
    if run is None:
        return _COPIES, [notebook.path for notebook in choose(home)]
    notebooks = sorted(run.resolve().glob("[0-9][0-9]_*.ipynb"))
    if not notebooks:
        raise UsageError(f"{run} holds no executed notebook.", hint="deployer list names the runs.")
    return _COPIES / run.resolve().name, notebooks


def _announce(url: str, folder: Path) -> None:
    """Print the address once it answers."""
    sys.stdout.write(f"{url}\nCopies lie in {folder}; Ctrl-C ends this.\n")
    sys.stdout.flush()


def main() -> None:
    """Copy, print the address, and serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description="Open JupyterLab on copies of the runbooks.")
    parser.add_argument("--run", type=Path, help="a run's folder: open copies of its executed notebooks")
    parser.add_argument("--port", type=int, default=8888, help="0 takes a free one")
    parser.add_argument("--no-browser", action="store_true", help="print the address only")
    chosen = parser.parse_args()
    home = _home()
    try:
        below, sources = _sources(home, chosen.run)
    except UsageError as error:
        sys.exit(f"lab: {error}")
    refresh(home / below, sources)
    # Short, private, and gone at the end: sockets' paths are limited to some hundred characters.
    runtime = tempfile.mkdtemp(prefix="deployer-lab-")
    os.environ |= {"JUPYTER_RUNTIME_DIR": runtime, HOME_VARIABLE: str(home)}
    browser = not chosen.no_browser and _has_browser()
    try:
        app = LabApp.initialize_server(
            argv=[], config=_config(home, str(below / sources[0].name), chosen.port, browser=browser)
        )
        IOLoop.current().add_callback(_announce, app.display_url.splitlines()[0].strip(), home / below)
        app.start()
    finally:
        shutil.rmtree(runtime, ignore_errors=True)


if __name__ == "__main__":
    main()

"""papermill's engine and files, as a run needs them: ipc, whole files only, a stop button, and checks as they end."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, papermill_engines
from papermill.iorw import papermill_io
from traitlets.config import Config

from deployer_lib.check import CHECKS_MIME
from deployer_lib.runbook.kernels import WarmManager

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from deployer_lib.runbook.kernels import WarmKernels

__all__ = ["ENGINE", "Stop", "execute", "remove_banners", "whole_files"]

ENGINE: Final = "deployer"
_IOPUB_TIMEOUT_S: Final = 120  # a load test may starve the kernel for longer than nbclient's four seconds
_GRACE_S: Final = 25.0
_BANNER: Final = "papermill-error-cell-tag"
_EXPECTED: Final = frozenset({"PhaseBlocked", "PhaseUndecided"})


class Stop:
    """The stop button of a run: interrupts the kernel, and ends it when it does not listen."""

    def __init__(self) -> None:
        self.pressed = threading.Event()
        self._pid: int | None = None
        self._lock = threading.RLock()  # a signal may press while its own thread watches

    def watch(self, pid: int | None) -> None:
        """Remember which kernel runs; None when there is none."""
        with self._lock:
            self._pid = pid

    def press(self) -> None:
        """Interrupt the kernel that runs, and end it after a grace."""
        again = self.pressed.is_set()
        self.pressed.set()
        with self._lock:
            pid = self._pid
        if pid is None:
            return
        _send(pid, signal.SIGINT)
        if not again:
            timer = threading.Timer(_GRACE_S, self._end, (pid,))
            timer.daemon = True
            timer.start()

    def _end(self, pid: int) -> None:
        with self._lock:
            still = self._pid == pid
        if still:
            _send(pid, signal.SIGKILL)


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


class _Client(PapermillNotebookClient):  # type: ignore[misc]  # papermill ships no types
    """Tell of checks as they end, and stop between cells when asked to."""

    stop: Stop
    kernels: WarmKernels | None
    on_message: Callable[[dict[str, Any]], None]

    def create_kernel_manager(self) -> object:
        manager = super().create_kernel_manager()
        manager.kernels = self.kernels
        return manager

    def papermill_execute_cells(self) -> None:
        self.stop.watch(getattr(self.km.provisioner, "pid", None))
        try:
            if not self.stop.pressed.is_set():
                super().papermill_execute_cells()
        finally:
            self.stop.watch(None)

    def execute_cell(self, cell: object, cell_index: int, **options: object) -> object:
        """Leave out what comes after the stop: a kernel between two cells does not hear an interrupt."""
        if self.stop.pressed.is_set():
            return cell
        return super().execute_cell(cell, cell_index, **options)

    def process_message(self, msg: dict[str, Any], cell: object, cell_index: int) -> object:
        output = super().process_message(msg, cell, cell_index)
        if msg["msg_type"] in {"display_data", "update_display_data"}:
            self.on_message(msg["content"]["data"])
        return output


class _Engine(Engine):  # type: ignore[misc]  # papermill ships no types
    """Execute a notebook over ipc in a private folder."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: object,
        kernel_name: str,
        *,
        stop: Stop,
        kernels: WarmKernels | None,
        on_message: Callable[[dict[str, Any]], None],
        sockets: str,
        environment: Mapping[str, str],
        start_timeout: int = 60,
        **_unused: object,
    ) -> object:
        connection = str(Path(sockets) / f"k{os.getpid()}.json")
        config = Config({"KernelManager": {"transport": "ipc", "connection_file": connection}})
        client = _Client(
            nb_man,
            kernel_name=kernel_name,
            startup_timeout=start_timeout,
            timeout=None,
            iopub_timeout=_IOPUB_TIMEOUT_S,
            config=config,
            kernel_manager_class=WarmManager,
        )
        client.stop, client.on_message, client.kernels = stop, on_message, kernels
        return client.execute(env={**os.environ, **environment})


class _WholeFiles:
    """Write a notebook beside the old one and rename it, so that a full disk or a kill leaves the last good copy."""

    def read(self, path: str) -> str:
        return Path(path).read_text(encoding="utf-8")

    def listdir(self, path: str) -> list[str]:
        return sorted(str(entry) for entry in Path(path).iterdir())

    def write(self, buffer: str, path: str) -> None:
        fresh = Path(f"{path}.part")
        fresh.write_text(buffer, encoding="utf-8")
        fresh.replace(path)

    def pretty_path(self, path: str) -> str:
        return path


def whole_files(prefix: str) -> None:
    """Let papermill write files below this prefix by renaming whole ones into place."""
    papermill_io.register(prefix, _WholeFiles())


def remove_banners(path: Path) -> None:
    """Take papermill's banners about an exception out of a notebook whose phase ended as it should.

    A finding that blocks ends the last cell with one line; "An Exception was encountered" above the title would say
    that the notebook crashed.
    """
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return  # what was not written whole is read, and told, later
    errors = {
        o["ename"]
        for cell in notebook["cells"]
        for o in cell.get("outputs", ())
        if o["output_type"] == "error"
    }
    if not errors or not errors <= _EXPECTED:
        return
    kept = [cell for cell in notebook["cells"] if _BANNER not in cell["metadata"].get("tags", ())]
    if len(kept) < len(notebook["cells"]):
        _WholeFiles().write(
            json.dumps({**notebook, "cells": kept}, ensure_ascii=False, indent=1) + "\n", str(path)
        )


def execute(
    source: str,
    output: str,
    parameters: Mapping[str, object],
    *,
    stop: Stop,
    kernels: WarmKernels | None,
    sockets: Path,
    environment: Mapping[str, str],
    on_checks: Callable[[list[dict[str, Any]]], None],
    on_progress: Callable[[str], None],
) -> None:
    """Execute one notebook; its outcome is what the notebook holds, not what papermill raises.

    Args:
        source: notebook, relative to the working folder.
        output: where the executed one goes, relative too.
        parameters: values for its parameters cell.
        stop: the run's stop button.
        kernels: where kernels come from; None starts them as Jupyter does.
        sockets: private folder for the kernel's sockets.
        environment: environment variables of the kernel, besides this process's.
        on_checks: called with the checks (as JSON) of each check that ended.
        on_progress: called with one line on what happens just now.

    Raises:
        papermill.exceptions.PapermillExecutionError: a cell raised.
        nbclient.exceptions.DeadKernelError: the kernel died.
    """
    from papermill.execute import execute_notebook  # noqa: PLC0415  (0.4 s)

    def on_message(data: dict[str, Any]) -> None:
        payload = data.get(CHECKS_MIME)
        if isinstance(payload, dict):
            if not payload["closed"]:
                on_checks(payload["checks"])
        elif set(data) == {"text/plain", "text/markdown"}:
            on_progress(str(data["text/plain"]))

    papermill_engines.register(ENGINE, _Engine)
    execute_notebook(
        source,
        output,
        parameters=dict(parameters),
        engine_name=ENGINE,
        kernel_name="python3",
        language="python",  # a notebook of a team may not say so
        progress_bar=False,
        stop=stop,
        kernels=kernels,
        on_message=on_message,
        sockets=str(sockets),
        environment=environment,
    )

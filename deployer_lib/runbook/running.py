"""Run the notebooks of an environment from preflight to the sealed record."""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from deployer_lib.check import Verdict
from deployer_lib.errors import DeployerError, RecordError, UsageError
from deployer_lib.notebooks import keeps_inputs
from deployer_lib.parameters.reader import load
from deployer_lib.places import HOME_VARIABLE, Places, RunSetting, new_run_id
from deployer_lib.probes.making import now_iso
from deployer_lib.redaction import Redactor
from deployer_lib.redaction_kernel import TokenFile
from deployer_lib.runbook.about import about_run
from deployer_lib.runbook.engine import Stop, execute, remove_banners, whole_files
from deployer_lib.runbook.kernels import WarmKernels
from deployer_lib.runbook.notebooks import REPORT, Notebook, choose
from deployer_lib.runbook.publishing import publish
from deployer_lib.runbook.resuming import resume
from deployer_lib.runbook.sealing import commit, link_latest, write_about, write_reports
from deployer_lib.runbook.signals import heard
from deployer_lib.runbook.standing import stop_target, sweep_leftovers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from deployer_lib.parameters.reader import Loaded

__all__ = ["Finished", "Listener", "RunRequest", "run"]

EXIT_CODES: Final = {Verdict.GO: 0, Verdict.NO_GO: 1, Verdict.UNDECIDED: 3}
EXIT_INTERRUPTED: Final = 130


class Listener(Protocol):
    """What a terminal or a log is told while a run goes on."""

    def begin(self, run: str, environment: str, phases: list[str], budget_s: float) -> None:
        """Say that a run begins."""

    def phase(self, name: str) -> None:
        """Say that a phase begins."""

    def checks(self, checks: list[dict[str, Any]]) -> None:
        """Say how checks ended."""

    def progress(self, text: str) -> None:
        """Say what happens just now."""

    def note(self, text: str) -> None:
        """Say something of the run itself."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a person asked for."""

    root: Path
    environment: str
    overrides: Mapping[str, object] = field(default_factory=dict)  # nested, as the parameters cell takes them
    phases: tuple[str, ...] = ()
    trigger: str = "manual"
    outputs: Path | None = None
    history: Path | None = None
    resume: bool = False


@dataclass(frozen=True, slots=True)
class Finished:
    """How a run ended."""

    exit_code: int
    results: dict[str, Any]
    run_dir: Path
    log: str  # DEPLOYMENT_LOG.md


def run(request: RunRequest, listener: Listener) -> Finished:
    """Run the notebooks, write the reports, seal the record, and publish the two files.

    Raises:
        UsageError: parameters or arguments are wrong; nothing was touched.
        RecordError: not even the first notebook kept its inputs.
        KeyboardInterrupt: it was interrupted before that.
    """
    loaded = load(request.root, request.environment, injected=request.overrides)
    notebooks = choose(request.root, request.phases)
    places = Places.of(request.root, loaded.parameters.environment, request.outputs)
    places.make()
    redactor = Redactor()
    for secret in loaded.secrets():
        redactor.add(secret.resolve(root=places.root, made=places.made), name=secret.reference)
    with _alone(places):
        for line in sweep_leftovers(places):
            listener.note(line)
        return _Run(request, loaded, places, notebooks, listener, redactor).whole()


@contextmanager
def _alone(places: Places) -> Iterator[None]:
    """Hold the environment's lock: one run of it at a time."""
    path = places.state / "run.lock"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise UsageError(
                f"Another run of {places.environment} is under way (process {file.read().strip() or 'unknown'}).",
                hint="Wait for it, or stop it with Ctrl-C.",
            ) from None
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield


class _Run:
    """One run, from its folder to its seal."""

    def __init__(
        self,
        request: RunRequest,
        loaded: Loaded,
        places: Places,
        notebooks: list[Notebook],
        listener: Listener,
        redactor: Redactor,
    ) -> None:
        self.request, self.loaded, self.places = request, loaded, places
        self.notebooks, self.listener, self.redactor = notebooks, listener, redactor
        self.stop = Stop()
        self.remaining = tuple(notebooks)
        self.setting = self._setting()
        self.run_dir = Path(self.setting.run_dir)
        self.kernels: WarmKernels | None = None
        self.finishing = False  # no notebook is executed any more
        self.kernel_ends: dict[str, str] = {}  # notebook → how papermill says that it ended

    def _setting(self) -> RunSetting:
        planned = tuple(n.phase for n in self.notebooks if n.phase != REPORT)
        run, run_dir, first = new_run_id(), None, planned[0] if planned else "preflight"
        if self.request.resume:
            resumed = resume(self.places, self.notebooks)
            run, run_dir, first, self.remaining = (
                resumed.run,
                resumed.run_dir,
                resumed.first,
                resumed.remaining,
            )
        return RunSetting(
            run,
            str(run_dir or self.places.records / run),
            mode="batch",
            trigger=self.request.trigger,
            started_at=now_iso(),
            first=first,
            planned=planned,
            outputs=str(self.places.outputs),
            history=str(self.request.history.resolve()) if self.request.history else "",
        )

    def whole(self) -> Finished:
        with heard(self._press):
            return self._whole()

    def _whole(self) -> Finished:
        self.run_dir.mkdir(parents=True, exist_ok=self.request.resume)
        os.chdir(self.places.root)
        whole_files(os.path.relpath(self.run_dir, self.places.root))
        phases = [n.phase for n in self.notebooks]
        self.listener.begin(
            self.setting.run, self.places.environment, phases, self.loaded.parameters.budget_s
        )
        self.kernels = WarmKernels.open()
        try:
            for notebook in self.remaining:
                if self.stop.pressed.is_set():
                    break
                self._execute(notebook)
                remove_banners(self.run_dir / notebook.name)
                self._see_to_inputs(notebook)
            self.finishing = True
            return self._finish()
        finally:
            if self.kernels is not None:
                self.kernels.close()
            TokenFile(self.places.runtime).remove()
            shutil.rmtree(self.places.state / "scratch", ignore_errors=True)

    def _execute(self, notebook: Notebook) -> None:
        self.listener.phase(notebook.phase)
        root = self.places.root
        try:
            execute(
                os.path.relpath(notebook.path, root),
                os.path.relpath(self.run_dir / notebook.name, root),
                {"environment": self.places.environment, **self.request.overrides},
                stop=self.stop,
                kernels=self.kernels,
                sockets=self.places.runtime,
                environment={**self.setting.to_environment(), HOME_VARIABLE: str(root)},
                on_checks=self.listener.checks,
                on_progress=self.listener.progress,
            )
            self.kernel_ends[notebook.name] = "ended"
        except Exception as error:  # noqa: BLE001  (papermill's, nbclient's and zmq's own; what counts is what the notebook holds)
            name = type(error).__name__
            self.kernel_ends[notebook.name] = (
                "a cell raised" if name == "PapermillExecutionError" else f"{name}: {error}"
            )

    def _see_to_inputs(self, notebook: Notebook) -> None:
        """Let the next phase keep the run's inputs where this one ended before it did."""
        if notebook.phase == self.setting.first and not keeps_inputs(self.run_dir / notebook.name):
            following = self.remaining[self.remaining.index(notebook) + 1 :]
            if following:
                self.setting = replace(self.setting, first=following[0].phase)

    def _press(self) -> None:
        first = "" if self.finishing else "the kernel is asked to end, then "
        self.listener.note(f"interrupted: {first}the record is written")
        self.stop.press()

    def _finish(self) -> Finished:
        aborted = self.stop.pressed.is_set()
        if aborted or self.loaded.parameters.deploy.stop_after:
            self._stop_target(aborted=aborted)
        for name, value in TokenFile(self.places.runtime).load():
            self.redactor.add(value, name=name)
        try:
            sealed = write_reports(
                self.run_dir,
                self.places.state / "withheld" / self.setting.run,
                self.redactor,
                aborted=aborted,
            )
        except RecordError as error:
            if aborted:
                self._write_about((), aborted=True)
                raise KeyboardInterrupt from error
            raise RecordError(
                f"The run left no record that a report can be made of: {error.message}",
                hint=f"See {os.path.relpath(self.run_dir, self.places.root)}; {error.hint}",
            ) from error
        results = sealed.reports.results
        self._write_about(sealed.withheld, aborted=aborted)
        if not aborted:
            commit(self.run_dir)
            link_latest(self.run_dir)
        for line in publish(self.places, self.loaded, sealed.record, sealed.reports.log):
            self.listener.note(line)
        exit_code = EXIT_INTERRUPTED if aborted else EXIT_CODES[sealed.reports.verdict]
        return Finished(exit_code, results, self.run_dir, sealed.reports.log)

    def _stop_target(self, *, aborted: bool) -> None:
        """Stop the application; what stands in the way of that is told, and costs no record."""
        try:
            stop_target(self.places, self.loaded, self.setting, only_own=aborted)
        except DeployerError as error:
            self.listener.note(f"the application was not stopped: {error.message}")

    def _write_about(self, withheld: Sequence[str], *, aborted: bool) -> None:
        about = about_run(
            self.setting, self.notebooks, self.run_dir, self.kernel_ends, withheld, aborted=aborted
        )
        write_about(self.run_dir, about)

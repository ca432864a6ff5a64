"""Target kind ``process``: the application runs on this machine, under a supervisor, and we start it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from deployer_lib import platform
from deployer_lib.app.copies import start_copy
from deployer_lib.app.handover import Live, deployed_anew, read_live, update_live
from deployer_lib.app.http import Http
from deployer_lib.app.recipe import (
    HOST,
    Recipe,
    Release,
    Releases,
    named,
    read_releases,
    write_releases,
)
from deployer_lib.app.starting import (
    NotReady,
    allow_host,
    end_earlier,
    foreign_holder,
    read_from,
    wait_ready,
)
from deployer_lib.app.steps import run_step
from deployer_lib.app.supervisor import Spec, Supervised, find, start, stop
from deployer_lib.app.surroundings import fill
from deployer_lib.app.target import Artifact, Deployment, Instance, LogLine
from deployer_lib.catalogue import Effect
from deployer_lib.errors import ProcessError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from deployer_lib.app.http import Answer
    from deployer_lib.app.target import RunningCopy, StepDone
    from deployer_lib.guard import Guard
    from deployer_lib.parameters.model import Parameters, Step

__all__ = ["ProcessTarget"]


@dataclass(slots=True)
class _Attempt:
    """A deployment or a rollback while it is being made."""

    releases: Releases
    port: int
    values: Mapping[str, str]
    progress: Callable[[str], None]
    started: float = field(default_factory=time.monotonic)
    steps: list[StepDone] = field(default_factory=list)
    log_offset: int = 0  # bytes in the log before the start
    printed_offset: int = 0  # bytes in what the process had printed before it

    def ended(
        self,
        message: str,
        *,
        ok: bool = False,
        base_url: str = "",
        output: str = "",
        exit_code: int | None = None,
    ) -> Deployment:
        took_s = time.monotonic() - self.started
        return Deployment(ok, message, tuple(self.steps), base_url, output, exit_code, took_s)


@dataclass(slots=True)
class ProcessTarget:
    """An application that is started here, from an environment's ``deploy`` section."""

    parameters: Parameters
    guard: Guard
    root: Path  # folder that holds parameters/
    outputs: Path  # of the environment: live.json
    state: Path  # of the environment, never published
    run: str  # run id, empty for ``deployer up``
    project: Path  # the working copy
    accepts: Callable[[Answer], bool] | None = None  # what deploy.ready.expect says of an answer
    kind: str = field(default="process", init=False)

    @property
    def recipe(self) -> Recipe:
        """Return how the process is started."""
        return Recipe(self.parameters, self.root, self.state, self.project)

    @property
    def ledger(self) -> Path:
        """Return the supervisor's ledger of the target (copies have their own)."""
        return self.state / "supervisor" / "target.ledger.json"

    def base_url(self) -> str:
        """Return the declared address, else that of the process that runs."""
        if self.parameters.deploy.address:
            return self.parameters.deploy.address.rstrip("/")
        live = read_live(self.outputs)
        if live is not None and live.base_url:
            return live.base_url
        if self.parameters.deploy.port:
            return f"http://{HOST}:{self.parameters.deploy.port}"
        raise Unavailable(
            "The application was not deployed yet, so its address is not known.", hint="Run 03."
        )

    def instances(self) -> list[Instance]:
        """Return the one process, running or not."""
        supervised, live = self._supervised(), read_live(self.outputs)
        ledger = supervised.ledger()
        pid, address = ledger.process.pid if ledger.process else None, live.base_url if live else ""
        listening = platform.listening_of(live.port, supervised.tree()) if live and live.port else frozenset()
        return [Instance(ledger.name, ledger.running(), address, pid, ledger.started_at, listening)]

    def artifact(self) -> Artifact:
        """Return what was put in place last."""
        releases = self._releases()
        if releases.current is None:
            raise Unavailable("Nothing was deployed from here yet.", hint="Run 03.")
        return releases.current.artifact

    def previous(self) -> Artifact | None:
        """Return what was in place before."""
        before = self._releases().previous
        return before.artifact if before else None

    def logs(self, since: int = 0) -> list[LogLine]:
        """Return lines of the declared log file, else of what the process printed."""
        live = read_live(self.outputs)
        if live is None or not live.log_path:
            raise Unavailable("The application was not deployed yet, so it has no log.", hint="Run 03.")
        path = Path(live.log_path)
        lines = read_from(path, live.log_offset).splitlines()
        return [LogLine(text, path.name, number) for number, text in enumerate(lines, 1)][since:]

    def restarts(self) -> int:
        """Return how often the supervisor started it again."""
        return self._supervised().ledger().restarts

    def variable_names(self) -> frozenset[str]:
        """Return the declared names whose values are not empty."""
        values = self.recipe.values(self._releases(), self.parameters.deploy.port)
        return frozenset(name for name, value in self.recipe.variables(values).items() if value)

    def deploy(self, artifact: Artifact | None, path: str, progress: Callable[[str], None]) -> Deployment:
        """Run the steps, stop what ran before, start, and wait until it is up."""
        self.guard.permit_effect(Effect.DISRUPT, "Deploying the application")
        label = self.parameters.version
        release = Release(artifact or Artifact(self.parameters.project.name, "", version=label), path)
        if not release.artifact.version:
            release = replace(release, artifact=replace(release.artifact, version=label))
        attempt = self._attempt(self._releases().following(release), progress)
        if refusal := self._port_refusal(attempt.port):
            return attempt.ended(refusal)
        write_releases(self._releases_path, attempt.releases)
        return self._carry_out(attempt, self.parameters.deploy.steps)

    def rollback(self, progress: Callable[[str], None]) -> Deployment:
        """Run the rollback's steps, start again, and wait until it is up."""
        self.guard.permit_effect(Effect.DISRUPT, "Rolling the application back")
        steps, releases = self.parameters.deploy.rollback.steps, self._releases()
        if not steps:
            raise Unavailable("deploy.rollback.steps is not declared.", hint="Declare how to go back.")
        if releases.previous is None:
            raise Unavailable("There is no earlier release to go back to.")
        attempt = self._attempt(releases, progress)
        if refusal := self._port_refusal(attempt.port):
            return attempt.ended(refusal)
        for step in steps:
            if failure := self._step(step, attempt):
                return attempt.ended(failure)
        back = Releases(releases.previous)
        attempt.releases, attempt.values = back, self.recipe.values(back, attempt.port)
        return self._carry_out(attempt, ())

    def copy(self, name: str, variables: Mapping[str, str | None]) -> AbstractContextManager[RunningCopy]:
        """Start a diagnostic copy; see :meth:`Target.copy <deployer_lib.app.target.Target.copy>`."""
        self.guard.permit_effect(Effect.DISRUPT, "Starting a diagnostic copy")
        return start_copy(
            self.recipe,
            self._releases(),
            self.guard,
            name=name,
            changes=variables,
            run=self.run,
            accepts=self.accepts,
        )

    def stop(self) -> None:
        """Stop the process with everything that belongs to it; live.json goes with it."""
        if find(self.ledger) is None:
            return
        self.guard.permit_effect(Effect.DISRUPT, "Stopping the application")
        stop(self.ledger)
        update_live(self.outputs, lambda _: None)

    @property
    def _releases_path(self) -> Path:
        return self.state / "releases.json"

    def _releases(self) -> Releases:
        return read_releases(self._releases_path)

    def _supervised(self) -> Supervised:
        found = find(self.ledger)
        if found is None:
            raise Unavailable("The application was not started from here.", hint="Run 03.")
        return found

    def _attempt(self, releases: Releases, progress: Callable[[str], None]) -> _Attempt:
        self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        port = self.parameters.deploy.port or self._usual_port() or platform.free_port()
        return _Attempt(releases, port, self.recipe.values(releases, port), progress)

    def _usual_port(self) -> int:
        """Return the port that it had before, where it can have it again."""
        live = read_live(self.outputs)
        return live.port if live and live.port and not foreign_holder(live.port, self._own()) else 0

    def _own(self) -> set[int]:
        supervised, live = find(self.ledger), read_live(self.outputs)
        own = {process.pid for process in supervised.tree()} if supervised else set()
        if live is not None and live.pid and live.boot_id == platform.boot_id():
            process = platform.ProcessId(live.pid, live.pid_created).process()
            if process is not None:
                own |= {process.pid, *(below.pid for below in platform.descendants(process.pid))}
        return own

    def _port_refusal(self, port: int) -> str:
        holder = foreign_holder(port, self._own())
        return f"Port {port} is held by {holder}, which this environment did not start." if holder else ""

    def _carry_out(self, attempt: _Attempt, steps: Sequence[Step]) -> Deployment:
        for step in steps:
            if failure := self._step(step, attempt):
                return attempt.ended(failure)
        if self.parameters.deploy.start is None:
            return self._succeeded(attempt, None)
        attempt.progress("stopping what ran before")
        before = read_live(self.outputs)
        if before is not None and before.base_url:  # until the new one is up, nothing is deployed
            update_live(self.outputs, lambda old: replace(old, base_url="", pid=0))
        if holder := end_earlier(self.ledger, before, attempt.port):
            return attempt.ended(
                f"Port {attempt.port} is held by {holder}, after the process that ran was stopped."
            )
        return self._start(attempt)

    def _step(self, step: Step, attempt: _Attempt) -> str:
        done, failure = run_step(self.recipe, step, attempt.values, attempt.progress)
        attempt.steps.append(done)
        return failure

    def _start(self, attempt: _Attempt) -> Deployment:
        deploy, recipe = self.parameters.deploy, self.recipe
        argv = deploy.start or []
        log = self.state / "logs" / "process.log"
        attempt.log_offset, attempt.printed_offset = _size(self._log_place(attempt.values)), _size(log)
        attempt.progress(f"starting {' '.join(recipe.shown(argv, attempt.values))}")
        try:
            supervised = start(
                Spec(
                    name=self.parameters.project.name or "application",
                    argv=recipe.argv(argv, attempt.values),
                    shown=recipe.shown(argv, attempt.values),
                    cwd=self.project,
                    env=recipe.process_environment(recipe.variables(attempt.values)),
                    log=log,
                    ledger=self.ledger,
                    restart=deploy.restart,
                    stop_timeout_s=deploy.stop_timeout_s,
                )
            )
        except ProcessError as error:
            return attempt.ended(error.message)
        return self._settle(attempt, supervised, log)

    def _settle(self, attempt: _Attempt, supervised: Supervised, log: Path) -> Deployment:
        deploy = self.parameters.deploy
        base_url = deploy.address.rstrip("/") or f"http://{HOST}:{attempt.port}"
        attempt.progress(f"waiting for {deploy.ready.path} at {base_url}")
        http = Http(self.guard, base_url, run=self.run or "up")
        try:
            with allow_host(self.guard, base_url):
                wait_ready(
                    supervised,
                    http,
                    self.guard,
                    deploy.ready,
                    within_s=deploy.ready.within_s,
                    accepts=self.accepts,
                )
            self._whose(attempt.port, supervised)
        except NotReady as error:
            supervised.stop()
            output = read_from(log, attempt.printed_offset)
            return attempt.ended(
                self._why(error.message, attempt.port), output=output, exit_code=error.exit_code
            )
        finally:
            http.close()
        self.guard.hosts.add((HOST, attempt.port))
        return self._succeeded(attempt, supervised, base_url, read_from(log, attempt.printed_offset))

    def _whose(self, port: int, supervised: Supervised) -> None:
        """Make sure that it was our process that answered."""
        holders, tree = platform.listeners(port), {process.pid for process in supervised.tree()}
        if not holders:
            raise NotReady(f"something answered, but nothing listens on port {port}")
        if not tree & set(holders):
            raise NotReady(
                f"the answers came from {foreign_holder(port, tree)}, not from the process that was started"
            )

    def _why(self, message: str, port: int) -> str:
        blind = not self.recipe.names_port() and not self.parameters.deploy.port
        hint = f" (it was never told its port: write {{port}}, here {port}, in deploy.start or a variable)"
        return f"The application did not come up: {message}{hint if blind else ''}."

    def _succeeded(
        self, attempt: _Attempt, supervised: Supervised | None, base_url: str = "", output: str = ""
    ) -> Deployment:
        releases = attempt.releases.succeeded()
        write_releases(self._releases_path, releases)
        update_live(self.outputs, lambda old: self._live(old, attempt, supervised, base_url))
        took = "is up" if supervised else "was put in place"
        return attempt.ended(f"The application {took}.", ok=True, base_url=base_url, output=output)

    def _live(self, old: Live, attempt: _Attempt, supervised: Supervised | None, base_url: str) -> Live:
        current, previous = attempt.releases.current, attempt.releases.previous
        new = replace(
            deployed_anew(old),
            run=self.run or old.run,
            environment=self.parameters.environment,
            artifact=named(current),
            artifact_path=current.path if current else "",
            version=current.artifact.version if current else "",
            base_url=base_url or self.parameters.deploy.address.rstrip("/"),
            previous=named(previous),
        )
        if supervised is None:  # nothing runs: files were put in place
            return replace(new, pid=0, supervisor_pid=0, started_at="")
        ledger = supervised.ledger()
        return replace(
            new,
            port=attempt.port,
            pid=ledger.process.pid if ledger.process else 0,
            pid_created=ledger.process.created if ledger.process else 0.0,
            boot_id=ledger.boot,
            supervisor_pid=ledger.supervisor.pid if ledger.supervisor else 0,
            log_path=str(self._log_place(attempt.values)),
            log_offset=attempt.log_offset,
            started_at=ledger.started_at,
        )

    def _log_place(self, values: Mapping[str, str]) -> Path:
        """Return the declared log file, else that of what the process prints."""
        declared = self.parameters.health.logs.path if self.parameters.health.logs else ""
        return self.project / fill(declared, values) if declared else self.state / "logs" / "process.log"


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0

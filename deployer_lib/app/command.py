"""Target kind ``command``: one declared command a capability, for whatever runs the application elsewhere.

kubectl, compose, systemctl and ssh fit behind it. Answers are one JSON document on standard output, and are checked;
a capability without a command is unavailable.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from deployer_lib.app.commands import run_command
from deployer_lib.app.handover import Live, deployed_anew, read_live, update_live
from deployer_lib.app.recipe import Recipe, Release, Releases, named, read_releases, write_releases
from deployer_lib.app.steps import run_step
from deployer_lib.app.target import Artifact, Deployment, Instance, LogLine, StepDone
from deployer_lib.catalogue import Effect
from deployer_lib.errors import ProcessError, Unavailable, UsageError
from deployer_lib.parameters.model import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from deployer_lib.app.target import RunningCopy
    from deployer_lib.guard import Guard
    from deployer_lib.parameters.model import Parameters
    from deployer_lib.secret import Secret

__all__ = ["CommandTarget"]

_T = TypeVar("_T")


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)


class _Instance(_Answer):
    name: str
    running: bool
    address: str = ""


class _Artifact(_Answer):
    name: str = ""
    digest: str = ""
    commit: str = ""
    version: str = ""


@dataclass(slots=True)
class CommandTarget:
    """An application that declared commands know how to reach."""

    parameters: Parameters
    guard: Guard
    root: Path  # folder that holds parameters/; commands run here
    outputs: Path  # of the environment: live.json
    state: Path  # of the environment, never published
    run: str  # run id
    project: Path  # the working copy
    kind: str = field(default="command", init=False)

    def base_url(self) -> str:
        """Return the declared address.

        Raises:
            UsageError: there is none.
        """
        if not self.parameters.deploy.address:
            raise UsageError("deploy.address is not declared.", hint="Write the base URL that users reach.")
        return self.parameters.deploy.address.rstrip("/")

    def instances(self) -> list[Instance]:
        """Return what ``instances`` prints."""
        found = self._asked("instances", list[_Instance])
        return [Instance(one.name, one.running, one.address) for one in found]

    def artifact(self) -> Artifact:
        """Return what ``artifact`` prints."""
        found = self._asked("artifact", _Artifact)
        return Artifact(found.name, found.digest, found.commit, found.version)

    def logs(self, since: int = 0) -> list[LogLine]:
        """Return the lines that ``logs`` prints, of which ``{since}`` names the first's time."""
        lines = self._run("logs").splitlines()
        return [LogLine(text, "logs", number) for number, text in enumerate(lines, 1)][since:]

    def restarts(self) -> int:
        """Return the number that ``restarts`` prints."""
        return int(self._asked("restarts", int))

    def variable_names(self) -> frozenset[str]:
        """Return the names that ``variables`` prints."""
        return frozenset(self._asked("variables", list[str]))

    def deploy(self, artifact: Artifact | None, path: str, progress: Callable[[str], None]) -> Deployment:
        """Run the declared steps, then ``deploy``."""
        self.guard.permit_effect(Effect.DISRUPT, "Deploying the application")
        self._argv("deploy")
        release = Release(
            artifact or Artifact(self.parameters.project.name, "", version=self.parameters.version), path
        )
        releases = read_releases(self._noted).following(release)
        self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_releases(self._noted, releases)
        return self._deed("deploy", releases, progress)

    def rollback(self, progress: Callable[[str], None]) -> Deployment:
        """Run ``rollback``."""
        self.guard.permit_effect(Effect.DISRUPT, "Rolling the application back")
        self._argv("rollback")
        releases = read_releases(self._noted)
        return self._deed("rollback", releases, progress)

    def previous(self) -> Artifact | None:
        """Return what was deployed from here before."""
        before = read_releases(self._noted).previous
        return before.artifact if before else None

    def copy(self, name: str, variables: Mapping[str, str | None]) -> AbstractContextManager[RunningCopy]:  # noqa: ARG002  (the protocol's)
        """Refuse: there is no command that starts one."""
        self._refuse("copy")

    def stop(self) -> None:
        """Do nothing: what runs elsewhere is not ours to stop."""

    @property
    def _noted(self) -> Path:
        return self.state / "releases.json"

    @property
    def _recipe(self) -> Recipe:
        return Recipe(self.parameters, self.root, self.state, self.project)

    def _argv(self, capability: str) -> list[Secret | str]:
        commands = self.parameters.deploy.commands
        argv = getattr(commands, capability, None) if commands else None
        if not argv:
            self._refuse(capability)
        return list(argv)

    def _values(self, releases: Releases) -> dict[str, str]:
        live = read_live(self.outputs)
        since = live.started_at if live else ""
        return self._recipe.values(releases, 0) | {"since": since or "1970-01-01T00:00:00Z"}

    def _run(self, capability: str) -> str:
        """Run a question's command and return what it printed on standard output."""
        commands, values = self.parameters.deploy.commands, self._values(read_releases(self._noted))
        argv = self._argv(capability)
        with tempfile.TemporaryFile() as errors:
            done = run_command(
                self._recipe.argv(argv, values),
                cwd=self.root,
                env=self._recipe.step_environment(self._recipe.variables(values)),
                timeout_s=commands.timeout_s if commands else 0,
                stderr=errors,
            )
            errors.seek(0)
            said = errors.read().decode("utf-8", "replace").strip()[-2000:]
        if not done.ok:
            how = "took too long" if done.exit_code is None else f"ended with {done.exit_code}"
            # What ``logs`` printed is the application's own text; what a command says of itself stands on stderr.
            printed = "" if capability == "logs" else done.output
            raise ProcessError(
                f"deploy.commands.{capability} {how}: {said or printed.strip()[-500:] or 'nothing on stderr'}",
                output=said or printed,
                exit_code=done.exit_code,
                hint="Run it by hand to see why.",
            )
        return done.output

    def _asked(self, capability: str, shape: type[_T]) -> _T:
        text = self._run(capability)
        try:
            return TypeAdapter(shape).validate_json(text, strict=True)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise ProcessError(
                f"deploy.commands.{capability} printed no valid answer: {place + ': ' if place else ''}{first['msg']}; "
                f"it printed {text[:200]!r}.",
                output=text,
                hint="It must print one JSON document and nothing else on standard output.",
            ) from error

    def _deed(self, capability: str, releases: Releases, progress: Callable[[str], None]) -> Deployment:
        deploy, started = self.parameters.deploy, time.monotonic()
        before = deploy.steps if capability == "deploy" else deploy.rollback.steps
        limit_s = deploy.commands.timeout_s if deploy.commands else 0.0
        deed = Step(name=capability, command=self._argv(capability), timeout_s=limit_s)
        steps: list[StepDone] = []
        for step in (*before, deed):
            done, failure = run_step(self._recipe, step, self._values(releases), progress)
            steps.append(done)
            if failure:
                took_s = time.monotonic() - started
                return Deployment(
                    ok=False, message=failure, steps=tuple(steps), exit_code=done.exit_code, duration_s=took_s
                )
        in_place = releases if capability == "deploy" else Releases(releases.previous)
        write_releases(self._noted, in_place.succeeded())
        update_live(self.outputs, lambda old: self._live(old, in_place))
        took_s = time.monotonic() - started
        message = f"The command {capability} was carried out."
        return Deployment(
            ok=True, message=message, steps=tuple(steps), base_url=self.base_url(), duration_s=took_s
        )

    def _live(self, old: Live, releases: Releases) -> Live:
        current = releases.current
        return replace(
            deployed_anew(old),
            run=self.run or old.run,
            environment=self.parameters.environment,
            artifact=named(current),
            artifact_path=current.path if current else "",
            version=current.artifact.version if current else "",
            base_url=self.base_url(),
            started_at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            previous=named(releases.previous),
        )

    def _refuse(self, capability: str) -> NoReturn:
        raise Unavailable(
            f"deploy.commands.{capability} is not declared.", hint=f"Declare a command for {capability}."
        )

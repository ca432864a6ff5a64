"""The application under release, as probes see it: six questions and two deeds, each of which may be unavailable.

Kinds live beside this file: :mod:`process` (we start it), :mod:`command` (declared commands), :mod:`none` (somebody
else deployed). No probe imports a kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from deployer_lib.guard import Guard
    from deployer_lib.parameters.model import Parameters

__all__ = [
    "Artifact",
    "Deployment",
    "Instance",
    "LogLine",
    "RunningCopy",
    "StepDone",
    "Target",
    "TargetRequest",
]


@dataclass(frozen=True, slots=True)
class Artifact:
    """What is deployed, known by its digest."""

    name: str
    digest: str  # sha256:<hex> of the file, or of the sorted tree
    commit: str = ""
    version: str = ""  # a label


@dataclass(frozen=True, slots=True)
class Instance:
    """One running copy of the application."""

    name: str
    running: bool
    address: str = ""
    pid: int | None = None
    started_at: str = ""  # UTC ISO 8601
    listening: frozenset[str] = (
        frozenset()
    )  # its processes that hold the listening socket, each as pid and start


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the application's log, without its line end."""

    text: str
    source: str  # file or stream it came from
    number: int  # line in that source since the deployment, from 1


@dataclass(frozen=True, slots=True)
class StepDone:
    """One command of a deployment that was carried out."""

    name: str
    command: tuple[str, ...]  # secrets shown as [secure]
    exit_code: int | None  # None: ended by the time limit
    duration_s: float
    output: str  # both streams, the last 20,000 characters


@dataclass(frozen=True, slots=True)
class Deployment:
    """What a deployment or a rollback did."""

    ok: bool
    message: str  # one sentence
    steps: tuple[StepDone, ...] = ()
    base_url: str = ""
    output: str = ""  # what the process printed at its start
    exit_code: int | None = None
    duration_s: float = 0.0


class RunningCopy(Protocol):
    """A diagnostic copy of the application: its own port, its own scratch database, never the target."""

    base_url: str
    pid: int

    def wait_ready(self, within_s: float) -> bool:
        """Wait until the ready path answers as declared; False when it did not in time, or the process ended."""
        ...

    def wait_exit(self, within_s: float) -> int | None:
        """Wait until the process ends and return its exit code (negative: signal), None when it still runs."""
        ...

    def output(self) -> str:
        """Return what it printed so far, both streams."""
        ...

    def lose_database(self) -> None:
        """Take its scratch database away (cut the connection, or spoil the file).

        Raises:
            Unavailable: there is none that can be taken away.
        """
        ...


@runtime_checkable
class Target(Protocol):
    """Questions to, and deeds on, the application under release.

    Every method may raise :class:`~deployer_lib.errors.Unavailable`; the deeds may raise
    :class:`~deployer_lib.errors.NotAllowed`.
    """

    kind: str

    def base_url(self) -> str:
        """Return the address that is asked (``http://127.0.0.1:8000``), without a trailing slash."""
        ...

    def instances(self) -> list[Instance]:
        """Return its running copies."""
        ...

    def artifact(self) -> Artifact:
        """Return what runs."""
        ...

    def logs(self, since: int = 0) -> list[LogLine]:
        """Return log lines since the deployment, leaving out the first ``since``."""
        ...

    def restarts(self) -> int:
        """Return how often it was restarted since the deployment."""
        ...

    def variable_names(self) -> frozenset[str]:
        """Return the names of the variables that are set for it, to other than the empty text."""
        ...

    def deploy(self, artifact: Artifact | None, path: str, progress: Callable[[str], None]) -> Deployment:
        """Deploy the artifact that lies at ``path`` and start the application."""
        ...

    def rollback(self, progress: Callable[[str], None]) -> Deployment:
        """Bring the previous version back."""
        ...

    def previous(self) -> Artifact | None:
        """Return what ran before, where it is known."""
        ...

    def copy(self, name: str, variables: Mapping[str, str | None]) -> AbstractContextManager[RunningCopy]:
        """Start a diagnostic copy with some variables changed (None takes one away), stopped at the block's end.

        It gets a free port, the log variable (``bugs.log_files.variable``) and the database variable
        (``smoke.database.variable``) pointed at scratch places, unless ``variables`` names them.
        """
        ...

    def stop(self) -> None:
        """Stop what we started; nothing where we did not."""
        ...


@dataclass(frozen=True, slots=True)
class TargetRequest:
    """What a target of an installed package is made from: its entry point is a function from this to a target."""

    parameters: Parameters
    guard: Guard  # every deed passes it
    root: Path  # folder that holds parameters/
    records: Path  # outputs/<environment>, where live.json lies
    state: Path  # .deployer/<environment>, never published
    run: str  # run id; empty for ``deployer up``
    workspace: Path  # the working copy of the project

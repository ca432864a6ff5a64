"""Start and stop what an environment declares, outside a run and at a run's end."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from deployer_lib.app.handover import read_live
from deployer_lib.app.ledger import read_ledger
from deployer_lib.app.opening import sweep_leftovers as sweep
from deployer_lib.app.target import Artifact
from deployer_lib.catalogue import Effect
from deployer_lib.check import Outcome
from deployer_lib.errors import DeployerError, NotAllowed, UsageError
from deployer_lib.phase.session import open_session
from deployer_lib.probes.building import build

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from deployer_lib.app.target import Deployment
    from deployer_lib.parameters.reader import Loaded
    from deployer_lib.phase.session import Session
    from deployer_lib.places import Places, RunSetting

__all__ = ["bring_down_environment", "bring_up_environment", "stop_target", "sweep_leftovers"]


def sweep_leftovers(places: Places) -> list[str]:
    """End what a killed run left behind, and say what that was."""
    return sweep(places.state)


def stop_target(places: Places, loaded: Loaded, setting: RunSetting, *, only_own: bool) -> None:
    """Stop the process that the environment declares.

    Args:
        places: of the environment.
        loaded: its parameters.
        setting: of the run that ends.
        only_own: only where this run started it; an interrupted run leaves what it did not start.
    """
    if loaded.parameters.deploy.kind != "process" or (only_own and not _started_by(places, setting)):
        return
    parameters = loaded.parameters
    session = _session(
        places.root, parameters.environment, parameters.confirm, lambda _: None, phase="stop", setting=setting
    )
    try:
        session.context.target.stop()
    finally:
        session.give_back()


def _started_by(places: Places, setting: RunSetting) -> bool:
    """Tell whether a run started what stands: live.json names it, or it was interrupted before that and the ledger does."""
    live, ledger = read_live(places.records), read_ledger(places.state / "supervisor" / "target.ledger.json")
    if live is not None and live.base_url and live.run != setting.run:
        return False  # what stood before still stands
    if ledger is None or not ledger.started_at:
        return False
    return datetime.fromisoformat(ledger.started_at) >= datetime.fromisoformat(setting.started_at) or (
        live is not None and live.run == setting.run
    )


def bring_up_environment(
    root: Path, environment: str, confirm: str, say: Callable[[str], None]
) -> dict[str, Any]:
    """Build, deploy, start, and wait until it is up.

    Raises:
        UsageError: the environment is no process or command that can be started, or does not allow it.
        DeployerError: the build or the deployment could not be begun.
    """
    session = _session(root, environment, confirm, lambda _: None)

    def shown(text: str) -> str:
        return session.redactor.redact_text(text, place="deployer up")

    def tell(text: str) -> None:
        say(shown(text))

    session.context.progress = tell  # what redacts is known only now
    try:
        done = _brought_up(session, tell)
    except NotAllowed as error:
        raise UsageError(error.message, hint=error.hint) from error
    except UsageError:
        raise
    except DeployerError as error:
        raise DeployerError(shown(error.message), hint=shown(error.hint)) from error
    finally:
        session.give_back()
    if not done.ok and done.output:
        tell(done.output)
    message = shown(done.message)
    return {"environment": environment, "ok": done.ok, "message": message, "base_url": done.base_url}


def _brought_up(session: Session, say: Callable[[str], None]) -> Deployment:
    parameters, context = session.parameters, session.context
    if parameters.deploy.kind == "none":
        raise UsageError(f"{parameters.environment} is deployed by somebody else (deploy.kind: none).")
    context.guard.permit_effect(Effect.DISRUPT, "Deploying the application")
    if parameters.build is not None or parameters.artifact is not None:
        for result in build(context):
            if result.outcome is not Outcome.PASS:
                raise DeployerError(result.message, hint=result.root_cause)
            say(result.message)
    live = read_live(session.places.records)
    known = live.artifact if live else {}
    artifact = (
        Artifact(*(known.get(key, "") for key in ("name", "digest", "commit", "version"))) if known else None
    )
    return context.target.deploy(artifact, live.artifact_path if live else "", say)


def bring_down_environment(root: Path, environment: str) -> dict[str, Any]:
    """Stop what ``up`` or a run started.

    Raises:
        UsageError: the environment is not a process that we start.
    """
    session = _session(root, environment, environment, lambda _: None, phase="stop")
    try:
        if session.parameters.deploy.kind != "process":
            raise UsageError(
                f"{environment} was not started from here (deploy.kind: {session.parameters.deploy.kind})."
            )
        session.context.guard.allow |= {Effect.DISRUPT}  # it stops nothing but what this tool started
        running = read_live(session.places.records) is not None
        session.context.target.stop()
        message = f"{environment} is stopped" if running else f"{environment} was not running"
    finally:
        session.give_back()
    return {"environment": environment, "ok": True, "message": message}


def _session(
    root: Path,
    environment: str,
    confirm: str,
    say: Callable[[str], None],
    *,
    phase: str = "build",
    setting: RunSetting | None = None,
) -> Session:
    injected = {"environment": environment, **({"confirm": confirm} if confirm else {})}
    return open_session(phase, injected, say, root=root, setting=setting)

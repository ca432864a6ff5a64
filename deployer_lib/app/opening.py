"""Open an environment's target, of whichever kind; start and stop it outside a run."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from deployer_lib.app.command import CommandTarget
from deployer_lib.app.copies import remove_leftovers
from deployer_lib.app.handover import read_live
from deployer_lib.app.none import NoTarget
from deployer_lib.app.process import ProcessTarget
from deployer_lib.app.supervisor import sweep
from deployer_lib.app.target import Target, TargetRequest
from deployer_lib.errors import UsageError
from deployer_lib.extensions import load_extension
from deployer_lib.guard import host_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from deployer_lib.app.http import Answer
    from deployer_lib.guard import Guard
    from deployer_lib.parameters.model import Parameters

__all__ = ["open_target", "sweep_leftovers"]


def open_target(
    parameters: Parameters,
    guard: Guard,
    *,
    root: Path,
    outputs_env: Path,
    state: Path,
    run: str,
    project_workspace: Path,
    accepts: Callable[[Answer], bool] | None = None,
) -> Target:
    """Return the target that an environment declares.

    The address of a process that we started is made known to the guard; other hosts are declared.

    Args:
        parameters: of the environment.
        guard: every deed passes it.
        root: folder that holds parameters/.
        outputs_env: ``outputs/<environment>``, where live.json lies.
        state: ``.deployer/<environment>``, never published.
        run: run id; empty for ``deployer up``.
        project_workspace: the working copy, in which steps and the process run.
        accepts: what ``deploy.ready.expect`` says of an answer (expressions lie on a floor above).
    """
    kind = parameters.deploy.kind
    if kind == "none":
        return NoTarget(parameters.deploy.address)
    if kind == "command":
        return CommandTarget(parameters, guard, root, outputs_env, state, run, project_workspace)
    if kind != "process":
        return _installed(
            kind, TargetRequest(parameters, guard, root, outputs_env, state, run, project_workspace)
        )
    live = read_live(outputs_env)
    if live is not None and live.pid and live.base_url:
        parts = urlsplit(live.base_url)
        guard.hosts.add(host_key(parts.scheme, parts.hostname or "", parts.port))
    return ProcessTarget(parameters, guard, root, outputs_env, state, run, project_workspace, accepts)


def _installed(kind: str, request: TargetRequest) -> Target:
    factory = load_extension("targets", kind)
    target = factory(request) if callable(factory) else None
    if not isinstance(target, Target):
        raise UsageError(
            f"The entry point {kind} of deployer.targets makes no target.",
            hint="It is a function from TargetRequest to an object with the methods of deployer_lib.Target.",
        )
    return target


def sweep_leftovers(state: Path) -> list[str]:
    """End copies whose owner is gone and processes whose supervisor was killed; return a sentence on each."""
    said = sweep(state / "supervisor")
    remove_leftovers(state)
    return said

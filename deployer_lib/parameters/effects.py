"""Which effects an environment allows, and that nothing given at a run allows more (K1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployer_lib.catalogue import Effect
from deployer_lib.errors import ParametersError

if TYPE_CHECKING:
    from deployer_lib.parameters.model import Parameters

__all__ = ["allowed_effects", "refuse_loosening"]


def allowed_effects(parameters: Parameters) -> frozenset[Effect]:
    """Return the effects that an environment allows: what it says, else all for a process that we start, else observe."""
    if parameters.allow is not None:
        return frozenset(parameters.allow) | {Effect.OBSERVE}
    return frozenset(Effect) if parameters.deploy.kind == "process" else frozenset({Effect.OBSERVE})


def refuse_loosening(declared: Parameters, effective: Parameters, file: str) -> None:
    """Refuse values given at a run that allow more than the environment's file does; allowing less is fine.

    Raises:
        ParametersError: protection, effects or hosts would be loosened.
    """
    hint = f"Change {file} itself, where others can see it."
    if declared.protected and not effective.protected:
        raise ParametersError(
            "protected is true here, and can't be taken away at the run", file=file, hint=hint
        )
    more = allowed_effects(effective) - allowed_effects(declared)
    if more:
        names = ", ".join(sorted(more))
        raise ParametersError(
            f"{names} is not allowed here, and can't be allowed at the run", file=file, hint=hint
        )
    hosts = sorted(set(effective.hosts) - set(declared.hosts))
    if hosts:
        raise ParametersError(
            f"{', '.join(hosts)} is no declared host, and can't be declared at the run", file=file, hint=hint
        )

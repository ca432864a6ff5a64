"""A team's own checks: a probe with its claim, given to a phase directly or found among installed packages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from deployer_lib.catalogue import CATALOGUE, PHASES, CheckSpec, Effect, Severity
from deployer_lib.errors import UsageError
from deployer_lib.extensions import load_extension

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer_lib.probes.context import Probe

__all__ = ["OwnCheck", "installed_check", "own_check"]


@dataclass(frozen=True, slots=True)
class OwnCheck:
    """A claim of a team's own, and the experiment that could refute it."""

    spec: CheckSpec
    probe: Probe


def own_check(
    check_id: str,
    *,
    title: str = "",
    severity: str = "high",
    effect: str = "observe",
    needs: tuple[str, ...] = (),
) -> Callable[[Probe], OwnCheck]:
    """Make a check of a probe: ``@own_check("team.orders_fresh", title="Orders are fresh")``.

    Args:
        check_id: with a prefix of the team's own.
        title: the claim, as it reads when it holds; the id where absent.
        severity: critical, high, medium or low.
        effect: observe, write, stress or disrupt.
        needs: ids that must have passed before.

    Raises:
        UsageError: the id is a packaged one or has no prefix; severity or effect is unknown.
    """
    prefix, dot, name = check_id.partition(".")
    if check_id in CATALOGUE or not dot or not name or prefix in PHASES:
        raise UsageError(
            f"{check_id} can't be the id of an own check.",
            hint="Give it a prefix of your own: team.orders_fresh.",
        )
    for what, value, known in (("severity", severity, Severity), ("effect", effect, Effect)):
        if value not in [one.value for one in known]:
            raise UsageError(
                f"{check_id}: {what} {value} is unknown.",
                hint=f"There are {', '.join(o.value for o in known)}.",
            )
    spec = CheckSpec(check_id, "K7", title or check_id, Severity(severity), Effect(effect), needs)
    return lambda probe: OwnCheck(spec, probe)


def installed_check(check_id: str) -> OwnCheck:
    """Return the check of this id that an installed package brings along (entry points ``deployer.checks``).

    Raises:
        UsageError: none does, or what its entry point names is no check of this id.
    """
    found = load_extension("checks", check_id)
    if not isinstance(found, OwnCheck) or found.spec.id != check_id:
        raise UsageError(
            f"The entry point {check_id} names no check of this id.",
            hint=f'Let it name a function under @own_check("{check_id}").',
        )
    return found

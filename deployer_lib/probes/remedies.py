"""The fix of a finding: its steps, and the code of a topic for the framework that the project is written in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployer_lib.check import Fix
from deployer_lib.fixes import snippet
from deployer_lib.probes.sources import sources

if TYPE_CHECKING:
    from deployer_lib.check import Location
    from deployer_lib.probes.context import Context

__all__ = ["remedy"]


def remedy(
    ctx: Context, topic: str, *steps: str, minutes: int, at: Location | None = None, **values: str
) -> Fix:
    """Return a fix with the topic's code for this project.

    Args:
        ctx: the probe's context, for the project's framework.
        topic: a topic of :mod:`deployer_lib.fixes`.
        steps: what a person does.
        minutes: a person's time, estimated.
        at: where the code goes, if that is known.
        values: what fills the topic's blanks.
    """
    found = sources(ctx)
    piece = snippet(topic, found.framework or found.stack, **values)
    return Fix(steps, (piece.code(at),), piece.docs, minutes)

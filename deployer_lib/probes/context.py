"""What a probe is given: the parameters, the target, one guarded client, and folders. Nothing else.

A probe is a function ``(Context) -> Iterable[Result]``, registered under its catalogue id with :func:`probe`. It yields
one result for each subject. What it raises becomes an error outcome (``NotAllowed`` and ``Unavailable`` become skips);
yielding nothing, or a pass without evidence, becomes an error: no probe can pass on no data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Result

if TYPE_CHECKING:
    from pathlib import Path

    from deployer_lib.app.handover import Live
    from deployer_lib.app.http import Http
    from deployer_lib.app.target import Target
    from deployer_lib.charts import Chart
    from deployer_lib.guard import Guard
    from deployer_lib.parameters.model import Parameters
    from deployer_lib.places import Places

__all__ = ["PROBES", "TOKEN_NAME", "Context", "Probe", "probe", "show"]


@dataclass(slots=True)
class Context:
    """Everything that a probe may use."""

    parameters: Parameters
    guard: Guard
    http: Http  # guarded; relative paths go to the target's base URL
    target: Target
    live: Live | None  # what earlier phases handed over; None where there is no deployment
    places: Places  # folders of this environment: records, state
    root: Path  # folder that holds parameters/
    project: Path  # the project itself: read, never written
    workspace: Path  # working copy of the project, made by the first phase that needs it; builds and installs go here
    scratch: Path  # an empty folder of this phase's own, removed at its end
    progress: Callable[[str], None]  # one line on what happens just now
    hide: Callable[
        [str, str], None
    ]  # hide(value, name): a token captured at run time, never to be shown from here on
    keep: Callable[[str, bytes], str]  # keep("build.log", data) -> "evidence/<sha256>"
    propose: Callable[
        [str, str], str
    ]  # propose(".env.example", text): a file for people to take over, in the run's folder
    commit: str = (
        ""  # commit of the working copy, with "+" where it has changes of its own; empty where unknown
    )
    memo: dict[str, object] = field(default_factory=dict)  # what probes of one phase share (a scan, a token)


#: Under this name a log-in's token is hidden, and handed to the run's later phases.
TOKEN_NAME: Final = "smoke.auth.token"  # noqa: S105  (a name)

Probe = Callable[[Context], Iterable[Result]]
PROBES: Final[dict[str, Probe]] = {}


def probe(check_id: str) -> Callable[[Probe], Probe]:
    """Register a function as the probe of a check.

    Raises:
        ValueError: the id has a probe already.
    """

    def register(function: Probe) -> Probe:
        if check_id in PROBES:
            raise ValueError(f"{check_id} has two probes")
        PROBES[check_id] = function
        return function

    return register


def show(ctx: Context, *charts: Chart) -> None:
    """Show charts below the check's row, once the check has ended."""
    shown = ctx.memo.setdefault("charts", [])
    if isinstance(shown, list):
        shown.extend(charts)

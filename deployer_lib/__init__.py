"""Deployer: may this build go to that environment, and how do we know?

The names here are what notebooks and teams' own checks import; everything else is the library's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployer_lib.late import names_of_package

if TYPE_CHECKING:
    from deployer_lib.app.target import Target, TargetRequest
    from deployer_lib.check import Code, Fix, Location, Result, Skip, errored, failed, passed, skipped
    from deployer_lib.phase import Phase
    from deployer_lib.probes.context import Context
    from deployer_lib.probes.own import own_check
    from deployer_lib.proving import assert_trips
    from deployer_lib.reports.phase import ReportPhase

    __version__: str

__all__ = [
    "Code",
    "Context",
    "Fix",
    "Location",
    "Phase",
    "ReportPhase",
    "Result",
    "Skip",
    "Target",
    "TargetRequest",
    "__version__",
    "assert_trips",
    "errored",
    "failed",
    "own_check",
    "passed",
    "skipped",
]

#: Name → module; imported when first asked for, since a command needs few of them.
_HOMES: Final = {
    "Phase": "phase",
    "ReportPhase": "reports.phase",
    "Context": "probes.context",
    "Target": "app.target",
    "TargetRequest": "app.target",
    "assert_trips": "proving",
    "own_check": "probes.own",
    **dict.fromkeys(
        ("Code", "Fix", "Location", "Result", "Skip", "errored", "failed", "passed", "skipped"), "check"
    ),
}


_named: Final = names_of_package(__name__, _HOMES)


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415  (slow to import, and few commands ask)

        return version("deployer-lib")
    return _named(name)

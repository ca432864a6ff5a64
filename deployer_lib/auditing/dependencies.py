"""``deployer audit dependencies``: what is wrong with a project's packages, by kind.

The project is installed from its lock file into an isolated copy; install scripts of packages do not run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployer_lib.check import Outcome, Result
from deployer_lib.probes.packages import ecosystems_of
from deployer_lib.probes.packages.saying import said

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from deployer_lib.check import Check, JSONValue
    from deployer_lib.probes.context import Context

__all__ = ["CHECKS", "MODULES", "document"]

#: Kind of problem → the check whose findings they are.
_KINDS: Final = {
    "undeclared": "environment.dependencies_declared",
    "dev_in_production": "environment.development_dependencies",
    "peers": "environment.peers",
    "conflicts": "environment.conflicts",
    "platform": "environment.platform_packages",
}
CHECKS: Final = ("environment.clean_install", *_KINDS.values())
MODULES: Final = ("install", "dependencies")  # that hold their probes


def document(ctx: Context, checks: Sequence[Check]) -> dict[str, JSONValue]:
    """Return the document: the checks' findings by kind, and where lock files and manifests disagree."""
    ecosystems = ecosystems_of(ctx.workspace)
    found: dict[str, JSONValue] = {
        kind: _rows(c.result for c in checks if c.id == check_id and c.outcome is Outcome.FAIL)
        for kind, check_id in _KINDS.items()
    }
    compared = [result for one in ecosystems for result in said(one.examine(ctx, "drift"), one.name)]
    found["drift"] = _rows(result for result in compared if result.outcome is Outcome.FAIL)
    return {"schema": "audit-dependencies/1", **found, "ecosystems": [one.name for one in ecosystems]}


def _rows(problems: Iterable[Result]) -> list[JSONValue]:
    return [
        {
            "name": problem.subject,
            "file": problem.locations[0].file if problem.locations else "",
            "line": problem.locations[0].line if problem.locations else 0,
            "detail": problem.message,
        }
        for problem in problems
    ]

"""``deployer audit dependencies``: what is wrong with a project's packages, by kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, get_args

from deployer_lib.auditing.making import Audit, checks_made, folder_context
from deployer_lib.probes.packages import ecosystems_of
from deployer_lib.probes.packages.model import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from deployer_lib.check import JSONValue, Result

__all__ = ["audit_dependencies"]

_CHECKS: Final = (
    "environment.clean_install",
    "environment.dependencies_declared",
    "environment.development_dependencies",
    "environment.peers",
    "environment.conflicts",
    "environment.platform_packages",
)


def audit_dependencies(
    path: Path, *, exclude: Sequence[str] = (), progress: Callable[[str], None] = lambda _: None
) -> Audit:
    """Return undeclared and misplaced packages, unmet peers, conflicts, platform-bound ones, and where the lock file lags.

    The project is installed from its lock file into an isolated copy; install scripts of packages do not run.

    Args:
        path: the project's folder.
        exclude: patterns of paths, relative to it, that are left out.
        progress: one line on what happens just now.

    Raises:
        UsageError: it is no folder.
    """
    with folder_context(path, exclude, progress) as ctx:
        checks = checks_made(ctx, _CHECKS)
        ecosystems = ecosystems_of(ctx.workspace)
        found: dict[str, list[JSONValue]] = {
            kind: [_row(problem) for one in ecosystems for problem in one.examine(ctx, kind).problems]
            for kind in get_args(Kind)
        }
        document = {
            "schema": "audit-dependencies/1",
            **found,
            "ecosystems": [one.name for one in ecosystems],
        }
        return Audit(document, checks)


def _row(problem: Result) -> JSONValue:
    place = problem.locations[0] if problem.locations else None
    return {
        "name": problem.subject,
        "file": place.file if place else "",
        "line": place.line if place else 0,
        "detail": problem.message,
    }

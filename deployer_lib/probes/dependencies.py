"""Dependencies by what is wrong with them: undeclared, unmet, in conflict, bound to a platform, for developers (B1, B3 to B6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployer_lib.check import Result, Skip, passed, skipped
from deployer_lib.probes.context import Context, probe
from deployer_lib.probes.packages import ecosystems_of
from deployer_lib.probes.packages.saying import said

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from deployer_lib.probes.packages.model import Kind

__all__ = ["conflicts", "dependencies_declared", "development_dependencies", "peers", "platform_packages"]

_HOLDS: Final[dict[Kind, str]] = {
    "undeclared": "What production code imports is declared.",
    "dev_in_production": "Production code and development dependencies are apart.",
    "peers": "What installed packages expect beside them is there.",
    "conflicts": "Installed versions fit together.",
    "platform": "No package binds the application to one platform unsaid.",
}


@probe("environment.dependencies_declared")
def dependencies_declared(ctx: Context) -> Iterable[Result]:
    """Compare imports of production code with what the manifests declare."""
    return _asked(ctx, "undeclared")


@probe("environment.peers")
def peers(ctx: Context) -> Iterable[Result]:
    """Look for packages that installed packages expect beside them and that are not there."""
    return _asked(ctx, "peers")


@probe("environment.conflicts")
def conflicts(ctx: Context) -> Iterable[Result]:
    """Look for installed versions that are outside of what others ask for."""
    return _asked(ctx, "conflicts")


@probe("environment.platform_packages")
def platform_packages(ctx: Context) -> Iterable[Result]:
    """Look for packages that install, or exist, on one platform alone and that no document names."""
    return _asked(ctx, "platform")


@probe("environment.development_dependencies")
def development_dependencies(ctx: Context) -> Iterable[Result]:
    """Look for development dependencies that production code imports, and tools declared for production."""
    return _asked(ctx, "dev_in_production")


def _asked(ctx: Context, kind: Kind) -> Iterator[Result]:
    ecosystems = ecosystems_of(ctx.workspace)
    if not ecosystems:
        yield skipped(
            Skip.UNAVAILABLE,
            "No manifest of Python, Node or Rust was found in the project's folder; other stacks' packages are not read.",
        )
    for ecosystem in ecosystems:
        examined = ecosystem.examine(ctx, kind)
        results = [*said(examined, ecosystem.name)]
        yield from results or [passed(_HOLDS[kind], subject=ecosystem.name, **examined.looked_at)]

"""Python's packages: what is declared, locked, installed by uv into a new environment, and imported."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from deployer_lib.check import errored
from deployer_lib.probes.packages.python.drift import drift_examined
from deployer_lib.probes.packages.python.fitting import fitting_examined
from deployer_lib.probes.packages.python.installing import installed
from deployer_lib.probes.packages.python.platforms import platforms_examined
from deployer_lib.probes.packages.python.roots import (
    examined_together,
    on_root,
    python_roots,
    rebased,
    roots_left_out,
)
from deployer_lib.probes.packages.python.undeclared import imports_examined

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from deployer_lib.check import Result
    from deployer_lib.probes.context import Context
    from deployer_lib.probes.packages.model import Examined, Kind

__all__ = ["Python"]


class Python:
    """pip's and uv's world."""

    name = "pip"

    def applies(self, project: Path) -> bool:
        """Tell whether a manifest of Python is there, in the project's folder or, with code, below."""
        return bool(python_roots(project))

    def install(self, ctx: Context) -> Iterator[Result]:
        """Install every project of the repository into a new virtual environment without cache."""
        roots = python_roots(ctx.workspace, ctx.parameters.project.exclude)
        for text in roots_left_out(ctx.workspace, ctx.parameters.project.exclude):
            yield errored(text, subject="further projects")
        for root in roots:
            for result in installed(on_root(ctx, root, roots)):
                yield rebased(result, root)

    def examine(self, ctx: Context, kind: Kind) -> Examined:
        """Return the problems of a kind, of all projects of the repository."""
        roots = python_roots(ctx.workspace, ctx.parameters.project.exclude)
        found = examined_together(ctx, ((root, _examined(on_root(ctx, root, roots), kind)) for root in roots))
        left_out = roots_left_out(ctx.workspace, ctx.parameters.project.exclude)
        return replace(found, unknown=(*found.unknown, *left_out))


def _examined(ctx: Context, kind: Kind) -> Examined:
    match kind:
        case "undeclared" | "dev_in_production":
            return imports_examined(ctx, kind)
        case "peers" | "conflicts":
            return fitting_examined(ctx, kind)
        case "drift":
            return drift_examined(ctx.workspace)
        case "platform":
            return platforms_examined(ctx)

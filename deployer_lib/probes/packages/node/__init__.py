"""Node's packages: what is declared, locked, imported, expected beside each other, and installed by npm into a new folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployer_lib.probes.packages.node.development import development_examined
from deployer_lib.probes.packages.node.drift import drift_examined
from deployer_lib.probes.packages.node.fitting import fitting_examined
from deployer_lib.probes.packages.node.installing import installed
from deployer_lib.probes.packages.node.manifests import layout_of
from deployer_lib.probes.packages.node.platforms import platform_examined
from deployer_lib.probes.packages.node.undeclared import undeclared_examined

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from deployer_lib.check import Result
    from deployer_lib.probes.context import Context
    from deployer_lib.probes.packages.model import Examined, Kind

__all__ = ["Node"]


class Node:
    """npm's world, and what can be told of pnpm's, yarn's and bun's lock files without them."""

    name = "npm"

    def applies(self, project: Path) -> bool:
        """Tell whether a manifest of Node is there, in the project's folder or, with something declared, below."""
        if any((project / name).exists() for name in ("package.json", "pnpm-workspace.yaml")):
            return True
        layout = layout_of(project)
        return bool(layout.install_roots() or layout.problems)

    def install(self, ctx: Context) -> Iterator[Result]:
        """Install by ``npm ci`` into a copy, with an empty cache and without install scripts."""
        return installed(ctx)

    def examine(self, ctx: Context, kind: Kind) -> Examined:
        """Return the problems of a kind."""
        match kind:
            case "undeclared":
                return undeclared_examined(ctx)
            case "dev_in_production":
                return development_examined(ctx)
            case "peers" | "conflicts":
                return fitting_examined(ctx, kind)
            case "platform":
                return platform_examined(ctx)
            case "drift":
                return drift_examined(ctx)

"""Rust's packages: what manifests declare, what the lock file holds, what cargo fetches, and what code names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployer_lib.probes.packages.cargo.drift import drift_examined
from deployer_lib.probes.packages.cargo.fitting import conflicts_examined
from deployer_lib.probes.packages.cargo.installing import installed
from deployer_lib.probes.packages.cargo.manifests import MANIFEST, manifest_files
from deployer_lib.probes.packages.cargo.platforms import platforms_examined
from deployer_lib.probes.packages.cargo.undeclared import crates_examined
from deployer_lib.probes.packages.cargo.world import NO_PACKAGE, world_of
from deployer_lib.probes.packages.model import Examined

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from deployer_lib.check import Result
    from deployer_lib.probes.context import Context
    from deployer_lib.probes.packages.model import Kind

__all__ = ["Cargo"]


class Cargo:
    """cargo's world."""

    name = "cargo"

    def applies(self, project: Path) -> bool:
        """Tell whether a manifest of Rust is there, in the project's folder or below."""
        return (project / MANIFEST).exists() or bool(manifest_files(project))

    def install(self, ctx: Context) -> Iterator[Result]:
        """Fetch every package of the lock file with an empty cache; nothing is built."""
        return installed(ctx)

    def examine(self, ctx: Context, kind: Kind) -> Examined:
        """Return the problems of a kind."""
        world = world_of(ctx)
        if kind != "peers" and not world.projects.roots:
            return Examined(unknown=world.broken or (NO_PACKAGE,))
        match kind:
            case "undeclared" | "dev_in_production":
                return crates_examined(ctx, kind)
            case "conflicts":
                return conflicts_examined(ctx)
            case "platform":
                return platforms_examined(ctx)
            case "drift":
                return drift_examined(ctx)
            case "peers":
                return Examined(
                    not_applicable="cargo has no peer dependencies: a crate names all that it needs."
                )

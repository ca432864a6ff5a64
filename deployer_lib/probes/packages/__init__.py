"""Packages that an application is made from: one reader for each package manager, asked by the checks of B1 to B6."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployer_lib.probes.packages.cargo import Cargo
from deployer_lib.probes.packages.node import Node
from deployer_lib.probes.packages.python import Python

if TYPE_CHECKING:
    from pathlib import Path

    from deployer_lib.probes.packages.model import Ecosystem

__all__ = ["ECOSYSTEMS", "ecosystems_of"]

ECOSYSTEMS: Final[tuple[Ecosystem, ...]] = (Python(), Node(), Cargo())


def ecosystems_of(project: Path) -> list[Ecosystem]:
    """Return the package managers of which a project has a manifest."""
    return [ecosystem for ecosystem in ECOSYSTEMS if ecosystem.applies(project)]

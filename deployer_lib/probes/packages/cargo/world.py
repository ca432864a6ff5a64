"""Manifests, lock files and code of all crates of a project, read once a phase."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.packages.cargo.locks import LOCK, Lock, read_lock
from deployer_lib.probes.packages.cargo.manifests import Package, Projects, module_of, read_projects
from deployer_lib.probes.packages.cargo.sources import Compiled, compiled_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from deployer_lib.probes.context import Context

__all__ = ["NO_PACKAGE", "World", "subject_of", "world_of"]

#: Why nothing can be told where a manifest is there and no package: a workspace without members, or a template.
NO_PACKAGE: Final = "Cargo.toml is there, and neither it nor a manifest below it is a package of production."


@dataclass(frozen=True, slots=True)
class World:
    """What was read."""

    projects: Projects
    locks: dict[Path, Lock] = field(default_factory=dict)  # root ->
    compiled: dict[str, Compiled] = field(default_factory=dict)  # manifest ->

    def packages(self) -> Iterator[Package]:
        """Yield the packages of production whose workspace is the project's own."""
        for package in self.projects.packages:
            if package.production and package.root in self.projects.roots:
                yield package

    def known(self) -> frozenset[str]:
        """Return the modules of all packages that a lock file or a manifest names: what is surely a crate."""
        locked = {module_of(name) for lock in self.locks.values() for name in lock.versions}
        declared = {
            dependency.module for package in self.projects.packages for dependency in package.dependencies
        }
        return frozenset(locked | declared)

    @property
    def broken(self) -> tuple[str, ...]:
        """Return a sentence for each manifest or source file that can't be read."""
        unread = [text for compiled in self.compiled.values() for text in compiled.unread]
        return (*(f"{file} can't be read: {why}." for file, why in self.projects.broken), *unread)


def world_of(ctx: Context) -> World:
    """Return all that is written in a project's crates."""
    known = ctx.memo.get("cargo:world")
    if not isinstance(known, World):
        ctx.progress("reading crates …")
        known = ctx.memo["cargo:world"] = _read(ctx)
    return known


def subject_of(root: Path) -> str:
    """Return the subject under which a workspace's results stand."""
    return "cargo" if root.as_posix() == "." else f"cargo in {root.as_posix()}"


def _read(ctx: Context) -> World:
    projects = read_projects(ctx.workspace, ctx.parameters.project.exclude)
    locks = {
        root: lock for root in projects.roots if (lock := read_lock(ctx.workspace / root / LOCK)) is not None
    }
    compiled = {
        package.file: compiled_files(ctx.workspace, package)
        for package in projects.packages
        if package.production and package.root in projects.roots
    }
    return World(projects, locks, compiled)

"""The build's output: where it lies and which script makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployer_lib.check import Location

if TYPE_CHECKING:
    from pathlib import Path

    from deployer_lib.parameters.model import Build
    from deployer_lib.probes.context import Context

__all__ = ["build_script", "output_paths"]


def output_paths(ctx: Context, declared: Build) -> list[Path]:
    """Return the declared output that is there."""
    return [ctx.workspace / name for name in declared.output if (ctx.workspace / name).exists()]


def build_script(ctx: Context, declared: Build) -> tuple[Location, ...]:
    """Return the script that builds, else the manifest."""
    named = [str(word) for word in declared.command if (ctx.workspace / str(word)).is_file()]
    manifests = [
        name
        for name in ("package.json", "pyproject.toml", "Cargo.toml", "Makefile")
        if (ctx.workspace / name).is_file()
    ]
    return tuple(Location(name, 1) for name in (named or manifests)[:1])

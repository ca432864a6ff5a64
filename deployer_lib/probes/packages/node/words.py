"""Commands and places that fixes name, in the words of the project's own package manager."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployer_lib.check import Code
from deployer_lib.probes.packages.node.locks import find_lock, manager_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deployer_lib.probes.context import Context
    from deployer_lib.probes.packages.node.locks import Lock, Manager
    from deployer_lib.probes.packages.node.manifests import Layout, Manifest

__all__ = ["add_command", "chain_to", "lock_known", "manager_for", "reason", "refresh_command", "terminal"]


def lock_known(ctx: Context, layout: Layout, manifest: Manifest) -> Lock | None:
    """Return the lock file that holds for a manifest, read once a phase."""
    root = layout.install_root(manifest)
    key = f"node_lock:{root.folder}"
    if key not in ctx.memo:
        ctx.memo[key] = find_lock(ctx.workspace, root)
    return ctx.memo[key]  # type: ignore[return-value]  # what the line above put there


def manager_for(ctx: Context, layout: Layout, manifest: Manifest) -> Manager:
    """Return the package manager by which a manifest is installed."""
    return manager_of(ctx.workspace, layout.install_root(manifest))


def add_command(
    ctx: Context, layout: Layout, manifest: Manifest, packages: Sequence[str], *, development: bool = False
) -> str:
    """Return the command that declares packages in a manifest and locks them: ``npm install left-pad@^1.3.0 -w api``."""
    manager = manager_for(ctx, layout, manifest)
    words = " ".join(packages)
    member = manifest.folder in layout.members
    where = manifest.folder
    if manager == "npm":
        flag = " --save-dev" if development else ""
        into = f" -w {where}" if member else f" --prefix {where}" if where else ""
        return f"npm install{flag} {words}{into}"
    flag = " -D" if development else ""
    if manager == "pnpm":
        into = f" --filter ./{where}" if member else f" -C {where}" if where else ""
        root = " -w" if not where and "" in layout.members.values() else ""
        return f"pnpm{into} add{flag}{root} {words}"
    if manager == "yarn":
        into = f" workspace {manifest.name}" if member else f" --cwd {where}" if where else ""
        root = (
            " -W"
            if not where and "" in layout.members.values() and _is_classic(ctx, layout, manifest)
            else ""
        )
        return f"yarn{into} add{flag}{root} {words}"
    into = f" --cwd {where}" if where else ""
    return f"bun add{flag}{into} {words}"


def refresh_command(manager: Manager, folder: str = "") -> str:
    """Return the command that brings the lock file up to the manifest, and installs nothing."""
    there = {
        "npm": f" --prefix {folder}",
        "pnpm": f" -C {folder}",
        "yarn": f" --cwd {folder}",
        "bun": f" --cwd {folder}",
    }
    into = there[manager] if folder else ""
    return {
        "npm": f"npm install --package-lock-only{into}",
        "pnpm": f"pnpm{into} install --lockfile-only",
        "yarn": f"yarn{into} install",
        "bun": f"bun install --lockfile-only{into}",
    }[manager]


def chain_to(lock: Lock | None, roots: Sequence[str], package: str) -> list[str]:
    """Return the shortest chain of packages from a declared one to this, without the last; empty where there is none."""
    if lock is None:
        return []
    asks: dict[str, set[str]] = {}
    for entry in lock.entries:
        asks.setdefault(entry.name, set()).update(
            entry.dependencies, entry.optional_dependencies, entry.peers
        )
    seen = set(roots)
    chains = [[root] for root in sorted(seen)]
    while chains:
        following: list[list[str]] = []
        for chain in chains:
            if package in asks.get(chain[-1], ()):
                return chain
            for name in sorted(asks.get(chain[-1], set()) - seen):
                seen.add(name)
                following.append([*chain, name])
        chains = following
    return []


def reason(problem: str) -> str:
    """Return a sentence's end without its full stop."""
    return problem.rstrip(". ")


def terminal(text: str) -> Code:
    """Return a command as code."""
    return Code("terminal", text, language="shell")


def _is_classic(ctx: Context, layout: Layout, manifest: Manifest) -> bool:
    lock = lock_known(ctx, layout, manifest)
    return lock is not None and lock.version == "v1"

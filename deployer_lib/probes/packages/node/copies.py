"""Two versions of a package of which a program bears one alone: two Reacts in one page, two graphql in one process (B4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployer_lib.check import Fix, Location, Result, failed
from deployer_lib.probes.packages.node.words import add_command, terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployer_lib.probes.context import Context
    from deployer_lib.probes.packages.node.locks import Lock
    from deployer_lib.probes.packages.node.manifests import Layout, Manifest

__all__ = ["double_copies"]

_DOCS: Final = "https://react.dev/warnings/invalid-hook-call-warning#duplicate-react"
#: Packages that keep state in their module, or compare what they made by identity.
_SINGLE: Final = frozenset(
    {"react", "react-dom", "vue", "preact", "svelte", "@angular/core", "graphql", "styled-components", "react-redux"}
    | {"react-router", "react-router-dom", "@apollo/client", "@tanstack/react-query", "@nestjs/core", "@nestjs/common"}
    | {"mongoose", "typeorm", "sequelize", "reflect-metadata", "@emotion/react"}
)  # fmt: skip


def double_copies(ctx: Context, layout: Layout, root: Manifest, lock: Lock) -> Iterator[Result]:
    """Yield what a member and another member that it depends on got in two versions, by npm's lock file."""
    if lock.manager != "npm":
        return
    placed = {entry.path: entry.version for entry in lock.entries if not entry.link}
    prefix = f"{root.folder}/" if root.folder else ""
    members = layout.member_names()
    own = [each for each in layout.manifests.values() if layout.install_root(each) is root]
    for user in own:
        for name in user.section("dependencies"):
            used = members.get(name)
            if used is None or used is user:
                continue
            for single in sorted(_SINGLE & set(used.section("dependencies")) & _declared(user)):
                mine = _version(placed, user.folder.removeprefix(prefix), single)
                its = _version(placed, used.folder.removeprefix(prefix), single)
                if mine and its and mine != its:
                    yield _problem(ctx, layout, lock, (user, used), single, (mine, its))


def _declared(manifest: Manifest) -> set[str]:
    return {*manifest.section("dependencies"), *manifest.section("devDependencies")}


def _version(placed: dict[str, str], folder: str, name: str) -> str:
    return placed.get(f"{folder}/node_modules/{name}") or placed.get(f"node_modules/{name}", "")


def _problem(
    ctx: Context,
    layout: Layout,
    lock: Lock,
    manifests: tuple[Manifest, Manifest],
    single: str,
    versions: tuple[str, str],
) -> Result:
    user, used = manifests
    wanted = user.section("dependencies").get(single) or user.section("devDependencies").get(single, "")
    line = used.line("dependencies", single)
    return failed(
        f"{user.name} gets {single} {versions[0]}, and {used.name}, which it depends on, gets {versions[1]}.",
        subject=single,
        root_cause=f"{used.file}:{line} declares {single} {used.section('dependencies')[single]} as a dependency of its own, "
        f"{user.file} {wanted}; {lock.file} holds both.",
        impact=f"Both run in one program, which bears one {single} alone: state and types of one are unknown to the other.",
        fix=Fix(
            (
                f"Let {used.name} take the {single} of whoever uses it: a peer dependency, and one for its own development.",
            ),
            (terminal(f"{add_command(ctx, layout, used, [f'{single}@{wanted}'])} --save-peer"),),
            _DOCS,
            15,
        ),
        locations=(
            Location(used.file, line),
            Location(user.file, user.line(user.declares(single), single)),
            Location(lock.file, lock.line(single)),
        ),
        package=single,
        versions=[*versions],
        members=[user.name, used.name],
    )

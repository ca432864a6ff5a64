"""Is every package that production code imports declared by the manifest that its file belongs to (B1)?

A file is judged by the nearest ``package.json`` that declares anything. What another member of the workspace, or the root,
declares is there only as long as it happens to be hoisted. What only the compiler needs counts less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import Severity
from deployer_lib.check import Fix, Location, Result, failed
from deployer_lib.probes.packages.model import Examined
from deployer_lib.probes.packages.node.sources import layout_known, sources_known
from deployer_lib.probes.packages.node.specifiers import types_of
from deployer_lib.probes.packages.node.uses import Use, uses_known
from deployer_lib.probes.packages.node.words import add_command, chain_to, lock_known, manager_for, terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deployer_lib.probes.context import Context
    from deployer_lib.probes.packages.node.manifests import Layout

__all__ = ["undeclared_examined", "without_sources"]

_DOCS: Final = "https://docs.npmjs.com/cli/configuring-npm/package-json#dependencies"
_PLACES: Final = 5
#: From the gravest on.
_WEIGHTS: Final = ("undeclared", "member", "above", "types")
_SEVERITIES: Final = {"types": Severity.MEDIUM, "above": Severity.MEDIUM, "member": Severity.HIGH}


def undeclared_examined(ctx: Context) -> Examined:
    """Return the packages that are imported and not declared."""
    layout, sources, uses = layout_known(ctx), sources_known(ctx), uses_known(ctx)
    found = [use for use in uses.found if use.standing != "development"]
    firm = {(use.owner.folder, use.package) for use in found if use.standing != "types"}
    found = [use for use in found if use.standing != "types" or (use.owner.folder, use.package) not in firm]
    unknown = [*layout.problems, *sources.unknown()]
    if not uses.files and not unknown:
        return without_sources(layout)
    by_package: dict[str, list[Use]] = {}
    for use in found:
        by_package.setdefault(use.package, []).append(use)
    return Examined(
        tuple(_problem(ctx, layout, same, found) for same in by_package.values()),
        {
            "files": uses.files,
            "manifests": [*layout.manifests],
            "imports": [*uses.sound],
            "passed_over": [*sources.passed_over],
        },
        tuple(unknown),
    )


def without_sources(layout: Layout) -> Examined:
    """Return what holds where no source file is found: nothing to ask, or nothing that could be told."""
    if not any(manifest.section("dependencies") for manifest in layout.manifests.values()):
        return Examined(
            not_applicable="package.json declares tools for developers alone, and no production code of JavaScript is there."
        )
    return Examined(unknown=("No production source file of JavaScript or TypeScript was found.",))


def _problem(ctx: Context, layout: Layout, same: Sequence[Use], all_of_them: Sequence[Use]) -> Result:
    """Return the finding of one package: the gravest of its uses speaks, every manifest gets its command."""
    use = min(same, key=lambda each: _WEIGHTS.index(each.standing))
    lock = lock_known(ctx, layout, use.owner)
    version = next(iter(lock.versions(use.package)), "") if lock else ""
    own = [name for section in ("dependencies", "devDependencies") for name in use.owner.section(section)]
    via = chain_to(lock, own, use.package) if use.standing != "member" else []
    how, cause = _how(use, version, via)
    first = use.places[0]
    places = [
        place for each in (use, *(other for other in same if other is not use)) for place in each.places
    ]
    return failed(
        f"{first.file}:{first.line} imports {use.package}, which {how}.",
        subject=use.package,
        severity=_SEVERITIES.get(use.standing),
        root_cause=cause,
        impact=_impact(use, via),
        fix=Fix(
            _steps(ctx, layout, use, all_of_them),
            tuple(
                terminal(
                    add_command(
                        ctx,
                        layout,
                        each.owner,
                        [_wanted(ctx, layout, each)],
                        development=each.standing == "types",
                    )
                )
                for each in same
            ),
            _DOCS,
            5,
        ),
        locations=[
            *(Location(place.file, place.line) for place in places[:_PLACES]),
            *(Location(each.owner.file, each.owner.line("dependencies")) for each in same),
        ],
        package=use.package,
        manifests=[each.owner.file for each in same],
        locked_version=version,
        via=[*via],
        types_only=use.standing == "types",
        imports=[f"{place.file}:{place.line}" for place in places],
    )


def _wanted(ctx: Context, layout: Layout, use: Use) -> str:
    lock = lock_known(ctx, layout, use.owner)
    name = use.package
    if use.standing == "member":
        version = str(layout.member_names()[name].data.get("version", ""))
        if manager_for(ctx, layout, use.owner) in {"pnpm", "bun"}:
            return f"{name}@workspace:*"
        return f"{name}@{version}" if version else name
    if use.standing == "above" and use.declarer is not None:
        return f"{name}@{use.declarer.section(use.declarer.declares(name))[name]}"
    if use.standing == "types" and lock and (versions := lock.versions(types_of(name))):
        return f"{types_of(name)}@^{versions[0]}"
    versions = lock.versions(name) if lock else []
    return f"{name}@^{versions[0]}" if versions else name


def _steps(ctx: Context, layout: Layout, use: Use, all_of_them: Sequence[Use]) -> tuple[str, ...]:
    together = [other for other in all_of_them if other.owner is use.owner and other.standing == use.standing]
    steps = [f"Declare {use.package} in {use.owner.file}, and commit the manifest and the lock file."]
    if len(together) > 1:
        words = [_wanted(ctx, layout, other) for other in together]
        command = add_command(ctx, layout, use.owner, words, development=use.standing == "types")
        steps.append(f"All that {use.owner.file} lacks at once: {command}")
    return tuple(steps)


def _how(use: Use, version: str, via: list[str]) -> tuple[str, str]:
    manifest = use.owner.file
    if use.standing == "member":
        return (
            f"is a member of the workspace that {manifest} does not declare",
            f"The workspace links {use.package} for all its members; {manifest} does not say that it needs it.",
        )
    if use.standing == "above" and use.declarer is not None:
        section = use.declarer.declares(use.package)
        line = use.declarer.line(section, use.package)
        return (
            f"{manifest} does not declare and only {use.declarer.file} does",
            f"{use.package} stands in {section} of {use.declarer.file}:{line}; {manifest} does not say that it needs it.",
        )
    kind = " (for its types alone)" if use.standing == "types" else ""
    if via:
        chain = " → ".join([*via, use.package])
        return (
            f"is not declared{kind} and only installed via {via[-1]}",
            f"{use.package} {version} comes in transitively ({chain}); {manifest} does not declare it.",
        )
    if version:
        return (
            f"is not declared{kind}",
            f"{use.package} {version} is in the lock file, and {manifest} does not declare it.",
        )
    return (
        f"is neither declared nor locked{kind}",
        f"{manifest} does not declare {use.package}, and no locked package brings it.",
    )


def _impact(use: Use, via: list[str]) -> str:
    if use.standing == "types":
        return (
            f"The type check fails as soon as the types of {use.package} are no longer installed by chance."
        )
    fails = (
        f"The build fails with: Can't resolve '{use.package}'"
        if all(place.style for place in use.places)
        else f"It fails with: Cannot find module '{use.package}'"
    )
    if use.standing in {"member", "above"}:
        return f"{fails}, where {use.owner.file} is installed alone, or packages are not hoisted (pnpm, a container a service)."
    return f"{fails}, as soon as {via[-1]} drops it or it is no longer hoisted." if via else f"{fails}."

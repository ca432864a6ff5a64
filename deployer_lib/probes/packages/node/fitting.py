"""Do locked packages fit together: is what they expect beside them there (B3), and in a version that they want (B4)?

For npm the answer is ``npm ls``'s own. pnpm's lock file says what each package got for each peer, yarn's second form what a
direct dependency expects; the first form of yarn's says nothing of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import Severity
from deployer_lib.check import Fix, Location, Result, failed
from deployer_lib.probes.packages.model import Examined
from deployer_lib.probes.packages.node.copies import double_copies
from deployer_lib.probes.packages.node.installing import unresolved
from deployer_lib.probes.packages.node.listing import Misfit, npm_listing
from deployer_lib.probes.packages.node.lock_texts import read_yaml
from deployer_lib.probes.packages.node.other_peers import (
    berry_misfits,
    bun_misfits,
    pnpm_misfits,
    yarn_conflicts,
)
from deployer_lib.probes.packages.node.sources import layout_known
from deployer_lib.probes.packages.node.words import add_command, chain_to, lock_known, terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployer_lib.probes.context import Context
    from deployer_lib.probes.packages.model import Kind
    from deployer_lib.probes.packages.node.lock_entry import Entry
    from deployer_lib.probes.packages.node.locks import Lock
    from deployer_lib.probes.packages.node.manifests import Layout, Manifest

__all__ = ["fitting_examined"]

_DOCS: Final = {
    "peers": "https://docs.npmjs.com/cli/configuring-npm/package-json#peerdependencies",
    "conflicts": "https://docs.npmjs.com/cli/commands/npm-ls",
}
_FEW: Final = 5
_OLD: Final = "1"  # npm's lockfileVersion that holds no peers


@dataclass(frozen=True, slots=True)
class _Asker:
    """Who asks for a package."""

    shown: str
    entry: Entry | None = None
    manifest: Manifest | None = None  # one of the project's own


def fitting_examined(ctx: Context, kind: Kind) -> Examined:
    """Return peers that are missing or have another version (``peers``), or other requests that are not met."""
    layout = layout_known(ctx)
    problems: list[Result] = []
    unknown = list(layout.problems)
    asked: list[str] = []
    packages = 0
    for root in layout.install_roots():
        lock = lock_known(ctx, layout, root)
        if lock is None or lock.problem:
            unknown += _without(root, lock, first=root is layout.install_roots()[0])
            continue
        misfits, count, how, problem = _misfits(ctx, layout, root, lock, kind)
        unknown += [problem] if problem else []
        asked.append(how)
        packages += count
        problems += _judged(ctx, layout, root, lock, misfits, kind)
        if kind == "conflicts":
            problems += double_copies(ctx, layout, root, lock)
    if kind == "conflicts" and not problems:
        problems += unresolved(ctx)
    if not problems and not unknown and not packages:
        unknown.append("The lock files hold no package.")
    return Examined(tuple(problems), {"asked": [*asked], "packages": packages}, tuple(unknown))


def _without(root: Manifest, lock: Lock | None, *, first: bool) -> list[str]:
    if lock is not None:
        return [lock.problem]
    if not any(
        root.section(section) for section in ("dependencies", "optionalDependencies", "devDependencies")
    ):
        return []
    told = f"{root.file} has no lock file beside it, so that nobody can tell which versions come together."
    return [told] if first else []


def _misfits(
    ctx: Context, layout: Layout, root: Manifest, lock: Lock, kind: Kind
) -> tuple[list[Misfit], int, str, str]:
    """Return misfits, how many packages were looked at, what was asked, and why it can't be told."""
    if lock.manager == "npm" and lock.version != _OLD:
        listing = npm_listing(ctx, root)
        return (
            [*listing.misfits],
            listing.packages,
            "npm ls --package-lock-only --all --json",
            listing.problem,
        )
    found: list[Misfit] = []
    problem = ""
    if lock.manager == "npm":
        problem = (
            f"{lock.file} has lockfileVersion 1, which does not say what packages expect beside them; "
            "run npm install --package-lock-only with npm 7 or later."
        )
    elif lock.manager == "pnpm":
        settings = read_yaml(ctx.workspace / root.folder / "pnpm-workspace.yaml")
        found = pnpm_misfits(lock, root, settings)
    elif lock.manager == "yarn" and kind == "conflicts":
        found = yarn_conflicts(lock, root)
    elif lock.manager == "yarn" and lock.version == "berry":
        found = berry_misfits(layout, root, lock)
    elif lock.manager == "bun" and lock.entries:
        found = bun_misfits(lock)
    else:
        problem = (
            f"{lock.file} does not say what packages expect beside them; "
            f"ask {lock.manager} itself where it is installed."
        )
    return found, len(lock.entries), lock.file, problem


def _judged(
    ctx: Context, layout: Layout, root: Manifest, lock: Lock, misfits: list[Misfit], kind: Kind
) -> Iterator[Result]:
    """Yield one finding for each package that is asked for and not there as it should be."""
    found: dict[str, dict[str, tuple[Misfit, _Asker]]] = {}
    for misfit in misfits:
        asker = _asker(layout, root, lock, misfit)
        if _sort(misfit, asker) == kind:
            found.setdefault(misfit.name, {}).setdefault(asker.shown, (misfit, asker))
    for askers in found.values():
        problems = [_problem(ctx, layout, root, lock, *each, kind) for each in askers.values()]
        gravest = next((each for each in problems if each.severity is None), problems[0])
        yield _joined(gravest, problems)


def _joined(first: Result, all_of_them: list[Result]) -> Result:
    """Return a finding with the places and sentences of others of the same package."""
    if len(all_of_them) == 1:
        return first
    others = [each for each in all_of_them if each is not first]
    return replace(
        first,
        message=f"{first.message} {len(others)} more: {'; '.join(each.message.rstrip('.') for each in others[:_FEW])}.",
        locations=tuple(dict.fromkeys(place for each in (first, *others) for place in each.locations)),
        evidence={**first.evidence, "askers": [each.message for each in all_of_them]},
    )


def _asker(layout: Layout, root: Manifest, lock: Lock, misfit: Misfit) -> _Asker:
    if misfit.by == "the root project" or misfit.by == _title(root):
        return _Asker(root.file, manifest=root)
    prefix = f"{root.folder}/" if root.folder else ""
    member = layout.manifests.get(f"{prefix}{misfit.by}") or next(
        (each for each in layout.member_names().values() if misfit.by in {_title(each), each.name}), None
    )
    if member is not None:
        return _Asker(member.file, manifest=member)
    for entry in lock.entries:
        if misfit.by in {entry.path, f"{entry.name}@{entry.version}"}:
            return _Asker(f"{entry.name}@{entry.version}", entry)
    return _Asker(misfit.by)


def _title(manifest: Manifest) -> str:
    version = manifest.data.get("version")
    return f"{manifest.name}@{version}" if version else manifest.name


def _sort(misfit: Misfit, asker: _Asker) -> str:
    """Tell which check a misfit belongs to; what a manifest of the project asks for is the lock file's drift."""
    if asker.manifest is not None:
        optional = asker.manifest.data.get("peerDependenciesMeta")
        if asker.manifest.declares(misfit.name) != "peerDependencies" or (
            isinstance(optional, dict) and misfit.name in optional
        ):
            return "drift"
        return "peers"
    if asker.entry is None:
        return "conflicts" if misfit.found else "drift"
    if misfit.name in asker.entry.optional_peers:
        return "fine"
    if misfit.name in asker.entry.peers:
        return "peers"
    return "conflicts" if misfit.found else "drift"


def _problem(
    ctx: Context,
    layout: Layout,
    root: Manifest,
    lock: Lock,
    misfit: Misfit,
    asker: _Asker,
    kind: Kind,
) -> Result:
    manifest, chain = _declarer(layout, root, lock, asker)
    direct = asker.entry.name if asker.entry is not None else ""
    what = f"{misfit.found} is locked" if misfit.found else "nothing provides it"
    through = f" (through {' → '.join(chain)})" if len(chain) > 1 else ""
    place = next(
        (name for name in (chain[0] if chain else direct, misfit.name) if manifest.declares(name)), ""
    )
    line = manifest.line(manifest.declares(place), place) if place else 0
    expects = "expects" if kind == "peers" else "asks for"
    beside = " beside it" if kind == "peers" else ""
    return failed(
        f"{asker.shown} {expects} {misfit.name} {misfit.wanted}{beside}, and {what}.",
        subject=misfit.name,
        severity=Severity.MEDIUM if place and manifest.declares(place) == "devDependencies" else None,
        root_cause=_cause(ctx, root, lock, misfit, manifest, through),
        impact=f"{asker.shown} runs against a version that it was not made for."
        if misfit.found
        else f"{asker.shown} fails as soon as it imports {misfit.name}: Cannot find module '{misfit.name}'.",
        fix=_fix(ctx, layout, manifest, misfit, asker, kind),
        locations=(
            Location(manifest.file, line),
            Location(lock.file, lock.line(asker.entry.name if asker.entry is not None else misfit.name)),
        ),
        package=asker.shown,
        wanted=misfit.wanted,
        locked=misfit.found,
        through=[*chain],
    )


def _declarer(layout: Layout, root: Manifest, lock: Lock, asker: _Asker) -> tuple[Manifest, list[str]]:
    """Return the project's manifest through which a package came in, and the chain from what it declares."""
    if asker.manifest is not None:
        return asker.manifest, []
    name = asker.entry.name if asker.entry is not None else asker.shown
    own = [each for each in layout.manifests.values() if layout.install_root(each) is root]
    for manifest in own:
        if manifest.declares(name):
            return manifest, [name]
    for manifest in own:
        declared = [each for section in ("dependencies", "devDependencies", "optionalDependencies") for each in manifest.section(section)]  # fmt: skip
        chain = chain_to(lock, declared, name)
        if chain:
            return manifest, [*chain, name]
    return root, []


def _cause(ctx: Context, root: Manifest, lock: Lock, misfit: Misfit, manifest: Manifest, through: str) -> str:
    overrides = root.data.get("overrides")
    if isinstance(overrides, dict) and misfit.name in overrides:
        line = root.line("overrides", misfit.name)
        return f"{root.file}:{line} overrides {misfit.name}, and {lock.file} was not made again after that."
    settings = ctx.workspace / root.folder / ".npmrc"
    try:
        lenient = "legacy-peer-deps" in settings.read_text(encoding="utf-8")
    except (OSError, ValueError):
        lenient = False
    why = f"; legacy-peer-deps in .npmrc keeps {lock.manager} from saying so" if lenient else ""
    if misfit.found:
        return f"{lock.file} locks {misfit.name} {misfit.found}{through}, outside of {misfit.wanted}{why}."
    return f"{manifest.file} does not declare {misfit.name}, which is expected{through}, and {lock.file} does not hold it{why}."


def _fix(ctx: Context, layout: Layout, manifest: Manifest, misfit: Misfit, asker: _Asker, kind: Kind) -> Fix:
    wanted = f'"{misfit.name}@{misfit.wanted}"' if any(c in misfit.wanted for c in " |<>*") else f"{misfit.name}@{misfit.wanted}"  # fmt: skip
    command = add_command(ctx, layout, manifest, [wanted])
    if kind == "peers":
        steps = [
            f"Install {misfit.name} in a version that {asker.shown} expects, or a version of {asker.shown} that fits {misfit.found or 'the rest'}."
        ]
        if misfit.found:
            steps.append(
                "Where the two can't meet, the package that lags is replaced; an override hides it only."
            )
        return Fix(tuple(steps), (terminal(command),), _DOCS["peers"], 15)
    again = f"rm -rf node_modules && npm install {misfit.name}@{misfit.wanted} --package-lock-only" if manifest.declares(misfit.name) else "npm update " + misfit.name  # fmt: skip
    return Fix(
        (f"Let the package manager lock {misfit.name} again, instead of editing the lock file.",),
        (terminal(again),),
        _DOCS["conflicts"],
        15,
    )

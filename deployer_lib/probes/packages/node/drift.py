"""What manifests declare against what the lock file noted of them (B2): missing, another range, no lock file, no digests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import Severity
from deployer_lib.check import Fix, Location, Result, failed
from deployer_lib.probes.packages.model import Examined
from deployer_lib.probes.packages.node.ranges import satisfies
from deployer_lib.probes.packages.node.sources import layout_known
from deployer_lib.probes.packages.node.words import lock_known, manager_for, refresh_command, terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployer_lib.probes.context import Context
    from deployer_lib.probes.packages.node.locks import Lock
    from deployer_lib.probes.packages.node.manifests import Layout, Manifest

__all__ = ["drift_examined", "local_folder"]

_DOCS: Final = "https://docs.npmjs.com/cli/configuring-npm/package-lock-json"
_LOCKED: Final = ("dependencies", "optionalDependencies", "devDependencies")
_LOCAL: Final = re.compile(r"^(?:workspace|file|link|portal|catalog|patch|npm|git|github|https?|\w+/)")
_FEW: Final = 5


def drift_examined(ctx: Context) -> Examined:
    """Return declared packages that the lock file lacks or has in another version, and what it does not pin down."""
    layout = layout_known(ctx)
    problems: list[Result] = []
    locks: list[str] = []
    unknown = list(layout.problems)
    roots = layout.install_roots()
    for root in roots:
        lock = lock_known(ctx, layout, root)
        if lock is None:
            problems += _no_lock(ctx, layout, root) if root is roots[0] else ()
        elif lock.problem:
            problems.append(_broken(ctx, layout, root, lock))
        elif lock.version == "binary":
            unknown.append(lock.silent_on_platforms)
        else:
            locks.append(lock.file)
            problems += _of_root(ctx, layout, root, lock)
    return Examined(tuple(problems), {"locks": [*locks], "manifests": [*layout.manifests]}, tuple(unknown))


def local_folder(output: str) -> str:
    """Return the local package that an installer did not find; the empty text where it names none."""
    found = re.search(r"ENOENT[^\n]*?'([^'\n]+)'", output)
    return found[1].rpartition("/npm-")[2].partition("/")[2].partition("/")[2] if found else ""


def _of_root(ctx: Context, layout: Layout, root: Manifest, lock: Lock) -> Iterator[Result]:
    own = [each for each in layout.manifests.values() if layout.install_root(each) is root]
    if lock.manager == "npm" and lock.version == "1":
        yield _old(lock)
    if lock.importers or lock.manager == "npm":
        for manifest in own:
            yield from _against_importers(ctx, layout, root, manifest, lock)
    elif lock.manager == "yarn":
        for manifest in own:
            yield from _against_requests(ctx, layout, root, manifest, lock)
    yield from _without_digest(lock)


def _against_importers(
    ctx: Context, layout: Layout, root: Manifest, manifest: Manifest, lock: Lock
) -> Iterator[Result]:
    inner = manifest.folder.removeprefix(f"{root.folder}/") if manifest is not root else ""
    noted = lock.importers.get(inner)
    for section in _LOCKED:
        for name, wanted in manifest.section(section).items():
            versions = lock.versions(name)
            if noted is None and lock.version == "1":
                if not versions and section != "optionalDependencies":
                    yield _lacks(ctx, layout, manifest, lock, section, name)
            elif noted is None or name not in noted:
                yield _lacks(ctx, layout, manifest, lock, section, name)
            elif name not in lock.overridden and _differs(noted[name], wanted):
                fits = lock.manager == "npm" and any(
                    satisfies(version, wanted) for version in _held(lock, inner, name)
                )
                yield _other(ctx, layout, manifest, lock, section, name, noted[name], fits=fits)


def _differs(noted: str, wanted: str) -> bool:
    """Tell whether two ranges differ in more than what a catalog, an override or blanks make of them."""
    return (
        noted.split() != wanted.split()
        and not wanted.startswith("catalog:")
        and not (noted.startswith(("link:", "workspace:")) and wanted.startswith(("link:", "workspace:")))
    )


def _held(lock: Lock, inner: str, name: str) -> list[str]:
    """Return the version that a package of the project gets by npm's lock file: its own, else the hoisted one."""
    placed = {entry.path: entry.version for entry in lock.entries if entry.name == name}
    own = placed.get(f"{inner}/node_modules/{name}") if inner else None
    version = own or placed.get(f"node_modules/{name}")
    return [version] if version else []


def _against_requests(
    ctx: Context, layout: Layout, root: Manifest, manifest: Manifest, lock: Lock
) -> Iterator[Result]:
    resolutions = {name.rpartition("/")[2] for name in root.section("resolutions")}
    names = {request[: request.rindex("@")] if "@npm:" not in request else request.partition("@npm:")[0] for request in lock.requests if "@" in request[1:]}  # fmt: skip
    members = layout.member_names()
    for section in _LOCKED:
        for name, wanted in manifest.section(section).items():
            if name in members or name.rpartition("/")[2] in resolutions or _LOCAL.match(wanted):
                continue
            if f"{name}@{wanted}" in lock.requests or f"{name}@npm:{wanted}" in lock.requests:
                continue
            versions = lock.versions(name)
            if name not in names and not versions:
                yield _lacks(ctx, layout, manifest, lock, section, name)
            else:
                yield _other(
                    ctx,
                    layout,
                    manifest,
                    lock,
                    section,
                    name,
                    versions[0] if versions else "another range",
                    fits=False,
                )


# -- findings --------------------------------------------------------------------------------------------------------


def _no_lock(ctx: Context, layout: Layout, root: Manifest) -> Iterator[Result]:
    declared = {name for section in _LOCKED for name in root.section(section)}
    if not declared:
        return
    first = next(section for section in _LOCKED if root.section(section))
    yield failed(
        f"There is no lock file; {len(declared)} dependencies of {root.file} are resolved anew at each install.",
        subject="lock file",
        severity=Severity.HIGH,
        root_cause=f"{root.file} declares ranges, and no file pins them.",
        impact="Two installs of the same commit may differ, so that what was tested is not what runs; npm ci refuses.",
        fix=Fix(
            ("Lock all dependencies, and commit the file.",),
            (terminal(refresh_command(manager_for(ctx, layout, root), root.folder)),),
            _DOCS,
            10,
        ),
        locations=(Location(root.file, root.line(first)),),
        declared=[*sorted(declared)],
    )


def _broken(ctx: Context, layout: Layout, root: Manifest, lock: Lock) -> Result:
    mark = re.search(r"^<<<<<<< ", lock.text, re.MULTILINE)
    line = re.search(r"line (\d+)", lock.problem)
    return failed(
        lock.problem,
        subject=lock.file,
        root_cause=f"{lock.file} is broken{': a merge was left half done' if mark else ''}.",
        impact="The application can't be installed from it.",
        fix=Fix(
            (f"Take {lock.file} from before it broke, bring it up to the manifest, and commit it.",),
            (
                terminal(
                    f"git checkout HEAD~1 -- {lock.file} && {refresh_command(manager_for(ctx, layout, root), root.folder)}"
                ),
            ),
            _DOCS,
            10,
        ),
        locations=(Location(lock.file, int(line[1]) if line else 0),),
        manager=lock.manager,
    )


def _lacks(ctx: Context, layout: Layout, manifest: Manifest, lock: Lock, section: str, name: str) -> Result:
    wanted = manifest.section(section)[name]
    line = manifest.line(section, name)
    return failed(
        f"{manifest.file}:{line} declares {name} {wanted}, and {lock.file} does not hold it.",
        subject=name,
        root_cause=f"{lock.file} was not made again after {manifest.file}:{line} was changed.",
        impact=f"{lock.manager}'s clean install refuses to run.",
        fix=_again(ctx, layout, manifest, lock),
        locations=(Location(manifest.file, line), Location(lock.file, 0)),
        declared=wanted,
        locked="",
    )


def _other(
    ctx: Context,
    layout: Layout,
    manifest: Manifest,
    lock: Lock,
    section: str,
    name: str,
    noted: str,
    *,
    fits: bool,
) -> Result:
    wanted = manifest.section(section)[name]
    line = manifest.line(section, name)
    return failed(
        f"{manifest.file}:{line} declares {name} {wanted}, and {lock.file} was made for {noted}.",
        subject=name,
        severity=Severity.LOW if fits else None,
        root_cause=f"{lock.file} was not made again after {manifest.file}:{line} was changed.",
        impact="The locked version still fits the manifest; the next install changes the lock file."
        if fits
        else f"{lock.manager}'s clean install refuses to run.",
        fix=_again(ctx, layout, manifest, lock),
        locations=(Location(manifest.file, line), Location(lock.file, lock.line(name))),
        declared=wanted,
        locked=noted,
    )


def _again(ctx: Context, layout: Layout, manifest: Manifest, lock: Lock) -> Fix:
    command = refresh_command(manager_for(ctx, layout, manifest), layout.install_root(manifest).folder)
    return Fix((f"Bring {lock.file} up to the manifest, and commit it.",), (terminal(command),), _DOCS, 5)


def _old(lock: Lock) -> Result:
    return failed(
        f"{lock.file} has lockfileVersion 1, of npm 6 and before.",
        subject=lock.file,
        severity=Severity.LOW,
        root_cause="The lock file was last written by npm 6 or before.",
        impact="It says nothing of peer dependencies and platforms; newer npm asks the registry for them at each install.",
        fix=Fix(
            ("Write it with a current npm, and commit it.",),
            (terminal("npm install --package-lock-only"),),
            _DOCS,
            5,
        ),
        locations=(
            Location(lock.file, max(lock.text.count("\n", 0, lock.text.find('"lockfileVersion"')) + 1, 1)),
        ),
        lockfile_version=1,
    )


def _without_digest(lock: Lock) -> Iterator[Result]:
    """Yield one finding for all packages that come from a registry without a digest; npm's and pnpm's lock files have them."""
    if lock.manager != "npm":
        return
    bare = [
        entry
        for entry in lock.entries
        if not (entry.has_integrity or entry.link or entry.bundled)
        and re.match(r"\d+\.", entry.version)
        and not entry.source.startswith(("git", "file:"))
    ]
    if not bare:
        return
    yield failed(
        f"{lock.file} has no digest (integrity) of {len(bare)} package(s): {', '.join(entry.name for entry in bare[:_FEW])}.",
        subject="integrity",
        severity=Severity.MEDIUM,
        root_cause="The lock file was made from an installed folder, by a broken registry, or edited by hand.",
        impact="What is downloaded is not compared with what was locked: a changed package is installed unseen.",
        fix=Fix(
            ("Make the lock file again from the registry, and commit it.",),
            (terminal("rm -rf node_modules package-lock.json && npm install --package-lock-only"),),
            _DOCS,
            10,
        ),
        locations=[Location(lock.file, lock.line(entry.name)) for entry in bare[:_FEW]],
        packages=[f"{entry.name}@{entry.version}" for entry in bare],
    )

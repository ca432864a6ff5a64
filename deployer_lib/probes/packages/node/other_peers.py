"""Peers by the lock files of pnpm, and of yarn's second form, read without the tools."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from deployer_lib.probes.packages.node.listing import Misfit
from deployer_lib.probes.packages.node.lock_entry import as_map, as_words
from deployer_lib.probes.packages.node.ranges import satisfies

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from deployer_lib.probes.packages.node.locks import Lock
    from deployer_lib.probes.packages.node.manifests import Layout, Manifest

__all__ = ["berry_misfits", "bun_misfits", "pnpm_misfits", "yarn_conflicts"]


def pnpm_misfits(lock: Lock, root: Manifest, settings: Mapping[str, Any]) -> list[Misfit]:
    """Return peers that pnpm found nobody for, or in another version; what is allowed is left out.

    Args:
        lock: pnpm's lock file.
        root: the manifest beside it, which may hold ``pnpm.peerDependencyRules``.
        settings: ``pnpm-workspace.yaml``, which may hold them too.
    """
    rules = as_map(as_map(root.data.get("pnpm")).get("peerDependencyRules")) | as_map(
        settings.get("peerDependencyRules")
    )
    allowed = {name.rpartition(">")[2] for name in as_words(rules.get("allowedVersions"))}
    ignored = [str(each) for key in ("ignoreMissing", "allowAny") for each in rules.get(key) or ()]
    found: list[Misfit] = []
    for entry in lock.entries:
        for name, wanted in entry.peers.items():
            if name in entry.optional_peers or name in allowed or any(_covers(p, name) for p in ignored):
                continue
            got = entry.dependencies.get(name) or entry.optional_dependencies.get(name, "")
            version = re.split(r"[(_]", got)[0]
            if not got or satisfies(version, wanted) is False:
                found.append(Misfit(name, wanted, f"{entry.name}@{entry.version}", version))
    return found


def berry_misfits(layout: Layout, root: Manifest, lock: Lock) -> list[Misfit]:
    """Return peers of direct dependencies that their manifest does not provide, or that are locked in other versions."""
    own = [each for each in layout.manifests.values() if layout.install_root(each) is root]
    return [misfit for manifest in own for misfit in _of_manifest(lock, manifest, root)]


def bun_misfits(lock: Lock) -> list[Misfit]:
    """Return peers that bun's lock file holds in no version that fits."""
    found: list[Misfit] = []
    for entry in lock.entries:
        for name, wanted in entry.peers.items():
            versions = lock.versions(name)
            if name in entry.optional_peers or any(satisfies(v, wanted) is not False for v in versions):
                continue
            found.append(
                Misfit(name, wanted, f"{entry.name}@{entry.version}", versions[0] if versions else "")
            )
    return found


def yarn_conflicts(lock: Lock, root: Manifest) -> list[Misfit]:
    """Return requests that yarn's lock file answers with a version outside of them; ``resolutions`` may do so."""
    forced = {name.rpartition("/")[2] for name in as_words(root.data.get("resolutions"))}
    found: list[Misfit] = []
    for entry in lock.entries:
        for key in entry.path.split(", "):
            wanted = key[len(entry.name) + 1 :].removeprefix("npm:")
            if entry.name.rpartition("/")[2] in forced or satisfies(entry.version, wanted) is not False:
                continue
            asker = next(
                (e for e in lock.entries if e.dependencies.get(entry.name) in {wanted, f"npm:{wanted}"}), None
            )
            found.append(
                Misfit(entry.name, wanted, f"{asker.name}@{asker.version}" if asker else key, entry.version)
            )
    return found


def _of_manifest(lock: Lock, manifest: Manifest, root: Manifest) -> Iterator[Misfit]:
    resolutions = as_words(root.data.get("resolutions"))
    direct = {**manifest.section("devDependencies"), **manifest.section("dependencies")}
    for entry in lock.entries:
        if entry.name not in direct or not _is_wanted(entry.version, direct[entry.name]):
            continue
        for name, wanted in entry.peers.items():
            if name in entry.optional_peers or name in entry.dependencies or name in resolutions:
                continue
            versions = lock.versions(name)
            if not manifest.declares(name):
                yield Misfit(name, wanted, f"{entry.name}@{entry.version}")
            elif versions and all(satisfies(version, wanted) is False for version in versions):
                yield Misfit(name, wanted, f"{entry.name}@{entry.version}", versions[0])


def _is_wanted(version: str, wanted: str) -> bool:
    return satisfies(version, wanted) is not False


def _covers(pattern: str, name: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), name) is not None

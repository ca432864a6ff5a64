"""Lock files of npm, pnpm, yarn and bun, read into one form: what is locked, what it asks for, and for whom."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from deployer_lib.probes.packages.node.lock_entry import Entry, as_map, as_words
from deployer_lib.probes.packages.node.lock_texts import berry_entries, bun_lock, pnpm_lock, yarn_entries
from deployer_lib.probes.packages.node.manifests import Manifest, read_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["LOCKS", "Lock", "Manager", "find_lock", "manager_of"]

Manager = Literal["npm", "pnpm", "yarn", "bun"]
#: Lock files, in the order in which they are believed where several lie side by side and nothing else decides.
LOCKS: Final[dict[str, Manager]] = {
    "npm-shrinkwrap.json": "npm",
    "package-lock.json": "npm",
    "pnpm-lock.yaml": "pnpm",
    "yarn.lock": "yarn",
    "bun.lock": "bun",
    "bun.lockb": "bun",
}


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock file."""

    file: str  # relative to the project
    manager: Manager
    text: str = ""
    version: str = ""  # lockfileVersion; "v1" and "berry" for yarn
    entries: tuple[Entry, ...] = ()
    #: Folder of each package of the project (relative to the lock file) -> name -> range, as the lock file noted them.
    importers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    #: Keys ``name@range`` of yarn's lock files, that name each request.
    requests: frozenset[str] = frozenset()
    overridden: frozenset[str] = frozenset()  # names whose range the workspace sets for all
    problem: str = ""  # why it can't be read
    _versions: dict[str, list[str]] = field(default_factory=dict)

    @property
    def silent_on_platforms(self) -> str:
        """Return why the file does not say on which systems its packages install; empty where it does."""
        if self.version == "binary":
            return f"{self.file} is binary, and only bun reads it; write it as text by bun install --save-text-lockfile."
        if (self.manager, self.version) in {("npm", "1"), ("yarn", "v1")}:
            return f"{self.file} is of a form that does not say on which systems packages install."
        return ""

    def versions(self, package: str) -> list[str]:
        """Return the locked versions of a package, the one that is hoisted first."""
        if not self._versions:
            for entry in sorted(self.entries, key=lambda each: each.path.count("node_modules/")):
                self._versions.setdefault(entry.name, []).append(entry.version)
        return self._versions.get(package, [])

    def line(self, package: str) -> int:
        """Return the line on which a package's entry begins; 0 where there is none."""
        name = re.escape(package)
        pattern = {
            "npm": rf'^\s*"(?:[^"\n]*node_modules/)?{name}"\s*:\s*\{{',
            "pnpm": rf"^\s+['\"]?/?{name}[@/]",
            "yarn": rf"^\"?{name}@",
            "bun": rf'^\s*"{name}"\s*:\s*\[',
        }[self.manager]
        found = re.search(pattern, self.text, re.MULTILINE)
        return self.text.count("\n", 0, found.start()) + 1 if found else 0


def manager_of(root: Path, manifest: Manifest) -> Manager:
    """Return the package manager of an install root: declared, else by its lock file, else npm."""
    declared = manifest.data.get("packageManager")
    name = declared.partition("@")[0] if isinstance(declared, str) else ""
    if name in LOCKS.values():
        return name  # type: ignore[return-value]  # one of the literals, as the line above saw
    return next((kind for file, kind in LOCKS.items() if (root / manifest.folder / file).exists()), "npm")


def find_lock(root: Path, manifest: Manifest) -> Lock | None:
    """Return the lock file beside a manifest; None where there is none."""
    manager = manager_of(root, manifest)
    present = [file for file in LOCKS if (root / manifest.folder / file).exists()]
    chosen = next((file for file in present if LOCKS[file] == manager), None) or next(iter(present), None)
    if chosen is None:
        return None
    shown = f"{manifest.folder}/{chosen}" if manifest.folder else chosen
    path = root / manifest.folder / chosen
    try:
        if chosen == "bun.lockb":
            return Lock(shown, "bun", version="binary")
        return _READERS[LOCKS[chosen]](shown, read_text(path))
    except OSError as error:
        return Lock(shown, LOCKS[chosen], problem=f"{shown} can't be read: {error.strerror}.")
    except (ValueError, RecursionError, AttributeError, TypeError) as error:
        said = " ".join(str(error).split())[:200]
        return Lock(shown, LOCKS[chosen], problem=f"{shown} can't be read: {said}.")


# -- npm -------------------------------------------------------------------------------------------------------------


def _npm(file: str, text: str) -> Lock:
    data = json.loads(text)
    if not isinstance(data, dict):
        raise ValueError("it is no object")  # noqa: TRY004  (what is wrong is the file's content)
    version = str(data.get("lockfileVersion", 1))
    packages = data.get("packages")
    if not isinstance(packages, dict):
        return Lock(file, "npm", text, version, tuple(_old_npm(as_map(data.get("dependencies")), "")))
    entries: list[Entry] = []
    importers: dict[str, dict[str, str]] = {}
    for path, raw in packages.items():
        if not isinstance(raw, dict):
            continue
        if "node_modules/" not in f"{path}/":
            importers[path] = {
                **as_words(raw.get("peerDependencies")),
                **as_words(raw.get("devDependencies")),
                **as_words(raw.get("optionalDependencies")),
                **as_words(raw.get("dependencies")),
            }
        else:
            entries.append(_npm_entry(path, raw))
    return Lock(file, "npm", text, version, tuple(entries), importers)


def _npm_entry(path: str, raw: dict[str, Any]) -> Entry:
    plain = path.rpartition("node_modules/")[2]
    return Entry(
        name=plain,
        version=str(raw.get("version", "")),
        path=path,
        dependencies=as_words(raw.get("dependencies")),
        optional_dependencies=as_words(raw.get("optionalDependencies")),
        peers=as_words(raw.get("peerDependencies")),
        optional_peers=frozenset(
            name
            for name, meta in as_map(raw.get("peerDependenciesMeta")).items()
            if isinstance(meta, dict) and meta.get("optional")
        ),
        optional=bool(raw.get("optional") or raw.get("devOptional")),
        dev=bool(raw.get("dev") or raw.get("devOptional")),
        os=_several(raw.get("os")),
        cpu=_several(raw.get("cpu")),
        libc=_several(raw.get("libc")),
        has_integrity="integrity" in raw,
        source=str(raw.get("resolved", "")),
        link=bool(raw.get("link")),
        bundled=bool(raw.get("inBundle")),
    )


def _old_npm(dependencies: dict[str, Any], prefix: str) -> list[Entry]:
    found: list[Entry] = []
    for name, raw in dependencies.items():
        if not isinstance(raw, dict):
            continue
        path = f"{prefix}node_modules/{name}"
        found.append(
            Entry(
                name=name,
                version=str(raw.get("version", "")),
                path=path,
                dependencies=as_words(raw.get("requires")),
                optional=bool(raw.get("optional")),
                dev=bool(raw.get("dev")),
                has_integrity="integrity" in raw,
                source=str(raw.get("resolved", "")),
                bundled=bool(raw.get("bundled")),
            )
        )
        found += _old_npm(as_map(raw.get("dependencies")), f"{path}/")
    return found


def _several(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(str(each) for each in value) if isinstance(value, list) else ()


# -- others ----------------------------------------------------------------------------------------------------------


def _pnpm(file: str, text: str) -> Lock:
    read = pnpm_lock(text)
    return Lock(file, "pnpm", text, read.version, read.entries, read.importers, overridden=read.overridden)


def _yarn(file: str, text: str) -> Lock:
    berry = "__metadata:" in text[:2_000]
    entries, requests = berry_entries(text) if berry else yarn_entries(text)
    return Lock(file, "yarn", text, "berry" if berry else "v1", entries, requests=requests)


def _bun(file: str, text: str) -> Lock:
    read = bun_lock(text)
    return Lock(file, "bun", text, read.version, read.entries, read.importers, overridden=read.overridden)


_READERS: Final = {"npm": _npm, "pnpm": _pnpm, "yarn": _yarn, "bun": _bun}

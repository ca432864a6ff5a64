"""``package.json`` files of a project: what each declares, on which line, and which are members of a workspace."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from fnmatch import translate
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from deployer_lib.probes.packages.node.yaml_text import yaml_map
from deployer_lib.probes.variables.sources import is_apart

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["PRODUCTION", "SECTIONS", "Layout", "Manifest", "layout_of", "line_in", "read_text"]

#: Sections in which a name is there after ``npm ci --omit=dev``, its own or its user's.
PRODUCTION: Final = ("dependencies", "optionalDependencies", "peerDependencies")
SECTIONS: Final = (*PRODUCTION, "devDependencies")
_MAX_BYTES: Final = 80_000_000  # lock files of large monorepos have some 20 MB
_EXAMPLE: Final = re.compile(r"(?:^|[-_])(?:examples?|demos?|samples?|fixtures?|templates?)$")
_PRUNED: Final = frozenset({"node_modules", "bower_components", ".git", ".yarn", ".next", ".deployer"})


@dataclass(frozen=True, slots=True)
class Manifest:
    """One ``package.json``."""

    folder: str  # relative to the project, empty for its root
    data: Mapping[str, Any]
    text: str

    @property
    def file(self) -> str:
        """Return its path, relative to the project."""
        return f"{self.folder}/package.json" if self.folder else "package.json"

    @property
    def name(self) -> str:
        """Return the package's name, or its folder's."""
        name = self.data.get("name")
        return name if isinstance(name, str) and name else self.folder

    def section(self, name: str) -> dict[str, str]:
        """Return names and ranges of a section; what is no text there is left out."""
        found = self.data.get(name)
        return (
            {key: value for key, value in found.items() if isinstance(value, str)}
            if isinstance(found, dict)
            else {}
        )

    def declares(self, package: str) -> str:
        """Return the section that declares a package, production before development; empty where none does."""
        return next((section for section in SECTIONS if package in self.section(section)), "")

    def scripts(self) -> dict[str, str]:
        """Return its scripts."""
        return self.section("scripts")

    def line(self, section: str, key: str = "") -> int:
        """Return the line of a section, or of a name in it; 0 where it is not there."""
        return line_in(self.text, section, key)

    @property
    def is_stub(self) -> bool:
        """Tell whether it declares nothing at all: ``{"type": "module"}`` in a folder of an application."""
        return not any(isinstance(self.data.get(section), dict) for section in SECTIONS)


@dataclass(frozen=True, slots=True)
class Layout:
    """All manifests of a project, and how they belong together."""

    root: Path
    manifests: Mapping[str, Manifest]  # folder -> manifest; tests, examples and foreign code left out
    members: Mapping[str, str]  # folder of a workspace's member -> folder of the workspace
    folders: tuple[str, ...]  # of every package.json, those that are left out included
    problems: tuple[str, ...] = ()
    _owners: dict[str, Manifest | None] = field(default_factory=dict)

    def owner(self, file: str) -> Manifest | None:
        """Return the manifest by which a file is judged: the nearest that declares anything."""
        folder = file.rpartition("/")[0]
        if folder not in self._owners:
            self._owners[folder] = next(self._upwards(folder), None)
        return self._owners[folder]

    def above(self, manifest: Manifest) -> Iterator[Manifest]:
        """Yield the manifests of folders above one, nearest first."""
        if manifest.folder:
            yield from self._upwards(manifest.folder.rpartition("/")[0])

    def _upwards(self, folder: str) -> Iterator[Manifest]:
        parts = PurePosixPath(folder).parts
        for count in range(len(parts), -1, -1):
            found = self.manifests.get("/".join(parts[:count]))
            if found is not None and (not found.is_stub or count == 0 or found.folder in self.members):
                yield found

    def member_names(self) -> dict[str, Manifest]:
        """Return the workspaces' members by name."""
        return {
            self.manifests[folder].name: self.manifests[folder]
            for folder in self.members
            if folder in self.manifests
        }

    def install_roots(self) -> list[Manifest]:
        """Return the manifests that are installed by themselves, the project's root first."""
        return [
            manifest
            for folder, manifest in sorted(self.manifests.items())
            if folder not in self.members and (not manifest.is_stub or folder in self.members.values())
        ]

    def install_root(self, manifest: Manifest) -> Manifest:
        """Return the manifest beside whose lock file a package is installed."""
        return self.manifests.get(self.members.get(manifest.folder, manifest.folder), manifest)


def layout_of(root: Path) -> Layout:
    """Return the manifests of a project; one that can't be read is named in ``problems``."""
    folders = sorted(_folders(root))
    read: dict[str, Manifest] = {}
    problems: list[str] = []
    for folder in folders:
        found = _read(root, folder)
        if isinstance(found, Manifest):
            read[folder] = found
        elif not is_apart(Path(folder) / "package.json"):
            problems.append(found)
    members = _members(root, read, problems)
    kept = {
        folder: manifest
        for folder, manifest in read.items()
        if folder in members
        or not (
            is_apart(Path(folder) / "package.json")
            or any(_EXAMPLE.search(part) for part in folder.split("/"))
        )
    }
    return Layout(root, kept, members, tuple(folders), tuple(problems))


def read_text(path: Path) -> str:
    """Return a text file.

    Raises:
        OSError, ValueError: it can't be read, is too large, or is no UTF-8.
    """
    if path.stat().st_size > _MAX_BYTES:
        raise ValueError(f"it has more than {_MAX_BYTES:,} bytes")
    return path.read_text(encoding="utf-8-sig")


def line_in(text: str, section: str, key: str = "") -> int:
    """Return the line of ``"section": {``, or of a name inside it; 0 where it is not there."""
    opened = re.search(rf'"{re.escape(section)}"\s*:\s*\{{([^{{}}]*)', text)
    if opened is None:
        return 0
    if not key:
        return text.count("\n", 0, opened.start()) + 1
    named = re.compile(rf'"{re.escape(key)}"\s*:').search(text, opened.start(1), opened.end(1))
    return text.count("\n", 0, named.start()) + 1 if named else 0


def _folders(root: Path) -> Iterator[str]:
    for here, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in _PRUNED and not name.startswith(".")]
        if "package.json" in files or "package.json" in folders:
            relative = Path(here).relative_to(root).as_posix()
            yield "" if relative == "." else relative


def _read(root: Path, folder: str) -> Manifest | str:
    path = root / folder / "package.json"
    shown = path.relative_to(root).as_posix()
    try:
        text = read_text(path)
        data = json.loads(text)
    except RecursionError:
        return f"{shown} can't be read: it is nested too deeply."
    except OSError as error:
        return f"{shown} can't be read: {error.strerror}."
    except ValueError as error:
        return f"{shown} can't be read: {error}."
    if not isinstance(data, dict):
        return f"{shown} is no object."
    return Manifest(folder, data, text)


def _members(root: Path, read: Mapping[str, Manifest], problems: list[str]) -> dict[str, str]:
    members: dict[str, str] = {}
    for folder, manifest in read.items():
        patterns = _workspaces(root, manifest, problems)
        wanted = [_pattern(text) for text in patterns if not text.startswith("!")]
        unwanted = [_pattern(text[1:]) for text in patterns if text.startswith("!")]
        prefix = f"{folder}/" if folder else ""
        for other in read:
            inner = other.removeprefix(prefix)
            if other == folder or not other.startswith(prefix):
                continue
            if any(p.match(inner) for p in wanted) and not any(p.match(inner) for p in unwanted):
                members.setdefault(other, folder)
    return members


def _workspaces(root: Path, manifest: Manifest, problems: list[str]) -> list[str]:
    declared = manifest.data.get("workspaces")
    if isinstance(declared, dict):
        declared = declared.get("packages")
    patterns = [text for text in declared if isinstance(text, str)] if isinstance(declared, list) else []
    file = "/".join(filter(None, (manifest.folder, "pnpm-workspace.yaml")))
    try:
        listed = yaml_map(read_text(root / file)).get("packages")
    except FileNotFoundError:
        return patterns
    except (OSError, ValueError) as error:
        said = " ".join(str(error.strerror if isinstance(error, OSError) else error).split())
        problems.append(f"{file} can't be read: {said}.")
        return patterns
    return (
        [*patterns, *(text for text in listed if isinstance(text, str))]
        if isinstance(listed, list)
        else patterns
    )


def _pattern(text: str) -> re.Pattern[str]:
    """Return what a glob of folders matches: ``packages/*``, ``./apps/web/``, ``packages/**``."""
    parts = [part for part in text.split("/") if part not in {"", "."}]
    out = ""
    for number, part in enumerate(parts):
        if part == "**":
            out += "(?:[^/]+/)*" if number < len(parts) - 1 else ".+"
            continue
        braces = re.sub(r"\\\{([^{}]*)\\\}", lambda m: f"(?:{m[1].replace(',', '|')})", _glob(part))
        out += braces + ("/" if number < len(parts) - 1 else "")
    return re.compile(f"{out}$")


def _glob(part: str) -> str:
    inner = translate(part)
    inner = inner.removeprefix("(?s:").removesuffix(r")\Z")
    return inner.replace(".*", "[^/]*")

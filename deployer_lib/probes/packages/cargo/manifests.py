"""Cargo's manifests as they are written: packages, their targets and dependencies, and to which workspace each belongs."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from deployer_lib.probes.variables.sources import is_apart, list_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = [
    "MANIFEST",
    "Dependency",
    "Package",
    "Projects",
    "Use",
    "manifest_files",
    "module_of",
    "read_projects",
]

MANIFEST: Final = "Cargo.toml"
Use = Literal["production", "development", "build"]

_TABLES: Final[tuple[tuple[str, Use], ...]] = (
    ("dependencies", "production"),
    ("dev-dependencies", "development"),
    ("dev_dependencies", "development"),
    ("build-dependencies", "build"),
    ("build_dependencies", "build"),
)
_MAX_BYTES: Final = 5_000_000
_HEADER: Final = re.compile(r"^\s*\[{1,2}\s*([^\[\]]+(?:\[[^\]]*\])?[^\[\]]*?)\s*\]{1,2}\s*(?:#.*)?$")
_KEY: Final = re.compile(r"^\s*[\"']?([A-Za-z0-9_-]+)[\"']?\s*[.=]")
#: Folders that never hold a manifest of the project's own.
_FOREIGN: Final = frozenset({"target", "node_modules", ".git", "vendor", "third_party", ".venv", "venv"})


@dataclass(frozen=True, slots=True)
class Dependency:
    """One entry of a dependency table."""

    key: str  # as it is written on the left; code calls it by this name
    package: str  # name in the registry
    requirement: str  # of its version, empty where none is written
    use: Use
    target: str  # the condition of [target.'…'.dependencies], empty where there is none
    optional: bool
    path: str  # of a package beside, relative to where it is declared; empty where it is none
    git: bool
    file: str  # relative to the project
    line: int

    @property
    def module(self) -> str:
        """Return the name by which code calls it, as far as the manifest tells."""
        return module_of(self.key)


@dataclass(frozen=True, slots=True)
class Package:
    """One crate."""

    folder: Path  # relative to the project
    name: str
    version: str
    edition: str
    library: str  # module name of its library, whether it has one or not
    data: Mapping[str, Any]
    dependencies: tuple[Dependency, ...]
    root: Path  # folder of the workspace, or its own
    member: bool  # of that workspace; else a package beside that a member needs
    production: bool  # it lies in no folder of tests, examples or foreign code

    @property
    def file(self) -> str:
        """Return its manifest, relative to the project."""
        return (self.folder / MANIFEST).as_posix()


@dataclass(frozen=True, slots=True)
class Projects:
    """All that the manifests of a folder say."""

    packages: tuple[Package, ...] = ()
    roots: tuple[Path, ...] = ()  # where a lock file belongs; production's alone
    broken: tuple[tuple[str, str], ...] = ()  # (manifest, why it can't be read)

    def members(self, root: Path) -> list[Package]:
        """Return the packages that share a lock file."""
        return [package for package in self.packages if package.root == root]


@dataclass(slots=True)
class _Manifest:
    folder: Path
    data: dict[str, Any]
    lines: dict[tuple[str, str], int]
    production: bool
    root: Path | None = field(default=None)
    member: bool = True


def module_of(name: str) -> str:
    """Return a package's name as code writes it."""
    return name.replace("-", "_")


def manifest_files(project: Path, exclude: Iterable[str] = ()) -> list[str]:
    """Return the manifests of production packages, relative to the project."""
    return [file for file in list_files(project, exclude).files if file.rpartition("/")[2] == MANIFEST]


def read_projects(project: Path, exclude: Iterable[str] = ()) -> Projects:
    """Read every manifest below a folder, those of tests and examples too: a workspace names them."""
    production = set(manifest_files(project, exclude))
    manifests: dict[Path, _Manifest] = {}
    broken: list[tuple[str, str]] = []
    for folder in _folders(project):
        file = (folder / MANIFEST).as_posix()
        read = _read(project / folder / MANIFEST)
        if isinstance(read, str):
            if read and file in production:
                broken.append((file, read))
        else:
            data, text = read
            manifests[folder] = _Manifest(folder, data, _lines(text), file in production)
    _place(manifests)
    packages = tuple(
        _package(manifest, manifests) for manifest in manifests.values() if _is_package(manifest.data)
    )
    of_production = {
        folder for folder in manifests if manifests[folder].production and manifests[folder].root == folder
    }
    used = {package.root for package in packages if package.production}
    return Projects(packages, tuple(sorted(of_production & used)), tuple(broken))


def _folders(project: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(project):
        names[:] = sorted(name for name in names if name not in _FOREIGN and not name.startswith("."))
        if MANIFEST in files:
            yield Path(folder).relative_to(project)


def _read(path: Path) -> tuple[dict[str, Any], str] | str:
    """Return a manifest and its text; why it can't be read instead, empty where it is a template."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            return "it is larger than 5 MB"
        text = path.read_bytes().decode("utf-8")
        return tomllib.loads(text), text
    except OSError as error:
        return f"it can't be opened: {error.strerror}"
    except UnicodeDecodeError:
        return "it is not UTF-8"
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return "" if "{{" in text else f"it is not valid TOML: {error}"


def _is_package(data: Mapping[str, Any]) -> bool:
    return isinstance(_table(data, "package").get("name"), str)


def _table(data: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    here: object = data
    for key in keys:
        here = here.get(key) if isinstance(here, dict) else None
    return here if isinstance(here, dict) else {}


def _lines(text: str) -> dict[tuple[str, str], int]:
    """Return where each key of a table stands first: ``(table, key)`` → line; a table's own line is under the empty key."""
    found: dict[tuple[str, str], int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line)
        if header:
            table = re.sub(r"\s*\.\s*(?=[\w\"'-])", ".", header.group(1))
            found.setdefault((table, ""), number)
            parent, _, name = table.rpartition(".")
            found.setdefault((parent, name.strip("\"'")), number)
        elif key := _KEY.match(line):
            found.setdefault((table, key.group(1)), number)
    return found


# -- workspaces ------------------------------------------------------------------------------------------------------


def _place(manifests: Mapping[Path, _Manifest]) -> None:
    """Find the workspace of every package, as cargo does: its own, the one it names, or the next above."""
    for manifest in manifests.values():
        manifest.root = _root_of(manifest, manifests)
    for manifest in manifests.values():
        for beside in _paths(manifest):
            other = manifests.get(beside)
            if other is not None and other.root == other.folder and "workspace" not in other.data:
                other.root, other.member = manifest.root, False


def _root_of(manifest: _Manifest, manifests: Mapping[Path, _Manifest]) -> Path:
    if "workspace" in manifest.data:
        return manifest.folder
    named = _table(manifest.data, "package").get("workspace")
    if isinstance(named, str):
        return _joined(manifest.folder, named)
    for above in manifest.folder.parents:
        workspace = manifests.get(above)
        if workspace is None or "workspace" not in workspace.data:
            continue
        relative = manifest.folder.relative_to(above).as_posix()
        left_out = _table(workspace.data, "workspace").get("exclude", [])
        if any(
            isinstance(each, str)
            and (relative == each.strip("/") or relative.startswith(f"{each.strip('/')}/"))
            for each in left_out
        ) and not _is_member(workspace, relative):
            return manifest.folder
        return above
    return manifest.folder


def _is_member(workspace: _Manifest, relative: str) -> bool:
    members = _table(workspace.data, "workspace").get("members", [])
    return any(isinstance(each, str) and fnmatch(relative, each.strip("/")) for each in members)


def _paths(manifest: _Manifest) -> Iterator[Path]:
    for _, table, _, _ in _dependency_tables(manifest.data):
        for value in table.values():
            if isinstance(value, dict) and isinstance(value.get("path"), str):
                yield _joined(manifest.folder, value["path"])


def _joined(folder: Path, path: str) -> Path:
    return Path(os.path.normpath(folder / path))


# -- packages --------------------------------------------------------------------------------------------------------


def _package(manifest: _Manifest, manifests: Mapping[Path, _Manifest]) -> Package:
    root = manifest.root or manifest.folder
    workspace = manifests.get(root)
    section = _table(manifest.data, "package")
    shared = _table(workspace.data, "workspace", "package") if workspace else {}
    library = _table(manifest.data, "lib").get("name")
    return Package(
        manifest.folder,
        section["name"],
        _inherited(section, shared, "version", "0.0.0"),
        _inherited(section, shared, "edition", "2015"),
        library if isinstance(library, str) else module_of(section["name"]),
        manifest.data,
        tuple(_dependencies(manifest, workspace)),
        root,
        manifest.member,
        manifest.production and not is_apart(manifest.folder / MANIFEST),
    )


def _inherited(section: Mapping[str, Any], shared: Mapping[str, Any], key: str, absent: str) -> str:
    value = section.get(key)
    if isinstance(value, dict):
        value = shared.get(key)
    return value if isinstance(value, str) else absent


def _dependency_tables(data: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any], Use, str]]:
    for name, use in _TABLES:
        yield name, _table(data, name), use, ""
    for condition in _table(data, "target"):
        for name, use in _TABLES:
            yield name, _table(data, "target", condition, name), use, condition


def _dependencies(manifest: _Manifest, workspace: _Manifest | None) -> Iterator[Dependency]:
    shared = _table(workspace.data, "workspace", "dependencies") if workspace else {}
    file = (manifest.folder / MANIFEST).as_posix()
    for name, table, use, condition in _dependency_tables(manifest.data):
        for key, value in table.items():
            optional = isinstance(value, dict) and bool(value.get("optional"))
            where = manifest.folder
            merged = value
            if isinstance(value, dict) and value.get("workspace"):
                merged, where = shared.get(key, {}), workspace.folder if workspace else where
            entry: dict[str, Any] = merged if isinstance(merged, dict) else {"version": merged}
            path = entry.get("path")
            yield Dependency(
                key,
                str(entry.get("package", key)),
                str(entry.get("version", "")),
                use,
                condition,
                optional,
                _joined(where, path).as_posix() if isinstance(path, str) else "",
                "git" in entry,
                file,
                _line(manifest.lines, name, key, condition),
            )


def _line(lines: Mapping[tuple[str, str], int], table: str, key: str, condition: str) -> int:
    if not condition:
        return lines.get((table, key), 0)
    for (header, name), line in lines.items():
        if (
            name == key
            and header.startswith("target.")
            and header.endswith(f".{table}")
            and condition in header
        ):
            return line
    return 0

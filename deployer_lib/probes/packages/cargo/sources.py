"""The files that a crate is compiled from: its roots, and what ``mod`` leads to from there, as rustc finds them."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.packages.cargo.code import Code, read_code

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from deployer_lib.probes.packages.cargo.code import Submodule
    from deployer_lib.probes.packages.cargo.manifests import Package

__all__ = ["Compiled", "compiled_files"]

_MAX_BYTES: Final = 5_000_000


@dataclass(slots=True)
class Compiled:
    """What production code and the build script of a package consist of."""

    production: dict[str, Code] = field(default_factory=dict)  # file, relative to the project
    build: dict[str, Code] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)  # what could not be read, and why


def compiled_files(project: Path, package: Package) -> Compiled:
    """Return every file that a build of the package's library, programs and build script compiles."""
    found = Compiled()
    features = _features(package)
    for root in _roots(project, package):
        _follow(project, root, features, found.production, found.unread)
    if script := _build_script(project, package):
        _follow(project, script, features, found.build, found.unread)
    return found


def _features(package: Package) -> frozenset[str]:
    declared = package.data.get("features", {})
    optional = {dependency.key for dependency in package.dependencies if dependency.optional}
    return frozenset({*(declared if isinstance(declared, dict) else ()), *optional, "default"})


def _roots(project: Path, package: Package) -> list[Path]:
    folder = package.folder
    library = package.data.get("lib")
    candidates = [_path(library) or "src/lib.rs", "src/main.rs"]
    bins = package.data.get("bin", [])
    candidates += [path for each in (bins if isinstance(bins, list) else ()) if (path := _path(each))]
    roots = [folder / each for each in candidates]
    programs = project / folder / "src" / "bin"
    if programs.is_dir():
        roots += [path.relative_to(project) for path in sorted(programs.glob("*.rs"))]
        roots += [path.relative_to(project) for path in sorted(programs.glob("*/main.rs"))]
    return [root for root in dict.fromkeys(roots) if (project / root).is_file()]


def _path(target: object) -> str:
    path = target.get("path") if isinstance(target, dict) else None
    return path if isinstance(path, str) else ""


def _build_script(project: Path, package: Package) -> Path | None:
    section = package.data.get("package", {})
    named = section.get("build", "build.rs") if isinstance(section, dict) else "build.rs"
    script = package.folder / named if isinstance(named, str) else None
    return script if script is not None and (project / script).is_file() else None


def _follow(
    project: Path, root: Path, features: frozenset[str], into: dict[str, Code], unread: list[str]
) -> None:
    stack = [(root, root.parent, False)]
    while stack:
        file, folder, bound = stack.pop()
        name = file.as_posix()
        if name in into:
            continue
        try:
            if (project / file).stat().st_size > _MAX_BYTES:
                unread.append(f"{name} is larger than 5 MB.")
                continue
            code = read_code((project / file).read_bytes(), features)
        except OSError as error:
            unread.append(f"{name} can't be opened: {error.strerror}.")
            continue
        into[name] = code
        if bound:
            code.bound.append((0, sys.maxsize))
        for module in code.submodules:
            stack += [(*found, bound or module.bound) for found in _files(project, file, folder, module)]


def _files(project: Path, file: Path, folder: Path, module: Submodule) -> Iterator[tuple[Path, Path]]:
    """Yield the file of a module, with the folder in which its own modules lie."""
    base = folder.joinpath(*module.inside)
    if module.path:
        path = (base if module.inside else file.parent) / module.path
        if (project / path).is_file():
            yield path, path.parent
        return
    for path in (base / f"{module.name}.rs", base / module.name / "mod.rs"):
        if (project / path).is_file():
            yield path, base / module.name
            return

"""What manifests declare against what ``Cargo.lock`` holds: read from both, so that no network is needed (B2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import Severity
from deployer_lib.check import Code, Fix, Location, Result, failed
from deployer_lib.probes.packages.cargo.isolated import asked
from deployer_lib.probes.packages.cargo.locks import LOCK, Lock
from deployer_lib.probes.packages.cargo.requirements import fulfils
from deployer_lib.probes.packages.cargo.world import world_of
from deployer_lib.probes.packages.model import Examined

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from deployer_lib.probes.context import Context
    from deployer_lib.probes.packages.cargo.manifests import Dependency, Package
    from deployer_lib.probes.packages.cargo.world import World

__all__ = ["drift_examined"]

_DOCS: Final = "https://doc.rust-lang.org/cargo/guide/cargo-toml-vs-cargo-lock.html"


def drift_examined(ctx: Context) -> Examined:
    """Return what manifests and lock files disagree on; where cargo takes a lock file as it is, nothing."""
    world = world_of(ctx)
    problems: list[Result] = []
    for root in world.projects.roots:
        lock = world.locks.get(root)
        if lock is None:
            problems += _absent(ctx, world, root)
        elif lock.broken:
            problems.append(_broken(root, lock))
        elif not asked(ctx, root).ok:
            for package in world.projects.members(root):
                if package.member:  # of the others, a lock file holds what is asked of them alone
                    problems += _of_package(root, lock, package)
    return Examined(
        tuple(problems),
        {
            "lock_files": [(root / LOCK).as_posix() for root in world.locks],
            "declared": sum(len(package.dependencies) for package in world.packages()),
            "locked": sum(len(lock.versions) for lock in world.locks.values()),
        },
    )


def _absent(ctx: Context, world: World, root: Path) -> Iterator[Result]:
    programs = [
        package
        for package in world.projects.members(root)
        if package.production and package.dependencies and _has_program(ctx, package)
    ]
    if not programs:
        return  # who uses a library resolves its versions
    first = programs[0]
    yield failed(
        f"There is no {(root / LOCK).as_posix()}, though {first.name} is a program: its {len(first.dependencies)} dependencies are resolved anew at each build.",
        subject=(root / LOCK).as_posix(),
        severity=Severity.HIGH,
        root_cause=f"{first.file} declares ranges, and no lock file is committed.",
        impact="Two builds of the same commit may differ, so that what was tested is not what runs.",
        fix=Fix(
            (
                "Make the lock file and commit it; take it out of .gitignore where it stands there.",
                "Build with --locked.",
            ),
            (Code("terminal", f"cargo generate-lockfile\ngit add -f {LOCK}", language="shell"),),
            _DOCS,
            5,
        ),
        locations=(Location(first.file, min((d.line for d in first.dependencies if d.line), default=0)),),
        declared=[dependency.key for dependency in first.dependencies],
    )


def _has_program(ctx: Context, package: Package) -> bool:
    source = ctx.workspace / package.folder / "src"
    return bool(package.data.get("bin")) or (source / "main.rs").is_file() or (source / "bin").is_dir()


def _broken(root: Path, lock: Lock) -> Result:
    file = (root / LOCK).as_posix()
    return failed(
        f"{file} can't be read: {lock.broken}.",
        subject=file,
        root_cause=lock.broken,
        impact="Nothing says which versions belong to this commit, and cargo refuses to build.",
        fix=Fix(
            ("Take the conflict marks out, or make the file anew from the last good one.",),
            (Code("terminal", f"git checkout HEAD~1 -- {file}\ncargo update --workspace", language="shell"),),
            _DOCS,
            10,
        ),
        locations=(Location(file),),
    )


def _of_package(root: Path, lock: Lock, package: Package) -> Iterator[Result]:
    file = (root / LOCK).as_posix()
    names = lock.members.get(package.name)
    if names is None:
        yield _finding(
            root,
            package.name,
            f"{package.file} is a package that {file} does not know.",
            Location(package.file),
        )
        return
    if package.version not in lock.versions.get(package.name, []):
        held = ", ".join(lock.versions.get(package.name, []))
        yield _finding(
            root,
            package.name,
            f"{package.file} is version {package.version}, and {file} holds {held}.",
            Location(package.file),
            Location(file, lock.lines.get(package.name, 0)),
        )
    for dependency in package.dependencies:
        yield from _of_dependency(root, lock, package, dependency, names)
    declared = {dependency.package for dependency in package.dependencies}
    for name in sorted(set(names) - declared):
        yield _finding(
            root,
            name,
            f"{file} holds {name} for {package.name}, and {package.file} does not declare it.",
            Location(package.file),
            Location(file, lock.lines.get(name, 0)),
        )


def _of_dependency(
    root: Path, lock: Lock, package: Package, dependency: Dependency, names: list[str]
) -> Iterator[Result]:
    file = (root / LOCK).as_posix()
    here = Location(dependency.file, dependency.line)
    if dependency.package not in names:
        yield _finding(
            root,
            dependency.package,
            f"{dependency.file} declares {dependency.package} for {package.name}, and {file} does not hold it.",
            here,
        )
        return
    held = lock.versions.get(dependency.package, [])
    if dependency.git or dependency.path or not dependency.requirement:
        return
    if held and all(fulfils(version, dependency.requirement) is False for version in held):
        yield _finding(
            root,
            dependency.package,
            f"{dependency.file} declares {dependency.package} {dependency.requirement}, and {file} pins {', '.join(held)}.",
            here,
            Location(file, lock.lines.get(dependency.package, 0)),
        )


def _finding(root: Path, name: str, message: str, *places: Location) -> Result:
    file = (root / LOCK).as_posix()
    return failed(
        message,
        subject=name,
        root_cause=f"{file} was not made anew after {places[0].file} was changed.",
        impact="cargo build --locked stops, and a build without it takes versions that nobody tested.",
        fix=Fix(
            ("Bring the lock file up to date without raising other versions, and commit it.",),
            (Code("terminal", f"cargo update --workspace\ngit add {LOCK}", language="shell"),),
            _DOCS,
            5,
        ),
        locations=places,
    )

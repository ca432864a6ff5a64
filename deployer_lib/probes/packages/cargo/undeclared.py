"""Does every crate that code names stand in its manifest, and in the right table (B1, B6)?

rustc finds such a crate missing only for what is compiled: another feature or platform passes unseen, and so does a lock file
that still holds what the manifest lost. Names come from code that production compiles; what they may mean else (modules, types,
what macros make) is ruled out first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from deployer_lib.catalogue import Severity
from deployer_lib.check import Code, Fix, Location, Result, failed
from deployer_lib.probes.packages.cargo.isolated import asked
from deployer_lib.probes.packages.cargo.manifests import module_of
from deployer_lib.probes.packages.cargo.names import DEVELOPMENT_CRATES
from deployer_lib.probes.packages.cargo.world import world_of
from deployer_lib.probes.packages.model import Examined, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from deployer_lib.probes.context import Context
    from deployer_lib.probes.packages.cargo.code import Code as FileCode
    from deployer_lib.probes.packages.cargo.manifests import Dependency, Package, Use
    from deployer_lib.probes.packages.cargo.world import World

__all__ = ["crates_examined"]

_DOCS: Final = "https://doc.rust-lang.org/cargo/reference/specifying-dependencies.html"
_TABLES: Final[dict[Use, str]] = {
    "production": "dependencies",
    "development": "dev-dependencies",
    "build": "build-dependencies",
}
_KINDS: Final[dict[str | None, Use]] = {None: "production", "dev": "development", "build": "build"}
#: Packages whose library has a name of its own, where cargo could not be asked.
_OTHER_NAMES: Final = {
    "astral-tokio-tar": "tokio_tar",
    "google-cloud-storage": "google_cloud_storage",
    "md-5": "md5",
    "new_debug_unreachable": "debug_unreachable",
    "rust-crypto": "crypto",
    "rust-ini": "ini",
    "rust-s3": "s3",
    "sha-1": "sha1",
    "xml-rs": "xml",
}
_PLACES: Final = 5
_OLD: Final = "2015"  # edition that a manifest without one has too


@dataclass(frozen=True, slots=True)
class _Seen:
    """Where code names a crate."""

    name: str
    places: tuple[Location, ...]


def crates_examined(ctx: Context, kind: Kind) -> Examined:
    """Compare what code names with what its manifest declares.

    Args:
        ctx: what the probe was given.
        kind: ``undeclared``, or ``dev_in_production`` for what the wrong table declares.
    """
    world = world_of(ctx)
    judged: list[tuple[Kind, Result]] = []
    count = 0
    for package in world.packages():
        compiled = world.compiled[package.file]
        count += len(compiled.production) + len(compiled.build)
        judged += _judged(ctx, world, package)
    problems = tuple(problem for its_kind, problem in judged if its_kind == kind)
    unknown = [*world.broken, *_not_understood(world)]
    unknown += [
        f"{package.file} is of edition 2015, in which a path does not tell a crate from a module, so that it is not judged."
        for package in world.packages()
        if package.edition == _OLD
    ]
    if not count and not unknown:
        unknown = ["No production source file (.rs) was found."]
    return Examined(
        problems,
        {
            "files": count,
            "crates": [package.name for package in world.packages()],
            "named": [*sorted({each.name for code in _codes(world) for each in code.named} & world.known())],
        },
        tuple(unknown),
    )


def _codes(world: World) -> Iterator[FileCode]:
    for compiled in world.compiled.values():
        yield from compiled.production.values()
        yield from compiled.build.values()


def _not_understood(world: World) -> Iterator[str]:
    for compiled in world.compiled.values():
        for file, code in {**compiled.production, **compiled.build}.items():
            if code.errors:
                yield f"{file}:{code.errors} does not parse, so that what the file names is not wholly known."


def _judged(ctx: Context, world: World, package: Package) -> Iterator[tuple[Kind, Result]]:
    if package.edition == _OLD:
        return  # paths begin at the crate's own root there
    compiled = world.compiled[package.file]
    declared = _declared(ctx, world, package)
    own = {package.library, module_of(package.name)}
    for seen in _seen(world, compiled.production, declared["production"] | own):
        yield _missing(world, package, seen, declared, "production")
    for seen in _seen(world, compiled.build, declared["build"]):
        yield _missing(world, package, seen, declared, "build")
    for dependency in package.dependencies:
        if (
            dependency.use == "production"
            and dependency.package in DEVELOPMENT_CRATES
            and not dependency.optional
        ):
            named = {each.name for code in compiled.production.values() for each in code.named}
            if compiled.production and dependency.module not in named:
                yield "dev_in_production", _tool(package, dependency)


def _declared(ctx: Context, world: World, package: Package) -> dict[Use, set[str]]:
    """Return the names that code may use of each table: those written, and those that cargo knows of libraries."""
    found: dict[Use, set[str]] = {"production": set(), "development": set(), "build": set()}
    libraries = {each.name: each.library for each in world.projects.packages}
    for dependency in package.dependencies:
        found[dependency.use].add(dependency.module)
        renamed = dependency.key != dependency.package
        library = libraries.get(dependency.package) or _OTHER_NAMES.get(dependency.package)
        if library and not renamed:
            found[dependency.use].add(library)
    graph = asked(ctx, package.root).graph
    if graph is None:
        for use, names in found.items():
            found[use] = names | {guess for name in names for guess in _guesses(name)}
        return found
    for use, name in _in_graph(graph, package):
        found[use].add(name)
    return found


def _guesses(module: str) -> Iterator[str]:
    """Yield names that a package's library has more often than others, where cargo could not be asked."""
    yield module.replace("_", "")
    yield module.removeprefix("rust_")
    yield module.removesuffix("_rs")


def _in_graph(graph: Mapping[str, object], package: Package) -> Iterator[tuple[Use, str]]:
    packages, resolve = graph.get("packages"), graph.get("resolve")
    if not isinstance(packages, list) or not isinstance(resolve, dict):
        return
    ids = {
        each.get("id") for each in packages if each.get("name") == package.name and each.get("source") is None
    }
    for node in resolve.get("nodes", []):
        if node.get("id") not in ids:
            continue
        for dependency in node.get("deps", []):
            for kind in dependency.get("dep_kinds", []):
                yield _KINDS.get(kind.get("kind"), "production"), str(dependency.get("name", ""))


def _seen(world: World, files: Mapping[str, FileCode], allowed: set[str]) -> Iterator[_Seen]:
    """Yield what files name that is not allowed and can be nothing but a crate."""
    places: dict[str, list[Location]] = {}
    anywhere = {name for code in files.values() for name in code.own}
    stems = tuple(f"{stem}_" for code in files.values() for stem in code.stems)
    makes_items = any(code.foreign_globs for code in files.values())
    known = world.known()
    for file, code in files.items():
        for each in code.named:
            if each.name in allowed:
                continue
            if not each.absolute:
                if code.binds(each.name) or (
                    code.local_globs and (each.name in anywhere or each.name.startswith(stems))
                ):
                    continue
                vague = not each.sure or code.foreign_globs or (code.local_globs and makes_items)
                if vague and each.name not in known:
                    continue
            places.setdefault(each.name, []).append(Location(file, each.line))
    for name, found in sorted(places.items()):
        yield _Seen(name, tuple(dict.fromkeys(found)))


# -- findings --------------------------------------------------------------------------------------------------------


def _missing(
    world: World,
    package: Package,
    seen: _Seen,
    declared: Mapping[Use, set[str]],
    needed: Literal["production", "build"],
) -> tuple[Kind, Result]:
    elsewhere = [use for use, names in declared.items() if seen.name in names]
    kind: Kind = (
        "dev_in_production" if needed == "production" and "development" in elsewhere else "undeclared"
    )
    entry = next((d for d in package.dependencies if d.module == seen.name), None)
    name = entry.key if entry is not None else _package_name(world, seen.name)
    first = seen.places[0]
    table = _TABLES[needed]
    how = (
        f"{package.file} declares in [{_TABLES[elsewhere[0]]}] alone"
        if elsewhere
        else f"{package.file} does not declare"
    )
    held = any(name in lock.versions for lock in world.locks.values())
    cause = f"{name} is not in [{table}] of {package.file}" + (
        f", though {name} is in Cargo.lock: another package brings it, or the lock file was not made anew."
        if held and not elsewhere
        else f": it was put into [{_TABLES[elsewhere[0]]}]."
        if elsewhere
        else "."
    )
    places = [*seen.places[:_PLACES]]
    if entry is not None:
        places.append(Location(entry.file, entry.line))
    return kind, failed(
        f"{first.file}:{first.line} uses {seen.name}, which {how}.",
        subject=name,
        root_cause=cause,
        impact=f"The build fails where this code is compiled: unresolved import or crate `{seen.name}` (E0432, E0433).",
        fix=_fix(world, package, name, table, entry),
        locations=places,
        crate=package.name,
        module=seen.name,
        uses=[f"{place.file}:{place.line}" for place in seen.places[:50]],
    )


def _package_name(world: World, module: str) -> str:
    names = {name for lock in world.locks.values() for name in lock.versions}
    names |= {d.package for package in world.projects.packages for d in package.dependencies}
    return next((name for name in sorted(names) if module_of(name) == module), module)


def _fix(world: World, package: Package, name: str, table: str, entry: Dependency | None) -> Fix:
    lock = world.locks.get(package.root)
    versions = lock.versions.get(name, []) if lock else []
    bound = (
        entry.requirement
        if entry is not None and entry.requirement
        else ".".join(versions[-1].split(".")[:2])
        if versions
        else ""
    )
    flag = " --build" if table == "build-dependencies" else ""
    command = f"cargo add {name}{'@' + bound if bound else ''}{flag} --package {package.name}"
    written = (Code(package.file, f'[{table}]\n{name} = "{bound}"', 0, "toml"),) if bound else ()
    return Fix(
        (f"Declare {name} in [{table}] of {package.file}.", "Commit manifest and lock file together."),
        (*written, Code("terminal", command, language="shell")),
        _DOCS,
        5,
    )


def _tool(package: Package, dependency: Dependency) -> Result:
    return failed(
        f"{dependency.file} declares {dependency.package}, a tool of tests, in [dependencies]; production code does not use it.",
        subject=dependency.package,
        severity=Severity.LOW,
        root_cause=f"{dependency.package} stands at {dependency.file}:{dependency.line} instead of in [dev-dependencies].",
        impact="Every build compiles it, and whoever uses the crate gets it too.",
        fix=Fix(
            (f"Move {dependency.package} to [dev-dependencies].",),
            (
                Code(
                    "terminal",
                    f"cargo remove {dependency.key} --package {package.name}\ncargo add --dev {dependency.key}"
                    f"{'@' + dependency.requirement if dependency.requirement else ''} --package {package.name}",
                    language="shell",
                ),
            ),
            _DOCS,
            5,
        ),
        locations=(Location(dependency.file, dependency.line),),
        crate=package.name,
    )

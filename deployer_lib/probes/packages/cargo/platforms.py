"""Is a crate that exists for one platform declared for all, and used for all, without a word about it (B5)?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployer_lib.check import Code, Fix, Location, Result, failed
from deployer_lib.probes.packages.cargo.names import PLATFORM_CRATES
from deployer_lib.probes.packages.cargo.world import world_of
from deployer_lib.probes.packages.documented import says_platform
from deployer_lib.probes.packages.model import Examined

if TYPE_CHECKING:
    from deployer_lib.check import JSONValue
    from deployer_lib.probes.context import Context
    from deployer_lib.probes.packages.cargo.manifests import Dependency, Package
    from deployer_lib.probes.packages.cargo.world import World

__all__ = ["platforms_examined"]

_DOCS: Final = (
    "https://doc.rust-lang.org/cargo/reference/specifying-dependencies.html#platform-specific-dependencies"
)
_CONDITION: Final = {
    "Windows": "cfg(windows)",
    "macOS": 'cfg(target_os = "macos")',
    "Linux": 'cfg(target_os = "linux")',
    "Unix": "cfg(unix)",
}


def platforms_examined(ctx: Context) -> Examined:
    """Return crates of one platform that the manifest declares, and code uses, for all."""
    world = world_of(ctx)
    problems: list[Result] = []
    conditional: list[JSONValue] = []
    said: dict[str, JSONValue] = {}
    for package in world.packages():
        for dependency in package.dependencies:
            platform = PLATFORM_CRATES.get(dependency.package)
            if platform is None or dependency.use == "development":
                continue
            if dependency.target or dependency.optional:
                conditional.append(f"{dependency.package} ({dependency.target or 'optional'})")
                continue
            places = _used(world, package, dependency)
            where = says_platform(ctx.workspace, dependency.package, platform, (package.folder, package.root))
            if where:
                said[dependency.package] = where
            elif places:
                problems.append(_finding(dependency, platform, places))
    return Examined(
        tuple(problems),
        {
            "declared": sum(len(package.dependencies) for package in world.packages()),
            "conditional": conditional,
            "documented": said,
        },
        world.broken,
    )


def _used(world: World, package: Package, dependency: Dependency) -> list[Location]:
    """Return where code that every platform compiles names a crate."""
    compiled = world.compiled[package.file]
    files = compiled.build if dependency.use == "build" else compiled.production
    return [
        Location(file, each.line)
        for file, code in files.items()
        for each in code.named
        if each.name == dependency.module and not code.is_bound(each.line)
    ]


def _finding(dependency: Dependency, platform: str, places: list[Location]) -> Result:
    condition = _CONDITION[platform]
    version = f'"{dependency.requirement}"' if dependency.requirement else '"*"'
    return failed(
        f"{dependency.file} declares {dependency.package}, which is made for {platform}, without a condition, and no document says so.",
        subject=dependency.package,
        root_cause=f"{dependency.package} at {dependency.file}:{dependency.line} stands in no [target.'{condition}'] table, and"
        f" {places[0].file}:{places[0].line} uses it on every platform.",
        impact=f"The application does not build, or does not work, on anything but {platform}, and nobody is told.",
        fix=Fix(
            (
                f"Declare {dependency.package} for {platform} alone and put the code that uses it under #[{condition}],",
                f"or say in README.md that {platform} is required.",
            ),
            (
                Code(
                    dependency.file,
                    f"[target.'{condition}'.dependencies]\n{dependency.key} = {version}",
                    0,
                    "toml",
                ),
            ),
            _DOCS,
            15,
        ),
        locations=(Location(dependency.file, dependency.line), *places[:3]),
        platform=platform,
    )

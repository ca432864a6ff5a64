"""What production code uses of packages, package by package, and what declares each: the ground of B1 and B6."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from deployer_lib.probes.packages.kept import kept
from deployer_lib.probes.packages.node.aliases import Aliases
from deployer_lib.probes.packages.node.imports import Import, used_as_values
from deployer_lib.probes.packages.node.sources import STYLES, layout_known, sources_known
from deployer_lib.probes.packages.node.specifiers import package_of, types_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from deployer_lib.probes.context import Context
    from deployer_lib.probes.packages.node.manifests import Layout, Manifest
    from deployer_lib.probes.packages.node.sources import Sources

__all__ = ["Place", "Standing", "Use", "aliases_known", "uses_known"]

Standing = Literal["undeclared", "types", "member", "above", "development"]

#: Modules that a framework's build puts in place of a name: provider -> names (a slash at the end: all that begin so).
_PROVIDED: Final[dict[str, tuple[str, ...]]] = {
    "next": ("server-only", "client-only", "styled-jsx"),
    "nuxt": ("vue", "vue-router", "h3", "ofetch", "nitropack", "@unhead/vue", "unhead", "defu", "ufo", "@vue/"),
    "nitropack": ("h3", "ofetch", "unstorage"),
    "@docusaurus/core": ("@theme/", "@theme-original/", "@theme-init/", "@site/", "@generated/", "@docusaurus/"),
    "ember-source": ("@ember/", "ember", "rsvp", "@glimmer/"),
    "@sveltejs/kit": ("$app/",),
    "vitepress": ("vue",),
    "gatsby": ("@gatsbyjs/reach-router", "@reach/router"),
    "electron-vite": ("electron",),
    "@angular/core": ("zone.js",),
    "expo": ("expo-modules-core",),
    "@redwoodjs/core": ("src/",),
    "react-native-web": ("react-native",),
    "preact": ("react", "react-dom"),
    "@storybook/react": ("@storybook/",),
    "quasar": ("quasar/", "@quasar/"),
}  # fmt: skip
#: Other package managers that put JavaScript beside the application: file of the project -> names.
_BROUGHT: Final[dict[str, tuple[str, ...]]] = {
    "mix.exs": ("phoenix", "phoenix_html", "phoenix_live_view", "phoenix_live_reload", "phoenix-colocated"),
    ".meteor/packages": ("meteor",),
    "shopify.app.toml": ("@shopify/ui-extensions",),
}
#: Given by what runs the program, so that a development declaration is the right one.
_OF_RUNTIME: Final = re.compile(r"^(?:electron|vscode|@cloudflare/workers-types|bun|bun-types|k6)$")
_LAMBDA: Final = re.compile(r"^(?:aws-sdk|@aws-sdk/.+|@types/aws-lambda|aws-lambda)$")
_LAMBDA_FILES: Final = (
    "serverless.yml",
    "serverless.yaml",
    "serverless.ts",
    "template.yaml",
    "template.yml",
    "cdk.json",
)


@dataclass(frozen=True, slots=True)
class Place:
    """One import of a package."""

    file: str
    line: int
    specifier: str
    types: bool  # for the compiler only
    style: bool = False  # from a style sheet, which a bundler reads


@dataclass(slots=True)
class Use:
    """What the files of one package of the project import from one package."""

    package: str
    owner: Manifest
    standing: Standing
    section: str = ""  # that declares it, where one does
    declarer: Manifest | None = None  # a manifest above that declares it
    places: list[Place] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Uses:
    """All uses that a production section of the file's own manifest does not cover, and what is covered."""

    found: tuple[Use, ...]
    sound: tuple[str, ...]  # packages that are imported and declared
    files: int


def aliases_known(ctx: Context) -> Aliases:
    """Return the aliases of the project, read once a phase."""
    return kept(ctx, "node_aliases", Aliases, lambda: Aliases(ctx.workspace))


def uses_known(ctx: Context) -> Uses:
    """Return what is used beyond what is declared, read once a phase."""
    return kept(ctx, "node_uses", Uses, lambda: _uses(ctx, layout_known(ctx), sources_known(ctx)))


def _uses(ctx: Context, layout: Layout, sources: Sources) -> Uses:
    judge = _Judge(ctx, layout, aliases_known(ctx))
    for file, items in sources.imports.items():
        judge.file(file, items)
    for file, items in sources.styles.items():
        judge.style(file, items)
    found = sorted(judge.uses.values(), key=lambda use: (use.owner.folder, use.package))
    return Uses(tuple(use for use in found if use.places), tuple(sorted(judge.sound)), len(sources.imports))


@dataclass(slots=True)
class _Judge:
    """Judge imports one by one."""

    ctx: Context
    layout: Layout
    aliases: Aliases
    uses: dict[tuple[str, str, str], Use] = field(default_factory=dict)
    sound: set[str] = field(default_factory=set)
    _brought: tuple[str, ...] | None = None

    def file(self, file: str, items: Iterable[Import]) -> None:
        owner = self.layout.owner(file)
        if owner is None:
            return
        for item in items:
            package = package_of(item.specifier)
            if package is None or package == owner.name:
                continue
            if owner.declares(package) not in {"", "devDependencies"}:
                self.sound.add(package)
            elif not item.optional and not self.aliases.covers(item.specifier, file):
                self._doubtful(owner, package, file, item)

    def style(self, file: str, items: Iterable[Import]) -> None:
        owner = self.layout.owner(file)
        for item in items:
            package = package_of(item.specifier)
            if owner is None or package is None or owner.declares(package):
                continue
            if not self._is_style_package(item.specifier, file) or self.aliases.covers(item.specifier, file):
                continue
            if not any(above.declares(package) for above in self.layout.above(owner)):
                use = self._use(owner, package, "undeclared", "")
                use.places.append(Place(file, item.line, item.specifier, types=False, style=True))

    def _is_style_package(self, specifier: str, file: str) -> bool:
        """Tell whether a style sheet means a package: a bare name is a file beside it at first."""
        if specifier.startswith("~"):
            return True
        folder = (self.ctx.workspace / file).parent
        beside = folder / specifier.rpartition("/")[0]
        return specifier.startswith("@") and "/" in specifier and not beside.is_dir()

    def _doubtful(self, owner: Manifest, package: str, file: str, item: Import) -> None:
        section = owner.declares(package)
        types = item.types
        if not types and item.names and file.endswith((".ts", ".tsx", ".mts", ".cts", ".vue")):
            types = not used_as_values((self.ctx.workspace / file).read_bytes(), file, item.names)
        place = Place(file, item.line, item.specifier, types)
        if section:  # devDependencies
            if types or item.development or self._from_runtime(owner, package):
                self.sound.add(package)
                return
            self._use(owner, package, "development", section).places.append(place)
            return
        if types and owner.declares(types_of(package)):
            self.sound.add(package)
            return
        if item.development or self._provided(owner, package, file) or self._is_own_file(owner, item):
            return
        self._undeclared(owner, package, place)

    def _undeclared(self, owner: Manifest, package: str, place: Place) -> None:
        above = next((each for each in self.layout.above(owner) if each.declares(package)), None)
        types_above = place.types and any(
            each.declares(types_of(package)) for each in self.layout.above(owner)
        )
        if types_above or (
            above is not None and self._counts_for_all(owner, above, package, types=place.types)
        ):
            self.sound.add(package)
            return
        if package in self.layout.member_names():
            self._use(owner, package, "member", "").places.append(place)
            return
        standing: Standing = "types" if place.types else "above" if above else "undeclared"
        use = self._use(owner, package, standing, "")
        use.declarer = above
        use.places.append(place)

    def _counts_for_all(self, owner: Manifest, above: Manifest, package: str, *, types: bool) -> bool:
        """Tell whether a manifest above declares for a package below: one version for all, or a tool of the compiler's.

        Where a package declares nothing of the registry by itself, its repository keeps all versions in the root.
        """
        members = self.layout.member_names()
        own = [name for section in ("dependencies", "devDependencies") for name in owner.section(section)]
        declares_itself = any(name not in members for name in own)
        return types or (not declares_itself and above.declares(package) != "devDependencies")

    def _use(self, owner: Manifest, package: str, standing: Standing, section: str) -> Use:
        key = (owner.folder, package, standing)
        return self.uses.setdefault(key, Use(package, owner, standing, section))

    def _from_runtime(self, owner: Manifest, package: str) -> bool:
        if _OF_RUNTIME.match(package):
            return True
        folders = {owner.folder, ""}
        return _LAMBDA.match(package) is not None and any(
            (self.ctx.workspace / folder / file).is_file() for folder in folders for file in _LAMBDA_FILES
        )

    def _provided(self, owner: Manifest, package: str, file: str) -> bool:
        manifests = [owner, *self.layout.above(owner)]
        names = [
            name
            for provider, some in _PROVIDED.items()
            if any(each.declares(provider) for each in manifests)
            for name in some
        ]
        if self._brought is None:
            self._brought = tuple(self._other_managers())
        return any(
            package == name or (name.endswith("/") and f"{package}/".startswith(name))
            for name in (*names, *self._brought)
        ) or (self._from_runtime(owner, package) and not file.endswith(tuple(STYLES)))

    def _other_managers(self) -> Iterator[str]:
        for file, names in _BROUGHT.items():
            if any((self.ctx.workspace / folder / file).is_file() for folder in ("", *self._folders())):
                yield from names

    def _folders(self) -> Iterator[str]:
        for folder in self.layout.manifests:
            yield folder
            yield folder.rpartition("/")[0]

    def _is_own_file(self, owner: Manifest, item: Import) -> bool:
        return any(
            self.aliases.lies_in(item.specifier, each.folder) for each in (owner, *self.layout.above(owner))
        )

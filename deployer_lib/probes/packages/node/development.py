"""Are development dependencies and production apart (B6)?

``npm ci --omit=dev`` leaves development dependencies out. A file that Node runs in production and that imports one fails at
its start. What a bundler puts together is another matter: it takes in what it finds at build time, wherever that is
declared. So only files that production's entries reach are judged (:mod:`.serving`); where a package has no entry that
can be found and no bundler either, all of its files are.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import Severity
from deployer_lib.check import Fix, Location, Result, failed
from deployer_lib.probes.packages.model import Examined
from deployer_lib.probes.packages.node.serving import Serving, serving_files
from deployer_lib.probes.packages.node.sources import is_tool_package, layout_known, sources_known
from deployer_lib.probes.packages.node.undeclared import without_sources
from deployer_lib.probes.packages.node.uses import Use, uses_known
from deployer_lib.probes.packages.node.words import add_command, terminal
from deployer_lib.probes.variables.sources import is_apart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployer_lib.probes.context import Context
    from deployer_lib.probes.packages.node.manifests import Layout, Manifest

__all__ = ["development_examined"]

_DOCS: Final = "https://docs.npmjs.com/specifying-dependencies-and-devdependencies-in-a-package-json-file"
_PLACES: Final = 5
_BUNDLERS: Final = frozenset(
    {"vite", "next", "nuxt", "webpack", "react-scripts", "parcel", "parcel-bundler", "rollup", "esbuild"}
    | {"@angular/cli", "astro", "@sveltejs/kit", "gatsby", "expo", "@remix-run/dev", "@react-router/dev"}
    | {"@vue/cli-service", "@rspack/core", "snowpack", "tsup", "tsdown", "unbuild", "microbundle", "@vercel/ncc"}
    | {"laravel-mix", "laravel-vite-plugin", "electron-vite", "wrangler", "@rsbuild/core", "browserify"}
    | {"@quasar/app-vite", "@docusaurus/core", "vitepress", "@11ty/eleventy", "serverless-esbuild"}
    | {"serverless-webpack", "@redwoodjs/vite", "metro", "react-native", "ember-cli"}
)  # fmt: skip
#: What only runs before a release: tests, style, hooks. Nothing that builds or starts is here.
_TOOLS: Final = re.compile(
    r"^(?:jest|ts-jest|babel-jest|jest-[\w-]+|mocha|chai|chai-[\w-]+|sinon|sinon-[\w-]+|vitest|@vitest/[\w-]+|cypress|playwright|nyc|c8"
    r"|@playwright/test|supertest|nock|karma|karma-[\w-]+|jasmine|jasmine-core|protractor|ava|tap|tape|testcafe|enzyme"
    r"|@testing-library/[\w-]+|eslint|eslint-(?:plugin|config)-[\w-]+|@typescript-eslint/[\w-]+|@[\w-]+/eslint-(?:plugin|config)[\w-]*"
    r"|prettier|prettier-plugin-[\w-]+|stylelint|stylelint-[\w-]+|tslint|standard|xo|jshint|husky|lint-staged|@commitlint/[\w-]+"
    r"|commitizen|nodemon|ts-node-dev|node-dev|semantic-release|release-it|storybook|@storybook/[\w-]+|plop|knip|depcheck|istanbul)$"
)


def development_examined(ctx: Context) -> Examined:
    """Return development dependencies that production code imports, and tools declared for production."""
    layout, sources, uses = layout_known(ctx), sources_known(ctx), uses_known(ctx)
    serving = serving_files(ctx, layout, sources)
    problems: list[Result] = []
    for use in uses.found:
        if use.standing == "development" and _is_judged(layout, use.owner):
            problems += _misplaced(ctx, layout, use, serving)
    tools = [tool for manifest in layout.manifests.values() for tool in _tools(ctx, layout, manifest)]
    unknown = [*layout.problems, *sources.unknown()]
    if not uses.files and not unknown and not tools:
        return without_sources(layout)
    return Examined(
        (*problems, *tools),
        {
            "files": uses.files,
            "run_by_node": len(serving.files),
            "entries": dict(sorted(serving.entries.items())),
        },
        tuple(unknown),
    )


def _is_judged(layout: Layout, manifest: Manifest) -> bool:
    return not (is_apart(Path(manifest.file)) or is_tool_package(manifest.folder, manifest.name)) and (
        manifest.folder in layout.manifests
    )


def _misplaced(ctx: Context, layout: Layout, use: Use, serving: Serving) -> Iterator[Result]:
    firm = [place for place in use.places if not place.types and not place.style]
    started = any(layout.owner(file) is use.owner for file in serving.entries)
    if started or _is_bundled(layout, use.owner) or use.owner.folder in layout.members:
        firm = [place for place in firm if place.file in serving.files]
    if not firm:
        return
    first = firm[0]
    manifest = use.owner
    wanted = f"{use.package}@{manifest.section(use.section)[use.package]}"
    line = manifest.line(use.section, use.package)
    yield failed(
        f"{first.file}:{first.line} imports {use.package}, which {manifest.file}:{line} declares for development only.",
        subject=use.package,
        root_cause=f"{use.package} stands in {use.section} of {manifest.file}, which a production install leaves out.",
        impact=f"After npm ci --omit=dev the application fails with: Cannot find module '{use.package}'.",
        fix=Fix(
            (
                f"Move {use.package} to the dependencies of {manifest.file}, and commit manifest and lock file.",
            ),
            (terminal(add_command(ctx, layout, manifest, [wanted])),),
            _DOCS,
            5,
        ),
        locations=[
            *(Location(place.file, place.line) for place in firm[:_PLACES]),
            Location(manifest.file, line),
        ],
        package=use.package,
        manifest=manifest.file,
        section=use.section,
        imports=[f"{place.file}:{place.line}" for place in firm],
        entries=[*sorted(serving.entries)[:_PLACES]],
    )


def _is_bundled(layout: Layout, manifest: Manifest) -> bool:
    """Tell whether a package has a bundler of its own, or one of the root's."""
    asked = [manifest, *layout.above(manifest)]
    return any(each.declares(name) for each in asked for name in _BUNDLERS)


def _tools(ctx: Context, layout: Layout, manifest: Manifest) -> Iterator[Result]:
    """Yield tools of developers that stand among the dependencies and that nothing in production mentions."""
    if not _is_judged(layout, manifest) or re.search(r"eslint|lint|jest|test|prettier|config", manifest.name):
        return
    used = set(uses_known(ctx).sound)
    mentioned = " ".join(
        command
        for name, command in manifest.scripts().items()
        if re.match(r"(?:start|serve|prod|postinstall|preinstall|install)", name)
    )
    for name, wanted in manifest.section("dependencies").items():
        plain = name.rpartition("/")[2]
        if (
            not _TOOLS.match(name)
            or name in used
            or re.search(rf"(?<![\w-]){re.escape(plain)}(?![\w-])", mentioned)
        ):
            continue
        line = manifest.line("dependencies", name)
        yield failed(
            f"{manifest.file}:{line} declares {name}, a tool for developers, as a dependency of production.",
            subject=name,
            severity=Severity.LOW,
            root_cause=f"{name} stands in dependencies; no production code imports it, and nothing that starts names it.",
            impact="Every production install downloads it with all that it depends on, and inherits its advisories.",
            fix=Fix(
                (f"Move {name} to devDependencies, and commit manifest and lock file.",),
                (terminal(add_command(ctx, layout, manifest, [f"{name}@{wanted}"], development=True)),),
                _DOCS,
                5,
            ),
            locations=(Location(manifest.file, line),),
            package=name,
            manifest=manifest.file,
            section="dependencies",
        )

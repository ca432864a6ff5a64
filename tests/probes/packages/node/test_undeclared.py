"""B1: what production code imports is declared by its own manifest, and nothing else is a finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from deployer_lib.catalogue import Severity
from deployer_lib.probes.packages.node import Node

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer_lib.check import Result
    from deployer_lib.probes.context import Context

    Project = Callable[..., Context]

ROOT: dict[str, Any] = {"name": "shop", "version": "1.0.0", "dependencies": {"express": "^4.0.0"}}
LOCK: dict[str, Any] = {
    "lockfileVersion": 3,
    "packages": {
        "": ROOT,
        "node_modules/express": {"version": "4.18.2", "integrity": "sha512-a", "dependencies": {"qs": "6.11.0"}},
        "node_modules/qs": {"version": "6.11.0", "integrity": "sha512-b"},
    },
}  # fmt: skip


def undeclared(ctx: Context) -> list[Result]:
    examined = Node().examine(ctx, "undeclared")
    assert () == examined.unknown
    return [*examined.problems]


def test_what_only_comes_along_with_another_is_a_finding_with_the_command(project: Project) -> None:
    ctx = project({"package.json": ROOT, "package-lock.json": LOCK, "src/app.js": 'import "express";\n\nconst qs = require("qs");\n'})  # fmt: skip
    (found,) = undeclared(ctx)
    assert ("qs", ("src/app.js", 3)) == (found.subject, (found.locations[0].file, found.locations[0].line))
    assert ["express"] == found.evidence["via"]
    assert "npm install qs@^6.11.0" == found.fix.code[0].text


def test_what_nothing_brings_is_a_finding(project: Project) -> None:
    (found,) = undeclared(project({"package.json": ROOT, "src/a.ts": 'import _ from "lodash";\n_.map();\n'}))
    assert "neither declared nor locked" in found.message
    assert "npm install lodash" == found.fix.code[0].text


def test_several_of_one_manifest_are_told_at_once(project: Project) -> None:
    found = undeclared(project({"package.json": ROOT, "a.js": 'require("b1");\nrequire("b2");\n'}))
    assert ["b1", "b2"] == [each.subject for each in found]
    assert "npm install b1 b2" in found[0].fix.steps[1]


SOUND = {
    "builtins": {"src/a.js": 'import "node:fs"; require("path"); import "timers/promises";'},
    "itself": {"src/a.js": 'import "shop/deep";'},
    "optional": {"src/a.js": 'try { require("gone"); } catch { }\nimport("gone2").catch(() => {});'},
    "types of a development dependency": {
        "package.json": {**ROOT, "devDependencies": {"@types/geojson": "1", "typescript": "5"}},
        "src/a.ts": 'import type { Point } from "geojson";\nimport { Node } from "typescript";\nexport let a: Node, b: Point;\n',
    },
    "paths of TypeScript": {
        "tsconfig.base.json": '{"compilerOptions": {"baseUrl": ".", "paths": {"@app/*": ["src/*"], "lib": ["src/lib.ts"]}}} // x',
        "tsconfig.json": '{"extends": "./tsconfig.base.json",}',
        "src/a.ts": 'import "@app/b"; import "lib"; import "src/deep/c";',
        "src/deep/c.ts": "",
    },
    "aliases of bundlers": {
        "vite.config.ts": "export default { resolve: { alias: { '@ui': '/src/ui', store: '/src/store' } } }",
        "webpack.config.js": "module.exports = { externals: { jquery: 'jQuery' } }",
        "src/a.ts": 'import "@ui/x"; import "store/index"; import "jquery";',
    },
    "aliases by pattern": {
        "vite.config.mts": "export default { resolve: { alias: [{ find: /^@core\\/(.*)$/, replacement: '/src/$1' }] } }",
        "src/a.ts": 'import "@core/x";',
    },
    "files below a source folder": {"src/a.js": 'import "components/Menu";', "src/components/Menu.jsx": ""},
    "tests, stories, settings and tools": {
        "src/a.test.js": 'import "vitest";',
        "src/a.stories.jsx": 'import "@storybook/react";',
        "eslint.config.js": 'import "eslint";',
        "scripts/release.js": 'require("execa");',
        "test/b.js": 'require("chai");',
        "prisma/seed.ts": 'import "@faker-js/faker";',
    },
    "of the framework": {
        "package.json": {**ROOT, "dependencies": {"express": "4", "next": "14"}},
        "app/page.tsx": 'import "server-only"; import "next/link";',
    },
    "of development only": {"src/a.js": 'if (process.env.NODE_ENV === "development") require("errorhandler");'},
    "assets and style sheets": {
        "src/a.js": 'import "./a.css"; import logo from "logo.svg";',
        "src/a.scss": '@use "variables";\n@import "mixins/buttons";\n// @import "~gone/x";\n',
    },
}  # fmt: skip


@pytest.mark.parametrize("files", SOUND.values(), ids=SOUND.keys())
def test_what_is_no_package_or_need_not_be_declared_is_no_finding(
    project: Project, files: dict[str, Any]
) -> None:
    assert [] == undeclared(project({"package.json": ROOT, "index.js": 'require("express");', **files}))


def test_a_style_sheet_may_need_a_package(project: Project) -> None:
    files = {
        "package.json": ROOT,
        "src/a.scss": 'body { }\n@import "~bootstrap/scss/bootstrap";\n',
        "src/a.js": "",
    }
    (found,) = undeclared(project(files))
    assert ("bootstrap", "src/a.scss", 2) == (
        found.subject,
        found.locations[0].file,
        found.locations[0].line,
    )


def test_types_without_a_declaration_weigh_less(project: Project) -> None:
    files = {"package.json": ROOT, "src/a.ts": 'import { Feature } from "geojson";\nexport let a: Feature;\n'}
    (found,) = undeclared(project(files))
    assert Severity.MEDIUM is found.severity


def members(**api: Any) -> dict[str, Any]:
    return {
        "package.json": {"name": "all", "workspaces": ["packages/*"], "dependencies": {"dotenv": "16"}},
        "packages/api/package.json": {"name": "api", "dependencies": {"express": "4"}, **api},
        "packages/ui/package.json": {"name": "ui", "version": "1.0.0", "peerDependencies": {"react": "18"}, "dependencies": {"clsx": "2"}},
        "packages/ui/a.jsx": 'import "react"; import "clsx";',
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "severity"), [("clsx", None), ("ui", Severity.HIGH), ("dotenv", Severity.MEDIUM)]
)
def test_members_are_judged_by_their_own_manifest(
    project: Project, name: str, severity: Severity | None
) -> None:
    """What another member, or the root, declares is there by hoisting alone."""
    ctx = project({**members(), "packages/api/a.js": f'require("express"); require("{name}");'})
    (found,) = undeclared(ctx)
    assert (name, severity) == (found.subject, found.severity)
    assert found.fix.code[0].text.endswith("-w packages/api")


def test_where_members_declare_nothing_the_root_declares_for_all(project: Project) -> None:
    files = {**members(dependencies={"ui": "*"}), "packages/api/a.js": 'require("dotenv"); require("ui");'}
    assert [] == undeclared(project(files))


def test_a_project_in_a_folder_is_judged_by_its_own_manifest(project: Project) -> None:
    files = {"package.json": ROOT, "ui/package.json": {"name": "ui", "dependencies": {"vue": "3"}}, "ui/src/a.js": 'import "vue"; import "axios";'}  # fmt: skip
    (found,) = undeclared(project(files))
    assert ("axios", "npm install axios --prefix ui") == (found.subject, found.fix.code[0].text)


def test_a_manifest_that_only_says_module_declares_nothing(project: Project) -> None:
    files = {"package.json": ROOT, "src/package.json": {"type": "module"}, "src/a.js": 'import "express";'}
    assert [] == undeclared(project(files))

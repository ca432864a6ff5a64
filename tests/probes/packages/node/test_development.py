"""B6: what Node runs in production is declared for production, and tools are not."""

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


def misplaced(ctx: Context) -> list[Result]:
    examined = Node().examine(ctx, "dev_in_production")
    assert () == examined.unknown
    return [*examined.problems]


def manifest(start: str = "node server.js", **more: Any) -> dict[str, Any]:
    return {"name": "shop", "scripts": {"start": start}, "dependencies": {"express": "4"}, "devDependencies": {"morgan": "1"}, **more}  # fmt: skip


STARTS = {
    "as it stands": ("node server.js", "server.js"),
    "built from a source": ("node --enable-source-maps dist/main", "src/main.ts"),
    "through a wrapper": ("dotenv -e .env -- node build/server/index.js", "server/index.ts"),
    "through another script": ("npm run serve:it", "server.js"),
    "in a shell": ("sh -c 'NODE_ENV=production node ./server.js'", "server.js"),
    "nest": ("nest start", "src/main.ts"),
}


@pytest.mark.parametrize(("start", "file"), STARTS.values(), ids=STARTS.keys())
def test_a_development_dependency_behind_the_start_is_a_finding(
    project: Project, start: str, file: str
) -> None:
    made = manifest(start)
    made["scripts"]["serve:it"] = "node server.js"
    folder = "../" * file.count("/")
    files = {"package.json": made, file: f'import "{folder or "./"}lib/log";\n', "lib/log.js": '\nimport m from "morgan";\nm();\n'}  # fmt: skip
    (found,) = misplaced(project(files))
    assert ("morgan", "lib/log.js", 2) == (found.subject, found.locations[0].file, found.locations[0].line)
    assert "npm install morgan@1" == found.fix.code[0].text


SOUND: dict[str, dict[str, Any]] = {
    "a front end is bundled": {
        "package.json": {"name": "ui", "scripts": {"build": "vite build"}, "devDependencies": {"vite": "5", "vue": "3"}},
        "src/main.js": 'import "vue";',
    },
    "a front end beside a server": {
        "package.json": manifest(devDependencies={"vite": "5", "vue": "3"}),
        "server.js": 'import "express";', "src/main.js": 'import "vue";',
    },
    "a server that is bundled": {
        "package.json": manifest("node dist/index.js", devDependencies={"tsup": "8", "morgan": "1"}, scripts={"build": "tsup src/index.ts", "start": "node dist/index.js"}),
        "src/index.ts": 'import m from "morgan"; m();',
    },
    "types": {"package.json": manifest(), "server.ts": 'import { Handler } from "morgan";\nexport let a: Handler;\n'},
    "outside of production": {"package.json": manifest(), "server.js": 'if (process.env.NODE_ENV !== "production") { require("morgan"); }'},
    "what is caught": {"package.json": manifest(), "server.js": 'try { require("morgan") } catch (e) { }'},
    "what the runtime brings": {"package.json": {"name": "e", "main": "main.js", "devDependencies": {"electron": "30"}}, "main.js": 'require("electron");'},
    "a file that nothing reaches": {"package.json": manifest(), "server.js": 'require("express");', "lib/unused.js": 'require("morgan");'},
    "a tool that starts": {"package.json": manifest("nodemon server.js", dependencies={"nodemon": "3"}), "server.js": ""},
    "shared settings": {
        "package.json": {"name": "all", "workspaces": ["packages/*"]},
        "packages/eslint-config/package.json": {"name": "@a/eslint-config", "dependencies": {"eslint-plugin-import": "2"}},
        "a.js": "",
    },
}  # fmt: skip


@pytest.mark.parametrize("files", SOUND.values(), ids=SOUND.keys())
def test_what_production_does_not_load_is_no_finding(project: Project, files: dict[str, Any]) -> None:
    assert [] == misplaced(project(files))


def test_a_member_is_judged_where_another_s_server_reaches_it(project: Project) -> None:
    files = {
        "package.json": {"name": "all", "workspaces": ["packages/*"]},
        "packages/api/package.json": manifest("node src/server.js", dependencies={"shared": "*"}),
        "packages/api/src/server.js": 'import "shared";',
        "packages/shared/package.json": {"name": "shared", "main": "src/index.js", "devDependencies": {"lodash": "4"}},
        "packages/shared/src/index.js": 'import "lodash";',
    }  # fmt: skip
    (found,) = misplaced(project(files))
    assert ("lodash", "npm install lodash@4 -w packages/shared") == (found.subject, found.fix.code[0].text)


def test_files_that_are_loaded_by_computed_names_are_reached(project: Project) -> None:
    files = {
        "package.json": manifest(),
        "server.js": 'require("./models");',
        "models/index.js": "for (const f of files) require(path.join(__dirname, f));",
        "models/user.js": 'require("morgan");',
    }
    assert ["morgan"] == [found.subject for found in misplaced(project(files))]


def test_a_tool_among_the_dependencies_is_a_small_finding(project: Project) -> None:
    files = {"package.json": manifest(dependencies={"express": "4", "jest": "29"}), "server.js": 'require("express");'}  # fmt: skip
    (found,) = misplaced(project(files))
    assert ("jest", Severity.LOW, "npm install --save-dev jest@29") == (
        found.subject,
        found.severity,
        found.fix.code[0].text,
    )

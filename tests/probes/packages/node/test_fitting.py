"""B3 and B4: what packages expect beside them, and versions that don't fit, by npm's own word or by the lock file's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from deployer_lib.catalogue import Severity
from deployer_lib.probes.packages.node import Node
from deployer_lib.probes.packages.node.locks import find_lock
from deployer_lib.probes.packages.node.manifests import layout_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer_lib.probes.context import Context
    from deployer_lib.probes.packages.model import Kind

    Project = Callable[..., Context]


def locked(dependencies: dict[str, str], packages: dict[str, dict[str, Any]], **more: Any) -> dict[str, Any]:
    root = {"name": "shop", "version": "1.0.0", "dependencies": dependencies, **more}
    entries = {f"node_modules/{name}": {"integrity": "sha512-x", **entry} for name, entry in packages.items()}
    lock = {"name": "shop", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": root, **entries}}
    return {"package.json": root, "package-lock.json": lock}


DOM = {"version": "18.2.0", "peerDependencies": {"react": "^18.2.0"}}
OPTIONAL = {"version": "1.0.0", "peerDependencies": {"react": "*"}, "peerDependenciesMeta": {"react": {"optional": True}}}  # fmt: skip
DEBUG = {"version": "4.3.4", "dependencies": {"ms": "2.1.2"}}


def told(ctx: Context, kind: Kind) -> list[tuple[str, str]]:
    examined = Node().examine(ctx, kind)
    assert () == examined.unknown
    return [
        (problem.subject, f"{problem.locations[0].file}:{problem.locations[0].line}")
        for problem in examined.problems
    ]


@pytest.mark.parametrize(
    ("files", "peers", "conflicts"),
    [
        (locked({"react": "^18.2.0", "react-dom": "^18.2.0"}, {"react": {"version": "18.2.0"}, "react-dom": DOM}), [], []),
        (locked({"react-dom": "^18.2.0"}, {"react-dom": DOM}), [("react", "package.json:5")], []),
        (locked({"react": "^17.0.2", "react-dom": "^18.2.0"}, {"react": {"version": "17.0.2"}, "react-dom": DOM}), [("react", "package.json:6")], []),
        (locked({"x": "1.0.0"}, {"x": OPTIONAL}), [], []),
        (locked({"debug": "4.3.4"}, {"debug": DEBUG, "ms": {"version": "1.0.0"}}), [], [("ms", "package.json:5")]),
    ],
    ids=["sound", "missing", "another version", "optional", "conflict"],
)  # fmt: skip
def test_npm_s_own_answer_is_sorted_into_peers_and_conflicts(
    project: Project, files: dict[str, Any], peers: list[Any], conflicts: list[Any]
) -> None:
    ctx = project(files)
    assert peers == told(ctx, "peers")
    assert conflicts == told(ctx, "conflicts")


def test_settings_that_silence_npm_don_t_silence_the_check(project: Project) -> None:
    ctx = project({**locked({"react-dom": "^18.2.0"}, {"react-dom": DOM}), ".npmrc": "legacy-peer-deps=true\n"})  # fmt: skip
    (problem,) = Node().examine(ctx, "peers").problems
    assert "legacy-peer-deps in .npmrc" in problem.root_cause
    assert "npm install react@^18.2.0" == problem.fix.code[0].text


def test_two_versions_of_what_a_program_bears_once_are_a_conflict(project: Project) -> None:
    ui = {"name": "ui", "version": "1.0.0", "dependencies": {"react": "^17.0.0"}}
    web = {"name": "web", "version": "1.0.0", "dependencies": {"react": "^18.0.0", "ui": "1.0.0"}}
    root = {"name": "all", "workspaces": ["ui", "web"]}
    packages = {
        "": root, "ui": ui, "web": web,
        "node_modules/ui": {"resolved": "ui", "link": True}, "node_modules/web": {"resolved": "web", "link": True},
        "node_modules/react": {"version": "18.2.0", "integrity": "x"}, "ui/node_modules/react": {"version": "17.0.2", "integrity": "x"},
    }  # fmt: skip
    ctx = project({"package.json": root, "ui/package.json": ui, "web/package.json": web, "package-lock.json": {"lockfileVersion": 3, "packages": packages}})  # fmt: skip
    assert [] == told(ctx, "peers")
    assert [("react", "ui/package.json:5")] == told(ctx, "conflicts")


PNPM = """lockfileVersion: '9.0'
importers:
  .:
    dependencies:
      react: {{specifier: {react}, version: {version}}}
      react-dom: {{specifier: ^18.2.0, version: 18.2.0(react@{version})}}
packages:
  react@{version}:
    resolution: {{integrity: sha512-x}}
  react-dom@18.2.0:
    resolution: {{integrity: sha512-x}}
    peerDependencies: {{react: ^18.2.0}}
snapshots:
  react@{version}: {{}}
  react-dom@18.2.0(react@{version}):
    dependencies: {{react: {version}}}
"""


@pytest.mark.parametrize(("version", "found"), [("18.2.0", []), ("17.0.2", ["react"])])
def test_pnpm_s_lock_file_says_what_each_package_got(
    project: Project, version: str, found: list[str]
) -> None:
    root = {"name": "shop", "dependencies": {"react": version, "react-dom": "^18.2.0"}}
    ctx = project({"package.json": root, "pnpm-lock.yaml": PNPM.format(react=version, version=version)})
    assert found == [name for name, _ in told(ctx, "peers")]
    rules = {"pnpm": {"peerDependencyRules": {"allowedVersions": {"react": "17"}}}}
    allowed = project({"package.json": {**root, **rules}})
    allowed.memo.clear()
    assert [] == told(allowed, "peers")


BERRY = """__metadata:
  version: 8
"react-dom@npm:^18.2.0":
  version: 18.2.0
  resolution: "react-dom@npm:18.2.0"
  peerDependencies:
    react: ^18.2.0
"react@npm:^17.0.0":
  version: 17.0.2
  resolution: "react@npm:17.0.2"
"""


def test_yarn_s_second_form_says_what_direct_dependencies_expect(project: Project) -> None:
    root = {"name": "shop", "dependencies": {"react-dom": "^18.2.0"}, "devDependencies": {"react": "^17.0.0"}}
    ctx = project({"package.json": root, "yarn.lock": BERRY})
    (problem,) = Node().examine(ctx, "peers").problems
    assert ("react", None, "17.0.2") == (problem.subject, problem.severity, problem.evidence["locked"])


CLASSIC = """# yarn lockfile v1


"@a/b@^1.0.0", "@a/b@^1.2.0":
  version "1.3.0"
  resolved "x"
  integrity sha512-x
  dependencies:
    ms "^2.0.0"

ms@^2.0.0:
  version "{ms}"
"""


@pytest.mark.parametrize(("ms", "found"), [("2.1.3", []), ("1.0.0", ["ms"])])
def test_yarn_s_first_form_tells_conflicts_and_can_t_tell_peers(
    project: Project, ms: str, found: list[str]
) -> None:
    ctx = project({"package.json": {"name": "s", "dependencies": {"@a/b": "^1.0.0"}}, "yarn.lock": CLASSIC.format(ms=ms)})  # fmt: skip
    assert found == [name for name, _ in told(ctx, "conflicts")]
    assert "does not say what packages expect" in Node().examine(ctx, "peers").unknown[0]


def test_peers_of_tools_weigh_less(project: Project) -> None:
    files = locked({}, {"react-dom": {**DOM, "dev": True}}, devDependencies={"react-dom": "^18.2.0"})
    (problem,) = Node().examine(project(files), "peers").problems
    assert Severity.MEDIUM is problem.severity


def test_the_first_lock_file_version_can_t_be_told(project: Project) -> None:
    files = {"package.json": {"name": "s", "dependencies": {"a": "1"}}, "package-lock.json": {"lockfileVersion": 1, "dependencies": {"a": {"version": "1.0.0"}}}}  # fmt: skip
    assert "lockfileVersion 1" in Node().examine(project(files), "peers").unknown[0]


def test_bun_s_lock_file_is_read_with_its_trailing_commas(project: Project) -> None:
    text = '{"lockfileVersion": 1, "workspaces": {"": {"name": "s", "dependencies": {"d": "^1.0.0",},},},\n"packages": {\n"d": ["d@1.0.0", "", {"peerDependencies": {"react": "18"}}, "sha512-x"],\n}}'  # fmt: skip
    ctx = project({"package.json": {"name": "s", "dependencies": {"d": "^1.0.0"}}, "bun.lock": text})
    lock = find_lock(ctx.workspace, layout_of(ctx.workspace).manifests[""])
    assert lock is not None
    assert (["1.0.0"], "", 3) == (lock.versions("d"), lock.problem, lock.line("d"))
    assert [("react", "package.json:4")] == told(ctx, "peers")

"""What can't be read is named, never a crash, and the rest is audited all the same."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, get_args

import pytest

from deployer_lib.check import Outcome
from deployer_lib.probes.packages.model import Examined, Kind
from deployer_lib.probes.packages.node import Node

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer_lib.probes.context import Context

    Project = Callable[..., Context]

GOOD: dict[str, Any] = {"name": "s", "dependencies": {"a": "1"}}


def all_of(ctx: Context) -> dict[str, Examined]:
    return {kind: Node().examine(ctx, kind) for kind in get_args(Kind)}


@pytest.mark.parametrize("text", ["{", "[]", "\x00", '{"name": ' + "[" * 100_000, "null", '"x"'])
def test_a_broken_manifest_is_named_by_every_check(project: Project, text: str) -> None:
    ctx = project({"package.json": text, "src/a.js": 'import "b";', "package-lock.json": text})
    assert Node().applies(ctx.workspace)
    assert {"package.json"} == {each.unknown[0].split()[0] for each in all_of(ctx).values()}
    assert [Outcome.ERROR] == [result.outcome for result in Node().install(ctx)]


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"packages": []}', '{"packages": {"node_modules/a": 1, "": {"dependencies": [1]}}}'])  # fmt: skip
def test_a_broken_lock_file_leaves_the_imports_to_be_judged(project: Project, text: str) -> None:
    ctx = project({"package.json": GOOD, "a.js": 'import "b";', "package-lock.json": text})
    found = all_of(ctx)
    assert ["b"] == [each.subject for each in found["undeclared"].problems]
    assert found["drift"].problems
    assert not any(each.outcome is Outcome.PASS for each in Node().install(ctx))


@pytest.mark.parametrize("lock", ["pnpm-lock.yaml", "yarn.lock", "bun.lock"])
@pytest.mark.parametrize("text", ["", "a: [", "- x\n- y\n", "importers: 3\npackages: {x: 1}\n", '"\n', "@@@@:\n  version\n"])  # fmt: skip
def test_broken_lock_files_of_other_tools_are_no_crash(project: Project, lock: str, text: str) -> None:
    ctx = project({"package.json": GOOD, "a.js": 'import "a";', lock: text})
    assert all(each.problems or each.unknown or each.looked_at for each in all_of(ctx).values())
    assert [Outcome.ERROR] == [result.outcome for result in Node().install(ctx)]


def test_odd_files_are_passed_over_or_named(project: Project) -> None:
    ctx = project({
        "package.json": GOOD, "src/with space/ä.js": 'import "b";', "src/broken.ts": "<<<<<<< import (((",
        "lib/package.json": "{", "src/a.js": "", "packages/x/package.json": {"name": 3, "dependencies": [1], "workspaces": {"packages": 4}},
    })  # fmt: skip
    (ctx.workspace / "src" / "loop").symlink_to(ctx.workspace / "src")
    (ctx.workspace / "src" / "binary.js").write_bytes(b"\x00\xff" * 1_000)
    (ctx.workspace / "ui" / "package.json").mkdir(parents=True)
    (ctx.workspace / "yarn.lock").mkdir()
    (ctx.workspace / os.fsdecode(b"src/\xff.js")).write_text('import "c";')
    with (ctx.workspace / "src" / "huge.js").open("wb") as stream:
        stream.truncate(100_000_000)
    found = all_of(ctx)
    assert ["b"] == [each.subject for each in found["undeclared"].problems]
    said = " ".join(found["undeclared"].unknown)
    assert all(
        name in said for name in ("lib/package.json", "ui/package.json", "src/\\xff.js", "src/broken.ts")
    )
    assert ["src/huge.js (100,000,000 bytes)"] == found["undeclared"].looked_at["passed_over"]
    assert "yarn.lock" in found["drift"].problems[0].subject


def test_a_huge_manifest_is_named(project: Project) -> None:
    ctx = project({"package.json": GOOD})
    with (ctx.workspace / "package.json").open("wb") as stream:
        stream.truncate(100_000_000)
    assert "bytes" in Node().examine(ctx, "undeclared").unknown[0]


def test_a_project_without_sources_can_t_be_told(project: Project) -> None:
    found = all_of(project({"package.json": GOOD}))
    assert found["undeclared"].unknown
    assert found["dev_in_production"].unknown


def test_a_manifest_of_tools_beside_another_stack_is_not_applicable(project: Project) -> None:
    ctx = project(
        {"package.json": {"name": "s", "devDependencies": {"prettier": "3"}}, "app.py": "import os\n"}
    )
    assert all(Node().examine(ctx, kind).not_applicable for kind in ("undeclared", "dev_in_production"))


def test_without_a_manifest_it_does_not_apply(project: Project) -> None:
    assert not Node().applies(project({"a.js": "", "docs/package.json": GOOD}).workspace)


def test_a_front_end_beside_another_stack_is_looked_at(project: Project) -> None:
    """A manifest below the root counts where it declares anything; a stub that says a folder's module type does not."""
    assert Node().applies(project({"manage.py": "", "web/package.json": GOOD}).workspace)


def test_a_folder_s_module_type_makes_no_node_project(project: Project) -> None:
    assert not Node().applies(project({"manage.py": "", "web/package.json": '{"type": "module"}'}).workspace)


def test_a_manifest_below_the_root_that_is_none_is_named(project: Project) -> None:
    """It might have declared anything: silence would be a pass."""
    assert Node().applies(project({"manage.py": "", "web/package.json": "{"}).workspace)

"""B2 and B5: the lock file holds what manifests ask for, and binds nobody to a platform unsaid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from deployer_lib.catalogue import Severity
from deployer_lib.check import Outcome
from deployer_lib.probes.packages.node import Node

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer_lib.check import Result
    from deployer_lib.probes.context import Context
    from deployer_lib.probes.packages.model import Kind

    Project = Callable[..., Context]

A: dict[str, Any] = {"version": "1.2.0", "integrity": "sha512-x"}


def files(declared: dict[str, str], noted: dict[str, str], **packages: dict[str, Any]) -> dict[str, Any]:
    entries = {f"node_modules/{name.replace('__', '/')}": entry for name, entry in packages.items()}
    lock = {"lockfileVersion": 3, "packages": {"": {"name": "s", "dependencies": noted}, **entries}}
    return {"package.json": {"name": "s", "dependencies": declared}, "package-lock.json": lock}


def problems(ctx: Context, kind: Kind) -> list[Result]:
    return [*Node().examine(ctx, kind).problems]


@pytest.mark.parametrize(
    ("made", "found"),
    [
        (files({"a": "^1.0.0"}, {"a": "^1.0.0"}, a=A), []),
        (files({"a": "^1.0.0", "b": "1"}, {"a": "^1.0.0"}, a=A), [("b", None)]),
        (files({"a": "^2.0.0"}, {"a": "^1.0.0"}, a=A), [("a", None)]),
        (files({"a": "^1.1.0"}, {"a": "^1.0.0"}, a=A), [("a", Severity.LOW)]),
        (files({"a": "^1.0.0"}, {"a": "^1.0.0"}, a={"version": "1.2.0"}), [("integrity", Severity.MEDIUM)]),
        ({"package.json": {"name": "s", "dependencies": {"a": "1"}}}, [("lock file", Severity.HIGH)]),
        ({"package.json": {"name": "s"}}, []),
    ],
    ids=["sound", "missing", "another range", "a range that still fits", "no digest", "no lock file", "nothing declared"],
)  # fmt: skip
def test_manifest_and_lock_file_are_compared(
    project: Project, made: dict[str, Any], found: list[Any]
) -> None:
    assert found == [(each.subject, each.severity) for each in problems(project(made), "drift")]


def test_members_are_compared_too(project: Project) -> None:
    made = files({}, {})
    made["package.json"]["workspaces"] = ["p/*"]
    made["p/api/package.json"] = {"name": "api", "dependencies": {"a": "1"}}
    made["package-lock.json"]["packages"]["p/api"] = {"name": "api"}
    (found,) = problems(project(made), "drift")
    assert ("a", "p/api/package.json", 4) == (
        found.subject,
        found.locations[0].file,
        found.locations[0].line,
    )


def test_a_lock_file_with_marks_of_a_merge_is_named_with_its_line(project: Project) -> None:
    made = files({"a": "1"}, {"a": "1"}, a=A)
    made["package-lock.json"] = '{\n<<<<<<< HEAD\n"lockfileVersion": 3\n}'
    ctx = project(made)
    (found,) = problems(ctx, "drift")
    assert ("package-lock.json", 2) == (found.locations[0].file, found.locations[0].line)
    (installed,) = Node().install(ctx)
    assert Outcome.ERROR is installed.outcome


def test_pnpm_s_overrides_and_catalogs_are_no_drift(project: Project) -> None:
    lock = "lockfileVersion: '9.0'\noverrides: {b: 2.0.0}\nimporters:\n  .:\n    dependencies:\n      a: {specifier: 'catalog:', version: 1.0.0}\n      b: {specifier: 2.0.0, version: 2.0.0}\n"
    made = {
        "package.json": {"name": "s", "dependencies": {"a": "catalog:", "b": "^1"}},
        "pnpm-lock.yaml": lock,
    }
    assert [] == problems(project(made), "drift")
    made["package.json"] = {"name": "s", "dependencies": {"a": "catalog:", "c": "^1"}}
    ctx = project(made)
    ctx.memo.clear()
    assert ["c"] == [each.subject for each in problems(ctx, "drift")]


def test_yarn_s_requests_are_compared(project: Project) -> None:
    lock = '# yarn lockfile v1\n\na@^1.0.0:\n  version "1.2.0"\n  integrity x\n'
    made = {
        "package.json": {"name": "s", "dependencies": {"a": "^1.0.0", "b": "^1", "l": "file:l"}},
        "yarn.lock": lock,
    }
    assert ["b"] == [each.subject for each in problems(project(made), "drift")]


MAC = {"version": "2.3.3", "integrity": "x", "os": ["darwin"]}
PARTS = {"native-linux-x64-gnu": "1", "native-darwin-arm64": "1", "native-android-arm64": "1"}
PART = {"version": "1.0.0", "integrity": "x", "optional": True, "os": ["darwin"], "cpu": ["arm64"]}
PLATFORMS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "for all": (files({"a": "1"}, {"a": "1"}, a=A), []),
    "declared": (files({"fsevents": "2"}, {"fsevents": "2"}, fsevents=MAC), ["fsevents"]),
    "optional": (files({"a": "1"}, {"a": "1"}, a={**A, "optionalDependencies": {"fsevents": "2"}}, fsevents={**MAC, "optional": True}), []),
    "through another": (files({"a": "1"}, {"a": "1"}, a={**A, "dependencies": {"fsevents": "2"}}, fsevents=MAC), ["fsevents"]),
    "all common systems": (files({"a": "1"}, {"a": "1"}, a={**A, "os": ["darwin", "linux", "win32", "freebsd"]}), []),
    "parts forgotten": (files({"native": "1"}, {"native": "1"}, native={**A, "optionalDependencies": PARTS}, **{"native-darwin-arm64": PART}), ["native"]),
    "parts of rare systems": (files({"native": "1"}, {"native": "1"}, native={**A, "optionalDependencies": PARTS}, **{"native-darwin-arm64": PART, "native-linux-x64-gnu": {**PART, "os": ["linux"]}}), []),
}  # fmt: skip


@pytest.mark.parametrize(("made", "found"), PLATFORMS.values(), ids=PLATFORMS.keys())
def test_a_platform_that_is_presupposed_is_a_finding(
    project: Project, made: dict[str, Any], found: list[str]
) -> None:
    assert found == [each.subject for each in problems(project(made), "platform")]


@pytest.mark.parametrize("how", ["README.md", "os"])
def test_a_platform_that_is_said_is_none(project: Project, how: str) -> None:
    made = files({"fsevents": "2"}, {"fsevents": "2"}, fsevents=MAC)
    if how == "os":
        made["package.json"]["os"] = ["darwin"]
    else:
        made["README.md"] = "Runs on macOS alone, for it needs `fsevents`.\n"
    assert [] == problems(project(made), "platform")


def test_servers_without_their_native_part_weigh_more(project: Project) -> None:
    (found,) = problems(project(PLATFORMS["parts forgotten"][0]), "platform")
    assert (Severity.HIGH, ["native-linux-x64-gnu", "native-android-arm64"]) == (
        found.severity,
        found.evidence["lacking"],
    )


# -- the clean install -----------------------------------------------------------------------------------------------


def test_an_install_without_anything_from_a_registry_works(project: Project) -> None:
    made = files({"own": "file:own"}, {"own": "file:own"})
    made["own/package.json"] = {"name": "own", "version": "1.0.0"}
    made["package-lock.json"]["packages"] |= {"own": {"version": "1.0.0"}, "node_modules/own": {"resolved": "own", "link": True}}  # fmt: skip
    ctx = project(made)
    (result,) = Node().install(ctx)
    assert (Outcome.PASS, "npm") == (result.outcome, result.subject)
    assert not (ctx.workspace / "node_modules").exists()
    assert [result.evidence] == [again.evidence for again in Node().install(ctx)]


def test_a_lock_file_that_lags_fails_the_install_by_npm_s_own_word(project: Project) -> None:
    made = files({"own": "file:own"}, {})
    made["own/package.json"] = {"name": "own", "version": "1.0.0"}
    (result,) = Node().install(project(made))
    assert (Outcome.FAIL, "EUSAGE") == (result.outcome, result.evidence["code"])
    assert "npm install --package-lock-only" == result.fix.code[0].text


def test_other_tools_locks_can_t_be_told(project: Project) -> None:
    (result,) = Node().install(project({"package.json": {"name": "s", "dependencies": {"a": "1"}}, "yarn.lock": "# yarn lockfile v1\n"}))  # fmt: skip
    assert Outcome.ERROR is result.outcome
    assert 'install.command: ["yarn", "install", "--frozen-lockfile"' in result.message


def test_without_npm_it_can_t_be_told(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    ctx = project(files({"a": "^1.0.0"}, {"a": "^1.0.0"}, a=A))
    monkeypatch.setenv("PATH", str(ctx.scratch))
    (result,) = Node().install(ctx)
    assert Outcome.ERROR is result.outcome
    assert "was not found" in result.message
    assert "was not found" in Node().examine(ctx, "peers").unknown[0]


def test_secrets_in_settings_are_not_copied(project: Project) -> None:
    made = files({"own": "file:own"}, {"own": "file:own"})
    made["own/package.json"] = {"name": "own", "version": "1.0.0"}
    made["package-lock.json"]["packages"] |= {"own": {"version": "1.0.0"}, "node_modules/own": {"resolved": "own", "link": True}}  # fmt: skip
    made[".npmrc"] = "//npm.example/:_authToken=${NPM_TOKEN}\nfund=false\n"
    ctx = project(made)
    assert [Outcome.PASS] == [result.outcome for result in Node().install(ctx)]
    assert ["fund=false\n"] == [path.read_text() for path in ctx.scratch.rglob(".npmrc")]

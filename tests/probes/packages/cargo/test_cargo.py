"""Crates: what code names, what manifests declare, what the lock holds, and what cargo says; path dependencies need no network."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deployer_lib.catalogue import Severity
from deployer_lib.check import Outcome, Result
from deployer_lib.probes.packages.cargo import Cargo

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from deployer_lib.probes.context import Context
    from deployer_lib.probes.packages.model import Kind

    Make = Callable[..., Context]

BASE = "http://127.0.0.1:9"
SAMPLE = Path(__file__).parents[3] / "projects" / "rust_service"
MANIFEST = """
[package]
name = "orders"
version = "0.3.0"
edition = "2021"

[features]
extra = []

[dependencies]
order-codes = { path = "codes" }
"""
CODES = '[package]\nname = "order-codes"\nversion = "0.3.0"\nedition = "2021"\n'
LOCK = """version = 3

[[package]]
name = "order-codes"
version = "0.3.0"

[[package]]
name = "orders"
version = "0.3.0"
dependencies = [
 "order-codes",
]
"""
MAIN = 'mod routes;\nuse order_codes::is_code;\nfn main() { println!("{}", is_code(routes::FIRST)); }\n'
CARGO = Cargo()


def made(context: Make, files: Mapping[str, str | None] | None = None) -> Context:
    ctx = context(BASE)
    texts: dict[str, str | None] = {
        "Cargo.toml": MANIFEST, "Cargo.lock": LOCK, "codes/Cargo.toml": CODES, "codes/src/lib.rs": "pub fn is_code() {}\n",
        "src/main.rs": MAIN, "src/routes.rs": 'pub const FIRST: &str = "ORD-1";\n', **(files or {}),
    }  # fmt: skip
    for name, text in texts.items():
        if text is not None:
            (ctx.workspace / name).parent.mkdir(parents=True, exist_ok=True)
            (ctx.workspace / name).write_text(text, encoding="utf-8")
    return ctx


def problems(ctx: Context, kind: Kind) -> list[Result]:
    examined = CARGO.examine(ctx, kind)
    assert () == examined.unknown
    assert examined.problems or examined.looked_at
    return list(examined.problems)


def named(results: list[Result]) -> list[tuple[str, str, int]]:
    return [(r.subject, r.locations[0].file, r.locations[0].line) for r in results]


@pytest.fixture
def fake_cargo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    """A cargo that says one thing and ends with one status."""

    def install(says: str, code: int) -> None:
        folder = tmp_path / "bin"
        folder.mkdir()
        script = folder / "cargo"
        script.write_text(
            f"#!{sys.executable}\nimport sys\nsys.stderr.write({says!r})\nsys.exit({code})\n",
            encoding="utf-8",
        )
        script.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))

    return install


# -- a sound project -------------------------------------------------------------------------------------------------


def test_a_sound_workspace_holds_every_claim(context: Make) -> None:
    """The sample's three tiny crates are fetched for real, with an empty cache."""
    ctx = context(BASE)
    shutil.copytree(SAMPLE, ctx.workspace, dirs_exist_ok=True)
    (installed,) = CARGO.install(ctx)
    assert (Outcome.PASS, "cargo", 5) == (
        installed.outcome,
        installed.subject,
        installed.evidence["packages"],
    )
    kinds: tuple[Kind, ...] = ("undeclared", "dev_in_production", "conflicts", "platform", "drift")
    for kind in kinds:
        assert [] == problems(ctx, kind)
    assert CARGO.examine(ctx, "peers").not_applicable


def test_path_dependencies_install_without_a_network(context: Make) -> None:
    (installed,) = CARGO.install(made(context))
    assert (Outcome.PASS, "cargo fetch --locked") == (installed.outcome, installed.evidence["command"])


def test_a_folder_without_a_manifest_is_none_of_cargo_s(tmp_path: Path) -> None:
    assert not CARGO.applies(tmp_path)
    (tmp_path / "server").mkdir()
    (tmp_path / "server" / "Cargo.toml").write_text(CODES)
    assert CARGO.applies(tmp_path)


# -- undeclared and misplaced ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("use rand::Rng;", "rand"),
        ("fn f() -> String { serde_json::to_string(&1).unwrap() }", "serde_json"),
        ("#[derive(serde::Serialize)]\nstruct A;", "serde"),
        ("#[tokio::main]\nasync fn f() {}", "tokio"),
        ('fn f() { println!("{}", hex::encode("a")); }', "hex"),
        ("use {\n    std::fmt,\n    uuid::Uuid,\n};", "uuid"),
        ("extern crate regex;", "regex"),
        ("static A: ::bytes::Bytes = todo!();", "bytes"),
    ],
)
def test_a_crate_that_no_manifest_declares_is_a_finding(context: Make, line: str, name: str) -> None:
    (found,) = problems(made(context, {"src/routes.rs": f"{line}\n"}), "undeclared")
    assert (name, "src/routes.rs") == named([found])[0][:2]
    assert "cargo add" in found.fix.code[-1].text


SOUND = """
use std::collections::HashMap;
use crate::routes::inner::Thing;
use self::inner::other as renamed;
use inner::Kind::*;
use super::*;
mod inner { pub mod other { pub fn go() {} } pub struct Thing; pub enum Kind { A } pub mod io { pub fn read() {} } }
use inner::io;
#[builder] pub struct Basket;
#[cfg(test)]
mod tests { use proptest::prelude::*; #[test] fn a() { fake::b(); } }
#[cfg(loom)]
use loom::sync::Arc;
#[cfg(feature = "never_declared")]
use never::A;
#[allow(clippy::all)]
#[rustfmt::skip]
fn f() { let _ = u8::MAX; str::from_utf8(b""); renamed::go(); io::read(); basket_builder::new(); f64::consts::PI; }
macro_rules! made { () => { elsewhere::go() } }
cfg_if::cfg_if! { if #[cfg(test)] { use nowhere::A; } }
#[test]
fn g() { quickcheck::quick(); }
fn h() { let quoted = quote! { somewhere::B }; }
"""


def test_own_modules_tests_and_other_configurations_are_no_findings(context: Make) -> None:
    manifest = MANIFEST + 'cfg-if = "1"\n'
    lock = LOCK.replace('"order-codes",', '"cfg-if",\n "order-codes",')
    assert [] == problems(
        made(context, {"src/routes.rs": SOUND, "Cargo.toml": manifest, "Cargo.lock": lock}), "undeclared"
    )


def test_a_renamed_crate_and_a_library_s_own_name_are_known(context: Make) -> None:
    manifest = MANIFEST.replace("order-codes = {", 'codes = { package = "order-codes",')
    files = {"Cargo.toml": manifest, "src/main.rs": "fn main() { codes::is_code(); }\n"}
    assert [] == problems(made(context, files), "undeclared")
    files = {
        "codes/Cargo.toml": CODES + '[lib]\nname = "shop_codes"\n',
        "src/main.rs": "fn main() { shop_codes::is_code(); }\n",
    }
    assert [] == problems(made(context, files), "undeclared")


def test_a_file_that_only_tests_reach_is_not_production(context: Make) -> None:
    files = {
        "src/main.rs": MAIN + "#[cfg(test)]\nmod checks;\n",
        "src/checks.rs": "use proptest::prelude::*;\n",
        "src/orphan.rs": "use nothing::A;\n",
        "tests/whole.rs": "use reqwest::Client;\n",
        "examples/show.rs": "use image::Image;\n",
    }
    assert [] == problems(made(context, files), "undeclared")


def test_a_development_dependency_in_production_code_is_a_finding(context: Make) -> None:
    ctx = made(context, {"Cargo.toml": MANIFEST.replace("[dependencies]", "[dev-dependencies]")})
    (found,) = problems(ctx, "dev_in_production")
    assert ("order-codes", "src/main.rs", 2) == named([found])[0]
    assert ("Cargo.toml", 11) == (found.locations[-1].file, found.locations[-1].line)
    assert [] == problems(ctx, "undeclared")


def test_a_build_script_has_a_table_of_its_own(context: Make) -> None:
    files = {"build.rs": "fn main() { order_codes::is_code(); }\n"}
    (found,) = problems(made(context, files), "undeclared")
    assert ("order-codes", "build.rs", 1) == named([found])[0]
    assert "[build-dependencies]" in found.fix.steps[0]


def test_a_tool_of_tests_among_production_s_is_a_small_finding(context: Make) -> None:
    ctx = made(context, {"Cargo.toml": MANIFEST + 'mockall = "0.13"\n'})
    (found,) = problems(ctx, "dev_in_production")
    assert ("mockall", "Cargo.toml", 12, Severity.LOW) == (*named([found])[0], found.severity)


# -- platform --------------------------------------------------------------------------------------------------------

WINDOWS = {"Cargo.toml": MANIFEST + 'winreg = "0.52"\n', "src/routes.rs": "use winreg::RegKey;\n"}


def test_a_crate_of_one_platform_without_a_condition_is_a_finding(context: Make) -> None:
    (found,) = problems(made(context, dict(WINDOWS)), "platform")
    assert ("winreg", "Cargo.toml", 12) == named([found])[0]
    assert "[target.'cfg(windows)'.dependencies]" in found.fix.code[0].text


@pytest.mark.parametrize(
    "files",
    [
        {"README.md": "This service runs on Windows only.\n"},
        {"docs/setup.md": "It reads the registry by winreg.\n"},
        {"src/routes.rs": "#[cfg(windows)]\nuse winreg::RegKey;\n"},
        {"src/main.rs": "#[cfg(windows)]\nmod routes;\nfn main() {}\n"},
        {"Cargo.toml": MANIFEST + "[target.'cfg(windows)'.dependencies]\nwinreg = \"0.52\"\n"},
        {"Cargo.toml": MANIFEST + 'winreg = { version = "0.52", optional = true }\n'},
    ],
)
def test_said_conditional_or_optional_is_no_finding(context: Make, files: dict[str, str]) -> None:
    assert [] == problems(made(context, {**WINDOWS, **files}), "platform")


# -- drift, install, conflicts ---------------------------------------------------------------------------------------


def test_a_dependency_that_the_lock_lacks_is_named_with_its_line(context: Make) -> None:
    ctx = made(context, {"Cargo.lock": LOCK.replace('dependencies = [\n "order-codes",\n]\n', "")})
    (found,) = problems(ctx, "drift")
    assert ("order-codes", "Cargo.toml", 11) == named([found])[0]
    assert [] == list(CARGO.install(ctx)), "the finding about the lock file says it already"


def test_a_dependency_that_the_manifest_lost_is_named(
    context: Make, fake_cargo: Callable[[str, int], None]
) -> None:
    fake_cargo(
        "error: cannot update the lock file Cargo.lock because --locked was passed to prevent this", 101
    )
    ctx = made(context, {"Cargo.toml": MANIFEST.replace('order-codes = { path = "codes" }', "")})
    assert ["order-codes"] == [found.subject for found in problems(ctx, "drift")]
    assert ["order-codes"] == [found.subject for found in problems(ctx, "undeclared")]


def test_a_program_without_a_lock_file_is_a_finding(context: Make) -> None:
    ctx = made(context)
    (ctx.workspace / "Cargo.lock").unlink()
    (found,) = problems(ctx, "drift")
    assert ("Cargo.lock", Severity.HIGH) == (found.subject, found.severity)
    assert [Outcome.PASS] == [result.outcome for result in CARGO.install(ctx)]


def test_a_lock_file_with_conflict_marks_is_a_finding(
    context: Make, fake_cargo: Callable[[str, int], None]
) -> None:
    fake_cargo("error: failed to parse lock file at: Cargo.lock", 101)
    (found,) = problems(made(context, {"Cargo.lock": "<<<<<<< HEAD\n" + LOCK}), "drift")
    assert "Cargo.lock" == found.subject


LINKS = """error: failed to select a version for `libsqlite3-sys`.
    ... required by package `orders v0.3.0 (/x)`
versions that meet the requirements `^0.30` are: 0.30.1, 0.30.0

package `libsqlite3-sys` links to the native library `sqlite3`, but it conflicts with a previous package which links to `sqlite3` as well:
package `libsqlite3-sys v0.27.0`
"""


def test_two_packages_that_link_one_library_are_a_conflict(
    context: Make, fake_cargo: Callable[[str, int], None]
) -> None:
    fake_cargo(LINKS, 101)
    ctx = made(context, {"Cargo.toml": MANIFEST + 'libsqlite3-sys = "0.30"\n'})
    (found,) = problems(ctx, "conflicts")
    assert ("libsqlite3-sys", "Cargo.toml", 12) == named([found])[0]
    assert ("sqlite3", "libsqlite3-sys v0.27.0") == (found.evidence["links"], found.evidence["beside"])


def test_a_version_that_does_not_exist_is_an_install_that_fails(
    context: Make, fake_cargo: Callable[[str, int], None]
) -> None:
    fake_cargo("error: no matching package named `ordres` found\nlocation searched: crates.io index\n", 101)
    ctx = made(context)
    (found,) = CARGO.install(ctx)
    assert (Outcome.FAIL, "install") == (found.outcome, found.subject)
    assert "ordres" in found.root_cause
    assert CARGO.examine(ctx, "conflicts").blocked


@pytest.mark.parametrize(
    "says",
    [
        "warning: spurious network error (1 try remaining)\nerror: failed to get `itoa`\n",
        "error: `edition2027` requires a nightly version\n",
    ],
)
def test_what_says_nothing_of_the_project_is_an_error(
    context: Make, fake_cargo: Callable[[str, int], None], says: str
) -> None:
    fake_cargo(says, 101)
    ctx = made(context)
    assert [Outcome.ERROR] == [result.outcome for result in CARGO.install(ctx)]
    assert CARGO.examine(ctx, "conflicts").unknown
    assert [] == problems(ctx, "undeclared"), "code and manifests are read without it"


def test_without_cargo_what_can_be_read_is_read(
    context: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    ctx = made(context, {"src/routes.rs": "use rand::Rng;\n"})
    assert [Outcome.ERROR] == [result.outcome for result in CARGO.install(ctx)]
    assert ["rand"] == [found.subject for found in problems(ctx, "undeclared")]


# -- bad input -------------------------------------------------------------------------------------------------------


def test_bad_input_is_named_and_the_rest_is_read(context: Make) -> None:
    """A manifest that is no TOML, a folder where a module should be, a file of bytes, a link in a circle, odd names."""
    ctx = made(
        context,
        {
            "broken/Cargo.toml": "[package\n",
            "src/main.rs": "mod routes;\nmod bytes;\nmod folder;\nuse rand::A;\nfn main( {\n",
        },
    )
    (ctx.workspace / "src" / "bytes.rs").write_bytes(b"\xff\xfe\0fn a() {}")
    (ctx.workspace / "src" / "folder.rs").mkdir()
    (ctx.workspace / "a folder").mkdir()
    (ctx.workspace / "a folder" / "Cargo.toml").mkdir()
    (ctx.workspace / "loop").symlink_to(ctx.workspace)
    examined = CARGO.examine(ctx, "undeclared")
    assert ["rand"] == [found.subject for found in examined.problems]
    assert any("broken/Cargo.toml" in text for text in examined.unknown)
    assert any("src/main.rs" in text for text in examined.unknown)
    assert "broken/Cargo.toml" in [result.subject for result in CARGO.install(ctx)]


def test_a_file_of_a_hundred_megabytes_is_named_and_not_read(context: Make) -> None:
    ctx = made(context)
    with (ctx.workspace / "src" / "routes.rs").open("wb") as file:
        file.truncate(100_000_000)
    assert ("src/routes.rs is larger than 5 MB.",) == CARGO.examine(ctx, "undeclared").unknown


def test_findings_are_json(context: Make) -> None:
    (found,) = problems(made(context, {"src/routes.rs": "use rand::Rng;\n"}), "undeclared")
    assert json.loads(json.dumps(dict(found.evidence)))["module"] == "rand"

"""Variables that Rust code reads."""

# ruff: noqa: ISC004, Q000, S108  (code as people write it, and paths that are never opened)

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from scan_parts import needs, read_files

from deployer_lib.probes.variables.flow import FlowReader
from deployer_lib.probes.variables.languages.rust import Rust
from deployer_lib.probes.variables.languages.rust_macros import opened

if TYPE_CHECKING:
    from pathlib import Path

Expected = dict[str, tuple[str, str | None]]


def scan(root: Path, files: dict[str, str]) -> Expected:
    return needs(read_files(Rust(), root, files, "*.rs"))


REQUIRED, OPTIONAL = ("required", None), ("optional", None)

STATEMENTS: list[tuple[str, Expected]] = [
    # -- spellings
    ('use std::env; fn f() { env::var("A").unwrap(); }', {"A": REQUIRED}),
    ('use std::{env, fs}; fn f() { env::var("A").unwrap(); }', {"A": REQUIRED}),
    ('use std::env as e; fn f() { e::var("A").unwrap(); }', {"A": REQUIRED}),
    ('use std::env::{self, var}; fn f() { var("A").unwrap(); env::var("B").ok(); }', {"A": REQUIRED, "B": OPTIONAL}),
    ('use std::env::var_os as vo; fn f() { vo("A"); }', {"A": OPTIONAL}),
    ('use std::env::*; fn f() { var("A").unwrap(); }', {"A": REQUIRED}),
    ('fn f() { ::std::env::var("A").unwrap(); }', {"A": REQUIRED}),
    ('use dotenvy::var; fn f() { var("A").unwrap(); }', {"A": REQUIRED}),
    ('fn f() { dotenv::var("A").unwrap(); }', {"A": REQUIRED}),
    ('const A: &str = env!("A"); const B: Option<&str> = option_env!("B");', {"A": REQUIRED, "B": OPTIONAL}),
    ('const A: &str = std::env!("A", "set it");', {"A": REQUIRED}),
    ('fn f() -> &str { option_env!("A").unwrap_or("dev") }', {"A": ("default", "dev")}),
    ('use tracing_subscriber::EnvFilter; fn f() { if let Ok(e) = std::env::var(EnvFilter::DEFAULT_ENV) { g(e) } }', {"RUST_LOG": OPTIONAL}),
    # -- what is no read
    ('use crate::env; fn f() { env::var("A").unwrap(); }', {}),
    ('fn var(n: &str) {} fn f() { var("A"); }', {}),
    ('fn f() { std::env::set_var("A", "1"); std::env::remove_var("B"); }', {}),
    ('fn f() { let x = "env::var(\\"A\\")"; /* env::var("B") */ } // env::var("C")', {}),
    ('fn f() { Command::new("x").env("A", "1").spawn(); for a in std::env::args() {} }', {}),
    ('fn f() { std::env::vars().filter(|(k, _)| k == "A"); }', {}),
    ('fn f() { let q = quote! { std::env::var("A").unwrap() }; }', {}),
    ('#[cfg(test)] mod tests { #[test] fn t() { std::env::var("A").unwrap(); } }', {}),
    ('#[tokio::test] async fn t() { std::env::var("A").unwrap(); }', {}),
    ('#[cfg(all(test, unix))] fn t() { std::env::var("A").unwrap(); }', {}),
    ('#[cfg(not(test))] fn t() { std::env::var("A").unwrap(); }', {"A": REQUIRED}),
    ('const V: &str = env!("CARGO_PKG_VERSION"); const T: &str = env!("TARGET");', {}),
    # -- needs
    ('fn f() -> Result<()> { let a = std::env::var("A")?; Ok(()) }', {"A": REQUIRED}),
    ('fn f() -> Result<()> { let a = std::env::var("A").context("no A")?; Ok(()) }', {"A": REQUIRED}),
    ('fn f() -> Result<()> { let a = std::env::var("A").map_err(|e| anyhow!("{e}"))?; Ok(()) }', {"A": REQUIRED}),
    ('fn f() -> Result<()> { let a = std::env::var("A").ok().ok_or_else(|| X)?; Ok(()) }', {"A": REQUIRED}),
    ('fn f() -> Option<u16> { std::env::var("A").ok()?.parse().ok() }', {"A": OPTIONAL}),
    ('fn f() -> Result<()> { let a = std::env::var("A").ok().map(|v| v.parse()).transpose()?; Ok(()) }', {"A": OPTIONAL}),
    (
        'fn f() -> Result<()> { let a = std::env::var("A").ok().map(|v| v.parse()).transpose()?.unwrap_or(5); Ok(()) }',
        {"A": ("default", "5")},
    ),
    ('fn f() -> Result<String, VarError> { std::env::var("A") }', {"A": REQUIRED}),
    ('fn f() -> Option<String> { std::env::var("A").ok() }', {"A": OPTIONAL}),
    ('fn f() { std::env::var("A").expect("A must be set"); }', {"A": REQUIRED}),
    ('fn f() { std::env::var("A").unwrap_or_default(); }', {"A": ("default", "")}),
    ('fn f() { std::env::var("A").unwrap_or_else(|_| String::new()); }', {"A": ("default", "")}),
    ('fn f() { std::env::var("A").unwrap_or_else(|_| String::from("x")); }', {"A": ("default", "x")}),
    ('fn f() { std::env::var("A").unwrap_or_else(|_| "x".to_owned()); }', {"A": ("default", "x")}),
    ('fn f() { std::env::var("A").unwrap_or_else(|_| { eprintln!("no"); std::process::exit(1) }); }', {"A": REQUIRED}),
    ('fn f() { std::env::var("A").unwrap_or_else(|e| panic!("no {e}")); }', {"A": REQUIRED}),
    ('fn f() { std::env::var("A").map(|v| v == "1").unwrap_or(false); }', {"A": ("default", "false")}),
    ('fn f() { std::env::var("A").map_or(80, |v| v.parse().unwrap()); }', {"A": ("default", "80")}),
    ('fn f() { std::env::var("A").ok().and_then(|v| v.parse().ok()).unwrap_or(8080u16); }', {"A": ("default", "8080u16")}),
    ('fn f() { std::env::var_os("A").map(PathBuf::from).unwrap_or_else(|| PathBuf::from("/tmp")); }', {"A": ("default", "/tmp")}),
    ('fn f() { std::env::var("A").as_deref().unwrap_or("x"); }', {"A": ("default", "x")}),
    ('fn f() { std::env::var("A").or_else(|_| std::env::var("B")).unwrap(); }', {"A": ("default", 'std::env::var("B")'), "B": REQUIRED}),
    ('fn f() { std::env::var("A").or(Ok("x".to_string())); }', {"A": ("default", "x")}),
    ('fn f() { if std::env::var("A").is_ok() { go(); } }', {"A": OPTIONAL}),
    ('fn f() { if std::env::var("A").is_err() { panic!("no"); } }', {"A": REQUIRED}),
    ('fn f() { if std::env::var_os("A").is_none() { std::env::set_var("A", "info"); } }', {"A": OPTIONAL}),
    ('fn f() { assert!(std::env::var("A").is_ok()); }', {"A": REQUIRED}),
    ('fn f() { if std::env::var("A") == Ok("1".into()) { go(); } }', {"A": OPTIONAL}),
    ('fn f() { let x = match std::env::var("A") { Ok(v) => v, Err(_) => panic!("no") }; }', {"A": REQUIRED}),
    ('fn f() -> Result<()> { let x = match std::env::var("A") { Ok(v) => v, Err(e) => return Err(e.into()) }; }', {"A": REQUIRED}),
    ('fn f() { let x = match std::env::var("A") { Ok(v) => v, Err(_) => "x".to_string() }; }', {"A": ("default", "x")}),
    (
        'fn f() { let x = match std::env::var("A") { Ok(v) => Some(v), Err(VarError::NotPresent) => None, '
        'Err(VarError::NotUnicode(_)) => panic!() }; }',
        {"A": OPTIONAL},
    ),
    ('fn f() { match std::env::var("A") { Ok(v) => println!("{v}"), Err(e) => println!("{e}") } }', {"A": OPTIONAL}),
    ('fn f() -> u8 { match std::env::var("A").as_deref() { Ok("one") => 1, _ => 2 } }', {"A": ("default", "2")}),
    ('fn f() { if let Ok(x) = std::env::var("A") { go(x); } }', {"A": OPTIONAL}),
    ('fn f() { let x = if let Ok(x) = std::env::var("A") { x } else { "d".into() }; }', {"A": ("default", "d")}),
    ('fn f() { if let Ok(x) = std::env::var("A") { go(x); } else { panic!("no"); } }', {"A": REQUIRED}),
    ('fn f() -> String { if let Ok(x) = std::env::var("A") { return x; } "d".to_string() }', {"A": ("default", "d")}),
    ('fn f() { let Ok(x) = std::env::var("A") else { panic!("no") }; }', {"A": REQUIRED}),
    ('fn f() { let Some(x) = std::env::var_os("A") else { return; }; }', {"A": OPTIONAL}),
    ('fn f() -> Result<()> { let Ok(x) = std::env::var("A") else { bail!("no") }; Ok(()) }', {"A": REQUIRED}),
    ('fn f() { let x = std::env::var("A"); let y = x.unwrap(); }', {"A": REQUIRED}),
    ('fn f() { let x = std::env::var("A").ok(); let y = x.unwrap_or("d".into()); }', {"A": ("default", "d")}),
    ('fn f() { let x = std::env::var("A"); match x { Ok(v) => v, Err(_) => panic!("no") }; }', {"A": REQUIRED}),
    (
        'fn f() { match (std::env::var("A"), std::env::var("B")) { (Ok(a), Ok(b)) => go(a, b), _ => {} } }',
        {"A": OPTIONAL, "B": OPTIONAL},
    ),
    # -- names
    ('const K: &str = "A"; fn f() { std::env::var(K).unwrap(); }', {"A": REQUIRED}),
    ('struct C; impl C { const K: &\'static str = "A"; fn f() { std::env::var(Self::K).unwrap(); } }', {"A": REQUIRED}),
    ('mod keys { pub const K: &str = "A"; } fn f() { std::env::var(keys::K).unwrap(); }', {"A": REQUIRED}),
    ('fn f() { for k in ["A", "B"] { std::env::var(k).unwrap(); } }', {"A": REQUIRED, "B": REQUIRED}),
    ('const KS: &[&str] = &["A", "B"]; fn f() { for k in KS { std::env::var(k).expect("k"); } }', {"A": REQUIRED, "B": REQUIRED}),
    ('fn f() { ["A", "B"].iter().map(|k| std::env::var(k).ok()); }', {"A": OPTIONAL, "B": OPTIONAL}),
    ('const P: &str = "APP"; fn f() { std::env::var(format!("{}_URL", P)).unwrap(); }', {"APP_URL": REQUIRED}),
    ('const P: &str = "APP"; fn f() { std::env::var(format!("{P}_URL")).unwrap(); }', {"APP_URL": REQUIRED}),
    ('fn f() { std::env::var(concat!("APP", "_URL")).unwrap(); }', {"APP_URL": REQUIRED}),
    # -- macros
    ('fn f() { println!("{}", std::env::var("A").unwrap()); }', {"A": REQUIRED}),
    ('fn f() { let v = vec![std::env::var("A").unwrap(), format!("{}", std::env::var("B").unwrap_or("b".into()))]; }',
     {"A": REQUIRED, "B": ("default", "b")}),
    ('fn f() { json!({"a": std::env::var("A").unwrap(), "b": [std::env::var("B").ok()]}); }', {"A": REQUIRED, "B": OPTIONAL}),
    ('fn f() { matches!(std::env::var("A").as_deref(), Ok("1") | Ok("true")); }', {"A": OPTIONAL}),
    ('lazy_static! { static ref A: String = std::env::var("A").unwrap_or_else(|_| "x".into()); }', {"A": ("default", "x")}),
    ('static A: Lazy<String> = Lazy::new(|| std::env::var("A").expect("A"));', {"A": REQUIRED}),
    ('cfg_if::cfg_if! { if #[cfg(unix)] { fn f() { std::env::var("A").unwrap(); } } else { } }', {"A": REQUIRED}),
    ('fn f() { tokio::select! { _ = g(std::env::var("A").unwrap()) => { std::env::var("B").ok(); } } }', {"A": REQUIRED, "B": OPTIONAL}),
    ('macro_rules! need { ($n:expr) => { std::env::var($n).unwrap() }; ($n:expr, $d:expr) => { std::env::var($n).unwrap_or($d.into()) }; }'
     ' fn f() { need!("A"); need!("B", "b"); }', {"A": REQUIRED, "B": ("default", "b")}),
    # -- wrappers
    ('fn need(n: &str) -> String { std::env::var(n).unwrap_or_else(|_| panic!("{n}")) } fn f() { need("A"); }', {"A": REQUIRED}),
    ('fn get(n: &str, d: &str) -> String { std::env::var(n).unwrap_or_else(|_| d.to_string()) } fn f() { get("A", "x"); }',
     {"A": ("default", "x")}),
    ('fn get<T: FromStr>(n: &str, d: T) -> T { std::env::var(n).ok().and_then(|v| v.parse().ok()).unwrap_or(d) }'
     ' fn f() { get::<u16>("A", 80); }', {"A": ("default", "80")}),
    ('fn get(n: &str) -> Option<String> { std::env::var(n).ok() } fn f() { get("A"); get("B").unwrap_or("b".into()); get("C").unwrap(); }',
     {"A": OPTIONAL, "B": ("default", "b"), "C": REQUIRED}),
    ('fn get(n: &str) -> Result<String> { Ok(std::env::var(n)?) }'
     ' fn f() -> Result<()> { get("A")?; get("B").ok(); get("C").unwrap_or_default(); if let Ok(d) = get("D") {} }',
     {"A": REQUIRED, "B": OPTIONAL, "C": ("default", ""), "D": OPTIONAL}),
    ('fn raw(n: &str) -> Option<String> { std::env::var(n).ok() } fn need(n: &str) -> String { raw(n).expect("x") } fn f() { need("A"); }',
     {"A": REQUIRED}),
    ('fn f() { let get = |n: &str| std::env::var(n).unwrap(); get("A"); }', {"A": REQUIRED}),
    ('struct E; impl E { fn get(n: &str) -> String { std::env::var(n).unwrap() } fn all() { Self::get("A"); } }', {"A": REQUIRED}),
    ('struct E; impl E { fn get(&self, n: &str) -> String { std::env::var(n).unwrap() } fn all(&self) { self.get("A"); } }', {"A": REQUIRED}),
    ('fn url(p: &str) -> String { std::env::var(format!("{p}_URL")).unwrap() } fn f() { url("DB"); }', {"DB_URL": REQUIRED}),
    (
        'fn get(n: &str) -> Result<Option<String>> { match std::env::var(n) { Ok(v) => Ok(Some(v)), Err(VarError::NotPresent) => Ok(None),'
        ' Err(e) => Err(e.into()) } } fn need(n: &str) -> Result<String> { get(n)?.ok_or_else(|| anyhow!("no")) }'
        ' fn f() -> Result<()> { get("A")?; get("B")?.unwrap_or(1); need("C")?; get("D")?.into_dsn().context("bad")?;'
        ' match get("E") { Ok(Some(e)) => e, Ok(None) => panic!(), Err(e) => return Err(e) }; Ok(()) }',
        {"A": OPTIONAL, "B": ("default", "1"), "C": REQUIRED, "D": OPTIONAL, "E": REQUIRED},
    ),
    ('fn var(n: &str) -> String { std::env::var(n).unwrap() } fn f() { let a = std::env::var("A").ok(); }', {"A": OPTIONAL}),
    # -- clap and its like
    ('struct A { #[arg(long, env = "A")] a: String }', {"A": REQUIRED}),
    ('struct A { #[arg(long, env)] my_name: String }', {"MY_NAME": REQUIRED}),
    ('const K: &str = "A"; struct A { #[arg(long, env = K)] a: String }', {"A": REQUIRED}),
    ('struct A { #[arg(long, env = "A", default_value = "1")] a: u8, #[clap(env = "B", default_value_t = 80)] b: u16 }',
     {"A": ("default", "1"), "B": ("default", "80")}),
    ('const D: u16 = 80; struct A { #[arg(env = "A", default_value_t = D)] a: u16, #[arg(env = "B", default_value_t)] b: u16 }',
     {"A": ("default", "80"), "B": ("default", "")}),
    ('struct A { #[structopt(long, env = "A")] a: Option<String>, #[arg(env = "B")] b: bool, #[arg(env = "C")] c: Vec<String> }',
     {"A": OPTIONAL, "B": OPTIONAL, "C": OPTIONAL}),
    ('struct A {\n  /// Doc with env = "NO".\n  #[arg(\n    long,\n    env = "A",\n    default_value = "x, y",\n  )]\n  a: String }', {"A": ("default", "x, y")}),
    ('struct A { #[cfg_attr(feature = "cli", clap(long, env = "A"))] a: String }', {"A": REQUIRED}),
    ('struct A { #[arg(env = "A", required = true)] a: Vec<String>, #[arg(env = "B", required = false)] b: String }', {"A": REQUIRED, "B": OPTIONAL}),
    ('enum C { Run { #[arg(env = "A")] a: String } }', {"A": REQUIRED}),
    ('fn f() { Arg::new("a").long("a").env("A").default_value("x"); clap::Arg::new("b").env("B").required(true); Arg::new("c").env("C"); }',
     {"A": ("default", "x"), "B": REQUIRED, "C": OPTIONAL}),
    ('#[derive(Envconfig)] struct A { #[envconfig(from = "A")] a: String, #[envconfig(from = "B", default = "b")] b: String,'
     ' #[envconfig(from = "C")] c: Option<u8> }', {"A": REQUIRED, "B": ("default", "b"), "C": OPTIONAL}),
    # -- structs that serde fills
    ('#[derive(Deserialize)] struct C { a_url: String, #[serde(default = "port")] port: u16, c: Option<u8>, #[serde(default)] d: bool }'
     ' fn port() -> u16 { 80 } fn f() { let c = envy::from_env::<C>().unwrap(); }',
     {"A_URL": REQUIRED, "PORT": ("default", "80"), "C": OPTIONAL, "D": ("default", "")}),
    ('struct C { a: String } fn f() -> Result<C> { let c: C = envy::prefixed("APP_").from_env()?; Ok(c) }', {"APP_A": REQUIRED}),
    ('struct C { a: String } impl C { fn new() -> Result<Self> { envy::prefixed("APP_").from_env() } }', {"APP_A": REQUIRED}),
    ('use figment::{Figment, providers::{Env, Toml}}; struct D { url: String } struct C { port: u16, db: D }'
     ' fn f() -> C { Figment::new().merge(Toml::file("x")).merge(Env::prefixed("APP_").split("__")).extract().unwrap() }',
     {"APP_PORT": OPTIONAL, "APP_DB__URL": OPTIONAL}),
    ('use config::{Config, Environment}; struct C { port: u16 }'
     ' fn f() -> Result<C, E> { Config::builder().add_source(Environment::with_prefix("app")).build()?.try_deserialize() }',
     {"APP_PORT": REQUIRED}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), STATEMENTS)
def test_reads_a_file_as_people_would(tmp_path: Path, code: str, expected: Expected) -> None:
    assert expected == scan(tmp_path, {"src/main.rs": code})


def test_resolves_constants_and_wrappers_over_crates(tmp_path: Path) -> None:
    found = scan(
        tmp_path,
        {
            "crates/my-core/src/env.rs": 'pub const URL: &str = "CORE_URL";\npub fn need(n: &str) -> String { std::env::var(n).unwrap() }',
            "crates/web/src/keys.rs": 'pub const URL: &str = "WEB_URL";',
            "crates/web/src/main.rs": "use my_core::env::{need, URL as CORE};\nuse crate::keys;\n"
            'fn main() { need(CORE); need(keys::URL); my_core::env::need("A"); }',
        },
    )
    assert {"CORE_URL": REQUIRED, "WEB_URL": REQUIRED, "A": REQUIRED} == found


def test_tells_helpers_of_one_name_apart(tmp_path: Path) -> None:
    found = scan(
        tmp_path,
        {
            "a/src/conf.rs": 'pub fn get(n: &str) -> String { std::env::var(n).unwrap() } fn f() { get("A"); }',
            "b/src/conf.rs": 'pub fn get(n: &str) -> String { std::env::var(n).unwrap_or_default() } fn f() { get("B"); }',
            "c/src/conf.rs": 'pub fn get(n: &str) -> u8 { 1 } fn f() { get("C"); }',
        },
    )
    assert {"A": REQUIRED, "B": ("default", "")} == found


def test_leaves_out_what_cargo_gives_to_a_build_script(tmp_path: Path) -> None:
    build = (
        'fn main() { std::env::var("OUT_DIR").unwrap(); std::env::var("TARGET").unwrap(); std::env::var("MINE").ok();'
        ' println!("cargo:rustc-env=GIT_SHA={}", x); }'
    )
    main = 'const S: &str = env!("GIT_SHA"); fn f() { std::env::var("HOST").unwrap(); }'
    assert {"MINE": OPTIONAL, "HOST": REQUIRED} == scan(tmp_path, {"build.rs": build, "src/main.rs": main})


def test_gives_the_line_of_a_read_inside_a_macro(tmp_path: Path) -> None:
    (tmp_path / "a.rs").write_text('fn f() {\n  json!({\n    "a": std::env::var("A")?,\n  });\n}\n')
    found = FlowReader(Rust()).read(tmp_path, [(tmp_path / "a.rs").relative_to(tmp_path)])
    assert [("A", 3, 10)] == [(r.name, r.reference.line, r.reference.column) for r in found.reads]


@pytest.mark.parametrize(
    "code", [b"fn f() { a!(b => c, d); }", b"macro_rules! x { () => {}; }", b"a!{", b"m!(((", b"\xff fn"]
)
def test_keeps_every_byte_in_its_place(code: bytes) -> None:
    assert len(code) == len(opened(code))

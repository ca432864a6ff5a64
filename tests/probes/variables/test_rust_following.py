"""What Rust code makes of names before it reads: macros that repeat, maps, tuples, and the environment handed along."""

# ruff: noqa: ISC004, Q000  (code as people write it)

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

MACROS: list[tuple[str, Expected]] = [
    ('macro_rules! var { ($name:ident) => { pub static $name: Lazy<String> = Lazy::new(|| std::env::var(stringify!($name)).unwrap()); }; }'
     ' var!(DB_URL);', {"DB_URL": REQUIRED}),
    ('macro_rules! vars { ($($name:ident),* $(,)?) => { $( pub static $name: Lazy<String> = '
     'Lazy::new(|| std::env::var(stringify!($name)).unwrap()); )* }; } vars!(A_URL, B_URL,);', {"A_URL": REQUIRED, "B_URL": REQUIRED}),
    ('macro_rules! app { ($n:ident) => { std::env::var(concat!("APP_", stringify!($n))).ok() } } fn f() { app!(PORT); }',
     {"APP_PORT": OPTIONAL}),
    ('macro_rules! fill { ($($f:ident),*) => { impl C { fn new() -> Self { Self { $( $f: std::env::var(stringify!($f).to_uppercase()).ok() ),* } } } } }'
     ' fill! { host, port }', {"HOST": OPTIONAL, "PORT": OPTIONAL}),
    ('macro_rules! conf { ($($f:ident : $env:literal = $default:expr),+ $(,)?) => { Config { $( $f: std::env::var($env).unwrap_or($default.into()), )+ } } }'
     ' fn f() { let c = conf! { host: "X_HOST" = "localhost", port: "X_PORT" = "80" }; }',
     {"X_HOST": ("default", "localhost"), "X_PORT": ("default", "80")}),
    ('macro_rules! settings { ($($f:ident => $env:literal;)*) => { $( pub fn $f() -> String { std::env::var($env).unwrap() } )* } }'
     ' settings! {\n  host => "X_HOST";\n  port => "X_PORT";\n}\nfn f() { std::env::var("X_A").ok(); }',
     {"X_HOST": REQUIRED, "X_PORT": REQUIRED, "X_A": OPTIONAL}),
    ('macro_rules! get { ($d:expr; $($n:literal),*) => { $( std::env::var($n).unwrap_or($d.into()); )* } } fn f() { get!("x"; "X_A", "X_B"); }',
     {"X_A": ("default", "x"), "X_B": ("default", "x")}),
    ('macro_rules! s { ($($f:ident $e:literal)*) => { $( fn $f() { std::env::var($e).ok(); } )* } }'
     ' s! {\n  a "X_A"\n  // why\n  b "X_B"\n}\n#[derive(X)]\nstruct F { #[arg(env = "X_C")] c: String }',
     {"X_A": OPTIONAL, "X_B": OPTIONAL, "X_C": REQUIRED}),
    ('fn f() { std::env::var(stringify!(X_A)).unwrap(); }', {"X_A": REQUIRED}),
    # a constant that a macro makes is the file's
    ('macro_rules! keys { ($($k:ident),*) => { pub static KEYS: LazyLock<HashMap<u8, &str>> = LazyLock::new(|| { let mut m = HashMap::new();'
     ' $( m.insert($k, stringify!($k)); )* m }); } } keys!(X_A, X_B);'
     ' fn f(i: u8) { if let Some(key) = KEYS.get(&i) { std::env::var(*key).ok(); } }', {"X_A": OPTIONAL, "X_B": OPTIONAL}),
    # -- what stays quiet
    ('macro_rules! names { ($($n:ident),*) => { $( pub const $n: &str = stringify!($n); )* } } names!(X_A, X_B);', {}),
    ('table! { users => "X_A"; posts => "X_B" } fn f() { log! { a: "X_C" = "d" } }', {}),
    ('macro_rules! own { ($($n:ident),*) => { $( set(stringify!($n)); )* std::env::var("X_A").ok(); } } fn f() { own!(X_B); }',
     {"X_A": OPTIONAL}),
    ('macro_rules! said { ($($n:ident is $env:literal),*) => { $( std::env::var($env).ok(); )* } } fn f() { said!(a is "X_A"); }', {}),
]  # fmt: skip

COLLECTIONS: list[tuple[str, Expected]] = [
    ('static KEYS: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| { let mut m = HashMap::new(); m.insert("a", "X_A"); m.insert("b", "X_B"); m });'
     ' fn f() { std::env::var(KEYS.get("a").unwrap()).unwrap(); if let Some(n) = KEYS.get("b") { std::env::var(n).ok(); } }',
     {"X_A": REQUIRED, "X_B": OPTIONAL}),
    ('fn f() { let keys = HashMap::from([("a", "X_A"), ("b", "X_B")]); std::env::var(keys["a"]).unwrap(); }', {"X_A": REQUIRED}),
    ('fn f(k: &str) { let keys: HashMap<_, _> = [("a", "X_A"), ("b", "X_B")].into_iter().collect(); std::env::var(keys[k]).unwrap(); }',
     {"X_A": REQUIRED, "X_B": REQUIRED}),
    ('static K: Map<&str, &str> = phf_map! { "a" => "X_A", "b" => "X_B" }; fn f(x: &str) { std::env::var(K[x]).unwrap(); }',
     {"X_A": REQUIRED, "X_B": REQUIRED}),
    ('fn f() { let mut m = HashMap::new(); m.insert(1, "X_A"); for i in 0..1 { std::env::var(m[&i]).ok(); } }', {"X_A": OPTIONAL}),
    ('fn f() { for (k, d) in [("X_A", "x"), ("X_B", "y")] { std::env::var(k).unwrap(); } }', {"X_A": REQUIRED, "X_B": REQUIRED}),
    ('const KS: &[(&str, &str)] = &[("a", "X_A")]; fn f() { for &(_, k) in KS.iter() { std::env::var(k).ok(); } }', {"X_A": OPTIONAL}),
    ('fn f() { [("a", "X_A")].iter().map(|(_, k)| std::env::var(k).ok()); }', {"X_A": OPTIONAL}),
    # -- what stays quiet
    ('fn f(m: &HashMap<String, String>) { m.get("X_A").unwrap(); m["X_B"].len(); }', {}),
    ('fn f() { let m = HashMap::from([("X_A", 1)]); m.get("X_A").unwrap(); }', {}),
]  # fmt: skip

HANDED: list[tuple[str, Expected]] = [
    ('fn f() { let vars: HashMap<String, String> = std::env::vars().collect(); vars.get("X_A").unwrap(); vars["X_B"].len();'
     ' vars.get("X_C").cloned().unwrap_or_else(|| "x".to_string()); if vars.contains_key("X_D") {} }',
     {"X_A": REQUIRED, "X_B": REQUIRED, "X_C": ("default", "x"), "X_D": OPTIONAL}),
    ('use std::env; fn f() { let m = HashMap::from_iter(env::vars()); m.get("X_A"); }', {"X_A": OPTIONAL}),
    ('struct C; impl C { fn new(vars: &HashMap<String, String>) -> Result<Self> { vars.get("X_A").context("no")?; inner(vars) } }'
     ' fn inner(m: &HashMap<String, String>) { m.get("X_B"); } fn f() { C::new(&std::env::vars().collect::<HashMap<_, _>>()); }',
     {"X_A": REQUIRED, "X_B": OPTIONAL}),
    ('fn f() { let vars: HashMap<_, _> = std::env::vars().collect(); let get = |n: &str| vars.get(n).cloned(); get("X_A").unwrap(); }',
     {"X_A": REQUIRED}),
    ('struct C; impl C { fn load(get: impl Fn(&str) -> Option<String>) { get("X_A").unwrap(); get("X_B"); }'
     ' fn with<F>(f: F) where F: Fn(&str) -> Result<String, E> { f("X_C").unwrap_or("x".into()); } }'
     ' fn f() { C::load(|k| std::env::var(k).ok()); C::with(std::env::var); }',
     {"X_A": REQUIRED, "X_B": OPTIONAL, "X_C": ("default", "x")}),
    ('fn all(lookup: &dyn Fn(&str) -> Option<String>) { lookup("X_A").unwrap_or_else(|| "d".into()); inner(lookup); }'
     ' fn inner(l: &dyn Fn(&str) -> Option<String>) { l("X_B"); } fn f() { all(&|name| { std::env::var(name).ok() }); }',
     {"X_A": ("default", "d"), "X_B": OPTIONAL}),
    # -- what stays quiet
    ('fn f() { let m: HashMap<_, _> = std::env::vars().map(|(k, v)| (k.to_lowercase(), v)).collect(); m.get("X_A"); }', {}),
    ('fn f() { let m: HashMap<_, _> = std::env::vars().collect(); spawn(m); } fn g(m: &HashMap<String, String>) { m.get("X_A"); }', {}),
    ('fn f() { let vars: HashMap<_, _> = std::env::vars().collect(); vars.get("path.to"); x.build(&vars); }'
     ' impl A { fn build(&self, headers: &HashMap<String, String>) { headers.get("X_A"); } }'
     ' impl B { fn build(&self, tags: &HashMap<String, String>) { tags.get("X_B"); } }', {}),
    ('fn f() { load(|k| file.get(k)); std::env::var("X_A").ok(); } fn load(get: impl Fn(&str) -> Option<String>) { get("X_B"); }',
     {"X_A": OPTIONAL}),
    ('fn f() { names.iter().filter_map(|n| std::env::var(n).ok()); } impl L { fn filter_map(&self, f: impl Fn(&str)) { f("X_A"); } }', {}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), [*MACROS, *COLLECTIONS, *HANDED])
def test_follows_names_to_their_reads(tmp_path: Path, code: str, expected: Expected) -> None:
    assert expected == scan(tmp_path, {"src/main.rs": code})


@pytest.mark.parametrize("code", [code for code, _ in MACROS])
def test_keeps_every_byte_and_line_of_a_macro_in_its_place(code: str) -> None:
    changed = opened(code.encode())
    assert len(code.encode()) == len(changed)
    assert code.count("\n") == changed.count(b"\n")


def test_follows_names_that_a_macro_keeps_in_a_map_over_files(tmp_path: Path) -> None:
    """A key that is looked up in a map of one file, and then in the environment that another file hands along."""
    found = scan(
        tmp_path,
        {
            "src/keys.rs": "macro_rules! keys { ($($k:ident),*) => { pub static KEYS: LazyLock<HashMap<usize, &'static str>> = "
            "LazyLock::new(|| { let mut m = HashMap::new(); $( m.insert($k, stringify!($k)); )* m }); } }\nkeys!(X_A, X_B);",
            "src/value.rs": "use crate::keys::KEYS;\nimpl Value { fn resolve(self, vars: &HashMap<String, String>) -> Option<String> {\n"
            "  if let Some(key) = KEYS.get(&self.index) && let Some(value) = vars.get(*key) { return Some(value.clone()); }\n"
            "  Some(self.provided)\n} }",
            "src/main.rs": "fn main() { let vars: HashMap<_, _> = std::env::vars().collect(); value.resolve(&vars); }",
        },
    )
    assert {"X_A": ("default", "self.provided"), "X_B": ("default", "self.provided")} == found


def test_gives_the_line_of_a_table_that_a_macro_reads(tmp_path: Path) -> None:
    (tmp_path / "a.rs").write_text(
        'macro_rules! s { ($($f:ident = $e:literal;)*) => { $( fn $f() { std::env::var($e).ok(); } )* } }\n\ns! {\n  a = "X_A";\n}\n'
    )
    found = FlowReader(Rust()).read(tmp_path, [(tmp_path / "a.rs").relative_to(tmp_path)])
    assert [("X_A", 3)] == [(r.name, r.reference.line) for r in found.reads]


def test_an_optional_value_of_the_compiler_counts_where_the_build_script_may_not_give_it(
    tmp_path: Path,
) -> None:
    """``option_env!`` foresees absence; ``env!`` does not, so what a script gives at all it always gives."""
    build = (
        'fn main() { println!("cargo:rustc-env=X_ALWAYS={}", x); if let Some(hash) = hash() { println!("cargo:rustc-env=X_HASH={hash}"); }'
        ' match date() { Ok(date) => println!("cargo:rustc-env=X_DATE={date}"), _ => {} } }'
    )
    main = 'fn f() { option_env!("X_ALWAYS").unwrap_or("a"); option_env!("X_HASH").unwrap_or("unknown"); env!("X_DATE"); }'
    assert {"X_HASH": ("default", "unknown")} == scan(tmp_path, {"build.rs": build, "src/main.rs": main})


def test_functions_of_a_type_are_told_from_those_of_another(tmp_path: Path) -> None:
    found = scan(
        tmp_path,
        {
            "src/a.rs": 'impl Limit { pub fn new(group: &str) -> Self { std::env::var(format!("X_{group}")).ok(); } }',
            "src/b.rs": 'use crate::a::Limit as Bound; fn f() { Bound::new("A"); Url::new("B"); Limit::new("C"); }',
        },
    )
    assert {"X_A": OPTIONAL, "X_C": OPTIONAL} == found


def test_a_constant_inside_a_method_is_known_there(tmp_path: Path) -> None:
    code = 'impl C { fn f() { const D: &str = "d"; std::env::var("X_A").unwrap_or(D.into()); } }'
    assert {"X_A": ("default", "d")} == scan(tmp_path, {"src/main.rs": code})

"""Variables that C# code reads."""

# ruff: noqa: ISC004  (code as people write it)

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from scan_parts import needs, read_files

from deployer_lib.probes.variables.flow import FlowReader
from deployer_lib.probes.variables.languages.csharp import CSharp

if TYPE_CHECKING:
    from pathlib import Path

Expected = dict[str, tuple[str, str | None]]


def scan(root: Path, files: dict[str, str]) -> Expected:
    return needs(read_files(CSharp(), root, files, "*.cs"))


REQUIRED, OPTIONAL = ("required", None), ("optional", None)


READ = "Environment.GetEnvironmentVariable"
INSIDE: list[tuple[str, Expected]] = [
    # -- spellings
    (f'var a = {READ}("A");', {"A": OPTIONAL}),
    (f'var a = System.{READ}("A", EnvironmentVariableTarget.Process);', {"A": OPTIONAL}),
    (f'var a = {READ}(variable: "A");', {"A": OPTIONAL}),
    (f'var a = {READ}("A")!;', {"A": OPTIONAL}),
    ('var a = Environment.GetEnvironmentVariables()["A"];', {"A": OPTIONAL}),
    ('var all = Environment.GetEnvironmentVariables(); var a = all["A"]; if (all.Contains("B")) { }', {"A": OPTIONAL, "B": OPTIONAL}),
    ('var a = Environment.ExpandEnvironmentVariables("%HOME_DIR%/x/%OTHER%");', {"HOME_DIR": OPTIONAL, "OTHER": OPTIONAL}),
    ('var a = Env.GetString("A", "x"); var b = DotNetEnv.Env.GetInt("B"); var c = EnvReader.GetStringValue("C");',
     {"A": ("default", "x"), "B": OPTIONAL, "C": REQUIRED}),
    # -- what is no read
    ('Environment.SetEnvironmentVariable("A", "1");', {}),
    ('var a = "Environment.GetEnvironmentVariable(\\"A\\")"; // Environment.GetEnvironmentVariable("B")', {}),
    ('psi.EnvironmentVariables["A_B"] = "x"; psi.Environment["A_C"] = "y";', {}),
    ('configuration["A_B"] = "x";', {}),
    ('var a = configuration["Jwt:Key"]; var b = configuration["Logging"]; var c = configuration.GetSection("A_B");', {}),
    ('var a = list["A_B"]; builder.AddEnvironmentVariables("APP_");', {}),
    # -- configuration
    ('var a = configuration["A_B"]; var b = builder.Configuration["C_D"] ?? "x"; var c = _config["E_F"] ?? throw new Exception();',
     {"A_B": OPTIONAL, "C_D": ("default", "x"), "E_F": REQUIRED}),
    ('var a = Configuration.GetValue<int>("A_B", 5); var b = config.GetValue("C_D", defaultValue: "x"); config.GetValue<bool>("E_F");',
     {"A_B": ("default", "5"), "C_D": ("default", "x"), "E_F": OPTIONAL}),
    # -- needs
    (f'var a = {READ}("A") ?? "x";', {"A": ("default", "x")}),
    (f'var a = {READ}("A") ?? string.Empty;', {"A": ("default", "")}),
    (f'var a = {READ}("A") ?? throw new InvalidOperationException("no A");', {"A": REQUIRED}),
    (f'var a = {READ}("A")?.Trim().ToLower() ?? "x";', {"A": ("default", "x")}),
    (f'var a = {READ}("A")?.Split(\',\') ?? [];', {"A": ("default", "[]")}),
    (f'var a = ({READ}("A") ?? "false").ToLower() == "true";', {"A": ("default", "false")}),
    (f'var a = {READ}("A") == "true";', {"A": OPTIONAL}),
    (f'var a = int.Parse({READ}("A"));', {"A": REQUIRED}),
    (f'var a = int.Parse({READ}("A") ?? "80");', {"A": ("default", "80")}),
    (f'var a = new Uri({READ}("A")!);', {"A": REQUIRED}),
    (f'int.TryParse({READ}("A"), out var a);', {"A": OPTIONAL}),
    (f'var a = int.TryParse({READ}("A"), out var p) ? p : 80;', {"A": ("default", "80")}),
    (f'var a = {READ}("A"); ArgumentNullException.ThrowIfNull(a);', {"A": REQUIRED}),
    (f'var a = {READ}("A"); if (a == null) {{ throw new Exception(); }}', {"A": REQUIRED}),
    (f'var a = {READ}("A"); if (a is null) throw new Exception();', {"A": REQUIRED}),
    (f'if ({READ}("A") is not {{ Length: > 0 }} a) throw new Exception();', {"A": REQUIRED}),
    (f'if ({READ}("A") is string a) {{ Go(a); }}', {"A": OPTIONAL}),
    (f'var a = {READ}("A"); if (a is null || !a.StartsWith("/")) {{ a = "/x"; }}', {"A": ("default", "/x")}),
    (f'var a = {READ}("A"); if (a is not null && a.Length > 1) {{ Go(a); }}', {"A": OPTIONAL}),
    (f'if (string.IsNullOrEmpty({READ}("A"))) {{ Environment.Exit(1); }}', {"A": REQUIRED}),
    (f'var a = {READ}("A"); if (string.IsNullOrWhiteSpace(a)) a = "x";', {"A": ("default", "x")}),
    (f'var a = {READ}("A"); var b = string.IsNullOrEmpty(a) ? "x" : a;', {"A": ("default", "x")}),
    (f'var a = {READ}("A"); a ??= "x";', {"A": ("default", "x")}),
    (f'var a = {READ}("A"); Use(a ?? "x");', {"A": ("default", "x")}),
    (f'var a = {READ}("A") is {{ }} b ? b : "x";', {"A": ("default", "x")}),
    (f'var a = {READ}("A") switch {{ "p" => 1, null => throw new Exception(), _ => 3 }};', {"A": REQUIRED}),
    (f'var a = {READ}("A") switch {{ "p" => 1, _ => 3 }};', {"A": ("default", "3")}),
    (f'var a = {READ}("A") ?? {READ}("B") ?? "x";', {"A": ("default", f'{READ}("B") ?? "x"'), "B": ("default", "x")}),
    (f'var o = new Options {{ A = {READ}("A") ?? "x", B = {READ}("B") }};', {"A": ("default", "x"), "B": OPTIONAL}),
    (f'var a = {READ}("A"); if (string.IsNullOrEmpty(a)) {{ a = {READ}("B"); }} a = a?.Trim();', {"A": OPTIONAL, "B": OPTIONAL}),
    # -- what a process is started with begins as the program's own
    ('if (p.StartInfo.Environment.TryGetValue("A", out var a)) { } if (!psi.Environment.TryGetValue("B", out var b)) throw new Exception();',
     {"A": OPTIONAL, "B": REQUIRED}),
    ('var a = startInfo.EnvironmentVariables["A"] ?? "x"; if (!_startInfo.Environment.ContainsKey("B")) _startInfo.Environment["B"] = "1";',
     {"A": ("default", "x"), "B": OPTIONAL}),
    ('psi.Environment["A"] = "1"; Log(psi.Environment["A"]); this.Environment.TryGetValue("B", out var b); context.EnvironmentVariables["C"].Go();', {}),
    ('var all = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().ToDictionary(e => e.Key, e => e.Value);'
     ' if (all.TryGetValue("A", out var a)) { } var b = all.GetValueOrDefault("B", "y");', {"A": OPTIONAL, "B": ("default", "y")}),
    # -- names
    (f'const string K = "A"; {READ}(K);', {"A": OPTIONAL}),
    (f'foreach (var k in new[] {{ "A", "B" }}) {{ if ({READ}(k) == null) throw new Exception(); }}', {"A": REQUIRED, "B": REQUIRED}),
    (f'var ks = new List<string> {{ "A", "B" }}; foreach (var k in ks) {READ}(k);', {"A": OPTIONAL, "B": OPTIONAL}),
    (f'string[] ks = ["A", "B"]; ks.Select(k => {READ}(k));', {"A": OPTIONAL, "B": OPTIONAL}),
    (f'var p = "DB"; {READ}($"{{p}}_URL"); {READ}(p + "_KEY"); {READ}(string.Format("{{0}}_X", p)); {READ}(nameof(DB_NAME));',
     {"DB_URL": OPTIONAL, "DB_KEY": OPTIONAL, "DB_X": OPTIONAL, "DB_NAME": OPTIONAL}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), INSIDE)
def test_reads_a_method_as_people_would(tmp_path: Path, code: str, expected: Expected) -> None:
    program = f"using System;\nusing DotNetEnv;\nclass C {{ void M() {{ {code} }} }}\n"
    assert expected == scan(tmp_path, {"Program.cs": program})


FILES: list[tuple[str, Expected]] = [
    ('using static System.Environment; var a = GetEnvironmentVariable("A");', {"A": OPTIONAL}),
    ('using E = System.Environment; var a = E.GetEnvironmentVariable("A");', {"A": OPTIONAL}),
    (f'var a = {READ}("A") ?? throw new Exception();', {"A": REQUIRED}),  # top-level statements
    (f'class C {{ public string A {{ get; set; }} = {READ}("A") ?? "x"; string B => {READ}("B"); }}', {"A": ("default", "x"), "B": OPTIONAL}),
    (f'class C {{ static readonly string K = "A"; string F = {READ}(K); }}', {"A": OPTIONAL}),
    (f'static class K {{ public static class Db {{ public const string U = "DB_U"; }} public static class R {{ public const string U = "R_U"; }} }}'
     f' class C {{ void M() {{ {READ}(K.Db.U); {READ}(K.R.U); }} }}', {"DB_U": OPTIONAL, "R_U": OPTIONAL}),
    (f'class C {{ static string Need(string n) => {READ}(n) ?? throw new Exception(n); void M() {{ Need("A"); C.Need("B"); }} }}',
     {"A": REQUIRED, "B": REQUIRED}),
    (f'class C {{ string Get(string n, string d = "x") => {READ}(n) ?? d; void M() {{ Get("A"); Get("B", "y"); Get("C", d: "z"); }} }}',
     {"A": ("default", "x"), "B": ("default", "y"), "C": ("default", "z")}),
    (f'class C {{ string? Get(string n) {{ var v = {READ}(n); if (string.IsNullOrEmpty(v)) {{ return null; }} return v; }}'
     ' void M() { Get("A"); var b = Get("B") ?? "x"; var c = Get("C") ?? throw new Exception(); } }',
     {"A": OPTIONAL, "B": ("default", "x"), "C": REQUIRED}),
    (f'class C {{ string Need(string n) {{ var v = {READ}(n); if (v == null) throw new Exception(); return v; }} int Port(string n) => int.Parse(Need(n));'
     ' void M() { Port("A"); } }', {"A": REQUIRED}),
    ('static class X { public static string Required(this IConfiguration config, string key) => config[key] ?? throw new Exception(key); }'
     ' class C { void M() { builder.Configuration.Required("A_B"); builder.Configuration.Required("Jwt:Key"); } }', {"A_B": REQUIRED}),
    (f'class C {{ void M() {{ string Local(string n) => {READ}(n) ?? "x"; Func<string, string> need = n => {READ}(n) ?? throw new Exception();'
     ' Local("A"); need("B"); } }', {"A": ("default", "x"), "B": REQUIRED}),
    (f'class C {{ bool On() {{ var v = {READ}("A"); if (string.IsNullOrEmpty(v)) {{ return false; }} var p = v.Split(\':\'); return Go(p); }} }}',
     {"A": OPTIONAL}),
    (f'class C {{ const int _usual = 5; int Wait() {{ var v = {READ}("A"); if (int.TryParse(v, out var n) && n > 0) {{ return n; }} return _usual; }} }}',
     {"A": ("default", "_usual")}),
    # A class whose constructor reads: its type stands before, in what it extends, or in another constructor of it.
    (f'class Host {{ public Host(string kind, string log = null) {{ var a = {READ}($"{{kind.ToUpperInvariant()}}_SIZE"); }} Host(int n) : this("Own") {{ }} }}'
     ' class Deep : Host { Host own = new("Field"); Host Prop { get; } = new("Prop"); Deep() : base("Base") { using (Host h = new("Local", "x")) { } } }',
     {f"{name}_SIZE": OPTIONAL for name in ("OWN", "FIELD", "PROP", "BASE", "LOCAL")}),
    (f'record Options(string Url) {{ public static Options Load() => new({READ}("A") ?? throw new Exception()); }}', {"A": REQUIRED}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), FILES)
def test_reads_a_file_as_people_would(tmp_path: Path, code: str, expected: Expected) -> None:
    assert expected == scan(tmp_path, {"Program.cs": f"using System;\n{code}\n"})


def test_resolves_constants_and_wrappers_over_files(tmp_path: Path) -> None:
    found = scan(
        tmp_path,
        {
            "Core/EnvNames.cs": 'namespace A; public static class EnvNames { public const string Url = "CORE_URL"; public const string Key = "CORE_KEY"; }',
            "Core/EnvHelper.cs": "using System; public static class EnvHelper { public static string Require(string name) "
            f"{{ return {READ}(name) ?? throw new Exception(); }} }}",
            "Web/Program.cs": 'EnvHelper.Require(EnvNames.Url); EnvHelper.Require(A.EnvNames.Key); EnvHelper.Require("OWN");',
        },
    )
    assert {"CORE_URL": REQUIRED, "CORE_KEY": REQUIRED, "OWN": REQUIRED} == found


def test_resolves_constants_that_are_properties_of_another_file(tmp_path: Path) -> None:
    found = scan(
        tmp_path,
        {
            "Names.cs": 'static class Names { public static string Url { get; } = "CORE_URL"; public static string Key => "CORE_KEY"; }',
            "Program.cs": f"var a = {READ}(Names.Url); var b = {READ}(Names.Key);",
        },
    )
    assert {"CORE_URL": OPTIONAL, "CORE_KEY": OPTIONAL} == found


def test_tells_helpers_of_one_name_apart(tmp_path: Path) -> None:
    found = scan(
        tmp_path,
        {
            "A/Need.cs": f'static class One {{ public static string Get(string n) => {READ}(n) ?? throw new Exception(); }} class X {{ void M() {{ One.Get("A"); }} }}',
            "B/Opt.cs": f'static class Two {{ public static string Get(string n) => {READ}(n) ?? ""; }} class Y {{ void M() {{ Two.Get("B"); }} }}',
        },
    )
    assert {"A": REQUIRED, "B": ("default", "")} == found


@pytest.mark.parametrize(
    "folder", ["Shop.Tests", "Shop.Test", "tests", "Shop.IntegrationTests", "src/Shop.UnitTests"]
)
def test_leaves_out_projects_of_tests(tmp_path: Path, folder: str) -> None:
    assert {} == scan(tmp_path, {f"{folder}/A.cs": f'var a = {READ}("A");'})


def test_gives_the_place_of_a_read(tmp_path: Path) -> None:
    (tmp_path / "A.cs").write_text(f'class C {{\n  string A = {READ}("A");\n}}\n')
    found = FlowReader(CSharp()).read(tmp_path, [(tmp_path / "A.cs").relative_to(tmp_path)])
    assert [("A", 2, 14)] == [(r.name, r.reference.line, r.reference.column) for r in found.reads]

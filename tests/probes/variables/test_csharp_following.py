"""Variables that C# code reads through helpers, configurations that it builds, loops over maps, and statuses that end it."""

# ruff: noqa: ISC004  (code as people write it)

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from scan_parts import needs, read_files

from deployer_lib.probes.variables.languages.csharp import CSharp

if TYPE_CHECKING:
    from pathlib import Path

Expected = dict[str, tuple[str, str | None]]


def scan(root: Path, files: dict[str, str]) -> Expected:
    return needs(read_files(CSharp(), root, files, "*.cs"))


REQUIRED, OPTIONAL = ("required", None), ("optional", None)
READ = "Environment.GetEnvironmentVariable"
BUILDER = "new ConfigurationBuilder()"

CONFIGURED: list[tuple[str, Expected]] = [
    (f'var c = {BUILDER}.AddEnvironmentVariables("APP_").Build(); var a = c["Key"]; var b = c["Db:Host"]; var d = c.GetValue<int>("Port", 80);',
     {"APP_Key": OPTIONAL, "APP_Db__Host": OPTIONAL, "APP_Port": ("default", "80")}),
    (f'var c = {BUILDER}.AddEnvironmentVariables(prefix: "APP_").Build(); var a = c.GetSection("Smtp")["User"]; var b = c.GetConnectionString("Main");',
     {"APP_Smtp__User": OPTIONAL, "APP_ConnectionStrings__Main": OPTIONAL}),
    (f'var c = {BUILDER}.AddEnvironmentVariables().Build(); var a = c["Key"] ?? throw new Exception();', {"Key": REQUIRED}),
    (f'var c = {BUILDER}.AddJsonFile("a.json").AddEnvironmentVariables("APP_").Build(); var a = c["DB_HOST"] ?? "x";',
     {"APP_DB_HOST": ("default", "x")}),
    (f'var b = {BUILDER}; b.AddJsonFile("a.json"); b.AddEnvironmentVariables("APP_"); var c = b.Build(); var a = c["Key"];',
     {"APP_Key": OPTIONAL}),
    # Of files and variables without a prefix, as of sources that are not known, only a name in capitals is a variable's.
    (f'var config = {BUILDER}.AddJsonFile("a.json").AddEnvironmentVariables().Build(); var a = config["Db:Host"]; var b = config["DB_HOST"];',
     {"DB_HOST": OPTIONAL}),
    (f'var c = {BUILDER}.AddVault("x").Build(); var config = c; var a = config["Db:Host"]; var b = config["DB_HOST"];', {"DB_HOST": OPTIONAL}),
    (f'var config = {BUILDER}.AddEnvironmentVariables(args[0]).Build(); var a = config["Key"];', {}),
    # -- what has no variable in it
    (f'var config = {BUILDER}.SetBasePath("x").AddJsonFile("a.json", true).Build(); var a = config["DB_HOST"];', {}),
    ('var c = new Other().AddEnvironmentVariables("APP_").Build(); var a = c["Key"];', {}),
    ('builder.Configuration.AddEnvironmentVariables("APP_"); var a = builder.Configuration["Key"]; var b = x.GetConnectionString("A_B");', {}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), CONFIGURED)
def test_a_configuration_that_is_built_in_sight_tells_its_names(
    tmp_path: Path, code: str, expected: Expected
) -> None:
    assert expected == scan(tmp_path, {"P.cs": f"class C {{ void M() {{ {code} }} }}\n"})


FOLLOWED: list[tuple[str, Expected]] = [
    # -- names that are made
    (f'const string K = "min-size"; string G(string k) => {READ}("APP__" + k.ToUpperInvariant().Replace(\'-\', \'_\')); void M() {{ G(K); G("log.x"); }}',
     {"APP__MIN_SIZE": OPTIONAL}),
    (f'string G(string k) => {READ}($"APP__{{k.Replace(".", "__").ToUpper()}}"); void M() {{ G("db.host"); }}', {"APP__DB__HOST": OPTIONAL}),
    (f'string First(params string[] ns) {{ foreach (var n in ns) {{ var v = {READ}(n); if (v != null) return v; }} return null; }}'
     ' string A = First("A", "B") ?? "x";', {"A": ("default", "x"), "B": ("default", "x")}),
    # -- loops over maps and tuples
    (f'static readonly Dictionary<string, string> Map = new() {{ ["A"] = "P", ["B"] = "Q" }}; void M() {{ foreach (var (n, p) in Map) {READ}(n); }}',
     {"A": OPTIONAL, "B": OPTIONAL}),
    (f'void M() {{ foreach (var (p, n) in new Dictionary<string, string> {{ {{ "a", "A" }} }}) {READ}(n); }}', {"A": OPTIONAL}),
    (f'static readonly Dictionary<string, string> Map = new() {{ ["a"] = "A" }}; void M() {{ foreach (var e in Map) {READ}(e.Value); }}',
     {"A": OPTIONAL}),
    (f'void M() {{ foreach (var (n, p) in new[] {{ ("A", 1), ("B", 2) }}) {READ}(n); }}', {"A": OPTIONAL, "B": OPTIONAL}),
    # -- what becomes of a value that is handed on
    (f'bool On(string v, bool d) {{ if (string.IsNullOrWhiteSpace(v)) {{ return d; }} return v == "1"; }} void M() {{ On({READ}("A"), false); }}',
     {"A": ("default", "false")}),
    (f'bool On(string v, Func<bool> d) {{ if (v is null) return d(); return v == "1"; }} bool On(string v, bool @default) => On(v, () => @default);'
     f' void M() {{ On({READ}("A"), false); }}', {"A": ("default", "false")}),
    (f'int Int(string v, int usual) => int.TryParse(v, out var n) ? n : usual; void M() {{ Int(usual: 5, v: {READ}("A")); }}', {"A": ("default", "5")}),
    (f'string Must(string v) {{ if (v == null) throw new Exception(); return v; }} void M() {{ Must({READ}("A")); }}', {"A": REQUIRED}),
    (f'string Must(string v) {{ if (v == null) throw new Exception(); return v; }} void M() {{ try {{ Must({READ}("A")); }} catch (Exception) {{ Log(); }} }}',
     {"A": OPTIONAL}),
    (f'void M() {{ try {{ var a = int.Parse({READ}("A")); }} catch (Exception e) {{ throw new Bad(e); }} }}', {"A": REQUIRED}),
    (f'bool Is(string v) => v == "1"; void M() {{ Is({READ}("A")); {READ}("B").StartsWith("x"); }}', {"A": OPTIONAL, "B": OPTIONAL}),
    # -- choices
    (f'void M() {{ var a = {READ}("A") is {{ }} t && int.TryParse(t, out var n) ? Span.Of(n).Total : 60; }}', {"A": ("default", "60")}),
    # -- ends
    (f'static int Main() {{ var a = {READ}("A"); if (a == null) {{ Console.Error.WriteLine("no A"); return 1; }} Go(a); return 0; }}', {"A": REQUIRED}),
    (f'int Run() {{ var a = {READ}("A"); if (a == null) {{ _logger.LogError("no A"); return -1; }} Go(a); return 0; }}', {"A": REQUIRED}),
    (f'void Run() {{ var a = {READ}("A"); if (a == null) {{ Environment.ExitCode = 2; return; }} Go(a); }}', {"A": REQUIRED}),
    (f'int Level() {{ var a = {READ}("A"); if (a == null) {{ Console.WriteLine("usual"); return 10; }} return Of(a); }}', {"A": ("default", "10")}),
    (f'void M() {{ var a = {READ}("A"); if (a == null) {{ Console.WriteLine("no A"); return; }} Go(a); }}', {"A": OPTIONAL}),
    (f'void M() {{ var less = new[] {{ "A" }}.Where(n => string.IsNullOrEmpty({READ}(n))).ToList(); if (less.Any()) throw new Exception(); }}',
     {"A": REQUIRED}),
    (f'void M() {{ foreach (var n in new[] {{ "A" }}) {{ if ({READ}(n) == null) less.Add(n); }} if (less.Count > 0) throw new Exception(); }}',
     {"A": REQUIRED}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), FOLLOWED)
def test_reads_a_class_as_people_would(tmp_path: Path, code: str, expected: Expected) -> None:
    found = scan(tmp_path, {"P.cs": f"using System;\nclass C {{ {code} }}\n"})
    assert expected == {name: need for name, need in found.items() if name != "APP__LOG.X"}


def test_extensions_are_called_on_a_name_or_on_a_value_or_by_their_class(tmp_path: Path) -> None:
    helpers = (
        f"static class Env {{ public static string Read(this string key, string usual = null) => {READ}(key) ?? usual;"
        " public static int Int(this string value, int usual) => int.TryParse(value, out var n) ? n : usual;"
        " public static string Must(this string value) { if (value == null) throw new Exception(); return value; } }"
    )
    uses = (
        'class C { void M() { "A".Read(); "B".Read("x"); Env.Read("C"); Env.Read("D", "y");'
        f' {READ}("E").Int(80); Env.Int({READ}("F"), 81); {READ}("G").Must(); {READ}("H").Other(5); }} }}'
    )
    assert {
        "A": OPTIONAL,
        "B": ("default", "x"),
        "C": OPTIONAL,
        "D": ("default", "y"),
        "E": ("default", "80"),
        "F": ("default", "81"),
        "G": REQUIRED,
        "H": OPTIONAL,
    } == scan(tmp_path, {"Env.cs": f"using System;\n{helpers}", "P.cs": f"using System;\n{uses}"})


def test_an_object_of_another_type_has_methods_of_its_own(tmp_path: Path) -> None:
    system = f"class SystemEnv : IEnv {{ public string Get(string name) => {READ}(name); }}"
    uses = (
        "class C { readonly IEnv _env; readonly ICache<string> _cache; C(SystemEnv own, HttpClient? http) {"
        ' own.Get("D_D"); http.Get("E_E"); } void M() { _env.Get("A_A"); _cache.Get("C_C"); other.Get("F_F"); } }'
    )
    found = scan(tmp_path, {"Env.cs": system, "P.cs": uses})
    assert {"A_A": OPTIONAL, "D_D": OPTIONAL, "F_F": OPTIONAL} == found


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("Shop.Client.UsageExample", {}),
        ("Shop.Samples", {}),
        ("Shop.Sampling", {"A": OPTIONAL}),
        ("Shop.Client", {"A": OPTIONAL}),
    ],
)
def test_leaves_out_projects_of_examples(tmp_path: Path, folder: str, expected: Expected) -> None:
    assert expected == scan(tmp_path, {f"{folder}/A.cs": f'var a = {READ}("A");'})

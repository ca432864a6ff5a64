"""Names that Go code holds in lists, structs and functions: followed to where they are written out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from scan_parts import needs, read_files

from deployer_lib.probes.variables.languages.go import Go

if TYPE_CHECKING:
    from pathlib import Path

#: What stands in the package and in a function → the names that are read.
FOLLOWED = [
    ('var groups = [][]string{{"AA"}, {"BB", "CC"}}',
     "for _, group := range groups { for _, key := range group { os.Getenv(key) } }", "AA BB CC"),
    ('var byName = map[string][]string{"no": {"AA"}, "more": {"BB"}}',
     "for _, group := range byName { for _, key := range group { os.Getenv(key) } }", "AA BB"),
    ('type p struct { Name string; Keys []string }\nvar all = []p{{Name: "no", Keys: []string{"AA", "BB"}}, {Keys: []string{"CC"}}}',
     "for _, one := range all { for _, key := range one.Keys { os.Getenv(key) } }", "AA BB CC"),
    ('type p struct { Name string; Keys []string }\nvar all = map[string]*p{"no": {"no", []string{"AA"}}}',
     "for _, one := range all { for _, key := range one.Keys { os.Getenv(key) } }", "AA"),
    ('var all = struct{ Names []string }{Names: []string{"AA"}}',
     "for _, key := range all.Names { os.Getenv(key) }", "AA"),
    ('func names() []string { return []string{"AA", "BB"} }',
     "for _, key := range names() { os.Getenv(key) }", "AA BB"),
    ("", 'keys := []string{"AA"}; keys = append(keys, "BB"); for _, key := range keys { os.Getenv(key) }', "AA BB"),
    ("", 'var key string\nswitch runtime.GOOS {\ncase "no": key = "AA"\ndefault: key = "BB"\n}\nos.LookupEnv(key)', "AA BB"),
    ("", 'key := "AA"\nif more { key = "BB" }\nos.Getenv(key)', "AA BB"),
    ("", 'key := "AA"\nos.Getenv(key)\nkey = "BB"\nos.Getenv(key)', "AA BB"),
    ("", 'key := "no"\nkey = "AA"\nos.Getenv(key)\nkey = "nor"\nuse(key)', "AA"),
    ('func which() string {\nif more { return "AA" }\nreturn "BB"\n}', "os.Getenv(which())", "AA BB"),
    ('func which() string {\nswitch x {\ncase "no": return "AA"\n}\nreturn "BB"\n}', "os.LookupEnv(which())", "AA BB"),
]  # fmt: skip


@pytest.mark.parametrize(("around", "inside", "names"), FOLLOWED)
def test_names_are_followed(around: str, inside: str, names: str, tmp_path: Path) -> None:
    """A list of lists, a list in a struct, a name that a switch chooses, a function's answer."""
    code = f'package main\nimport ("os"; "runtime")\n{around}\nfunc main() {{\n{inside}\n}}\n'
    found = needs(read_files(Go(), tmp_path, {"main.go": code}, "*.go"))
    assert dict.fromkeys(names.split(), ("optional", None)) == found


def test_a_loop_that_fills_a_map_says_nothing_of_another(tmp_path: Path) -> None:
    """What an earlier loop gives to elements is no fallback of what a later one reads; in the same loop it is."""
    code = (
        'package main\nimport "os"\nvar names = []string{"AA"}\nfunc main() {\nm := map[string]string{}\n'
        "for key, value := range file { m[key] = value }\n"
        "for _, key := range names { if value, ok := os.LookupEnv(key); ok { m[key] = value } }\n"
        'for _, key := range []string{"BB"} { m[key] = "d"; if v, ok := os.LookupEnv(key); ok { m[key] = v } }\n}\n'
    )
    found = needs(read_files(Go(), tmp_path, {"main.go": code}, "*.go"))
    assert {"AA": ("optional", None), "BB": ("default", "d")} == found


def test_a_function_that_is_handed_out_is_given_the_fallback_when_it_is_called(tmp_path: Path) -> None:
    code = (
        'package main\nimport "os"\nfunc flag(key string) func(fallback bool) bool {\nreturn func(fallback bool) bool {\n'
        'if s := os.Getenv(key); s != "" { return s == "1" }\nreturn fallback\n}\n}\nvar verbose = flag("AA")\n'
    )
    found = needs(read_files(Go(), tmp_path, {"main.go": code}, "*.go"))
    assert {"AA": ("default", None)} == found

"""Variables that Go code reads by calls: wrappers over packages, and what stands in for an absent one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from scan_parts import needs, read_files

from deployer_lib.probes.variables.flow import FlowReader
from deployer_lib.probes.variables.languages.go import Go

if TYPE_CHECKING:
    from pathlib import Path

Expected = dict[str, tuple[str, str | None]]


def scan(root: Path, files: dict[str, str]) -> Expected:
    return needs(read_files(Go(), root, files, "*.go"))


REQUIRED, OPTIONAL = ("required", None), ("optional", None)


def default(text: str) -> tuple[str, str | None]:
    """Return what is expected of a variable with a fallback."""
    return "default", text


#: What stands in a function → what it reads.
INSIDE: list[tuple[str, Expected]] = [
    ('x := cmp.Or(os.Getenv("AA"), "d")',
     {"AA": default("d")}),
    ('x := cmp.Or(os.Getenv("AA"), os.Getenv("BB"), "d")',
     {"AA": default("d"), "BB": default("d")}),
    ('p := os.ExpandEnv("${AA}/x/$BB")',
     {"AA": OPTIONAL, "BB": OPTIONAL}),
    ('p := os.Expand("${AA}/x/$BB", os.Getenv)',
     {"AA": OPTIONAL, "BB": OPTIONAL}),
    ('if v, ok := os.LookupEnv("AA"); ok { use(v) } else { x = "d" }',
     {"AA": OPTIONAL}),
    ('if v, ok := os.LookupEnv("AA"); ok { x = v } else { x = "d" }',
     {"AA": default("d")}),
    ('v, ok := os.LookupEnv("AA"); if !ok { log.Fatal("no") }',
     {"AA": REQUIRED}),
    ('v, ok := os.LookupEnv("AA"); if !ok { v = "d" }; use(v)',
     {"AA": default("d")}),
    ("""x := "d"
if v := os.Getenv("AA"); v != "" { x = v }
use(x)""",
     {"AA": default("d")}),
    ("""x := "d"
if v, ok := os.LookupEnv("AA"); ok { x = v }
use(x)""",
     {"AA": default("d")}),
    ("""var x = "d"
if os.Getenv("AA") != "" { x = os.Getenv("AA") }
use(x)""",
     {"AA": default("d")}),
    ('x := os.Getenv("AA"); switch x { case "a": y(); default: z() }',
     {"AA": OPTIONAL}),
    ("""switch os.Getenv("AA") { case "a": y()
 default: panic("bad") }""",
     {"AA": REQUIRED}),
    ("""switch os.Getenv("AA") { case "": panic("none")
 default: z() }""",
     {"AA": REQUIRED}),
    ('os.Setenv("AA", "1"); os.Unsetenv("BB"); t.Setenv("CC", "x")',
     {}),
    ('n, err := strconv.Atoi(os.Getenv("AA")); if err != nil { log.Fatal(err) }',
     {"AA": REQUIRED}),
    ('n, err := strconv.Atoi(os.Getenv("AA")); if err != nil { n = 5 }',
     {"AA": default("5")}),
    ('n, _ := strconv.Atoi(os.Getenv("AA"))',
     {"AA": OPTIONAL}),
    ('if len(os.Getenv("AA")) == 0 { panic("x") }',
     {"AA": REQUIRED}),
    ('if strings.TrimSpace(os.Getenv("AA")) == "" { panic("x") }',
     {"AA": REQUIRED}),
    ('a, b := os.Getenv("AA"), os.Getenv("BB"); if a == "" || b == "" { log.Fatal("x") }',
     {"AA": REQUIRED, "BB": REQUIRED}),
    ('if os.Getenv("AA") == "" && os.Getenv("BB") == "" { log.Fatal("x") }',
     {"AA": OPTIONAL, "BB": OPTIONAL}),
    ('for _, k := range []string{"AA","BB"} { if os.Getenv(k) == "" { log.Fatalf("%s", k) } }',
     {"AA": REQUIRED, "BB": REQUIRED}),
    ('for k, d := range map[string]string{"AA":"1","BB":"2"} { os.Getenv(k) }',
     {"AA": OPTIONAL, "BB": OPTIONAL}),
    ('p := fmt.Sprintf("%s_B", "AA"); os.Getenv(p)',
     {"AA_B": OPTIONAL}),
    ('os.Getenv(fmt.Sprintf("A_%s", "BB"))',
     {"A_BB": OPTIONAL}),
    ('if os.Getenv("AA") == "" { os.Setenv("AA", "x") }',
     {"AA": default("x")}),
    ('if os.Getenv("AA") == "true" { on() } else { off() }',
     {"AA": OPTIONAL}),
    ('debug := os.Getenv("AA") == "1"',
     {"AA": OPTIONAL}),
    ('missing := []string{}; for _, k := range []string{"AA","BB"} { if os.Getenv(k) == "" { missing = append(missing, k) } }; if len(missing) > 0 { log.Fatal(missing) }',
     {"AA": REQUIRED, "BB": REQUIRED}),
    ('get := func(k, d string) string { if v := os.Getenv(k); v != "" { return v }; return d }; get("AA", "d")',
     {"AA": default("d")}),
    ('c := &Config{Port: os.Getenv("AA"), Host: getenv("BB", "h")}',
     {"AA": OPTIONAL}),
    ('u, err := url.Parse(os.Getenv("AA")); if err != nil { panic(err) }',
     {"AA": OPTIONAL}),
    ('log.Println("value", os.Getenv("AA"))',
     {"AA": OPTIONAL}),
    ('if os.Getenv("AA") == "" { fmt.Println("need"); os.Exit(1) }',
     {"AA": REQUIRED}),
    ('if os.Getenv("AA") == "" { return }',
     {"AA": OPTIONAL}),
    ('if os.Getenv("AA") == "" { slog.Error("x"); os.Exit(1) }',
     {"AA": REQUIRED}),
    ('a := os.Getenv("AA"); if a == "" { logger.Fatal().Msg("x") }',
     {"AA": REQUIRED}),
    ('a := os.Getenv("AA"); if a == "" { logrus.WithField("a", 1).Fatal("x") }',
     {"AA": REQUIRED}),
    ('x := strings.Split(os.Getenv("AA"), ",")',
     {"AA": OPTIONAL}),
    ('a := os.Getenv("AA"); if len(a) < 32 { log.Fatal("x") }',
     {"AA": REQUIRED}),
    ('v, ok := os.LookupEnv("AA"); if ok { use(v) }; w, ok := os.LookupEnv("BB"); if !ok { log.Fatal("x") }',
     {"AA": OPTIONAL, "BB": REQUIRED}),
    ('if c := os.Getenv("AA"); c != "" { n, err := strconv.Atoi(c); if err != nil { panic("x") }; use(n) }',
     {"AA": OPTIONAL}),
    ('if v, ok := os.LookupEnv("AA"); ok { o.a = v }; if v, ok := os.LookupEnv("BB"); !ok { panic("x") }',
     {"AA": OPTIONAL, "BB": REQUIRED}),
    ('a := os.Getenv("AA"); n, err := strconv.Atoi(a); if err != nil { log.Fatal(err) }',
     {"AA": REQUIRED}),
    ('a := os.Getenv("AA"); a = strings.TrimSpace(a); if a == "" { log.Fatal(err) }',
     {"AA": REQUIRED}),
    ('if v, ok := os.LookupEnv("AA"); ok { if v == "" { log.Fatal("x") }; use(v) }',
     {"AA": OPTIONAL}),
    ('var e string; if a := os.Getenv("AA"); a != "" { e = a } else if b := os.Getenv("BB"); b != "" { e = b }; use(e)',
     {"AA": OPTIONAL, "BB": OPTIONAL}),
    ('e := "x"; if a := os.Getenv("AA"); a != "" { e = a } else if b := os.Getenv("BB"); b != "" { e = b }; use(e)',
     {"AA": default("x"), "BB": default("x")}),
    ('args := []string{"-l"}; if d, ok := os.LookupEnv("AA"); ok { args = append([]string{d}, args...) }; run(args)',
     {"AA": OPTIONAL}),
    ('if a := os.Getenv("AA"); a != "" { use(a) } else if b := os.Getenv("BB"); b != "" { use(b) } else { log.Fatal("x") }',
     {"AA": OPTIONAL, "BB": OPTIONAL}),
    ('cfg := Config{Host: "h"}; if v := os.Getenv("AA"); v != "" { cfg.Host = v }; if v := os.Getenv("BB"); v != "" { cfg.Port = v }',
     {"AA": default("h"), "BB": OPTIONAL}),
    ('level := "info"; switch os.Getenv("AA") { case "debug": level = "debug"; default: level = "warn" }',
     {"AA": default("warn")}),
    ('defer func() { if os.Getenv("AA") == "" { panic("x") } }()',
     {"AA": REQUIRED}),
    ('os.Getenv("AA" + suffix()); os.Getenv(""); os.LookupEnv(`BB`)',
     {"BB": OPTIONAL}),
]  # fmt: skip

#: A file → what it reads.
WHOLE: list[tuple[str, Expected]] = [
    ("""func getEnv(k, d string) string { if v := os.Getenv(k); v != "" { return v }; return d }
func main(){ getEnv("AA","d"); getEnv("BB", "") }""",
     {"AA": default("d"), "BB": default("")}),
    ("""func getEnv(k, d string) string { v := os.Getenv(k); if v == "" { return d }; return v }
func main(){ getEnv("AA","d") }""",
     {"AA": default("d")}),
    ("""func getEnv(k, d string) string { v := os.Getenv(k); if v == "" { v = d }; return v }
func main(){ getEnv("AA","d") }""",
     {"AA": default("d")}),
    ("""func getEnv(k, d string) string { v, ok := os.LookupEnv(k); if !ok || v == "" { return d }; return v }
func main(){ getEnv("AA","d") }""",
     {"AA": default("d")}),
    ("""func getEnv(k, d string) string { if v, ok := os.LookupEnv(k); ok { return v }
 return d }
func main(){ getEnv("AA","d") }""",
     {"AA": default("d")}),
    ("""func getInt(k string, d int) int { v := os.Getenv(k); if v == "" { return d }; n, err := strconv.Atoi(v); if err != nil { log.Fatal(err) }; return n }
func main(){ getInt("AA",5) }""",
     {"AA": default("5")}),
    ("""func getInt(k string, d int) int { n, err := strconv.Atoi(os.Getenv(k)); if err != nil { return d }; return n }
func main(){ getInt("AA",5) }""",
     {"AA": default("5")}),
    ("""func getInt(k string, d int) int { s := getEnv(k, ""); if n, err := strconv.Atoi(s); err == nil { return n }; return d }
func getEnv(k, d string) string { if v := os.Getenv(k); v != "" { return v }; return d }
func main(){ getInt("AA",5) }""",
     {"AA": default("5")}),
    ("""func getBool(k string, d bool) bool { s := getEnv(k, strconv.FormatBool(d)); b, err := strconv.ParseBool(s); if err != nil { return d }; return b }
func getEnv(k, d string) string { if v := os.Getenv(k); v != "" { return v }; return d }
func main(){ getBool("AA",true) }""",
     {"AA": default("true")}),
    ("""func env[T any](k string, d T) T { v, ok := os.LookupEnv(k); if !ok { return d }; return parse[T](v) }
func main(){ env[int]("AA", 5); env("BB", "x") }""",
     {"AA": default("5"), "BB": default("x")}),
    ("""func must(k string) string { v, ok := os.LookupEnv(k); if !ok { panic("missing " + k) }; return v }
func main(){ must("AA") }""",
     {"AA": REQUIRED}),
    ("""func need(k string) (string, error) { v := os.Getenv(k); if v == "" { return "", fmt.Errorf("%s", k) }; return v, nil }
func main(){ a, err := need("AA"); if err != nil { log.Fatal(err) } ; b, err := need("BB"); if err != nil { b = "x" }; c, _ := need("CC") }""",
     {"AA": REQUIRED, "BB": default("x"), "CC": OPTIONAL}),
    ("""type C struct{}
func (c *C) getenv(k string) string { return os.Getenv(c.prefix+k) }
func (c *C) get(k string) string { return os.Getenv(k) }
func main(){ c := &C{}; c.getenv("AA"); c.get("BB") }""",
     {"BB": OPTIONAL}),
    ("""func envOr(t *string, k string) { if v := os.Getenv(k); v != "" { *t = v } }
func main(){ c := Config{Host: "h"}; envOr(&c.Host, "AA") }""",
     {"AA": default("h")}),
    ("""const P = "APP_"
func get(k string) string { return os.Getenv(P + k) }
func main(){ get("AA") }""",
     {"APP_AA": OPTIONAL}),
    ("""const P = "APP_"
func get(k string) string { return os.Getenv(fmt.Sprintf("%s%s", P, strings.ToUpper(k))) }
func main(){ get("a") }""",
     {"APP_A": OPTIONAL}),
    ("""func load() (*C, error) { v := os.Getenv("AA"); if v == "" { return nil, errors.New("x") }; return &C{v}, nil }
func main(){ c, err := load(); if err != nil { log.Fatal(err) } }""",
     {"AA": REQUIRED}),
    ("""func load() (*C, error) { v := os.Getenv("AA"); if v == "" { return nil, ErrMissing }; return &C{v}, nil }
var ErrMissing = errors.New("x")
func main(){ c, err := load(); if err != nil { log.Fatal(err) } }""",
     {"AA": REQUIRED}),
    ("""func get(k string, d ...string) string { v := os.Getenv(k); if v == "" && len(d) > 0 { return d[0] }; return v }
func main(){ get("AA"); get("BB", "x") }""",
     {"AA": OPTIONAL, "BB": default("x")}),
    ("""var x = getEnv("AA", "d")
func getEnv(k, d string) string { return cmp.Or(os.Getenv(k), d) }""",
     {"AA": default("d")}),
    ("""type E struct { key, def string }
func main() { for _, e := range []E{{"AA","1"},{"BB","2"}} { os.Getenv(e.key) } }""",
     {"AA": OPTIONAL, "BB": OPTIONAL}),
    ("""type E struct { key, def string }
func main() { for _, e := range []E{{key:"AA",def:"1"},{key: "BB"}} { os.Getenv(e.key) } }""",
     {"AA": OPTIONAL, "BB": OPTIONAL}),
    ('func main() { lookup := os.Getenv; lookup("AA") }',
     {"AA": OPTIONAL}),
    ("""func load(getenv func(string) string) { getenv("AA") }
func main() { load(os.Getenv) }""",
     {"AA": OPTIONAL}),
    ("""const (
 A = "X_A"
 B = "X_B"
)
func main() { os.Getenv(A); os.LookupEnv(B) }""",
     {"X_A": OPTIONAL, "X_B": OPTIONAL}),
    ("""var envs = struct{ A, B string }{A: "X_A", B: "X_B"}
func main() { os.Getenv(envs.A) }""",
     {"X_A": OPTIONAL}),
    ("""type Key string
const K Key = "X_A"
func (k Key) Get() string { return os.Getenv(string(k)) }
func main() { K.Get() }""",
     {"X_A": OPTIONAL}),
    ("""var x = flag.String("addr", os.Getenv("AA"), "u")
var y = flag.String("b", envOr("BB", "z"), "u")
func envOr(k, d string) string { if v := os.Getenv(k); v != "" { return v }; return d }""",
     {"AA": OPTIONAL, "BB": default("z")}),
    ("""func getEnv(k, d string) string {
 value, exists := os.LookupEnv(k)
 if !exists {
  value = d
 }
 return value
}
func main(){ getEnv("AA","d") }""",
     {"AA": default("d")}),
    ("""func lookupBool(k string, d bool) bool {
 if val := os.Getenv(k); val != "" {
  b, err := strconv.ParseBool(val)
  if err == nil { return b }
 }
 return d
}
func main(){ lookupBool("AA",true) }""",
     {"AA": default("true")}),
    ("""func get(k string) (v string, ok bool) { if v, ok = os.LookupEnv("APP_" + k); ok { return v, ok }
 return os.LookupEnv(k) }
func main() { x, _ := get("AA"); use(x) }""",
     {"APP_AA": OPTIONAL, "AA": OPTIONAL}),
    ("""func lookup(k string) (string, bool) { v := os.Getenv(k); if v == "" { return "", false }; return v, true }
func main() { if v, ok := lookup("AA"); ok { use(v) }; w, ok := lookup("BB"); if !ok { log.Fatal("x") } }""",
     {"AA": OPTIONAL, "BB": REQUIRED}),
    ("""func key(k string) string { return "APP_" + strings.ToUpper(strings.ReplaceAll(k, "-", "_")) }
func main() { os.Getenv(key("listen-addr")) }""",
     {"APP_LISTEN_ADDR": OPTIONAL}),
    ("""func enabled() bool { v := os.Getenv("AA"); if v == "" { return false }; return check() }
func on() bool { if os.Getenv("BB") != "" { return true }; return false }""",
     {"AA": OPTIONAL, "BB": OPTIONAL}),
    ("""func parse(t *int, k string) error { raw, ok := os.LookupEnv(k); if !ok { return nil }; n, err := strconv.Atoi(raw); if err != nil { return err }; *t = n; return nil }
func main() { c := Config{Server: Server{Port: 80}}; parse(&c.Server.Port, "AA"); parse(&c.Other, "BB") }""",
     {"AA": default("80"), "BB": OPTIONAL}),
    ("""func load() (string, error) { v, err := need("AA"); if err != nil { return "", err }; return v, nil }
func need(k string) (string, error) { if v := os.Getenv(k); v != "" { return v, nil }; return "", fmt.Errorf("%s", k) }""",
     {"AA": REQUIRED}),
]  # fmt: skip


#: What it is of, the file or files, what they read.
CASES: list[tuple[str, str | dict[str, str], Expected]] = [
    ("environ switch",
     """package main
import ("os";"strings")
const defPort = 80
func main() { parse(os.Environ()) }
func parse(lines []string) { for _, line := range lines { fields := strings.SplitN(line, "=", 2); key := strings.TrimSpace(fields[0]); value := fields[1]; switch key { case "LISTEN_ADDR": opts.a = parseString(value, "x"); case "PORT", "HTTP_PORT": opts.p = parseInt(value, defPort); case "DEBUG": opts.d = value } } }""",
     {"LISTEN_ADDR": default("x"), "PORT": default("80"), "HTTP_PORT": default("80"), "DEBUG": OPTIONAL}),
    ("environ ==",
     """package main
import ("os";"strings")
func main() { for _, e := range os.Environ() { k, v, ok := strings.Cut(e, "="); if k == "AA" { use(v) }; if strings.HasPrefix(e, "BB=") { use(e[3:]) }; if !strings.HasPrefix(k, "APP_") { continue }; switch strings.TrimPrefix(k, "APP_") { case "CC": x() } } }""",
     {"AA": OPTIONAL, "BB": OPTIONAL, "APP_CC": OPTIONAL}),
    ("environ table",
     {"a.go": """package main
import ("os";"strings")
func main() { p := &parser{}; for _, e := range os.Environ() { kv := strings.SplitN(e, "=", 2); p.set(kv[0], kv[1]) } }
func (p *parser) set(name, v string) { if o, ok := p.opts[name]; ok { o.raw = v } }""", "b.go": """package main
func newParser() *parser { return &parser{opts: map[string]*option{"LISTEN_ADDR": {rawValue: "127.0.0.1", kind: 1}, "DB_URL": {kind: 2}, } } }"""},
     {"LISTEN_ADDR": default("127.0.0.1"), "DB_URL": OPTIONAL}),
    ("environ map",
     """package main
import ("os";"strings")
func all() map[string]string { m := map[string]string{}; for _, e := range os.Environ() { kv := strings.SplitN(e, "=", 2); m[kv[0]] = kv[1] }; return m }
func main() { env := all(); a := env["AA"]; if a == "" { panic("x") }; if b, ok := env["BB"]; ok { use(b) }; env["CC"] = "x" }""",
     {"AA": REQUIRED, "BB": OPTIONAL}),
    ("environ child",
     """package main
import ("os";"strings")
func main() { cmd.Env = append(os.Environ(), "A=1"); switch key { case "NOPE": } }""",
     {}),
    ("foreign env",
     """package main
import ("github.com/minio/pkg/v3/env"; "k8s.io/utils/env2")
func main(){ env.Get("AA", "x"); env.IsSet("BB"); env.Get("lower", "") }""",
     {"AA": default("x"), "BB": OPTIONAL}),
    ("header no wrapper",
     {"go.mod": """module m
""", "a/a.go": """package a
import "os"
type C struct{}
func (c C) Get(k string) string { return os.Getenv(k) }""", "b/b.go": """package b
import "net/http"
func f(r *http.Request) { r.Header.Get("ETAG") }"""},
     {}),
    ("same helper two pkgs",
     {"go.mod": """module m
""", "a/a.go": """package a
import "os"
func Get(k, d string) string { if v := os.Getenv(k); v != "" { return v }; return d }""", "b/b.go": """package b
import "os"
func Get(k string) string { v := os.Getenv(k); if v == "" { panic(k) }; return v }""", "main.go": """package main
import ("m/a"; "m/b"; "x.org/c")
func main(){ a.Get("AA","d"); b.Get("BB"); c.Get("CC") }"""},
     {"AA": default("d"), "BB": REQUIRED}),
    ("const other file",
     {"go.mod": """module m
""", "keys/k.go": """package keys
const Port = "APP_PORT"
""", "main.go": """package main
import ("m/keys"; "os")
func main(){ os.Getenv(keys.Port) }"""},
     {"APP_PORT": OPTIONAL}),
    ("comments",
     """package main
// os.Getenv("AA")
var s = "os.Getenv(\\"BB\\")"
var r = `os.Getenv("CC")`""",
     {}),
]  # fmt: skip


GO_MOD = "module example.com/app\n"


@pytest.mark.parametrize(("code", "expected"), INSIDE)
def test_inside_a_function(tmp_path: Path, code: str, expected: Expected) -> None:
    """What stands around a read tells whether it must find its variable."""
    head = 'package main\nimport ("os";"log";"fmt";"strings";"cmp";"strconv")\n'
    assert expected == scan(tmp_path, {"main.go": f"{head}func main() {{\n{code}\n}}\n"})


@pytest.mark.parametrize(("code", "expected"), WHOLE)
def test_whole_file(tmp_path: Path, code: str, expected: Expected) -> None:
    """Functions that wrap a read are followed to their callers, with the fallbacks that these give."""
    assert expected == scan(tmp_path, {"main.go": f'package main\nimport ("os";"log";"fmt")\n{code}\n'})


@pytest.mark.parametrize(("files", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_packages(tmp_path: Path, files: str | dict[str, str], expected: Expected) -> None:
    """A name means what its package and imports say; the environment that is gone over is read by its table."""
    assert expected == scan(tmp_path, files if isinstance(files, dict) else {"main.go": files})


def test_place(tmp_path: Path) -> None:
    """A variable is told where it is read, a struct's where its field stands, in the file of the struct."""
    (tmp_path / "conf").mkdir()
    (tmp_path / "go.mod").write_text(GO_MOD)
    (tmp_path / "conf" / "conf.go").write_text(
        "package conf\n\ntype Config struct {\n\tPort int\n\tHost string\n}\n"
    )
    (tmp_path / "main.go").write_text(
        'package main\nimport (\n"os"\n"example.com/app/conf"\n"github.com/kelseyhightower/envconfig"\n)\n'
        'func main() {\n\tvar c conf.Config\n\tenvconfig.Process("app", &c)\n\tx := os.Getenv("MODE")\n}\n'
    )
    paths = sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*.go"))
    found = {
        r.name: (r.reference.file, r.reference.line, r.reference.column)
        for r in FlowReader(Go()).read(tmp_path, paths).reads
    }
    assert {
        "APP_PORT": ("conf/conf.go", 4, 2),
        "APP_HOST": ("conf/conf.go", 5, 2),
        "MODE": ("main.go", 10, 7),
    } == found


def test_made_at_run_time(tmp_path: Path) -> None:
    """A name that is only known when the program runs is told as such, with its place."""
    (tmp_path / "main.go").write_text('package main\nimport "os"\nvar x = os.Getenv(read() + "_X")\n')
    found = FlowReader(Go()).read(tmp_path, [(tmp_path / "main.go").relative_to(tmp_path)])
    assert ([], [3]) == (found.reads, [one.line for one in found.computed])


def test_left_out(tmp_path: Path) -> None:
    """Files that Go does not build into the program read nothing: other builds, helpers of tests, what it passes over."""
    read = 'package main\nimport "os"\nvar x = os.Getenv("AA")\n'
    files = {
        "magefile.go": read,
        "tool.go": f"//go:build ignore\n\n{read}",
        "e2e.go": f"// +build integration\n\n{read}",
        "_old/main.go": read,
        "internal/testutil/db.go": read,
        "linux.go": "//go:build linux\n\n" + read.replace("AA", "BB"),
    }
    assert {"BB": OPTIONAL} == scan(tmp_path, files)


def test_bad_input(tmp_path: Path) -> None:
    """Broken syntax, bytes that are no text and a folder with a file's name lose themselves, and nothing else."""
    (tmp_path / "broken.go").write_text('package main\nfunc main( { os.Getenv("AA") ; env.Parse(&\n')
    (tmp_path / "binary.go").write_bytes(b'\x00\xff\xfeos.Getenv(\xff) import "github.com/caarlos0/env"')
    (tmp_path / "empty.go").write_bytes(b"")
    (tmp_path / "folder.go").mkdir()
    (tmp_path / "go.mod").write_bytes(b"\xff\xfe module")
    (tmp_path / "sp ace.go").write_text('package main\nimport "os"\nvar x = os.Getenv("BB")\n')
    paths = sorted(p.relative_to(tmp_path) for p in tmp_path.glob("*.go"))
    found = FlowReader(Go()).read(tmp_path, paths)
    assert {"BB"} <= {read.name for read in found.reads} <= {"AA", "BB"}
    assert ["folder.go"] == [path for path, _, _ in found.skipped]


def test_types_in_a_circle(tmp_path: Path) -> None:
    """A struct that holds itself, and a type that is declared as itself, come to an end."""
    code = (
        'package main\nimport "github.com/kelseyhightower/envconfig"\ntype A struct { Next *A; Name string }\n'
        'type B = C\ntype C = B\nfunc main() { var a A; envconfig.Process("x", &a); var b B; envconfig.Process("y", &b) }\n'
    )
    assert OPTIONAL == scan(tmp_path, {"main.go": code})["X_NAME"]

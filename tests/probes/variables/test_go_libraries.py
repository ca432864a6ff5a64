"""Variables that Go code reads by libraries: structs with tags, flags, viper and koanf."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from scan_parts import needs, read_files

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


#: What it is of, the file or files, what they read.
CASES: list[tuple[str, str | dict[str, str], Expected]] = [
    ("caarlos basic",
     """package main
import "github.com/caarlos0/env/v11"
type C struct { A string `env:"A,required"`; B string `env:"B,notEmpty"`; F string `env:"F,file"`; U string `env:"U,unset"`; X string `env:"X,expand" envDefault:"$B/x"`; M map[string]string `env:"M"`; N string; Z string `env:"-"`; w string `env:"W"`}
func main(){ var c C; env.Parse(&c) }""",
     {"A": REQUIRED, "B": REQUIRED, "F": OPTIONAL, "U": OPTIONAL, "X": default("$B/x"), "M": OPTIONAL}),
    ("nested prefix",
     """package main
import "github.com/caarlos0/env/v11"
type DB struct { Host string `env:"HOST" envDefault:"h"`; Port int `env:"PORT,required"` }
type C struct { A DB `envPrefix:"A_"`; B *DB `envPrefix:"B_"`; L []DB `envPrefix:"L_"`; E Emb; Emb }
type Emb struct { Q string `env:"Q"` }
func main(){ c := C{}; if err := env.Parse(&c); err != nil { panic(err) } }""",
     {"A_HOST": default("h"), "A_PORT": REQUIRED, "B_HOST": default("h"), "B_PORT": REQUIRED, "Q": OPTIONAL}),
    ("over packages",
     {"go.mod": """module example.com/app
""", "main.go": """package main
import "github.com/caarlos0/env/v11"
import "example.com/app/internal/config"
func main(){ cfg := &config.Config{}; env.ParseWithOptions(cfg, env.Options{Prefix: "P_"}) }""", "internal/config/config.go": """package config
import "example.com/app/db"
type Config struct { Port int `env:"PORT" envDefault:"80"`; DB db.Options `envPrefix:"DB_"` }""", "db/db.go": """package db
type Options struct { Host string `env:"HOST,required"` }"""},
     {"P_PORT": default("80"), "P_DB_HOST": REQUIRED}),
    ("only prefix, unresolved root",
     {"config.go": """package config
import "x/y"
type Config struct { DB Options `envPrefix:"DB_"`; Z string `env:"Z"` }
type Options struct { Host string `env:"HOST,required"` }
func main(){ y.Load(&Config{}) }"""},
     {"DB_HOST": REQUIRED, "Z": OPTIONAL}),
    ("options",
     """package main
import "github.com/caarlos0/env/v11"
type C struct { ListenAddr string; DBName string; T string `env:"TT" envDefault:"1"` }
func main(){ opts := env.Options{Prefix: "P_", RequiredIfNoDef: true, UseFieldNameByDefault: true}; var c C; env.ParseWithOptions(&c, opts) }""",
     {"P_LISTEN_ADDR": REQUIRED, "P_DB_NAME": REQUIRED, "P_TT": default("1")}),
    ("ParseAs",
     """package main
import "github.com/caarlos0/env/v11"
type C struct { A string `env:"A"` }
func main(){ c, err := env.ParseAs[C](); d := env.Must(env.ParseAsWithOptions[D](env.Options{Prefix: "X_"})) }
type D struct { B string `env:"B,required"` }""",
     {"A": OPTIONAL, "X_B": REQUIRED}),
    ("generic helper",
     """package main
import "github.com/caarlos0/env/v11"
type C struct { A string `env:"A"` }
func load[T any](prefix string) (T, error) { var t T; err := env.ParseWithOptions(&t, env.Options{Prefix: "Q_"}); return t, err }
func main(){ c, err := load[C]("") }""",
     {"Q_A": OPTIONAL}),
    ("any helper",
     """package main
import "github.com/caarlos0/env/v11"
type C struct { A string `env:"A"` }
func load(c any) error { return env.Parse(c) }
func main(){ var c C; load(&c) }""",
     {"A": OPTIONAL}),
    ("preset",
     """package main
import "github.com/caarlos0/env/v11"
type C struct { A string `env:"A"`; B string `env:"B"`; D struct { E int `env:"E"` } }
func main(){ c := C{A: "x"}; env.Parse(&c) }""",
     {"A": default("x"), "B": OPTIONAL, "E": OPTIONAL}),
    ("preset fn",
     """package main
import "github.com/caarlos0/env/v11"
type C struct { A string `env:"A"`; B string `env:"B"` }
func def() *C { return &C{A: "x"} }
func main(){ c := def(); env.Parse(c) }""",
     {"A": default("x"), "B": OPTIONAL}),
    ("method receiver",
     """package main
import "github.com/caarlos0/env/v11"
type C struct { A string `env:"A"` }
func (c *C) Load() error { return env.Parse(c) }""",
     {"A": OPTIONAL}),
    ("field of app",
     """package main
import "github.com/caarlos0/env/v11"
type C struct { A string `env:"A"` }
type App struct { cfg C }
func (a *App) Load() error { return env.Parse(&a.cfg) }""",
     {"A": OPTIONAL}),
    ("anon struct",
     """package main
import "github.com/caarlos0/env/v11"
var cfg struct { A string `env:"A"`; In struct { B string `env:"B"` } `envPrefix:"I_"` }
func main() { env.Parse(&cfg) }""",
     {"A": OPTIONAL, "I_B": OPTIONAL}),
    ("kelsey",
     """package main
import "github.com/kelseyhightower/envconfig"
type S struct { Debug bool; Port int `default:"80"`; DBUrl string `envconfig:"DATABASE_URL" required:"true"`; MultiWordVar string `split_words:"true"`; Ignored string `ignored:"true"`; Nested struct { Inner string }; Emb; Ptr *P; Rate time.Duration `required:"true"`; secret string }
type Emb struct { Deep string }
type P struct { X string `required:"true"` }
func main(){ var s S; err := envconfig.Process("myapp", &s) }""",
     {"MYAPP_DEBUG": OPTIONAL, "MYAPP_PORT": default("80"), "MYAPP_DATABASE_URL": REQUIRED, "MYAPP_MULTI_WORD_VAR": OPTIONAL, "MYAPP_NESTED_INNER": OPTIONAL, "MYAPP_DEEP": OPTIONAL, "MYAPP_PTR_X": REQUIRED, "MYAPP_RATE": REQUIRED}),
    ("kelsey empty",
     """package main
import "github.com/kelseyhightower/envconfig"
const prefix = ""
type S struct { A string `envconfig:"A_B"`; Z string }
func main(){ s := new(S); envconfig.MustProcess(prefix, s) }""",
     {"A_B": OPTIONAL, "Z": OPTIONAL}),
    ("kelsey param",
     """package main
import "github.com/kelseyhightower/envconfig"
type S struct { A string }
func load(prefix string, s interface{}) { envconfig.MustProcess(prefix, s) }
func main(){ s := S{}; load("APP", &s) }""",
     {"APP_A": OPTIONAL}),
    ("kelsey decoder",
     """package main
import "github.com/kelseyhightower/envconfig"
type L struct { n int }
func (l *L) Decode(s string) error { return nil }
type S struct { Level L; Addr net.IP }
func main(){ var s S; envconfig.Process("a", &s) }""",
     {"A_LEVEL": OPTIONAL, "A_ADDR": OPTIONAL}),
    ("kelsey whole names",
     """package main
import "github.com/kelseyhightower/envconfig"
type S struct { DB struct { Host string `envconfig:"APP_DB_HOST"`; Port int `envconfig:"PORT"` }; Name string `envconfig:"APP_NAME"` }
type T struct { API struct { URL string `envconfig:"API_URL"`; Keys []ssh.PublicKey }; In struct { Key string `envconfig:"X_KEY"`; Ref string `envconfig:"REFERENCE"` } }
func main(){ var s S; envconfig.Process("", &s); var t T; envconfig.Process("x", &t) }""",
     {"APP_DB_HOST": OPTIONAL, "DB_PORT": OPTIONAL, "APP_NAME": OPTIONAL, "API_URL": OPTIONAL, "X_KEY": OPTIONAL, "X_IN_REFERENCE": OPTIONAL}),
    ("sethvargo",
     """package main
import "github.com/sethvargo/go-envconfig"
type C struct { A string `env:"A, required"`; B int `env:"B, default=5"`; D *DB `env:", prefix=DB_"`; L []string `env:"L,delimiter=;"`; O string `env:"OO,overwrite,default=a,b"`}
type DB struct { H string `env:"H"` }
func main(){ var c C; envconfig.Process(ctx, &c) }""",
     {"A": REQUIRED, "B": default("5"), "DB_H": OPTIONAL, "L": OPTIONAL, "OO": default("a,b")}),
    ("sethvargo with",
     """package main
import "github.com/sethvargo/go-envconfig"
type C struct { A string `env:"A, required"` }
func main(){ var c C; envconfig.ProcessWith(ctx, &envconfig.Config{Target: &c, Lookuper: envconfig.PrefixLookuper("P_", envconfig.OsLookuper())}) }""",
     {"P_A": REQUIRED}),
    ("sethvargo old with",
     """package main
import "github.com/sethvargo/go-envconfig"
type C struct { A string `env:"A, required"` }
func main(){ var c C; l := envconfig.PrefixLookuper("P_", envconfig.OsLookuper()); envconfig.ProcessWith(ctx, &c, l) }""",
     {"P_A": REQUIRED}),
    ("cleanenv",
     """package main
import "github.com/ilyakaznacheev/cleanenv"
type C struct { A string `yaml:"a" env:"A" env-default:"x" env-description:"d"`; B string `env:"B,BB" env-required:"true"`; D DB `env-prefix:"DB_"` }
type DB struct { H string `env:"H" env-required:"true" env-default:"h"` }
func main(){ var c C; cleanenv.ReadConfig("c.yml", &c) }""",
     {"A": default("x"), "B": REQUIRED, "BB": REQUIRED, "DB_H": REQUIRED}),
    ("kong",
     """package main
import "github.com/alecthomas/kong"
var cli struct { A string `help:"a" env:"A" default:"x"`; B string `env:"B" required:""`; Serve struct { P int `env:"P,PP"` } `cmd:""`; L Log `embed:"" envprefix:"LOG_"` }
type Log struct { Level string `env:"LEVEL" enum:"a,b" default:"a"` }
func main(){ kong.Parse(&cli) }""",
     {"A": default("x"), "B": REQUIRED, "P": OPTIONAL, "PP": OPTIONAL, "LOG_LEVEL": default("a")}),
    ("goflags",
     """package main
import flags "github.com/jessevdk/go-flags"
type Opts struct { A string `long:"a" env:"A" default:"x" description:"d"`; B string `env:"B" required:"true"`; G Grp `group:"g" namespace:"g" env-namespace:"G"`; C Cmd `command:"run"` }
type Grp struct { X string `env:"X"` ; S struct { Y string `env:"Y" required:"yes"` } `group:"s" env-namespace:"S"`}
type Cmd struct { Z string `env:"Z"` }
func main(){ var o Opts; p := flags.NewParser(&o, flags.Default); p.Parse() }""",
     {"A": default("x"), "B": REQUIRED, "G_X": OPTIONAL, "G_S_Y": REQUIRED, "Z": OPTIONAL}),
    ("goarg",
     """package main
import "github.com/alexflint/go-arg"
func main(){ var args struct { A string `arg:"env:A"`; B string `arg:"--b,env:BB,required"`; MyVar string `arg:"env" default:"x"`; C *Sub `arg:"subcommand:c"`; N string `arg:"--n"` }; arg.MustParse(&args) }
type Sub struct { Z string `arg:"env:Z"` }""",
     {"A": OPTIONAL, "BB": REQUIRED, "MY_VAR": default("x"), "Z": OPTIONAL}),
    ("configor",
     """package main
import "github.com/jinzhu/configor"
type C struct { Server struct { Port int `default:"80"`; Addr string }; Name string `env:"MYNAME" required:"true"` }
func main(){ c := new(C); configor.New(&configor.Config{ENVPrefix: "GO"}).Load(c, "a.yml") }""",
     {"GO_SERVER_PORT": default("80"), "GO_SERVER_ADDR": OPTIONAL, "MYNAME": REQUIRED}),
    ("ardan",
     """package main
import "github.com/ardanlabs/conf/v3"
func main(){ cfg := struct { conf.Version; Web struct { APIHost string `conf:"default:0.0.0.0:3000"`; Key string `conf:"required,mask"` } }{}; conf.Parse("SALES", &cfg) }""",
     {"SALES_WEB_API_HOST": default("0.0.0.0:3000"), "SALES_WEB_KEY": REQUIRED}),
    ("no lib",
     """package main
type C struct { A string `env:"A"`; B string `json:"b"` }""",
     {"A": OPTIONAL}),
    ("ff",
     """package main
import ("flag";"github.com/peterbourgon/ff/v3")
func main(){ fs := flag.NewFlagSet("x", flag.ExitOnError); a := fs.String("listen-addr", ":80", "u"); fs.IntVar(&n, "max.n", 5, "u"); ff.Parse(fs, os.Args[1:], ff.WithEnvVarPrefix("P")) }""",
     {"P_LISTEN_ADDR": default(":80"), "P_MAX_N": default("5")}),
    ("kingpin",
     """package main
import "gopkg.in/alecthomas/kingpin.v2"
var a = kingpin.Flag("a","h").Default("x").Envar("A").String()
var b = kingpin.Flag("b","h").Envar("B").Required().String()
var c = kingpin.Flag("c","h").OverrideDefaultFromEnvar("C").Int()""",
     {"A": default("x"), "B": REQUIRED, "C": OPTIONAL}),
    ("cli",
     """package main
import "github.com/urfave/cli/v2"
const P = "APP_"
func envs(n string) []string { return []string{P + n} }
var f = []cli.Flag{ &cli.StringFlag{Name: "a", EnvVars: []string{"A", P + "A2"}, Value: "x"}, &cli.BoolFlag{Name:"b", EnvVars: []string{fmt.Sprintf("%sB", P)}, Required: true}, &cli.IntFlag{EnvVars: envs("C")} }
var x = k8s.Thing{EnvVars: []string{"NOPE"}}""",
     {"A": default("x"), "APP_A2": default("x"), "APP_B": REQUIRED, "APP_C": OPTIONAL}),
    ("cli1",
     """package main
import "github.com/urfave/cli"
var f = []cli.Flag{ cli.StringFlag{Name: "a", EnvVar: "A,B", Value: "x"} }""",
     {"A": default("x"), "B": default("x")}),
    ("cli3",
     """package main
import "github.com/urfave/cli/v3"
var f = []cli.Flag{ &cli.StringFlag{Sources: cli.EnvVars("A","B")}, &cli.StringFlag{Sources: cli.NewValueSourceChain(cli.File(os.Getenv("X_FILE")), cli.EnvVar("X")), Required: true} }""",
     {"A": OPTIONAL, "B": OPTIONAL, "X": REQUIRED, "X_FILE": OPTIONAL}),
    ("viper",
     """package main
import "github.com/spf13/viper"
func main(){ viper.SetEnvPrefix("app"); viper.SetEnvKeyReplacer(strings.NewReplacer(".", "_", "-", "_")); viper.AutomaticEnv(); viper.SetDefault("db.host", "h"); viper.GetString("db.host"); viper.GetInt("log-level"); if viper.GetString("key") == "" { log.Fatal("x") }; viper.BindEnv("a.b"); viper.BindEnv("c", "CC", "CD"); viper.IsSet("q") }""",
     {"APP_DB_HOST": default("h"), "APP_LOG_LEVEL": OPTIONAL, "APP_KEY": REQUIRED, "APP_A_B": OPTIONAL, "CC": OPTIONAL, "CD": OPTIONAL, "APP_Q": OPTIONAL}),
    ("viper none",
     """package main
import "github.com/spf13/viper"
func main(){ viper.SetDefault("a", 1); viper.GetString("b"); viper.BindEnv("c", "C") }""",
     {"C": OPTIONAL}),
    ("viper object",
     """package main
import "github.com/spf13/viper"
func load() { v := viper.New(); v.AutomaticEnv(); use(v) }
func use(v *viper.Viper) { v.GetString("port"); v.SetDefault("PORT", 80); other.GetString("nope"); v.GetString("a.b") }""",
     {"PORT": default("80")}),
    ("viper flags",
     """package main
import "github.com/spf13/viper"
func main(){ viper.AutomaticEnv(); viper.SetEnvPrefix("X"); cmd.Flags().String("addr", ":80", "u"); viper.BindPFlag("addr", cmd.Flags().Lookup("addr")); viper.GetString("addr") }""",
     {"X_ADDR": default(":80")}),
    ("viper wrapper",
     """package main
import "github.com/spf13/viper"
type Key string
const (
 A Key = "service.a"
 B Key = "service.b"
)
func (k Key) Get() string { return viper.GetString(string(k)) }
func (k Key) setDefault(v any) { viper.SetDefault(string(k), v) }
func main(){ viper.SetEnvPrefix("v"); viper.SetEnvKeyReplacer(strings.NewReplacer(".", "_")); viper.AutomaticEnv(); A.setDefault("x"); A.Get(); B.Get() }""",
     {"V_SERVICE_A": default("x"), "V_SERVICE_B": OPTIONAL}),
    ("koanf",
     """package main
import ("github.com/knadh/koanf/v2"; "github.com/knadh/koanf/providers/env")
var k = koanf.New(".")
func main(){ k.Load(confmap.Provider(map[string]any{"a.c": 5}, "."), nil); k.Load(env.Provider("P_", ".", func(s string) string { return strings.Replace(strings.ToLower(strings.TrimPrefix(s, "P_")), "_", ".", -1) }), nil); k.String("a.b"); k.Int("a.c"); k.String("x_y"); k.MustString("z") }""",
     {"P_A_B": OPTIONAL, "P_A_C": default("5"), "P_Z": REQUIRED}),
    ("koanf dunder",
     """package main
import ("github.com/knadh/koanf/v2"; "github.com/knadh/koanf/providers/env")
var k = koanf.New(".")
func main(){ k.Load(env.Provider("P_", ".", func(s string) string { return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(s, "P_")), "__", ".") }), nil); k.String("a.b_c") }""",
     {"P_A__B_C": OPTIONAL}),
    ("koanf unsure",
     """package main
import ("github.com/knadh/koanf/v2"; "github.com/knadh/koanf/providers/env")
var k = koanf.New(".")
func main(){ k.Load(env.Provider("P_", ".", mapper), nil); k.String("a.b") }""",
     {}),
    ("cli prefix helper",
     """package main
import "github.com/urfave/cli"
func EnvVar(f string) string { return "P_" + strings.ToUpper(strings.ReplaceAll(f, "-", "_")) }
var f = []cli.Flag{ cli.StringFlag{EnvVar: EnvVar("a-b")}, cli.StringFlag{EnvVar: EnvVar("c") + "," + EnvVar("d"), Value: "x"} }""",
     {"P_A_B": OPTIONAL, "P_C": default("x"), "P_D": default("x")}),
    ("viper flags loop",
     """package main
import "github.com/spf13/viper"
func main(){ viper.SetEnvPrefix("m"); viper.AutomaticEnv(); cmd.Flags().String("data", "", "u"); cmd.Flags().Int("port", 80, "u"); for _, n := range []string{"data", "port"} { viper.BindPFlag(n, cmd.Flags().Lookup(n)) } }""",
     {"M_DATA": default(""), "M_PORT": default("80")}),
    ("viper preset",
     """package main
import "github.com/spf13/viper"
func main(){ viper.AutomaticEnv(); viper.SetDefault("mode", "a"); if viper.GetString("mode") == "" { panic("x") } }""",
     {"MODE": default("a")}),
]  # fmt: skip


@pytest.mark.parametrize(("files", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_library(tmp_path: Path, files: str | dict[str, str], expected: Expected) -> None:
    """Each library's own way to name, require and fill a variable is read as the library does it."""
    assert expected == scan(tmp_path, files if isinstance(files, dict) else {"main.go": files})

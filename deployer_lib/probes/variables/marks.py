"""Words by which a file tells that it may read the environment: what ripgrep is asked for, before a language is imported."""

from __future__ import annotations

from typing import Final

__all__ = ["GO_IMPORTS", "GO_TAGS", "MARKERS", "NEEDLES"]

_JVM: Final = (
    b"getenv", b"environmentVariable(", b"#{", b"'$'}", b"\\${", b"otenv", b"@ConfigProperty",
    b"@Property(", b"etProperty(", b"getRequiredProperty(", b"getOptionalValue(", b"ConfigProvider",
    b"Map<String, String> env", b"env: Map<String, String>", b"Function<String, String> env",
    b"nvironment[", b"containsProperty(", b"@ConditionalOnProperty(",
    b"@ConditionalOnBooleanProperty(", b"@Requires(property",
)  # fmt: skip

#: Parts of the imports of libraries that fill structs.
GO_IMPORTS: Final = (
    b'env"', b"env/v", b"envconfig", b"cleanenv", b"kong", b"go-flags", b"go-arg", b"configor",
    b"ardanlabs/conf", b"envdecode", b"etflix/go-env",
)  # fmt: skip
#: Of the fields of a struct that one of them may fill.
GO_TAGS: Final = (b"env:", b"envconfig:", b"envPrefix:", b"env-prefix:")

#: Language → words; a file of it without any of them reads nothing by itself.
MARKERS: Final[dict[str, tuple[bytes, ...]]] = {
    "python": (
        b"environ", b"getenv", b"decouple", b"starlette.config", b"envvar", b"env_var",
        b"BaseSettings", b"dj_database_url", b"dj_email_url", b"dj_search_url", b"django_cache_url",
        b"prettyconf", b"envparse",
    ),
    "javascript": (
        b"env", b"Env", b"ENV", b"onfigService", b"onfigModule",
    ),
    "go": (
        b"Getenv", b"getenv", b"LookupEnv", b"lookupEnv", b"ExpandEnv", b"os.Expand", b"Environ(",
        b"EnvVar", b"Envar", b"envar", b"spf13/viper", b"knadh/koanf", b"cli.Env", b"namsral/flag",
        b"peterbourgon/ff", b'env"', b'envy"', b'envflag"', b'envutil"',
    ),
    "rust": (
        b"env::", b"var(", b"var_os(", b"dotenv", b"env!(", b"env = ", b"env=", b"env,", b"env)",
        b".env(", b"env(", b"envy", b"nvconfig", b"Env::", b"Environment", b'from = "',
    ),
    "ruby": (
        b"ENV", b"Figaro", b"Anyway::Config", b"ApplicationConfig", b"Hanami::Settings", b"Dotenv",
    ),
    "php": (
        b"getenv", b"_ENV", b"_SERVER", b"env(", b"Env::", b"App::env", b"INPUT_ENV", b"Autowire(",
        b"->required(", b"autoload_runtime", b"getEnv(",
    ),
    "elixir": (
        b"System.get_env", b"System.fetch_env", b"System.has_env", b":os.getenv", b":system", b"env!(",
        b"Vapor", b":hush",
    ),
    "csharp": (
        b"GetEnvironmentVariable", b"ExpandEnvironmentVariables", b"onfig", b"cfg", b"DotNetEnv",
        b"EnvReader", b"dotenv", b"StartInfo",
    ),
    "java": (*_JVM, b"${"),
    "kotlin": (*_JVM, b"envvar", b"EnvironmentKey", b"natpryce.konfig"),
}  # fmt: skip
#: Language → words that lead to reads in a file that may hold none of the others.
NEEDLES: Final[dict[str, tuple[bytes, ...]]] = {
    "go": (*GO_IMPORTS, *GO_TAGS),
    "kotlin": (b"ConfigurationMap(", b"EnvironmentVariables"),
}

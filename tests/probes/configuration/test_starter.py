"""Each starter rule passes on sound settings and fails on each fault, under whatever name teams give them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from deployer_lib.catalogue import Severity
from deployer_lib.check import Location, Outcome, Result, Skip
from deployer_lib.probes.configuration_probe import configuration
from deployer_lib.probes.variables import sources
from deployer_lib.secret import SECURE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from deployer_lib.probes.context import Context

ADDRESS = "http://127.0.0.1:9"
KEPT, BROKEN, OPEN, SILENT = Outcome.PASS, Outcome.FAIL, Outcome.ERROR, Outcome.SKIP


@pytest.fixture
def results(context: Callable[..., Context]) -> Callable[..., dict[str, Result]]:
    """Return ``results(variables, files)``: what came of each starter rule, by name."""

    def hold(
        variables: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
        kind: str = "process",
        **section: Any,
    ) -> dict[str, Result]:
        ctx = context(
            ADDRESS,
            files=files or {},
            deploy={"kind": kind, "address": ADDRESS, "start": ["x"], "variables": dict(variables or {})},
            configuration=section,
        )
        return {result.subject: result for result in configuration(ctx)}

    return hold


@pytest.mark.parametrize(
    ("variables", "outcome"),
    [
        ({"DATABASE_URL": "sqlite:///./shop.db"}, KEPT),
        ({"DATABASE_URL": "sqlite+aiosqlite:////srv/shop.db"}, KEPT),
        ({"DATABASE_URL": "file:./dev.db"}, SILENT),
        ({"DATABASE_URL": "postgres://u:p@localhost:5432/shop"}, KEPT),
        ({"DATABASE_URL": "postgres://u:p@127.0.0.1/shop?sslmode=disable"}, KEPT),
        ({"DATABASE_URL": "postgresql:///shop?host=/var/run/postgresql"}, KEPT),
        ({"DATABASE_URL": "postgresql://u:p@[::1]:5432/shop"}, KEPT),
        ({"DATABASE_URL": "postgres://u:p@db.internal/shop"}, BROKEN),
        ({"DATABASE_URL": "postgres://u:p@db.internal/shop?sslmode=require"}, KEPT),
        ({"DATABASE_URL": "postgresql+asyncpg://u:p@db.internal/shop?ssl=require"}, KEPT),
        ({"DATABASE_URL": "postgres://u:p@db.internal/shop?sslmode=disable"}, BROKEN),
        ({"DATABASE_URL": "postgres://u:p@db.internal/shop?sslmode=prefer"}, BROKEN),
        ({"DATABASE_URL": "postgres://u:p%40x@db.internal/shop", "PGSSLMODE": "verify-full"}, KEPT),
        ({"DATABASE_URL": "postgres://u:p@db.internal/shop", "DB_SSL": "true"}, KEPT),
        ({"DATABASE_URL": "postgres://u:p@db.internal/shop", "DATABASE_SSL": "false"}, BROKEN),
        ({"MONGODB_URI": "mongodb+srv://u:p@cluster.example/x"}, KEPT),
        ({"MONGODB_URI": "mongodb://u:p@a.example,b.example/x"}, BROKEN),
        ({"MONGODB_URI": "mongodb://u:p@a.example,b.example/x?tls=true"}, KEPT),
        ({"MONGODB_URI": "mongodb://localhost:27017,127.0.0.1:27018/x"}, KEPT),
        ({"DB_URL": "mysql://u:p@db.internal/x?ssl-mode=REQUIRED"}, KEPT),
        ({"DB_URL": "mysql2://u:p@db.internal/x"}, BROKEN),
        ({"SPRING_DATASOURCE_URL": "jdbc:postgresql://db.internal:5432/x?ssl=true"}, KEPT),
        ({"SPRING_DATASOURCE_URL": "jdbc:mysql://db.internal/x?useSSL=false"}, BROKEN),
        ({"SPRING_DATASOURCE_URL": "jdbc:h2:mem:x"}, KEPT),
        ({"SPRING_DATASOURCE_URL": "jdbc:h2:tcp://db.internal/x"}, BROKEN),
        ({"SPRING_DATASOURCE_URL": "jdbc:sqlserver://db.internal:1433;databaseName=x;encrypt=true"}, KEPT),
        ({"SPRING_DATASOURCE_URL": "jdbc:sqlserver://db.internal:1433;databaseName=x;encrypt=false"}, BROKEN),
        ({"SPRING_DATASOURCE_URL": "jdbc:sqlserver://db.internal:1433;databaseName=x"}, OPEN),
        (
            {
                "ConnectionStrings__Default": "Server=db.internal;Database=x;User Id=u;Password=p;Encrypt=False"
            },
            BROKEN,
        ),
        ({"ConnectionStrings__Default": "Host=db.internal;Database=x;SSL Mode=Require"}, KEPT),
        ({"ConnectionStrings__Default": "Data Source=app.db"}, KEPT),
        ({"DB_DSN": "u:p@tcp(db.internal:3306)/x?tls=true"}, KEPT),
        ({"DB_DSN": "u:p@tcp(db.internal:3306)/x?parseTime=true"}, BROKEN),
        ({"DB_DSN": "u:p@tcp(127.0.0.1:3306)/x"}, KEPT),
        ({"DATABASE_DSN": "host=db.internal user=u dbname=x sslmode=disable"}, BROKEN),
        ({"DATABASE_DSN": "host=/cloudsql/p user=u dbname=x"}, KEPT),
        ({"DB_HOST": "localhost", "DB_NAME": "x"}, KEPT),
        ({"DB_HOST": "db.internal", "DB_NAME": "x"}, BROKEN),
        ({"PGHOST": "db.internal", "PGSSLMODE": "require"}, KEPT),
        ({"DB_HOST": "db.internal", "DB_SSLMODE": "verify-full"}, KEPT),
        ({"DATABASE_URL": "${env:NOBODY_SET_THIS}"}, OPEN),
        ({"REDIS_URL": "redis://cache.internal"}, SILENT),
        ({"EMAIL_USE_TLS": "false", "SERVER_SSL": "false", "API_HOST": "api.internal"}, SILENT),
    ],
)
def test_a_database_on_another_machine_needs_tls(
    results: Callable[..., dict[str, Result]], variables: dict[str, str], outcome: Outcome
) -> None:
    result = results(variables)["database TLS"]
    assert outcome is result.outcome, result.message


@pytest.mark.parametrize(
    ("variables", "outcome"),
    [
        ({"CORS_ORIGINS": "*"}, BROKEN),
        ({"CORS_ORIGIN": "https://a.example,*"}, BROKEN),
        ({"ALLOWED_ORIGINS": '["*"]'}, BROKEN),
        ({"APP_CORS_ALLOWED_ORIGINS": "http://*"}, BROKEN),
        ({"CORS_ALLOWED_ORIGIN_PATTERNS": ".*"}, BROKEN),
        ({"FRONTEND_URL": "https://shop.example"}, KEPT),
        ({"BACKEND_CORS_ORIGINS": "https://a.example, https://*.b.example"}, KEPT),
        ({"CORS_ALLOW_ALL_ORIGINS": "True"}, BROKEN),
        ({"CORS_ALLOW_ALL_ORIGINS": "False"}, KEPT),
        ({"CORS_ORIGIN_ALLOW_ALL": "1"}, BROKEN),
        ({"ALLOWED_HOSTS": "*"}, SILENT),
    ],
)
def test_no_setting_lets_every_origin_call(
    results: Callable[..., dict[str, Result]], variables: dict[str, str], outcome: Outcome
) -> None:
    result = results(variables)["CORS origins"]
    assert outcome is result.outcome, result.message


@pytest.mark.parametrize(
    ("variables", "outcome"),
    [
        ({"LOG_LEVEL": "info"}, KEPT),
        ({"LOG_LEVEL": "WARNING"}, KEPT),
        ({"LOGLEVEL": "warn"}, KEPT),
        ({"LOG_LEVEL": "debug"}, BROKEN),
        ({"APP_LOG_LEVEL": "trace"}, BROKEN),
        ({"RUST_LOG": "info,sqlx=warn,hyper=off"}, KEPT),
        ({"RUST_LOG": "info,shop=debug"}, BROKEN),
        ({"RUST_LOG": "shop=info"}, KEPT),
        ({"LOGGING_LEVEL_ROOT": "INFO"}, KEPT),
        ({"Logging__LogLevel__Default": "Debug"}, BROKEN),
        ({"LOG_LEVEL": "30"}, KEPT),
        ({"LOG_LEVEL": "10"}, BROKEN),
        ({"LOG_LEVEL": "20"}, OPEN),
        ({"LOG_LEVEL": "whatever"}, OPEN),
        ({"LOG_FORMAT": "json"}, SILENT),
    ],
)
def test_the_log_is_at_info_or_warning(
    results: Callable[..., dict[str, Result]], variables: dict[str, str], outcome: Outcome
) -> None:
    result = results(variables)["log level"]
    assert outcome is result.outcome, result.message


def test_a_log_that_says_too_little_weighs_less(results: Callable[..., dict[str, Result]]) -> None:
    assert Severity.LOW is results({"LOG_LEVEL": "error"})["log level"].severity
    assert results({"LOG_LEVEL": "debug"})["log level"].severity is None


@pytest.mark.parametrize(
    ("variables", "outcome"),
    [
        ({"RATE_LIMIT_PER_MINUTE": "100"}, KEPT),
        ({"RATE_LIMIT_ENABLED": "true"}, KEPT),
        ({"RATE_LIMIT_ENABLED": "false"}, BROKEN),
        ({"RATELIMIT_ENABLE": "False"}, BROKEN),
        ({"RATE_LIMIT": "off"}, BROKEN),
        ({"RATE_LIMIT_MAX": "0"}, BROKEN),
        ({"DISABLE_RATE_LIMIT": "true"}, BROKEN),
        ({"RATE_LIMIT_DISABLED": "false"}, KEPT),
        ({"THROTTLE_LIMIT": "10"}, KEPT),
        ({"LOGIN_RATE_LIMIT": "5/minute"}, KEPT),
        ({"RATE_LIMIT_WINDOW_MS": "0", "RATE_LIMIT_STORAGE_URL": "memory://"}, SILENT),
        ({"EXCHANGE_RATE": "0"}, SILENT),
    ],
)
def test_requests_are_limited(
    results: Callable[..., dict[str, Result]], variables: dict[str, str], outcome: Outcome
) -> None:
    result = results(variables)["rate limit"]
    assert outcome is result.outcome, result.message


SOUND = {
    "config/production.yaml": (
        "database: {host: db.internal, ssl: true}\ncors: {origins: [https://a.example]}\n"
        "log: {level: warn}\nrateLimit: {max: 100}\n"
    ),
    "services/api/config/production.json": json.dumps(
        {"sequelize": {"host": "db.internal", "dialectOptions": {"ssl": {"require": True, "rejectUnauthorized": True}}},
         "cors": {"origin": ["https://a.example"]}, "logger": {"level": "info"}, "rateLimit": {"enabled": True}}
    ),
    "config/production.toml": '[database]\nurl = "postgres://u@db.internal/x?sslmode=verify-full"\n[cors]\nallowed_origins = ["https://a.example"]\n[log]\nlevel = "info"\n[rate_limit]\nper_second = 5\n',
    "src/main/resources/application-prod.yml": (
        "spring: {datasource: {url: 'jdbc:postgresql://db.internal/x?sslmode=require'}}\n"
        "logging: {level: {root: INFO}}\napp: {cors: {allowed-origins: 'https://a.example'}, rate-limit: {requests-per-minute: 60}}\n"
    ),
    "src/main/resources/application-prod.properties": (
        "spring.datasource.url=jdbc:mysql://db.internal/x?sslMode=VERIFY_CA\nlogging.level.root=WARN\n"
        "app.cors.allowed-origins=https://a.example\napp.rate-limit.enabled=true\n"
    ),
    ".env.production": "DATABASE_URL=mysql://u@db.internal/x?ssl-mode=REQUIRED\nCORS_ORIGIN=https://a.example\nLOG_LEVEL=info\nRATE_LIMIT_MAX=5\n",
    "shop/settings/production.py": (
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'HOST': 'db.internal', 'OPTIONS': {'sslmode': 'require'}}}\n"
        "CORS_ALLOWED_ORIGINS = ['https://a.example']\nLOGGING = {'root': {'level': 'INFO'}}\n"
        "REST_FRAMEWORK = {'DEFAULT_THROTTLE_RATES': {'anon': '10/min'}}\n"
    ),
    "Shop/appsettings.Production.json": json.dumps(
        {"ConnectionStrings": {"Main": "Server=db.internal;Database=x;Encrypt=True"}, "Logging": {"LogLevel": {"Default": "Warning"}},
         "Cors": {"AllowedOrigins": ["https://a.example"]}, "RateLimiting": {"PermitLimit": 5, "Enabled": True}}
    ),
    "web/config/production.js": "module.exports = {database: {url: 'postgres://u@db.internal/x', ssl: {rejectUnauthorized: true}},\n cors: {origin: 'https://a.example'}, logger: {level: 'info'}, rateLimit: {max: 5}};\n",
}  # fmt: skip
WRONG = {
    "config/production.yaml": (
        "database: {host: db.internal, ssl: false}\ncors: {origins: ['*']}\nlog: {level: debug}\nrateLimit: {enabled: false}\n"
    ),
    "services/api/config/production.json": json.dumps(
        {"sequelize": {"host": "db.internal", "dialectOptions": {"ssl": {"require": False}}}, "cors": {"origin": "*"},
         "logger": {"level": "silly"}, "rateLimit": {"max": 0}}
    ),
    "config/production.toml": '[database]\nurl = "postgres://u@db.internal/x"\n[cors]\nallowed_origins = ["*"]\n[log]\nlevel = "trace"\n[rate_limit]\nenabled = false\n',
    "src/main/resources/application-prod.yml": (
        "spring: {datasource: {url: 'jdbc:postgresql://db.internal/x?sslmode=disable'}}\nlogging: {level: {root: DEBUG}}\n"
        "app: {cors: {allowed-origins: '*'}, rate-limit: {enabled: false}}\n"
    ),
    "src/main/resources/application-prod.properties": (
        "spring.datasource.url=jdbc:mysql://db.internal/x?useSSL=false\nlogging.level.root=TRACE\n"
        "app.cors.allowed-origins=*\napp.rate-limit.enabled=false\n"
    ),
    ".env.production": "DATABASE_URL=mysql://u@db.internal/x\nCORS_ORIGIN=*\nLOG_LEVEL=debug\nRATE_LIMIT_ENABLED=0\n",
    "shop/settings/production.py": (
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'HOST': 'db.internal'}}\n"
        "CORS_ALLOW_ALL_ORIGINS = True\nLOGGING = {'root': {'level': 'DEBUG'}}\nREST_FRAMEWORK = {'DEFAULT_THROTTLE_CLASSES': []}\n"
    ),
    "Shop/appsettings.Production.json": json.dumps(
        {"ConnectionStrings": {"Main": "Server=db.internal;Database=x;Encrypt=False"}, "Logging": {"LogLevel": {"Default": "Debug"}},
         "Cors": {"AllowedOrigins": ["*"]}, "RateLimiting": {"Enabled": False}}
    ),
    "web/config/production.js": "module.exports = {database: {url: 'postgres://u@db.internal/x', ssl: false},\n cors: {origin: true}, logger: {level: 'debug'}, rateLimit: {enabled: false}};\n",
}  # fmt: skip


@pytest.mark.parametrize("file", SOUND)
def test_every_usual_file_is_found_and_read(results: Callable[..., dict[str, Result]], file: str) -> None:
    """Sound: all four pass. Wrong: all four fail, in that file, with its line and the line to write."""
    assert [KEPT] * 4 == [
        result.outcome for result in results(kind="none", files={file: SOUND[file]}).values()
    ]
    wrong = results(kind="none", files={file: WRONG[file]})
    assert [BROKEN] * 4 == [result.outcome for result in wrong.values()], {
        n: r.message for n, r in wrong.items()
    }
    for result in wrong.values():
        assert file == result.locations[0].file
        assert result.locations[0].line
        assert (file, result.locations[0].line) == (result.fix.code[0].file, result.fix.code[0].line)


def test_where_nothing_says_anything_a_rule_does_not_apply(results: Callable[..., dict[str, Result]]) -> None:
    """With something looked at: not applicable, and what was looked for. With nothing at all: nobody knows."""
    found = results({"PORT": "80"})
    assert [Skip.NOT_APPLICABLE] * 4 == [result.skip for result in found.values()]
    assert "None of 1 variable(s) and 0 configuration file(s)" in found["rate limit"].message
    assert [Skip.UNAVAILABLE] == [result.skip for result in results(kind="none").values()]


def test_further_files_are_read_and_must_be_there(context: Callable[..., Context]) -> None:
    ctx = context(
        ADDRESS,
        files={"deploy/app.toml": '[log]\nlevel = "debug"\n'},
        configuration={"files": ["deploy/app.toml", "deploy/none.toml"]},
    )
    found = {result.subject: result for result in configuration(ctx)}
    assert (BROKEN, OPEN) == (found["log level"].outcome, found["deploy/none.toml"].outcome)


def test_the_codes_fallback_counts_where_nothing_is_set(results: Callable[..., dict[str, Result]]) -> None:
    """A target whose variables are all known and that does not set one gets what the code falls back to."""
    files = {
        "app.py": 'import os\nORIGINS = os.environ.get("CORS_ORIGINS", "*")\nLEVEL = os.getenv("LOG_LEVEL", "info")\n'
    }
    found = results({"PORT": "80"}, files)
    assert BROKEN is found["CORS origins"].outcome
    assert (Location("app.py", 2),) == found["CORS origins"].locations
    assert "parameters/test.yaml" == found["CORS origins"].fix.code[0].file
    assert KEPT is found["log level"].outcome
    assert KEPT is results({"CORS_ORIGINS": "https://a.example"}, files)["CORS origins"].outcome


def test_a_file_that_can_not_be_read_is_named_and_the_rest_is_held(
    results: Callable[..., dict[str, Result]],
) -> None:
    files = {"config/production.yaml": "a: [1\n", ".env.production": "LOG_LEVEL=debug\n"}
    found = results(kind="none", files=files)
    assert (OPEN, BROKEN) == (found["config/production.yaml"].outcome, found["log level"].outcome)
    assert "config/production.yaml:2" in found["config/production.yaml"].message


def test_settings_of_tests_and_packages_are_none_of_productions(
    results: Callable[..., dict[str, Result]],
) -> None:
    files = dict.fromkeys(
        ["tests/config/production.yaml", "node_modules/x/config/production.json", "examples/.env.production"],
        "x",
    )
    assert [Skip.UNAVAILABLE] == [result.skip for result in results(kind="none", files=files).values()]


def test_djangos_module_is_found_by_its_variable(results: Callable[..., dict[str, Result]]) -> None:
    files = {"src/shop/live.py": "CORS_ALLOW_ALL_ORIGINS = True\n"}
    found = results({"DJANGO_SETTINGS_MODULE": "shop.live"}, files)
    assert (Location("src/shop/live.py", 1),) == found["CORS origins"].locations


def test_no_password_is_shown(
    results: Callable[..., dict[str, Result]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the one of a URL, not a secret as a whole, neither in a finding nor in a pass."""
    monkeypatch.setenv("OUTER", "postgres://u:hunter22@db.internal/x")
    urls = [
        "${env:OUTER}",
        "postgres://u:hunter22@db.internal/x",
        "postgres://u:hunter22@db.internal/x?sslmode=require",
        "postgres://u:hunter22@localhost/x",
    ]
    for url in urls:
        result = results({"DATABASE_URL": url})["database TLS"]
        shown = json.dumps([result.message, dict(result.evidence), result.fix.to_json()], default=str)
        assert "hunter22" not in shown
    assert SECURE == results({"DATABASE_URL": urls[0]})["database TLS"].evidence["seen"]["DATABASE_URL"]  # type: ignore[call-overload, index]


def test_a_finding_says_what_to_write(results: Callable[..., dict[str, Result]]) -> None:
    code = results({"DATABASE_URL": "postgres://u@db.internal/x?sslmode=disable&a=1"})[
        "database TLS"
    ].fix.code[0]
    assert (
        "deploy:\n  variables:\n    DATABASE_URL: postgres://u@db.internal/x?a=1&sslmode=require" == code.text
    )
    code = results(kind="none", files={".env.production": "A=1\nLOG_LEVEL=debug\n"})["log level"].fix.code[0]
    assert (".env.production", 2, "LOG_LEVEL=info") == (code.file, code.line, code.text)


def test_what_to_write_beside_a_host(results: Callable[..., dict[str, Result]]) -> None:
    """The host is right; what is missing stands beside it."""
    code = results({"DB_HOST": "db.internal"})["database TLS"].fix.code[0]
    assert "deploy:\n  variables:\n    PGSSLMODE: require" == code.text
    files = {
        "config/production.yaml": "database:\n  host: db.internal\n",
        "settings/production.py": "DATABASES = {'default': {\n  'HOST': 'db.internal'}}\n",
    }
    codes = results(kind="none", files=files)["database TLS"].fix.code
    assert ["ssl: true", '"OPTIONS": {"sslmode": "require"},'] == [code.text for code in codes]


def test_a_fallback_says_nothing_of_a_database_that_nobody_named(
    results: Callable[..., dict[str, Result]],
) -> None:
    files = {"app.py": 'import os\nMODE = os.getenv("DB_SSLMODE", "prefer")\n'}
    assert SILENT is results({"PORT": "1"}, files)["database TLS"].outcome
    assert BROKEN is results({"DB_HOST": "db.internal"}, files)["database TLS"].outcome


@pytest.mark.parametrize(
    ("more", "outcome"),
    [
        ({"ANALYTICS_DATABASE_URL": "postgres://u:p@an.internal/x?sslmode=require"}, BROKEN),
        ({"CACHE_DB_URL": "sqlite:///x.db"}, BROKEN),
        ({"DB_SSL": "true", "CACHE_DB_URL": "sqlite:///x.db"}, KEPT),
        ({"DB_SSL": "${env:NOBODY_SET_THIS}"}, OPEN),
    ],
)
def test_each_address_is_a_database_of_its_own(
    results: Callable[..., dict[str, Result]], more: dict[str, str], outcome: Outcome
) -> None:
    """Another database, encrypted or on this machine, says nothing of one that is reached in the clear."""
    result = results({"DATABASE_URL": "postgres://u:p@db.internal/shop", **more})["database TLS"]
    assert outcome is result.outcome, result.message


def test_a_database_in_the_clear_is_found_beside_one_of_this_machine(
    results: Callable[..., dict[str, Result]],
) -> None:
    urls = {"DATABASE_URL": "postgres://u:p@db.internal/x?sslmode=disable", "CACHE_DB_URL": "sqlite:///x.db"}
    assert BROKEN is results(urls)["database TLS"].outcome
    unknown = {"DATABASE_URL": "${env:NOBODY_SET_THIS}", "DB_HOST": "localhost"}
    assert OPEN is results(unknown)["database TLS"].outcome


def test_djangos_module_may_be_a_package(results: Callable[..., dict[str, Result]]) -> None:
    files = {"shop/settings/__init__.py": "CORS_ALLOW_ALL_ORIGINS = True\n"}
    found = results({"DJANGO_SETTINGS_MODULE": "shop.settings"}, files)
    assert BROKEN is found["CORS origins"].outcome


def test_a_rate_of_nothing_is_no_limit(results: Callable[..., dict[str, Result]]) -> None:
    assert BROKEN is results({"RATE_LIMIT": "0/minute"})["rate limit"].outcome
    assert KEPT is results({"RATE_LIMIT": "10/minute"})["rate limit"].outcome


def test_a_secret_that_is_part_of_a_setting_is_not_shown(
    results: Callable[..., dict[str, Result]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Filled into an address in a file, with signs that end an address's password for whoever only looks at its form."""
    monkeypatch.setenv("OUTER", "hunter22/half?x#1")
    files = {"config/production.yaml": "database:\n  url: postgres://app:${DB_PASSWORD}@db.internal/shop\n"}
    found = results({"DB_PASSWORD": "${env:OUTER}"}, files)["database TLS"]
    assert "hunter22" not in json.dumps(
        [found.message, dict(found.evidence), found.fix.to_json()], default=str
    )
    assert "half?x" not in json.dumps([found.message, dict(found.evidence), found.fix.to_json()], default=str)


def test_an_error_of_settings_does_not_tell_a_secret(results: Callable[..., dict[str, Result]]) -> None:
    text = "throw new Error(`cannot reach ${process.env.API_TOKEN}`);\n"
    found = results({"API_TOKEN": "hunter22hunter22"}, {"config/production.js": text})["config/production.js"]
    assert OPEN is found.outcome
    assert "hunter22" not in json.dumps([found.message, found.root_cause, dict(found.evidence)], default=str)


def test_a_folder_that_can_not_be_opened_is_named(
    results: Callable[..., dict[str, Result]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Production's settings may lie in it: that is not "nothing is known"."""
    monkeypatch.setattr(sources, "names_of", lambda _: ([], [("config", "Permission denied")]))
    found = results(kind="none", files={"config/production.yaml": "log: {level: debug}\n"})
    assert {"config": OPEN} == {subject: result.outcome for subject, result in found.items()}

"""Literals and fallbacks: what a reviewer would call a secret, and what only looks like one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from deployer_lib.catalogue import Severity
from deployer_lib.probes.secrets import find_secrets
from deployer_lib.probes.secrets.model import Origin
from deployer_lib.probes.variables.model import Reference, Scan, Variable

if TYPE_CHECKING:
    from pathlib import Path

NO_VARIABLES = Scan((), 0, ())

#: File → text; RANDOM32 and the like stand for a made value.
SECRETS = [
    ("app.py", 'app.secret_key = "supersecret"'),
    ("app.py", 'SECRET_KEY = "django-insecure-RANDOM50"'),
    ("app.py", 'app.config["SECRET_KEY"] = "my_secret_key_123"'),
    ("app.py", 'conn = connect(host="db.prod.acme-corp.io", user="app", password="Tr0ub4dor&3x")'),
    ("app.py", 'DB = "postgresql://app:Sup3rS3cretPw@db.internal.acme-corp.io:5432/app"'),
    ("app.py", 'token = jwt.encode(payload, "my-own-key", algorithm="HS256")'),
    ("app.py", 'AWS_SECRET_ACCESS_KEY = "RANDOM40"'),
    ("app.js", 'const session = require("express-session");app.use(session({ secret: "keyboard cat" }))'),
    ("app.js", 'jwt.sign({ id: user.id }, "mysecretkey", { expiresIn: "1h" })'),
    ("app.ts", 'import { JwtModule } from "@nestjs/jwt"; const jwtConstants = { secret: "thisIsMySecret" };'),
    ("app.js", 'const pool = new Pool({ user: "app", password: "hunter2024!" , host: "x"})'),
    ("app.ts", 'fetch(url, { headers: { Authorization: "Bearer RANDOM40" } })'),
    ("main.go", 'var jwtKey = []byte("my_secret_key")'),
    ("main.rs", 'const JWT_SECRET: &[u8] = b"my-jwt-secret-key-1";'),
    ("A.java", 'class A { private static final String SECRET_KEY = "mySecretKey12345"; }'),
    ("A.cs", 'var key = new SymmetricSecurityKey(Encoding.UTF8.GetBytes("ThisIsMySuperSecretKey"));'),
    ("a.php", "<?php define('DB_PASSWORD', 'Winter2024!');"),
    ("a.rb", 'config.secret_key_base = "RANDOM64"'),
    ("config.exs", 'config :app, secret_key_base: "RANDOM64"'),
    ("application.properties", "spring.datasource.password=Winter2024!"),
    ("application.yml", "spring:\n  datasource:\n    password: Winter2024!"),
    ("settings.toml", 'secret_key = "RANDOM44"'),
    ("main.tf", 'password = "Winter2024!"'),
    ("run.sh", 'export DB_PASSWORD="Winter2024!"'),
    ("Dockerfile", "FROM x\nENV API_KEY=RANDOM32"),
    ("docker-compose.yml", "services:\n  a:\n    environment:\n      - JWT_SECRET=RANDOM40"),
    ("deploy.yml", 'env:\n  - name: JWT_SECRET\n    value: "RANDOM40"'),
    ("app.service", '[Service]\nEnvironment="HOST=127.0.0.1" "PORT=8000" "JWT_SECRET=RANDOM40"'),
    ("web.config", '<appSettings><add key="ApiSecret" value="RANDOM40" /></appSettings>'),
    ("appsettings.json", '{"D": "Server=sql.acme-corp.io;Database=a;User Id=sa;Password=Winter2024!;"}'),
]

NONE = [
    ("app.py", 'PASSWORD_FIELD = "password"\npassword = "password"\nAPI_KEY_HEADER = "X-API-Key"'),
    ("app.py", 'SECRET_KEY = os.environ["SECRET_KEY"]\nTOKEN_URL = "https://auth.acme-corp.io/token"'),
    ("app.py", 'SECRET_NAME = "prod/database"\ncsrf_token = "RANDOM40"\npassword = input("Password: ")'),
    ("app.py", '"""Use it so::\n\n    SECRET_KEY = "RANDOM40"\n"""\n# SECRET_KEY = "RANDOM40"'),
    ("app.py", 'if password == "Winter2024!":\n    refuse()\nMIN_PASSWORD_LENGTH = "12"'),
    ("app.py", 'INSECURE_SECRETS = {\n    "SECRET_KEY": "change-this-1",\n}'),
    ("app.py", 'SECRET_KEY = "RANDOM40"  # gitleaks:allow'),
    (
        "app.js",
        'const apiKey = "YOUR_API_KEY_HERE_1234567890"; const token = "<token>"; const t = "sha512-RANDOM40"',
    ),
    (
        "app.js",
        'const RESET_PASSWORD = "auth/reset-password"; const forgotPassword = "/forgot"; const token = `${x}`',
    ),
    (
        "app.js",
        "const errors = { password: 'Your password needs 8 characters', passwordRules: 'required|min:8' }",
    ),
    (
        "app.js",
        'const password = "Hi" + name + "1234"; const JWT_SECRET = "JWT_SECRET"; const pk = "pk_live_RANDOM24"',
    ),
    (
        "app.ts",
        'enum Kind { OnePassword = "bada5566-a7aa-401f-bd96-45619a55120d" }\nconst k = "pm-27581-device-auth-key"',
    ),
    ("Main.cs", 'private const string MasterKey = "host--masterKey--";'),
    ("main.rs", '#[cfg(test)]\nmod tests {\n    const API_SECRET: &str = "RANDOM40";\n}'),
    ("a.php", "<?php return ['password' => 'required|alpha_dash|string|max:255'];"),
    (
        "app.yml",
        'password: ${DB_PASSWORD}\nsecret: "{{ vault }}"\ntoken: !vault x\nsecretName: shop-tls\napi_key: changeme',
    ),
    (
        "db.py",
        'A = "postgres://postgres:postgres@localhost:5432/x"\nB = "postgres://user:password@host:5432/x"\nC = "redis://:pass@redis:6379"',
    ),
    ("package-lock.json", '{"integrity": "sha512-RANDOM64==", "token": "RANDOM40"}'),
    ("src/locales/de.json", '{"password": "Passwort1234", "token": "RANDOM40"}'),
    ("tests/settings.py", 'SECRET_KEY = "RANDOM40"'),
    ("config/dev.exs", 'config :app, secret_key_base: "RANDOM64"'),
    ("docker-compose.dev.yml", "POSTGRES_PASSWORD: Winter2024x"),
    ("examples/app.py", 'SECRET_KEY = "RANDOM40"'),
    (".github/workflows/ci.yml", "env:\n  DB_PASSWORD: Winter2024!\n  HMAC_KEY: RANDOM64"),
    ("node_modules/a/index.js", 'const apiSecret = "RANDOM40"'),
    ("cert.pem", "-----BEGIN CERTIFICATE-----\nRANDOM64\n-----END CERTIFICATE-----"),
]


def filled(text: str, made: Any) -> str:
    for size in (24, 32, 40, 44, 50, 64):
        while f"RANDOM{size}" in text:
            text = text.replace(f"RANDOM{size}", made.text(size), 1)
    return text


def written(folder: Path, file: str, text: str) -> None:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")


@pytest.mark.parametrize(("file", "text"), SECRETS)
def test_a_secret_is_found_once(file: str, text: str, made: Any, tmp_path: Path) -> None:
    written(tmp_path, file, filled(text, made))
    found = find_secrets(tmp_path, variables=NO_VARIABLES).found
    assert 1 == len(found), found
    assert file == found[0].file


@pytest.mark.parametrize(("file", "text"), NONE)
def test_what_only_looks_like_one_is_no_finding(file: str, text: str, made: Any, tmp_path: Path) -> None:
    written(tmp_path, file, filled(text, made))
    assert () == find_secrets(tmp_path, variables=NO_VARIABLES).found


# -- fallbacks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "text", "line"),
    [
        ("app.py", 'import os\nKEY = os.getenv("JWT_SECRET", "supersecret")', 2),
        ("app.py", 'import os\nKEY = os.environ.get("JWT_SECRET") or "changeme"', 2),
        ("app.js", 'const secret = process.env.SESSION_SECRET || "changeme";', 1),
        ("app.js", 'const { JWT_SECRET = "dev-secret" } = process.env;', 1),
        (
            "main.rs",
            'fn main() { let s = std::env::var("JWT_SECRET").unwrap_or_else(|_| "secret".to_string()); }',
            1,
        ),
        ("a.rb", 'KEY = ENV.fetch("SECRET_KEY_BASE", "insecure")', 1),
        ("a.kt", 'val jwtSecret = System.getenv("JWT_SECRET") ?: "secret"', 1),
    ],
)
def test_a_literal_fallback_is_found_in_each_language(
    file: str, text: str, line: int, tmp_path: Path
) -> None:
    written(tmp_path, file, text)
    found = find_secrets(tmp_path).found
    assert [(Origin.DEFAULT, line, Severity.CRITICAL)] == [
        (one.origin, one.line, one.severity) for one in found
    ]


@pytest.mark.parametrize(
    "text",
    [
        'KEY = os.getenv("JWT_SECRET", "")',
        'KEY = os.getenv("JWT_SECRET_FILE", "/run/secrets/jwt")',
        'KEY = os.getenv("JWT_SECRET", make_one())',
        'KEY = os.getenv("STRIPE_API_KEY", "your-key")',
        'KEY = os.getenv("LOG_LEVEL", "info")',
        'KEY = os.getenv("ACCESS_TOKEN_EXPIRE_MINUTES", "30")',
        'KEY = os.getenv("API_TOKEN", "none")',
    ],
)
def test_a_fallback_that_opens_nothing_is_no_finding(text: str, tmp_path: Path) -> None:
    written(tmp_path, "app.py", f"import os\n{text}")
    assert () == find_secrets(tmp_path).found


def test_a_fallback_for_development_weighs_less(tmp_path: Path) -> None:
    written(
        tmp_path,
        "app.js",
        'let secret = process.env.JWT_SECRET;\nif (process.env.NODE_ENV !== "production") {\n  secret = process.env.JWT_SECRET || "dev-only-key";\n}',
    )
    assert [Severity.MEDIUM] == [one.severity for one in find_secrets(tmp_path).found]


def test_a_fallback_is_told_where_it_stands_and_not_where_else_the_variable_is_read(tmp_path: Path) -> None:
    written(tmp_path, "a.py", 'import os\nos.environ["JWT_SECRET"]')
    written(tmp_path, "b.py", 'import os\n\nos.getenv(\n    "JWT_SECRET",\n    "supersecret",\n)')
    assert [("b.py", 5)] == [(one.file, one.line) for one in find_secrets(tmp_path).found]


def test_a_default_that_is_computed_is_none(tmp_path: Path) -> None:
    """Scanners tell a fallback's text, which may be a call's; only what stands in quotes is a literal."""
    written(tmp_path, "a.rb", 'ENV.fetch("JWT_SECRET", Setting.jwt_secret)')
    variable = Variable(
        "JWT_SECRET", "default", "Setting.jwt_secret", (Reference("a.rb", 1, 1, "ENV.fetch"),)
    )
    assert () == find_secrets(tmp_path, variables=Scan((variable,), 1, ())).found

"""Everything that the environment decides, read in this one place.

The table in README.md and the comments in .env.example describe each variable; a test
holds the three together.
"""

import logging
import os
from dataclasses import dataclass, field
from urllib.parse import urlsplit

DEFAULT_DATABASE_URL = "sqlite:///./storefront.db"
REQUIRED = frozenset({"ADMIN_EMAIL", "ADMIN_PASSWORD", "FRONTEND_URL", "JWT_SECRET"})
LOG_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
#: RFC 7518, section 3.2: a key for HS256 is at least as long as the hash.
MIN_SECRET_LENGTH = 32
MIN_PASSWORD_LENGTH = 12


class StartupError(Exception):
    """Say in one line why the service can't start."""


class SettingsError(StartupError):
    """Name the variables that are missing or have a value that can't be used."""

    def __init__(self, problem: str) -> None:
        super().__init__(f'{problem} (see "Configuration" in README.md, or .env.example)')


@dataclass(frozen=True, slots=True)
class Settings:
    """Hold the checked configuration; secrets stay out of the repr."""

    jwt_secret: str = field(repr=False)
    frontend_origins: frozenset[str]
    admin_email: str
    admin_password: str = field(repr=False)
    database_url: str = field(default=DEFAULT_DATABASE_URL, repr=False)
    host: str = "127.0.0.1"
    port: int = 8000
    trusted_proxies: str = ""
    log_level: int = logging.INFO
    log_file: str = ""
    rate_limit_per_minute: int = 300
    login_rate_limit_per_minute: int = 20
    token_minutes: int = 30
    sentry_dsn: str = field(default="", repr=False)


def database_url() -> str:
    """Return the address of the database, the only setting that migrations need."""
    return os.environ.get("DATABASE_URL", DEFAULT_DATABASE_URL)


def load() -> Settings:
    """Read and check the environment, or raise a SettingsError that names what is wrong."""
    missing = sorted(REQUIRED - {name for name, value in os.environ.items() if value.strip()})
    if missing:
        raise SettingsError(f"missing environment variables: {', '.join(missing)}")
    return Settings(
        jwt_secret=_long("JWT_SECRET", os.environ["JWT_SECRET"], MIN_SECRET_LENGTH),
        frontend_origins=_origins(os.environ["FRONTEND_URL"]),
        admin_email=_email(os.environ["ADMIN_EMAIL"]),
        admin_password=_long("ADMIN_PASSWORD", os.environ["ADMIN_PASSWORD"], MIN_PASSWORD_LENGTH),
        database_url=database_url(),
        host=os.environ.get("HOST", "127.0.0.1"),
        port=_number("PORT", os.environ.get("PORT", "8000"), 0, 65535),
        trusted_proxies=os.environ.get("TRUSTED_PROXIES", ""),
        log_level=_level(os.environ.get("LOG_LEVEL", "info")),
        log_file=os.environ.get("LOG_FILE", ""),
        rate_limit_per_minute=_number(
            "RATE_LIMIT_PER_MINUTE", os.environ.get("RATE_LIMIT_PER_MINUTE", "300")
        ),
        login_rate_limit_per_minute=_number(
            "LOGIN_RATE_LIMIT_PER_MINUTE", os.environ.get("LOGIN_RATE_LIMIT_PER_MINUTE", "20")
        ),
        token_minutes=_number("TOKEN_MINUTES", os.environ.get("TOKEN_MINUTES", "30"), 1, 1440),
        sentry_dsn=_dsn(os.environ.get("SENTRY_DSN", "")),
    )


def _number(name: str, text: str, least: int = 1, most: int = 10_000_000) -> int:
    try:
        number = int(text)
    except ValueError:
        raise SettingsError(f"{name} must be a whole number, not {text!r}") from None
    if not least <= number <= most:
        raise SettingsError(f"{name} must be between {least} and {most}, not {number}")
    return number


def _long(name: str, value: str, least: int) -> str:
    # The value is a secret, so the message tells its length and nothing more.
    if len(value) < least:
        raise SettingsError(f"{name} must have at least {least} characters, not {len(value)}")
    return value


def _email(text: str) -> str:
    name, at, domain = text.strip().lower().partition("@")
    if not (name and at and domain):
        raise SettingsError(f"ADMIN_EMAIL must be an e-mail address, not {text!r}")
    return f"{name}@{domain}"


def _level(text: str) -> int:
    if text.lower() not in LOG_LEVELS:
        raise SettingsError(f"LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}, not {text!r}")
    return LOG_LEVELS[text.lower()]


def _origins(text: str) -> frozenset[str]:
    origins = frozenset(part.strip().rstrip("/") for part in text.split(",") if part.strip())
    for origin in origins:
        if not _is_origin(origin):
            raise SettingsError(
                f"FRONTEND_URL must list origins such as https://shop.example.com, not {origin!r}"
            )
    if not origins:
        raise SettingsError("FRONTEND_URL lists no origin")
    return origins


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    plain = text == f"{parts.scheme}://{parts.netloc}" and "@" not in text and "*" not in text
    return parts.scheme in ("http", "https") and bool(host) and plain


def _dsn(text: str) -> str:
    # A DSN holds a key, so the message doesn't repeat it.
    parts = urlsplit(text)
    if text and not (parts.scheme in ("http", "https") and parts.username and parts.hostname):
        raise SettingsError("SENTRY_DSN must look like https://<key>@<host>/<project>")
    return text

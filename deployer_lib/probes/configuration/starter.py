"""The starter rules: what each looks for, under which names, and what it makes of the values (SPEC B9)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.configuration.database_tls import database_tls
from deployer_lib.probes.configuration.model import Unknown
from deployer_lib.probes.configuration.operands import Operand, Statement, falsy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["FILES", "STARTER", "StarterRule"]

#: Configuration files of production, anywhere in the application, by the end of their path.
FILES: Final = re.compile(
    r"(?:^|/)(?:config/(?:prod|production)\.(?:ya?ml|json|toml|js|cjs|mjs|ts)|config\.(?:prod|production)\.(?:ya?ml|json|toml|js|cjs|mjs)"
    r"|config/environments?/(?:prod|production)\.(?:ya?ml|json|toml|js)"
    r"|application-prod(?:uction)?\.(?:ya?ml|properties)|\.env\.prod(?:uction)?|(?:prod|production)\.env"
    r"|settings/(?:prod|production)\.py|settings_prod(?:uction)?\.py|appsettings\.Production\.json)$"
)


@dataclass(frozen=True, slots=True)
class StarterRule:
    """One rule that counts for every application."""

    name: str
    claim: str  # what is kept, as a clause
    looks_for: str  # names under which it is looked for, for people
    statements: Callable[[Sequence[Operand]], Iterator[Statement]]
    root_cause: str
    impact: str
    docs: str
    minutes: int


# -- CORS --

_ORIGINS: Final = re.compile(
    r"(?:^|.*_)(?:cors(?:_allow(?:ed)?)?_origins?(?:_whitelist|_patterns|_regex(?:es)?)?|allow(?:ed)?_origins?(?:_patterns)?"
    r"|frontend_(?:url|origin)s?|cors_(?:urls?|whitelist|domains?|hosts?))$"
)
_ANY: Final = re.compile(
    r"(?:^|.*_)(?:cors_(?:origin_)?allow_all(?:_origins)?|cors_allow_any|allow_(?:all|any)_origins?)$"
)
_EVERYBODY: Final = re.compile(r"(?:\*|https?://\*|\*://\*|\^?\.[*+]\$?|\^?https\?://\.[*+]\$?)(?:[:/].*)?")
_EXAMPLE_ORIGIN: Final = "https://app.example.com"


def _cors(operands: Sequence[Operand]) -> Iterator[Statement]:
    """Yield what the settings say about who may call from a browser."""
    for operand in operands:
        value, words = operand.value, operand.words
        if not (_ORIGINS.match(words) or _ANY.match(words)):
            continue
        if isinstance(value, Unknown):
            yield Statement.untold(operand, value)
        elif _ANY.match(words):
            if said := Statement.switch(operand):
                yield said
        elif value is True:
            yield Statement(
                operand,
                kept=False,
                why=f"{operand.name} is true, which answers every origin",
                line=_EXAMPLE_ORIGIN,
            )
        elif isinstance(value, str) and value.strip():
            parts = [part for part in re.split(r"[\s,;]+", value.strip(" []\"'")) if part]
            wrong = [part for part in parts if _EVERYBODY.fullmatch(part.strip("\"'"))]
            why = (
                f"{operand.name} allows every origin ({wrong[0]})"
                if wrong
                else f"{operand.name} names {len(parts)} origin(s)"
            )
            yield Statement(operand, not wrong, why, _EXAMPLE_ORIGIN)


# -- log level --

_LEVEL_NAME: Final = re.compile(
    r"(?:^|.*_)(?:log(?:ger|ging)?_?(?:root_)?level|logging_level_root|logging_root_level|logging_log_level_default|rust_log"
    r"|serilog_minimum_level(?:_default)?|logging_loggers?_(?:django|root)?_?level|(?:winston|pino|bunyan)_level)$"
)
_FINE: Final = frozenset({"info", "information", "informational", "warn", "warning", "notice"})
_LOUD: Final = frozenset({"debug", "trace", "verbose", "silly", "all", "finest", "finer", "fine", "notset"})
_QUIET: Final = frozenset(
    {"error", "err", "critical", "fatal", "off", "silent", "none", "emerg", "alert", "crit", "severe"}
)
#: Numbers of Python's logging and of pino; where both have one, only what both call fine is decided.
_PYTHON: Final = {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "critical"}
_PINO: Final = {10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal"}


def _log_level(operands: Sequence[Operand]) -> Iterator[Statement]:
    """Yield what the settings say about the level of the log."""
    for operand in operands:
        if not _LEVEL_NAME.match(operand.words):
            continue
        if isinstance(operand.value, Unknown):
            yield Statement.untold(operand, operand.value)
        elif levels := _levels(operand):
            loud = [level for level in levels if level in _LOUD]
            wrong = loud or [level for level in levels[:1] if level in _QUIET]
            fine = not wrong and any(level in _FINE for level in levels)
            known = fine or bool(wrong)
            shown = wrong[0] if wrong else levels[0]
            why = (
                f"{operand.name} is {shown}"
                if known
                else f"{operand.name} is {shown}, which is no level that is known"
            )
            # A log that says too little misleads later; one that says too much gives data away now.
            yield Statement(operand, fine if known else None, why, "info", mild=not loud)


def _levels(operand: Operand) -> list[str]:
    """Return the levels that a value names: of a filter such as ``info,sqlx=warn`` the general one first."""
    value = operand.value
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        python, pino = _PYTHON.get(value), _PINO.get(value)
        if operand.file.endswith(".py"):
            return [python or str(value)]
        same = {python in _FINE, pino in _FINE} == {True}
        return [python or str(value)] if same or (python in _LOUD and pino in _LOUD) else [str(value)]
    if not isinstance(value, str):
        return []
    parts = [part.strip().lower() for part in re.split(r"[,;]", value) if part.strip()]
    general = [part for part in parts if "=" not in part]
    return [*general, *(part.rpartition("=")[2] for part in parts if "=" in part)]


# -- rate limit --

_LIMIT: Final = re.compile(
    r"(?:^|.*_)(?:rate_?limit(?:s|ing|er)?|throttl(?:e|ing|er)(?:_rates?|_classes)?|ratelimit)(?P<rest>_.*)?$"
)
_SWITCH: Final = re.compile(r"_?(?:is_)?(?:enabled?|on|active)$")
_OPPOSITE: Final = re.compile(r"_?(?:disabled?|off|skip|bypass)$")
_BEFORE: Final = re.compile(r"(?:^|.*_)(?:disable|skip|bypass|no)_(?:rate_?limit|throttl)")
_AMOUNT: Final = re.compile(
    r"(?:_(?:default|global|api|login|auth|anon|user|max|limit|limits|requests?|max_requests|per_(?:second|minute|hour|day|ip|user)"
    r"|requests_per_(?:second|minute|hour|day)|rpm|rps|rate|rates|points|count|burst|num|number|classes|permits?|replenish_rate))*$"
)
_NOTHING: Final = re.compile(r"\s*0+\s*(?:/|per\b)")  # 0/minute
_EXAMPLE_LIMIT: Final = "100"


def _rate_limit(operands: Sequence[Operand]) -> Iterator[Statement]:
    """Yield what the settings say about limits on requests."""
    for operand in operands:
        match = _LIMIT.match(operand.words)
        if match is None:
            continue
        rest, value = match["rest"] or "", operand.value
        opposite = bool(_OPPOSITE.match(rest) or _BEFORE.match(operand.words))
        if not (opposite or _SWITCH.match(rest) or _AMOUNT.match(rest)):
            continue
        if isinstance(value, Unknown):
            yield Statement.untold(operand, value)
        elif opposite:
            if said := Statement.switch(operand):
                yield said
        elif value not in (None, ""):
            off = falsy(value) or value in ([], {}) or _NOTHING.match(str(value)) is not None
            line = "true" if isinstance(value, bool) or _SWITCH.match(rest) else _EXAMPLE_LIMIT
            yield Statement(operand, not off, f"{operand.name} is {_short(operand)}", line)


def _short(operand: Operand) -> str:
    return str(operand.shown()).lower() if isinstance(operand.value, bool) else str(operand.shown())


STARTER: Final = (
    StarterRule(
        "database TLS",
        "connections to databases on other machines are encrypted",
        "DATABASE_URL, DB_SSL, PGSSLMODE, database.ssl",
        database_tls,
        "The connection's settings do not ask for TLS, or turn it off.",
        "Whoever shares the network reads and changes every query, password and row.",
        "https://www.postgresql.org/docs/current/libpq-ssl.html",
        15,
    ),
    StarterRule(
        "CORS origins",
        "no setting lets every origin call",
        "CORS_ORIGINS, ALLOWED_ORIGINS, FRONTEND_URL, CORS_ALLOW_ALL_ORIGINS",
        _cors,
        "A setting of development, or of a first try, went to production.",
        "Any web page that a user visits can call the API from their browser and read the answers.",
        "https://developer.mozilla.org/en-US/docs/Web/HTTP/Guides/CORS",
        10,
    ),
    StarterRule(
        "log level",
        "the log is at info or warning",
        "LOG_LEVEL, RUST_LOG, logging.level.root",
        _log_level,
        "The level was changed to look for a fault, or kept from development.",
        "At debug, logs hold personal data and secrets and grow without bound; above warning, a fault leaves no trace.",
        "https://12factor.net/logs",
        5,
    ),
    StarterRule(
        "rate limit",
        "requests are limited",
        "RATE_LIMIT*, THROTTLE*, rateLimit.max",
        _rate_limit,
        "The limit was turned off, or set to nothing.",
        "One client can guess passwords without end, and take the service down for all others.",
        "https://cheatsheetseries.owasp.org/cheatsheets/Denial_of_Service_Cheat_Sheet.html",
        15,
    ),
)

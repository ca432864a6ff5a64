"""Starter rule: the connection to the database is encrypted, unless the database is on the same machine."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import parse_qsl

from deployer_lib.probes.configuration.model import Path, Unknown
from deployer_lib.probes.configuration.operands import ENVIRONMENT, Operand, Statement, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["database_tls"]

State = Literal["local", "on", "off", "remote", "unknown"]

_DATABASE: Final = (
    r"databases?|db|data_?sources?|postgres|postgresql|pg|mysql|mariadb|mongo|mongodb|sequelize|knex|typeorm|sqlalchemy"
    r"|jdbc|hikari|dialect_options|sql|rds|cockroach|mongoose"
)
_SWITCH: Final = r"(?:use_|enable_|require_)?(?:ssl|tls)(?:_enabled?|_required?|_on)?|encrypt"
_MODE: Final = r"(?:ssl|tls)_?mode"
_FLAG: Final = re.compile(
    rf"(?:^|.*_)(?:{_DATABASE})(?:_.+?)?_(?:{_SWITCH}|{_MODE})$|^pgsslmode$|^pg_sslmode$"
)
_HOST: Final = re.compile(
    rf"(?:^|.*_)(?:{_DATABASE})(?:_.+?)?_(?:host|hostname|server|socket_path|unix_socket)$|^pghost$"
)
_ENGINE: Final = re.compile(
    rf"(?:^|.*_)(?:{_DATABASE})(?:_.+?)?_(?:engine|dialect|client|adapter|driver|type)$"
)
_NAMED: Final = re.compile(rf"(?:^|.*_)(?:{_DATABASE}|connection_strings?)(?:_|$)")
_STEP: Final = re.compile(rf"(?:.*_)?(?:{_DATABASE})")
_MANY: Final = re.compile(r"databases|connections|data_?sources")
_URL: Final = re.compile(
    r"(?:jdbc:|r2dbc:(?:pool:)?)?(?P<scheme>postgres(?:ql)?|postgis|pgsql|mysql2?|mariadb|mongodb|mssql|sqlserver|cockroach(?:db)?"
    r"|sqlite3?|libsql|prisma|h2|hsqldb|derby|duckdb|oracle)(?P<driver>\+[\w.+]+)?:(?P<rest>.*)",
    re.DOTALL,
)
_EMBEDDED: Final = frozenset({"sqlite", "sqlite3", "h2", "hsqldb", "derby", "duckdb"})
_LOCAL: Final = re.compile(
    r"localhost|127(?:\.\d+){3}|::1|\[::1\]|0\.0\.0\.0|/.*|\(local\)|\.", re.IGNORECASE
)
_ON: Final = frozenset(
    [
        "require",
        "required",
        "verify-ca",
        "verify_ca",
        "verify-full",
        "verify_full",
        "verify_identity",
        "verify-identity",
        "true",
        "1",
        "yes",
        "on",
        "strict",
        "mandatory",
        "no-verify",
        "skip-verify",
        "trust",
        "enabled",
    ]
)
_OFF: Final = frozenset(
    ["disable", "disabled", "allow", "prefer", "preferred", "false", "0", "no", "off", "optional", "none"]
)
_OPTIONS: Final = frozenset(
    {"sslmode", "ssl", "tls", "usessl", "requiressl", "encrypt", "sslaccept", "sslenabled"}
)
_PAIRS: Final = re.compile(r"(?i)(?:^|[;\s])\s*(?:host|server|data source|addr|address|network address)\s*=")
_GO_DSN: Final = re.compile(r"[^@\s]*@(tcp|unix)\(([^)]*)\)/[^?]*(?:\?(.*))?")
_HOST_KEYS: Final = ("host", "server", "data source", "addr", "address")
#: What to add to a URL, by the beginning of its scheme.
_ADDED: Final = {
    "postgres": "sslmode=require",
    "pg": "sslmode=require",
    "cockroach": "sslmode=verify-full",
    "postgis": "sslmode=require",
    "mysql": "ssl-mode=REQUIRED",
    "mariadb": "ssl=true",
    "mongodb": "tls=true",
}


@dataclass(frozen=True, slots=True)
class _Fact:
    """What one setting says about one database."""

    state: State
    why: str
    operand: Operand
    line: str = ""
    key: str = ""
    address: bool = False  # whether it names one whole database, beside which another's settings say nothing


def database_tls(operands: Sequence[Operand]) -> Iterator[Statement]:
    """Yield what is said of each database: encrypted, local, or neither."""
    groups: dict[tuple[str, Path], list[_Fact]] = defaultdict(list)
    for operand in operands:
        for fact in _facts(operand):
            groups[operand.file, _group(operand)].append(fact)
    switches = [
        fact
        for (file, _), facts in groups.items()
        for fact in facts
        if file == ENVIRONMENT and fact.state == "on" and _FLAG.match(fact.operand.words)
    ]
    for facts in groups.values():
        set_ = [fact for fact in facts if not fact.operand.fallback]
        # What the code falls back to says where a database is, and nothing of one that nobody named.
        counted = (
            facts
            if any(fact.state == "remote" for fact in set_)
            else [f for f in facts if f in set_ or f.state == "local"]
        )
        yield from _of_group(counted, switches)


def _of_group(facts: Sequence[_Fact], switches: Sequence[_Fact]) -> Iterator[Statement]:
    """Yield what is said of each database that a group names: every address is one, hosts and engines together another."""
    addresses = [
        fact for fact in facts if fact.address and (not fact.operand.fallback or fact.state == "local")
    ]
    others = [fact for fact in facts if not fact.address]
    flags = [fact for fact in others if fact.state not in {"local", "remote"}]
    for fact in addresses:
        yield _judged([fact] if fact.state == "local" else [fact, *flags], switches)
    if others and (not addresses or any(fact.state in {"local", "remote"} for fact in others)):
        yield _judged(others, switches)


def _judged(facts: Sequence[_Fact], switches: Sequence[_Fact]) -> Statement:
    """Return what is said of one database; a switch among the target's variables counts for each."""
    by_state: dict[State, list[_Fact]] = defaultdict(list)
    for fact in facts:
        by_state[fact.state].append(fact)
    if by_state["local"] and not by_state["remote"]:
        return _statement(by_state["local"][0], kept=True)
    if by_state["off"]:
        return _statement(by_state["off"][0], kept=False)
    if by_state["on"]:
        return _statement(by_state["on"][0], kept=True)
    if by_state["unknown"]:
        return _statement(by_state["unknown"][0], kept=None)
    return _statement(switches[0], kept=True) if switches else _statement(by_state["remote"][0], kept=False)


def _statement(fact: _Fact, *, kept: bool | None) -> Statement:
    return Statement(fact.operand, kept, fact.why, fact.line, fact.key)


def _group(operand: Operand) -> Path:
    """Return the path of the connection that a setting belongs to."""
    for index, step in enumerate(operand.path[:-1]):
        if _STEP.fullmatch(words_of([step])):
            deeper = 2 if _MANY.fullmatch(words_of([step])) and index + 2 < len(operand.path) else 1
            return operand.path[: index + deeper]
    return operand.path[:-1]


def _facts(operand: Operand) -> Iterator[_Fact]:
    words, value = operand.words, operand.value
    if isinstance(value, Unknown):
        if _FLAG.match(words) or (_NAMED.match(words) and words.endswith(("url", "uri", "dsn"))):
            flag = _FLAG.match(words) is not None
            yield _Fact("unknown", f"{operand.name} can't be told: {value.why}", operand, address=not flag)
        return
    if isinstance(value, str) and (found := _of_text(operand, value)):
        yield replace(found, address=True)
    elif _FLAG.match(words):
        yield from _of_flag(operand)
    elif isinstance(value, str) and _HOST.match(words):
        local = not value or _LOCAL.fullmatch(value)
        state: State = "local" if local else "remote"
        why = (
            f"{operand.name} is on this machine"
            if local
            else f"{operand.name} names a database on another machine, and nothing says that the connection is encrypted"
        )
        line, key = _switch(operand)
        yield _Fact(state, why, operand, line, key)
    elif isinstance(value, str) and _ENGINE.match(words) and "sqlite" in value.lower():
        yield _Fact("local", f"{operand.name} is SQLite, a file of this machine", operand)
    elif (
        any(
            words_of([step]) in {"ssl", "tls"} and _NAMED.match(words_of(operand.path[:at]))
            for at, step in enumerate(operand.path[:-1])
        )
        and value is not None
    ):
        yield from _of_options(operand)


def _of_options(operand: Operand) -> Iterator[_Fact]:
    """Read one option of an object such as ``ssl: {rejectUnauthorized: …}``, which turns TLS on by being there."""
    last = words_of(operand.path[-1:])
    if last in {"enabled", "enable", "require", "required", "mode"}:
        yield from _of_flag(operand)
    else:
        yield _Fact("on", f"{operand.name} is set", operand)


def _of_flag(operand: Operand) -> Iterator[_Fact]:
    value = operand.value
    text = str(value).strip().lower()
    if value is None or text == "":
        return
    on = not (text in _OFF or value in ({}, []))
    yield _Fact("on" if on else "off", f"{operand.name} is {text}", operand, _replaced(operand))


def _replaced(operand: Operand) -> str:
    if "mode" in operand.words:
        return "require"
    return "1" if str(operand.value) == "0" else "true"


def _switch(operand: Operand) -> tuple[str, str]:
    """Return what to write beside a host, and under which key."""
    if operand.file.endswith(".py"):
        return '{"sslmode": "require"}', "OPTIONS"
    return ("require", "PGSSLMODE") if operand.path[-1].isupper() else ("true", "ssl")


def _of_text(operand: Operand, value: str) -> _Fact | None:
    text = value.strip()
    if match := _URL.fullmatch(text):
        return _of_url(operand, match["scheme"], match["driver"] or "", match["rest"], text)
    if not _NAMED.match(operand.words):
        return None
    if match := _GO_DSN.fullmatch(text):
        hosts, pairs, scheme = [match[2]], dict(parse_qsl(match[3] or "")), "mysql"
        local = match[1] == "unix" or _is_local(hosts)
    elif _PAIRS.search(text):
        parts = (part.partition("=") for part in (text.split(";") if ";" in text else text.split()))
        pairs = {key.strip().lower(): value.strip(" '") for key, _, value in parts}
        host = next((pairs[key] for key in _HOST_KEYS if key in pairs), "").removeprefix("tcp:")
        scheme = "mssql" if "server" in pairs or "data source" in pairs else "postgres"
        local = "sqlite" in text.lower() or _is_local([host]) or host.endswith((".db", ".sqlite"))
    else:
        return None
    if local:
        return _Fact("local", f"{operand.name} names a database on this machine", operand)
    return _of_pairs(operand, pairs, scheme, text)


def _of_url(operand: Operand, scheme: str, driver: str, rest: str, text: str) -> _Fact:
    name = operand.name
    if scheme.startswith("sqlite") or (
        scheme in _EMBEDDED and not re.match(r"(?:tcp|ssl|hsqls?)?:?//", rest)
    ):
        return _Fact("local", f"{name} is {scheme}, on this machine", operand)
    address = rest.removeprefix("//")
    netloc = re.split(r"[/?;]", address, maxsplit=1)[0].rpartition("@")[2]
    pairs = dict(parse_qsl(address.partition("?")[2], keep_blank_values=True))
    if scheme in {"sqlserver", "mssql"}:
        pairs |= dict(part.split("=", 1) for part in address.split(";")[1:] if "=" in part)
    hosts = netloc.split(",") if netloc else [pairs.get("host", "")]
    if _is_local(hosts):
        return _Fact("local", f"{name} names a database on this machine", operand)
    if scheme in {"prisma", "libsql"} or (scheme == "mongodb" and driver == "+srv" and not _said(pairs)):
        return _Fact("on", f"{name} is {scheme}{driver}, which is always encrypted", operand)
    return _of_pairs(operand, pairs, scheme, text)


def _said(pairs: dict[str, str]) -> dict[str, str]:
    """Return the options that decide, by their names in one spelling."""
    plain = {re.sub(r"[\s_-]", "", key).lower(): value for key, value in pairs.items()}
    return {key: value for key, value in plain.items() if key in _OPTIONS}


def _of_pairs(operand: Operand, pairs: dict[str, str], scheme: str, text: str) -> _Fact:
    line = _with_option(operand, scheme, text)
    for key, value in _said(pairs).items():
        state: State = "off" if value.strip().lower() in _OFF else "on"
        return _Fact(state, f"{operand.name} says {key}={value}", operand, line)
    if scheme in {"mssql", "sqlserver", "oracle"}:
        return _Fact("unknown", f"{operand.name} does not say encrypt=, and drivers differ", operand)
    why = f"{operand.name} names a database on another machine, and nothing says that the connection is encrypted"
    return _Fact("remote", why, operand, line)


def _with_option(operand: Operand, scheme: str, text: str) -> str:
    added = next((option for start, option in _ADDED.items() if scheme.startswith(start)), "encrypt=true")
    if operand.secret:
        return f"{scheme}://USER:PASSWORD@HOST/NAME?{added}"
    if "://" not in text:
        return f"{text};{added}" if ";" in text else f"{text} {added}"
    name = added.partition("=")[0]
    kept = re.sub(
        rf"(?i)([?&])(?:{name}|ssl|tls|sslmode|ssl-mode|useSSL|encrypt)=[^&]*&?", r"\1", text
    ).rstrip("?&")
    return f"{kept}{'&' if '?' in kept else '?'}{added}"


def _is_local(hosts: Iterable[str]) -> bool:
    """Tell whether every host of a URL is this machine, or a socket of it."""

    def local(host: str) -> bool:
        host = host.strip().replace("%2F", "/").replace("%2f", "/")
        if not host.startswith("["):
            host = host.rpartition(":")[0] if re.fullmatch(r"[^:]*:\d+", host) else host
        else:
            host = host.partition("]")[0] + "]"
        return not host or _LOCAL.fullmatch(re.split(r"[\\,]", host)[0]) is not None

    return all(local(host) for host in hosts)

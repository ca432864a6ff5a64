"""Find passwords within addresses: databases, brokers, package indexes, ADO and ODBC connection strings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from deployer_lib.catalogue import Severity
from deployer_lib.probes.secrets.model import Candidate, Origin
from deployer_lib.probes.secrets.values import is_placeholder, is_random, is_reference

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["passwords_in_urls"]

_URL: Final = re.compile(
    r"(?<![\w+.-])(?P<scheme>(?:jdbc:)?[a-z][a-z0-9+.-]{1,30})://(?P<user>[^\s:/?#@\"'`<>]{0,80}):(?P<password>[^\s/?#@\"'`<>]{3,200})@(?P<host>\[[0-9a-f:]+\]|[\w.-]+)",
    re.IGNORECASE,
)
_ADO: Final = re.compile(
    r"(?:Server|Host|Data Source|Address|Addr)\s*=\s*(?:tcp:)?(?P<host>[^;\"'\s]+)[^\"'\n]*?;\s*(?:Password|Pwd)\s*=\s*(?P<password>[^;\"'\s]+)",
    re.IGNORECASE,
)
_LOCAL: Final = re.compile(
    r"^(?:localhost|127\.[\d.]+|0\.0\.0\.0|\[?::1\]?|host\.docker\.internal|\(local\w*\)|\.|[^.]*)$|^(?:.*\.)?(?:example|test|invalid|localhost|local)$"
    r"|(?:^|\.)example\.(?:com|org|net)$|your|(?:^|\.)(?:host|hostname|server|domain|xxx)(?:\.|$)|^host\b|^(?:foo|bar|acme|some|my)[\w-]*\.|^10\.|^192\.168\.|^172\.(?:1[6-9]|2\d|3[01])\.",
    re.IGNORECASE,
)
_DATABASES: Final = re.compile(
    r"postgres|mysql|maria|mongo|redis|rediss|amqp|mssql|sqlserver|clickhouse|cockroach|nats|neo4j|bolt|ldap|smtp|kafka",
    re.IGNORECASE,
)


def passwords_in_urls(text: str) -> Iterator[Candidate]:
    """Yield the passwords that stand in addresses of hosts that others reach too."""
    for match in _URL.finditer(text) if "://" in text else ():
        password, host, user = unquote(match["password"]), match["host"], match["user"]
        if _is_secret(password, host, user) and not is_reference(match[0]):
            kind = (
                "database password in an address"
                if _DATABASES.search(match["scheme"])
                else "password in an address"
            )
            yield _candidate(text, match, kind)
    for match in _ADO.finditer(text) if "assword" in text or "wd=" in text.lower() else ():
        if _is_secret(match["password"], match["host"].split(",")[0], "") and not is_reference(match[0]):
            yield _candidate(text, match, "password in a connection string")


def _is_secret(password: str, host: str, user: str) -> bool:
    return (
        _LOCAL.search(host) is None
        and password.lower() != user.lower()
        and not password.isdigit()
        and (is_random(password) or not is_placeholder(password))
        and not (password.isalpha() and (password.isupper() or len(password) < _MIN_LETTERS))
    )


_MIN_LETTERS: Final = 12  # shorter ones of letters alone are words of an example: user:secret@


def _candidate(text: str, match: re.Match[str], kind: str) -> Candidate:
    line = text.count("\n", 0, match.start("password")) + 1
    return Candidate(kind, line, match["password"], Origin.URL, Severity.CRITICAL)

"""The shapes in which a secret's value turns up in text: quoted, escaped, encoded, cut from a URL.

Pure functions; :mod:`deployer_lib.redaction` searches for what they return.
"""

from __future__ import annotations

import base64
import html
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, quote_plus, unquote

from deployer_lib.secret import SECURE, is_secret_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["MIN_LENGTH", "Part", "forms", "is_common", "parts"]

#: Shorter values stand in every text; they are redacted only where a name or a URL says that they are secret.
MIN_LENGTH: Final = 6
_COMMON: Final = frozenset(
    {
        *(
            "127.0.0.1",
            "0.0.0.0",  # noqa: S104  (a word that is looked for, nothing is bound)
            "localhost",
            "database",
            "mysql",
            "postgres",
            "postgresql",
            "redis",
            "storage",
        ),
        *(
            "administrator",
            "guest",
            "nobody",
            "username",
            "password",
            "passwd",
            "secret",
            "secure",
            "changeme",
        ),
        *(
            "development",
            "staging",
            "production",
            "public",
            "service",
            "application",
            "string",
            "example",
            "redacted",
        ),
        *("default", "debug", "enabled", "disabled"),
    }
)
_DIGITS: Final = 10  # shorter numbers turn up by chance in times, sizes and digests
_LINE_LENGTH: Final = 16  # lines of a key file at least this long are forms of their own
_USERINFO: Final = re.compile(r"^(?:jdbc:)?[a-z][a-z0-9+.-]*://([^/?#\s]*)@", re.IGNORECASE)
_GREEDY_USERINFO: Final = re.compile(
    r"^(?:jdbc:)?[a-z][a-z0-9+.-]*://[^:/?#@\s]*:(\S+)@[^@\s]+$", re.IGNORECASE
)
_WEB_HOOK: Final = re.compile(r"^https?://[^/]+/(\S{16,})", re.IGNORECASE)
_KEY_LENGTH: Final = 16
_URL: Final = re.compile(r"^(?:jdbc:)?[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_PAIR: Final = re.compile(r"([\w.-]+)[ ]?=[ ]?([^&;\s]+)")

#: What different programs leave unquoted in a URL: nothing, Python's quote, encodeURIComponent, encodeURI, httpx.
_URL_SAFE: Final = ("", "/", "!'()*~", ";,/?:@&=+$-_.!~*'()#", "!$&'()*+,;=:/[]@", "!$&'()*+,;=")


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a secret that must not be seen, and what kind of piece it is."""

    value: str
    kind: str  # whole, password, user, parameter, line, field
    common: bool  # redacted only in context


def is_common(value: str) -> bool:
    """Tell whether a value is too short or too common to be redacted wherever it stands."""
    return (
        len(value) < MIN_LENGTH
        or value.lower() in _COMMON
        or value in SECURE
        or (value.isdecimal() and len(value) < _DIGITS)
    )


def parts(value: str) -> tuple[Part, ...]:
    """Return what is secret in a value: of a URL its password and tokens, of a key file also its lines.

    An http URL without any of these is secret as a whole (a web hook's address); a database's is not. A password that
    is its own user, host or database name is redacted only in context: the name stands everywhere.
    """
    found: dict[str, str] = {}
    url = _URL.match(value) is not None
    if url:
        for piece, kind in _url_parts(value):
            found.setdefault(piece, kind)
    elif "=" in value:
        for name, piece in _PAIR.findall(value):
            if is_secret_name(name):
                found.setdefault(piece.strip("'\""), "parameter")
    if url and not found and (hook := _WEB_HOOK.match(value)):
        found.update({value: "whole", hook[1]: "path"})
    if not url:
        found.setdefault(value, "whole")
        found.setdefault(value.strip(), "whole")
        for piece, kind in _fields(value) or _lines(value):
            found.setdefault(piece, kind)
    return tuple(
        Part(piece, kind, common=is_common(piece) or (url and _is_named_elsewhere(piece, value)))
        for piece, kind in found.items()
        if piece.strip()
    )


def _is_named_elsewhere(piece: str, url: str) -> bool:
    return re.split(r"[:/@?&=.]+", url).count(piece) > 1


def _url_parts(url: str) -> Iterator[tuple[str, str]]:
    raw: list[tuple[str, str]] = []
    if match := _USERINFO.match(url):
        user, colon, password = match[1].partition(":")
        if colon:
            raw.append((password, "password"))
        elif len(user) >= _KEY_LENGTH and re.search(
            r"\d", user
        ):  # a key in the user's place, as Sentry has it
            raw.append((user, "user"))
    if match := _GREEDY_USERINFO.match(url):  # a password with a raw / ? or #, which no parser takes
        raw.append((match[1], "password"))
    raw += [
        (text, "parameter") for name, text in _PAIR.findall(url.partition("?")[2]) if is_secret_name(name)
    ]
    for piece, kind in raw:
        yield piece, kind
        yield unquote(piece), kind


def _fields(value: str) -> list[tuple[str, str]]:
    """Return the secret-looking fields of a JSON object (a service account's key file)."""
    if not value.lstrip().startswith("{"):
        return []
    try:
        data = json.loads(value)
    except ValueError:
        return []
    fields = [(k, v) for k, v in data.items() if isinstance(v, str) and is_secret_name(k)]
    return [("\n".join(v.splitlines()), "field") for _, v in fields] + [
        line for _, v in fields for line in _lines(v)
    ]


def _lines(value: str) -> list[tuple[str, str]]:
    lines = value.splitlines()
    if len(lines) < 2:  # noqa: PLR2004  (one line is the whole value)
        return []
    return [
        (line.strip(), "line")
        for line in lines
        if len(line.strip()) >= _LINE_LENGTH and not line.startswith("-----")
    ]


def forms(value: str) -> dict[str, str]:
    """Return every form of a value with the form's name: plain, url, base64, hex, json, html, repr, shell.

    Escapes are applied once more over the first forms, as JSON inside JSON, or a quoted base64, has them.
    """
    first: dict[str, str] = {value: "plain"}
    for name, encode in _ENCODERS:
        for text in encode(value):
            first.setdefault(text, name)
    result = dict(first)
    for text, name in first.items():
        for escape_name, escape in _ESCAPES:
            for escaped in escape(text):
                result.setdefault(escaped, escape_name if name == "plain" else f"{name}+{escape_name}")
    floor = min(len(value), MIN_LENGTH)
    return {text: name for text, name in result.items() if len(text) >= floor and text not in SECURE}


def _url(value: str) -> Iterator[str]:
    for safe in _URL_SAFE:
        yield from _hex_cases(quote(value, safe=safe))
    yield from _hex_cases(quote_plus(value))


def _hex_cases(text: str) -> Iterator[str]:
    yield text
    yield re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), text)


def _base64(value: str) -> Iterator[str]:
    """Yield what stays the same whatever stands before and after the value, at each of three offsets."""
    data = value.encode()
    for offset in range(3):
        stable = slice(-(-8 * offset // 6), 8 * (offset + len(data)) // 6)
        text = base64.b64encode(b"\0" * offset + data)[stable].decode()
        yield text
        yield text.translate(str.maketrans("+/", "-_"))


def _hex(value: str) -> Iterator[str]:
    text = value.encode().hex()
    yield text
    yield text.upper()


def _json(value: str) -> Iterator[str]:
    for ascii_only in (True, False):
        text = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
        yield text
        yield text.replace("/", "\\/")
        yield re.sub("[<>&']", lambda match: f"\\u{ord(match[0]):04x}", text)  # as Go and Jinja's tojson do


def _html(value: str) -> Iterator[str]:
    full = html.escape(value)
    yield full
    yield full.replace("&quot;", "&#34;").replace("&#x27;", "&#39;")  # as markupsafe does
    yield full.replace("&#x27;", "&#39;")
    yield html.escape(value, quote=False)
    yield full.replace("&#x27;", "'")


def _repr(value: str) -> Iterator[str]:
    yield repr(value)[1:-1]
    yield ascii(value)[1:-1]
    yield repr(value.encode())[2:-1]
    yield repr(f"{value}'\"")[1:-4]  # inside a text that holds both quotes, ' is escaped
    yield value.replace("\\", "\\\\")


def _shell(value: str) -> Iterator[str]:
    yield value.replace("'", "'\"'\"'")
    yield value.replace("'", "'\\''")
    yield value.replace("'", "''")  # SQL and YAML
    yield re.sub(r"([^\w@%+=:,./-])", r"\\\1", value)


_ESCAPES: Final[tuple[tuple[str, Callable[[str], Iterator[str]]], ...]] = (
    ("json", _json),
    ("html", _html),
    ("repr", _repr),
    ("url", _url),
)
_ENCODERS: Final = (*_ESCAPES, ("base64", _base64), ("hex", _hex), ("shell", _shell))

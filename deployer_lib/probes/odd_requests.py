"""Malformed and odd requests, as scanners, broken clients and typing mistakes make them; none does harm where it lands."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployer_lib.check import JSONValue
    from deployer_lib.parameters.model import Endpoint

__all__ = ["Odd", "odd_bodies", "odd_paths"]

_LONG: Final = 9_000  # characters of a path; servers refuse from about 8,000 on
_DEEP: Final = 20_000  # nested lists; parsers that recurse end at about 1,000
_HUGE: Final = 10**40
_JSON: Final = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Odd:
    """One request that a sound application refuses."""

    what: str  # what is odd about it
    method: str
    path: str
    headers: dict[str, str]
    content: bytes | None = None


def odd_paths(path: str) -> Iterator[Odd]:
    """Give odd requests without a body, made from a path that is served."""
    plain = path.partition("?")[0].rstrip("/")
    base = plain or "/"
    yield Odd("an unknown path", "GET", f"{plain}/deployer-{secrets.token_hex(8)}", {})
    yield Odd("an unknown method", "BREW", base, {})
    yield Odd("NUL in the path", "GET", f"{plain}/%00", {})
    yield Odd("invalid UTF-8 in the path", "GET", f"{plain}/%ff%fe%c0%af", {})
    yield Odd("a path of 9,000 characters", "GET", f"{plain}/{'a' * _LONG}", {})
    yield Odd("a huge number in the path", "GET", f"{plain}/{_HUGE}", {})
    yield Odd("steps up in the path", "GET", f"{plain}/..%2f..%2f..%2fetc%2fpasswd", {})
    quotes = quote("'\"<>{}%\\;--")
    yield Odd("odd values in the query", "GET", f"{base}?limit={quotes}&page=-{_HUGE}&id[]=1&q=%00", {})


def odd_bodies(endpoint: Endpoint) -> Iterator[Odd]:
    """Give odd requests with a body, made from an endpoint that takes one; none of them is a valid one."""

    def odd(what: str, content: bytes, headers: dict[str, str] | None = None) -> Odd:
        return Odd(what, endpoint.method, endpoint.path, headers or _JSON, content)

    body = endpoint.body if isinstance(endpoint.body, dict) else {"name": "x"}
    yield odd("broken JSON", b'{"a": ')
    yield odd("an empty body", b"")
    yield odd("invalid UTF-8", b'{"name": "\xff\xfe\xc0"}')
    yield odd("a list for a map", b"[1, 2, 3]")
    yield odd("null for a map", b"null")
    yield odd("wrong types", _all(body, [{"deployer": [None]}]))
    yield odd("huge numbers", _all(body, _HUGE))
    yield odd("NUL in texts", _all(body, "\0\ud800"))
    yield odd("deep nesting", b"[" * _DEEP + b"]" * _DEEP)
    yield odd("another content type", b"<a/>", {"content-type": "application/xml"})


def _all(body: dict[str, object], value: JSONValue) -> bytes:
    return json.dumps(dict.fromkeys(body, value)).encode()

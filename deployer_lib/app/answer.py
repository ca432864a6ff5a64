"""A whole answer, and what of it may be kept as evidence."""

from __future__ import annotations

import json as jsonlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

from deployer_lib.secret import SECURE, is_secret_name, mask_urls

if TYPE_CHECKING:
    import httpx

    from deployer_lib.check import JSONValue

__all__ = ["Answer", "EvidenceLevel"]

EvidenceLevel = Literal["shape", "headers", "full"]

_EVIDENCE_CHARACTERS: Final = 2_000
#: Headers that are kept at evidence level ``shape``: they say how, never who.
_SHAPE_HEADERS: Final = frozenset(
    {"content-type", "content-length", "content-encoding", "cache-control", "vary", "retry-after", "allow"}
)
_SECRET_HEADERS: Final = frozenset(
    {"authorization", "proxy-authorization", "cookie", "authentication-info", "x-auth"}
)
_COOKIE_VALUE: Final = re.compile(r"^([^=;]*)=[^;]*")
_QUERY_VALUE: Final = re.compile(r"([?&#;])([\w.-]+)=([^&#;\s]+)")


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    method: str
    url: str
    status: int
    headers: httpx.Headers
    body: bytes  # decompressed
    elapsed_ms: float  # from sending to the last byte; connecting is not in it
    level: EvidenceLevel = "full"

    @property
    def text(self) -> str:
        """Return the body as text, with replacement characters where it is not UTF-8."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> JSONValue:
        """Return the body parsed as JSON.

        Raises:
            ValueError: it is not JSON, or too deep.
        """
        try:
            value: JSONValue = jsonlib.loads(self.body)
        except RecursionError as error:
            raise ValueError("JSON that is nested too deep") from error
        return value

    def observed(self) -> dict[str, JSONValue]:
        """Return what may be kept as evidence of this answer, by the environment's evidence level.

        Values of cookies, of headers and JSON fields with secret-looking names, and of such query parameters are
        masked at every level.
        """
        seen: dict[str, JSONValue] = {
            "request": f"{self.method} {urlsplit(self.url).path or '/'}",
            "status": self.status,
            "elapsed_ms": round(self.elapsed_ms, 1),
            "bytes": len(self.body),
        }
        seen["headers"] = self._seen_headers()
        try:
            document = self.json()
        except ValueError:
            plain = self.text[:_EVIDENCE_CHARACTERS]
            seen |= (
                {"body": plain}
                if self.level == "full"
                else {"body_shape": f"{len(self.body)} bytes, not JSON"}
            )
            return seen
        if self.level == "full":
            masked = _masked(document)
            whole = self.text if masked == document else jsonlib.dumps(masked, ensure_ascii=False)
            seen["body"] = whole[:_EVIDENCE_CHARACTERS]
        else:
            seen["body_shape"] = _types(document)
        return seen

    def _seen_headers(self) -> dict[str, JSONValue]:
        seen: dict[str, JSONValue] = {}
        for name, value in self.headers.multi_items():
            if self.level == "shape" and name not in _SHAPE_HEADERS:
                continue
            masked = _masked_header(name, value)
            seen[name] = f"{seen[name]}, {masked}" if name in seen else masked
        return seen


def _masked_header(name: str, value: str) -> str:
    if name == "set-cookie":
        return _COOKIE_VALUE.sub(rf"\1={SECURE}", value)
    if name in _SECRET_HEADERS or is_secret_name(name):
        return SECURE
    return _QUERY_VALUE.sub(
        lambda found: f"{found[1]}{found[2]}={SECURE if is_secret_name(found[2]) else found[3]}",
        mask_urls(value),
    )


def _masked(value: JSONValue) -> JSONValue:
    if isinstance(value, dict):
        return {
            key: SECURE if is_secret_name(key) and isinstance(item, str) and item else _masked(item)
            for key, item in value.items()
        }
    return [_masked(item) for item in value] if isinstance(value, list) else value


def _types(value: JSONValue) -> JSONValue:
    if isinstance(value, dict):
        return {key: _types(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_types(value[0]), f"× {len(value)}"] if value else []
    return type(value).__name__

"""Check what a token's form promises: its checksum, its signature's shape, the ids that it holds."""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from typing import Any, Final

__all__ = [
    "aws_key_id",
    "bech32",
    "crc_base62",
    "crc_hex",
    "decoded",
    "discord_bot",
    "jwt",
    "macaroon",
    "private_key",
    "storage_key",
]

_BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CRC_CHARACTERS: Final = 6
_SEQUENCE: Final = 0x30  # DER
_LONG_FORM: Final = 0x80
_OPENSSH: Final = b"openssh-key-v1\0"
_MONTH_S: Final = 30 * 86400
_DISCORD_EPOCH: Final = 10**16
_STORAGE_BYTES: Final = 64
_MAX_ACCOUNT: Final = 999_999_999_999


def crc_base62(token: str) -> bool:
    """Tell whether a token ends with its own CRC-32 in base 62 (GitHub's, npm's: https://github.blog, 2021-04-05)."""
    body = token.rpartition("_")[2]
    number, digits = zlib.crc32(body[:-_CRC_CHARACTERS].encode()), ""
    while number:
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return body[-_CRC_CHARACTERS:] == digits.rjust(_CRC_CHARACTERS, "0")


def crc_hex(token: str) -> bool:
    """Tell whether a token ends with ``_`` and the CRC-32, in hex, of what stands before (Grafana's)."""
    body, _, digits = token.rpartition("_")
    return f"{zlib.crc32(body.encode()):08x}" == digits.lower()


def aws_key_id(key_id: str) -> bool:
    """Tell whether an access key id decodes to an account's number; AWS's examples are none."""
    if "EXAMPLE" in key_id:
        return False
    try:
        number = int.from_bytes(base64.b32decode(key_id[4:])[:6], "big")
    except binascii.Error:
        return False
    return (number & 0x7FFFFFFFFF80) >> 7 <= _MAX_ACCOUNT and len(set(key_id[4:])) > _CRC_CHARACTERS


def bech32(text: str) -> bool:
    """Tell whether a text ends with bech32's checksum (BIP 173), as age's keys do."""
    low = text.lower()
    human, _, data = low.rpartition("1")
    values = [ord(c) >> 5 for c in human] + [0] + [ord(c) & 31 for c in human]
    values += [_BECH32.find(c) for c in data]
    check = 1
    for value in values:
        if value < 0:
            return False
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_BECH32_GENERATOR):
            check ^= generator if top >> bit & 1 else 0
    return check == 1


def macaroon(token: str) -> bool:
    """Tell whether a PyPI token holds a macaroon, version 2, with a location and a signature of 32 bytes."""
    data = decoded(token.removeprefix("pypi-"))
    return data is not None and data.startswith(b"\x02\x01") and b"pypi.org" in data[:16] and b"\x06 " in data


def storage_key(text: str) -> bool:
    """Tell whether a text is a key of an Azure storage account: 64 bytes."""
    data = decoded(text)
    return data is not None and len(data) == _STORAGE_BYTES and len(set(data)) > _MIN_BYTES


_MIN_BYTES: Final = 16  # different ones; text in base64 has them too, zeros don't


def discord_bot(token: str) -> bool:
    """Tell whether a token's first part is a user's id."""
    data = decoded(token.partition(".")[0])
    return data is not None and data.isdigit() and int(data) > _DISCORD_EPOCH


def jwt(token: str) -> bool:
    """Tell whether a token is a signed JWT that lasts, and nobody's example.

    One that lives for less than a month is a session's, long over when it is read in a repository; roles such as
    ``anon`` are made to be public (Supabase).
    """
    parts = [_json(part) for part in token.split(".")[:2]]
    header, payload = parts[0], parts[-1]
    if not isinstance(header, dict) or not isinstance(payload, dict) or "alg" not in header or not payload:
        return False
    until, since = payload.get("exp"), payload.get("iat", payload.get("nbf"))
    brief = isinstance(until, int | float) and (
        not isinstance(since, int | float) or until - since < _MONTH_S
    )
    text = json.dumps(payload).lower()
    whose = {"sub", "iss", "aud", "role", "user", "email", "scope", "client_id", "id", "userId"} & set(
        payload
    )
    demo = re.search(r"1234567890|john doe|example|demo|\"test|anon\"|publishable", text)
    return header["alg"] != "none" and bool(whose) and not brief and demo is None


def private_key(body: str, label: str) -> bool:
    """Tell whether the body of a PEM block is a whole private key that no passphrase protects.

    Args:
        body: what stands between the lines of dashes, escapes and quotes included.
        label: ``RSA PRIVATE KEY``.
    """
    if "ENCRYPTED" in label or "ENCRYPTED" in body:
        return False
    data = decoded(re.sub(r"\\+[nrt]|[^A-Za-z0-9+/=]", "", body))
    if data is None:
        return False
    if label.startswith("OPENSSH"):
        return data.startswith(_OPENSSH) and data[len(_OPENSSH) : len(_OPENSSH) + 8] == b"\0\0\0\4none"
    return _is_der(data)


def decoded(text: str) -> bytes | None:
    """Return what a text in base64, of either alphabet and with or without padding, holds; None where it is none."""
    plain = text.strip().rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _json(text: str) -> Any:  # noqa: ANN401  (whatever JSON holds)
    data = decoded(text)
    try:
        return json.loads(data) if data is not None else None
    except (ValueError, RecursionError):
        return None


def _is_der(data: bytes) -> bool:
    """Tell whether data is one DER sequence of exactly its length, which begins with an integer."""
    if len(data) < _MIN_BYTES * 2 or data[0] != _SEQUENCE:
        return False
    size, start = data[1], 2
    if size & _LONG_FORM:
        count = size & 0x7F
        size, start = int.from_bytes(data[2 : 2 + count], "big"), 2 + count
    return len(data) == start + size and data[start : start + 1] == b"\x02"

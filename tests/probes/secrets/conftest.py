"""Secrets that are made as a test runs: sound by their checksums, and nobody's."""

from __future__ import annotations

import base64
import random
import string
import zlib
from typing import Final

import pytest

_LETTERS: Final = string.ascii_letters + string.digits
_BASE62: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase


class Maker:
    """Make tokens from one seed, the same on every day."""

    def __init__(self, seed: int = 7) -> None:
        self._random = random.Random(seed)  # noqa: S311  (nobody's secrets)

    def text(self, size: int, alphabet: str = _LETTERS) -> str:
        return "".join(self._random.choice(alphabet) for _ in range(size))

    def hex(self, size: int) -> str:
        return self.text(size, "0123456789abcdef")

    def checked(self, prefix: str) -> str:
        """Return a token of GitHub's and npm's form: thirty characters and their CRC-32 in base 62."""
        body, digits = self.text(30), ""
        number = zlib.crc32(body.encode())
        while number:
            number, digit = divmod(number, 62)
            digits = _BASE62[digit] + digits
        return f"{prefix}{body}{digits.rjust(6, '0')}"

    def live_key(self) -> str:
        return "_".join(("sk", "live", self.text(24)))

    def aws_id(self) -> str:
        return "AKIA" + self.text(16, string.ascii_uppercase + "234567")

    def aws_secret(self) -> str:
        return self.text(40, _LETTERS + "+/")

    def macaroon(self) -> str:
        data = (
            b"\x02\x01\x08pypi.org\x02\x10"
            + self._random.randbytes(16)
            + b"\x00\x00\x06 "
            + self._random.randbytes(32)
        )
        return "pypi-" + base64.urlsafe_b64encode(data).decode().rstrip("=")

    def pem(self, label: str = "RSA PRIVATE KEY") -> str:
        """Return a block whose body is one whole DER sequence that begins with an integer, as a key's does."""
        body = b"\x02\x01\x00" + self._random.randbytes(597)
        return self.block(label, b"\x30\x82" + len(body).to_bytes(2, "big") + body)

    def block(self, label: str, data: bytes) -> str:
        text = base64.b64encode(data).decode()
        lines = "\n".join(text[i : i + 64] for i in range(0, len(text), 64))
        return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n"


@pytest.fixture
def made() -> Maker:
    """Return a maker of secrets."""
    return Maker()

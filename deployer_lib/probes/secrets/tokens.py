"""Find providers' tokens in bytes: a search for each form's mark first, its pattern and its checksum afterwards."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import Severity
from deployer_lib.probes.secrets.model import Candidate, Origin
from deployer_lib.probes.secrets.patterns import PROVIDERS
from deployer_lib.probes.secrets.structure import aws_key_id
from deployer_lib.probes.secrets.values import entropy

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["tokens"]

_AWS_DOCS: Final = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id-credentials-access-keys-update.html"
_AWS_ID: Final = re.compile(rb"(?<![A-Za-z0-9])AKIA[A-Z2-7]{16}(?![A-Za-z0-9])")
_AWS_SECRET: Final = re.compile(rb"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")
_AWS_NEAR: Final = 300  # bytes between an id and its secret
_AWS_BITS: Final = 4.2  # a SHA-1 in hex has less
_SHOWN: Final = re.compile(rb"\bexamples?\b", re.IGNORECASE)
_SHOWN_BYTES: Final = 160
#: Google's keys of web applications are public by design; Firebase's configuration shows that it is one.
_FIREBASE: Final = re.compile(
    rb"authDomain|auth_domain|firebaseapp\.com|firebaseio|mobilesdk_app_id|GCM_SENDER_ID"
)


def tokens(data: bytes, *, certain: bool = False) -> Iterator[Candidate]:
    """Yield the tokens of known forms.

    Args:
        data: of a file, or a piece of it.
        certain: only those that prove themselves by a checksum or their structure.
    """
    for provider in PROVIDERS:
        if (
            not any(mark in data for mark in provider.marks)
            or (certain and not provider.certain)
            or provider.beside not in data
        ):
            continue
        if b"AIza" in provider.marks and _FIREBASE.search(data):
            continue
        for match in provider.pattern.finditer(data):
            token = match[match.lastindex or 0].decode("ascii", "replace")
            sure = provider.certain and provider.kind != "JSON Web Token"
            if provider.holds(token) and (sure or not _is_example(data, match.start())):
                yield Candidate(
                    provider.kind,
                    _line(data, match.start()),
                    token,
                    Origin.TOKEN,
                    provider.severity,
                    docs=provider.docs,
                )
    if b"AKIA" in data and not certain:
        yield from _aws(data)


def _aws(data: bytes) -> Iterator[Candidate]:
    for match in _AWS_ID.finditer(data):
        if not aws_key_id(match[0].decode()):
            continue
        start = max(0, match.start() - _AWS_NEAR)
        near = [
            m
            for m in _AWS_SECRET.finditer(data, start, match.end() + _AWS_NEAR)
            if entropy(m[0].decode()) >= _AWS_BITS
        ]
        if near:
            secret = min(near, key=lambda m: abs(m.start() - match.start()))
            line = _line(data, secret.start())
            yield Candidate(
                "AWS secret access key",
                line,
                secret[0].decode(),
                Origin.TOKEN,
                Severity.CRITICAL,
                docs=_AWS_DOCS,
            )
        else:
            line = _line(data, match.start())
            yield Candidate(
                "AWS access key id", line, match[0].decode(), Origin.TOKEN, Severity.MEDIUM, docs=_AWS_DOCS
            )


def _is_example(data: bytes, position: int) -> bool:
    """Tell whether the text before a token says that it only shows one."""
    return _SHOWN.search(data, max(0, position - _SHOWN_BYTES), position) is not None


def _line(data: bytes, position: int) -> int:
    return data.count(b"\n", 0, position) + 1

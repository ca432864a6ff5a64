"""Find private keys: PEM blocks whose body is a key that no passphrase protects, and service accounts that hold one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import Severity
from deployer_lib.probes.secrets.model import Candidate, Origin
from deployer_lib.probes.secrets.structure import decoded, private_key

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["private_keys"]

_BLOCK: Final = re.compile(
    r"-----BEGIN (?P<label>(?:[A-Z0-9]+ )*PRIVATE KEY)-----(?P<body>[^-]{40,20000}(?:-[^-]+){0,20}?)-----END (?P=label)-----"
)
_ENCODED: Final = re.compile(r"\bLS0tLS1CRUdJTi[A-Za-z0-9+/=]{100,}")  # base64 of "-----BEGIN "
_ACCOUNT: Final = re.compile(r'"type"\s*:\s*"service_account"')
#: A name before the key that says that it opens nothing.
_TRIAL: Final = re.compile(r"test|fake|mock|dummy|example|sample", re.IGNORECASE)
_DOCS: Final = "https://cheatsheetseries.owasp.org/cheatsheets/Key_Management_Cheat_Sheet.html"
_ACCOUNT_DOCS: Final = "https://cloud.google.com/iam/docs/key-rotation"


def private_keys(text: str) -> Iterator[Candidate]:
    """Yield the private keys in a text."""
    account = _ACCOUNT.search(text) is not None
    for match in _BLOCK.finditer(text):
        if private_key(match["body"], match["label"]) and not _TRIAL.search(
            text, text.rfind("\n", 0, match.start()) + 1, match.start()
        ):
            kind = "service account key" if account else "private key"
            yield _candidate(text, match, kind, match["body"], _ACCOUNT_DOCS if account else _DOCS)
    for match in _ENCODED.finditer(text):
        inner = (decoded(match[0]) or b"").decode("latin-1")
        block = _BLOCK.search(inner)
        if block is not None and private_key(block["body"], block["label"]):
            yield _candidate(text, match, "private key in base64", match[0], _DOCS)


def _candidate(text: str, match: re.Match[str], kind: str, value: str, docs: str) -> Candidate:
    line = text.count("\n", 0, match.start()) + 1
    return Candidate(kind, line, f"{value.strip()}\n", Origin.KEY, Severity.CRITICAL, docs=docs)

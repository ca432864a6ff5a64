"""Take out of what is shown whatever looks like a secret: by its name, by being one of the target's, in a URL."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from deployer_lib.secret import SECURE, is_secret_name, mask_urls

if TYPE_CHECKING:
    from collections.abc import Iterable

    from deployer_lib.check import JSONValue

__all__ = ["mask", "mask_text", "secrets_of"]

_PAIR: Final = re.compile(r"(?i)\b(password|passwd|pwd|secret|token|api[_-]?key)\s*=\s*([^\s;&\"']+)")
_SHORTEST: Final = 4  # a shorter text occurs everywhere; it is masked where it stands as a whole


def mask(value: JSONValue, secrets: Iterable[str] = (), name: str = "") -> JSONValue:
    """Return a value as it may be shown.

    Args:
        value: as it was read.
        secrets: values that are never shown.
        name: what it is called; a map's entries are judged by their own names.
    """
    if isinstance(value, dict):
        inherited = name if is_secret_name(name) else ""
        return {key: mask(item, secrets, inherited or key) for key, item in value.items()}
    if isinstance(value, list):
        return [mask(item, secrets, name) for item in value]
    if is_secret_name(name) and value not in (None, "", True, False):
        # A connection string is told by its name, and what it says beside the password is what rules are about.
        return mask_text(value, secrets) if isinstance(value, str) and mask_urls(value) != value else SECURE
    return mask_text(value, secrets) if isinstance(value, str) else value


def mask_text(text: str, secrets: Iterable[str] = ()) -> str:
    """Return a text without passwords of URLs and connection strings, and without known secrets."""
    text = mask_urls(text)
    text = _PAIR.sub(rf"\1={SECURE}", text)
    for secret in sorted(secrets, key=len, reverse=True):
        if text == secret:
            return SECURE
        quoted = json.dumps(secret, ensure_ascii=False)
        text = text.replace(quoted, f'"{SECURE}"')
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, SECURE).replace(quoted[1:-1], SECURE)
    return text


def secrets_of(value: JSONValue, name: str = "") -> set[str]:
    """Return the texts of a configuration that stand under the name of a secret."""
    if isinstance(value, dict):
        inherited = name if is_secret_name(name) else ""
        return {text for key, item in value.items() for text in secrets_of(item, inherited or key)}
    if isinstance(value, list):
        return {text for item in value for text in secrets_of(item, name)}
    if isinstance(value, str) and value and is_secret_name(name):
        return {value}
    return set()

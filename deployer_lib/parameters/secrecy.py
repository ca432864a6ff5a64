"""Where a secret may stand in parameters, and where somebody wrote one out.

What a parameters file holds is injected into every notebook before any kernel starts, so a literal secret would be
published with the record. It is refused, and never shown.
"""

from __future__ import annotations

import re
from typing import Final

from deployer_lib.secret import KINDS, REFERENCE, is_secret_name, looks_like_reference, reference_kinds

__all__ = ["literal_secret", "misplaced_reference", "secret_word"]

_ANY_REFERENCE: Final = re.compile(rf"\$\{{({'|'.join(KINDS)}):")
_URL_PASSWORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/\s:@]*:([^/\s@]+)@")
_PLACEHOLDER: Final = re.compile(r"^\{\w+\}$")
#: Names that :func:`is_secret_name` does not know by their end: request headers, framework keys.
_MORE_NAMES: Final = re.compile(
    r"^(proxy_)?authorization$|^cookie$|(secret|access|encryption|master|session|hmac|jwt)_?key$",
    re.IGNORECASE,
)
_HARMLESS: Final = re.compile(r"^(|true|false|none|null|optional|required)$", re.IGNORECASE)


def _secret_name(name: str) -> bool:
    plain = name.replace("-", "_")
    return is_secret_name(plain) or bool(_MORE_NAMES.search(plain))


def _variable(name: str) -> str:
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return re.sub(r"\W+", "_", words).strip("_").upper() or "NAME"


def literal_secret(path: str, name: str, text: str, *, allowed: bool = True) -> tuple[str, str] | None:
    """Return message and hint where a text is a secret that is written out; the text itself is not in them.

    Args:
        path: dotted key, for the message.
        name: name under which it stands (the variable, the header, the key in a body).
        text: the text as written.
        allowed: whether the field takes secrets.
    """
    if looks_like_reference(text):
        return None
    hint = "Delete executed notebooks that were made with it."
    if (match := _URL_PASSWORD.search(text)) and not _PLACEHOLDER.match(match[1]):
        way = f"write ${{env:{_variable(name)}}} for the whole text" if allowed else "take it out"
        return f"{path} holds a literal secret, the password in a URL; rotate it and {way}", hint
    if allowed and _secret_name(name) and not _harmless(name, text):
        return f"{path} holds a literal secret; rotate it and write ${{env:{_variable(name)}}}", hint
    return None


def _harmless(name: str, text: str) -> bool:
    count = text.isdigit() and name.lower().endswith("s")  # MAX_TOKENS: 100
    return count or bool(_HARMLESS.match(text) or _PLACEHOLDER.match(text))


def secret_word(path: str, before: str, word: str) -> tuple[str, str] | None:
    """Return message and hint where a word of a command is a secret (``--password=x``, ``--token x``)."""
    option, equals, value = word.partition("=")
    if equals and option.startswith("-"):
        name = option.lstrip("-")
        return literal_secret(path, name, value) if _secret_name(name) else None
    name = before.lstrip("-") if before.startswith("--") and "=" not in before else ""
    return literal_secret(path, name, word) if _secret_name(name) and not word.startswith("-") else None


def misplaced_reference(path: str, text: str, *, allowed: bool) -> tuple[str, str] | None:
    """Return message and hint where a reference to a secret can't be followed.

    Args:
        path: dotted key, for the message.
        text: the text as written.
        allowed: whether the field takes secrets.
    """
    if not allowed:
        return (
            (
                f"{path} takes no secret, and a reference stands there: {text}",
                "References may stand in variables, headers, bodies, commands and database.scratch.",
            )
            if _ANY_REFERENCE.search(text)
            else None
        )
    if looks_like_reference(text):
        return None
    if _ANY_REFERENCE.search(text):
        return (
            f"{path} holds a reference inside a longer text; a reference is the whole value",
            "Put the whole text, with what stands around it, where the reference points.",
        )
    if match := REFERENCE.match(text):
        *kinds, last = reference_kinds()
        return f"{path}: there are no secrets of kind {match[1]}; there are {', '.join(kinds)} and {last}", ""
    return None

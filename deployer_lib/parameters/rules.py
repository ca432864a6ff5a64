"""What a text in a parameters file must look like, beyond its type: one small rule each, told as one sentence.

A rule is metadata on a field of the model (``Annotated[str, Rule(url)]``). It is held where files are read, because
only there a file and a line can be named; a model that code makes by itself is taken as it is.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from deployer_lib import threshold
from deployer_lib.catalogue import CATALOGUE
from deployer_lib.errors import UsageError
from deployer_lib.extensions import names_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "TARGET_KINDS",
    "Rule",
    "check_id",
    "digest",
    "host",
    "load_gate",
    "mode",
    "origin",
    "path",
    "pattern",
    "target_kind",
    "url",
]

#: Kinds of targets that need nothing installed.
TARGET_KINDS: Final = ("process", "command", "none")
_HOST: Final = re.compile(r"([A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that a text keeps; ``broken`` answers what is wrong with it, or an empty text."""

    broken: Callable[[str], str]


def url(text: str) -> str:
    """Return what is wrong with the base URL of an application."""
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return f"«{text}» is no URL; write https://shop.example"
    if parts.username is not None:
        return "a URL with a user in it is refused; send credentials in headers"
    scheme = "" if parts.scheme in {"http", "https"} else " needs http:// or https:// in front;"
    named = "" if host and not re.search(r"\s", text) else " names no host;"
    if wrong := scheme or named:
        return f"«{text}»{wrong} write https://shop.example"
    return f"«{text}» is a base URL: it has no query and no fragment" if parts.query or parts.fragment else ""


def origin(text: str) -> str:
    """Return what is wrong with a web origin (RFC 6454: scheme, host and port, nothing more)."""
    if not text or text in {"*", "null"}:
        return f"«{text}» is no origin; write https://shop.example"
    if wrong := url(text):
        return wrong
    if urlsplit(text).path:
        return f"«{text}» has a path, and an origin has none; write {text.split('/', 3)[0]}//{urlsplit(text).netloc}"
    return ""


def host(text: str) -> str:
    """Return what is wrong with a host that may be asked: a name, a name with a port, or a base URL."""
    if "://" in text:
        return url(text)
    return (
        "" if _HOST.fullmatch(text) else f"«{text}» is no host; write api.example:8443 or https://api.example"
    )


def path(text: str) -> str:
    """Return what is wrong with the path of a request."""
    return "" if text.startswith("/") or not text else f"«{text}» is no path; it begins with /"


def pattern(text: str) -> str:
    """Return what is wrong with a regular expression."""
    try:
        re.compile(text)
    except re.error as error:
        return f"«{text}» is no regular expression: {error}"
    return ""


def load_gate(text: str) -> str:
    """Return what is wrong with a threshold of a load test."""
    try:
        threshold.load_gate(text)
    except UsageError as error:
        return f"{error.message} {error.hint}"
    return ""


def mode(text: str) -> str:
    """Return what is wrong with file permissions in octal."""
    return "" if re.fullmatch(r"0?[0-7]{3}", text) else f"«{text}» is no file mode; write 0640"


def digest(text: str) -> str:
    """Return what is wrong with an artifact's digest."""
    return "" if re.fullmatch(r"sha256:[0-9a-f]{64}", text) else f"«{text}» is not sha256: and 64 hex digits"


def target_kind(text: str) -> str:
    """Return what is wrong with a kind of target: a packaged one, or an entry point ``deployer.targets``."""
    if text in TARGET_KINDS:
        return ""
    known = (*TARGET_KINDS, *names_of("targets"))
    if text in known:
        return ""
    near = difflib.get_close_matches(text, known, n=1)
    guess = f"; did you mean {near[0]}?" if near else ""
    return f"there is no target of kind «{text}», there are {', '.join(known)}{guess}"


def check_id(text: str) -> str:
    """Return what is wrong with the id of a check; a team's own prefix (``team.orders_fresh``) is let pass."""
    if text in CATALOGUE:
        return ""
    phases = {known.partition(".")[0] for known in CATALOGUE}
    near = difflib.get_close_matches(text, CATALOGUE, n=1, cutoff=0.6)
    prefix, dot, name = text.partition(".")
    if dot and name and prefix not in phases and not near:
        return ""
    guess = f"; did you mean {near[0]}?" if near else "; deployer checks lists them"
    return f"there is no check «{text}»{guess}"

"""Find what files whose purpose is to hold secrets hold: .env, .npmrc, .netrc, Terraform's state, Kubernetes Secrets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import Severity
from deployer_lib.probes.secrets.literals import pairs
from deployer_lib.probes.secrets.model import Candidate, Origin
from deployer_lib.probes.secrets.names import is_password_name, names_secret
from deployer_lib.probes.secrets.structure import decoded
from deployer_lib.probes.secrets.values import (
    is_human_password,
    is_placeholder,
    is_random,
    is_reference,
    same_words,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["example_values", "held_by", "kubernetes_secrets", "named_values"]

_LONGEST: Final = 4000
#: By the file's name: what stands before the secret on its line.
_OWN_FORMS: Final = (
    (re.compile(r"^\.(?:npmrc|yarnrc)"), re.compile(r"""(?P<name>_authToken|_password|_auth|npmAuthToken)["']?\s*[=:]\s*["']?(?P<value>[^\s"']{8,})""")),
    (re.compile(r"^\.pypirc$|^\.my\.cnf$|^\.s3cfg$|^\.boto$"), re.compile(r"^\s*(?P<name>password|secret_key|aws_secret_access_key)\s*[=:]\s*(?P<value>\S{4,})")),
    (re.compile(r"^[._]netrc$"), re.compile(r"\b(?P<name>password)\s+(?P<value>\S{4,})")),
    (re.compile(r"^\.pgpass$"), re.compile(r"^[^#:\s]+:[^:]+:[^:]+:(?P<name>[^:]+):(?P<value>[^:]{4,})$")),
    (re.compile(r"^\.dockercfg$|^config\.json$|^\.dockerconfigjson$"), re.compile(r"\"(?P<name>auth)\"\s*:\s*\"(?P<value>[A-Za-z0-9+/]{12,}={0,2})\"")),
    (re.compile(r"^kubeconfig"), re.compile(r"^\s*(?P<name>token|password)\s*:\s*[\"']?(?P<value>[^\s\"']{8,})")),
    (re.compile(r"^master\.key$"), re.compile(r"^(?P<name>)(?P<value>[0-9a-f]{32})$")),
)  # fmt: skip
_SECRET_DOCUMENT: Final = re.compile(r"^kind:\s*[\"']?Secret[\"']?\s*$", re.MULTILINE)
_BLOCK: Final = re.compile(
    r"^(?P<kind>data|stringData):[ \t]*$(?P<body>(?:\n(?:[ \t]+[^\n]*|[ \t]*))+)", re.MULTILINE
)
_ITEM: Final = re.compile(
    r"^[ \t]+[\"']?(?P<name>[\w.-]+)[\"']?:[ \t]*[\"']?(?P<value>[^\s\"'#]+)", re.MULTILINE
)
_NAMED: Final = re.compile(
    r"""^[ \t]*-?[ \t]*["']?name["']?:[ \t]*["']?(?P<name>[\w.-]+)["']?,?[ \t]*\n[ \t]*["']?value["']?:[ \t]*["']?(?P<value>[^\s"'{}$]+)["']?[ \t]*$""",
    re.MULTILINE,
)
_SEALED: Final = re.compile(r"^kind:\s*(?:Sealed|External)Secret|^sops:|^\$ANSIBLE_VAULT", re.MULTILINE)
_MIN_VALUE: Final = 6
_LONG_WORD: Final = 12  # a shorter word is a database's own name, given as password on a developer's machine


def held_by(text: str, name: str, *, sure: bool) -> Iterator[Candidate]:
    """Yield the secrets in a file that is there to hold some.

    Args:
        text: of the file.
        name: of the file, without folders.
        sure: only values that nobody would put there as an example.
    """
    own = next((form for pattern, form in _OWN_FORMS if pattern.match(name)), None)
    if _SEALED.search(text):
        return
    comments = ("#", ";") if own is not None else ("#", ";", "//")
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) > _LONGEST or line.lstrip().startswith(comments):
            continue
        given = (
            ((match["name"], match["value"]) for match in own.finditer(line))
            if own is not None
            else ((key, value) for key, value in pairs(line, plain=True) if names_secret(key))
        )
        seen: set[str] = set()
        for key, value in given:
            random = is_random(value)
            if value in seen or not (random or (not sure and _is_value(key, value))):
                continue
            seen.add(value)
            severity = Severity.CRITICAL if random else Severity.HIGH
            yield Candidate("secret in a file of secrets", number, value, Origin.FILE, severity, key)


def example_values(text: str) -> Iterator[Candidate]:
    """Yield the values in an example file that look as if somebody had copied the real ones."""
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) > _LONGEST or line.lstrip().startswith(("#", ";", "//")):
            continue
        for key, value in pairs(line, plain=True):
            if names_secret(key) and is_random(value) and not is_placeholder(value):
                yield Candidate(
                    "generated value in an example file", number, value, Origin.FILE, Severity.MEDIUM, key
                )
                break


def kubernetes_secrets(text: str) -> Iterator[Candidate]:
    """Yield the values of Kubernetes Secrets, which base64 does not hide."""
    start = 0
    for document in re.split(r"(?m)^---", text) if "Secret" in text else ():
        if _SECRET_DOCUMENT.search(document) and "ENC[" not in document:
            for block in _BLOCK.finditer(document):
                yield from _items(text, block, start)
        start += len(document) + 3  # the dashes


def named_values(text: str) -> Iterator[Candidate]:
    """Yield the values that containers are given by name and value, on two lines."""
    for match in _NAMED.finditer(text) if "value" in text else ():
        if names_secret(match["name"]) and (
            is_random(match["value"]) or _is_password(match["name"], match["value"])
        ):
            line = text.count("\n", 0, match.start("value")) + 1
            severity = Severity.CRITICAL if is_random(match["value"]) else Severity.HIGH
            yield Candidate("secret literal", line, match["value"], Origin.LITERAL, severity, match["name"])


def _is_password(name: str, value: str) -> bool:
    return is_password_name(name) and is_human_password(value)


def _items(text: str, block: re.Match[str], start: int) -> Iterator[Candidate]:
    for item in _ITEM.finditer(block["body"]):
        value: str | None = item["value"]
        if block["kind"] == "data":
            data = decoded(item["value"])
            value = data.decode("utf-8", "replace") if data is not None else None
        if value and (
            is_random(value.strip())
            or (names_secret(item["name"]) and _is_value(item["name"], value.strip()))
        ):
            line = text.count("\n", 0, start + block.start("body") + item.start("value")) + 1
            yield Candidate(
                "value of a Kubernetes Secret",
                line,
                item["value"],
                Origin.FILE,
                Severity.CRITICAL,
                item["name"],
            )


def _is_value(name: str, value: str) -> bool:
    word = value.isalpha() and value.islower() and len(value) < _LONG_WORD and is_password_name(name)
    return (
        len(value) >= _MIN_VALUE
        and not word
        and not is_reference(value)
        and not is_placeholder(value)
        and not same_words(name, value)
        and not value.isdigit()
    )

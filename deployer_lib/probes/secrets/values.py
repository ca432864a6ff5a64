"""Tell a real secret's value from a placeholder, a word, a reference or an identifier."""

from __future__ import annotations

import math
import re
from collections import Counter
from itertools import pairwise
from typing import Final

__all__ = [
    "entropy",
    "is_human_password",
    "is_placeholder",
    "is_published",
    "is_random",
    "is_reference",
    "is_uuid",
    "listed",
    "same_words",
]


def listed(text: str) -> frozenset[str]:
    """Return the words of a text: a list of data that is read rather than punctuated."""
    return frozenset(text.split())


#: What stands for a value that is put in later, or comes from elsewhere.
_REFERENCE: Final = re.compile(
    r"\$\{|\$\(|\$\$|^\$[A-Za-z_]|\{\{|\}\}|<[^<>]*>|#\{|%\(|%[sdv]\b|\{\w*\}|^__\w+__$|^%\w+%$|^@\w|@@|^!|^\*\w|^&\w"
    r"|^ENC[\[(]|^vault:|^arn:|^op://|^ref\+|^ssm:|^secret(?:s|smanager)?[:/]|^projects/|^env[:(]|^file:|process\.env|environ"
    r"|^ansible_|^\|$|^>-?$|^/[\w./-]*$|^~/|^\./|^[A-Z]:\\",
    re.IGNORECASE,
)
_WORDS: Final = (
    "change[-_ .]?(?:me|this|it|in|to|for|before|now|your)|replace|your|example|sample|dummy|placeholder|fixme|todo|insert|enter[-_ ]"
    "|fill|redacted|masked|hidden|x{3,}|\\*{3,}|\\.{3}|…|not[-_ ]?(?:set|used|needed|real|a|for|secure|secret)|unset|unused|ignored?"
    "|invalid|default|^test|test(?:ing)?(?:[-_ ]|$|\\d)|[-_ ]test|foo|ba[rz]\\b|lorem|fake|mock|[-_ ]here$|here[-_ ]|goes|generate|random[-_ ]"
    "|^some|^any|^my|put[-_ ]|set[-_ ](?:me|this|a|your)|must[-_ ]be|should[-_ ]be|do[-_ ]?not|don'?t|only[-_ ]for|for[-_ ]?(?:dev|local|test)"
    "|for[-_ ]development|^dev|local[-_ ]?dev|insecure|unsafe|keyboard cat|^secret[-_ ]?(?:key|token|password|value|string)?$"
    "|^(?:super|very|top)[-_ ]?secret|^pass(?:word|wd|phrase)?[-_ ]?\\d{0,4}!?$|^p[a@4][s$5]{2}w[o0]rd\\d{0,4}!?$|abc|qwerty|letmein|1234|0000"
)
_PLACEHOLDER: Final = re.compile(_WORDS, re.IGNORECASE)
_NOTHING: Final = listed(
    "none null nil undefined true false yes no on off n/a na tbd empty optional required string text password passwd secret token key "
    "admin root user guest postgres postgresql mysql mariadb mongo mongodb redis rabbitmq minio minioadmin sa database db app api "
    "production development staging local localhost basic bearer jwt oauth oauth2 header cookie query auto inherit"
)
_WORD: Final = re.compile(r"[A-Z]?[a-z]{3,}|[A-Z]{4,}")
_KEBAB: Final = re.compile(
    r"^[a-z0-9]+(?:[-_.][a-z0-9]+){2,}$"
)  # digits between its words don't make it random
_VOWELS: Final = frozenset("aeiouyAEIOUY")
_CLUSTER: Final = re.compile(r"[^aeiouyAEIOUY]{5,}")
_RANDOM: Final = re.compile(r"^[\w+/=.~!@#$%^&*()?,:;|\[\]{}<>-]+$", re.ASCII)
_HEX: Final = re.compile(r"^[0-9a-fA-F]+$")
_UUID: Final = re.compile(r"^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")
#: Random-looking text that is no secret: addresses, paths, versions, dates, hashes by name, colours, media types.
_OTHER: Final = re.compile(
    r"^[a-z][a-z0-9+.-]*://|^(?:mailto|data|urn|sha\d+|md5|blob|file):|^sha\d+-|^[\w.+-]+@[\w-]+(?:\.[\w-]+)+$|^v?\d+(?:\.\d+)+"
    r"|^\d{4}-\d\d-\d\d|^[.#]?/|^[a-z][a-z0-9_-]*(?:/[a-z0-9_.*{}:-]+)+$|^\d+$|^\$2[aby]?\$|^\$argon2|^\$[156]\$|^pbkdf2|^bcrypt|^\{SHA|^scrypt:"
    r"|^age1[a-z0-9]{58}$|^ssh-(?:rsa|ed25519)|^-----BEGIN|^[\w-]+(?:\.[a-z][\w-]*){2,}$|^MII[A-Z]|^\(|\)$|^pk_|^pub|^AIza|^gh[pousr]_|^npm_|^eyJ",
    re.IGNORECASE,
)
#: Published with the programs that take them: Azurite's account key, Svix's documented signing secret.
_PUBLISHED: Final = listed(
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw== C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
)
_MIN_RANDOM: Final = 16
_MIN_HEX: Final = 24
_MIN_HUMAN: Final = 8
_BITS_RANDOM: Final = 3.2  # bits per character; English words reach it too, hence the other tests
_BITS_HEX: Final = 2.9
_WORDLIKE: Final = 0.6  # share of a text's characters that stand in pronounceable words
_FEW: Final = 3  # different characters
_SEQUENCE: Final = 0.6  # share of neighbours that are equal or follow each other


def entropy(text: str) -> float:
    """Return Shannon's entropy in bits per character."""
    size = len(text)
    return -sum(n / size * math.log2(n / size) for n in Counter(text).values()) if size else 0.0


def is_reference(value: str) -> bool:
    """Tell whether a value is put in from elsewhere: a template, a variable, a path of a file, a vault's address."""
    return _REFERENCE.search(value) is not None


def is_placeholder(value: str) -> bool:
    """Tell whether a value says by itself that it is none: changeme, <token>, xxxx, 12345678."""
    text = value.strip()
    return (
        not text
        or text.lower() in _NOTHING
        or is_reference(text)
        or _PLACEHOLDER.search(text) is not None
        or len(set(text)) <= _FEW
        or _is_sequence(text)
    )


def is_published(value: str) -> bool:
    """Tell whether a value is one that every reader of a program's documentation has."""
    return any(known.rstrip("=") in value for known in _PUBLISHED)


def is_random(value: str) -> bool:
    """Tell whether a value looks as only a generated one does: long, mixed, no words, no address, no placeholder."""
    if is_published(value):
        return False
    if _HEX.match(value):
        return len(value) >= _MIN_HEX and entropy(value.lower()) >= _BITS_HEX and not _is_sequence(value)
    if _UUID.match(value):
        return entropy(value) >= _BITS_HEX and not _is_sequence(value.replace("-", ""))
    core = value.removeprefix("base64:").removeprefix("django-insecure-")
    return (
        len(core) >= _MIN_RANDOM
        and _RANDOM.match(core) is not None
        and _OTHER.search(core) is None
        and any(c.isdigit() for c in core)
        and any(c.isalpha() for c in core)
        and entropy(core) >= _BITS_RANDOM
        and _wordlike(core) < _WORDLIKE
        and not is_reference(core)
        and not _is_sequence(core)
        and re.search(r"example|placeholder|changeme|x{4}|your[-_]|1234567|abcdef", core, re.IGNORECASE)
        is None
    )


def is_uuid(value: str) -> bool:
    """Tell whether a value has the form of a UUID: an id far more often than a key."""
    return _UUID.match(value) is not None


def is_human_password(value: str) -> bool:
    """Tell whether a value looks like a password that a person made up: eight characters, letters with digits or signs."""
    return (
        _MIN_HUMAN <= len(value) <= 64  # noqa: PLR2004
        and not any(c.isspace() for c in value)
        and value.isascii()
        and _OTHER.search(value) is None
        and not is_placeholder(value)
        and any(c.isalpha() for c in value)
        and any(c.isdigit() for c in value)
        and "|" not in value
        and re.match(r"^[a-z]+(?:[-_.][a-z]+)*[-_.]?\d?$|^[A-Z0-9_]+$", value) is None
    )


def same_words(name: str, value: str) -> bool:
    """Tell whether a value only repeats its name: a constant that names a field, a header or another key."""
    mine = {w.lower().rstrip("s") for w in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}
    its = {w.lower().rstrip("s") for w in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", value)}
    squeezed = re.sub(r"[^a-z]", "", name.lower())
    return its <= mine or re.sub(r"[^a-z]", "", value.lower()) in squeezed


def _wordlike(text: str) -> float:
    words = [word for word in _WORD.findall(text) if _VOWELS & set(word) and not _CLUSTER.search(word)]
    size = sum(c.isalpha() for c in text) if _KEBAB.match(text) else len(text)
    return sum(map(len, words)) / size


def _is_sequence(text: str) -> bool:
    pairs = list(pairwise(text))
    near = sum(1 for a, b in pairs if 0 <= ord(b) - ord(a) <= 1)
    return bool(pairs) and near / len(pairs) >= _SEQUENCE

"""A value that is never shown: references in parameters, and the value they stand for.

The redactor of a kernel's output lives in :mod:`deployer_lib.redaction`; this module is what parameters are made of.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import subprocess
from typing import TYPE_CHECKING, Final

from deployer_lib.errors import UsageError
from deployer_lib.extensions import load_extension, names_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "KINDS",
    "REFERENCE",
    "SECURE",
    "Secret",
    "is_secret_name",
    "looks_like_reference",
    "mask_urls",
    "reference_kinds",
]

SECURE: Final = "[secure]"

#: Kinds of references that need nothing installed: ``${env:NAME}``, ``${file:PATH}``, ``${cmd:["argv", …]}``, ``${made:name}``.
KINDS: Final = ("env", "file", "cmd", "made")
#: One reference is the whole text; other kinds are entry points ``deployer.secrets``. The shell's ``${name:-default}``
#: and its like are none.
REFERENCE: Final = re.compile(r"^\$\{([a-z][a-z0-9_]*):([^-+?=}].*)\}$", re.DOTALL)

#: Of a name's words joined by ``_`` (``dbPassword``, ``DB-PASSWORD`` and ``db_password`` are one), the last ones.
_SECRET_NAME: Final = re.compile(
    r"(password|passwd|passphrase|secret|token|api_?key|private_?key|credential)s?$"
    r"|(^|_)(pass|pwd|dsn|jwt|connection_string)$"
    r"|(^|_)(auth|signing|secret|access|encryption|master|session|account|service|shared|hmac|webhook|license)_?keys?$"
    r"|(secret|secret_key)_base$"
)
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_COMMAND_TIMEOUT_S: Final = 30.0
#: Of a URL: the password, with further @ in it, and a token that stands alone before the host (longer than a user's name).
_URL_PASSWORD: Final = re.compile(r"(?<=://)([^\s/@:]*):([^\s/@]+(?:@[^\s/@.]*)*)@")
_URL_TOKEN: Final = re.compile(r"(?<=://)[\w.~%+-]{20,}@")


def is_secret_name(name: str) -> bool:
    """Tell whether a parameter or variable of this name usually holds a secret."""
    words = [word.lower() for word in _WORD.findall(name)]
    while words and words[-1].isdecimal():
        words.pop()  # SECRET_KEY_2
    return bool(_SECRET_NAME.search("_".join(words)))


def mask_urls(text: str) -> str:
    """Return a text without the passwords and tokens of the URLs in it."""
    return _URL_TOKEN.sub(f"{SECURE}@", _URL_PASSWORD.sub(rf"\1:{SECURE}@", text))


def looks_like_reference(text: str) -> bool:
    """Tell whether a text is a reference to a secret, of a kind that is known or installed."""
    match = REFERENCE.match(text)
    return match is not None and (match[1] in KINDS or match[1] in names_of("secrets"))


def reference_kinds() -> tuple[str, ...]:
    """Return the kinds of references: the packaged ones, then those of installed packages."""
    return (*KINDS, *names_of("secrets"))


class Secret:
    """Hold a reference to a secret and, once resolved, its value; show neither's content.

    ``repr``, ``str``, ``format`` and HTML are ``[secure]``; only :meth:`reveal` gives the value. Two secrets are equal
    where their references are.
    """

    __slots__ = ("_value", "reference")

    def __init__(self, reference: str) -> None:
        self.reference = reference  # ``${env:NAME}``, which may be shown
        self._value: str | None = None

    def __repr__(self) -> str:
        return SECURE

    __str__ = __repr__
    _repr_html_ = __repr__

    def __format__(self, format_spec: str) -> str:
        return SECURE

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.reference == self.reference

    def __hash__(self) -> int:
        return hash(self.reference)

    def __copy__(self) -> Secret:
        return self  # a copied model keeps what was resolved

    def __deepcopy__(self, memo: dict[int, object]) -> Secret:
        return self

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        return Secret, (self.reference,)  # what goes to another process or a cache is the reference

    @property
    def resolved(self) -> bool:
        """Tell whether the value is known."""
        return self._value is not None

    def reveal(self) -> str:
        """Return the value.

        Raises:
            UsageError: it was not resolved yet.
        """
        if self._value is None:
            raise UsageError(f"The secret {self.reference} was used before it was resolved.")
        return self._value

    def resolve(self, *, root: Path, made: Path) -> str:
        """Find the value that the reference names, keep it and return it.

        Args:
            root: folder against which ``${file:PATH}`` is read.
            made: folder (0700) in which ``${made:name}`` keeps random values that were made once.

        Raises:
            UsageError: the variable is unset or empty, the file is unreadable or empty, the command failed.
        """
        if self._value is None:
            match = REFERENCE.match(self.reference)
            if match is None:
                raise UsageError(f"{self.reference!r} is not a reference to a secret.")
            kind, rest = match.groups()
            ways = {"env": _from_env, "file": _from_file, "cmd": _from_command, "made": _from_made}
            value = ways[kind](rest, root, made) if kind in ways else _from_extension(kind, rest)
            if not value:
                raise UsageError(
                    f"The secret {self.reference} is empty.",
                    hint="Give it a value, or take the reference out.",
                )
            self._value = value
        return self._value


def _from_env(name: str, _root: Path, _made: Path) -> str:
    if name not in os.environ:
        raise UsageError(f"The secret ${{env:{name}}} is not set.", hint=f"export {name}=… before the run.")
    return os.environ[name]


def _from_file(path: str, root: Path, _made: Path) -> str:
    try:
        return (root / path).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The secret ${{file:{path}}} can't be read: {error}.") from error


def _from_command(text: str, root: Path, _made: Path) -> str:
    try:
        argv = json.loads(text)
    except ValueError:
        argv = None
    if not isinstance(argv, list) or not argv or not all(isinstance(word, str) for word in argv):
        raise UsageError(
            f"${{cmd:{text}}} needs a JSON list of words.",
            hint='For example ${cmd:["pass", "show", "shop/db"]}.',
        )
    try:
        done = subprocess.run(
            argv, cwd=root, capture_output=True, text=True, timeout=_COMMAND_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"The secret's command {argv[0]} did not run: {error}.") from error
    if done.returncode:
        raise UsageError(
            f"The secret's command {argv[0]} ended with {done.returncode}.", hint="Run it by hand to see why."
        )
    return done.stdout.rstrip("\r\n")


def _from_extension(kind: str, text: str) -> str:
    """Ask an installed package: its entry point is a function from the reference's text to the value."""
    resolver = load_extension("secrets", kind)
    if not callable(resolver):
        raise UsageError(f"The entry point {kind} of deployer.secrets is no function.")
    try:
        value = resolver(text)
    except Exception as error:  # whatever a package's code raises
        raise UsageError(
            f"The secret ${{{kind}:{text}}} can't be had: {type(error).__name__}: {error}."
        ) from error
    if not isinstance(value, str):
        raise UsageError(f"The secret ${{{kind}:{text}}} came as {type(value).__name__}, not as text.")
    return value


def _from_made(name: str, _root: Path, made: Path) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", name) or name.startswith("."):
        raise UsageError(f"${{made:{name}}} needs a plain name.", hint="Letters, digits, _ and -.")
    made.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = made / name
    fresh = made / f".{name}.{secrets.token_hex(8)}"  # threads and a crashed process's rest don't meet
    if not path.exists():
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(24))
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)  # the first of several processes wins; the others read its value
        fresh.unlink()
    return path.read_text(encoding="utf-8")

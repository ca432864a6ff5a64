"""What is told of a secret that was found: kind, place, masked tail. The value itself is never kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from deployer_lib.catalogue import Severity

__all__ = ["Candidate", "FoundSecret", "Origin", "SecretsFound", "mask"]

_LONG: Final = 20  # of a value this long, four characters tell nothing that helps
_DISTINCT: Final = 8  # shorter ones are words, which names are made of
_TAIL: Final = 4
_HIDDEN: Final = "****"


class Origin(StrEnum):
    """How a secret came into the file, which decides how it is taken out."""

    TOKEN = "token"  # noqa: S105  (of a provider's form, wherever it stands)
    KEY = "private key"
    LITERAL = "literal"  # assigned to a secret-looking name, or passed where a key belongs
    DEFAULT = "default"  # the fallback of a variable
    URL = "url"  # a password within an address
    FILE = "file"  # a file whose purpose is to hold secrets
    UNIGNORED = "unignored"  # such a file that git does not know yet, and would take with the next add


@dataclass(frozen=True, slots=True)
class Candidate:
    """A secret with its value, within this package alone."""

    kind: str
    line: int  # from 1
    value: str = field(repr=False)  # no traceback shows it
    origin: Origin
    severity: Severity = Severity.CRITICAL
    name: str = ""  # of the variable or key that it was given to; empty where there is none
    docs: str = ""  # where its provider tells how it is rotated

    def found(self, file: str, *, committed: bool | None) -> FoundSecret:
        """Return what may be told of it."""
        name = self.name if len(self.value) < _DISTINCT or self.value not in self.name else ""
        return FoundSecret(
            self.kind,
            file,
            self.line,
            mask(self.value),
            committed,
            self.origin,
            self.severity,
            name,
            self.docs,
        )


@dataclass(frozen=True, slots=True)
class FoundSecret:
    """One secret in one place."""

    kind: str  # "GitHub token", "literal default"
    file: str  # relative to the project, with slashes
    line: int  # from 1
    masked: str  # its last four characters where it is long, else none
    committed: bool | None  # whether git tracks the file; None where there is no git
    origin: Origin
    severity: Severity
    name: str = ""  # of the variable or key; empty where there is none
    docs: str = ""

    @property
    def subject(self) -> str:
        """Return by what a finding is known again in a later round: lines move, names and kinds stay."""
        return f"{self.file}: {self.name or self.kind}"


@dataclass(frozen=True, slots=True)
class SecretsFound:
    """What a search came to."""

    found: tuple[FoundSecret, ...]  # by file and line
    files_read: int
    unread: tuple[tuple[str, str], ...]  # (file, why)
    unscanned: tuple[tuple[str, str], ...] = ()  # read, but for the fallbacks of its variables: (file, why)
    in_git: bool = False  # whether it could be told which files are committed


def mask(value: str) -> str:
    """Return what may be shown of a value."""
    return f"{_HIDDEN}{value[-_TAIL:]}" if len(value) >= _LONG and value[-_TAIL:].isalnum() else _HIDDEN

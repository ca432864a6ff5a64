"""What is known of an environment variable: its name, whether it must be set, and where it is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from deployer_lib.check import JSONValue

__all__ = ["NEEDS", "Found", "Need", "Read", "Reference", "Scan", "Variable"]

#: required: unset, at least one read fails; default: a fallback stands with the read; optional: absence is tolerated.
Need = Literal["required", "default", "optional"]

#: Strongest first: a variable needs what its most demanding read needs.
NEEDS: Final[tuple[Need, ...]] = ("required", "default", "optional")


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """One place where a variable is read."""

    file: str  # relative to the scanned root, with slashes
    line: int  # from 1
    column: int  # byte in the line, from 1
    idiom: str  # how it is read (os.environ[…])


@dataclass(frozen=True, slots=True)
class Read:
    """One read of one variable."""

    name: str
    need: Need
    default: str | None
    reference: Reference


@dataclass(slots=True)
class Found:
    """What a reader found."""

    reads: list[Read] = field(default_factory=list)
    skipped: list[tuple[str, str, int]] = field(default_factory=list)  # (file, why, line)
    computed: list[Reference] = field(default_factory=list)  # name not known before run time


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable that code reads."""

    name: str
    need: Need
    default: str | None  # of its first read that has one, as text; None where there is none
    references: tuple[Reference, ...]  # by file and line

    @property
    def shown_default(self) -> str | None:
        """Return the default as it may be shown: a secret's not at all, a URL's without its password."""
        if not self.default:
            return self.default
        from deployer_lib.secret import SECURE, is_secret_name, mask_urls  # noqa: PLC0415  (a scan shows nothing)

        return SECURE if is_secret_name(self.name) else mask_urls(self.default)

    def to_json(self) -> dict[str, JSONValue]:
        """Return the JSON shape of SCHEMA.md, without what example and documents say of it."""
        return {
            "name": self.name,
            "need": self.need,
            "default": self.shown_default,
            "references": [
                {"file": place.file, "line": place.line, "column": place.column, "idiom": place.idiom}
                for place in self.references
            ],
        }


@dataclass(frozen=True, slots=True)
class Scan:
    """What was found in a project, and what could not be looked at."""

    variables: tuple[Variable, ...]  # by name
    files_scanned: int  # source files looked at, those without any mark of the environment included
    files_skipped: tuple[tuple[str, str, int], ...]  # (file, why, line; 0 where unknown)
    computed: tuple[Reference, ...] = ()  # reads whose name is made at run time and could not be worked out
    by_language: tuple[tuple[str, int], ...] = ()  # (language, files scanned)
    deploy_only: tuple[Variable, ...] = ()  # by name; what only compose files, manifests and the like read

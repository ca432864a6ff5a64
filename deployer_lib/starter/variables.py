"""Which environment variables a project asks for, read from its example file and its compose file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.parameters.secrecy import literal_secret
from deployer_lib.probes.variables import scan
from deployer_lib.starter.facts import line_of
from deployer_lib.starter.launch import COMPOSE

if TYPE_CHECKING:
    from deployer_lib.starter.facts import Project

__all__ = ["EXAMPLES", "Wanted", "wanted"]

EXAMPLES: Final = (
    ".env.example", ".env.sample", ".env.template", ".env.dist", ".env.defaults", "example.env", "env.example", "sample.env",
)  # fmt: skip
_LINE: Final = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)$")
_REQUIRED: Final = re.compile(r"\$\{([A-Z][A-Z0-9_]*):?\?")
_SCHEMAS: Final = ("prisma/schema.prisma", "src/prisma/schema.prisma")
_SCHEMA: Final = re.compile(r"""\benv\("([A-Z][A-Z0-9_]*)"\)""")
_TEXTUAL: Final = re.compile(
    r"""(?:process|import\.meta)\.env(?:\.([A-Z][A-Z0-9_]*)|\[["']([A-Z][A-Z0-9_]*)["']\])|env::var(?:_os)?\(\s*"([A-Z][A-Z0-9_]*)\""""
)
_PLATFORM: Final = frozenset({"PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "NODE_ENV", "CI", "PWD"})
_PLACEHOLDER: Final = re.compile(
    r"[<>{}]|^\W*$|change.?(me|this)|your[-_ ]|replace|xxx|todo|secret|\.\.\.|localhost|127\.0\.0\.1",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A variable that somebody must set."""

    name: str
    value: str  # as it may be written down; empty where it must come from the environment
    file: str
    line: int
    meaning: str = ""  # the comment above it


def wanted(project: Project) -> tuple[list[Wanted], list[Wanted]]:
    """Return the variables that must be set, and those that the code reads besides.

    The first are those of the example file, those that the code, compose or Prisma's schema require, and those of a
    committed .env (names alone) that the code reads.
    """
    read = _read(project)
    found = {one.name: one for one in _assigned(project, project.has(*EXAMPLES))}
    for one in _assigned(project, ".env"):
        if not read or one.name in read:
            found.setdefault(one.name, one)
    for name, (one, required) in read.items():
        if required:
            found.setdefault(name, one)
    for file, pattern in ((project.has(*COMPOSE), _REQUIRED), (project.has(*_SCHEMAS), _SCHEMA)):
        for number, line in enumerate(project.text(file).splitlines() if file else [], 1):
            for match in pattern.finditer(line):
                found.setdefault(match[1], Wanted(match[1], "", file, number))
    more = [one for name, (one, _) in read.items() if name not in found and name not in _PLATFORM]
    return list(found.values()), more


def _read(project: Project) -> dict[str, tuple[Wanted, bool]]:
    """Return what the code reads, and whether it is required; by text alone for languages that have no reader yet."""
    found: dict[str, tuple[Wanted, bool]] = {}
    for one in scan(project.path).variables:
        place = one.references[0]
        found[one.name] = (Wanted(one.name, "", place.file, place.line), one.need == "required")
    for file, text in project.sources((".js", ".ts", ".mjs", ".cjs", ".tsx", ".rs")):
        for match in _TEXTUAL.finditer(text):
            name = match[1] or match[2] or match[3]
            found.setdefault(name, (Wanted(name, "", file, line_of(text, match.start())), False))
    return found


def _assigned(project: Project, file: str) -> list[Wanted]:
    found = []
    comment = ""
    for number, line in enumerate(project.text(file).splitlines() if file else [], 1):
        if match := _LINE.match(line):
            name, value = match[1], re.sub(r"\s+#.*$", "", match[2]).strip().strip("\"'")
            kept = "" if file == ".env" or _must_be_given(name, value) else value
            found.append(Wanted(name, kept, file, number, comment))
        comment = line.lstrip("# ").strip() if line.lstrip().startswith("#") else ""
    return found


def _must_be_given(name: str, value: str) -> bool:
    """Tell whether an example's value is none for a real environment: a secret, a placeholder, this machine."""
    return bool(_PLACEHOLDER.search(value)) or "$" in value or literal_secret("", name, value) is not None

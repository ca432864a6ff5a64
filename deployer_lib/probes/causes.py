"""Read a root cause out of what a command or a process printed: a missing module, command, variable, a syntax error.

The patterns are data; the first that matches the output, read from its end, names the cause.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Code, Fix, Location

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["Cause", "find_cause"]

_PYTHON_FRAME: Final = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)')
_ERROR_LINE: Final = re.compile(
    r"(^\s*(?:[\w.]+(?:Error|Exception|Exit)\b.*|error(?:\[\w+\])?:.*|fatal:.*|npm (?:ERR!|error).*))",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a command failed, as far as its output tells."""

    text: str  # one sentence
    line: str  # the line of the output that says so
    fix: Fix
    locations: tuple[Location, ...] = ()


def _python_module(match: re.Match[str]) -> tuple[str, Fix]:
    name = match["name"].partition(".")[0]
    return f"The Python module {match['name']} can't be imported: nothing that is declared installs it.", Fix(
        steps=(f"Declare the distribution that provides {name} and lock it again.",),
        code=(Code("pyproject.toml", f'dependencies = [\n  # …\n  "{name}",\n]', language="toml"),),
        docs="https://packaging.python.org/en/latest/guides/writing-pyproject-toml/#dependencies-and-requirements",
        minutes=10,
    )


def _node_module(match: re.Match[str]) -> tuple[str, Fix]:
    name = match["name"]
    if name.startswith((".", "/")):
        return f"The file {name}, which is imported, does not exist.", Fix(
            steps=(f"Correct the import of {name}, or add the file.",), minutes=10
        )
    package = "/".join(name.split("/")[: 2 if name.startswith("@") else 1])
    return f"The package {package} is imported and not installed.", Fix(
        steps=(f"Run npm install {package} and commit package.json and the lock file.",),
        code=(Code("package.json", f"npm install {package}", language="shell"),),
        docs="https://docs.npmjs.com/cli/commands/npm-install",
        minutes=10,
    )


def _rust_crate(match: re.Match[str]) -> tuple[str, Fix]:
    name = match["name"]
    return f"The crate {name} is used and not declared.", Fix(
        steps=(f"Run cargo add {name} and commit Cargo.toml and Cargo.lock.",),
        code=(Code("Cargo.toml", f"cargo add {name}", language="shell"),),
        docs="https://doc.rust-lang.org/cargo/commands/cargo-add.html",
        minutes=10,
    )


def _command(match: re.Match[str]) -> tuple[str, Fix]:
    return f"The command {match['name']} is not installed here.", Fix(
        steps=(f"Install {match['name']} on the machine that builds, or call it by its path.",), minutes=10
    )


def _syntax(match: re.Match[str]) -> tuple[str, Fix]:
    return f"A file does not parse: {match['name']}.", Fix(
        steps=("Correct the file at the place that is named.",), minutes=10
    )


def _port(match: re.Match[str]) -> tuple[str, Fix]:
    return f"The port is taken by another process: {match['name'].strip()}.", Fix(
        steps=("Find it with ss -ltnp, stop it, or choose another port.",),
        minutes=10,
    )


def _denied(match: re.Match[str]) -> tuple[str, Fix]:
    return f"Access was denied: {match['name'].strip()}.", Fix(
        steps=("Give the account that runs it access to that file, or name another.",), minutes=15
    )


#: Pattern (one group ``name``) → what it means. Tried in this order on each line, from the last line up.
_CAUSES: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], tuple[str, Fix]]], ...]] = (
    (re.compile(r"ModuleNotFoundError: No module named '(?P<name>[\w.]+)'"), _python_module),
    (re.compile(r"Rollup failed to resolve import \"(?P<name>[^\"]+)\""), _node_module),
    (re.compile(r"Can't resolve '(?P<name>[^']+)'"), _node_module),
    (re.compile(r"Cannot find (?:module|package) '(?P<name>[^']+)'"), _node_module),
    (re.compile(r"Could not resolve \"(?P<name>[^\"]+)\""), _node_module),
    (
        re.compile(r"(?:unresolved import|undeclared crate or module|unlinked crate) `(?P<name>\w+)"),
        _rust_crate,
    ),
    (re.compile(r"(?:sh|bash): (?:\d+: |line \d+: )?(?P<name>[\w./-]+): (?:command )?not found"), _command),
    (re.compile(r"(?P<name>(?:SyntaxError|IndentationError|TabError): .+)"), _syntax),
    (re.compile(r"(?P<name>.*(?:Address already in use|EADDRINUSE).*)", re.IGNORECASE), _port),
    (re.compile(r"(?P<name>.*(?:Permission denied|EACCES).*)"), _denied),
)


def find_cause(output: str, project: Path) -> Cause:
    """Return the root cause that an output names; its last error-like line where no pattern knows it.

    Args:
        output: what the command printed.
        project: folder of the project (or its working copy), to tell its files from a library's.
    """
    lines = output.splitlines()
    for line in reversed(lines):
        for pattern, meaning in _CAUSES:
            if match := pattern.search(line):
                text, fix = meaning(match)
                return Cause(text, line.strip(), fix, _frames(lines, project))
    telling = next((line for line in reversed(lines) if _ERROR_LINE.match(line)), "")
    last = telling.strip() or next((line.strip() for line in reversed(lines) if line.strip()), "")
    return Cause(
        last or "It printed nothing.",
        last,
        Fix(
            steps=(
                "Run the command by hand in a clean checkout and read its output from the first error down.",
            ),
            minutes=30,
        ),
        _frames(lines, project),
    )


def _frames(lines: list[str], project: Path) -> tuple[Location, ...]:
    """Return the project's own places in a Python traceback or a compiler's message, the innermost first."""
    places: dict[Location, None] = {}
    for line in reversed(lines):
        match = _PYTHON_FRAME.match(line) or re.match(
            r"^\s*(?:-->\s*)?(?P<file>[\w./@-]+\.\w+)[:(](?P<line>\d+)[:,]", line
        )
        if match and (name := _own_file(match["file"], project)):
            places[Location(name, int(match["line"]))] = None
    return tuple(places)[:5]


def _own_file(file: str, project: Path) -> str | None:
    try:
        path = (project / file).resolve()
        name = path.relative_to(project.resolve()).as_posix()
    except (ValueError, OSError):
        return None
    vendored = {"node_modules", ".venv", "venv", "site-packages", "target"} & set(name.split("/"))
    return name if path.is_file() and not vendored else None

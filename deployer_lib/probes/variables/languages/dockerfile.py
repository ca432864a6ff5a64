"""Dockerfiles: build arguments, what instructions are filled in with, and what the shell forms of commands read."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.languages.files import texts_of
from deployer_lib.probes.variables.languages.placeholders import placeholders
from deployer_lib.probes.variables.languages.shell import read_commands
from deployer_lib.probes.variables.languages.shell_script import is_own
from deployer_lib.probes.variables.model import Found, Read, Reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from deployer_lib.probes.variables.languages.shell_needs import Judged
    from deployer_lib.probes.variables.model import Need

__all__ = ["Dockerfile"]

_NAMES: Final = re.compile(
    r"(?:Dockerfile|Containerfile)(?:[._-].*)?|.*\.(?:Dockerfile|Containerfile)", re.IGNORECASE
)
#: A file that is named for a Dockerfile but is something else: Dockerfile.md, Dockerfile.dockerignore.
_OTHERS: Final = frozenset(
    {
        ".dockerignore",
        ".md",
        ".txt",
        ".yml",
        ".yaml",
        ".json",
        ".py",
        ".sh",
        ".js",
        ".ts",
        ".go",
        ".rb",
        ".lock",
    }
)
_INSTRUCTION: Final = re.compile(r"\s*([A-Za-z]+)(?:\s+|$)")
_FLAG: Final = re.compile(r"--[a-z-]+(?:=(?:\"[^\"]*\"|\S)*)?\s+")
_SECRET: Final = re.compile(r"\benv=(\w+)")
_HEREDOC: Final = re.compile(r"<<(-?)([\"']?)([A-Za-z_]\w*)\2(?=\s|$|;)")
_PAIR: Final = re.compile(r"""([A-Za-z_]\w*)(=)?((?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])*)""", re.DOTALL)
_QUOTED: Final = re.compile(r"'[^']*'")
_ESCAPE: Final = re.compile(r"#\s*escape\s*=\s*([`\\])", re.IGNORECASE)
#: Filled in by the builder itself.
_BUILDERS: Final = re.compile(r"(?:TARGET|BUILD)(?:PLATFORM|OS|ARCH|VARIANT)|BUILDKIT_\w+|SOURCE_DATE_EPOCH")
#: What common base images set; a build can't be given them.
_IMAGES: Final = frozenset(
    """
    PHPIZE_DEPS PHP_INI_DIR PHP_VERSION PHP_EXTRA_CONFIGURE_ARGS GOPATH GOROOT GOLANG_VERSION CARGO_HOME RUSTUP_HOME RUST_VERSION
    JAVA_HOME JAVA_VERSION NODE_VERSION YARN_VERSION PYTHON_VERSION NGINX_VERSION PKG_RELEASE NJS_VERSION RUBY_VERSION
    RUBY_MAJOR GEM_HOME BUNDLE_PATH BUNDLE_APP_CONFIG VIRTUAL_ENV PG_MAJOR PG_VERSION PGDATA MAVEN_HOME GRADLE_HOME
    CATALINA_HOME DOTNET_VERSION ASPNET_VERSION VERSION_CODENAME VERSION_ID ID CONDA_DIR
    """.split()  # noqa: SIM905  (a table of words reads best as one)
)
_COMMANDS: Final = frozenset({"RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK"})
_FILLED: Final = frozenset(
    {"FROM", "ENV", "ARG", "LABEL", "COPY", "ADD", "WORKDIR", "USER", "EXPOSE", "VOLUME", "STOPSIGNAL"}
)
_SHELLS: Final = re.compile(r"(?:\S*/)?(?:ba|da|a|z)?sh")


@dataclass(frozen=True, slots=True)
class _Instruction:
    word: str
    text: str  # with its line ends, comment lines blanked
    line: int  # of its text's first character, from 1
    column: int  # of its text's first character, from 0
    heredocs: tuple[tuple[str, int, bool], ...] = ()  # (text, its first line, filled in)


@dataclass(slots=True)
class _State:
    given: set[str] = field(default_factory=set)  # by ENV, or by ARG with a default
    environment: set[str] = field(default_factory=set)  # by ENV: there when a container runs, too
    open: set[str] = field(default_factory=set)  # by ARG without default
    defaults: dict[str, str] = field(default_factory=dict)
    powershell: bool = False


class Dockerfile:
    """Reads Dockerfiles."""

    language = "dockerfile"
    suffixes: frozenset[str] = frozenset()
    deploy = True

    def wants(self, relative: Path, head: bytes) -> bool:  # noqa: ARG002  (every reader is asked so)
        """Tell whether a file is a Dockerfile, by its name.

        Args:
            relative: the file, relative to the project.
            head: its first bytes.
        """
        return _NAMES.fullmatch(relative.name) is not None and relative.suffix.lower() not in _OTHERS

    def read(self, root: Path, files: Sequence[Path]) -> Found:
        """Return what the files, given relative to ``root``, read from build arguments and the environment."""
        found = Found()
        for relative, text in texts_of(root, files, found):
            path = relative.as_posix()
            state = _State()
            for instruction in _instructions(text):
                found.reads.extend(_read(path, instruction, state))
        return found


def _instructions(text: str) -> Iterator[_Instruction]:
    escape = found[1] if (found := _ESCAPE.match(text)) else "\\"
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        match = _INSTRUCTION.match(lines[at])
        if match is None or lines[at].lstrip().startswith("#"):
            at += 1
            continue
        first = at
        body = [lines[at][match.end() :]]
        while body[-1].rstrip().endswith(escape) and at + 1 < len(lines):
            at += 1
            # Comments and empty lines inside an instruction are taken out before it is looked at.
            blank = not lines[at].strip() or lines[at].lstrip().startswith("#")
            body.append("\\" if blank else _continued(lines[at], escape))
        body[0] = _continued(body[0], escape)
        heredocs, at = _heredocs(lines, "\n".join(body), at + 1)
        yield _Instruction(match[1].upper(), "\n".join(body), first + 1, match.end(), heredocs)


def _continued(line: str, escape: str) -> str:
    stripped = line.rstrip()
    return f"{stripped[:-1]}\\" if stripped.endswith(escape) else line


def _heredocs(lines: list[str], text: str, at: int) -> tuple[tuple[tuple[str, int, bool], ...], int]:
    found: list[tuple[str, int, bool]] = []
    for match in _HEREDOC.finditer(text):
        start = at
        while at < len(lines) and (lines[at].lstrip("\t") if match[1] else lines[at]) != match[3]:
            at += 1
        if at == len(lines):
            return tuple(found), start  # no end: it was no heredoc
        found.append(("\n".join(lines[start:at]), start + 1, not match[2]))
        at += 1
    return tuple(found), at


def _read(path: str, instruction: _Instruction, state: _State) -> Iterator[Read]:
    word = instruction.word
    if word == "SHELL":
        state.powershell = "powershell" in instruction.text.lower() or "cmd" in instruction.text.lower()
    elif word == "ONBUILD":
        match = _INSTRUCTION.match(instruction.text)
        if match is not None:
            text = instruction.text[match.end() :]
            column = instruction.column + match.end()
            yield from _read(
                path,
                _Instruction(match[1].upper(), text, instruction.line, column, instruction.heredocs),
                state,
            )
    elif word in _COMMANDS:
        yield from _commands(path, instruction, state)
    elif word in _FILLED:
        yield from _filled(path, instruction, state)
        if word == "ARG":
            yield from _arguments(path, instruction, state)
        elif word == "ENV":
            names = _environment(instruction.text)
            state.given |= names
            state.environment |= names
            state.open -= names


def _arguments(path: str, instruction: _Instruction, state: _State) -> Iterator[Read]:
    for match in _PAIR.finditer(instruction.text):
        name = match[1]
        if _BUILDERS.fullmatch(name):
            state.given.add(name)
            continue
        default = match[3].strip("\"'") if match[2] else state.defaults.get(name)
        if default is not None:
            state.defaults[name] = default
            state.given.add(name)
        elif name not in state.environment:
            state.given.discard(name)
            state.open.add(name)
        idiom = "ARG X=…" if match[2] else "ARG X"
        yield _at(
            path,
            instruction,
            match.start(),
            name,
            "optional" if default is None else "default",
            default,
            idiom,
        )


def _environment(text: str) -> set[str]:
    """Return what an ENV instruction sets: ``ENV X=1 Y=2``, or the old ``ENV X one two``."""
    first = _PAIR.match(text.lstrip())
    if first is not None and not first[2]:
        return {first[1]}
    return {match[1] for match in _PAIR.finditer(text) if match[2]}


def _filled(path: str, instruction: _Instruction, state: _State) -> Iterator[Read]:
    # What stands in single quotes is left as it is; blanked, so that places stay the same.
    text = _QUOTED.sub(lambda match: " " * len(match[0]), instruction.text)
    for one in placeholders(text, escape="\\$"):
        name, need = one.name, one.need
        if name in state.given or is_own(name) or _BUILDERS.fullmatch(name):
            continue
        if name in state.open and need == "optional":
            # Without a name there is no image to start from.
            if instruction.word != "FROM" or "+" in one.idiom:
                continue
            need = "required"
        yield _at(path, instruction, one.at, name, need, one.default, f"{instruction.word} {one.idiom}")
    for content, line, expanded in instruction.heredocs if instruction.word in {"COPY", "ADD"} else ():
        for one in placeholders(content, escape="\\$") if expanded else ():
            if one.name not in state.given | state.open and not is_own(one.name):
                row = line + content.count("\n", 0, one.at)
                column = one.at - content.rfind("\n", 0, one.at)
                yield Read(
                    one.name, one.need, one.default, Reference(path, row, column, f"heredoc {one.idiom}")
                )


def _commands(path: str, instruction: _Instruction, state: _State) -> Iterator[Read]:
    if state.powershell:
        return
    building = instruction.word == "RUN"
    # Build arguments are gone when a container runs.
    known = state.given if building else state.environment
    text, skipped, flags = _command(instruction)
    known = known | set(_SECRET.findall(flags))
    scripts = [(text, instruction.line, instruction.column + skipped)]
    if building:
        scripts.extend((content, line, 0) for content, line, _ in instruction.heredocs)
    for script, line, column in scripts:
        for one in read_commands(script, known):
            if building and _is_silent(one, state):
                continue
            place = column if one.row == 0 else 0
            yield Read(
                one.name, one.need, one.default,
                Reference(path, line + one.row, one.column + place + 1, f"{instruction.word} {one.idiom}"),
            )  # fmt: skip


def _is_silent(one: Judged, state: _State) -> bool:
    """Tell whether a read adds nothing: of an argument that is already noted, or of what the base image sets."""
    if one.name in state.open:
        return one.need == "optional"
    return one.name in _IMAGES or _BUILDERS.fullmatch(one.name) is not None


def _command(instruction: _Instruction) -> tuple[str, int, str]:
    """Return what a shell is given, the characters before it, and the flags; nothing where no shell sees it."""
    text = instruction.text
    at = len(text) - len(text.lstrip())
    while (match := _FLAG.match(text, at)) is not None:
        at = match.end()
    flags = text[:at]
    if instruction.word == "HEALTHCHECK":
        match = re.compile(r"(?:\\\n|\s)*CMD\s+", re.IGNORECASE).match(text, at)
        if match is None:
            return "", 0, flags
        at = match.end()
    rest = text[at:]
    if instruction.word == "RUN" and _HEREDOC.match(rest):
        return "", 0, flags
    if not rest.lstrip().startswith("["):
        return rest, at, flags
    try:
        given = json.loads(re.sub(r"\\\n", "\n", rest))
    except ValueError:
        return rest, at, flags
    words = [one for one in given if isinstance(one, str)] if isinstance(given, list) else []
    if len(words) > 2 and _SHELLS.fullmatch(words[0]) and re.fullmatch(r"-[a-z]*c", words[1]):  # noqa: PLR2004  (sh -c …)
        return words[2], at + max(0, rest.find(words[2][:8])), flags
    return "", 0, flags


def _at(
    path: str, instruction: _Instruction, at: int, name: str, need: Need, default: str | None, idiom: str
) -> Read:
    text = instruction.text
    row = text.count("\n", 0, at)
    column = at - text.rfind("\n", 0, at) + (0 if row else instruction.column)
    return Read(name, need, default, Reference(path, instruction.line + row, column, idiom))

"""Symfony's placeholders, ``%env(int:X)%``, and what is cut out of YAML and templates to find reads in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import Read, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.program import Program
    from deployer_lib.probes.variables.model import Need

__all__ = ["defaults_of", "placeholder", "prepared"]

_OPEN: Final = b"<?php "
_PLACEHOLDER: Final = re.compile(r"%env\(([^()%]*)\)%")
_WHOLE: Final = re.compile(r"['\"]?env\(([^()%]*)\)['\"]?$")
_YAML: Final = re.compile(rb"%(env\([^()%\r\n]*\))%")
_REMARK: Final = re.compile(rb"(?:^|\s)#")
#: A section of a YAML file that holds for tests alone.
_TESTS: Final = re.compile(rb"^when@test:.*?(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
#: In a template: {{ … }}, {!! … !!} and @if(…).
_BLADE: Final = re.compile(
    rb"\{\{(?!--)(.*?)\}\}|\{!!(.*?)!!\}|@\w+ *(\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))", re.DOTALL
)
_HELD: Final = (b"env(", b"getenv(", b"$_ENV")
#: ``env(X): value`` of YAML's parameters, and the same in PHP.
_GIVEN: Final = re.compile(
    r"""["']?env\((\w+)\)["']?\s*(?::|=>|,)\s*(["']?)(.*?)\2\s*(?:\)|,|$|#)""", re.MULTILINE
)


def prepared(source: bytes, path: str) -> bytes:
    """Return the PHP of a template, or YAML's placeholders as strings of PHP, every byte in its place."""
    if path.endswith(".blade.php"):
        return _blade(source)
    return _yaml(source) if path.endswith((".yaml", ".yml")) else source


def _blank(source: bytes) -> bytearray:
    blank = bytearray(byte if byte == ord("\n") else ord(" ") for byte in source)
    blank[: len(_OPEN)] = _OPEN[: len(blank)]
    return blank


def _yaml(source: bytes) -> bytes:
    if b"%env(" not in source:
        return b""
    source = _TESTS.sub(lambda m: re.sub(rb"[^\n]", b" ", m[0]), source)
    blank = _blank(source)
    for found in _YAML.finditer(source):
        before = source[source.rfind(b"\n", 0, found.start()) + 1 : found.start()]
        if found.start() >= len(_OPEN) and not _REMARK.search(before):
            blank[found.start() : found.end()] = b"'" + found[1] + b"'"
            if found.end() < len(blank):
                blank[found.end()] = ord(";")
    return bytes(blank)


def _blade(source: bytes) -> bytes:
    blank = _blank(source)
    for found in _BLADE.finditer(source):
        group = found.lastindex or 1
        if found.start(group) > len(_OPEN) and any(mark in found[group] for mark in _HELD):
            blank[found.start(group) - 1] = ord(";")
            blank[found.start(group) : found.end(group)] = found[group]
            if found.end(group) < len(blank):
                blank[found.end(group)] = ord(";")
    return bytes(blank)


def defaults_of(program: Program) -> dict[str, str]:
    """Return the values that ``env(X)`` parameters of any file give variables that are absent."""
    known: dict[str, str] = {}
    for path in program.holding(b"env("):
        source = program.source(path)
        if path.endswith((".yaml", ".yml")) or b"arameter" in source:
            for name, _, value in _GIVEN.findall(source.decode("utf-8", "replace")):
                known.setdefault(name, value)
    return known


def placeholder(
    node: Node, known: dict[str, str], *, whole: bool, written: str | None = None
) -> Iterator[Read]:
    """Yield what a string's placeholders read.

    Args:
        node: the string.
        known: defaults of variables, by name.
        whole: the string is ``env(X)`` itself, without percent signs.
        written: its text, where that is not the node's own.
    """
    found = written if written is not None else text(node)
    inside = _WHOLE.findall(found) if whole else _PLACEHOLDER.findall(found)
    for one in inside:
        *processors, name = [part.strip() for part in one.split(":")]
        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            continue
        need, default = _need(processors, known.get(name))
        yield Read(name, node, "%env()%", need, default_text=default, final=True)


def _need(processors: list[str], given: str | None) -> tuple[Need, str | None]:
    if "default" in processors:
        after = processors[processors.index("default") + 1 :]
        return ("default", f"%{after[0]}%") if after and after[0] else ("optional", None)
    if given is not None:
        return ("optional", None) if given in {"null", "~"} else ("default", given)
    return "required", None

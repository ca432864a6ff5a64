"""Libraries of Kotlin that read the environment by declared names: Clikt's options, http4k's keys, Konfig's keys."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import Call, Read, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Language
    from deployer_lib.probes.variables.flow.program import Program, SourceFile
    from deployer_lib.probes.variables.model import Need

__all__ = ["declared_reads"]

#: A file of these libraries' users has one of these bytes.

_HTTP4K: Final[dict[str, Need]] = {"required": "required", "optional": "optional", "defaulted": "default"}
_KONFIG: Final = "com.natpryce.konfig"
_TOLERANT: Final = frozenset({"getOrNull", "getOrElse", "contains"})


def declared_reads(call: Call, file: SourceFile, program: Program) -> Iterator[Read]:
    """Yield what a call declares to be read from the environment.

    Args:
        call: ``option("--port", envvar = "PORT")``, ``EnvironmentKey.int().required("PORT")``, ``Key("server.port", intType)``.
        file: where it stands, for its imports.
        program: for what other files say of a key.
    """
    if (named := call.named("envvar")) is not None and call.name in {"option", "argument"}:
        yield _option(call, named, program.language)
        return
    key = call.positional(0)
    if key is None or key == call.block:
        return
    if call.name in _HTTP4K and re.match(r"EnvironmentKey\b", text(call.node)):
        default = call.positional(1) if call.name == "defaulted" else None
        need = _HTTP4K[call.name]
        yield Read(
            key, call.node, "EnvironmentKey", need, default=default, final=default is None, change=_spelled
        )
    elif (
        call.callee == "Key" and re.search(r"Type\b", text(call.positional(1))) and _is_konfig(file, program)
    ):
        yield _key(call, key, file, program)


def _option(call: Call, named: Node, language: Language) -> Read:
    """Return the read of an option by what is called on it: ``.int().default(80)``, ``.required()``."""
    here = call.node
    while (further := _next(here)) is not None and (made := language.call(further)) is not None:
        if made.name == "required":
            return Read(named, call.node, "option(envvar)", "required", final=True)
        if made.name == "default":
            return Read(named, call.node, "option(envvar)", default=made.positional(0))
        if made.name == "flag":
            return Read(named, call.node, "option(envvar)", "default", default_text="false", final=True)
        here = further
    return Read(named, call.node, "option(envvar)", final=True)


def _next(node: Node) -> Node | None:
    """Return the call that is made on what a call gives back."""
    above = node.parent
    if above is None or above.type != "navigation_expression" or above.named_children[0] != node:
        return None
    return above.parent if above.parent is not None and above.parent.type == "call_expression" else None


def _key(call: Call, key: Node, file: SourceFile, program: Program) -> Read:
    """Return the read of Konfig's key: by how it is asked for, and whether a map gives it a value where nothing else does."""
    language = program.language
    given = _given(program).get(_spelled(language.string(key) or ""))
    if given is not None:
        return Read(key, call.node, "Key()", default=given, change=_spelled)
    here = call.node.parent
    while here is not None and here.type in {"value_argument", "value_arguments"}:
        here = here.parent
    outer = language.call(here) if here is not None else None
    if outer is not None and outer.name == "getOrElse":
        return Read(key, call.node, "Key()", default=outer.positional(1), change=_spelled)
    bound = language.assignment(here) if here is not None else None
    tolerant = outer is not None and outer.name in _TOLERANT
    if bound is not None:
        asked = rf"\b(?:{'|'.join(sorted(_TOLERANT))})\(\s*(?:\w+\.)*{re.escape(bound[0][0])}\b"
        tolerant = re.search(asked, text(file.root)) is not None
    return Read(key, call.node, "Key()", "optional" if tolerant else "required", final=True, change=_spelled)


def _given(program: Program) -> dict[str, Node]:
    """Return what Konfig's maps give, by the variables' names."""
    paths = program.holding(b"ConfigurationMap(")
    return {
        _spelled(key if isinstance(key, str) else program.language.string(key) or ""): value
        for path in paths
        for call in program.file(path).calls
        if call.callee == "ConfigurationMap"
        for key, value in _pairs(call, program.language)
    }


def _pairs(call: Call, language: Language) -> Sequence[tuple[Node | str, Node]]:
    first = call.positional(0)
    if first is not None and (inner := language.entries(first)) is not None:
        return inner
    sides = [a.value.named_children for a in call.arguments if a.value.type == "infix_expression"]
    return [(pair[0], pair[2]) for pair in sides if len(pair) == 3]  # noqa: PLR2004  (a, to, b)


def _is_konfig(file: SourceFile, program: Program) -> bool:
    """Tell whether a file's keys are Konfig's, and looked for in the environment."""
    brought = any(one.module.startswith(_KONFIG) for one in (*file.imports.values(), *file.stars))
    return brought and bool(program.holding(b"EnvironmentVariables"))


def _spelled(key: str) -> str:
    """Return the variable's name that a key is looked for under: server.port is SERVER_PORT."""
    return re.sub(r"[.-]", "_", key).upper()

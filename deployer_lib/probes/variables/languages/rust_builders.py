"""Rust libraries that read the environment through calls: builders of arguments, and structs filled by envy, figment, config."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import Call, Read, text
from deployer_lib.probes.variables.languages.rust_fields import Naming, struct_named, struct_reads
from deployer_lib.probes.variables.languages.rust_syntax import (
    enclosing_type,
    method_of,
    method_on,
    return_type,
    string,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.program import Program, SourceFile
    from deployer_lib.probes.variables.model import Need

__all__ = ["built", "filled"]

#: What a chain of a builder begins with → its idiom.
_BUILDERS: Final = {
    "Arg::new": "clap Arg::env()",
    "Arg::with_name": "clap Arg::env()",
    "Arg::from_usage": "clap Arg::env()",
    "arg": "clap Arg::env()",
    "long": "bpaf env()",
    "short": "bpaf env()",
}
_DEFAULTS: Final = frozenset(
    {
        "default_value",
        "default_values",
        "default_value_os",
        "default_values_os",
        "default_value_t",
        "fallback",
        "fallback_with",
    }
)
_EXTRACTS: Final = frozenset({"extract", "try_deserialize", "try_into", "extract_lossy", "deserialize"})
#: Sources of a chain beside the environment: a variable that is absent may stand there.
_MERGED: Final = re.compile(r"\bSerialized::(?:defaults?|from)\(|\bset_default\(|Config::try_from\(")
_FILES: Final = re.compile(r"\b(?:Toml|Yaml|Json|Serialized|File)\s*::")
_TYPE: Final = re.compile(r"(?:\w+\s*::\s*)*(\w+)")
_RESULT: Final = re.compile(r"^(?:\w+\s*::\s*)*(?:Result|Option|Box|Arc)\s*<(.*)>$", re.DOTALL)
_ENOUGH: Final = 40  # calls of one chain


def _chain(call: Node) -> list[Node]:
    """Return the calls of a chain of methods, the first one first: ``Arg::new("x").env("X").required(true)``."""
    first = call
    for _ in range(_ENOUGH):
        method = method_of(first)
        if method is None:
            break
        inner = method[0]
        while (
            inner.type in {"try_expression", "await_expression", "parenthesized_expression"}
            and inner.named_children
        ):
            inner = inner.named_children[0]
        if inner.type != "call_expression":
            break
        first = inner
    calls, here = [first], first
    for _ in range(_ENOUGH):
        outer = here.parent
        while outer is not None and outer.type in {
            "try_expression",
            "await_expression",
            "parenthesized_expression",
        }:
            here, outer = outer, outer.parent
        following = method_on(here)
        if following is None:
            break
        here = following[0]
        calls.append(here)
    return calls


def _named(call: Node) -> str:
    method = method_of(call)
    if method is not None:
        return method[1]
    return re.sub(r"\s|<.*>", "", text(call.child_by_field_name("function")))


def _arguments(call: Node) -> list[Node]:
    given = call.child_by_field_name("arguments")
    return [c for c in given.named_children if "comment" not in c.type] if given is not None else []


def built(call: Call, key: Node | None) -> Iterator[Read]:
    """Yield the variable of an argument that a builder makes: ``Arg::new("x").env("X")``."""
    if key is None or len(call.arguments) != 1 or method_of(call.node) is None:
        return
    chain = _chain(call.node)
    begin = next(
        (i for b, i in _BUILDERS.items() if _named(chain[0]) in {b, f"clap::{b}", f"bpaf::{b}"}), None
    )
    if begin is None:
        return
    default, required = None, begin.startswith("bpaf") and not any(_named(c) in _BPAF_TOLERANT for c in chain)
    for one in chain:
        given = _arguments(one)
        if _named(one) in _DEFAULTS and given:
            default = given[0]
        elif _named(one) == "required" and given:
            required = text(given[0]) == "true"
    yield Read(key, call.node, begin, "required" if required else "optional", default=default, final=True)


_BPAF_TOLERANT: Final = frozenset({"optional", "many", "switch", "flag", "req_flag", "some", "count"})


# -- structs -----------------------------------------------------------------------------------------------------------------


def filled(call: Call, path: str, file: SourceFile, program: Program) -> Iterator[Read]:
    """Yield the variables of a struct that is filled from the environment."""
    naming = _envy(call, path) or _figment(call, path) or _config(call, path)
    if naming is None:
        return
    chain = _chain(call.node)
    if naming.idiom == "envy":
        reader = (
            call.node
            if call.name == "from_env"
            else next((c for c in chain if _named(c) == "from_env"), None)
        )
    else:
        reader = _extracting(call.node)
    name = _wanted(reader) if reader is not None else ""
    found = struct_named(program, file, name) if name else None
    if found is not None:
        yield from struct_reads(program, *found, naming, call.node)


def _envy(call: Call, path: str) -> Naming | None:
    if path == "envy.from_env":
        return Naming("")
    if path == "envy.prefixed":
        given = call.positional(0)
        prefix = string(given) if given is not None else None
        return Naming(prefix) if prefix is not None else None
    return None


def _figment(call: Call, path: str) -> Naming | None:
    if not path.endswith("Env.prefixed") or "figment" not in path:
        return None
    prefix = _first(call)
    if prefix is None:
        return None
    separator = next((_text_of(c) for c in _chain(call.node) if _named(c) == "split"), "")
    return Naming(prefix, separator, "figment Env::prefixed()", _missing(call.node))


def _config(call: Call, path: str) -> Naming | None:
    if not path.endswith("Environment.with_prefix") or not path.startswith("config."):
        return None
    prefix = _first(call)
    if prefix is None:
        return None
    chain = {_named(c): _text_of(c) for c in _chain(call.node)}
    separator = chain.get("separator", "")
    between = chain.get("prefix_separator", separator or "_")
    missing = _missing(call.node)
    return Naming(f"{prefix.upper()}{between}", separator, "config Environment::with_prefix()", missing)


def _first(call: Call) -> str | None:
    given = call.positional(0)
    return string(given) if given is not None else None


def _text_of(call: Node) -> str:
    given = _arguments(call)
    return (string(given[0]) if given else None) or ""


def _missing(node: Node) -> Need:
    """Return what a variable needs that the struct itself must have: other sources beside the environment may give it."""
    around = text(_function(node))
    if _MERGED.search(around):
        return "default"
    return "optional" if _FILES.search(around) else "required"


def _function(node: Node) -> Node:
    """Return the function around a source: one in a closure is merged with others outside of it."""
    here = node
    while here.parent is not None and here.type not in {"function_item", "source_file"}:
        here = here.parent
    return here


def _statement(node: Node) -> Node:
    here = node
    while here.parent is not None and here.type not in {"function_item", "source_file", "closure_expression"}:
        here = here.parent
    return here


def _extracting(node: Node) -> Node | None:
    """Return the call that fills the struct: around a source, after it in its function, or in another of the file."""
    function = _statement(node)
    return next(_extracts(function, node.start_byte), None) or next(_extracts(_root(node), 0), None)


def _extracts(inside: Node, after: int) -> Iterator[Node]:
    stack = [inside]
    while stack:
        here = stack.pop()
        method = method_of(here) if here.end_byte > after else None
        if method is not None and method[1] in _EXTRACTS:
            yield here
        stack.extend(reversed(here.named_children))


def _root(node: Node) -> Node:
    while node.parent is not None:
        node = node.parent
    return node


def _wanted(call: Node) -> str:
    """Return the name of the type that a call gives: by its type argument, the declaration or the function's result."""
    function = call.child_by_field_name("function")
    if function is not None and function.type == "generic_function":
        return _bare(text(function.child_by_field_name("type_arguments"))[1:-1])
    here = call.parent
    while here is not None and here.type not in {
        "let_declaration",
        "function_item",
        "source_file",
        "field_initializer",
    }:
        here = here.parent
    if (
        here is not None
        and here.type == "let_declaration"
        and (declared := here.child_by_field_name("type")) is not None
    ):
        return _bare(text(declared))
    written = return_type(call)
    name = _bare(written) if written else ""
    return enclosing_type(call) if name == "Self" else name


def _bare(written: str) -> str:
    """Return the struct's own name: ``Result<crate::Config, Error>`` as Config."""
    written = written.strip()
    while (found := _RESULT.match(written)) is not None:
        written = found[1].strip()
    first = _TYPE.match(written)
    return first[1] if first is not None else ""

"""Elixir: what stands around a read, and what tuples and options hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployer_lib.probes.variables.flow.grammar import (
    Argument,
    Call,
    text,
)
from deployer_lib.probes.variables.languages.elixir_forms import below, only

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tree_sitter import Node


__all__ = ["arguments_of", "is_in_attribute", "is_vapor", "mentioned", "must_match", "option_of"]


def arguments_of(node: Node) -> Iterator[Argument]:
    """Yield the arguments of a call, those in keywords by name."""
    given = only(node, "arguments")
    for child in given.named_children if given is not None else ():
        if child.type != "keywords":
            yield Argument(child)
            continue
        for pair in child.named_children:
            key, value = pair.child_by_field_name("key"), pair.child_by_field_name("value")
            if value is not None:
                yield Argument(value, text(key).rstrip(": \t\n"))


def mentioned(node: Node) -> set[str]:
    """Return the names of variables and the texts that stand in an expression."""
    named = {"identifier", "string"}
    return {
        text(one)
        for one in below(node)
        if one.type in named and one.parent is not None and one.parent.type != "call"
    }


def option_of(nodes: Sequence[Node], name: str) -> Node | None:
    """Return an option of the keywords that a tuple or call ends with."""
    for node in nodes:
        for pair in node.named_children if node.type in {"keywords", "list"} else ():
            inside = pair.named_children if pair.type == "keywords" else [pair]
            for one in inside:
                if text(one.child_by_field_name("key")).rstrip(": ") == name:
                    return one.child_by_field_name("value")
    return None


def is_vapor(node: Node) -> bool:
    """Tell whether a tuple stands in ``%Env{bindings: […]}``."""
    around = node.parent.parent if node.parent is not None and node.parent.type == "list" else None
    return (
        around is not None
        and around.type == "pair"
        and text(around.child_by_field_name("key")).startswith("bindings:")
    )


def is_in_attribute(node: Node) -> bool:
    """Tell whether a call only describes a type: ``@spec get(binary()) :: binary()``."""
    here = node.parent
    while here is not None and here.type in {"binary_operator", "arguments", "call"}:
        if here.type == "call" and here.parent is not None and here.parent.type == "unary_operator":
            return text(here.child_by_field_name("target")) in {
                "spec",
                "type",
                "typep",
                "opaque",
                "callback",
                "macrocallback",
            }
        here = here.parent
    return False


def must_match(call: Call) -> bool:
    """Tell whether ``System.fetch_env`` must find its variable: ``{:ok, v} = …``, or ``with`` whose else raises."""
    parent = call.node.parent
    if call.callee != "System.fetch_env" or parent is None or parent.type != "binary_operator":
        return False
    operator = text(parent.child_by_field_name("operator"))
    if operator == "=":
        return text(parent.child_by_field_name("left")).startswith("{:ok")
    whole = parent.parent.parent if parent.parent is not None else None
    if operator != "<-" or whole is None:
        return False
    block = only(whole, "do_block")
    other = only(block, "else_block") if block is not None else None
    return other is not None and any(
        text(one).startswith("raise") for one in below(other) if one.type == "call"
    )

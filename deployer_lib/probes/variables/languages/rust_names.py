"""Names in Rust: what ``use`` brings, modules of files, names in patterns and in templates of ``format!``."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import Import, text
from deployer_lib.probes.variables.languages.rust_syntax import string

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import PurePosixPath

    from tree_sitter import Node

__all__ = ["bound_name", "common", "formatted", "module_around", "modules", "used"]

_HOLE: Final = re.compile(r"\{\{|\}\}|\{([^{}:]*)(?::[^{}]*)?\}")


def used(node: Node, prefix: str) -> Iterator[Import]:
    """Yield what a use tree brings: ``a::{b, c as d, self, e::*}``."""
    match node.type:
        case "use_list":
            for child in node.named_children:
                yield from used(child, prefix)
        case "scoped_use_list":
            path, listed = text(node.child_by_field_name("path")), node.child_by_field_name("list")
            if listed is not None:
                yield from used(listed, _path(prefix, path))
        case "use_as_clause":
            full = _path(prefix, text(node.child_by_field_name("path")))
            yield Import(text(node.child_by_field_name("alias")), full, full.rpartition("::")[2])
        case "use_wildcard":
            yield Import("*", _path(prefix, text(node).removesuffix("*").removesuffix("::")))
        case "self":
            yield Import(prefix.rpartition("::")[2], prefix, prefix.rpartition("::")[2])
        case "identifier" | "scoped_identifier":
            full = _path(prefix, text(node))
            yield Import(full.rpartition("::")[2], full, full.rpartition("::")[2])


def _path(prefix: str, path: str) -> str:
    path = re.sub(r"\s+", "", path).removeprefix("::")
    return (f"{prefix}::{path}" if prefix and path else prefix or path).removesuffix("::self")


@lru_cache(maxsize=20_000)
def modules(path: PurePosixPath) -> list[str]:
    """Return a file's path as modules: ``crates/my-core/src/config/mod.rs`` as crates, my_core, config."""
    parts = [part.replace("-", "_") for part in (*path.parts[:-1], path.stem) if part != "src"]
    return parts[:-1] if parts and parts[-1] in {"mod", "lib", "main"} else parts


def common(path: str, file: str) -> int:
    """Return how many folders two paths share from the start."""
    count = 0
    for left, right in zip(path.split("/"), file.split("/"), strict=False):
        if left != right:
            break
        count += 1
    return count


def module_around(node: Node) -> str:
    """Return the module in the file that a constant stands in."""
    here = node.parent
    while here is not None and here.type != "mod_item":
        here = here.parent
    return text(here.child_by_field_name("name")) if here is not None else ""


def bound_name(pattern: Node) -> str:
    """Return the name that a pattern binds: ``x``, ``mut x``, ``&x``, ``Ok(x)``."""
    while (
        pattern.type in {"mut_pattern", "reference_pattern", "ref_pattern", "tuple_struct_pattern"}
        and pattern.named_children
    ):
        pattern = pattern.named_children[-1]
    return text(pattern)


def formatted(given: list[Node]) -> list[Node | str] | None:
    """Return the parts of ``format!("{}_{name}", x)``."""
    template, values = string(given[0]), given[1:]
    if template is None:
        return None
    named = {
        text(v.child_by_field_name("left")): v.child_by_field_name("right")
        for v in values
        if v.type == "assignment_expression"
    }
    parts: list[Node | str] = []
    end = position = 0
    for hole in _HOLE.finditer(template):
        parts.append(template[end : hole.start()])
        end = hole.end()
        if hole[1] is None:
            parts.append(hole[0][0])
            continue
        value: Node | None
        if hole[1] == "":
            value, position = values[position] if position < len(values) else None, position + 1
        elif hole[1].isdigit():
            value = values[int(hole[1])] if int(hole[1]) < len(values) else None
        else:
            value = named.get(hole[1]) or _same_name(given[0], hole[1])
        if value is None:
            return None
        parts.append(value)
    parts.append(template[end:])
    return [part for part in parts if part != ""]


def _same_name(node: Node, name: str) -> Node | None:
    """Return the nearest use of a name before a node, in whose place it stands in a template."""
    found: Node | None = None
    here: Node | None = node
    while here is not None and found is None:
        here = here.parent
        found = (
            _first_named(here, name, node.start_byte)
            if here is not None and here.type in {"function_item", "source_file"}
            else None
        )
    return found


def _first_named(root: Node, name: str, before: int) -> Node | None:
    stack, found = [root], None
    while stack:
        here = stack.pop()
        if here.type == "identifier" and text(here) == name and here.start_byte < before:
            found = here
            break
        stack.extend(reversed(here.named_children))
    return found

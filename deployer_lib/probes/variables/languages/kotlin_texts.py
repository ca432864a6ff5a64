"""Literals in Kotlin's trees: texts with what is put into them, single characters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import text
from deployer_lib.probes.variables.languages.kotlin_types import declared_at

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["letters", "parts_of"]

_ESCAPES: Final = {r"\$": "$", r"\"": '"', r"\\": "\\", r"\n": "\n", r"\t": "\t"}
_NAME: Final = re.compile(r"[A-Za-z_]\w*")


def parts_of(node: Node) -> list[Node | str] | None:
    """Return the texts and expressions of a string, None where a node is none."""
    if node.type not in {"string_literal", "multiline_string_literal"}:
        return None
    parts: list[Node | str] = []
    sign: Node | None = None  # a dollar sign, behind which a name may stand that the grammar takes for text
    for child in node.named_children:
        written = text(child)
        named = _NAME.match(written) if sign is not None and sign.end_byte == child.start_byte else None
        if named is not None:
            meant = declared_at(node, named.group())
            if meant is None:
                return None
            parts[-1:] = [meant, written[named.end() :]]
        elif child.type == "interpolation":
            inner = child.named_children[0] if child.named_children else None
            if inner is None:
                return None
            parts.append(text(inner)[1:-1] if inner.type == "character_literal" else inner)
        elif child.type == "escape_sequence":
            parts.append(_ESCAPES.get(written, written))
        else:
            parts.append(written)
        sign = child if written == "$" and child.type == "string_content" else None
    return parts or [""]


def letters(node: Node) -> str | None:
    """Return the value of a text or character in which nothing is put, None where a node is none."""
    if node.type == "character_literal":
        return text(node)[1:-1]
    found = parts_of(node)
    return "".join(str(part) for part in found) if found and all(isinstance(p, str) for p in found) else None

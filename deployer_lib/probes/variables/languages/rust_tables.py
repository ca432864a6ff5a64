"""Rust's macros that are handed a table: ``settings! { host: "APP_HOST" = "x"; port: "APP_PORT" = "80" }``.

Such tokens are no arguments to the grammar. Where they are words, literals and signs between them alone, the signs become
commas, every word in its place, and the use of the macro a call.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["flattened"]

_SIGNS: Final = frozenset({",", ";", ":", "=", "=>", "->", "|", "=="})
_VALUES: Final = frozenset(
    {"identifier", "primitive_type", "string_literal", "raw_string_literal", "integer_literal", "float_literal", "boolean_literal",
     "char_literal", "metavariable"}
)  # fmt: skip
_FEWEST: Final = 2  # values; one alone is an argument already


def flattened(tokens: Node, inside: bytes) -> bytes | None:
    """Return what stands between a macro's delimiters with commas between its values; None where it is no such table.

    Args:
        tokens: the tree of tokens, delimiters included.
        inside: the text between them as it is by now; of the same length as in the source.
    """
    children = [child for child in tokens.children[1:-1] if "comment" not in child.type]
    words = [child for child in children if child.type in _VALUES]
    if len(words) < _FEWEST or any(
        child.type not in _SIGNS and child.type not in _VALUES and not _is_keyword(child)
        for child in children
    ):
        return None
    base = tokens.start_byte + 1
    out = bytearray(inside)
    for child in tokens.children[1:-1]:
        if child.type not in _VALUES:
            for at in range(child.start_byte - base, child.end_byte - base):
                if out[at] not in b"\r\n":
                    out[at] = 0x20
    for word, following in pairwise(words):
        free = (at for at in range(word.end_byte, following.start_byte) if out[at - base] not in b"\r\n")
        if (comma := next(free, None)) is None:
            return None
        out[comma - base] = 0x2C
    return bytes(out)


def _is_keyword(child: Node) -> bool:
    return not child.is_named and child.type.isalpha()

"""YAML as nodes with their place in the text: keys, values, and each scalar as it is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Unparsable", "children", "documents", "entries", "is_null", "scalars", "under", "written"]


class Unparsable(Exception):  # noqa: N818  (it is caught by its own reader and is no error of the program)
    """A text is no YAML."""

    def __init__(self, why: str, line: int) -> None:
        super().__init__(why)
        self.why = why
        self.line = line


@dataclass(frozen=True, slots=True)
class _Place:
    start: int
    end: int


def documents(text: str) -> list[yaml.Node]:
    """Return the documents of a text.

    Raises:
        Unparsable: it is no YAML.
    """
    try:
        return [node for node in yaml.compose_all(text, Loader=yaml.SafeLoader) if node is not None]
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 0
        raise Unparsable(error.problem or "it is no YAML", line) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Unparsable(str(error).splitlines()[0] if str(error) else "it is no YAML", 0) from error


def entries(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
    """Yield a mapping's keys and values, those that are merged into it last; nothing for other nodes."""
    merged: list[yaml.Node] = []
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        if isinstance(key, yaml.ScalarNode) and key.value == "<<":
            merged.extend(value.value if isinstance(value, yaml.SequenceNode) else [value])
        elif isinstance(key, yaml.ScalarNode):
            yield key.value, value
    for other in merged:
        yield from entries(other)


def under(node: yaml.Node | None, *keys: str) -> yaml.Node | None:
    """Return what stands under keys, one in the other; None where one is missing."""
    for key in keys:
        node = dict(reversed(list(entries(node)))).get(key)
    return node


def children(node: yaml.Node | None) -> list[yaml.Node]:
    """Return a sequence's items, or a mapping's values."""
    if isinstance(node, yaml.SequenceNode):
        return list(node.value)
    return [value for _, value in entries(node)]


def scalars(node: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    """Yield every scalar below a node that is no key, each once however often it is referred to."""
    seen: set[int] = set()
    stack = [node]
    while stack:
        one = stack.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, yaml.ScalarNode):
            yield one
        elif isinstance(one, yaml.SequenceNode):
            stack.extend(reversed(one.value))
        elif isinstance(one, yaml.MappingNode):
            stack.extend(value for _, value in reversed(one.value))


def is_null(node: yaml.Node) -> bool:
    """Tell whether a value is left out, or null."""
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def written(text: str, node: yaml.Node) -> tuple[str, int]:
    """Return a node as it is written in the text, and its first character."""
    start, end = node.start_mark.index, node.end_mark.index
    return text[start:end], start

"""A parameters file as a tree of texts: each value with its file, its line, and the text as somebody wrote it.

YAML's own guesses (``1.10`` is 1.1, ``no`` is false, ``12e4567`` is infinite) are never made here; types come later,
from the model.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, ClassVar, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from deployer_lib.errors import ParametersError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Fields", "Items", "Scalar", "Tree", "from_value", "merged", "parse", "parse_value", "read_text"]

_MAX_BYTES: Final = 1_000_000
_MAX_NODES: Final = 20_000  # with every alias written out: what a "billion laughs" file runs into
_MAX_DEPTH: Final = 40
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_MERGE: Final = "tag:yaml.org,2002:merge"
_TAGS: Final = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("null", "bool", "int", "float", "str", "seq", "map", "timestamp", "merge", "value")
)


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value that is neither a map nor a list."""

    text: str  # as written, without quotes
    file: str
    line: int
    plain: bool = True  # whether it stood there without quotes
    given: object = None  # the value itself where it was injected and is no text

    @property
    def kind(self) -> str:
        """Return what messages call it."""
        return (
            "nothing"
            if self.unset
            else "a text"
            if self.given is None
            else f"the {_word(self.given)} {self.text}"
        )

    @property
    def unset(self) -> bool:
        """Tell whether it stands for no value: nothing, ``~`` or ``null``."""
        return self.plain and self.given is None and self.text in _NULLS


def _word(value: object) -> str:
    return (
        "truth value" if isinstance(value, bool) else "number" if isinstance(value, int | float) else "value"
    )


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Tree, ...]
    file: str
    line: int
    kind: ClassVar[str] = "a list"  # what messages call it


@dataclass(frozen=True, slots=True)
class Fields:
    """A map; the line of a value in it is its key's."""

    items: dict[str, Tree]
    file: str
    line: int
    kind: ClassVar[str] = "a map"  # what messages call it


Tree = Scalar | Items | Fields


def read_text(path: Path, shown: str) -> str:
    """Return the text of a parameters file.

    Args:
        path: the file.
        shown: what messages call it.

    Raises:
        ParametersError: it is no file, unreadable, too big or not UTF-8.
    """
    if path.is_dir():
        raise ParametersError("is a folder, not a file.", file=shown)
    if not path.is_file():
        raise ParametersError("is not a regular file.", file=shown)
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ParametersError(f"can't be read: {error.strerror}.", file=shown) from error
    if len(data) > _MAX_BYTES:
        raise ParametersError("is larger than 1 MB, so it is no parameters file.", file=shown)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ParametersError(
            "is not UTF-8.",
            file=shown,
            line=data.count(b"\n", 0, error.start) + 1,
            hint="Save the file as UTF-8.",
        ) from error


def parse(text: str, shown: str) -> Fields:
    """Return a file's text as a tree.

    Raises:
        ParametersError: it is no YAML, holds a key twice, is empty, is no map, or is too large with its aliases.
    """
    tree = _Reader(shown).tree(text)
    if tree is None:
        raise ParametersError("is empty.", file=shown, hint="deployer init PATH writes a file to start from.")
    if not isinstance(tree, Fields):
        raise ParametersError(
            f"expected keys with values, and {tree.kind} stands there.", file=shown, line=tree.line
        )
    return tree


def parse_value(text: str, shown: str) -> Tree | None:
    """Return any YAML value as a tree; None where there is none.

    Raises:
        ParametersError: it is no YAML.
    """
    return _Reader(shown).tree(text)


@dataclass(slots=True)
class _Reader:
    file: str
    seen: Iterator[int] = field(default_factory=count)

    def tree(self, text: str) -> Tree | None:
        try:
            root = YAML(typ="safe", pure=True).compose(text)
        except MarkedYAMLError as error:
            raise self._error(error) from None  # the original shows lines of the file, secrets included
        except RecursionError:
            raise ParametersError("is nested too deeply.", file=self.file) from None
        except YAMLError as error:  # a character that YAML does not know
            raise ParametersError(f"is no YAML: {str(error).splitlines()[0]}.", file=self.file) from None
        return None if root is None else self._convert(root, root.start_mark.line + 1, 0)

    def _error(self, error: MarkedYAMLError) -> ParametersError:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        problem = error.problem or error.context or "it can't be read"
        if "'\\t'" in problem:
            return ParametersError(
                "a tab stands here, and YAML takes only spaces.",
                file=self.file,
                line=line,
                hint="Replace it by spaces.",
            )
        if "another document" in problem:
            return ParametersError("a second document begins here (---).", file=self.file, line=line)
        hint = "Put the text in quotes." if "cannot start any token" in problem else ""
        return ParametersError(f"is no YAML: {problem}.", file=self.file, line=line, hint=hint)

    def _convert(self, node: Node, line: int, depth: int) -> Tree:
        if next(self.seen) > _MAX_NODES or depth > _MAX_DEPTH:
            raise ParametersError(
                "is too large or too deep once its aliases are written out.", file=self.file, line=line
            )
        if str(node.tag) not in _TAGS:
            raise ParametersError(
                f"the tag {node.tag} means nothing here.",
                file=self.file,
                line=line,
                hint="Take it out, or quote the text.",
            )
        if isinstance(node, ScalarNode):
            return Scalar(node.value, self.file, line, plain=node.style is None)
        if isinstance(node, MappingNode):
            return self._fields(node, line, depth)
        items = tuple(self._convert(item, item.start_mark.line + 1, depth + 1) for item in node.value)
        return Items(items, self.file, line)

    def _fields(self, node: MappingNode, line: int, depth: int) -> Fields:
        own: dict[str, Tree] = {}
        shared: dict[str, Tree] = {}
        for key, value in node.value:
            at = key.start_mark.line + 1
            if not isinstance(key, ScalarNode):
                raise ParametersError("a key is a text, not a list or a map.", file=self.file, line=at)
            if key.tag == _MERGE:
                for tree in self._merged_in(value, at, depth):
                    shared = {**tree.items, **shared}
            elif key.value in own:
                raise ParametersError(
                    f"the key {key.value} stands twice, here and in line {own[key.value].line}.",
                    file=self.file,
                    line=at,
                )
            else:
                own[key.value] = self._convert(value, at, depth + 1)
        return Fields({**shared, **own}, self.file, line)

    def _merged_in(self, node: Node, line: int, depth: int) -> list[Fields]:
        tree = self._convert(node, line, depth + 1)
        trees = list(tree.items) if isinstance(tree, Items) else [tree]
        if not all(isinstance(one, Fields) for one in trees):
            raise ParametersError("<< takes a map, or a list of maps.", file=self.file, line=line)
        return [one for one in trees if isinstance(one, Fields)]


def from_value(value: object, file: str) -> Tree:
    """Return a Python value (an injected parameter) as a tree; its texts are no YAML."""
    if isinstance(value, dict):
        return Fields({str(name): from_value(item, file) for name, item in value.items()}, file, 0)
    if isinstance(value, list | tuple):
        return Items(tuple(from_value(item, file) for item in value), file, 0)
    if value is None:
        return Scalar("", file, 0)
    if isinstance(value, str):
        return Scalar(value, file, 0, plain=False)
    return Scalar(str(value), file, 0, given=value)


def merged(below: Tree | None, above: Tree) -> Tree | None:
    """Return two layers as one: maps merge deep, lists and texts are replaced, ``~`` takes an inherited value away."""
    if isinstance(above, Scalar) and above.unset and below is not None:
        return None
    if not (isinstance(above, Fields) and isinstance(below, Fields)):
        return above
    items = dict(below.items)
    for name, value in above.items.items():
        result = merged(items.get(name), value)
        if result is None:
            del items[name]
        else:
            items[name] = result
    return Fields(items, above.file, above.line)

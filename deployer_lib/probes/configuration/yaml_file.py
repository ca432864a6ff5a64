"""Read YAML: types as most applications see them, the line of every key, and no guess where readers of YAML differ."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import yaml

from deployer_lib.check import Location
from deployer_lib.probes.configuration.model import Path, Settings, Tree, Unknown, Unreadable
from deployer_lib.probes.configuration.placeholders import filled
from deployer_lib.probes.variables.languages.yaml_nodes import Unparsable, documents

if TYPE_CHECKING:
    from deployer_lib.probes.configuration.model import TargetVariables

__all__ = ["read_yaml", "typed"]

_MAX_VALUES: Final = 100_000  # with every alias written out: what a "billion laughs" file runs into
_MAX_DEPTH: Final = 60
_WORDS: Final = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_NUMBER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_OTHER_BASE: Final = re.compile(r"0x[0-9a-fA-F]+|0o[0-7]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NO_NUMBER: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_KNOWN_TAG: Final = "tag:yaml.org,2002:"
#: In which documents of a file with several Spring's production profile looks.
_PROFILES: Final = (("spring", "config", "activate", "on-profile"), ("spring", "profiles"))


def read_yaml(text: str, file: str, variables: TargetVariables) -> Settings:
    """Return what a YAML file says; several documents are a list, Spring's by profile one map.

    Raises:
        Unreadable: it is no YAML, refers to itself, or grows beyond all bounds by its aliases.
    """
    try:
        nodes = documents(text)
    except Unparsable as problem:
        raise Unreadable(f"it is no YAML: {problem.why}", problem.line) from problem
    reader = _Reader(file, variables)
    if len(nodes) == 1:
        return Settings(file, reader.value(nodes[0], (), 0), reader.places)
    if re.match(r"application(-[\w-]+)?\.ya?ml$", file.rpartition("/")[2]):
        return Settings(file, reader.profiles(nodes), reader.places)
    return Settings(
        file, [reader.value(node, (str(i),), 0) for i, node in enumerate(nodes)] or None, reader.places
    )


def typed(text: str) -> Tree:  # noqa: PLR0911  (a table of forms)
    """Return an unquoted scalar as its value."""
    if text.lower() in {"", "~", "null"}:
        return None
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _NUMBER.fullmatch(text):
        return int(text) if len(text) < 19 else float(text)  # noqa: PLR2004  (64 bits)
    if _OTHER_BASE.fullmatch(text):
        return int(text, 0)
    if _NO_NUMBER.fullmatch(text):
        return Unknown(f"{text} is no number that can be compared")
    if re.fullmatch(r"0[0-9]+", text):
        return Unknown(f"readers of YAML differ on {text}: octal or decimal")
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else Unknown(f"{text} is too large")
    return text


@dataclass(slots=True)
class _Reader:
    file: str
    variables: TargetVariables
    places: dict[Path, Location] = field(default_factory=dict)
    count: int = 0

    def value(self, node: yaml.Node, path: Path, depth: int) -> Tree:
        self.count += 1
        line = node.start_mark.line + 1
        if depth > _MAX_DEPTH:
            raise Unreadable("it is nested too deeply, or refers to itself", line)
        if self.count > _MAX_VALUES:
            raise Unreadable(f"its aliases make more than {_MAX_VALUES} values of it", line)
        if not node.tag.startswith(_KNOWN_TAG):
            return Unknown(f"the tag {node.tag} is filled in elsewhere", line)
        if isinstance(node, yaml.MappingNode):
            return self._map(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self.places[*path, str(index)] = Location(self.file, item.start_mark.line + 1)
            return [self.value(item, (*path, str(i)), depth + 1) for i, item in enumerate(node.value)]
        return self._scalar(node)

    def _scalar(self, node: yaml.Node) -> Tree:
        text = str(node.value)
        given = filled(text, self.variables)
        if isinstance(given, Unknown):
            return Unknown(given.why, node.start_mark.line + 1)
        plain = getattr(node, "style", None) is None and node.tag != _KNOWN_TAG + "str"
        # A placeholder's value is typed by whoever fills it in, and Spring does.
        return typed(given) if plain or (given != text and text.startswith("${")) else given

    def _map(self, node: yaml.MappingNode, path: Path, depth: int) -> Tree:
        tree: dict[str, Tree] = {}
        written = Counter(
            key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"
        )
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue  # a list or a map as key is nothing that a rule could name
            line = key.start_mark.line + 1
            if key.value == "<<":
                self._merge(tree, value, path, depth)
                continue
            if written[key.value] > 1:
                tree[key.value] = Unknown(f"{key.value} stands more than once, and readers differ", line)
            else:
                tree[key.value] = self.value(value, (*path, key.value), depth + 1)
            self.places[*path, key.value] = Location(self.file, line)
        return tree

    def _merge(self, tree: dict[str, Tree], node: yaml.Node, path: Path, depth: int) -> None:
        for other in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            merged = self.value(other, path, depth + 1)
            for name, value in merged.items() if isinstance(merged, dict) else ():
                tree.setdefault(name, value)

    def profiles(self, nodes: list[yaml.Node]) -> Tree:
        """Return Spring's documents one over the other, those of other profiles left out."""
        tree: Tree = {}
        for node in nodes:
            other = _Reader(self.file, self.variables)
            value = other.value(node, (), 0)
            named = " ".join(str(_under(value, path)) for path in _PROFILES if _under(value, path))
            if not named or re.search(r"(?<!!)\bprod", named):
                tree = _over(tree, value)
                self.places.update(other.places)
        return tree


def _under(tree: Tree, path: Path) -> Tree:
    for name in path:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree


def _over(tree: Tree, upper: Tree) -> Tree:
    if not isinstance(tree, dict) or not isinstance(upper, dict):
        return upper
    return {
        name: _over(tree[name], upper[name])
        if name in tree and name in upper
        else upper.get(name, tree.get(name))
        for name in [*tree, *(n for n in upper if n not in tree)]
    }

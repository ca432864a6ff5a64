"""From texts to typed values, by what the model declares; everything that is wrong is gathered on the way."""

from __future__ import annotations

import difflib
import enum
import json
import math
import re
import shlex
import types
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from deployer_lib.parameters.problems import Origin, Problems
from deployer_lib.parameters.rules import Rule
from deployer_lib.parameters.secrecy import literal_secret, misplaced_reference, secret_word
from deployer_lib.parameters.source import Fields, Items, Scalar, Tree, parse_value
from deployer_lib.secret import Secret

__all__ = ["INJECTED", "Coercion"]

#: What stands for a file where a value was injected.
INJECTED: Final = "injected"

_DROPPED: Final = object()  # a value that has a problem
_INTEGER: Final = re.compile(r"[+-]?(0|[1-9][0-9]*(_[0-9]+)*)")
_FLOAT: Final = re.compile(r"[+-]?([0-9][0-9_]*\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_JSON_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_TRUTHS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_YES_NO: Final = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


@dataclass(slots=True)
class Coercion:
    """Turn a tree into values of declared types, noting where each came from and what is wrong."""

    problems: Problems = field(default_factory=Problems)
    origins: dict[str, Origin] = field(default_factory=dict)  # dotted key, [n] for the n-th of a list
    published: bool = True  # whether executed notebooks may hold already what is read

    def section(self, model: type[BaseModel], tree: Fields, path: str = "") -> dict[str, object]:
        """Return the values of a section by field name; unset and wrong ones are left out."""
        values: dict[str, object] = {}
        for name, item in tree.items.items():
            dotted = f"{path}.{name}" if path else name
            if name not in model.model_fields:
                self._unknown(model, name, path, item)
                continue
            if isinstance(item, Scalar) and item.unset:
                continue
            declared = model.model_fields[name]
            value = self.value(item, declared.annotation, dotted, tuple(declared.metadata))
            if value is not _DROPPED:
                values[name] = value
        return values

    def value(self, tree: Tree, kind: object, path: str, metadata: tuple[object, ...] = ()) -> object:
        """Return a value of the declared type; a mark that nothing else equals where it is wrong."""
        kind, metadata = _plain_type(kind, metadata, tree)
        self.origins[path] = Origin(tree.file, tree.line, tree.text if isinstance(tree, Scalar) else "")
        tree = self._opened(tree, kind)
        if kind is Any:
            return self._free(tree, path, path.rpartition(".")[2])
        if get_origin(kind) is dict:
            key, item = get_args(kind)
            return self._mapping(tree, key, item, path)
        if get_origin(kind) is list:
            return self._listing(tree, get_args(kind)[0], path)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return (
                self.section(kind, tree, path)
                if isinstance(tree, Fields)
                else self._wrong(tree, "a map", path)
            )
        return self._scalar(tree, kind, path, metadata)

    def _unknown(self, model: type[BaseModel], name: str, path: str, item: Tree) -> None:
        near = difflib.get_close_matches(name, model.model_fields, n=1, cutoff=0.6)
        where = path or ("the parameters" if item.file == INJECTED else "this file")
        guess = f"; did you mean {near[0]}?" if near else ""
        hint = "" if near else f"There are {', '.join(model.model_fields)}."
        self.problems.add(
            f"{path}.{name}" if path else name, f"there is no key {name} in {where}{guess}", item, hint=hint
        )

    def _wrong(self, tree: Tree, expected: str, path: str, hint: str = "") -> object:
        stands = (
            tree.kind
            if not isinstance(tree, Scalar) or tree.unset or tree.given is not None
            else f"«{tree.text}»"
        )
        self.problems.add(path, f"{path}: expected {expected}, and {stands} stands there", tree, hint=hint)
        return _DROPPED

    def _opened(self, tree: Tree, kind: object) -> Tree:
        """Read injected text that is written as a list or a map (``-p allow='[observe]'``) as one."""
        takes = get_origin(kind) in {dict, list} or (isinstance(kind, type) and issubclass(kind, BaseModel))
        if takes and isinstance(tree, Scalar) and tree.file == INJECTED and tree.text[:1] in {"[", "{"}:
            read = parse_value(tree.text, INJECTED)
            return tree if read is None else read
        return tree

    def _mapping(self, tree: Tree, key: object, kind: object, path: str) -> object:
        if not isinstance(tree, Fields):
            return self._wrong(tree, "a map", path)
        _, rules = _plain_type(key, (), tree)
        values: dict[str, object] = {}
        for name, item in tree.items.items():
            self._keep_rules(rules, name, f"{path}.{name}", item, path)
            value = self.value(item, kind, f"{path}.{name}")
            if value is not _DROPPED:
                values[name] = value
        return values

    def _listing(self, tree: Tree, kind: object, path: str) -> object:
        if not isinstance(tree, Items):
            hint = ""
            if isinstance(tree, Scalar) and not tree.unset and _takes_secrets(kind):
                hint = f"Write {json.dumps(_words(tree.text), ensure_ascii=False)}."
            return self._wrong(tree, "a list", path, hint)
        values = [self.value(item, kind, f"{path}[{index}]") for index, item in enumerate(tree.items)]
        if _takes_secrets(kind):
            self._check_words(tree, path)
        return [
            None if value is _DROPPED else value for value in values
        ]  # so that the others keep their places

    def _check_words(self, tree: Items, path: str) -> None:
        before = ""
        for index, word in enumerate(tree.items):
            text = word.text if isinstance(word, Scalar) else ""
            if problem := secret_word(f"{path}[{index}]", before, text):
                self.problems.add(f"{path}[{index}]", problem[0], word, hint=problem[1])
            before = text

    def _free(self, tree: Tree, path: str, name: str) -> object:
        """Return a value of no declared type: JSON, as it is written in JSON, and texts that may be secrets."""
        self.origins[path] = Origin(tree.file, tree.line, tree.text if isinstance(tree, Scalar) else "")
        if isinstance(tree, Fields):
            return {key: self._free(item, f"{path}.{key}", key) for key, item in tree.items.items()}
        if isinstance(tree, Items):
            return [self._free(item, f"{path}[{index}]", name) for index, item in enumerate(tree.items)]
        if tree.unset or tree.given is not None:
            return tree.given
        if not self._keep_secrecy(tree, path, name, secrets=True):
            return _DROPPED
        return _json_value(tree)

    def _scalar(self, tree: Tree, kind: object, path: str, metadata: tuple[object, ...]) -> object:
        expected, choices = _expected(kind)
        if not isinstance(tree, Scalar) or tree.unset:
            hint = 'For an empty text write "".' if isinstance(tree, Scalar) and expected == "a text" else ""
            if isinstance(tree, Fields) and len(tree.items) == 1:
                hint = f'Put {{{next(iter(tree.items))}}} in quotes: "{{…}}".'
            return self._wrong(tree, expected, path, hint)
        if kind is int or kind is float or kind is bool:
            return self._number(tree, kind, expected, path)
        if tree.given is not None:
            return self._guessed(tree, path)
        secrets = _takes_secrets(kind)
        if not self._keep_secrecy(tree, path, path.rpartition(".")[2], secrets=secrets):
            return _DROPPED
        if choices and tree.text not in choices:
            near = difflib.get_close_matches(tree.text, choices, n=1, cutoff=0.6)
            return self._wrong(tree, expected, path, f"Did you mean {near[0]}?" if near else "")
        return tree.text if self._keep_rules(metadata, tree.text, path, tree, path) else _DROPPED

    def _keep_secrecy(self, tree: Scalar, path: str, name: str, *, secrets: bool) -> bool:
        named = "" if name.endswith("]") else name  # words of a command are looked at together
        problem = misplaced_reference(path, tree.text, allowed=secrets)
        if problem is None and (problem := literal_secret(path, named, tree.text, allowed=secrets)):
            problem = (problem[0], problem[1] if self.published else "")
        if problem:
            self.problems.add(path, problem[0], tree, hint=problem[1])
        return problem is None

    def _keep_rules(self, metadata: tuple[object, ...], text: str, path: str, at: Tree, named: str) -> bool:
        for rule in metadata:
            if isinstance(rule, Rule) and (wrong := rule.broken(text)):
                self.problems.add(path, f"{named}: {wrong}", at)
                return False
        return True

    def _guessed(self, tree: Scalar, path: str) -> object:
        way = f"use -r {path} …" if "." not in path and "[" not in path else "put it in quotes"
        self.problems.add(path, f"{path} arrived as {tree.kind}; papermill -p guesses types: {way}", tree)
        return _DROPPED

    def _number(self, tree: Scalar, kind: object, expected: str, path: str) -> object:
        if tree.given is not None:
            value = _given_number(tree.given, kind)
        elif kind is bool:
            value = _TRUTHS.get(tree.text)
        elif kind is int:
            value = int(tree.text) if _INTEGER.fullmatch(tree.text) else None
        else:
            value = float(tree.text) if _FLOAT.fullmatch(tree.text) else None
        if value is None or not math.isfinite(value):
            word = _YES_NO.get(tree.text.lower()) if kind is bool else None
            hint = f"Write {word}." if word else ""
            if kind is int and re.fullmatch(r"0[0-9]+", tree.text):
                hint = "Take the leading zero off."
            return self._wrong(tree, expected, path, hint)
        return value


def _json_value(tree: Scalar) -> str | int | float | bool:
    if tree.plain and tree.text in {"true", "false"}:
        return tree.text == "true"
    if tree.plain and _JSON_NUMBER.fullmatch(tree.text):
        number: int | float = json.loads(tree.text)
        return number if math.isfinite(number) else tree.text
    return tree.text


def _given_number(given: object, kind: object) -> int | float | None:
    if isinstance(given, bool) or kind is bool:
        return given if isinstance(given, bool) and kind is bool else None
    if kind is int:
        return int(given) if isinstance(given, int | float) and given % 1 == 0 else None  # inf % 1 is nan
    return given if isinstance(given, int | float) else None


def _plain_type(kind: object, metadata: tuple[object, ...], tree: Tree) -> tuple[object, tuple[object, ...]]:
    """Return a type without Annotated and None, a list only where a list stands, and its metadata."""
    if get_origin(kind) is Annotated:
        inner, *more = get_args(kind)
        return _plain_type(inner, (*metadata, *more), tree)
    if get_origin(kind) in {Union, types.UnionType} and not _takes_secrets(kind):
        kinds = [one for one in get_args(kind) if one is not types.NoneType]
        lists = [one for one in kinds if get_origin(one) is list]
        others = [one for one in kinds if one not in lists]
        chosen = lists[0] if lists and (isinstance(tree, Items) or not others) else others[0]
        return _plain_type(chosen, metadata, tree)
    return kind, metadata


def _takes_secrets(kind: object) -> bool:
    if get_origin(kind) is Annotated:
        return _takes_secrets(get_args(kind)[0])
    return Secret in get_args(kind)


def _expected(kind: object) -> tuple[str, list[str]]:
    """Return what messages call a type, and the texts that it takes where they are few."""
    choices: list[str] = []
    if get_origin(kind) is Literal:
        choices = [str(one) for one in get_args(kind) if one]
    elif isinstance(kind, type) and issubclass(kind, enum.Enum):
        choices = [str(one.value) for one in kind]
    if choices:
        return f"one of {', '.join(choices)}", choices
    names: dict[object, str] = {int: "a whole number", float: "a number", bool: "true or false"}
    return names.get(kind, "a text"), []


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()

"""A mix of requests as people write it down: a list in YAML or JSON, each wrong word told with its file and line.

::

    - path: /products?page={n}
      weight: 9
    - name: order
      method: POST
      path: /orders
      headers: {Authorization: "${env:SHOP_TOKEN}"}
      json: {id: "{uuid}", product: 7}
      expect: 201

Secrets are references, as in parameters, and are resolved here; no message and no ``repr`` holds their values.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final, Protocol, TypeVar

from deployer_lib.errors import ParametersError, UsageError
from deployer_lib.load.requests import RequestSpec, has_templates
from deployer_lib.load.wording import Expected, expected
from deployer_lib.parameters import rules
from deployer_lib.parameters.coerce import Coercion
from deployer_lib.parameters.fields import JsonBody, SecretText
from deployer_lib.parameters.source import Fields, Items, Tree, parse_value, read_text
from deployer_lib.secret import REFERENCE, Secret, looks_like_reference

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["KEYS", "Mix", "read_mix"]

#: What a request may say, with the type of each key.
KEYS: Final[dict[str, object]] = {
    "name": str,
    "method": str,
    "path": Annotated[str, rules.Rule(rules.path)],
    "weight": float,
    "headers": dict[str, SecretText],
    "body": SecretText,
    "json": JsonBody,
    "expect": str | list[str],
    "contains": str,
}
_EXAMPLE: Final = "Write for example: - {path: /products, weight: 9}"
_ANY: Final = Expected()
_Made = TypeVar("_Made")


class _Tried(Protocol):
    """Make something of the value of a key; what is wrong is told with its line."""

    def __call__(self, key: str, make: Callable[[], _Made], /) -> _Made: ...


@dataclass(frozen=True, slots=True)
class Mix:
    """Requests, and what results call them."""

    specs: tuple[RequestSpec, ...]
    names: tuple[str, ...]  # of each: its own, else method and path


def read_mix(
    path: Path, *, below: str = "", headers: Mapping[str, str] | None = None, expect: Expected = _ANY
) -> Mix:
    """Read a mix from a file; its secrets are resolved, ``${file:…}`` beside it.

    Args:
        path: a list of requests, in YAML or JSON.
        below: path of the address that all of them lie below; empty: the host's root.
        headers: sent with each request, unless it has its own of that name.
        expect: what an answer must be where a request says nothing about that.

    Raises:
        ParametersError: the file can't be read, or says something that can't be; with file and line.
        UsageError: a secret can't be had.
    """
    tree = parse_value(read_text(path, str(path)), str(path))
    coercion = Coercion(published=False)
    found = [
        (item, _values(coercion, item, f"requests[{number}]"))
        for number, item in enumerate(_listed(tree, path))
    ]
    coercion.problems.raise_first((str(path),))
    reader = _Reader(path, coercion, below.rstrip("/"), dict(headers or {}), expect)
    specs = [reader.spec(values, item, f"requests[{number}]") for number, (item, values) in enumerate(found)]
    names = [
        str(values.get("name") or f"{spec.method} {spec.path}")
        for spec, (_, values) in zip(specs, found, strict=True)
    ]
    return Mix(tuple(specs), tuple(names))


def _listed(tree: Tree | None, path: Path) -> tuple[Tree, ...]:
    if isinstance(tree, Items) and tree.items:
        return tree.items
    if tree is None or isinstance(tree, Items):
        raise ParametersError("holds no request.", file=str(path), hint=_EXAMPLE)
    stands = "one text" if not isinstance(tree, Fields) else "a map"
    raise ParametersError(
        f"expected a list of requests, and {stands} stands there.",
        file=str(path),
        line=tree.line,
        hint=_EXAMPLE,
    )


def _values(coercion: Coercion, tree: Tree, where: str) -> dict[str, Any]:
    """Return what one request says, by key; what is wrong is noted."""
    problems = coercion.problems
    if not isinstance(tree, Fields):
        problems.add(where, f"{where}: expected a map, and {tree.kind} stands there", tree, hint=_EXAMPLE)
        return {}
    values: dict[str, Any] = {}
    for key, item in tree.items.items():
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, n=1, cutoff=0.6)
            guess = f"; did you mean {near[0]}?" if near else ""
            hint = "" if near else f"There are {', '.join(KEYS)}."
            problems.add(f"{where}.{key}", f"there is no key {key} in {where}{guess}", item, hint=hint)
        else:
            values[key] = coercion.value(item, KEYS[key], f"{where}.{key}")
    if "path" not in values:
        problems.add(f"{where}.path", f"{where}.path is missing", tree, hint=_EXAMPLE)
    if "body" in values and "json" in values:
        problems.add(f"{where}.json", f"{where} has body and json, and one body is sent", tree.items["json"])
    return values


@dataclass(frozen=True, slots=True)
class _Reader:
    """Make requests of values that are of their types."""

    file: Path
    coercion: Coercion
    below: str
    headers: dict[str, str] = field(repr=False)
    expect: Expected

    def spec(self, values: Mapping[str, Any], item: Tree, where: str) -> RequestSpec:
        """Return one request.

        Raises:
            ParametersError: it can't be sent as it is, or a secret in it can't be had.
        """

        def tried(key: str, make: Callable[[], _Made]) -> _Made:
            at = self.coercion.origins.get(f"{where}.{key}", item)
            try:
                return make()
            except UsageError as error:
                message = f"{where}.{key}: {error.message}"
                raise ParametersError(message, file=at.file, line=at.line, hint=error.hint) from None

        own = {
            name: tried(f"headers.{name}", partial(self._header, name, text))
            for name, text in values.get("headers", {}).items()
        }
        body, kind = self._body(values, tried)
        has_body = "body" in values or "json" in values
        method = str(values.get("method") or ("POST" if has_body else "GET")).upper()
        path, weight = f"{self.below}{values['path']}" or "/", float(values.get("weight", 1.0))
        tried("method", lambda: RequestSpec(method=method))
        tried("path", lambda: RequestSpec(path=path))
        tried("weight", lambda: RequestSpec(weight=weight))
        wanted = self._expected(values, tried)
        named = {name.lower() for name in own}
        shared = {name: text for name, text in self.headers.items() if name.lower() not in named}
        given = named | {name.lower() for name in shared}
        sent = {**shared, **own} | ({"Content-Type": kind} if kind and "content-type" not in given else {})
        return RequestSpec(method, path, sent, body, weight, wanted.statuses, wanted.contains)

    def _header(self, name: str, text: str) -> str:
        value = self._revealed(text)
        RequestSpec(headers={name: value})
        return value

    def _body(self, values: Mapping[str, Any], tried: _Tried) -> tuple[bytes, str]:
        """Return the body's bytes and, of JSON, its type."""
        if "json" in values:
            plain = tried("json", lambda: self._plain(values["json"]))
            return json.dumps(plain, separators=(",", ":")).encode("ascii"), "application/json"
        text = tried("body", lambda: self._revealed(values.get("body", "")))
        return tried("body", lambda: _utf8(text)), ""

    def _expected(self, values: Mapping[str, Any], tried: _Tried) -> Expected:
        if "expect" not in values and "contains" not in values:
            return self.expect
        wanted = tried("expect", lambda: _expectation(values.get("expect", [])))
        return tried("contains", lambda: _with_text(wanted, values.get("contains", "")))

    def _plain(self, value: object) -> object:
        """Return what is sent as JSON, secrets resolved."""
        if isinstance(value, dict):
            return {name: self._plain(one) for name, one in value.items()}
        if isinstance(value, list):
            return [self._plain(one) for one in value]
        return self._revealed(value) if isinstance(value, str) else value

    def _revealed(self, text: str) -> str:
        """Return a text, or what it refers to."""
        if not looks_like_reference(text):
            return text
        match = REFERENCE.match(text)
        if match and match[1] == "made":
            raise UsageError(
                f"{text} is a secret that Deployer makes for an environment, and there is none.",
                hint="Write ${env:NAME}.",
            )
        folder = self.file.resolve().parent
        value = Secret(text).resolve(root=folder, made=folder)
        if has_templates(value):
            raise UsageError(
                f"The secret {text} holds {{n}}, {{uuid}} or {{random}}, which would be filled in.",
                hint="Give it another value.",
            )
        return value


def _expectation(value: str | list[str]) -> Expected:
    """Return what is expected: of statuses in a list any one, of conditions all."""
    texts = [value] if isinstance(value, str) else value
    if len(texts) > 1:
        try:
            return expected([",".join(texts)])
        except UsageError:  # conditions are among them
            return expected(texts)
    return expected(texts)


def _with_text(wanted: Expected, text: str) -> Expected:
    """Return what is expected, and a text of the body besides."""
    if not text:
        return wanted
    if wanted.contains is not None:
        raise UsageError("A second text is expected of the body.", hint="Give one.")
    return Expected(wanted.statuses, _utf8(text))


def _utf8(text: str) -> bytes:
    """Return a text's bytes; JSON writes what lies beyond 16 bits as two halves."""
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16").encode()
    except UnicodeDecodeError:
        raise UsageError(
            "Half of a character stands alone in the text.", hint="Look at its \\u escapes."
        ) from None

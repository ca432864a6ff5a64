"""The reference page of the parameters, made from the model: ``python -m deployer_lib.parameters.reference``."""

from __future__ import annotations

import enum
import json
import sys
from typing import TYPE_CHECKING, Any, Final, Literal, get_args, get_origin

from pydantic import BaseModel

from deployer_lib.parameters.examples import EXAMPLES
from deployer_lib.parameters.expected import Endpoint
from deployer_lib.parameters.fields import section_of, types_of
from deployer_lib.parameters.model import Parameters
from deployer_lib.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

__all__ = ["keys", "reference"]

_INTRODUCTION: Final = """\
# Parameters

An environment is a file in `parameters/`; its id is the file's path without suffix (`staging`, `api/staging`).
This page is made from the model (`python -m deployer_lib.parameters.reference > docs/parameters.md`), and a test
holds both together.

- A text is taken as it is written: `version: 1.10` is `1.10`, `no` is `no`, `0012` keeps its zeros.
- `true` and `false` are the only truth values; `yes` and `on` are refused.
- `~` leaves a key unset. Unknown keys and wrong types are refused, with file, line and the nearest right name.
- `extends: base.yaml` takes another file's values first, beside this one or below `parameters/`: maps merge deep,
  lists and texts are replaced, `~` takes an inherited value away. The file that is extended may extend another.
- A *secret text* may be a reference, resolved in the kernel and never shown: `${env:NAME}`, `${file:PATH}`,
  `${cmd:["argv", …]}`, `${made:name}` (random, made once and kept). A literal under a secret-looking name, or a
  password inside a URL, is refused.
- A run may override values: `deployer run staging -p deploy.port=8080`, or papermill's `-p`, `-r`, `-y` and `-f`. Use
  `-r` for texts, because `-p` guesses types (`-p version 12e4567` arrives as infinite, and is refused).
"""


def keys() -> list[str]:
    """Return every key of the model, dotted; ``[]`` stands for an entry of a list, an endpoint's own keys once."""
    return [dotted for section in _sections() for dotted, _ in section[1]]


def reference() -> str:
    """Return the page as Markdown."""
    parts = [_INTRODUCTION]
    for name, rows, sentence in _sections():
        title = f"`{name}`" if name else "Top level"
        parts.append(f"## {title}\n\n{sentence}\n")
        parts.append("| key | type | default | |\n| --- | --- | --- | --- |")
        parts.extend(_row(dotted, field) for dotted, field in rows)
        if example := EXAMPLES.get(name):
            parts.append(f"\n```yaml\n{example}```\n")
        else:
            parts.append("")
    return "\n".join(parts).rstrip("\n") + "\n"


def _sections() -> Iterator[tuple[str, list[tuple[str, FieldInfo]], str]]:
    """Yield each section: its name, its keys, its sentence. Scalars of the top level come first, endpoints last."""
    top = [
        (name, field)
        for name, field in Parameters.model_fields.items()
        if section_of(field.annotation) is None
    ]
    yield "", top, _first(Parameters)
    for name, field in Parameters.model_fields.items():
        if (model := section_of(field.annotation)) is not None:
            many = "[]" if _is_list(field.annotation) else ""
            yield name, list(_rows(model, f"{name}{many}")), _sentence(field, model)
    yield (
        "endpoint",
        list(_rows(Endpoint, "endpoint")),
        f"{_first(Endpoint)} Wherever a key's type is *endpoint*.",
    )


def _rows(model: type[BaseModel], path: str) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        yield f"{path}.{name}", field
        inner = section_of(field.annotation)
        if inner is not None and inner is not Endpoint:
            yield from _rows(inner, f"{path}.{name}{'[]' if _is_list(field.annotation) else ''}")


def _row(dotted: str, field: FieldInfo) -> str:
    sentence = " ".join((field.description or "").split()).replace("|", "\\|").replace("``", "`")
    return f"| `{dotted}` | {_type(field.annotation)}{_limits(field)} | {_default(field)} | {sentence} |"


def _limits(field: FieldInfo) -> str:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    found = [
        f"{sign} {getattr(rule, name):g}"
        for rule in field.metadata
        for name, sign in signs.items()
        if getattr(rule, name, None) is not None
    ]
    return f", {' and '.join(found)}" if found else ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value: Any = field.default
    if isinstance(value, BaseModel):
        return ""
    if value is None or value in ("", [], {}):
        return "none" if value is None else "empty"
    return f"`{value.value if isinstance(value, enum.Enum) else json.dumps(value)}`"


def _is_list(kind: object) -> bool:
    return get_origin(types_of(kind)[0]) is list


def _type(kind: object) -> str:
    parts = types_of(kind)
    if Secret in parts:
        return "secret text"
    return " or ".join(_one_type(part) for part in parts)


def _one_type(kind: object) -> str:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is list:
        return (
            "command (list of words)"
            if Secret in types_of(arguments[0])
            else f"list of {_type(arguments[0])}"
        )
    if origin is dict:
        return f"map to {_type(arguments[1])}"
    if origin is Literal:
        return ", ".join(f"`{one}`" for one in arguments if one)
    return _named_type(kind)


def _named_type(kind: object) -> str:
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return ", ".join(f"`{one.value}`" for one in kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return "*endpoint*" if kind is Endpoint else "map"
    names: dict[object, str] = {
        str: "text",
        int: "whole number",
        float: "number",
        bool: "true or false",
        Any: "JSON",
    }
    return names[kind]


def _first(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").partition("\n")[0]


def _sentence(field: FieldInfo, model: type[BaseModel]) -> str:
    sentence = _first(model)
    return sentence if len(sentence) > len(field.description or "") else field.description or ""


if __name__ == "__main__":
    sys.stdout.write(reference())

"""The types that the sections of parameters are made of."""

from __future__ import annotations

import types
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from deployer_lib.parameters import rules
from deployer_lib.secret import Secret, looks_like_reference

__all__ = [
    "Argv",
    "CheckId",
    "HostName",
    "JsonBody",
    "Origins",
    "RequestPath",
    "Seconds",
    "SecretText",
    "Section",
    "section_of",
    "types_of",
]


def _reference(value: object) -> object:
    return Secret(value) if isinstance(value, str) and looks_like_reference(value) else value


def _references(value: object) -> object:
    if isinstance(value, dict):
        return {name: _references(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_references(item) for item in value]
    return _reference(value)


#: Text that may be a reference to a secret.
SecretText = Annotated[Secret | str, BeforeValidator(_reference)]
#: A command as a list of words.
Argv = Annotated[list[SecretText], Field(min_length=1)]
#: A time in seconds, more than none.
Seconds = Annotated[float, Field(gt=0)]
#: What is sent as JSON; every text in it may be a reference to a secret.
JsonBody = Annotated[Any, BeforeValidator(_references)]
#: Path of a request.
RequestPath = Annotated[str, rules.Rule(rules.path)]
#: A host that may be asked: a name, a name with a port (80 where absent), or a base URL.
HostName = Annotated[str, rules.Rule(rules.host)]
#: Id of a check in the catalogue.
CheckId = Annotated[str, rules.Rule(rules.check_id)]
#: Web origins of front ends.
Origins = Annotated[list[Annotated[str, rules.Rule(rules.origin)]], Field(min_length=1)]


class Section(BaseModel):
    """One section of a parameters file: no other keys than its fields, and nothing changes afterwards."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, arbitrary_types_allowed=True
    )


def types_of(kind: object) -> list[object]:
    """Return the types of a union without None, Annotated taken off."""
    if get_origin(kind) is Annotated:
        return types_of(get_args(kind)[0])
    if get_origin(kind) in {Union, types.UnionType}:
        return [part for one in get_args(kind) if one is not types.NoneType for part in types_of(one)]
    return [kind]


def section_of(kind: object) -> type[BaseModel] | None:
    """Return the section that a type is, or is a list of."""
    first = types_of(kind)[0]
    if get_origin(first) is list:
        first = types_of(get_args(first)[0])[0]
    return first if isinstance(first, type) and issubclass(first, BaseModel) else None

"""What papermill injected over the parameters cell, and which of it counts.

``papermill -f parameters/staging.yaml`` injects the file's own values, as YAML 1.1 guesses their types. Those give way
to the file, which is read with its original text; what differs is meant as an override.
"""

from __future__ import annotations

import difflib
import math
from typing import TYPE_CHECKING

import yaml

from deployer_lib.errors import ParametersError
from deployer_lib.parameters.coerce import INJECTED
from deployer_lib.parameters.model import Parameters
from deployer_lib.parameters.source import Fields, from_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from deployer_lib.parameters.chain import Layer

__all__ = ["overrides"]


class _PapermillLoader(yaml.SafeLoader):
    """Read YAML as papermill's ``-f`` does: everything guessed but dates."""

    yaml_implicit_resolvers = {  # noqa: RUF012  (the base class's name and shape)
        first: [(tag, pattern) for tag, pattern in pairs if tag != "tag:yaml.org,2002:timestamp"]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def overrides(injected: Mapping[str, object], layers: Sequence[Layer], environment: str) -> Fields:
    """Return those injected values that are no mere copy of the files, as a tree.

    Raises:
        ParametersError: a name that is no parameter, or another environment's.
    """
    given = {name: value for name, value in injected.items() if value is not None}
    plain = [_plainly(layer.text) for layer in layers] if given else []
    kept: dict[str, object] = {}
    for name, value in given.items():
        if any(name in file and _same(file[name], value) for file in plain):
            continue
        if name not in Parameters.model_fields:
            near = difflib.get_close_matches(name, Parameters.model_fields, n=1, cutoff=0.6)
            raise ParametersError(
                f"there is no parameter {name}{f'; did you mean {near[0]}?' if near else ''}", file=INJECTED
            )
        kept[name] = value
    if str(kept.pop("environment", environment)) != environment:
        raise ParametersError(
            f"environment is {given['environment']} there, and {layers[0].file} was asked for.", file=INJECTED
        )
    tree = from_value(kept, INJECTED)
    return tree if isinstance(tree, Fields) else Fields({}, INJECTED, 0)


def _plainly(text: str) -> dict[str, object]:
    try:
        read = yaml.load(text, Loader=_PapermillLoader)  # noqa: S506  (a SafeLoader)
    except (yaml.YAMLError, ValueError):  # papermill could not have read it either; ValueError: 0b2, 99:99:…
        return {}
    return read if isinstance(read, dict) else {}


def _same(one: object, other: object) -> bool:
    """Tell whether two values are equal and of equal types: True is not 1, and not a number is itself."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return one == other

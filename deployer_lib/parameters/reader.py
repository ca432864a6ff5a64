"""Read what an environment says: its files, what they extend, what was injected; and where each value came from."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ValidationError

from deployer_lib.parameters.chain import chain
from deployer_lib.parameters.coerce import Coercion
from deployer_lib.parameters.effects import refuse_loosening
from deployer_lib.parameters.fields import section_of
from deployer_lib.parameters.injected import overrides
from deployer_lib.parameters.model import Parameters
from deployer_lib.parameters.problems import Origin, Problems
from deployer_lib.parameters.source import Fields, Scalar, Tree, merged
from deployer_lib.secret import SECURE, Secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pydantic_core import ErrorDetails

    from deployer_lib.parameters.chain import Layer

__all__ = ["DEFAULT", "Loaded", "load"]

#: What stands for a file where a value is the model's default.
DEFAULT: Final = "default"

#: What each kind of deployment can't do without.
_NEEDS: Final = {
    "process": {"start": "the command of the process"},
    "command": {"commands": "one command a capability", "address": "the base URL that users reach"},
    "none": {"address": "the base URL that users reach"},
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """An environment's parameters, with where each value came from."""

    parameters: Parameters
    files: tuple[str, ...]  # relative to the root: the environment's own, then what it extends
    digest: str  # sha256:… of the effective values, references unresolved, ``confirm`` left out
    origins: Mapping[str, Origin]  # by dotted key, [n] for the n-th of a list

    def secrets(self) -> list[Secret]:
        """Return every secret of the parameters in the order of the model; one that is named twice stands twice."""
        return list(_secrets(self.parameters))

    def effective(self) -> list[tuple[str, str, str, int]]:
        """Return every effective value: dotted key, value as it may be shown, file and line.

        A secret shows as ``[secure]`` with its reference; a default's file is ``default``, its line 0.
        """
        rows = []
        for dotted, value in _leaves(_plain(self.parameters), ""):
            origin = self.origins.get(dotted, Origin(DEFAULT, 0))
            rows.append((dotted, value, origin.file, origin.line))
        return rows


def load(root: Path, environment: str, *, injected: Mapping[str, object] | None = None) -> Loaded:
    """Read an environment's parameters; nothing else is touched, and no secret is resolved.

    Args:
        root: folder that holds parameters/.
        environment: the environment's id (``staging``, ``api/staging``).
        injected: values of the notebook's parameters cell by name, None for those that were not given.

    Raises:
        ParametersError: the first thing that is wrong, with file and line, and how many more there are.
    """
    layers = chain(root, environment)
    files = tuple(layer.file for layer in layers)
    given = overrides(injected or {}, layers, environment)
    coercion = Coercion()
    _check_own(layers, environment, coercion.problems)
    tree: Tree | None = None
    for layer in (*(layer.tree for layer in reversed(layers)), given):
        tree = layer if tree is None else merged(tree, layer)
    values = coercion.section(Parameters, tree if isinstance(tree, Fields) else given)
    values["environment"] = environment
    parameters = _validated(values, coercion, Origin(files[0], 0))
    coercion.problems.raise_first(files)
    if parameters is None:
        raise AssertionError("a model that was refused has a problem")
    if any(value is not None for value in (injected or {}).values()):
        refuse_loosening(load(root, environment).parameters, parameters, files[0])
    return Loaded(parameters, files, _digest(parameters), coercion.origins)


def _check_own(layers: Sequence[Layer], environment: str, problems: Problems) -> None:
    """Check what a file says of itself: ``environment`` is its id, and nobody confirms in a file."""
    own = layers[0]
    named = own.tree.items.get("environment")
    if named is None:
        problems.add(
            "environment",
            "environment is missing",
            Origin(own.file, 1),
            hint=f"Write environment: {environment}",
        )
    elif not isinstance(named, Scalar) or named.text != environment:
        stands = f"«{named.text}»" if isinstance(named, Scalar) else named.kind
        problems.add(
            "environment",
            f"environment is the file's path below parameters/ without .yaml, {environment}, and {stands} stands there",
            named,
        )
    for layer in layers:
        if (confirmed := layer.tree.items.get("confirm")) is not None:
            problems.add(
                "confirm",
                "confirm is given at the run, never in a file",
                confirmed,
                hint=f"Take it out, and run with --yes {environment}.",
            )


def _validated(values: dict[str, object], coercion: Coercion, start: Origin) -> Parameters | None:
    """Return the model, or None after noting what the model itself refuses: limits, what is missing, what is needed."""
    try:
        parameters = Parameters.model_validate(values)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_context=True, include_input=False):
            _note(detail, coercion, start)
        return None
    deploy = parameters.deploy
    at = coercion.origins.get("deploy.kind", start)
    for name, meaning in _NEEDS.get(deploy.kind, {}).items():
        path = f"deploy.{name}"
        if not getattr(deploy, name) and not coercion.problems.touches(path):
            coercion.problems.add(path, f"deploy.kind {deploy.kind} needs {path}: {meaning}", at)
    return parameters


def _note(detail: ErrorDetails, coercion: Coercion, start: Origin) -> None:
    path = ""
    for step in detail["loc"]:
        if isinstance(step, int):
            path += f"[{step}]"
        elif f"{path}.{step}".lstrip(".") in coercion.origins or detail["type"] == "missing":
            path = f"{path}.{step}".lstrip(".")
    if coercion.problems.touches(path):
        return
    if detail["type"] == "missing":
        holder = path.rpartition(".")[0]
        coercion.problems.add(
            path, f"{path} is missing", coercion.origins.get(holder, start), hint=_meaning(path)
        )
        return
    at = coercion.origins.get(path, start)
    shown = f", and «{at.text}» stands there" if at.text else ""
    coercion.problems.add(path, f"{path}: {_limit(detail)}{shown}", at)


def _meaning(path: str) -> str:
    """Return what a missing key means: the sentence of the model."""
    model: type[BaseModel] | None = Parameters
    sentence = ""
    for step in path.split("."):
        field = model.model_fields.get(step.partition("[")[0]) if model else None
        if field is None:
            return ""
        sentence, model = field.description or "", section_of(field.annotation)
    return sentence


def _limit(detail: ErrorDetails) -> str:
    limits = detail.get("ctx", {})
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    for name, word in words.items():
        if name in limits:
            return f"expected {word} {limits[name]:g}"
    return "expected at least one entry" if "min_length" in limits else detail["msg"]


def _plain(value: object) -> object:
    """Return a value as JSON takes it, secrets as objects."""
    if isinstance(value, BaseModel):
        return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _digest(parameters: Parameters) -> str:
    values = _plain(parameters)
    if isinstance(values, dict):
        values.pop("confirm")  # of the run, not of the environment
    text = json.dumps(
        values, sort_keys=True, ensure_ascii=False, default=lambda secret: {"secret": secret.reference}
    )
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _secrets(value: object) -> Iterator[Secret]:
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name))
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _secrets(item)


def _leaves(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _leaves(item, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}[{index}]")
    else:
        yield path, _shown(value)


def _shown(value: object) -> str:
    if isinstance(value, Secret):
        return f"{SECURE} {value.reference}"
    if isinstance(value, list):
        return json.dumps(
            [_shown(item) if isinstance(item, Secret) else item for item in value], ensure_ascii=False
        )
    return str(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

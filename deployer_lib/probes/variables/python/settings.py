"""Settings classes of pydantic: every annotated field is a variable, under the class's prefix or its alias."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.python import syntax
from deployer_lib.probes.variables.python.idioms import SETTINGS_BASES
from deployer_lib.probes.variables.python.needs import Judged
from deployer_lib.probes.variables.python.reads import KeyRead
from deployer_lib.probes.variables.python.syntax import Arguments, arguments, literal, text, unwrap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from deployer_lib.probes.variables.python.module import Module
    from deployer_lib.probes.variables.python.names import Project

__all__ = ["settings_classes", "settings_reads"]

_MAX_DEPTH: Final = 10
_OPTIONS: Final = ("env_prefix", "env_nested_delimiter", "case_sensitive")
_CONFIGS: Final = frozenset({"SettingsConfigDict", "ConfigDict", "dict"})
_ALIASES: Final = ("validation_alias", "alias", "env")
_MODEL_BASES: Final = frozenset({"pydantic.BaseModel", "pydantic.main.BaseModel", "pydantic.v1.BaseModel"})


@dataclass(frozen=True, slots=True)
class _Field:
    module: Module
    node: Node  # the assignment
    name: str
    annotation: Node
    value: Node | None


def settings_classes(project: Project, module: Module) -> list[str]:
    """Return the names of a file's settings classes; other files may have heirs of them."""
    return [name for name, node in module.classes.items() if _derives(project, module, node, SETTINGS_BASES)]


def settings_reads(project: Project, module: Module) -> Iterator[KeyRead]:
    """Yield the variables that a file's settings classes read, inherited fields with the heir's prefix too."""
    for node in module.classes.values():
        if not _derives(project, module, node, SETTINGS_BASES):
            continue
        options = _options(project, module, node)
        for entry in _fields(project, module, node, inherited=_own_options(node) != {}):
            yield from _field_reads(project, entry, options, options.get("env_prefix", ""))


def _bases(project: Project, module: Module, node: Node) -> list[str]:
    found = [project.dotted(module, _generic(base)) for base in arguments(node).positional]
    return [base for base in found if base]


def _generic(base: Node) -> Node:
    return syntax.field(base, "value") or base if base.type == "subscript" else base


def _derives(project: Project, module: Module, node: Node, roots: frozenset[str], depth: int = 0) -> bool:
    for base in _bases(project, module, node) if depth < _MAX_DEPTH else ():
        if base in roots:
            return True
        found = project.class_node(base, module)
        if found is not None and found[1] != node and _derives(project, *found, roots, depth + 1):
            return True
    return False


def _parents(project: Project, module: Module, node: Node) -> list[tuple[Module, Node]]:
    found = [project.class_node(base, module) for base in _bases(project, module, node)]
    return [place for place in found if place is not None and place[1] != node]


def _options(project: Project, module: Module, node: Node, depth: int = 0) -> dict[str, str]:
    merged: dict[str, str] = {}
    for parent in reversed(_parents(project, module, node)) if depth < _MAX_DEPTH else ():
        merged |= _options(project, *parent, depth + 1)
    return merged | _own_options(node)


def _own_options(node: Node) -> dict[str, str]:
    given = dict(arguments(node).named)
    for statement in _statements(node):
        if statement.type == "class_definition" and text(syntax.field(statement, "name")) == "Config":
            for inner in _statements(statement):
                left, right = syntax.field(inner, "left"), syntax.field(inner, "right")
                if right is not None:
                    given[text(left)] = right
        elif text(syntax.field(statement, "left")) == "model_config":
            given |= _config(unwrap(syntax.field(statement, "right")))
    values = {name: syntax.string(given[name]) or text(given[name]) for name in _OPTIONS if name in given}
    return {name: "" if value in {'""', "''"} else value for name, value in values.items()}


def _config(node: Node | None) -> dict[str, Node]:
    if node is None:
        return {}
    if node.type == "dictionary":
        pairs = [
            (syntax.string(syntax.field(pair, "key")), syntax.field(pair, "value"))
            for pair in node.named_children
        ]
        return {name: value for name, value in pairs if name and value is not None}
    if node.type == "call" and text(syntax.field(node, "function")).rpartition(".")[2] in _CONFIGS:
        return arguments(node).named
    return {}


def _statements(node: Node) -> Iterator[Node]:
    body = syntax.field(node, "body")
    for statement in body.named_children if body is not None else ():
        if statement.type == "expression_statement" and statement.named_children:
            yield statement.named_children[0]
        elif statement.type == "decorated_definition":
            yield syntax.field(statement, "definition") or statement
        else:
            yield statement


def _fields(project: Project, module: Module, node: Node, *, inherited: bool, depth: int = 0) -> list[_Field]:
    found: dict[str, _Field] = {}
    for parent in reversed(_parents(project, module, node)) if depth < _MAX_DEPTH else ():
        # A settings class among the parents yields its own fields; they are repeated where the prefix differs.
        if inherited or not _derives(project, *parent, SETTINGS_BASES):
            found |= {
                entry.name: entry for entry in _fields(project, *parent, inherited=inherited, depth=depth + 1)
            }
    for statement in _statements(node):
        annotation = syntax.field(statement, "type")
        name = text(syntax.field(statement, "left"))
        if (
            statement.type != "assignment"
            or annotation is None
            or name.startswith("_")
            or name == "model_config"
        ):
            continue
        if not text(annotation).startswith(("ClassVar", "typing.ClassVar")):
            found[name] = _Field(
                module, statement, name, annotation, unwrap(syntax.field(statement, "right"))
            )
    return list(found.values())


def _field_reads(
    project: Project, entry: _Field, options: dict[str, str], prefix: str, *, outer: Judged | None = None
) -> Iterator[KeyRead]:
    call = _field_call(entry)
    judged = _field_need(entry, call)
    if outer is not None and outer.need != "required":
        judged = Judged("default", judged.default)
    nested = _nested(project, entry, options)
    delimiter = options.get("env_nested_delimiter", "")
    names = _aliases(call) or [prefix + entry.name]
    for name in names:
        if nested is not None:
            for inner in _fields(project, *nested, inherited=True):
                yield from _field_reads(project, inner, options, f"{name}{delimiter}", outer=judged)
        else:
            exact = options.get("case_sensitive") == "True"
            yield KeyRead((name if exact else name.upper(),), judged, entry.node, "settings class")


def _field_call(entry: _Field) -> Arguments | None:
    value = entry.value
    if value is not None and value.type == "call" and text(syntax.field(value, "function")).endswith("Field"):
        return arguments(value)
    for inner in syntax.descend(entry.annotation):  # Annotated[str, Field(alias="X")]
        if inner.type == "call" and text(syntax.field(inner, "function")).endswith("Field"):
            return arguments(inner)
    return None


def _field_need(entry: _Field, call: Arguments | None) -> Judged:
    value = entry.value
    from_call = value is None or (
        value.type == "call" and text(syntax.field(value, "function")).endswith("Field")
    )
    if call is not None and from_call:
        default = call.get(0, "default") or call.get(None, "default_factory")
        value = default
    if value is None or value.type == "ellipsis":
        return Judged("required")
    return Judged("default", literal(value) or "None")


def _aliases(call: Arguments | None) -> list[str]:
    for option in _ALIASES if call is not None else ():
        node = call.named.get(option) if call is not None else None
        if node is not None:
            found = [syntax.string(inner) for inner in syntax.descend(node) if inner.type == "string"]
            if node.type == "call" and text(syntax.field(node, "function")).endswith("AliasPath"):
                found = found[:1]
            return [name for name in found if name]
    return []


def _nested(project: Project, entry: _Field, options: dict[str, str]) -> tuple[Module, Node] | None:
    if not options.get("env_nested_delimiter"):
        return None
    for inner in syntax.descend(entry.annotation):
        if inner.type in {"identifier", "attribute"}:
            dotted = project.dotted(entry.module, inner)
            found = project.class_node(dotted, entry.module) if dotted else None
            if found is not None and _derives(project, *found, _MODEL_BASES):
                return found
    return None

"""One parsed file: its imports, bindings, functions and classes, by scope."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.python import syntax
from deployer_lib.probes.variables.python.idioms import ENVVAR_KEYWORDS
from deployer_lib.probes.variables.python.syntax import descend, scope_of, text

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["Function", "Module", "dotted_name", "load_module"]

#: The nodes that a module notes, as a query: going through all of them in Python is what costs most.
_NOTED: Final = """
(import_statement) @noted (import_from_statement) @noted
(assignment) @noted (named_expression) @noted
(for_statement) @noted (for_in_clause) @noted
(with_item) @noted
(function_definition) @noted (lambda) @noted
(class_definition) @noted
(if_statement) @noted (assert_statement) @noted (elif_clause) @noted
(call) @noted (subscript) @noted (comparison_operator) @noted (binary_operator) @noted
"""


@dataclass(frozen=True, slots=True)
class Function:
    """A function, method or lambda that may wrap a read."""

    name: str  # dotted, with module and class
    node: Node
    parameters: tuple[tuple[str, Node | None], ...]  # (name, default), self and cls left out


@dataclass(slots=True)
class Module:
    """What a file binds, and the nodes that may matter."""

    path: str  # relative to the root, with slashes
    name: str  # dotted
    source: bytes
    root: Node
    imports: dict[str, str] = field(default_factory=dict)  # local name -> full dotted name
    stars: list[str] = field(default_factory=list)  # modules imported with *
    bound: dict[int, dict[str, Node]] = field(
        default_factory=lambda: defaultdict(dict)
    )  # scope id -> name -> value
    loops: dict[str, list[tuple[Node, Node, Node]]] = field(default_factory=lambda: defaultdict(list))
    # name -> (the loop, its target, what it goes over)
    functions: dict[int, Function] = field(default_factory=dict)  # node id ->
    by_name: dict[str, Function] = field(default_factory=dict)  # dotted within the module ->
    classes: dict[str, Node] = field(default_factory=dict)
    candidates: list[Node] = field(default_factory=list)  # calls, subscripts, comparisons, subtractions
    conditions: list[Node] = field(default_factory=list)  # if and assert statements
    names_variables: bool = False  # an argument that names a variable may stand in it

    @property
    def package(self) -> str:
        """Return the dotted name of the package that relative imports count from."""
        return self.name if self.path.endswith("__init__.py") else self.name.rpartition(".")[0]


def dotted_name(path: str) -> str:
    """Return the dotted name of a file by its path alone."""
    folder, slash, name = path.rpartition("/")
    stem = name[: name.rfind(".")] if name.rfind(".") > 0 else name
    dotted = f"{folder}{slash}{stem}".replace("/", ".")
    return dotted.removesuffix("__init__").removesuffix(".") if stem == "__init__" else dotted


def load_module(path: str, source: bytes) -> Module:
    """Parse a file and note what it binds."""
    module = Module(path, dotted_name(path), source, syntax.parse(source).root_node)
    module.names_variables = any(word.encode() in source for word in ENVVAR_KEYWORDS)
    for node in syntax.captured(_NOTED, module.root):
        _note(module, node)
    return module


def _note(module: Module, node: Node) -> None:  # noqa: C901  (a table of node types)
    match node.type:
        case "import_statement" | "import_from_statement":
            _import(module, node)
        case "assignment" | "named_expression":
            _bind(module, node)
        case "for_statement" | "for_in_clause":
            left, right = syntax.field(node, "left"), syntax.field(node, "right")
            if left is not None and right is not None:
                loop = node if node.type == "for_statement" else node.parent or node
                for target in descend(left):
                    if target.type == "identifier":
                        module.loops[text(target)].append((loop, left, right))
        case "with_item":
            _bind_with(module, node)
        case "function_definition" | "lambda":
            _function(module, node)
        case "class_definition":
            module.classes[_qualified(node)] = node
        case "if_statement" | "assert_statement" | "elif_clause":
            module.conditions.append(node)
        case "call" | "subscript" | "comparison_operator":
            module.candidates.append(node)
        case "binary_operator" if text(syntax.field(node, "operator")) == "-":
            module.candidates.append(node)


def _import(module: Module, node: Node) -> None:
    start = ""
    source = syntax.field(node, "module_name")
    if source is not None:
        start = _absolute(module, text(source))
    for child in node.children_by_field_name("name"):
        name = text(syntax.field(child, "name") or child)
        full = f"{start}.{name}" if source is not None else name
        if child.type == "aliased_import":
            module.imports[text(syntax.field(child, "alias"))] = full
        elif source is not None:
            module.imports[name] = full
        else:
            module.imports[name.partition(".")[0]] = name.partition(".")[0]
    if source is not None and any(child.type == "wildcard_import" for child in node.named_children):
        module.stars.append(start)


def _absolute(module: Module, name: str) -> str:
    dots = len(name) - len(name.lstrip("."))
    if not dots:
        return name
    package = module.package.split(".") if module.package else []
    kept = package[: len(package) - (dots - 1)] if dots > 1 else package
    rest = name.lstrip(".")
    return ".".join([*kept, rest] if rest else kept)


def _bind(module: Module, node: Node) -> None:
    left = syntax.field(node, "left") or syntax.field(node, "name")
    right = syntax.field(node, "right") or syntax.field(node, "value")
    if left is None or right is None:
        return
    scope = scope_of(node)
    pairs = [(left, right)]
    if left.type in {"pattern_list", "tuple_pattern"} and right.type in {"expression_list", "tuple"}:
        pairs = list(zip(left.named_children, right.named_children, strict=False))
    for target, value in pairs:
        if target.type == "attribute":
            owner = text(syntax.field(target, "object"))
            if owner in {"self", "cls"} and (around := _class_of(node)) is not None:
                module.bound[around.id].setdefault(text(syntax.field(target, "attribute")), value)
        elif target.type == "identifier":
            module.bound[scope.id][text(target)] = value
    if right.type == "lambda" and left.type == "identifier":
        name = f"{module.name}.{text(left)}"
        module.by_name[text(left)] = Function(name, right, _parameters(right, method=False))


def _bind_with(module: Module, node: Node) -> None:
    value = syntax.field(node, "value")
    if value is not None and value.type == "as_pattern":
        target = syntax.field(value, "alias")
        if target is not None and value.named_children:
            module.bound[scope_of(node).id][text(target)] = value.named_children[0]


def _function(module: Module, node: Node) -> None:
    inside = _class_of(node) if node.type == "function_definition" else None
    decorators = (
        text(node.parent) if node.parent is not None and node.parent.type == "decorated_definition" else ""
    )
    method = inside is not None and "@staticmethod" not in decorators.partition("def ")[0]
    local = _qualified(node) if node.type == "function_definition" else ""
    function = Function(f"{module.name}.{local}" if local else "", node, _parameters(node, method=method))
    module.functions[node.id] = function
    if local:
        module.by_name[local] = function


def _class_of(node: Node) -> Node | None:
    here = node.parent
    while here is not None:
        if here.type == "class_definition":
            return here
        here = here.parent
    return None


def _qualified(node: Node) -> str:
    names = [text(syntax.field(node, "name"))]
    here = node.parent
    while here is not None:
        if here.type == "class_definition":
            names.append(text(syntax.field(here, "name")))
        here = here.parent
    return ".".join(reversed(names))


def _parameters(node: Node, *, method: bool) -> tuple[tuple[str, Node | None], ...]:
    listed = syntax.field(node, "parameters")
    found: list[tuple[str, Node | None]] = []
    for child in listed.named_children if listed is not None else ():
        name = child if child.type == "identifier" else syntax.field(child, "name")
        if name is None and child.type == "typed_parameter" and child.named_children:
            name = child.named_children[0]
        if name is not None and name.type == "identifier":
            found.append((text(name), syntax.field(child, "value")))
    return tuple(found[1:] if method else found)

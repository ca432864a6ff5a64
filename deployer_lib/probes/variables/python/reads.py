"""The reads of one file: direct ones, and calls of functions that are known to wrap one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from deployer_lib.probes.variables.python import syntax
from deployer_lib.probes.variables.python.idioms import ENVIRONMENTS, ENVVAR_KEYWORDS, READS, Call
from deployer_lib.probes.variables.python.needs import Judged, judge_need
from deployer_lib.probes.variables.python.syntax import Arguments, arguments, literal, text, unwrap
from deployer_lib.probes.variables.python.values import constant, keys, members

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tree_sitter import Node

    from deployer_lib.probes.variables.python.module import Function, Module
    from deployer_lib.probes.variables.python.names import Hole, Key, Project

__all__ = ["KeyRead", "reads_of"]


@dataclass(frozen=True, slots=True)
class KeyRead:
    """A read of a variable whose name may still hang on a parameter."""

    key: Key
    judged: Judged
    node: Node
    idiom: str


Wrappers = dict[int, list[KeyRead]]  # function's node id -> reads inside it that hang on its parameters


def reads_of(project: Project, module: Module, wrappers: Mapping[int, list[KeyRead]]) -> Iterator[KeyRead]:
    """Yield every read of a file; an empty key where the name could not be worked out."""
    for node in module.candidates:
        match node.type:
            case "subscript":
                yield from _subscript(project, module, node)
            case "comparison_operator":
                yield from _membership(project, module, node)
            case "binary_operator":
                yield from _difference(project, module, node)
            case _:
                yield from _call(project, module, node, wrappers)


def _judged(project: Project, module: Module, node: Node, key: Key, judged: Judged) -> Judged:
    def same(other: Node) -> bool:
        if other.type == "subscript" and _is_environment(project, module, syntax.field(other, "value")):
            return key in keys(project, module, syntax.field(other, "subscript"))
        if other.type == "comparison_operator" and len(other.named_children) > 1:
            tested, container = other.named_children[:2]
            return _is_environment(project, module, container) and key in keys(project, module, tested)
        if other.type == "call":
            call = READS.get(project.dotted(module, syntax.field(other, "function")) or "")
            return call is not None and key in keys(project, module, arguments(other).get(0, *call.names))
        return False

    return judge_need(project, module, node, judged, same)


def _is_environment(project: Project, module: Module, node: Node | None) -> bool:
    node = unwrap(node)
    if (
        node is not None
        and node.type == "call"
        and text(syntax.field(node, "function", "attribute")) == "keys"
    ):
        node = syntax.field(node, "function", "object")
    return project.dotted(module, node) in ENVIRONMENTS


def _subscript(project: Project, module: Module, node: Node) -> Iterator[KeyRead]:
    if not _is_environment(project, module, syntax.field(node, "value")) or _is_written(node):
        return
    for key in keys(project, module, syntax.field(node, "subscript")) or [()]:
        judged = _judged(project, module, node, key, Judged("required"))
        default = _set_before(project, module, node, key)
        if judged.need == "required" and default is not None:
            judged = Judged("default", default)
        yield KeyRead(key, judged, node, "os.environ[…]")


def _is_written(node: Node) -> bool:
    child, here = node, node.parent
    while here is not None and here.type in {"pattern_list", "tuple_pattern", "expression_list"}:
        child, here = here, here.parent
    if here is None:
        return False
    return here.type == "delete_statement" or (
        here.type == "assignment" and here.child_by_field_name("left") == child
    )


def _set_before(project: Project, module: Module, node: Node, key: Key) -> str | None:
    for call in module.candidates:
        if call.type == "call" and call.start_byte < node.start_byte and b"setdefault" in (call.text or b""):
            given = arguments(call).positional
            name = project.dotted(module, syntax.field(call, "function")) or ""
            owner, _, method = name.rpartition(".")
            if (
                owner in ENVIRONMENTS
                and method == "setdefault"
                and given
                and key in keys(project, module, given[0])
            ):
                return literal(given[1]) if len(given) > 1 else ""
    return None


def _membership(project: Project, module: Module, node: Node) -> Iterator[KeyRead]:
    operators = {text(child) for child in node.children if not child.is_named}
    if operators & {"in", "not in"} and len(node.named_children) == 2:  # noqa: PLR2004  (two sides)
        tested, container = node.named_children
        if _is_environment(project, module, container):
            for key in keys(project, module, tested):
                yield KeyRead(
                    key, _judged(project, module, node, key, Judged("optional")), node, "in os.environ"
                )


def _difference(project: Project, module: Module, node: Node) -> Iterator[KeyRead]:
    """Find ``REQUIRED - set(os.environ)`` and the like."""
    right = syntax.field(node, "right")
    if right is None or not any(
        _is_environment(project, module, inner)
        for inner in syntax.descend(right)
        if inner.type in {"attribute", "identifier"}
    ):
        return
    for key in members(project, module, syntax.field(node, "left")):
        # What is done with the missing ones is judged like a list of names that were found absent.
        yield KeyRead(
            key, _judged(project, module, node, key, Judged("optional")), node, "names - os.environ"
        )


def _call(
    project: Project, module: Module, node: Node, wrappers: Mapping[int, list[KeyRead]]
) -> Iterator[KeyRead]:
    if module.names_variables:
        yield from _envvar(project, module, node, arguments(node))
    yield from _by_prefix(project, module, node)
    name = project.dotted(module, syntax.field(node, "function"))
    if name is None:
        return
    if name in READS:
        yield from _read(project, module, node, READS[name], name)
    elif name.endswith(".from_envvar"):
        given = arguments(node)
        silent = text(given.get(1, "silent")) == "True"
        for key in keys(project, module, given.get(0, "variable_name")):
            yield KeyRead(key, Judged("optional" if silent else "required"), node, "from_envvar")
    elif (
        wrappers and (function := project.function(name, module)) is not None and function.node.id in wrappers
    ):
        yield from _wrapped(project, module, node, function, wrappers[function.node.id])


def _by_prefix(project: Project, module: Module, node: Node) -> Iterator[KeyRead]:
    """Find ``for name in os.environ: if name.startswith("APP_")``: names that stand nowhere in the code.

    ``not name.startswith(…)`` takes some out of what is handed to a child process, and reads none.
    """
    if not module.loops:
        return
    method = syntax.field(node, "function")
    tested = unwrap(syntax.field(method, "object"))
    if text(syntax.field(method, "attribute")) != "startswith" or tested is None:
        return
    if node.parent is not None and node.parent.type == "not_operator":
        return
    for loop, target, source in module.loops.get(text(tested), ()):
        first = target.named_children[0] if target.type in {"pattern_list", "tuple_pattern"} else target
        inside = loop.start_byte <= node.start_byte < loop.end_byte
        if inside and text(first) == text(tested) and _goes_over_environment(project, module, source):
            yield KeyRead((), Judged("optional"), node, "names of os.environ by their prefix")
            return


def _goes_over_environment(project: Project, module: Module, source: Node) -> bool:
    """Tell whether a loop goes over the environment: itself, its items, or either one sorted or listed."""
    here: Node | None = unwrap(source)
    while here is not None and here.type == "call":
        function = syntax.field(here, "function")
        if text(syntax.field(function, "attribute")) in {"items", "keys", "copy"}:
            here = unwrap(syntax.field(function, "object"))
        elif text(function) in {"sorted", "list", "set", "tuple"}:
            here = unwrap(arguments(here).get(0))
        else:
            return False
    return _is_environment(project, module, here)


def _read(project: Project, module: Module, node: Node, call: Call, name: str) -> Iterator[KeyRead]:
    given = arguments(node)
    named = given.get(0, *call.names)
    fallback = given.get(call.default, call.default_name)
    judged = Judged(call.need)
    if fallback is not None:
        judged = _fallback(project, module, fallback, silent=name.startswith("os."))
    found = keys(project, module, named) if named is not None else [(call.usual,)] if call.usual else []
    prefix = _prefix(project, module, node) if name.startswith("environs.") else ()
    for key in found or [()]:
        whole = (*prefix, *key) if key else key
        own = judged
        if judged.need == "required" and (known := _scheme_default(project, module, node, whole)) is not None:
            own = Judged("default", known)
        elif name.startswith("os.") or judged.need == "required":
            own = _judged(project, module, node, key, judged)
        yield KeyRead(_merged(whole), own, node, name.removesuffix("()"))


def _fallback(project: Project, module: Module, node: Node, *, silent: bool) -> Judged:
    for inner in syntax.descend(node):
        if inner.type == "identifier" and project.parameter_of(module, inner, text(inner)) is not None:
            return Judged("optional", parameter=text(inner))
    value = constant(project, module, node)
    if value is None and not silent:
        return Judged("default", "None")  # without it these libraries raise, so None is said on purpose
    return Judged("default", value) if value is not None else Judged("optional")


def _merged(key: Key) -> Key:
    if all(isinstance(part, str) for part in key):
        return ("".join(part for part in key if isinstance(part, str)),) if key else key
    return key


def _prefix(project: Project, module: Module, node: Node) -> Key:
    """Return what ``with env.prefixed("APP_"):`` puts before names."""
    parts: list[str | Hole] = []
    here = node.parent
    while here is not None:
        if here.type == "with_statement":
            for inner in syntax.descend(here.named_children[0]):
                if inner.type == "call" and text(syntax.field(inner, "function", "attribute")) == "prefixed":
                    found = keys(project, module, arguments(inner).get(0, "prefix"))
                    parts = [*(found[0] if found else ()), *parts]
        here = here.parent
    return tuple(parts)


def _scheme_default(project: Project, module: Module, node: Node, key: Key) -> str | None:
    """Return the default that ``environ.Env(NAME=(type, default))`` declares."""
    target = syntax.field(node, "function")
    if target is not None and target.type == "attribute" and project.dotted(module, target) not in READS:
        return None
    owner = syntax.field(target, "object") if target is not None and target.type == "attribute" else target
    if owner is None or owner.type != "identifier" or not all(isinstance(part, str) for part in key):
        return None
    made = project.binding(module, owner, text(owner))
    if made is None or made.type != "call":
        return None
    declared = arguments(made).named.get("".join(str(part) for part in key))
    if declared is None or declared.type != "tuple" or len(declared.named_children) < 2:  # noqa: PLR2004  (type, default)
        return None
    return literal(declared.named_children[1]) or "None"


def _envvar(project: Project, module: Module, node: Node, given: Arguments) -> Iterator[KeyRead]:
    named = next((given.named[name] for name in ENVVAR_KEYWORDS if name in given.named), None)
    if named is None:
        return
    default = given.get(None, "default")
    if default is None and text(syntax.field(node, "function")).endswith("Option") and given.positional:
        first = given.positional[0]
        default = first if not (syntax.string(first) or "").startswith("-") else None
    value = literal(default)
    judged = Judged("optional") if value is None else Judged("default", value)
    for key in keys(project, module, named) or members(project, module, named):
        yield KeyRead(key, judged, node, "envvar=")


def _wrapped(
    project: Project, module: Module, node: Node, function: Function, inner: list[KeyRead]
) -> Iterator[KeyRead]:
    given = arguments(node)
    names = [name for name, _ in function.parameters]
    own = {name: (default, default) for name, default in function.parameters}
    values = {name: given.get(position, name) for position, name in enumerate(names)}
    for read in inner:
        found: list[Key] = [()]
        for part in read.key:
            pieces = _piece(project, module, part, function, values, own)
            found = [(*before, *piece) for before in found for piece in pieces]
        judged = _at_call(project, module, read.judged, values, own)
        for key in found or [()]:
            merged = _merged(key)
            final = judged
            if not judged.parameter and judged.need != "required":
                final = _judged(project, module, node, merged, judged)
            yield KeyRead(merged, final, node, f"{function.name.rpartition('.')[2]}()")


def _piece(
    project: Project,
    module: Module,
    part: str | Hole,
    function: Function,
    values: Mapping[str, Node | None],
    own: Mapping[str, tuple[Node | None, Node | None]],
) -> list[Key]:
    if isinstance(part, str):
        return [(part,)]
    if part.function != function.node.id:
        return []
    value = values.get(part.parameter) or own.get(part.parameter, (None, None))[0]
    found = keys(project, module, value)
    if part.upper:
        return [
            tuple(piece.upper() if isinstance(piece, str) else replace(piece, upper=True) for piece in key)
            for key in found
        ]
    return found


def _at_call(
    project: Project,
    module: Module,
    judged: Judged,
    values: Mapping[str, Node | None],
    own: Mapping[str, tuple[Node | None, Node | None]],
) -> Judged:
    """Return what a wrapper's read needs where it is called, by the fallback that is given there."""
    if not judged.parameter:
        return judged
    without = Judged(judged.need)
    given = values.get(judged.parameter)
    if given is not None:
        if given.type == "identifier" and project.parameter_of(module, given, text(given)) is not None:
            return replace(judged, parameter=text(given))
        value = constant(project, module, given)
        return without if value is None else Judged("default", value)
    usual = own.get(judged.parameter, (None, None))[0]
    if usual is None or usual.type in {"identifier", "attribute", "call", "ellipsis"}:
        return Judged("required") if usual is None else without
    value = literal(usual)
    return without if value is None else Judged("default", value)

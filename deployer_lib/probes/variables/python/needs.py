"""Whether a read must find its variable: judged from what stands around it.

``os.getenv("X")`` tolerates absence by itself; followed by ``if not x: raise`` it does not, and with ``or "y"`` there
is a fallback. ``os.environ["X"]`` fails by itself, unless a guard or an ``except KeyError`` stands around it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.python import syntax
from deployer_lib.probes.variables.python.conditions import absent, falsy
from deployer_lib.probes.variables.python.idioms import EXIT_METHODS, EXITS, FAIL_ON_NONE
from deployer_lib.probes.variables.python.syntax import descend, scope_of, text, unwrap
from deployer_lib.probes.variables.python.values import constant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tree_sitter import Node

    from deployer_lib.probes.variables.model import Need
    from deployer_lib.probes.variables.python.module import Module
    from deployer_lib.probes.variables.python.names import Project

__all__ = ["Judged", "judge_need"]

#: What a read of an absent variable raises, here and in libraries, and what holds it.
_CAUGHT: Final = (
    "KeyError",
    "LookupError",
    "Exception",
    "ImproperlyConfigured",
    "UndefinedValueError",
    "EnvError",
)


@dataclass(frozen=True, slots=True)
class Judged:
    """What a read needs, and what stands in for the variable."""

    need: Need
    default: str | None = None
    parameter: str = ""  # of the enclosing function, that gives the fallback


def judge_need(
    project: Project, module: Module, read: Node, judged: Judged, same: Callable[[Node], bool]
) -> Judged:
    """Return the need of a read after a look at what surrounds it.

    Args:
        project: for the meaning of names.
        module: the file.
        read: the reading expression.
        judged: what the read says by itself.
        same: tells whether another expression reads, or tests for, the same variable.
    """
    view = _View(project, module, same)
    if judged.need == "required":
        return view.guarded(read, judged)
    if judged.default not in {None, "", "False"} and not judged.parameter:
        return judged
    return view.around(read, judged)


@dataclass(slots=True)
class _View:
    project: Project
    module: Module
    same: Callable[[Node], bool]

    # -- reads that fail by themselves --------------------------------------------------------------------------------

    def guarded(self, read: Node, judged: Judged) -> Judged:
        """Return the need of a read that fails by itself: less, where something around it has asked before."""
        child, here = read, read.parent
        while here is not None and child.type not in {"function_definition", "class_definition"}:
            found = self._guard_at(here, child, judged)
            if found is not None:
                return found
            child, here = here, here.parent
        return judged

    def _guard_at(self, here: Node, child: Node, judged: Judged) -> Judged | None:  # noqa: C901, PLR0911  (a table of node types)
        match here.type:
            case "try_statement" if child == here.child_by_field_name("body"):
                return self._caught(here, judged)
            case "with_statement" if _suppresses(here):
                return replace(judged, need="optional")
            case "conditional_expression":
                body, condition, other = (*here.named_children, None, None)[:3]
                if (
                    condition is not None
                    and other is not None
                    and child != condition
                    and self._mentions(condition)
                ):
                    return self._fallback(other if child == body else body, judged)
            case "if_statement" | "elif_clause":
                condition = here.child_by_field_name("condition")
                inside = child == here.child_by_field_name("consequence")
                if inside and falsy(condition, self.same):
                    return replace(judged, need="optional")
                if child.type in {"elif_clause", "else_clause"} and absent(condition, self.same):
                    return replace(judged, need="optional")
            case "boolean_operator" if child == here.child_by_field_name("right"):
                left = here.child_by_field_name("left")
                if text(syntax.field(here, "operator")) == "and" and self._mentions(left):
                    return replace(judged, need="optional")
            case "block" | "module":
                return self._left_early(here, child, judged)
        return None

    def _left_early(self, block: Node, child: Node, judged: Judged) -> Judged | None:
        """Find ``if "X" not in os.environ: return …`` before the read."""
        for statement in block.named_children:
            if statement.start_byte >= child.start_byte:
                return None
            inner = statement.child_by_field_name("consequence") if statement.type == "if_statement" else None
            last = inner.named_children[-1] if inner is not None and inner.named_children else None
            if last is None or last.type not in {"return_statement", "continue_statement", "break_statement"}:
                continue
            if absent(statement.child_by_field_name("condition"), self.same):
                value = last.named_children[0] if last.named_children else None
                return self._fallback(value, replace(judged, need="optional"))
        return None

    def _caught(self, statement: Node, judged: Judged) -> Judged | None:
        for clause in statement.named_children:
            if clause.type != "except_clause":
                continue
            header = text(clause).partition(":")[0]
            if not any(name in header for name in _CAUGHT) and header != "except":
                continue
            block = clause.named_children[-1]
            if self._gives_up(block):
                return self._with_parameter(block, judged) or judged
            for node in descend(block):
                value = syntax.field(node, "right") if node.type == "assignment" else None
                if node.type == "return_statement" and node.named_children:
                    value = node.named_children[0]
                if value is not None:
                    return self._fallback(value, judged)
            return replace(judged, need="optional")
        return None

    def _with_parameter(self, block: Node, judged: Judged) -> Judged | None:
        for node in descend(block):
            if node.type == "return_statement" and node.named_children:
                found = self._fallback(node.named_children[0], judged)
                if found.parameter:
                    return replace(found, need="required")
        return None

    # -- reads that tolerate absence by themselves --------------------------------------------------------------------

    def around(self, read: Node, judged: Judged) -> Judged:  # noqa: C901, PLR0911, PLR0912  (a table of node types)
        child, here = read, read.parent
        while here is not None:
            match here.type:
                case (
                    "parenthesized_expression"
                    | "await"
                    | "comparison_operator"
                    | "not_operator"
                    | "list"
                    | "generator_expression"
                ):
                    pass
                case "boolean_operator":
                    value = child.type not in {"comparison_operator", "not_operator"}
                    if (
                        value
                        and text(syntax.field(here, "operator")) == "or"
                        and child == here.child_by_field_name("left")
                    ):
                        return self._fallback(here.child_by_field_name("right"), judged)
                case "conditional_expression":
                    body, condition, other = (*here.named_children, None, None)[:3]
                    if (
                        child == condition
                        and other is not None
                        and body is not None
                        and self._mentions(body, anywhere=True)
                    ):
                        return self._fallback(other, judged)
                    return judged
                case "attribute":
                    if judged.default is None and not judged.parameter and not self._is_guarded(read):
                        return replace(judged, need="required")
                    if child != here.child_by_field_name("object"):
                        return judged
                case "binary_operator" if judged.default is None and not judged.parameter:
                    return judged if self._is_guarded(read) else replace(judged, need="required")
                case "argument_list":
                    name = self.project.dotted(self.module, syntax.field(here.parent, "function"))
                    if (
                        name in FAIL_ON_NONE
                        and judged.default is None
                        and not judged.parameter
                        and not self._is_guarded(read)
                    ):
                        return replace(judged, need="required")
                case "call":
                    pass
                case "if_clause":
                    return self._comprehension(here, read, judged)
                case "if_statement" | "elif_clause" | "assert_statement":
                    return self._tested(here, self._atom(read), judged)
                case "named_expression" | "assignment":
                    judged = self._assigned(here, judged)
                    if here.type == "assignment" or judged.need == "required":
                        return judged
                case _:
                    return judged
            child, here = here, here.parent
        return judged

    def _is_guarded(self, read: Node) -> bool:
        return self.guarded(read, Judged("required")).need != "required"

    def _comprehension(self, clause: Node, read: Node, judged: Judged) -> Judged:
        condition = clause.named_children[0]
        whole = clause.parent
        if whole is None or not absent(condition, self._atom(read)):
            return judged
        holder = whole.parent
        while holder is not None and holder.type in {"parenthesized_expression", "argument_list", "call"}:
            holder = holder.parent
        if holder is not None and holder.type in {"assignment", "named_expression"}:
            name = text(syntax.field(holder, "left") or syntax.field(holder, "name"))
            if self._filled_gives_up(name, holder):
                return replace(judged, need="required")
        return judged

    def _filled_gives_up(self, name: str, near: Node) -> bool:
        scope = scope_of(near)
        for condition in self.module.conditions:
            test = condition.child_by_field_name("condition")
            if scope.start_byte <= condition.start_byte < scope.end_byte and test is not None:
                inner = unwrap(test)
                named = (
                    text(inner) == name
                    or text(syntax.field(inner, "name")) == name
                    or text(inner).startswith(f"len({name})")
                )
                block = condition.child_by_field_name("consequence")
                if named and block is not None and self._gives_up(block):
                    return True
        return False

    def _assigned(self, assignment: Node, judged: Judged) -> Judged:
        target = text(syntax.field(assignment, "left") or syntax.field(assignment, "name"))
        scope = scope_of(assignment)
        names = {target}
        if scope.type == "class_definition":
            names |= {f"self.{target}", f"cls.{target}", f"{text(syntax.field(scope, 'name'))}.{target}"}
        around = scope
        if target.startswith(("self.", "cls.")) or scope.type == "class_definition":
            while around.parent is not None and around.type != "class_definition":
                around = around.parent
            around = self.module.root if scope.type == "class_definition" else around

        def atom(node: Node) -> bool:
            return text(node) in names

        for condition in self.module.conditions:
            if condition.start_byte > assignment.start_byte and condition.end_byte <= around.end_byte:
                tested = self._tested(condition, atom, judged)
                if tested != judged:
                    return tested
        return self._refilled(target, assignment, around, judged)

    def _refilled(self, target: str, assignment: Node, around: Node, judged: Judged) -> Judged:
        for node in descend(around) if judged.default is None and not judged.parameter else ():
            if node.type != "boolean_operator" or node.start_byte < assignment.end_byte:
                continue
            parent = node.parent
            if (
                text(syntax.field(node, "left")) == target
                and text(syntax.field(node, "operator")) == "or"
                and parent is not None
                and (parent.type == "return_statement" or text(syntax.field(parent, "left")) == target)
            ):
                return self._fallback(node.child_by_field_name("right"), judged)
        return judged

    # -- conditions ---------------------------------------------------------------------------------------------------

    def _tested(self, statement: Node, atom: Callable[[Node], bool], judged: Judged) -> Judged:  # noqa: C901, PLR0911  (a table of what may follow)
        if statement.type == "assert_statement":
            tested = statement.named_children[0] if statement.named_children else None
            return replace(judged, need="required") if falsy(tested, atom) else judged
        condition = statement.child_by_field_name("condition")
        block = statement.child_by_field_name("consequence")
        if not absent(condition, atom):
            other = statement.child_by_field_name("alternative")
            block = (
                other.child_by_field_name("body") if other is not None and falsy(condition, atom) else None
            )
        if block is None:
            return judged
        if self._gives_up(block):
            return self._with_parameter(block, judged) or replace(judged, need="required")
        for node in descend(block):
            if (
                node.type == "assignment"
                and (target := node.child_by_field_name("left")) is not None
                and atom(target)
            ):
                return self._fallback(node.child_by_field_name("right"), judged)
            if node.type == "return_statement" and node.named_children:
                found = self._fallback(node.named_children[0], judged)
                if found.parameter:
                    return found
            if node.type == "call" and text(syntax.field(node, "function", "attribute")) in {"append", "add"}:
                name = text(syntax.field(node, "function", "object"))
                if self._filled_gives_up(name, statement):
                    return replace(judged, need="required")
        return judged

    # -- small questions ----------------------------------------------------------------------------------------------

    def _atom(self, read: Node) -> Callable[[Node], bool]:
        return lambda node: node == read or self.same(node)

    def _mentions(self, condition: Node | None, *, anywhere: bool = False) -> bool:
        if condition is None:
            return False
        return any(self.same(node) for node in descend(condition)) or (
            anywhere and condition.type == "identifier"
        )

    def _fallback(self, node: Node | None, judged: Judged) -> Judged:
        node = unwrap(node)
        if node is None:
            return judged
        if node.type == "call" and self._exits(node):
            return replace(judged, need="required")
        for inner in descend(node):
            if inner.type == "identifier" and text(inner) != "self":
                function = self.project.parameter_of(self.module, inner, text(inner))
                bound = self.project.binding(self.module, inner, text(inner))
                if function is not None and bound is None:
                    return replace(judged, need="optional", parameter=text(inner))
        value = constant(self.project, self.module, node)
        return replace(judged, need="optional" if value is None else "default", default=value)

    def _gives_up(self, block: Node) -> bool:
        return any(self._ends(statement) for statement in _statements(block))

    def _ends(self, statement: Node) -> bool:
        if statement.type == "raise_statement":
            return True
        if statement.type == "return_statement" and statement.named_children:
            value = statement.named_children[0]
            return value.type == "integer" and text(value) != "0"
        if statement.type == "expression_statement" and statement.named_children:
            return self._exits(statement.named_children[0])
        if statement.type == "if_statement":  # raised where no fallback was given
            inner = statement.child_by_field_name("consequence")
            return inner is not None and self._gives_up(inner)
        return False

    def _exits(self, call: Node) -> bool:
        if call.type != "call":
            return False
        target = syntax.field(call, "function")
        name = self.project.dotted(self.module, target) or text(target)
        owner = text(syntax.field(target, "object"))
        method = text(syntax.field(target, "attribute"))
        return name in EXITS or (method in EXIT_METHODS and owner in {"parser", "ctx", "self.parser"})


def _suppresses(statement: Node) -> bool:
    """Tell whether ``with suppress(KeyError)`` opens a block."""
    for node in descend(statement.named_children[0]):
        if node.type == "call" and text(syntax.field(node, "function")).rpartition(".")[2] == "suppress":
            return any(name in text(node) for name in ("KeyError", "Exception", "LookupError"))
    return False


def _statements(block: Node) -> Iterable[Node]:
    return block.named_children if block.type == "block" else (block,)

"""What Rust code makes of a variable that is absent: the methods of ``Result`` and ``Option``, ``?``, ``match``, ``if let``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import Settled, text
from deployer_lib.probes.variables.languages.rust_patterns import (
    arms_of,
    called,
    is_absence,
    is_value,
    own,
    takes_absence,
)
from deployer_lib.probes.variables.languages.rust_syntax import is_option, method_on, return_type, tail

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["settled"]

_UNWRAPS: Final = frozenset({"unwrap", "expect", "unwrap_unchecked"})
_VALUES: Final = frozenset({"unwrap_or", "map_or"})  # the first argument stands in
_CLOSURES: Final = frozenset(
    {"unwrap_or_else", "map_or_else"}
)  # what the first argument gives back stands in
_OTHERS: Final = frozenset({"or", "or_else"})  # another result or option stands in
_ASKS: Final = frozenset(
    {"is_ok", "is_err", "is_some", "is_none", "is_ok_and", "is_some_and", "is_none_or", "is_err_and", "iter", "into_iter", "eq", "ne",
     "and", "zip", "xor"}
)  # fmt: skip
#: Methods that keep an option or a result, or make an error of what is absent; others may give anything.
_ADAPTERS: Final = re.compile(
    r"(?:map|map_err|and_then|filter|as_ref|as_deref|as_mut|cloned|copied|inspect|inspect_err|ok|err|ok_or|ok_or_else|transpose|flatten"
    r"|take|to_owned|clone|into|unwrap\w*|expect|or|or_else|map_or\w*|\w*context|wrap_err\w*|\w*diagnostic|attach\w*|report|note)$"
)
#: Calls that end the program or hand an error on.
_ENDS: Final = frozenset(
    {
        "panic!",
        "bail!",
        "unreachable!",
        "todo!",
        "unimplemented!",
        "exit",
        "abort",
        "Err",
        "throw!",
        "exit!",
        "fatal!",
        "die!",
    }
)
_RETURNED: Final = frozenset({"Err", "bail!", "throw!"})  # those whose caller may still go on
_EMPTY: Final = frozenset(
    {
        "String::new",
        "String::default",
        "Default::default",
        "Vec::new",
        "OsString::new",
        "PathBuf::new",
        "Vec::default",
    }
)
_NOTHING: Final = frozenset({"None", "()", "Ok(())", "Ok(None)", "Some(None)", "{}"})
_WRAPS: Final = frozenset({"Ok", "Some"})
_LOGS: Final = frozenset(
    {
        "println!",
        "eprintln!",
        "print!",
        "eprint!",
        "info!",
        "warn!",
        "debug!",
        "error!",
        "trace!",
        "log!",
        "dbg!",
        "event!",
        "writeln!",
    }
)


def settled(node: Node, *, nested: bool = False) -> Settled | None:
    """Return what the code around a read makes of absence, as far up as it is a result or an option.

    Args:
        node: the read.
        nested: what is absent is an option in a result.
    """
    return _Walk(node, nested=nested).run()


class _Walk:
    """Goes from a read upwards, as long as what it sees still says whether the variable was there."""

    def __init__(self, node: Node, *, nested: bool) -> None:
        self.here = node
        self.tolerated = False  # .ok(): the error is gone
        self.nested = nested  # as after .transpose(): the next ? or unwrap is about something else

    def run(self) -> Settled | None:
        start = self.here
        while (parent := self.here.parent) is not None:
            before = self.here
            found = self._step(parent)
            if found is not None:
                return found
            if self.here == before:
                break
        if self.here == start and not self.tolerated:
            return None
        return Settled(self.here, "optional" if self.tolerated else None)

    def _step(self, parent: Node) -> Settled | None:  # noqa: C901, PLR0911  (one kind of node after the other)
        method = method_on(self.here)
        if method is not None:
            return self._method(*method)
        match parent.type:
            case (
                "parenthesized_expression" | "reference_expression" | "await_expression" | "unary_expression"
            ):
                if parent.type != "unary_expression" or text(parent).startswith("*"):
                    self.here = parent
            case "try_expression":
                return self._tried(parent)
            case "match_expression" | "tuple_expression":
                return self._matched(parent)
            case "let_condition":
                return self._conditional(parent)
            case "let_declaration" if (alternative := parent.child_by_field_name("alternative")) is not None:
                return self._instead(alternative, valued=False)
            case "return_expression":
                return self._given_back(parent)
            case "arguments":
                self._argument(parent)
            case "closure_expression":
                self._closure(parent)
            case (
                "block"
                | "else_clause"
                | "match_arm"
                | "if_expression"
                | "expression_statement"
                | "unsafe_block"
            ):
                return self._tail(parent)
        return None

    # -- methods ---------------------------------------------------------------------------------------------------------

    def _method(self, call: Node, name: str) -> Settled | None:  # noqa: PLR0911  (one kind of method after the other)
        given = call.child_by_field_name("arguments")
        first = (
            next((c for c in given.named_children if "comment" not in c.type), None)
            if given is not None
            else None
        )
        if name in _UNWRAPS:
            if not self.nested:
                return Settled(call, "required")
            self.nested, self.tolerated = False, True
        elif name == "unwrap_or_default":
            return Settled(call, "default", default_text="")
        elif name in _VALUES and first is not None:
            return _stands_in(first, call)
        elif name in _CLOSURES and first is not None:
            return _stands_in(_body(first), call)
        elif name in _OTHERS and first is not None:
            other = _stands_in(_body(first), call)
            if other.fallback is not None or other.default_text is not None:
                return other
            self.tolerated = self.tolerated or other.need == "optional"
        elif name in _ASKS or (self.tolerated and not _ADAPTERS.match(name)):
            return Settled(self.here, "optional")
        self.tolerated = self.tolerated or name in {"ok", "err"}
        self.nested = self.nested or name == "transpose"
        self.here = call
        return None

    def _tried(self, parent: Node) -> Settled | None:
        if self.nested:
            self.nested, self.tolerated = False, True
            self.here = parent
            return None
        written = return_type(parent)
        if is_option(written) or (written is None and self.tolerated and not _has_error(self.here)):
            return Settled(parent, "optional", final=True)
        return Settled(parent, "required", handed=True)

    # -- patterns --------------------------------------------------------------------------------------------------------

    def _matched(self, parent: Node) -> Settled | None:
        """Look at the arms that a match takes where the variable is absent."""
        position: int | None = None
        if parent.type == "tuple_expression":
            position, parent = parent.named_children.index(self.here), parent.parent or parent
        if parent.type != "match_expression":
            return None
        if _inside(self.here, parent.child_by_field_name("body")):
            return None
        arms = [arm for arm in arms_of(parent) if takes_absence(arm, position, nested=self.nested)]
        values = [value for arm in arms if (value := arm.child_by_field_name("value")) is not None]
        if not values:
            return Settled(parent, "optional", final=True)
        if position is not None and len(values) > 1:
            outcomes = [_stands_in(value, parent) for value in values]
            every = all(one.need == "required" for one in outcomes)
            return outcomes[0] if every else Settled(parent, "optional", final=True)
        if position is not None and _stands_in(values[0], parent).need != "required":
            return Settled(parent, "optional", final=True)
        return self._instead(values[0], valued=is_value(parent))

    def _conditional(self, parent: Node) -> Settled | None:
        """Look at what an ``if let`` does otherwise, or what follows one that returns."""
        absence = is_absence(text(parent.child_by_field_name("pattern")))
        branch: Node | None = parent.parent
        while branch is not None and branch.type in {"let_chain", "parenthesized_expression"}:
            branch = branch.parent
        if branch is None or branch.type != "if_expression":
            return Settled(parent, "optional", final=True)
        then, other = branch.child_by_field_name("consequence"), branch.child_by_field_name("alternative")
        if absence:
            return self._instead(then, valued=is_value(branch)) if then is not None else None
        if other is not None:
            if (
                other.named_children
                and other.named_children[0].type == "if_expression"
                and not is_value(branch)
            ):
                return Settled(branch, "optional", final=True)
            return self._instead(other, valued=is_value(branch))
        if then is not None and any(one.type == "return_expression" for one in own(then)):
            return self._after(branch)
        return Settled(branch, "optional", final=True)

    def _after(self, branch: Node) -> Settled:
        """Judge what follows ``if let Ok(x) = … { return x; }``."""
        statement = (
            branch.parent
            if branch.parent is not None and branch.parent.type == "expression_statement"
            else branch
        )
        following = statement.next_named_sibling
        while following is not None and "comment" in following.type:
            following = following.next_named_sibling
        while following is not None and following.next_named_sibling is not None and _is_log(following):
            following = following.next_named_sibling
        if (
            following is None
            or following.type in {"let_declaration", "if_expression"}
            or not _closes(following)
        ):
            return Settled(branch, "optional", final=True)
        return _stands_in(following, branch)

    def _instead(self, node: Node, *, valued: bool) -> Settled:
        """Judge what is done where the variable is absent."""
        found = _stands_in(node, node)
        if found.fallback is not None and not valued and not _returns(node):
            return Settled(node, "optional", final=True)
        return found

    # -- results that go on ----------------------------------------------------------------------------------------------

    def _argument(self, parent: Node) -> None:
        """Go on from ``dbg!(read)``, and from ``a.or(read)``."""
        call = parent.parent
        if call is None or call.type != "call_expression":
            return
        name = called(call)
        if name in {"dbg!", *_OTHERS}:
            self.here = call

    def _closure(self, parent: Node) -> None:
        """Go on from ``a.or_else(|_| read)``."""
        arguments = parent.parent
        call = arguments.parent if arguments is not None and arguments.type == "arguments" else None
        if call is not None and call.type == "call_expression" and called(call) in _OTHERS:
            self.here = call

    def _tail(self, parent: Node) -> Settled | None:
        """Go on from the last expression of a block, and judge the last one of a function."""
        if parent.type == "block":
            if tail(parent) != self.here and tail(parent) != tail(self.here):
                return None
            outer = parent.parent
            if outer is not None and outer.type == "function_item":
                return self._given_back(parent)
            self.here = parent
        elif parent.type == "match_arm":
            block = parent.parent
            if (
                parent.child_by_field_name("value") == self.here
                and block is not None
                and block.parent is not None
            ):
                self.here = block.parent
        elif parent.type == "if_expression":
            if parent.child_by_field_name("condition") != self.here:
                self.here = parent
        elif not (parent.type == "expression_statement" and text(parent).endswith(";")):
            self.here = parent
        return None

    def _given_back(self, parent: Node) -> Settled | None:
        """Judge a result that the function gives back: its caller gets the error."""
        inner = parent.named_children[0] if parent.named_children else parent
        written = return_type(inner) or ""
        if "Result" in written and not self.tolerated and not self.nested:
            return Settled(self.here, "required", handed=True)
        return Settled(self.here, "optional", final=True) if self.tolerated else None


# -- what stands in ----------------------------------------------------------------------------------------------------------


def _stands_in(node: Node, top: Node) -> Settled:
    """Judge an expression or a block that is used where the variable is absent."""
    stop = next((name for inner in own(node) if (name := _ends(inner))), "")
    if stop:
        return Settled(top, "required", handed=stop in _RETURNED)
    value = _value(node)
    if value is None or text(value) in _NOTHING or called(value) in _LOGS or value.type in _LEAVES:
        return Settled(top, "optional", final=True)
    if text(value) in _EMPTY or text(value).removesuffix("()") in _EMPTY:
        return Settled(top, "default", default_text="")
    return Settled(top, fallback=value)


_LEAVES: Final = frozenset(
    {"continue_expression", "break_expression", "unit_expression", "block", "assignment_expression"}
)


def _value(node: Node) -> Node | None:
    """Return the value that a block, a return or ``Ok(…)`` gives."""
    last = tail(node)
    if last is None:
        statements = [child for child in node.named_children if "comment" not in child.type]
        last = statements[-1] if node.type in {"block", "else_clause"} and statements else None
        if last is not None and last.type == "block":
            return _value(last)
        while last is not None and last.type == "expression_statement":
            last = last.named_children[0] if last.named_children else None
        if last is None or last.type != "return_expression":
            return None
    if last.type == "return_expression":
        return _value(last.named_children[0]) if last.named_children else None
    if last.type == "match_expression":
        absent = next((arm for arm in arms_of(last) if takes_absence(arm, None)), None)
        taken = absent.child_by_field_name("value") if absent is not None else None
        return _value(taken) if taken is not None else last
    if last.type == "call_expression" and called(last) in _WRAPS and text(last) not in _NOTHING:
        given = last.child_by_field_name("arguments")
        return _value(given.named_children[0]) if given is not None and given.named_children else last
    return last


def _body(node: Node) -> Node:
    """Return what a closure gives back, the node itself where it is none."""
    body = node.child_by_field_name("body") if node.type == "closure_expression" else None
    return body if body is not None else node


def _ends(node: Node) -> str:
    """Return the call that ends the program or hands an error on, empty where a node does neither."""
    name = called(node)
    return name if name in _ENDS else ""


def _returns(node: Node) -> bool:
    return any(one.type == "return_expression" for one in own(node))


def _closes(node: Node) -> bool:
    """Tell whether a statement is the last of its block: a value, a return or an end."""
    if node.type == "expression_statement":
        inner = node.named_children[0] if node.named_children else node
        return inner.type == "return_expression" or bool(_ends(inner)) or node.next_named_sibling is None
    return node.next_named_sibling is None


def _is_log(node: Node) -> bool:
    inner = node.named_children[0] if node.type == "expression_statement" and node.named_children else node
    return called(inner) in _LOGS


# -- patterns ----------------------------------------------------------------------------------------------------------------


def _has_error(node: Node) -> bool:
    """Tell whether an option was made a result again: ``.ok().context("…")?``."""
    method = node.child_by_field_name("function")
    name = text(method.child_by_field_name("field")) if method is not None else ""
    return name in {"ok_or", "ok_or_else", "context", "with_context", "wrap_err", "wrap_err_with"}


def _inside(node: Node, outer: Node | None) -> bool:
    return outer is not None and outer.start_byte <= node.start_byte and node.end_byte <= outer.end_byte

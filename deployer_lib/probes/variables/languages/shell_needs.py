"""Tells what a script's expansions need: by their operator, by the test they stand in, and by what follows from it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.languages.shell_names import Named, Names
from deployer_lib.probes.variables.languages.shell_script import (
    Expansion,
    Script,
    Write,
    enclosing,
    is_own,
    is_tentative,
    literal,
    text,
)
from deployer_lib.probes.variables.languages.shell_tests import Blank, evaluate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tree_sitter import Node

    from deployer_lib.probes.variables.model import Need

__all__ = ["Given", "Judged", "exiting", "judged"]

_REQUIRED: Final = frozenset({":?", "?"})
_DEFAULT: Final = frozenset({":-", "-", ":=", "="})
_PRESENT: Final = frozenset({":+", "+"})
#: What a function that ends the script is commonly called, where its text is not at hand.
_ENDING: Final = re.compile(
    r"(die|fatal|abort|bail|croak|panic|error_exit|exit_error|err_exit|exit_with_error|fail_with|log_fatal|exit_on_error)"
)
_SAYING: Final = frozenset({"echo", "printf", "cat", ":", "true", "logger"})
_SAYING_NAME: Final = re.compile(
    r"\w*(log|warn|err|error|info|msg|message|print|say|usage|help)\w*", re.IGNORECASE
)
#: What a variable that counts faults is set to: 1, true, $((faults + 1)).
_MARK: Final = re.compile(r"""["']?(?:\d+|true|yes|\$\(\(.*\)\))["']?|""")
#: Parts of a value that are not written out: a command's, another name's.
_MADE: Final = re.compile(r"[$`]\{?([A-Za-z_]\w*)?")
_ASKS: Final = re.compile(r"-[zn]\s")
_LOOPS: Final = frozenset({"while_statement", "c_style_for_statement", "for_statement"})
_VALUES: Final = frozenset({"string", "concatenation", "test_command", "unary_expression", "binary_expression",
                            "parenthesized_expression", "word"})  # fmt: skip
_PIPES: Final = frozenset({"pipeline", "redirected_statement", "command_substitution"})
_PARENTHESES: Final = frozenset({"subshell", "compound_statement", "redirected_statement"})


@dataclass(frozen=True, slots=True)
class Given:
    """What a script's surroundings say of it."""

    names: dict[str, int] = field(default_factory=dict)  # assigned outside → byte from which this counts
    exits: frozenset[str] = frozenset()  # functions from elsewhere that end the script
    nounset: bool = False
    maybe: frozenset[str] = frozenset()  # assigned by some of those that source it
    others: dict[str, Script] = field(
        default_factory=dict
    )  # what it sources, and what sources it, by their path
    others_names: dict[str, dict[str, int]] = field(default_factory=dict)  # path → names, as above


@dataclass(frozen=True, slots=True)
class Judged:
    """One read of one variable in a script."""

    name: str
    need: Need
    default: str | None
    row: int
    column: int
    idiom: str
    file: str = ""  # where that is not the script itself


def exiting(script: Script, known: frozenset[str] = frozenset()) -> frozenset[str]:
    """Return the functions of a script that end it, and those known before.

    Args:
        script: whose functions are looked at.
        known: functions that end the script, from sourced files.
    """
    found = known
    while True:
        more = found | {
            name
            for name, node in script.functions.items()
            if name not in found and _body_ends(node, found, script)
        }
        if more == found:
            return found
        found = more


def judged(script: Script, given: Given) -> tuple[list[Judged], list[Expansion]]:
    """Return a script's reads of its environment, and the expansions whose name is made at run time."""
    return _Judge(script, given).all()


def _body_ends(function: Node, known: frozenset[str], script: Script) -> bool:
    body = function.child_by_field_name("body")
    return body is not None and any(_ends(node, known, script, said=False) for node in body.named_children)


def _ends(node: Node, known: frozenset[str], script: Script, *, said: bool) -> bool:
    """Tell whether a statement, once it is reached, ends the script with a failure."""
    if node.type == "command":
        return _command_ends(node, known, script, said=said)
    if node.type in _PARENTHESES:
        said = said or any(_says(child) for child in node.named_children)
        return any(_ends(child, known, script, said=said) for child in node.named_children)
    if node.type == "list":
        left, operator, right = _sides(node)
        if _ends(left, known, script, said=said):
            return True
        return operator == "&&" and _says(left) and _ends(right, known, script, said=True)
    return False


def _command_ends(node: Node, known: frozenset[str], script: Script, *, said: bool) -> bool:
    name = text(node.child_by_field_name("name"))
    arguments = node.children_by_field_name("argument")
    status = text(arguments[0]) if arguments else ""
    if name == "exit":
        return status != "0"
    if name == "return":  # tolerated by whoever asks, unless it complains
        return said and status not in {"", "0"}
    return name in known or (name not in script.functions and _ENDING.fullmatch(name) is not None)


def _says(node: Node) -> bool:
    if node.type == "redirected_statement":
        return any(_says(child) for child in node.named_children)
    if node.type == "list":
        return all(_says(side) for side in node.named_children)
    if node.type != "command":
        return False
    name = text(node.child_by_field_name("name"))
    return name in _SAYING or _SAYING_NAME.fullmatch(name) is not None


def _sides(node: Node) -> tuple[Node, str, Node]:
    sides = [child for child in node.named_children if child.type != "comment"]
    operator = next((text(child) for child in node.children if text(child) in {"&&", "||"}), "")
    return sides[0], operator, sides[-1]


class _Judge:
    def __init__(self, script: Script, given: Given) -> None:
        self.script = script
        self.given = given
        self.exits = exiting(script, given.exits)
        self.names = Names(script, tuple(given.others.values()))
        self.guards: dict[str, int] = {}  # name → first byte where it is asked whether it is there
        for one in script.expansions:
            if one.operator in _DEFAULT | _PRESENT:
                self.guards.setdefault(one.name, one.start)

    def all(self) -> tuple[list[Judged], list[Expansion]]:
        found: list[Judged] = []
        computed: list[Expansion] = []
        for one in self.script.expansions:
            if not one.indirect:
                if not self._is_covered(one):
                    found.append(self._judged(one, one.name))
                continue
            names = self.names.of(one)
            found.extend(
                self._judged_named(one, named) for named in names if not self._is_covered_there(named, one)
            )
            if not names:
                computed.append(one)
        return found, computed

    def _judged(self, one: Expansion, name: str) -> Judged:
        need, default = self._need(one, name)
        if default in {None, ""} and need != "required":
            need, default = self._handed_on(one, need, default)
        row, column = one.place
        return Judged(name, need, default, row, column, one.idiom)

    def _judged_named(self, one: Expansion, named: Named) -> Judged:
        """Judge a name that is handed on, where it is written out; the call may bring its fallback."""
        judged = self._judged(one, named.name)
        need, default = judged.need, judged.default
        if need != "required" and named.sets:
            need, default = ("default", named.fallback) if named.fallback else ("optional", None)
        row, column = named.node.start_point
        file = named.script.path if named.script is not self.script else ""
        return replace(judged, need=need, default=default, row=row, column=column, file=file)

    # -- what is the script's own ----------------------------------------------------------------------------------------

    def _is_covered(self, one: Expansion) -> bool:
        if self.given.names.get(one.name, one.start + 1) <= one.start:
            return True
        return any(self._covers(write, one) for write in self.script.writes.get(one.name, ()))

    def _covers(self, write: Write, one: Expansion) -> bool:
        start, end = write.node.start_byte, write.node.end_byte
        if start <= one.start < end:
            return False
        inside, outside = _function(one.node), _function(write.node)
        if write.local and inside is None:
            return False
        if end <= one.start:
            return not _are_apart(write.node, one.node)
        if inside is not None and inside != outside:
            return not is_tentative(write)
        # A loop's later turns read what an earlier one assigned.
        loop = enclosing(one.node, _LOOPS)
        return (
            loop is not None
            and loop.start_byte <= start < loop.end_byte
            and write.kind != "read"
            and self._when_absent(one, one.name) is None
        )

    def _is_covered_there(self, named: Named, one: Expansion) -> bool:
        """Tell whether a name is the script's own where it is handed on."""
        start = named.used.start_byte
        if is_own(named.name):
            return True
        here = named.user is self.script
        names = self.given.names if here else self.given.others_names.get(named.user.path, {})
        if names.get(named.name, start + 1) <= start:
            return True
        there = one if named.used == one.node else replace(one, node=named.used, inside=0)
        return any(self._covers(write, there) for write in named.user.writes.get(named.name, ()))

    # -- needs -----------------------------------------------------------------------------------------------------------

    def _need(self, one: Expansion, name: str, *, held: bool = False) -> tuple[Need, str | None]:
        """Return a read's need and default; a name that holds another's value is never unset itself."""
        if one.operator in _REQUIRED:
            return "required", None
        default = one.word if one.operator in _DEFAULT else None
        if default:
            return "default", default
        found = self._when_absent(one, name)
        if found is not None and (found[0] != "optional" or default is None):
            return found
        if default is not None:
            return "default", default
        if not held and one.operator not in _PRESENT and self._is_nounset(one, name):
            return "required", None
        return "optional", None

    def _is_nounset(self, one: Expansion, name: str) -> bool:
        """Tell whether ``set -u`` makes a bare read fail; asked before whether it is there, it is not read unset."""
        if one.idiom not in {"$X", "${X}", "$((X))"} or self.guards.get(one.name, one.start) < one.start:
            return False
        if name in self.given.maybe or enclosing(one.node, frozenset({"expansion"})) is not None:
            return False  # inside another's fallback it is read only where that one is unset
        state = self.given.nounset
        for at, on in self.script.nounset:
            if at <= one.start or (on and _function(one.node) is not None):
                state = on
        return state

    def _when_absent(self, one: Expansion, name: str) -> tuple[Need, str | None] | None:
        """Return what follows, by the test an expansion stands in, where its variable is unset."""
        if one.node.type == "command":  # printenv X, env | grep ^X=
            parent = one.node.parent
            node, value = one.node, False
            while parent is not None and parent.type in {"pipeline", "redirected_statement"}:
                node, parent = parent, parent.parent
                value = value or text(node).startswith("!")  # which the tree gives to the first command alone
            return self._followed(node, name, value=value)
        test = _test(one.node)
        if test is None:
            return None
        inner, offset = _inside(test)
        empty = "0" if one.length else ""
        start = one.node.start_byte - offset
        tested = evaluate(inner.decode("latin-1"), Blank(start, one.node.end_byte - offset, empty))
        return None if tested is None else self._followed(test, name, value=tested)

    def _followed(self, node: Node, name: str, *, value: bool) -> tuple[Need, str | None] | None:
        """Return what follows where a condition comes to a value: climb until it decides on something."""
        at, known = node, value
        while (parent := at.parent) is not None:
            if parent.type == "negated_command":
                known = not known
            elif parent.type == "list":
                found, still = self._in_list(parent, at, name, value=known)
                if found is not None or still is None:
                    return found
                known = still
            elif parent.type in {"if_statement", "elif_clause"}:
                return self._branch(parent, at, name, value=known)
            elif (
                parent.type not in _PARENTHESES
                or len(parent.named_children) > (parent.type == "redirected_statement") + 1
            ):
                return None
            at = parent
        return None

    def _in_list(
        self, node: Node, at: Node, name: str, *, value: bool
    ) -> tuple[tuple[Need, str | None] | None, bool | None]:
        left, operator, right = _sides(node)
        goes_on = value is (operator == "&&")
        if at != left:
            # Hangs on the left, too: on a mode as it may be, but not on another variable that might be there instead.
            other = _ASKS.search(text(left))
            return None, value if not goes_on or other is None else None
        if not goes_on:
            return None, value
        found = self._outcome([right], name)
        if found is not None:
            return found, None
        if right.type == "test_command" and operator == "&&":
            return None, None if _ASKS.search(text(right)) else True
        return None, True if _says(right) else None

    def _branch(self, statement: Node, at: Node, name: str, *, value: bool) -> tuple[Need, str | None] | None:
        if statement.named_children[0] != at:
            return None
        if not value:
            clauses = [c for c in statement.named_children if c.type in {"elif_clause", "else_clause"}]
            # What an elif comes to, or an else behind one, hangs on another condition as well.
            alone = len(clauses) == 1 and clauses[0].type == "else_clause"
            return self._outcome(clauses[0].named_children, name) if alone else None
        body: list[Node] = []
        for child in reversed(statement.children):
            if child.type == "then":
                break
            if child.type not in {"elif_clause", "else_clause", "fi"}:
                body.append(child)
        return self._outcome(body, name)

    def _outcome(self, nodes: Sequence[Node], name: str) -> tuple[Need, str | None] | None:
        said = any(_says(node) for node in nodes)
        if any(_ends(node, self.exits, self.script, said=said) for node in nodes):
            return "required", None
        for write in self.script.writes.get(name, ()):
            if write.kind == "=" and _within(write.node, nodes):
                default = _default(write)
                # What a command finds out, or another name holds, is no fallback that is written out.
                made = default is None or any(not name or not is_own(name) for name in _MADE.findall(default))
                return ("optional", None) if made else ("default", default)
        if any(self._counts_up(write, nodes) for writes in self.script.writes.values() for write in writes):
            return "required", None
        return None

    def _counts_up(self, write: Write, nodes: Sequence[Node]) -> bool:
        """Tell whether a branch notes what is missing in a variable that later ends the script."""
        if not (write.kind == "+=" or (write.kind == "=" and _MARK.fullmatch(text(write.value)))):
            return False
        if not _within(write.node, nodes):
            return False
        end = max(node.end_byte for node in nodes)
        name = re.compile(rf"\b{re.escape(write.name)}\b")
        for branch in self.script.branches:
            if branch.start_byte < end or not branch.named_children:
                continue
            condition, *rest = branch.named_children
            if name.search(text(condition)) and any(
                _ends(n, self.exits, self.script, said=True) for n in rest
            ):
                return True
        return False

    def _handed_on(self, one: Expansion, need: Need, default: str | None) -> tuple[Need, str | None]:
        """Follow ``Y=$X`` to the tests of Y; X itself may be what it is handed on to."""
        asked, holder = one.node, one.node.parent
        while holder is not None and one.node.type == "command" and holder.type in _PIPES:  # y=$(printenv X)
            asked, holder = holder, holder.parent
        while (
            holder is not None
            and holder.type in {"string", "concatenation"}
            and text(holder).strip('"') == text(asked).lstrip()
        ):
            holder = holder.parent
        if (
            holder is None
            or holder.type != "variable_assignment"
            or (holder.parent and holder.parent.type == "command")
        ):
            return need, default
        held = text(holder.child_by_field_name("name"))
        for later in self.script.inner.get(held, self.script.expansions):
            if later.name != held or later.indirect or later.start < holder.end_byte:
                continue
            if _function(later.node) != _function(one.node) or _are_apart(holder, later.node):
                continue
            found = (
                self._need(later, held, held=True)
                if later.operator or _test(later.node)
                else ("optional", None)
            )
            if found[0] == "required" or (found[0] == "default" and found[1]):
                return found[0], found[1]
            if self._when_absent(later, held) is not None:
                break  # it has another value from there on
        return need, default


def _default(write: Write) -> str | None:
    value = write.value
    if value is None:
        return None
    plain = literal(value)
    return plain if plain is not None else text(value).strip('"')


def _within(node: Node, nodes: Iterable[Node]) -> bool:
    return any(one.start_byte <= node.start_byte and node.end_byte <= one.end_byte for one in nodes)


def _are_apart(before: Node, after: Node) -> bool:
    """Tell whether two places stand in branches of which only one is taken: a then and its else, two arms of a case."""
    loop = enclosing(after, _LOOPS)
    below, above = after, after.parent
    while above is not None and not above.start_byte <= before.start_byte < above.end_byte:
        below, above = above, above.parent
    if above is None or (loop is not None and above.start_byte > loop.start_byte):
        return False  # an earlier turn may have taken the other one
    if above.type == "case_statement":
        return below.type == "case_item"
    if above.type != "if_statement" or below.type not in {"elif_clause", "else_clause"}:
        return False
    other = next(child for child in above.children if child.start_byte <= before.start_byte < child.end_byte)
    asked = other.named_children[0] if other.type == "elif_clause" else above.named_children[0]
    return not asked.start_byte <= before.start_byte < asked.end_byte


def _function(node: Node) -> Node | None:
    return enclosing(node, frozenset({"function_definition"}))


def _test(node: Node) -> Node | None:
    """Return the test that a word stands in, as a word of its own."""
    above: Node | None = node.parent
    while above is not None and above.type in _VALUES:
        if above.type == "test_command":
            return above
        above = above.parent
    if (
        above is not None
        and above.type == "command"
        and text(above.child_by_field_name("name")) in {"test", "["}
    ):
        return above
    return None


def _inside(test: Node) -> tuple[bytes, int]:
    """Return what stands between a test's brackets, and its first byte."""
    source = test.text or b""
    opening = 2 if source.startswith((b"[[", b"((")) else 1 if source.startswith(b"[") else len("test")
    closing = 2 if source.endswith((b"]]", b"))")) and opening == 2 else 1 if source.endswith(b"]") else 0  # noqa: PLR2004  (brackets)
    return source[opening : len(source) - closing], test.start_byte + opening

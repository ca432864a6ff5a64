"""What becomes of a read: the names that it is bound to, the conditions that test them, and what is done where it is absent."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from bisect import bisect_left
from dataclasses import dataclass, replace
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.conditions import AND, FLAGS, Conditions
from deployer_lib.probes.variables.flow.grammar import Branch, text
from deployer_lib.probes.variables.flow.nodes import atom_of, descend, holds, inside, is_part, own, under
from deployer_lib.probes.variables.flow.texts import keys_of, literal_of, plain, unwrap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Function, Language
    from deployer_lib.probes.variables.flow.program import Program, SourceFile
    from deployer_lib.probes.variables.model import Need

__all__ = ["NAMES", "Judged", "Outcomes"]

_BLOCKS: Final = 12  # levels of nesting that are looked through for what follows a condition
_NOTHING: Final = frozenset({"{}", "[]", "%{}", "array()"})
_COLLECTS: Final = frozenset({"push", "append", "add", "Add", "unshift"})
_LOOP: Final = re.compile(r"^(?:for|foreach|while|enhanced_for)")
NAMES: Final = 3  # names that a read is followed through


@dataclass(frozen=True, slots=True)
class Judged:
    """What a read needs, and what stands in for the variable."""

    need: Need
    default: str | None = None
    parameter: str = ""  # of the enclosing function, that gives the fallback
    must: str = ""  # parameter of the enclosing function: required where it is given as true
    handed: bool = False  # required as an error that the caller of a function around it gets
    settled: bool = False  # another variable is looked for instead: what is asked afterwards is asked of both


@dataclass(slots=True)
class Outcomes(ABC):
    """Follows a read downwards in one file; :meth:`around` follows it upwards."""

    program: Program
    file: SourceFile
    depth: int = 0  # names that lead from the read to here

    @property
    def language(self) -> Language:
        """Return the program's language."""
        return self.program.language

    @property
    def conditions(self) -> Conditions:
        """Return the reader of conditions."""
        return Conditions(self.program)

    @abstractmethod
    def around(self, read: Node, judged: Judged, wrapper: Function | None = None) -> Judged:
        """Return the need of a read by what stands around it."""

    def bound(self, statement: Node, targets: tuple[str, ...], judged: Judged) -> Judged:
        """Return the need of a member that a declaration around it takes out and binds to a name."""
        while statement.parent is not None and self.language.assignment(statement) is None:
            statement = statement.parent
        return self.assigned(statement, targets, judged)

    def assigned(
        self, statement: Node, targets: tuple[str, ...], judged: Judged, within: Node | None = None
    ) -> Judged:
        """Return the need of a read by what becomes of the names that it is bound to."""
        scope = within or self.language.lifetime(statement) or next(self.file.scopes(statement))
        until = self._companions(statement, targets, scope)
        names = set(targets)

        def atom(node: Node) -> bool:
            name = self.language.dotted(node) or text(node)
            return name in names and node.start_byte < until.get(name, node.end_byte)

        for branch in self.file.branches:
            if branch.condition.start_byte < statement.start_byte or not inside(branch.condition, scope):
                continue
            around = branch.condition.parent
            if around is None or self.conditions.is_there(self.file, branch, targets):
                continue
            tested = self.tested(around, branch, atom, judged)
            if tested != judged:
                return tested
        refilled = self._refilled(statement, targets, scope, judged)
        return refilled if refilled != judged else self._used(statement, targets, scope, judged)

    def _companions(self, statement: Node, targets: tuple[str, ...], scope: Node) -> dict[str, int]:
        """Return where names that come with a value, ok and err, begin to tell of another one."""
        until: dict[str, int] = {}
        for node in self.file.assigns if len(targets) > 1 else ():
            assignment = self.language.assignment(node) if node.start_byte >= statement.end_byte else None
            if assignment is not None and inside(node, scope):
                for name in set(assignment[0]) & set(targets[1:]):
                    until.setdefault(name, node.end_byte)
        return until

    def _used(self, statement: Node, targets: tuple[str, ...], scope: Node, judged: Judged) -> Judged:
        """Judge the later uses of a name as the read itself: ``return name ?? "x"``, ``need(name)``."""
        if self.depth >= NAMES:
            return judged
        deeper = type(self)(self.program, self.file, self.depth + 1)
        inner = self.file.by_node
        stack = [c for c in scope.named_children if c.id not in inner] if scope.id in inner else [scope]
        for node in sorted(under(stack, inner, statement.end_byte), key=lambda n: n.start_byte):
            if self.language.dotted(node) not in targets or is_part(self.language, node):
                continue
            if self._written_again(node, targets):
                return judged
            used = deeper.around(node, judged)
            if used != judged and (
                used.need != "required" or not self._only_where_there(statement, node, targets)
            ):
                return used
        return judged

    def _only_where_there(self, statement: Node, use: Node, targets: tuple[str, ...]) -> bool:
        """Tell whether a name's use hangs on a condition, or comes after a return for its absence."""
        here, language = use.parent, self.language
        while here is not None:
            branch, choice = language.branch(here), language.ternary(here)
            condition = branch.condition if branch is not None else choice[0] if choice is not None else None
            holds = inside(statement, here)
            if (
                condition is not None
                and not inside(use, condition)
                # if x := read; x != "" { use(x) }
                and (not holds or statement.end_byte <= condition.start_byte)
            ):
                return True
            here = None if holds else here.parent
        return any(
            branch.then is not None
            and statement.end_byte <= branch.condition.start_byte
            and branch.then.end_byte <= use.start_byte
            and any(language.dotted(node) in targets for node in descend(branch.condition))
            and any(language.returned(node) is not None for node in own(self.file, branch.then))
            for branch in self.file.branches
        )

    def _written_again(self, node: Node, targets: tuple[str, ...]) -> bool:
        """Tell whether a name stands where it is given another value."""
        here = node.parent
        for _ in range(2):  # the name may stand in a list of targets
            assignment = self.language.assignment(here) if here is not None else None
            if assignment is not None:
                return set(assignment[0]) & set(targets) != set() and not inside(node, assignment[1])
            here = here.parent if here is not None else None
        return False

    def _refilled(self, statement: Node, targets: tuple[str, ...], scope: Node, judged: Judged) -> Judged:
        """Find ``name = name || "x"`` and ``name ||= "x"`` after the read, and a return of ``name || "x"``."""
        for node in self.file.assigns:
            if node.start_byte <= statement.start_byte or not inside(node, scope):
                continue
            assignment = self.language.assignment(node)
            if assignment is None or not set(assignment[0]) & set(targets):
                continue
            value, operator = assignment[1], assignment[2]
            if operator.rstrip("=") in self.language.words.fallbacks:
                return self.fallback(value, judged)
            operation = self.language.operation(unwrap(self.program, value))
            if operation and operation[1] in self.language.words.fallbacks and text(operation[0]) in targets:
                return self.fallback(operation[2], judged)
        return judged

    def chosen(self, choice: tuple[Node, Node, Node], atom: Callable[[Node], bool], judged: Judged) -> Judged:
        """Return the need of what a conditional expression tests, by what stands for its absence."""
        condition, yes, no = choice
        instead = yes if self.conditions.absent(condition, atom) else no
        if instead is no and not self.conditions.falsy(condition, atom):
            return judged
        kept = yes if instead is no else no
        brought = self.language.brings(condition)
        if brought and any(self.language.dotted(node) in brought for node in descend(kept)):
            return judged if self._nothing(instead) else self.fallback(instead, judged)
        operation = self.language.operation(unwrap(self.program, condition))
        if operation is not None and operation[1] in AND and not self._is_it(kept, atom):
            return judged  # a switch on several things
        return self._switched(instead, kept, atom, judged)

    def _switched(
        self, value: Node, kept: Node | None, atom: Callable[[Node], bool], judged: Judged
    ) -> Judged:
        """Return the need where one of two values is chosen by whether the variable is there.

        A plain value, or one that takes the place of the variable's own, is a fallback. Two ways to do something are a
        switch: absence is as good as presence.
        """
        if self.conditions.switches(value, kept) or self._nothing(value):
            return judged
        found = self.fallback(value, judged)
        if found.need == "required":
            return found
        if found.parameter:  # data.x and data.y of one parameter are two ways too
            alike = (
                kept is not None
                and holds(self.language, kept, found.parameter)
                and not self._is_it(kept, atom)
            )
            return judged if alike and self.language.dotted(value) != found.parameter else found
        return found if self._plain_value(value) or self._is_it(kept, atom) else judged

    def _plain_value(self, value: Node) -> bool:
        """Tell whether an expression is a literal or a constant."""
        value = unwrap(self.program, self.language.result(unwrap(self.program, value)))
        dotted = self.language.dotted(value)
        if dotted:
            bound = [place.node for place in self.program.constants(self.file, dotted)]
            return (
                any(not (one.named_child_count or self.language.dotted(one)) for one in bound)
                or dotted.rpartition(".")[2].isupper()
                or bool(keys_of(self.program, self.file, value))
            )
        return not value.named_child_count or any(
            plain(key) is not None for key in keys_of(self.program, self.file, value)
        )

    def _is_it(self, kept: Node | None, atom: Callable[[Node], bool]) -> bool:
        """Tell whether an expression is the variable's value, or a call's answer for it: ``x``, ``Number(x)``, ``x.trim()``."""
        if kept is None:
            return False
        kept = unwrap(self.program, self.language.result(unwrap(self.program, kept)))
        if atom(kept):
            return True
        call = self.language.call(kept)
        return call is not None and any(atom(node) for node in descend(kept))

    def tested(self, statement: Node, branch: Branch, atom: Callable[[Node], bool], judged: Judged) -> Judged:
        """Return the need of what a condition tests, by what is done where it is absent."""
        absent = (
            self.conditions.falsy(branch.condition, atom)
            if branch.negated
            else self.conditions.absent(branch.condition, atom)
        )
        if absent:
            return self._done_without(branch.then, atom, judged, self._yields(branch.other)) or judged
        if (given := self._tested_with(branch, atom, judged)) is not None:
            return given
        present = (
            self.conditions.absent(branch.condition, atom)
            if branch.negated
            else self.conditions.falsy(branch.condition, atom)
        )
        if not present:
            return judged
        if branch.other is not None:
            return self._done_without(branch.other, atom, judged, self._yields(branch.then)) or judged
        brought = self.language.brings(branch.condition)

        def served(node: Node) -> bool:
            return atom(node) or (bool(brought) and self.language.dotted(node) in brought)

        if (
            branch.then is not None
            and any(True for node in own(self.file, branch.then) if self.language.returned(node))
            and (not (self.language.modular or self.language.switches) or self._serves(branch.then, served))
        ):
            return self._after(statement, branch.then, served, judged)
        return judged

    def _yields(self, block: Node | None) -> Node | None:
        return None if block is None else self.language.yielded(block)

    def _tested_with(self, branch: Branch, atom: Callable[[Node], bool], judged: Judged) -> Judged | None:
        """Find ``if (absent && required) throw`` and ``if (absent && fallback === undefined) throw`` over a parameter."""
        operation = self.language.operation(unwrap(self.program, branch.condition))
        if operation is None or operation[1] not in AND or branch.then is None:
            return None
        if not any(self.ends(node) for node in own(self.file, branch.then)):
            return None
        for one, other in ((operation[0], operation[2]), (operation[2], operation[0])):
            for node in descend(other) if self.conditions.absent(one, atom) else ():
                dotted = self.language.dotted(node)
                function = self.program.bindings_of(self.file, node, dotted)[1] if dotted else None
                if function is None:
                    continue
                parameter = atom_of(dotted, self.language)
                if self.conditions.absent(other, parameter):
                    return replace(judged, need="required", parameter=judged.parameter or dotted)
                if self.conditions.falsy(other, parameter):
                    return replace(judged, must=dotted)
        return None

    def _after(self, statement: Node, block: Node, atom: Callable[[Node], bool], judged: Judged) -> Judged:
        """Return the need by what follows ``if (present) return it;``: a fallback that is returned, or an end."""
        here: Node | None = statement
        for _ in range(_BLOCKS):
            following = here.next_named_sibling if here is not None else None
            if following is None:
                here = self._loop_around(here)
                if here is None:
                    return judged
                continue
            if following.type != "comment":
                value = self.language.returned(following)
                if value is not None:
                    other = value == following or self._is_other(value, own(self.file, block), atom)
                    return judged if other else self._instead_of(value, judged)
                if self.ends(following):
                    return replace(judged, need="required")
                if (branch := self.language.branch(following)) is not None:
                    found = self._by_parameter(branch, judged)
                    if not found.parameter or found.must:
                        return found
                    judged = found  # if (fallback !== undefined) return fallback; what follows is for none
            here = following
        return judged

    def _loop_around(self, node: Node | None) -> Node | None:
        """Return the loop whose body a statement ends: what follows on the loop follows where nothing was found in it."""
        here = node.parent if node is not None else None
        for _ in range(2):  # the body's block, and the loop
            if here is None or here.id in self.file.by_node:
                return None
            if _LOOP.search(here.type):
                return here
            here = here.parent
        return None

    def _serves(self, block: Node, atom: Callable[[Node], bool]) -> bool:
        """Tell whether a block uses what its condition asked for, or reads it."""
        return any(atom(node) or self._reads(node) for node in descend(block))

    def _reads(self, node: Node) -> bool:
        """Tell whether an expression is a read itself."""
        at = bisect_left(self.file.candidates, node.start_byte, key=lambda one: one.start_byte)
        near = takewhile(
            lambda one: one.start_byte == node.start_byte, islice(self.file.candidates, at, None)
        )
        return node in near and any(self.language.reads(node, self.file, self.program))

    def _goes_on(self, block: Node, atom: Callable[[Node], bool]) -> bool:
        """Tell whether what a condition asked for is used after the block that does without."""
        scope = next(self.file.scopes(block))
        return any(atom(node) for node in descend(scope) if node.start_byte >= block.end_byte)

    def _by_parameter(self, branch: Branch, judged: Judged) -> Judged:
        """Find ``if (fallback) return fallback;`` and ``if (required) throw …`` where a variable is absent."""
        for node in own(self.file, branch.then) if branch.then is not None else ():
            value = self.language.returned(node)
            if value is not None and value != node and (found := self.fallback(value, judged)).parameter:
                bare = self.language.dotted(unwrap(self.program, value)) == found.parameter
                if bare or holds(self.language, branch.condition, found.parameter):
                    return found
            if self.ends(node):
                asked = self.language.dotted(unwrap(self.program, branch.condition))
                function = self.program.bindings_of(self.file, branch.condition, asked)[1] if asked else None
                return replace(judged, must=asked) if function is not None else judged
        return judged

    def _instead_of(self, value: Node, judged: Judged) -> Judged:
        """Return the need where something is given back early: what a call, or a text, makes of other things is no fallback."""
        bare = unwrap(self.program, value)
        call = self.language.call(bare)
        called = call is not None and call.owner != ""
        made = called or (
            self.language.pieces(bare) is not None and not keys_of(self.program, self.file, bare)
        )
        return judged if made and self.language.modular else self.fallback(value, judged)

    def _is_other(self, value: Node, nodes: Iterable[Node], atom: Callable[[Node], bool]) -> bool:
        """Tell whether a value answers for another question: nothing that nodes give back holds the variable's."""
        if not (self.language.modular or self.language.switches):
            return False
        if self._plain_value(value) and text(value) not in FLAGS:
            return False
        return not any(
            atom(inner)
            for node in nodes
            if (given := self.language.returned(node)) is not None
            for inner in descend(given)
        )

    def _done_without(
        self, block: Node | None, atom: Callable[[Node], bool], judged: Judged, kept: Node | None = None
    ) -> Judged | None:
        if block is None:
            return None
        for node in own(self.file, block):
            if self.ends(node):
                handed = judged.handed or self.language.hands_back(node)
                return replace(self._ended(block, judged), handed=handed)
            call = self.language.call(node)
            if call is not None and call.name in _COLLECTS and call.owner and self.lacking(call.owner, node):
                return replace(judged, need="required")
            assignment = self.language.assignment(node)
            if assignment is not None and any(self._names(atom, target, node) for target in assignment[0]):
                reads = self._reads(unwrap(self.program, assignment[1]))
                return replace(judged, settled=True) if reads else self.fallback(assignment[1], judged)
            value = self.language.returned(node)
            if value is not None and value != node:
                return self._given_back(value, block, atom, judged)
        value = self.language.yielded(block)
        return None if value is None else self._switched(value, kept, atom, judged)

    def _given_back(
        self, value: Node, block: Node, atom: Callable[[Node], bool], judged: Judged
    ) -> Judged | None:
        """Return the need where a block gives a value back: it may end the program on another way."""
        if any(self.ends(inner) for inner in own(self.file, value)):
            return replace(judged, need="required")
        switches = self.language.modular or self.language.switches
        if switches and not self._goes_on(block, atom):
            return None  # a switch that is off, no fallback
        if self._nothing(value):
            return replace(judged, need="optional", default=None)
        found = self._instead_of(value, judged)
        around = own(self.file, next(self.file.scopes(block)))
        if not found.parameter and self._is_other(
            value, (n for n in around if n.start_byte >= block.end_byte), atom
        ):
            return None
        ends = found.parameter and any(self.ends(inner) for inner in own(self.file, block))
        return replace(found, need="required") if ends else found

    def _nothing(self, value: Node) -> bool:
        """Tell whether what is given back instead is an empty collection: nothing is done, and nothing stands in."""
        value = unwrap(self.program, value)
        return text(value).replace(" ", "") in _NOTHING or self.language.items(value) == []

    def _ended(self, block: Node, judged: Judged) -> Judged:
        """Return required, with the parameter that the same block gives back where it is there."""
        for node in own(self.file, block):
            value = self.language.returned(node)
            if value is not None and value != node and self.language.dotted(value):
                judged = replace(judged, parameter=judged.parameter or self.fallback(value, judged).parameter)
        return replace(judged, need="required")

    @staticmethod
    def _names(atom: Callable[[Node], bool], target: str, node: Node) -> bool:
        return any(atom(inner) for inner in descend(node) if text(inner) == target)

    def atom(self, read: Node) -> Callable[[Node], bool]:
        """Return what tells whether an expression is the read, or another of the same."""
        same = text(read)

        def atom(node: Node) -> bool:
            if node == read or text(node) == same:
                return True
            assignment = self.language.assignment(node)
            return assignment is not None and text(unwrap(self.program, assignment[1])) == same

        return atom

    def ends(self, node: Node) -> bool:
        """Tell whether a statement raises or ends the program."""
        if self.language.throws(node):
            return True
        call = self.language.call(node)
        words = self.language.words
        return call is not None and (
            call.name in words.exits
            or call.callee in words.exits
            or call.owner in words.exit_owners
            or self.language.never(call, self.file, self.program)
        )

    def fallback(self, node: Node | None, judged: Judged) -> Judged:
        """Return the need of a read for which an expression stands in."""
        if node is None:
            return judged
        node = unwrap(self.program, self.language.result(unwrap(self.program, node)))
        if any(self.ends(inner) for inner in own(self.file, node)):
            return replace(judged, need="required")
        if self.language.null(node):
            return replace(judged, need="optional", default=None)
        for one in () if self.language.elsewhere(node) else descend(node):
            inner = self.language.given(one) or one
            dotted = self.language.dotted(inner)
            if dotted:
                _, function = self.program.bindings_of(self.file, inner, dotted)
                if function is not None and not inside(function.node, node):
                    return replace(judged, need=judged.need, parameter=dotted)
        value = literal_of(self.program, self.file, node)
        return replace(judged, need="optional" if value is None else "default", default=value)

    def lacking(self, name: str, node: Node) -> bool:
        """Tell whether the program ends where a list of what is missing holds anything."""
        mention = re.compile(rf"(?<![\w.]){re.escape(name)}\b")
        return any(
            branch.then is not None
            and branch.condition.start_byte > node.start_byte
            and mention.search(text(branch.condition))
            and any(self.ends(one) for one in own(self.file, branch.then))
            for branch in self.file.branches
        )

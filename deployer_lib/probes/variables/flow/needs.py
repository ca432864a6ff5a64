"""Whether a read must find its variable: judged from what stands around it.

A read tolerates absence by itself, or does not. ``read || "x"`` gives it a fallback; ``if (!read) throw`` makes it required;
a name that it was bound to is followed through the function, ``if name == "" { name = "x" }`` included.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.conditions import AND, EQUAL, OR, UNEQUAL
from deployer_lib.probes.variables.flow.grammar import text
from deployer_lib.probes.variables.flow.nodes import atom_of, descend, given_by, inside, own
from deployer_lib.probes.variables.flow.outcomes import NAMES, Judged, Outcomes
from deployer_lib.probes.variables.flow.texts import unwrap

if TYPE_CHECKING:
    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Call, Function
    from deployer_lib.probes.variables.flow.program import Program, SourceFile

__all__ = ["Judged", "certain", "fallback", "guarded", "judge"]

_SIFTS: Final = frozenset({"filter", "find", "some", "every", "map", "select", "detect", "any?", "all?", "join", "forEach", "flatMap",
                            "reject", "find_all", "array_filter", "Where", "Any", "All", "ToList", "ToArray"})  # fmt: skip

Atom = "Callable[[Node], bool]"


def judge(
    program: Program,
    file: SourceFile,
    node: Node,
    judged: Judged,
    target: str = "",
    wrapper: Function | None = None,
) -> Judged:
    """Return the need of a read after a look at what surrounds it, or at what becomes of the name it is bound to."""
    view = _View(program, file)
    found = view.bound(node, (target,), judged) if target else view.around(node, judged, wrapper)
    return view.used_elsewhere(node, target, found) if found == judged and found.need == "optional" else found


def fallback(program: Program, file: SourceFile, node: Node | None, judged: Judged) -> Judged:
    """Return the need of a read for which an expression stands in."""
    return _View(program, file).fallback(node, judged)


def guarded(program: Program, file: SourceFile, node: Node) -> bool:
    """Tell whether a read happens only where a condition around it has found the same name to be there."""
    language = program.language
    names = {v for n in descend(node) if (v := language.string(n))}
    if len(names) != 1:
        return certain(program, file, node)
    here: Node | None = node.parent
    while here is not None and here.id not in file.by_node:
        branch = language.branch(here)
        choice = language.ternary(here)
        condition = branch.condition if branch is not None else choice[0] if choice is not None else None
        operation = language.operation(here)
        if condition is None and operation is not None and operation[1] in AND:
            condition = operation[0]  # process.env.X && env("X")
        if (
            condition is not None
            and not inside(node, condition)
            and any(
                language.string(n) in names or (language.dotted(n).rpartition(".")[2] in names)
                for n in descend(condition)
            )
        ):
            return True
        here = here.parent
    return False


def certain(program: Program, file: SourceFile, node: Node) -> bool:
    """Tell whether a read happens only where a condition around it has asked for the same name.

    ``map.containsKey(key) ? map.get(key) : instead``: the asking tells what absence means, for callers too.
    """
    language = program.language
    asking = language.words.presents
    call = language.call(node)
    first = call.positional(0) if call is not None else None
    here = node.parent
    while first is not None and here is not None and here.id not in file.by_node:
        branch, choice = language.branch(here), language.ternary(here)
        condition = branch.condition if branch is not None else choice[0] if choice is not None else None
        if condition is not None and not inside(node, condition):
            asked = [one for part in descend(condition) if (one := language.call(part)) is not None]
            if any(one.name in asking and text(one.positional(0)) == text(first) for one in asked):
                return True
        here = here.parent
    return False


@dataclass(slots=True)
class _Walk:
    """The way up from a read."""

    read: Node
    child: Node
    here: Node | None
    judged: Judged
    asked: bool = (
        False  # only whether it is there, or what it equals, goes on: no value that || could replace
    )


@dataclass(slots=True)
class _View(Outcomes):
    """Follows a read upwards through what stands around it."""

    def used_elsewhere(self, read: Node, target: str, judged: Judged) -> Judged:
        """Return the need of what a constant of the file is given, by the other files that can't do without the constant."""
        if next(self.file.scopes(read)) != self.file.root:
            return judged
        outer = read
        while outer.parent is not None and outer.parent.type in self.language.wrapping:
            outer = outer.parent
        assignment = self.language.assignment(outer.parent) if outer.parent is not None else None
        names = assignment[0] if assignment is not None and assignment[1] == outer else ()
        for name in (target,) if target else names:
            for where, local in self.language.users(name, self.file, self.program):
                if _View(self.program, where, self.depth + 1).misses(local):
                    return replace(judged, need="required")
        return judged

    def misses(self, name: str) -> bool:
        """Tell whether the file ends the program where a name has no value."""
        atom, words = atom_of(name, self.language), self.language.words
        if any(
            call.arguments and {call.name, call.callee} & words.asserts and atom(call.arguments[0].value)
            for call in self.file.calls
        ):
            return True
        return any(
            self.conditions.absent(branch.condition, atom)
            and branch.then is not None
            and any(self.ends(node) for node in own(self.file, branch.then))
            for branch in self.file.branches
        )

    # -- upwards from a read ---------------------------------------------------------------------------------------------

    def around(self, read: Node, judged: Judged, wrapper: Function | None = None) -> Judged:
        settled = self.language.settled(read, wrapper)
        if settled is not None:
            judged = replace(
                judged,
                need=settled.need or judged.need,
                handed=settled.handed or (settled.need is None and judged.handed),
            )
            if settled.fallback is not None:
                return self.fallback(settled.fallback, judged)
            if settled.need in {"required", "default"} or settled.final:
                return replace(judged, default=settled.default_text)
            read = settled.top
        return self._climbed(_Walk(read, read, read.parent, judged))

    def _climbed(self, walk: _Walk) -> Judged:
        """Go up from a read, one node after the other, until one settles what it needs."""
        steps = (self._plain, self._operated, self._choosing, self._branching, self._assigning, self._calling)
        while (here := walk.here) is not None and here.id not in self.file.by_node:
            found: Judged | bool | None = None
            for step in steps:
                found = step(walk, here)
                if found is not None:
                    break
            if found is None:
                found = self._passes(here, walk.child) or self.language.hands_on(here, walk.child)
            if isinstance(found, Judged):
                return found
            if not found:
                return walk.judged
            walk.child, walk.here = here, here.parent
        return walk.judged if walk.here is None else self._sifted(walk.here, walk.judged)

    # Each step answers what the read needs, True to go on upwards, False to end with what is known, None to pass on.

    def _plain(self, walk: _Walk, here: Node) -> bool | None:
        """Pass parentheses and negations."""
        if here.type in self.language.wrapping:
            return True
        if self.language.negated(here) is not None:
            walk.asked = True
            return True
        return None

    def _operated(self, walk: _Walk, here: Node) -> Judged | bool | None:
        """Read ``read || "x"``, and comparisons of the read."""
        operation = self.language.operation(here)
        if operation is None:
            return None
        left, operator, right = operation
        fallbacks = self.language.words.fallbacks
        replaces = operator in fallbacks and walk.child == left and not walk.asked
        if replaces and self.language.elsewhere(right) and self._goes_further(here):
            return True
        if replaces and not self._is_condition(here):
            instead = self._instead(right, walk.read)
            if instead is not None:
                found = self.fallback(instead, walk.judged)
                if not found.parameter:
                    return found
                walk.judged = found  # the parameter may be left out: what then?
                return True
        if operator in EQUAL | UNEQUAL | AND | OR | fallbacks:
            walk.asked = walk.asked or operator in EQUAL | UNEQUAL
            return True
        return False

    def _goes_further(self, here: Node) -> bool:
        """Tell whether a further fallback stands behind one: ``(read ?: other) ?: "x"``."""
        outer = None if here.parent is None else self.language.operation(here.parent)
        return outer is not None and outer[1] in self.language.words.fallbacks and outer[0] == here

    def _choosing(self, walk: _Walk, here: Node) -> Judged | bool | None:
        """Read ``read ? a : b``."""
        choice = self.language.ternary(here)
        if choice is None:
            return None
        return (
            self.chosen(choice, self.atom(walk.read), walk.judged) if inside(walk.read, choice[0]) else True
        )

    def _branching(self, walk: _Walk, here: Node) -> Judged | bool | None:
        """Read ``if (!read) …``."""
        branch = self.language.branch(here)
        if branch is None:
            return None
        if not inside(walk.read, branch.condition):
            return False
        return self.tested(here, branch, self.atom(walk.read), walk.judged)

    def _assigning(self, walk: _Walk, here: Node) -> Judged | bool | None:
        """Follow the name that the read is bound to; ``if (!($a = read))`` and ``a = read or exit`` go on upwards."""
        assignment = self.language.assigned_of(here, walk.read)
        if assignment is None:
            return None
        targets, value, _ = assignment
        if value == walk.read and not walk.judged.handed:  # an error that comes with it is not about absence
            targets = tuple(name for name in targets if name not in self.language.words.errors)
        if walk.asked or not inside(walk.read, value):
            return False
        assigned = self.assigned(here, targets, walk.judged)
        return assigned if assigned != walk.judged else True

    def _calling(self, walk: _Walk, here: Node) -> Judged | bool | None:
        """Read what a call makes of the read that it is handed, or that it is called on."""
        language, judged, call = self.language, walk.judged, self.language.call(here)
        if call is None or call.node != here:
            return None
        words, names = language.words, {call.name, call.callee}
        if names & words.asserts:
            tolerated = language.caught(here) or guarded(self.program, self.file, walk.read)
            return judged if tolerated else replace(judged, need="required")
        if names & words.rescues:
            return self._rescued(call, walk)
        asks = call.name in words.absents | words.presents
        if asks or names & words.converters or language.hands_on(here, walk.child):
            walk.asked = walk.asked or (asks and call.name not in words.converters)
            return True
        if (instead := self._replaced(here)) is not None:
            return self.fallback(instead, judged)
        return self._handed(call, walk.read, judged) if language.modular or language.clauses else judged

    def _rescued(self, call: Call, walk: _Walk) -> Judged:
        """Read ``orElse("x")``: what a call gives instead."""
        instead = call.block or call.positional(-1)
        if instead is None:  # orEmpty()
            return replace(walk.judged, need="default", default="")
        return walk.judged if inside(walk.read, instead) else self.fallback(instead, walk.judged)

    def _replaced(self, call: Node) -> Node | None:
        """Return what stands in where a call comes to nothing: ``parse(read) || 5``, ``parse(read).presence || 5``."""
        words, child, here = self.language.words, call, call.parent
        while here is not None and here.id not in self.file.by_node:
            operation = self.language.operation(here)
            if operation is not None:
                replaces = operation[1] in words.fallbacks and operation[0] == child
                return operation[2] if replaces and not self._is_condition(here) else None
            outer = self.language.call(here)
            asked = outer is not None and outer.name in words.converters | words.presents
            if here.type not in self.language.wrapping and not (
                asked and self.language.receiver(here) == child
            ):
                return None
            child, here = here, here.parent
        return None

    def _handed(self, call: Call, read: Node, judged: Judged) -> Judged:
        """Return the need by what a function of the project does with what it is handed: ``must(read)``, ``int(read, 80)``."""
        given = [a.value for a in call.arguments if not a.name]
        taken = [*(a.value for a in call.arguments), self.language.receiver(call.node)]
        if self.depth >= NAMES or not any(v is not None and unwrap(self.program, v) == read for v in taken):
            return judged
        index = next((i for i, value in enumerate(given) if unwrap(self.program, value) == read), None)
        found = self.program.functions_named(self.file, call)
        for where, function in found if self.language.clauses else ():
            value = None if index is None else self.language.unmatched(function, index)
            if value is not None:
                answer = _View(self.program, where, self.depth + 1).fallback(value, judged)
                if answer.parameter:
                    given_back = given[[p.name for p in function.parameters].index(answer.parameter) :]
                    return self.fallback(given_back[0], judged) if given_back else judged
                return judged if answer.need == "required" and self.language.caught(call.node) else answer
        for where, function in found[:1]:
            head, values = self.language.head(function), given_by(call, function, self.language)
            name = next(
                (n for n, v in values.items() if v is not None and unwrap(self.program, v) == read), ""
            )
            if head is None or not name:
                continue
            inner = _View(self.program, where, self.depth + 1).assigned(head, (name,), judged, function.node)
            if inner.need == "required":
                return judged if self.language.caught(call.node) else replace(judged, need="required")
            other = values.get(inner.parameter) if inner.parameter not in {"", name} else None
            if other is not None:
                return self.fallback(other, judged)
        return judged

    def _sifted(self, closure: Node, judged: Judged) -> Judged:
        """Find ``missing = names.filter(name => !read)`` before ``if (missing.length) throw``."""
        here = closure.parent
        while here is not None and here.id not in self.file.by_node:
            call = self.language.call(here)
            if (
                call is not None
                and call.name not in _SIFTS | self.language.words.presents | self.language.words.absents
            ):
                return judged
            if (assignment := self.language.assignment(here)) is not None:
                return (
                    replace(judged, need="required")
                    if assignment[0] and self.lacking(assignment[0][0], here)
                    else judged
                )
            if (branch := self.language.branch(here)) is not None:
                ends = (
                    branch.then is not None
                    and inside(closure, branch.condition)
                    and any(self.ends(one) for one in own(self.file, branch.then))
                )
                return replace(judged, need="required") if ends else judged
            here = here.parent
        return judged

    def _passes(self, here: Node, child: Node) -> bool:
        """Tell whether a node only holds the one below it: an argument list, a statement of one expression."""
        return here.type in {
            "arguments", "argument_list", "argument", "value_arguments", "value_argument", "expression_statement",
            "call_suffix", "expression_list", "condition", "else_clause", "when_subject", "template_substitution",
        } or (len(here.named_children) == 1 and here.named_children[0] == child and here.type.endswith("expression"))  # fmt: skip

    def _instead(self, node: Node, read: Node) -> Node | None:
        """Return what stands in for a read, reads of the same name left out: ``$_ENV["X"] ?? getenv("X") ?: "x"``."""
        operation = self.language.operation(node)
        is_chain = operation is not None and operation[1] in self.language.words.fallbacks
        first = operation[0] if operation is not None and is_chain else node
        keys = self._keys(first)
        again = bool(keys) and keys == self._keys(read)
        if not again and not (is_chain and self.language.elsewhere(first)):
            return node
        return self._instead(operation[2], read) if operation is not None and is_chain else None

    def _keys(self, node: Node) -> set[str]:
        """Return how the names are written that an expression reads."""
        known = {one.id for one in self.file.candidates}
        reads = (
            r for n in descend(node) if n.id in known for r in self.language.reads(n, self.file, self.program)
        )
        return {read.key if isinstance(read.key, str) else text(read.key) for read in reads}

    def _is_condition(self, node: Node) -> bool:
        """Tell whether ``a || b`` is asked for its truth, not for its value."""
        child, here = node, node.parent
        while here is not None:
            if here.type == "arguments":  # of a macro that is an if
                here = here.parent
                continue
            if (branch := self.language.branch(here)) is not None:
                return child == branch.condition
            if (choice := self.language.ternary(here)) is not None:
                return child == choice[0]
            if self.language.negated(here) is None and here.type not in self.language.wrapping:
                operation = self.language.operation(here)
                if operation is None or operation[1] not in AND | OR:
                    return False
            child, here = here, here.parent
        return False

    # -- names that a read is bound to -----------------------------------------------------------------------------------

"""What a condition says of a variable: does it hold, or fail, whenever the variable is absent?

``atom`` tells whether an expression stands for the variable: the read itself, or a name that it was bound to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import text
from deployer_lib.probes.variables.flow.texts import unwrap

if TYPE_CHECKING:
    from collections.abc import Callable

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Branch, Language
    from deployer_lib.probes.variables.flow.program import Program, SourceFile

__all__ = ["AND", "EQUAL", "FLAGS", "OR", "UNEQUAL", "Conditions"]

EQUAL: Final = frozenset({"==", "===", "is", "=", "-eq", "eq"})
UNEQUAL: Final = frozenset({"!=", "!==", "<>", "is not", "ne"})
AND: Final = frozenset({"&&", "and"})
OR: Final = frozenset({"||", "or"})
FLAGS: Final = frozenset({"true", "false"})
_EMPTY: Final = frozenset(
    {'""', "''", "``", "0", "undefined", '"undefined"', "'undefined'", "string.Empty", "String.Empty"}
)


@dataclass(frozen=True, slots=True)
class Conditions:
    """Reads the conditions of a program."""

    program: Program

    @property
    def language(self) -> Language:
        """Return the program's language."""
        return self.program.language

    def is_there(self, file: SourceFile, branch: Branch, names: tuple[str, ...]) -> bool:
        """Tell whether a condition is asked only where another has said that the variable is there: ``if ok { … }``.

        Args:
            file: the file of both.
            branch: the condition.
            names: what the read is bound to; all but the first come with it, and say whether it was there.
        """
        return any(
            other.then is not None
            and not other.negated
            and other.then.start_byte <= branch.condition.start_byte < other.then.end_byte
            and self.language.dotted(unwrap(self.program, other.condition)) in names[1:]
            for other in (file.branches if len(names) > 1 else ())
        )

    def switches(self, value: Node, kept: Node | None) -> bool:
        """Tell whether absence only leaves out details of something that is on or off: ``x ? {ca: x} : true``."""
        return text(value) in FLAGS and kept is not None and bool(self.language.entries(kept))

    def absent(self, node: Node | None, atom: Callable[[Node], bool]) -> bool:
        """Tell whether a condition holds whenever the variable is absent."""
        if node is None:
            return False
        node, language = unwrap(self.program, node), self.language
        operand = language.negated(node)
        if operand is not None:
            return self.falsy(operand, atom)
        operation = language.operation(node)
        if operation is not None:
            if operation[1] in OR:
                return any(self.absent(side, atom) for side in (operation[0], operation[2]))
            return self._compared(operation, atom, EQUAL)
        call = language.call(node)
        if call is not None and (
            call.name in language.words.absents or call.callee in language.words.absents
        ):
            return self._asked(node, atom)
        return False

    def falsy(self, node: Node | None, atom: Callable[[Node], bool]) -> bool:
        """Tell whether a condition fails whenever the variable is absent."""
        if node is None:
            return False
        node, language = unwrap(self.program, node), self.language
        if atom(node):
            return True
        operation = language.operation(node)
        if operation is not None:
            return self._joined(operation, atom)
        call = language.call(node)
        if call is not None and (
            call.name in language.words.presents or call.callee in language.words.presents
        ):
            return self._asked(node, atom)
        operand = language.negated(node)
        return operand is not None and self.absent(operand, atom)

    def _joined(self, operation: tuple[Node, str, Node], atom: Callable[[Node], bool]) -> bool:
        sides = (operation[0], operation[2])
        if operation[1] in AND:
            return any(self.falsy(side, atom) for side in sides)
        if operation[1] in OR:
            return all(self.falsy(side, atom) for side in sides)
        return self._compared(operation, atom, UNEQUAL)

    def _asked(self, node: Node, atom: Callable[[Node], bool]) -> bool:
        call = self.language.call(node)
        subjects = [a.value for a in call.arguments] if call else []
        receiver = self.language.receiver(node)
        return any(
            atom(unwrap(self.program, one)) for one in ([*subjects, receiver] if receiver else subjects)
        )

    def _compared(
        self, operation: tuple[Node, str, Node], atom: Callable[[Node], bool], wanted: frozenset[str]
    ) -> bool:
        left, operator, right = (
            unwrap(self.program, operation[0]),
            operation[1],
            unwrap(self.program, operation[2]),
        )
        if not atom(left):
            left, right = right, left
        if not atom(left):
            return False
        nothing = (
            self.language.null(right) or text(right) in _EMPTY or text(right) in self.language.words.empties
        )
        if text(left) in self.language.words.errors:
            wanted = UNEQUAL if wanted is EQUAL else EQUAL
        return nothing and operator in wanted

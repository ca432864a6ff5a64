"""What a language tells the reader of its trees: which nodes call, bind, decide, and how it reads the environment."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path, PurePosixPath
    from re import Pattern

    from tree_sitter import Language as Grammar
    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.program import Place, Program, SourceFile
    from deployer_lib.probes.variables.model import Need

__all__ = [
    "Argument",
    "Binding",
    "Branch",
    "Call",
    "Function",
    "Import",
    "Language",
    "Parameter",
    "Read",
    "Settled",
    "Vocabulary",
    "child_texts",
    "text",
]


def text(node: Node | None) -> str:
    """Return a node's source text, empty for None."""
    return (node.text or b"").decode("utf-8", "replace") if node is not None else ""


def child_texts(node: Node) -> list[str]:
    """Return the texts of a node's children that have no name: its operators and keywords."""
    return [text(child) for child in node.children if not child.is_named]


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a call."""

    value: Node
    name: str = ""  # of a named argument


@dataclass(frozen=True, slots=True)
class Call:
    """A call: what is called, as it is written, and with what."""

    callee: str  # dotted: need, config.get, this.read, Env::get
    arguments: tuple[Argument, ...]
    node: Node
    block: Node | None = None  # a block or closure that is handed along outside the parentheses

    @property
    def name(self) -> str:
        """Return the last part of what is called."""
        return self.callee.replace("::", ".").replace("->", ".").rpartition(".")[2]

    @property
    def owner(self) -> str:
        """Return what stands before the last part, empty where nothing does."""
        return self.callee.replace("::", ".").replace("->", ".").rpartition(".")[0]

    def positional(self, index: int) -> Node | None:
        """Return an argument by its position, None where there is none."""
        given = [argument.value for argument in self.arguments if not argument.name]
        return given[index] if -len(given) <= index < len(given) else None

    def named(self, *names: str) -> Node | None:
        """Return an argument by one of these names."""
        return next((a.value for a in self.arguments if a.name in names), None)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a function."""

    name: str
    default: Node | None = None
    rest: bool = False  # takes all further arguments


@dataclass(frozen=True, slots=True)
class Function:
    """A function, method, closure or macro that may wrap a read."""

    name: str  # empty for one that has none
    parameters: tuple[Parameter, ...]
    node: Node
    owner: str = ""  # class, module or receiver type
    receiver: str = ""  # name of the object that it is called on, where the language gives it one
    again: int = 0  # so many of its last parameters are given again and again: a macro that repeats


@dataclass(frozen=True, slots=True)
class Binding:
    """A name that is given a value."""

    name: str
    value: Node
    key: str = ""  # where a member of the value is bound (destructuring), its name
    default: Node | None = None  # of that member


@dataclass(frozen=True, slots=True)
class Import:
    """A name that comes from another file."""

    local: str  # name here; "*" for all
    module: str  # as written
    name: str = ""  # name there; empty for the module itself


@dataclass(frozen=True, slots=True)
class Branch:
    """A condition and what is done where it holds, or fails."""

    condition: Node
    then: Node | None
    other: Node | None = None
    negated: bool = False  # unless


@dataclass(frozen=True, slots=True)
class Read:
    """One read of the environment, as it is written."""

    key: Node | str  # an expression, or the name itself
    node: Node  # the reading expression: its place, and what stands around it
    idiom: str
    need: Need = "optional"  # what it needs by itself
    default: Node | None = None  # a fallback that is part of it
    default_text: str | None = None  # the same as text, where there is no node
    final: bool = False  # what stands around it changes nothing (a field of a settings class)
    prefix: str = ""  # put before every name
    target: str = (
        ""  # the name that it is bound to, where the node is a declaration: of one member that is taken out
    )
    capitals: bool = False  # only names in capitals are variables: of what holds other settings too
    change: Callable[[str], str] | None = None  # makes a variable's name of a key; empty where it has none


@dataclass(frozen=True, slots=True)
class Settled:
    """What a language's own handling of absence around a read makes of it."""

    top: Node  # the whole expression: what stands around it is looked at next
    need: Need | None = None
    fallback: Node | None = None  # stands in
    default_text: str | None = None  # the same as text, where there is no node
    handed: bool = False  # required, but its caller may still go on without
    final: bool = False  # what stands further around changes nothing


@dataclass(slots=True)
class Vocabulary:
    """Words of a language that decide what a read needs, as data."""

    fallbacks: frozenset[str] = frozenset({"||", "??", "?:", "or"})  # a || b: b where a is absent
    nulls: frozenset[str] = frozenset({"null", "undefined", "nil", "None", "NULL"})
    exits: frozenset[str] = field(default_factory=frozenset)  # calls that end the program or raise
    exit_owners: frozenset[str] = field(default_factory=frozenset)  # log.Fatal: owner "log" …
    converters: frozenset[str] = field(default_factory=frozenset)  # calls that hand absence on: Number(…)
    asserts: frozenset[str] = field(
        default_factory=frozenset
    )  # calls that raise where their first argument is absent
    absents: frozenset[str] = field(
        default_factory=frozenset
    )  # calls that are true of what is absent: isEmpty(x)
    presents: frozenset[str] = field(
        default_factory=frozenset
    )  # calls that are true of what is there: isset(x)
    errors: frozenset[str] = field(default_factory=frozenset)  # names of what is null where all is well: err
    rescues: frozenset[str] = field(
        default_factory=frozenset
    )  # calls whose last argument stands in: x.orElse(y)
    empties: frozenset[str] = field(
        default_factory=frozenset
    )  # texts that a comparison with stands for absence: false


class Language(ABC):
    """How one language's trees look. Methods get nodes that :attr:`query` captured, or expressions below them.

    Captures of the query: ``@function @call @bind @loop @import @branch @read``; a node may have several.
    """

    name: ClassVar[str]
    suffixes: ClassVar[frozenset[str]]
    markers: ClassVar[tuple[bytes, ...]]  # a file without any of these bytes reads nothing by itself
    #: One of these leads to what is read in other files, or in the same.
    needles: ClassVar[tuple[bytes, ...]] = ()
    query: ClassVar[str]
    #: Finds in a text that it defines the constant NAME, where no import leads there.
    constants: ClassVar[str | None] = None
    modular: ClassVar[bool] = False  # a name of another file is known through an import alone
    qualified: ClassVar[bool] = False  # a name of another package is known through its import alone
    switches: ClassVar[bool] = False  # an early return for want of what is not used after it is no fallback
    clauses: ClassVar[bool] = False  # what a function does with the absence of what it is handed is looked at
    words: ClassVar[Vocabulary]
    whole: ClassVar[bool] = False  # every node that is captured as a function is one
    wrapping: ClassVar[frozenset[str]] = frozenset({"parenthesized_expression"})  # nodes that change nothing
    operations: ClassVar[frozenset[str]] = frozenset(
        {"binary_expression", "binary"}
    )  # nodes with two sides and an operator

    @abstractmethod
    def grammar(self, suffix: str) -> Grammar:
        """Return the tree-sitter grammar of files with this suffix."""

    def wants(self, relative: Path, head: bytes) -> bool:  # noqa: ARG002
        """Tell whether a file, relative to the project, is of this language: by its suffix, its name, or its first bytes."""
        return relative.suffix in self.suffixes

    def marks(self) -> tuple[bytes, ...]:
        """Return the words of which a project's files hold at least one where they read anything."""
        return self.markers + self.needles

    def matters(self, source: bytes) -> bool:  # noqa: ARG002
        """Tell whether a file with a marker may read anything, where the marker is also a part of everyday words."""
        return True

    def further(self, program: Program) -> Iterable[str]:  # noqa: ARG002
        """Return files that read although nothing in them tells so: the structs that a call in another file fills."""
        return ()

    def apart(self, path: str) -> bool:  # noqa: ARG002
        """Tell whether a file is of tests alone by the language's own habits (config/test.exs)."""
        return False

    def prepared(self, source: bytes, path: str) -> bytes:  # noqa: ARG002
        """Return a file's text to parse, every byte in its place: code cut out of a template."""
        return source

    @abstractmethod
    def reads(self, node: Node, file: SourceFile, program: Program) -> Iterable[Read]:
        """Yield the reads that a captured node (``@read``, ``@call`` or ``@bind``) makes by itself."""

    @abstractmethod
    def call(self, node: Node) -> Call | None:
        """Return a ``@call`` node taken apart."""

    def result(self, node: Node) -> Node:
        """Return the one expression that a closure gives back, the node itself where it is none."""
        return node

    def settled(self, node: Node, wrapper: Function | None) -> Settled | None:  # noqa: ARG002
        """Return what chains of methods and patterns around a read make of absence; None where the language has none.

        Args:
            node: the read.
            wrapper: the function that is called, where it reads inside.
        """
        return None

    def given(self, node: Node) -> Node | None:  # noqa: ARG002
        """Return what a field is given where its object is made: the parameter of the constructor; None where unknown."""
        return None

    def beside(self, name: str, file: SourceFile) -> Import | None:  # noqa: ARG002
        """Return what brings a name that needs no import, a class of the same package; None where nothing does."""
        return None

    def yielded(self, block: Node) -> Node | None:  # noqa: ARG002
        """Return the value that a branch of a used ``if`` gives, where conditions are expressions; else None."""
        return None

    def caught(self, node: Node) -> bool:  # noqa: ARG002
        """Tell whether the program goes on where a call fails for the want of its argument."""
        return False

    def targets(
        self,
        call: Call,  # noqa: ARG002
        file: SourceFile,  # noqa: ARG002
        program: Program,  # noqa: ARG002
    ) -> list[tuple[SourceFile, Function]] | None:
        """Return the functions that a call means, where the language knows better than by name; None where it does not."""
        return None

    def head(self, function: Function) -> Node | None:
        """Return the node that binds a function's parameters."""
        return function.node.child_by_field_name("parameters")

    def unmatched(self, function: Function, index: int) -> Node | None:  # noqa: ARG002
        """Return what a clause of a function gives back that only absence matches at a position: ``int(nil, d)`` gives d."""
        return None

    def filled(self, function: Function, call: Call) -> Sequence[Parameter]:  # noqa: ARG002
        """Return the parameters that a call's positional arguments fill, in their order: some may be left out before others."""
        return function.parameters

    def declared(self, name: str, program: Program) -> Place | None:  # noqa: ARG002
        """Return what stands in for a key that capitals make a variable's name of, where a declaration of the key says so."""
        return None

    def picked(self, source: Node, name: str, function: Function | None = None) -> Sequence[Node]:  # noqa: ARG002
        """Return the expressions that a name stands for that a pattern takes out of every element of a list.

        Args:
            source: what a loop goes over, or what the closure is called with.
            name: the name in the pattern.
            function: the closure, None for a loop.
        """
        return ()

    def users(
        self,
        name: str,  # noqa: ARG002
        file: SourceFile,  # noqa: ARG002
        program: Program,  # noqa: ARG002
    ) -> Iterable[tuple[SourceFile, str]]:
        """Yield the other files that ask for a file's constant, each with what it is called there."""
        return ()

    def brings(self, condition: Node) -> frozenset[str]:  # noqa: ARG002
        """Return the names that a condition gives a value to, made of what it asks for: ``int.TryParse(x, out var n)``."""
        return frozenset()

    def results(self, node: Node) -> Sequence[Node]:  # noqa: ARG002
        """Return the expressions that a function gives back."""
        return ()

    def never(self, call: Call, file: SourceFile, program: Program) -> bool:  # noqa: ARG002
        """Tell whether a call never comes back: to a function of the project that raises."""
        return False

    def lifts(self, node: Node) -> bool:  # noqa: ARG002
        """Tell whether what a ``@bind`` node binds is the file's own although it stands in a function: a macro's item."""
        return False

    def spelt(self, node: Node) -> Node | None:  # noqa: ARG002
        """Return what an expression stands for as it is written: ``stringify!(NAME)``; None where a node is none such."""
        return None

    def indexed(self, node: Node) -> tuple[Node, Node] | None:  # noqa: ARG002
        """Return the collection and the index of an access by index, None where a node is none."""
        return None

    def hands_on(self, here: Node, child: Node) -> bool:  # noqa: ARG002
        """Tell whether a node is absent where the one below it is: ``read?.trim()``."""
        return False

    def owns(self, call: Call, file: SourceFile, function: Function) -> bool | None:  # noqa: ARG002
        """Tell whether a call may mean a function of that name; None where names are all there is to go by."""
        return None

    def handed(self, call: Call, file: SourceFile, function: Function, program: Program) -> bool:  # noqa: ARG002
        """Tell whether a call gives a function that wraps a read what it reads from, where that is a parameter of its own."""
        return True

    def receiver(self, node: Node) -> Node | None:  # noqa: ARG002
        """Return the object of a method call, None where there is none."""
        return None

    def lifetime(self, statement: Node) -> Node | None:  # noqa: ARG002
        """Return what the names live in that a statement binds, where that is less than its function."""
        return None

    def exchange(self, call: Call) -> tuple[Node, str | Pattern[str], str] | None:  # noqa: ARG002
        """Return the text, what is replaced in it and by what, where a call does that; None where it does not.

        What is replaced is a text, or a pattern, whose groups the other may name as ``re.sub`` takes them.
        """
        return None

    def alternatives(self, node: Node, file: SourceFile, program: Program) -> Sequence[str]:  # noqa: ARG002
        """Return the texts that an expression may be by a means of the language's own: of an enum's constants, all."""
        return ()

    def elsewhere(self, node: Node) -> bool:  # noqa: ARG002
        """Tell whether an expression looks for the same setting in another place, and may find none: System.getProperty."""
        return False

    def assigned_of(self, node: Node, part: Node) -> tuple[tuple[str, ...], Node, str] | None:  # noqa: ARG002
        """Return what :meth:`assignment` does, of the one value that holds a part where several are given at once."""
        return self.assignment(node)

    def hands_back(self, node: Node) -> bool:  # noqa: ARG002
        """Tell whether an end is an error that the caller gets, who may still go on."""
        return False

    @abstractmethod
    def function(self, node: Node) -> Function | None:
        """Return a ``@function`` node taken apart."""

    @abstractmethod
    def bindings(self, node: Node) -> Iterable[Binding]:
        """Yield the names that a ``@bind`` node binds."""

    @abstractmethod
    def string(self, node: Node) -> str | None:
        """Return the value of a string literal without anything computed in it, else None."""

    def imports(self, node: Node) -> Iterable[Import]:  # noqa: ARG002  (a language without imports)
        """Yield the names that an ``@import`` node brings."""
        return ()

    def loop(self, node: Node) -> tuple[str, Node] | None:  # noqa: ARG002
        """Return the name that a ``@loop`` node binds and what it goes over."""
        return None

    def loops(self, node: Node) -> Iterable[tuple[str, Node]]:
        """Yield the names that a ``@loop`` node binds, where it may bind several, and what it goes over."""
        found = self.loop(node)
        return () if found is None else (found,)

    def by_value(self, source: Node, name: str) -> bool:  # noqa: ARG002
        """Tell whether a loop over a map literal binds this name to its values, not to its keys."""
        return False

    def pieces(self, node: Node) -> Sequence[Node | str] | None:  # noqa: ARG002
        """Return the parts of a concatenation or an interpolated string, None where a node is neither."""
        return None

    def items(self, node: Node) -> Sequence[Node | str] | None:  # noqa: ARG002
        """Return the elements of a list literal, None where a node is none."""
        return None

    def entries(self, node: Node) -> Sequence[tuple[Node | str, Node]] | None:  # noqa: ARG002
        """Return the keys and values of a map literal, None where a node is none."""
        return None

    def dotted(self, node: Node) -> str:
        """Return a name or a chain of members as dotted text, empty for every other expression."""
        return text(node) if node.type == "identifier" else ""

    def branch(self, node: Node) -> Branch | None:
        """Return a ``@branch`` node taken apart."""
        condition = node.child_by_field_name("condition")
        if condition is None:
            return None
        return Branch(
            condition, node.child_by_field_name("consequence"), node.child_by_field_name("alternative")
        )

    def ternary(self, node: Node) -> tuple[Node, Node, Node] | None:
        """Return condition, yes and no of a conditional expression, None where a node is none."""
        if node.type not in {"ternary_expression", "conditional_expression", "conditional"}:
            return None
        parts = [node.child_by_field_name(name) for name in ("condition", "consequence", "alternative")]
        return (parts[0], parts[1], parts[2]) if parts[0] and parts[1] and parts[2] else None

    def operation(self, node: Node) -> tuple[Node, str, Node] | None:
        """Return left side, operator and right side of a binary expression, None where a node is none."""
        if node.type not in self.operations:
            return None
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None:
            return None
        operator = node.child_by_field_name("operator")
        if operator is not None:
            return left, text(operator), right
        between = [text(c) for c in node.children if not c.is_named]
        return (left, between[0], right) if between else None

    def negated(self, node: Node) -> Node | None:
        """Return what a negation negates, None where a node is none."""
        if node.type in {
            "unary_expression",
            "unary_op_expression",
            "prefix_unary_expression",
            "unary",
        } and text(node).startswith(("!", "not ")):
            return node.named_children[-1] if node.named_children else None
        return None

    def assignment(self, node: Node) -> tuple[tuple[str, ...], Node, str] | None:  # noqa: ARG002
        """Return targets, value and operator of an assignment or declaration that gives a value, else None."""
        return None

    def returned(self, node: Node) -> Node | None:
        """Return what a return statement gives back, the statement itself where that is nothing; else None."""
        if node.type in {"return_statement", "return_expression", "return"}:
            return node.named_children[0] if node.named_children else node
        return None

    def throws(self, node: Node) -> bool:
        """Tell whether a statement or expression raises or ends the program by its kind alone."""
        return node.type in {"throw_statement", "throw_expression", "throw", "raise"}

    def null(self, node: Node) -> bool:
        """Tell whether an expression is the language's null."""
        return text(node) in self.words.nulls

    def candidates(self, module: str, file: str, paths: Sequence[PurePosixPath]) -> Iterator[str]:  # noqa: ARG002
        """Yield the files that an import may mean, best first, where the language knows better than by name."""
        return iter(())

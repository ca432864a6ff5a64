"""Rust: std::env, dotenvy, env!, clap and structopt, envconfig, envy, figment, config; what stands in macros included."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, ClassVar, Final

from deployer_lib.probes.variables.flow.grammar import (
    Argument,
    Binding,
    Branch,
    Call,
    Function,
    Import,
    Language,
    Parameter,
    Read,
    Settled,
    Vocabulary,
    text,
)
from deployer_lib.probes.variables.flow.texts import keys_of, plain
from deployer_lib.probes.variables.languages.rust_absence import settled
from deployer_lib.probes.variables.languages.rust_builders import built, filled
from deployer_lib.probes.variables.languages.rust_cargo import by_cargo
from deployer_lib.probes.variables.languages.rust_collections import (
    looked_up,
    pairs_of,
    picked_of,
    tuple_names,
)
from deployer_lib.probes.variables.languages.rust_environ import Environ
from deployer_lib.probes.variables.languages.rust_fields import declared
from deployer_lib.probes.variables.languages.rust_macros import opened
from deployer_lib.probes.variables.languages.rust_methods import Methods
from deployer_lib.probes.variables.languages.rust_names import (
    bound_name,
    common,
    formatted,
    module_around,
    modules,
    used,
)
from deployer_lib.probes.variables.languages.rust_syntax import (
    dotted,
    enclosing_type,
    method_of,
    method_on,
    string,
    tail,
)
from deployer_lib.probes.variables.marks import MARKERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tree_sitter import Language as Grammar
    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.program import Program, SourceFile

__all__ = ["Rust"]

#: What is called with a name, by its full path → idiom.
_CALLS: Final = {
    "std.env.var": "env::var()",
    "std.env.var_os": "env::var_os()",
    "dotenvy.var": "dotenvy::var()",
    "dotenv.var": "dotenv::var()",
    "figment.providers.Env.var": "figment Env::var()",
}
#: The same with a fallback as the second argument.
_WITH_DEFAULT: Final = {"figment.providers.Env.var_or": "figment Env::var_or()"}
#: Those whose first part says enough where no import is seen (``use super::*``).
_SHORT: Final = frozenset({"env.var", "env.var_os"})
_MACROS: Final = {"env!": "env!()", "option_env!": "option_env!()"}
#: Functions and methods that hand a text on as it is.
_SAME: Final = frozenset(
    {"String::from", "Some", "Ok", "OsString::from", "PathBuf::from", "Path::new", "Cow::from", "Cow::Borrowed", "Arc::from", "Box::from",
     "OsStr::new", "Url::parse", "Into::into", "ToString::to_string", "std::string::String::from"}
)  # fmt: skip
_SAME_METHODS: Final = frozenset(
    {
        "as_ref",
        "borrow",
        "deref",
        "to_os_string",
        "to_path_buf",
        "into_string",
        "as_os_str",
        "into_boxed_str",
        "unwrap",
        "expect",
        "copied",
        "cloned",
    }
)
_ASKING: Final = frozenset(
    {"is_err", "is_none", "is_empty", "is_ok", "is_some", "is_ok_and", "is_some_and", "trim", "as_str"}
)
_OPTION_IN_RESULT: Final = re.compile(r"Result\s*<\s*Option\s*<")
_ITEMS: Final = frozenset({"const_item", "static_item"})
_BARE: Final = frozenset(
    {"identifier", "reference_pattern", "tuple_pattern"}
)  # a closure's parameter without a type
_TEST_FILES: Final = frozenset({"tests.rs", "test.rs"})


class Rust(Language):
    """``.rs`` files."""

    name = "rust"
    suffixes = frozenset({".rs"})
    markers = MARKERS["rust"]
    query = """
    (function_item) @function (closure_expression) @function
    (call_expression) @call
    (let_declaration) @bind (const_item) @bind (static_item) @bind (assignment_expression) @bind
    (let_condition) @bind (index_expression) @read
    (for_expression) @loop
    (use_declaration) @import
    (if_expression) @branch
    (field_declaration) @read
    """
    constants = r"(?:const|static)\s+NAME\s*:"
    wrapping: ClassVar[frozenset[str]] = frozenset(
        {"parenthesized_expression", "reference_expression", "expression_statement"}
    )
    words: ClassVar[Vocabulary] = Vocabulary(
        fallbacks=frozenset(),
        nulls=frozenset({"None", "()"}),
        exits=frozenset(
            {"panic!", "bail!", "unreachable!", "todo!", "unimplemented!", "exit", "abort", "Err", "throw!"}
        ),
        converters=frozenset({"trim", "as_str", "to_string", "clone", "dbg!"}),
        asserts=frozenset({"assert!", "ensure!"}),
        absents=frozenset({"is_err", "is_none", "is_empty"}),
        presents=frozenset({"is_ok", "is_some", "is_ok_and", "is_some_and"}),
    )

    def __init__(self) -> None:
        self._methods = Methods()
        self._known: Environ | None = None
        self._listed: Sequence[PurePosixPath] = ()
        self._modules: dict[str, list[PurePosixPath]] = {}  # last part of a module's path → its files

    def grammar(self, suffix: str) -> Grammar:  # noqa: ARG002
        """Return the grammar of a file with this suffix."""
        import tree_sitter_rust  # noqa: PLC0415  (only where there is Rust)
        from tree_sitter import Language as Loaded  # noqa: PLC0415

        return Loaded(tree_sitter_rust.language())

    def apart(self, path: str) -> bool:
        """Tell whether a file holds a module of tests."""
        name = PurePosixPath(path).name
        return name in _TEST_FILES or name.endswith("_tests.rs") or "fuzz" in PurePosixPath(path).parts[:-1]

    def prepared(self, source: bytes, path: str) -> bytes:  # noqa: ARG002
        """Return the text to parse, every byte in its place."""
        return opened(source)

    def settled(self, node: Node, wrapper: Function | None) -> Settled | None:
        """Return what a chain of calls settles about a read."""
        given = wrapper.node.child_by_field_name("return_type") if wrapper is not None else None
        return settled(node, nested=_OPTION_IN_RESULT.search(text(given)) is not None)

    def targets(
        self, call: Call, file: SourceFile, program: Program
    ) -> list[tuple[SourceFile, Function]] | None:
        """Return the functions of a type that a call means, where it names the type."""
        return [] if _resolved(call.callee, file) in _CALLS else self._methods.meant(call, file, program)

    def hands_on(self, here: Node, child: Node) -> bool:
        """Tell whether a node is the way to a method that asks for absence: ``read.is_err``."""
        method = method_on(child)
        return method is not None and here.type == "field_expression" and method[1] in _ASKING

    # -- trees -----------------------------------------------------------------------------------------------------------

    def string(self, node: Node) -> str | None:
        """Return the value of a plain string literal, None for every other node."""
        return string(node)

    def dotted(self, node: Node) -> str:
        """Return a name or a chain of members as dotted text."""
        return dotted(node)

    def receiver(self, node: Node) -> Node | None:
        """Return the object of a method call."""
        method = method_of(node)
        return method[0] if method is not None else None

    def call(self, node: Node) -> Call | None:
        """Return a call taken apart, None where a node is none."""
        if node.type != "call_expression":
            return None
        function, given = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if function is None or given is None:
            return None
        # A macro's sign was rewritten as a space.
        is_macro = function.end_byte < given.start_byte and function.type in {
            "identifier",
            "scoped_identifier",
        }
        if function.type == "generic_function":
            function = function.child_by_field_name("function") or function
        callee = self._callee(function) + ("!" if is_macro else "")
        return Call(callee, tuple(Argument(c) for c in given.named_children if "comment" not in c.type), node)

    def _callee(self, function: Node) -> str:
        if function.type in {"identifier", "scoped_identifier"}:
            written = re.sub(r"\s+", "", text(function))
            if written.startswith("Self::"):
                return f"{enclosing_type(function) or 'Self'}::{written[6:]}"
            return re.sub(r"::<.*>$|<.*>::", "", written)
        if function.type == "field_expression":
            value, field = function.child_by_field_name("value"), text(function.child_by_field_name("field"))
            return f"{(dotted(value) if value is not None else '') or '()'}.{field}"
        return text(function)[:80]

    def result(self, node: Node) -> Node:
        """Return what a block comes to."""
        body = node.child_by_field_name("body") if node.type == "closure_expression" else None
        return (tail(body) or body) if body is not None else node

    def function(self, node: Node) -> Function | None:
        """Return a function taken apart."""
        listed = node.child_by_field_name("parameters")
        parameters = [
            Parameter(name)
            for one in (listed.named_children if listed is not None else ())
            if (pattern := one.child_by_field_name("pattern") or (one if one.type in _BARE else None))
            is not None
            for name in (tuple_names(pattern) if node.type == "closure_expression" else ()) or [text(pattern)]
        ]
        name = text(node.child_by_field_name("name")) or _name_of_closure(node)
        owner = enclosing_type(node) if node.type == "function_item" else ""
        again = sum(p.name.startswith("&") for p in parameters) if name.endswith("!") else 0
        plain_ones = (Parameter(p.name.removeprefix("&")) for p in parameters)
        return Function(name, tuple(plain_ones), node, owner, again=again)

    def bindings(self, node: Node) -> Iterable[Binding]:
        """Yield the names that a node binds."""
        value = node.child_by_field_name("value") or node.child_by_field_name("right")
        if value is None or (node.type == "let_condition" and looked_up(value) is None):
            return
        if node.type in _ITEMS:
            in_function = node.parent is not None and node.parent.type == "block"
            name, owner = (
                text(node.child_by_field_name("name")),
                "" if in_function else enclosing_type(node),
            )
            module = module_around(node)
            for full in dict.fromkeys(
                [f"{owner}.{name}"] if owner else [name, f"{module}.{name}" if module else name]
            ):
                yield Binding(full, value)
            return
        pattern = node.child_by_field_name("pattern") or node.child_by_field_name("left")
        if pattern is None:
            return
        if pattern.type == "tuple_pattern" and value.type == "tuple_expression":
            for name_node, part in zip(pattern.named_children, value.named_children, strict=False):
                yield Binding(text(name_node), part)
        else:
            yield Binding(bound_name(pattern), value)

    def assignment(self, node: Node) -> tuple[tuple[str, ...], Node, str] | None:
        """Return targets, value and operator of an assignment."""
        if node.type not in {"let_declaration", "assignment_expression", "static_item", "const_item"}:
            return None
        target = (
            node.child_by_field_name("pattern")
            or node.child_by_field_name("left")
            or node.child_by_field_name("name")
        )
        value = node.child_by_field_name("value") or node.child_by_field_name("right")
        return (
            ((dotted(target) or bound_name(target),), value, "=")
            if target is not None and value is not None
            else None
        )

    def loops(self, node: Node) -> Iterable[tuple[str, Node]]:
        """Yield the names that a loop binds and what it goes over."""
        pattern, value = node.child_by_field_name("pattern"), node.child_by_field_name("value")
        if pattern is not None and value is not None:
            for name in tuple_names(pattern) or [bound_name(pattern)]:
                yield name, value

    def lifts(self, node: Node) -> bool:
        """Tell whether a node is an item that a macro makes: of the file, though it stands in a rule's closure."""
        around = node.parent.parent if node.parent is not None and node.type in _ITEMS else None
        return (
            around is not None
            and around.type == "closure_expression"
            and _name_of_closure(around)[-1:] == "!"
        )

    def branch(self, node: Node) -> Branch | None:
        """Return a condition and what follows from it."""
        condition = node.child_by_field_name("condition") if node.type == "if_expression" else None
        if condition is None or condition.type in {"let_condition", "let_chain"}:
            return None
        return Branch(
            condition, node.child_by_field_name("consequence"), node.child_by_field_name("alternative")
        )

    def ternary(self, node: Node) -> tuple[Node, Node, Node] | None:
        """Return condition, yes and no of a conditional expression."""
        branch = self.branch(node)
        if branch is None or branch.then is None or branch.other is None:
            return None
        yes, no = tail(branch.then), tail(branch.other)
        return (branch.condition, yes, no) if yes is not None and no is not None else None

    def items(self, node: Node) -> Sequence[Node | str] | None:
        """Return the elements of a list literal."""
        if node.type == "array_expression":
            return node.named_children
        call = self.call(node)
        return [a.value for a in call.arguments] if call is not None and call.callee == "vec!" else None

    def entries(self, node: Node) -> Sequence[tuple[Node | str, Node]] | None:
        """Return the keys and values of a map literal."""
        return pairs_of(node)

    def indexed(self, node: Node) -> tuple[Node, Node] | None:
        """Return the map and the key of a look-up."""
        return looked_up(node)

    def picked(self, source: Node, name: str, function: Function | None = None) -> Sequence[Node]:
        """Return what a name stands for that a pattern takes out of the tuples of a list."""
        if function is None:
            pattern = source.parent.child_by_field_name("pattern") if source.parent is not None else None
            return picked_of(source, pattern, name)
        listed = function.node.child_by_field_name("parameters")
        patterns = listed.named_children if listed is not None else ()
        return next((found for one in patterns if (found := picked_of(source, one, name))), ())

    def pieces(self, node: Node) -> Sequence[Node | str] | None:  # noqa: PLR0911  (one kind of text after the other)
        """Return the parts of a text that is put together."""
        if node.type == "unary_expression":
            return node.named_children if text(node).startswith("*") else None
        if node.type == "binary_expression":
            operation = self.operation(node)
            return [operation[0], operation[2]] if operation and operation[1] == "+" else None
        call = self.call(node)
        if call is None:
            return None
        given = [argument.value for argument in call.arguments]
        if call.callee == "concat!":
            return given
        if call.callee == "format!" and given:
            return formatted(given)
        if call.callee in _SAME and len(given) == 1:
            return given
        method = method_of(node)
        return [method[0]] if method is not None and method[1] in _SAME_METHODS else None

    def spelt(self, node: Node) -> Node | None:
        """Return the word whose spelling ``stringify!`` gives."""
        if node.type != "macro_invocation" or text(node.child_by_field_name("macro")) != "stringify":
            return None
        words = node.named_children[-1].named_children
        return words[0] if len(words) == 1 and words[0].type == "identifier" else None

    # -- names -----------------------------------------------------------------------------------------------------------

    def imports(self, node: Node) -> Iterable[Import]:
        """Yield the names that an import brings."""
        argument = node.child_by_field_name("argument")
        return used(argument, "") if argument is not None else ()

    def candidates(self, module: str, file: str, paths: Sequence[PurePosixPath]) -> Iterator[str]:
        """Yield the files of a module: of the path itself, or of what it is an item of."""
        if self._listed is not paths:
            self._listed, self._modules = paths, {}
            for path in paths:
                self._modules.setdefault("".join(modules(path)[-1:]), []).append(path)
        parts = [part for part in module.split("::") if part not in {"crate", "self", "super"}]
        for wanted in (parts, parts[:-1]):
            near = self._modules.get(wanted[-1], ()) if wanted else ()
            found = [str(path) for path in near if modules(path)[-len(wanted) :] == wanted]
            if found:
                yield from sorted(found, key=lambda path: (-common(path, file), path))
                return

    # -- reads -----------------------------------------------------------------------------------------------------------

    def reads(self, node: Node, file: SourceFile, program: Program) -> Iterable[Read]:
        """Yield the reads that a node makes by itself."""
        if node.type == "field_declaration":
            yield from declared(node, program, file)
            return
        yield from self._environ(program).reads(node, file)
        call = self.call(node)
        if call is None:
            return
        macro = call.name if call.name in _MACROS else ""
        for read in self._called(call, file, program):
            names = [name for key in keys_of(program, file, read.key) if (name := plain(key))]
            if not by_cargo(names, macro, file.path, program):
                yield read

    def further(self, program: Program) -> Iterable[str]:
        """Return the files whose functions are handed the environment as a map."""
        return self._environ(program).files

    def _environ(self, program: Program) -> Environ:
        if self._known is None or self._known.program is not program:
            self._known = Environ(program)
        return self._known

    def _called(self, call: Call, file: SourceFile, program: Program) -> Iterator[Read]:
        key = call.positional(0)
        short = call.name
        if short in _MACROS and key is not None:
            yield Read(
                key,
                call.node,
                _MACROS[short],
                "required" if short == "env!" else "optional",
                final=short == "env!",
            )
            return
        path = _resolved(call.callee, file)
        if path in _CALLS and key is not None:
            yield Read(key, call.node, _CALLS[path])
        elif path in _WITH_DEFAULT and key is not None:
            yield Read(key, call.node, _WITH_DEFAULT[path], default=call.positional(1), final=True)
        elif call.name == "env":
            yield from built(call, key)
        else:
            yield from filled(call, path, file, program)


def _resolved(callee: str, file: SourceFile) -> str:
    """Return the full path of what is called, with what was imported put in its place."""
    first, _, rest = callee.removeprefix("::").replace("::", ".").partition(".")
    brought = file.imports.get(first)
    if brought is not None:
        path = brought.module.replace("::", ".")
        return f"{path}.{rest}" if rest else path
    if f"{first}.{rest}" in _SHORT:
        return f"std.{first}.{rest}"
    if not rest and any(star.module == "std::env" for star in file.stars):
        return f"std.env.{first}"
    return callee.removeprefix("::").replace("::", ".")


def _name_of_closure(node: Node) -> str:
    """Return the name that a closure is bound to, or the macro's whose rule it was."""
    parent = node.parent
    if parent is not None and parent.type == "let_declaration":
        return text(parent.child_by_field_name("pattern"))
    if parent is not None and parent.type == "expression_statement":
        parent = parent.parent
    outer = parent.parent if parent is not None and parent.type == "block" else None
    if outer is None or outer.type != "function_item" or not text(outer).startswith("default fn"):
        return ""
    return f"{text(outer.child_by_field_name('name'))}!"

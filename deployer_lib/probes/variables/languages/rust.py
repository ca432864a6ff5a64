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
from deployer_lib.probes.variables.languages.rust_fields import declared
from deployer_lib.probes.variables.languages.rust_macros import opened
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
#: What cargo itself gives to every program it builds.
_CARGO: Final = re.compile(r"CARGO_|CARGO$|DEP_")
#: What cargo gives to a build script, and what one may hand to ``env!``.
_BUILD: Final = frozenset(
    {"OUT_DIR", "TARGET", "HOST", "PROFILE", "NUM_JOBS", "OPT_LEVEL", "DEBUG", "RUSTC", "RUSTDOC", "RUSTC_LINKER", "RUSTC_WRAPPER",
     "RUSTC_WORKSPACE_WRAPPER", "RUSTFLAGS", "MAKEFLAGS", "CARGO", "RUSTUP_TOOLCHAIN"}
)  # fmt: skip
_GIVEN_BY_BUILD: Final = re.compile(rb"rustc-env=([A-Za-z_][A-Za-z0-9_]*)=")
#: Functions and methods that hand a text on as it is.
_SAME: Final = frozenset(
    {"String::from", "Some", "Ok", "OsString::from", "PathBuf::from", "Path::new", "Cow::from", "Cow::Borrowed", "Arc::from", "Box::from",
     "OsStr::new", "Url::parse", "Into::into", "ToString::to_string", "std::string::String::from"}
)  # fmt: skip
_SAME_METHODS: Final = frozenset(
    {"as_ref", "borrow", "deref", "to_os_string", "to_path_buf", "into_string", "as_os_str", "into_boxed_str"}
)
_ASKING: Final = frozenset(
    {"is_err", "is_none", "is_empty", "is_ok", "is_some", "is_ok_and", "is_some_and", "trim", "as_str"}
)
_OPTION_IN_RESULT: Final = re.compile(r"Result\s*<\s*Option\s*<")
_TEST_FILES: Final = frozenset({"tests.rs", "test.rs"})


class Rust(Language):
    """``.rs`` files."""

    name = "rust"
    suffixes = frozenset({".rs"})
    markers = (b"env::", b"var(", b"var_os(", b"dotenv", b"env!(", b"env = ", b"env=", b"env,", b"env)", b".env(", b"env(", b"envy",
               b"nvconfig", b"Env::", b"Environment", b'from = "')  # fmt: skip
    query = """
    (function_item) @function (closure_expression) @function
    (call_expression) @call
    (let_declaration) @bind (const_item) @bind (static_item) @bind (assignment_expression) @bind
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

    def owns(self, call: Call, file: SourceFile, function: Function) -> bool | None:  # noqa: ARG002
        """Tell that a call of the environment's own functions is none of another that is named like them."""
        return False if _resolved(call.callee, file) in _CALLS else None

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
            Parameter(text(pattern))
            for one in (listed.named_children if listed is not None else ())
            if (pattern := one.child_by_field_name("pattern") or (one if one.type == "identifier" else None))
            is not None
        ]
        name = text(node.child_by_field_name("name")) or _name_of_closure(node)
        return Function(
            name, tuple(parameters), node, enclosing_type(node) if node.type == "function_item" else ""
        )

    def bindings(self, node: Node) -> Iterable[Binding]:
        """Yield the names that a node binds."""
        value = node.child_by_field_name("value") or node.child_by_field_name("right")
        if value is None:
            return
        if node.type in {"const_item", "static_item"}:
            name, owner = text(node.child_by_field_name("name")), enclosing_type(node)
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

    def loop(self, node: Node) -> tuple[str, Node] | None:
        """Return the name that a loop binds and what it goes over."""
        pattern, value = node.child_by_field_name("pattern"), node.child_by_field_name("value")
        return (bound_name(pattern), value) if pattern is not None and value is not None else None

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
        body = node.child_by_field_name("body") if node.type == "struct_expression" else None
        if body is None:
            return None
        pairs = [
            (c.child_by_field_name("field"), c.child_by_field_name("value")) for c in body.named_children
        ]
        return [(text(name), value) for name, value in pairs if name is not None and value is not None]

    def pieces(self, node: Node) -> Sequence[Node | str] | None:  # noqa: PLR0911  (one kind of text after the other)
        """Return the parts of a text that is put together."""
        if node.type == "binary_expression":
            operation = self.operation(node)
            return [operation[0], operation[2]] if operation and operation[1] == "+" else None
        call = self.call(node)
        if call is None:
            return None
        given = [argument.value for argument in call.arguments]
        if call.callee == "concat!":
            return given
        if call.callee == "stringify!" and given:
            return [text(given[0])]
        if call.callee == "format!" and given:
            return formatted(given)
        if call.callee in _SAME and len(given) == 1:
            return given
        method = method_of(node)
        return [method[0]] if method is not None and method[1] in _SAME_METHODS else None

    # -- names -----------------------------------------------------------------------------------------------------------

    def imports(self, node: Node) -> Iterable[Import]:
        """Yield the names that an import brings."""
        argument = node.child_by_field_name("argument")
        return used(argument, "") if argument is not None else ()

    def candidates(self, module: str, file: str, paths: Sequence[PurePosixPath]) -> Iterator[str]:
        """Yield the files of a module: of the path itself, or of what it is an item of."""
        parts = [part for part in module.split("::") if part not in {"crate", "self", "super"}]
        for wanted in (parts, parts[:-1]):
            found = [str(path) for path in paths if wanted and modules(path)[-len(wanted) :] == wanted]
            if found:
                yield from sorted(found, key=lambda path: (-common(path, file), path))
                return

    # -- reads -----------------------------------------------------------------------------------------------------------

    def reads(self, node: Node, file: SourceFile, program: Program) -> Iterable[Read]:
        """Yield the reads that a node makes by itself."""
        if node.type == "field_declaration":
            yield from declared(node, program, file)
            return
        call = self.call(node)
        if call is None:
            return
        for read in self._called(call, file, program):
            if not self._by_cargo(read, call, file, program):
                yield read

    def _called(self, call: Call, file: SourceFile, program: Program) -> Iterator[Read]:
        key = call.positional(0)
        short = call.callee.replace("::", ".").rpartition(".")[2]
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

    def _by_cargo(self, read: Read, call: Call, file: SourceFile, program: Program) -> bool:
        """Tell whether cargo or the build script gives a variable: nobody sets it."""
        names = [name for key in keys_of(program, file, read.key) if (name := plain(key))]
        compiled = call.callee.endswith("!")
        in_build = compiled or PurePosixPath(file.path).name == "build.rs"
        given = _given_by_build(program) if compiled and names else frozenset()
        return bool(names) and all(_CARGO.match(n) or (in_build and n in _BUILD) or n in given for n in names)


def _given_by_build(program: Program) -> frozenset[str]:
    """Return what build scripts hand to ``env!``."""
    names: set[str] = set()
    for path in program.paths:
        if PurePosixPath(path).name == "build.rs":
            try:
                names.update(name.decode() for name in _GIVEN_BY_BUILD.findall(program.source(path)))
            except OSError:
                continue
    return frozenset(names)


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

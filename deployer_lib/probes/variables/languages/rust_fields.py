"""Fields that Rust libraries fill from the environment: clap, structopt, envconfig, confique, and structs read by serde."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import Read, text
from deployer_lib.probes.variables.flow.texts import keys_of, literal_of, plain
from deployer_lib.probes.variables.languages.rust_syntax import attributes, dotted, is_option, string, tail

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.program import Program, SourceFile
    from deployer_lib.probes.variables.model import Need

__all__ = ["Naming", "declared", "struct_named", "struct_reads"]

_CLAP_DEFAULTS: Final = (
    "default_value", "default_value_t", "default_value_os", "default_value_os_t", "default_values", "default_values_t",
    "default_values_os", "default_values_os_t",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Kind:
    """How an attribute names a variable and its default."""

    name: str
    defaults: tuple[str, ...]
    idiom: str
    bare: bool = False  # the field's own name, where the attribute gives none
    lenient: bool = False  # a bool or a Vec may be absent


_KINDS: Final = {
    "arg": _Kind("env", _CLAP_DEFAULTS, "clap #[arg(env)]", bare=True, lenient=True),
    "clap": _Kind("env", _CLAP_DEFAULTS, "clap #[clap(env)]", bare=True, lenient=True),
    "structopt": _Kind("env", _CLAP_DEFAULTS, "structopt", bare=True, lenient=True),
    "conf": _Kind("env", (*_CLAP_DEFAULTS, "default"), "conf", bare=True, lenient=True),
    "envconfig": _Kind("from", ("default",), "envconfig"),
    "config": _Kind("env", ("default",), "confique"),
    "setting": _Kind("env", ("default",), "schematic"),
    "bpaf": _Kind("env", ("fallback", "fallback_with"), "bpaf", lenient=True),
}
_TOLERANT: Final = ("Vec<", "bool", "HashSet<", "BTreeSet<", "HashMap<", "()")
_CASES: Final = {"kebab-case": "-", "snake_case": "_", "verbatim": "_"}
_NUMBERED: Final = ("Count", "SetTrue", "SetFalse")
_UNFILLED: Final = frozenset({"skip", "skip_deserializing"})

Options = dict[str, "list[Node] | None"]  # name of an option → its tokens; None where it stands alone


def declared(field: Node, program: Program, file: SourceFile) -> Iterator[Read]:
    """Yield the variables that the attributes of a field name."""
    options: dict[str, Options] = {}
    for attribute, tokens in attributes(field):
        if attribute in _KINDS and tokens is not None:
            options.setdefault(attribute, {}).update(_options(tokens))
    for attribute, given in options.items():
        kind = _KINDS[attribute]
        name = _name(field, kind, given, program, file)
        if name:
            default = _default(kind.defaults, given, program, file)
            need = "default" if default is not None else _need(field, kind, given)
            yield Read(name, field, kind.idiom, need, default_text=default, final=True)


def _options(tokens: Node) -> Options:
    """Return the options of an attribute: ``long``, ``env = "X"``, ``default_value("x")``."""
    options: Options = {}
    for part in _split(tokens):
        name = text(part[0])
        if len(part) > 1 and part[1].type == "=":
            options[name] = part[2:]
        elif len(part) > 1 and part[1].type == "token_tree":
            options[name] = part[1].children[1:-1]
        else:
            options[name] = None
    return options


def _split(tokens: Node) -> Iterator[list[Node]]:
    part: list[Node] = []
    for child in tokens.children[1:-1]:
        if child.type == ",":
            if part:
                yield part
            part = []
        elif "comment" not in child.type:
            part.append(child)
    if part:
        yield part


def _name(field: Node, kind: _Kind, given: Options, program: Program, file: SourceFile) -> str | None:
    if kind.name not in given:
        own = kind.name == "from" and "nested" not in given
        return _own_name(field).upper() if own else None
    tokens = given[kind.name]
    if tokens:
        return _value(tokens, program, file, strict=True)
    return _cased(field) if kind.bare else None


def _own_name(field: Node) -> str:
    return text(field.child_by_field_name("name")).removeprefix("r#")


def _cased(field: Node) -> str:
    """Return a field's name as clap makes a variable of it."""
    struct = field.parent.parent if field.parent is not None else None
    for attribute, tokens in attributes(struct) if struct is not None else ():
        style = (
            _options(tokens).get("rename_all_env")
            if attribute in {"command", "clap", "structopt"} and tokens
            else None
        )
        if style and (case := _CASES.get(string(style[0]) or "")):
            return _own_name(field).replace("_", case)
    return _own_name(field).upper()


def _value(tokens: Sequence[Node], program: Program, file: SourceFile, *, strict: bool = False) -> str | None:
    """Return the text that an option's tokens give; with ``strict``, None where that is computed."""
    if len(tokens) == 1 and (literal := string(tokens[0])) is not None:
        return literal
    if text(tokens[0]) == "concat" and len(tokens) > 2:  # noqa: PLR2004  (name, sign and parts)
        parts = [_value(part, program, file, strict=True) for part in _split(tokens[2])]
        return "".join(part for part in parts if part is not None) if None not in parts else None
    written = "".join(text(token) for token in tokens)
    path = ".".join(
        text(t) for t in tokens if t.type != "::" and text(t) not in {"crate", "self", "super", "&"}
    )
    if all(t.type in {"identifier", "::", "crate", "self", "super", "&"} for t in tokens):
        for place in program.constants(file, path):
            values = [plain(key) for key in keys_of(program, place.file, place.node)]
            if values and values[0]:
                return values[0]
            return None if strict else literal_of(program, place.file, place.node)
    return None if strict else _literal(tokens, written)


def _literal(tokens: Sequence[Node], written: str) -> str:
    """Return a default as text: ``"x".into()`` and ``String::from("x")`` as ``x``."""
    first = string(tokens[0])
    if first is not None and len(tokens) > 1 and tokens[1].type == ".":
        return first
    inner = tokens[-1].named_children if tokens[-1].type == "token_tree" else []
    given = string(inner[0]) if len(inner) == 1 else None
    return given if given is not None and "from" in written else written


def _default(names: tuple[str, ...], given: Options, program: Program, file: SourceFile) -> str | None:
    for name in names:
        if name in given:
            tokens = given[name]
            return (_value(tokens, program, file) if tokens else "") or ""
    return None


def _need(field: Node, kind: _Kind, given: Options) -> Need:
    written = text(field.child_by_field_name("type")).rpartition("::")[2] or ""
    whole = text(field.child_by_field_name("type"))
    required = given.get("required")
    if required is not None:
        return "required" if text(required[0]) == "true" else "optional"
    if is_option(whole):
        return "optional"
    action = "".join(text(token) for token in given.get("action") or ())
    if kind.lenient and (
        written.startswith(_TOLERANT) or whole.startswith(_TOLERANT) or action.endswith(_NUMBERED)
    ):
        return "optional"
    return "required"


# -- structs that serde fills ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Naming:
    """How a library makes a variable's name of a field's."""

    prefix: str
    separator: str = (
        ""  # between a struct's field and one of its own struct; empty where there is no way into one
    )
    idiom: str = "envy"
    missing: Need = "required"  # what a field without a default needs


_DEEPEST: Final = 6


def struct_named(program: Program, file: SourceFile, name: str) -> tuple[SourceFile, Node] | None:
    """Return the only struct of a name: of this file, or of the project's that are parsed."""
    for files in ([file], [program.file(path) for path in _defining(program, name)]):
        found = [
            (f, node)
            for f in files
            for node in _structs(f.root)
            if text(node.child_by_field_name("name")) == name
        ]
        if found:
            return found[0]
    return None


def _defining(program: Program, name: str) -> list[str]:
    return program.holding(f"struct {name}".encode())


def _structs(root: Node) -> Iterator[Node]:
    stack = [root]
    while stack:
        here = stack.pop()
        if here.type == "struct_item":
            yield here
        elif here.type in {"source_file", "mod_item", "declaration_list", "function_item", "block"}:
            stack.extend(here.named_children)


def struct_reads(
    program: Program, file: SourceFile, struct: Node, naming: Naming, at: Node, depth: int = 0
) -> Iterator[Read]:
    """Yield the variables that fill a struct's fields by their names; ``at`` is where they are read."""
    body = struct.child_by_field_name("body")
    whole = _serde(struct)
    for field in body.named_children if body is not None and depth < _DEEPEST else ():
        if field.type != "field_declaration":
            continue
        options = _serde(field)
        if _UNFILLED & options.keys():
            continue
        inner = _inner_struct(program, file, field)
        if "flatten" in options and inner is not None:
            yield from struct_reads(program, *inner, naming, at, depth + 1)
            continue
        name = _serde_name(field, options, whole)
        if inner is not None and naming.separator:
            deeper = Naming(
                f"{naming.prefix}{name.upper()}{naming.separator}",
                naming.separator,
                naming.idiom,
                naming.missing,
            )
            yield from struct_reads(program, *inner, deeper, at, depth + 1)
        elif inner is None:
            yield _serde_read(program, file, field, naming, name, {**whole, **options}, at)


def _serde_read(
    program: Program, file: SourceFile, field: Node, naming: Naming, name: str, options: Options, at: Node
) -> Read:
    default: str | None = None
    if "default" in options:
        default = _from_function(program, file, options["default"])
    written = text(field.child_by_field_name("type"))
    need: Need = "default" if default is not None else "optional" if is_option(written) else naming.missing
    return Read(naming.prefix + name.upper(), at, naming.idiom, need, default_text=default, final=True)


def _serde(node: Node) -> Options:
    options: Options = {}
    for attribute, tokens in attributes(node):
        if attribute == "serde" and tokens is not None:
            options.update(_options(tokens))
    return options


def _serde_name(field: Node, options: Options, whole: Options) -> str:
    renamed = options.get("rename")
    if renamed and (name := string(renamed[0])) is not None:
        return name
    style = whole.get("rename_all")
    written = _own_name(field)
    return written.replace("_", "-") if style and "kebab" in text(style[0]).lower() else written


def _inner_struct(program: Program, file: SourceFile, field: Node) -> tuple[SourceFile, Node] | None:
    kind = field.child_by_field_name("type")
    if kind is None:
        return None
    if kind.type == "generic_type" and is_option(text(kind)):
        given = kind.child_by_field_name("type_arguments")
        kind = given.named_children[0] if given is not None and given.named_children else kind
    if kind.type not in {"type_identifier", "scoped_type_identifier"} or not (
        name := dotted(kind).rpartition(".")[2]
    ):
        return None
    found = struct_named(program, file, name)
    if found is None:
        return None
    body = found[1].child_by_field_name("body")
    return found if body is not None and body.type == "field_declaration_list" else None


def _from_function(program: Program, file: SourceFile, tokens: list[Node] | None) -> str:
    """Return what ``#[serde(default = "function")]`` gives, empty for the type's own default."""
    name = (string(tokens[0]) or "").rpartition("::")[2] if tokens else ""
    for one in (file, *program.files.values()):
        for function in one.by_name.get(name, []) if name else ():
            body = function.node.child_by_field_name("body")
            last = tail(body) if body is not None else None
            return literal_of(program, one, last) or "" if last is not None else ""
    return ""

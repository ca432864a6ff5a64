"""Work out which texts an expression can be: literals, constants of any file, loops over lists, parameters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import Call, Language, text

if TYPE_CHECKING:
    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Function
    from deployer_lib.probes.variables.flow.program import Program, SourceFile

__all__ = ["Hole", "Key", "keys_of", "literal_of", "members_of", "plain"]

_MAX_DEPTH: Final = 12
_MAX_KEYS: Final = 200  # of one expression; beyond it is no list of names
_MAX_LITERAL: Final = 80
#: Methods that change the case of a text, or nothing that matters for a name.
_CASES: Final = {
    "toUpperCase": "upper", "upcase": "upper", "ToUpper": "upper", "toUpper": "upper", "uppercase": "upper",
    "to_uppercase": "upper", "to_ascii_uppercase": "upper", "strtoupper": "upper", "ToUpperInvariant": "upper",
    "String.upcase": "upper", "strings.ToUpper": "upper",
    "toString": "", "to_s": "", "trim": "", "to_string": "", "as_str": "", "clone": "", "to_owned": "", "into": "",
    "freeze": "", "strip": "", "String": "", "string": "",
}  # fmt: skip
_EACH: Final = frozenset(
    {"forEach", "map", "filter", "each", "every", "some", "find", "flatMap", "reduce", "any", "all", "for_each", "filter_map",
     "reject", "select", "array_map", "array_filter", "Where", "Select", "All", "Any", "ForEach", "Enum.each", "Enum.map",
     "Enum.filter", "Enum.reject", "Enum.any?", "Enum.all?", "any?", "all?", "none?", "detect", "find_all", "collect",
     "each_with_index", "each_with_object", "index_with", "to_h", "to_hash", "array_walk", "array_reduce", "flat_map", "sum",
     "each_entry", "partition", "find_each", "Map.new", "Enum.into", "Enum.map_join", "Enum.find", "Enum.find_value",
     "Enum.flat_map", "Enum.reduce", "Enum.reduce_while", "Enum.each_with_index", "Enum.split_with"}
)  # fmt: skip
_MEMBERS: Final = frozenset(
    {"keys", "Object.keys", "Object.entries", "values", "iter", "freeze", "into_iter", "each"}
)


@dataclass(frozen=True, slots=True)
class Hole:
    """A parameter whose value callers give."""

    function: int  # node id of the function
    parameter: str
    upper: bool = False
    replaced: tuple[tuple[str, str], ...] = ()  # texts in what is given, and what takes their places

    def filled(self, key: Key) -> Key:
        """Return what a caller gives, changed as the function changes it."""
        for old, new in self.replaced:
            key = exchanged(key, old, new)
        return _changed(key, "upper") if self.upper else key


#: A text with holes: every part a literal text, or a hole.
Key = tuple[str | Hole, ...]


def plain(key: Key) -> str | None:
    """Return a key as text, None where a parameter stands in it."""
    return (
        "".join(part for part in key if isinstance(part, str))
        if all(isinstance(p, str) for p in key)
        else None
    )


def merged(key: Key) -> Key:
    """Return a key with neighbouring texts joined."""
    out: list[str | Hole] = []
    for part in key:
        if isinstance(part, str) and out and isinstance(out[-1], str):
            out[-1] += part
        else:
            out.append(part)
    return tuple(out)


def exchanged(key: Key, old: str, new: str) -> Key:
    """Return a key with a text replaced wherever it stands, in what callers give too."""
    return tuple(
        part.replace(old, new)
        if isinstance(part, str)
        else replace(part, replaced=(*part.replaced, (old, new)))
        for part in key
    )


def unwrap(program: Program, node: Node) -> Node:
    """Return what stands inside nodes that change nothing."""
    while node.type in program.language.wrapping and node.named_children:
        node = node.named_children[0]
    return node


def keys_of(program: Program, file: SourceFile, node: Node | str | None, depth: int = 0) -> list[Key]:  # noqa: PLR0911  (one kind of expression after the other)
    """Return every text that an expression may be; empty where that can't be known."""
    if isinstance(node, str):
        return [(node,)]
    if node is None or depth > _MAX_DEPTH:
        return []
    language, node = program.language, unwrap(program, node)
    value = language.string(node)
    if value is not None:
        return [(value,)]
    pieces = language.pieces(node)
    if pieces is not None:
        return _joined([keys_of(program, file, piece, depth + 1) for piece in pieces])
    choice = language.ternary(node)
    if choice is not None:
        return [key for branch in choice[1:] for key in keys_of(program, file, branch, depth + 1)]
    call = language.call(node)
    if call is not None:
        return _called(program, file, call, depth)
    access = language.indexed(node)
    if access is not None:
        return _indexed(program, file, *access, depth)
    dotted = language.dotted(node)
    if not dotted:
        return []
    return _named(program, file, node, dotted, depth)


def _named(program: Program, file: SourceFile, node: Node, dotted: str, depth: int) -> list[Key]:
    """Return the texts that a name stands for: a parameter's hole, a loop's values, what it is bound to anywhere."""
    language = program.language
    found, function = program.bindings_of(file, node, dotted)
    if function is not None:
        return _each(program, file, function, dotted, depth) or [(Hole(function.node.id, dotted),)]
    for source in program.loops_of(file, node, dotted):
        values = _values_of(program, file, source, depth + 1) if language.by_value(source, dotted) else []
        return values or members_of(program, file, source, depth + 1)
    outside = [b for b in found if not b.value.start_byte <= node.start_byte < b.value.end_byte]
    if outside:
        return [] if outside[0].key else keys_of(program, file, outside[0].value, depth + 1)
    if (given := language.given(node)) is not None:
        return keys_of(program, file, given, depth + 1)
    for place in program.constants(file, dotted):
        if keys := keys_of(program, place.file, place.node, depth + 1):
            return keys
    return _member(program, file, node, dotted, depth)


def _member(program: Program, file: SourceFile, node: Node, dotted: str, depth: int) -> list[Key]:
    """Return the value of a member of a map literal: ``KEYS.port`` of ``KEYS = {port: "PORT"}``."""
    owner, _, name = dotted.replace("::", ".").rpartition(".")
    if not owner:
        return []
    for where, value in _values(program, file, node, owner, depth):
        for key, entry in program.language.entries(value) or ():
            if _written(program.language, key) == name:
                return keys_of(program, where, entry, depth + 1)
    return [
        key
        for where, value in _fields(program, file, node, owner, name)
        for key in keys_of(program, where, value, depth + 1)
    ]


def _written(language: Language, key: Node | str) -> str:
    return key if isinstance(key, str) else (language.string(key) or text(key))


def _values(
    program: Program, file: SourceFile, node: Node, dotted: str, depth: int
) -> list[tuple[SourceFile, Node]]:
    """Return the expressions that a dotted name stands for, names that stand for names followed."""
    if depth > _MAX_DEPTH:
        return []
    found, function = program.bindings_of(file, node, dotted)
    if function is not None:
        return []
    places = [(file, b.value) for b in found[:1] if not b.key]
    places = places or [(p.file, p.node) for p in program.constants(file, dotted)[:1]]
    if not places and "." in dotted:
        owner, _, name = dotted.rpartition(".")
        places = [
            (where, entry)
            for where, value in _values(program, file, node, owner, depth + 1)
            for key, entry in program.language.entries(value) or ()
            if _written(program.language, key) == name
        ]
    out = []
    for where, place in places:
        value = unwrap(program, place)
        further = program.language.dotted(value)
        same = where is file and further == dotted
        out += (
            _values(program, where, value, further, depth + 1) if further and not same else [(where, value)]
        )
    return out


def _fields(
    program: Program, file: SourceFile, node: Node, owner: str, name: str
) -> list[tuple[SourceFile, Node]]:
    """Return a member of every map in a list that a loop or closure goes over: ``[{key: "A"}].forEach(v => v.key)``."""
    language = program.language
    _, function = program.bindings_of(file, node, owner)
    source = (
        _gone_over(program, function)
        if function is not None
        else next(iter(program.loops_of(file, node, owner)), None)
    )
    if source is None:
        return []
    source = unwrap(program, source)
    dotted = language.dotted(source)
    return [
        (where, entry)
        for where, listed in (_values(program, file, source, dotted, 0) if dotted else [(file, source)])
        for item in language.items(listed) or ()
        for key, entry in (() if isinstance(item, str) else language.entries(unwrap(program, item)) or ())
        if _written(language, key) == name
    ]


def _indexed(program: Program, file: SourceFile, holder: Node, index: Node, depth: int) -> list[Key]:
    """Return the values of a map literal that an index may choose: all of them where it is not known."""
    holder = unwrap(program, holder)
    dotted = program.language.dotted(holder)
    known = {plain(key) for key in keys_of(program, file, index, depth + 1)} - {None}
    places = _values(program, file, holder, dotted, depth + 1) if dotted else [(file, holder)]
    return [
        found
        for where, value in places
        for key, entry in program.language.entries(value) or ()
        if not known or _written(program.language, key) in known
        for found in keys_of(program, where, entry, depth + 1)
    ]


def _each(program: Program, file: SourceFile, function: Function, name: str, depth: int) -> list[Key]:
    """Return what a closure is called with that goes over a list: ``["A", "B"].forEach(name => …)``."""
    source = _gone_over(program, function)
    second = len(function.parameters) > 1 and function.parameters[1].name == name
    if second and (values := _values_of(program, file, source, depth + 1)):
        return values
    return members_of(program, file, source, depth + 1)


def _gone_over(program: Program, function: Function) -> Node | None:
    here = function.node.parent
    while here is not None and here.type in {"arguments", "argument_list", "argument", "value_argument", "value_arguments",
                                             "annotated_lambda", "call_suffix"}:  # fmt: skip
        here = here.parent
    call = program.language.call(here) if here is not None else None
    if call is None or (call.name not in _EACH and call.callee not in _EACH):
        return None
    source = program.language.receiver(call.node) or call.positional(0)
    return call.positional(1) if source == function.node else source  # array_map(fn, list)


def _values_of(program: Program, file: SourceFile, node: Node | None, depth: int) -> list[Key]:
    """Return the texts of a map literal's values, of a constant of any file too; empty where it is no map."""
    if node is None or depth > _MAX_DEPTH:
        return []
    node = unwrap(program, node)
    entries = program.language.entries(node)
    if entries is not None:
        return [key for _, value in entries for key in keys_of(program, file, value, depth + 1)]
    call = program.language.call(node)
    if call is not None and (call.callee in _MEMBERS or call.name in _MEMBERS):
        inner = call.positional(0) if call.arguments else program.language.receiver(node)
        return _values_of(program, file, inner, depth + 1)
    dotted = program.language.dotted(node)
    if not dotted:
        return []
    found, _ = program.bindings_of(file, node, dotted)
    places = [(file, b.value) for b in found[:1]] or [
        (p.file, p.node) for p in program.constants(file, dotted)[:1]
    ]
    return [key for where, value in places for key in _values_of(program, where, value, depth + 1)]


def _called(program: Program, file: SourceFile, call: Call, depth: int) -> list[Key]:
    change = _CASES.get(call.callee, _CASES.get(call.name))
    if change is None:
        if (exchange := program.language.exchange(call)) is not None:
            inner, old, new = exchange
            return [exchanged(key, old, new) for key in keys_of(program, file, inner, depth + 1)]
        return _given_back(program, file, call, depth)
    receiver = program.language.receiver(call.node) if not call.arguments else call.positional(0)
    return [_changed(key, change) for key in keys_of(program, file, receiver, depth + 1)]


def _given_back(program: Program, file: SourceFile, call: Call, depth: int) -> list[Key]:
    """Return the texts that a function of the project makes of what it is given."""
    for where, function in program.functions_named(file, call)[:1]:
        values = {
            p.name: call.named(p.name) or call.positional(i) or p.default
            for i, p in enumerate(function.parameters)
        }
        made = [
            key
            for value in program.language.results(function.node)
            for key in keys_of(program, where, value, depth + 3)
        ]
        return [whole for key in made for whole in _filled(program, file, key, function, values, depth)][
            :_MAX_KEYS
        ]
    return []


def _filled(
    program: Program,
    file: SourceFile,
    key: Key,
    function: Function,
    values: dict[str, Node | None],
    depth: int,
) -> list[Key]:
    parts: list[list[Key]] = []
    for part in key:
        if isinstance(part, str) or part.function != function.node.id:
            parts.append([(part,)])
        else:
            given = keys_of(program, file, values.get(part.parameter), depth + 1)
            parts.append([part.filled(k) for k in given])
    return _joined(parts)


def _changed(key: Key, change: str) -> Key:
    if change != "upper":
        return key
    return tuple(p.upper() if isinstance(p, str) else replace(p, upper=True) for p in key)


def members_of(program: Program, file: SourceFile, node: Node | None, depth: int = 0) -> list[Key]:
    """Return the texts in a collection: a list literal, a map's keys, a constant of any file."""
    if node is None or depth > _MAX_DEPTH:
        return []
    language, node = program.language, unwrap(program, node)
    items = language.items(node)
    if items is not None:
        return [key for item in items for key in keys_of(program, file, item, depth + 1)][:_MAX_KEYS]
    entries = language.entries(node)
    if entries is not None:
        return [key for name, _ in entries for key in keys_of(program, file, _key(language, name), depth + 1)]
    call = language.call(node)
    if call is not None:
        return _called_members(program, file, call, depth)
    dotted = language.dotted(node)
    return _named_members(program, file, node, dotted, depth) if dotted else []


def _called_members(program: Program, file: SourceFile, call: Call, depth: int) -> list[Key]:
    if call.callee == "Object.values":
        return _values_of(program, file, call.positional(0), depth + 1)
    if call.callee in _MEMBERS or call.name in _MEMBERS:
        inner = call.positional(0) if call.arguments else program.language.receiver(call.node)
        return members_of(program, file, inner, depth + 1)
    return []


def _named_members(program: Program, file: SourceFile, node: Node, dotted: str, depth: int) -> list[Key]:
    found, function = program.bindings_of(file, node, dotted)
    if function is not None:
        return [(Hole(function.node.id, dotted),)]  # callers give the collection, or its members one by one
    if found:
        return members_of(program, file, found[0].value, depth + 1)
    for place in program.constants(file, dotted):
        if keys := members_of(program, place.file, place.node, depth + 1):
            return keys
    return []


def _key(language: Language, name: Node | str) -> Node | str:
    if isinstance(name, str) or language.string(name) is not None:
        return name
    return text(name)


def _joined(parts: list[list[Key]]) -> list[Key]:
    if any(not part for part in parts):
        return []
    combined = [merged(tuple(piece for key in keys for piece in key)) for keys in product(*parts)]
    return combined[:_MAX_KEYS]


def literal_of(program: Program, file: SourceFile, node: Node | None) -> str | None:
    """Return how a fallback reads: its text where that is known, else its source; None for the language's null."""
    if node is None or program.language.null(node):
        return None
    found = keys_of(program, file, node)
    value = plain(found[0]) if len(found) == 1 else None
    return value if value is not None else " ".join(text(unwrap(program, node)).split())[:_MAX_LITERAL]

"""Work out which texts an expression can be: literals, constants of any file, loops over lists, parameters."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import Call, Language, text
from deployer_lib.probes.variables.flow.nodes import in_force

if TYPE_CHECKING:
    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Function
    from deployer_lib.probes.variables.flow.program import Program, SourceFile

__all__ = ["Hole", "Key", "given_to", "keys_of", "literal_of", "members_of", "plain", "values_of"]

_MAX_DEPTH: Final = 12
_MAX_KEYS: Final = 200  # of one expression; beyond it is no list of names
_MAX_LITERAL: Final = 80
#: Methods that change the case of a text, or nothing that matters for a name.
_CASES: Final = {
    "toUpperCase": "upper", "upcase": "upper", "ToUpper": "upper", "toUpper": "upper", "uppercase": "upper",
    "to_uppercase": "upper", "to_ascii_uppercase": "upper", "strtoupper": "upper", "ToUpperInvariant": "upper",
    "String.upcase": "upper", "strings.ToUpper": "upper",
    "toString": "", "to_s": "", "trim": "", "to_string": "", "as_str": "", "clone": "", "to_owned": "", "into": "",
    "freeze": "", "strip": "", "String": "", "string": "", "to_charlist": "", "unquote": "",
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
    {"keys", "keySet", "Object.keys", "Object.entries", "values", "iter", "freeze", "into_iter", "each"}
)


#: A text, or a pattern, and what takes its place; None for capitals. The order matters: a pattern may look for capitals.
Change = tuple[str | re.Pattern[str], str] | None


@dataclass(frozen=True, slots=True)
class Hole:
    """A parameter whose value callers give."""

    function: int  # node id of the function
    parameter: str
    changes: tuple[Change, ...] = ()  # what becomes of what is given, in order
    values: bool = False  # callers give a map, whose values are meant, not its keys
    written: bool = False  # not what is given counts, but how it is written: stringify!($name)

    def filled(self, key: Key) -> Key:
        """Return what a caller gives, changed as the function changes it."""
        for change in self.changes:
            key = _changed(key, "upper") if change is None else exchanged(key, *change)
        return key


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


def exchanged(key: Key, old: str | re.Pattern[str], new: str) -> Key:
    """Return a key with a text, or what a pattern finds, replaced wherever it stands, in what callers give too."""
    return tuple(
        replace(part, changes=(*part.changes, (old, new)))
        if isinstance(part, Hole)
        else part.replace(old, new)
        if isinstance(old, str)
        else old.sub(new, part)
        for part in key
    )


def unwrap(program: Program, node: Node) -> Node:
    """Return what stands inside nodes that change nothing."""
    while node.type in program.language.wrapping and node.named_children:
        node = node.named_children[0]
    return node


def keys_of(program: Program, file: SourceFile, node: Node | str | None, depth: int = 0) -> list[Key]:  # noqa: C901, PLR0911  (one kind of expression after the other)
    """Return every text that an expression may be; empty where that can't be known."""
    if isinstance(node, str):
        return [(node,)]
    if node is None or depth > _MAX_DEPTH:
        return []
    language, node = program.language, unwrap(program, node)
    value = language.string(node)
    if value is not None:
        return [(value,)]
    if several := language.alternatives(node, file, program):
        return [(one,) for one in several[:_MAX_KEYS]]
    pieces = language.pieces(node)
    if pieces is not None:
        return _joined([keys_of(program, file, piece, depth + 1) for piece in pieces])
    spelt = language.spelt(node)
    if spelt is not None:
        return [_spelt(file, spelt)]
    choice = language.ternary(node)
    if choice is not None:
        return [key for branch in choice[1:] for key in keys_of(program, file, branch, depth + 1)]
    access, call = language.indexed(node), language.call(node)
    if access is not None and ((found := _indexed(program, file, *access, depth)) or call is None):
        return found
    if call is not None:
        return _called(program, file, call, depth)
    dotted = language.dotted(node)
    if not dotted:
        return []
    return _named(program, file, node, dotted, depth)


def _named(program: Program, file: SourceFile, node: Node, dotted: str, depth: int) -> list[Key]:
    """Return the texts that a name stands for: a parameter's hole, a loop's values, what it is bound to anywhere."""
    language = program.language
    found, function = program.bindings_of(file, node, dotted)
    outside = [b for b in found if not b.value.start_byte <= node.start_byte < b.value.end_byte]
    if found and not outside:
        function = _rebound(file, node, dotted)
    if function is not None:
        return _each(program, file, function, dotted, depth) or [(Hole(function.node.id, dotted),)]
    for source in program.loops_of(file, node, dotted):
        return _looped(program, file, source, dotted, depth + 1)
    if outside:
        chosen = [] if outside[0].key else in_force(outside, node)
        return [key for binding in chosen for key in keys_of(program, file, binding.value, depth + 1)]
    if (given := language.given(node)) is not None:
        return keys_of(program, file, given, depth + 1)
    for place in program.constants(file, dotted):
        if keys := keys_of(program, place.file, place.node, depth + 1):
            return keys
    return _member(program, file, node, dotted, depth)


def _spelt(file: SourceFile, node: Node) -> Key:
    """Return a node's own text, or what callers write for the parameter that it is."""
    function = _rebound(file, node, text(node))
    return (text(node),) if function is None else (Hole(function.node.id, text(node), written=True),)


def _looped(program: Program, file: SourceFile, source: Node, name: str, depth: int) -> list[Key]:
    """Return what a loop's name stands for: parts of the elements, a map's values, or its keys and a list's elements."""
    if picked := program.language.picked(source, name):
        return [key for one in picked for key in keys_of(program, file, one, depth)]
    values = values_of(program, file, source, depth) if program.language.by_value(source, name) else []
    return values or members_of(program, file, source, depth)


def _rebound(file: SourceFile, node: Node, name: str) -> Function | None:
    """Return the function whose parameter a name is in what the name itself is given next: ``name = upcase(name)``."""
    around = (file.by_node.get(scope.id) for scope in file.scopes(node))
    return next((f for f in around if f is not None and any(p.name == name for p in f.parameters)), None)


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
    return [
        (where, entry)
        for where, item in _elements(program, file, node, owner)
        for key, entry in language.entries(unwrap(program, item)) or ()
        if _written(language, key) == name
    ]


def _elements(program: Program, file: SourceFile, node: Node, name: str) -> list[tuple[SourceFile, Node]]:
    """Return the expressions that a loop's or a closure's name stands for: a list's elements, a map's values."""
    language = program.language
    _, function = program.bindings_of(file, node, name)
    loop = None if function is not None else next(iter(program.loops_of(file, node, name)), None)
    source = _gone_over(program, function) if function is not None else loop
    if source is None:
        return []
    by_value = loop is not None and language.by_value(loop, name)
    source = unwrap(program, source)
    dotted = language.dotted(source)
    found = []
    for where, listed in _values(program, file, source, dotted, 0) if dotted else [(file, source)]:
        items = language.items(listed)
        if items is None and by_value:
            items = [value for _, value in language.entries(listed) or ()]
        found += [(where, item) for item in items or () if not isinstance(item, str)]
    return found


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
    if source is not None and (picked := program.language.picked(source, name, function)):
        return [key for one in picked for key in keys_of(program, file, one, depth + 1)]
    second = len(function.parameters) > 1 and function.parameters[1].name == name
    if second and (values := values_of(program, file, source, depth + 1)):
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


def values_of(program: Program, file: SourceFile, node: Node | None, depth: int = 0) -> list[Key]:
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
        return values_of(program, file, inner, depth + 1)
    dotted = program.language.dotted(node)
    if not dotted:
        return []
    found, function = program.bindings_of(file, node, dotted)
    if function is not None:
        return [(Hole(function.node.id, dotted, values=True),)]
    places = [(file, b.value) for b in found[:1]] or [
        (p.file, p.node) for p in program.constants(file, dotted)[:1]
    ]
    return [key for where, value in places for key in values_of(program, where, value, depth + 1)]


def _called(program: Program, file: SourceFile, call: Call, depth: int) -> list[Key]:
    change = _CASES.get(call.callee, _CASES.get(call.name))
    if change is None:
        if (exchange := program.language.exchange(call)) is not None:
            inner, old, new = exchange
            return [exchanged(key, old, new) for key in keys_of(program, file, inner, depth + 1)]
        return _given_back(program, file, call, depth)
    owner = program.language.receiver(call.node)
    # strings.ToUpper(x) is handed the text, x.toUpperCase(Locale.ROOT) is called on it.
    is_method = not call.arguments or (owner is not None and call.callee not in _CASES)
    receiver = owner if is_method else call.positional(0)
    return [_changed(key, change) for key in keys_of(program, file, receiver, depth + 1)]


def _given_back(program: Program, file: SourceFile, call: Call, depth: int) -> list[Key]:
    """Return the texts that a function of the project makes of what it is given."""
    for where, function in program.functions_named(file, call)[:1]:
        taken = {p.name: call.positional(i) for i, p in enumerate(program.language.filled(function, call))}
        values = {p.name: call.named(p.name) or taken.get(p.name) or p.default for p in function.parameters}
        made = [
            key
            for value in program.language.results(function.node)
            for key in keys_of(program, where, value, depth + 3)
        ]
        return [whole for key in made for whole in _filled(program, file, key, function, values, depth)][
            :_MAX_KEYS
        ]
    return []


def given_to(program: Program, file: SourceFile, hole: Hole, value: Node | None, depth: int = 0) -> list[Key]:
    """Return the texts that a caller's argument puts in a hole."""
    keys: list[Key] = [(text(value),)] if hole.written else []
    if hole.values:  # of a list, its elements; of arguments that are given one by one, each
        keys = values_of(program, file, value, depth) or members_of(program, file, value, depth)
    keys = keys or keys_of(program, file, value, depth)
    return [hole.filled(key) for key in keys]


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
            parts.append(given_to(program, file, part, values.get(part.parameter), depth + 1))
    return _joined(parts)


def _changed(key: Key, change: str) -> Key:
    if change != "upper":
        return key
    return tuple(
        p.upper()
        if isinstance(p, str)
        else p
        if p.changes[-1:] == (None,)  # in capitals already: a wrapper of a wrapper says it again
        else replace(p, changes=(*p.changes, None))
        for p in key
    )


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
        return values_of(program, file, call.positional(0), depth + 1)
    if call.callee in _MEMBERS or call.name in _MEMBERS:
        inner = call.positional(0) if call.arguments else program.language.receiver(call.node)
        return members_of(program, file, inner, depth + 1)
    for where, function in program.functions_named(file, call)[:1]:
        made = [
            key
            for value in program.language.results(function.node)
            for key in members_of(program, where, value, depth + 3)
            or keys_of(program, where, value, depth + 3)
        ]
        return [key for key in made if plain(key) is not None][:_MAX_KEYS]
    return []


def _appended(program: Program, file: SourceFile, call: Call, depth: int) -> list[Key]:
    """Return the texts that ``append(list, "X", more...)`` puts in a list."""
    return [
        key
        for argument in call.arguments
        for key in keys_of(program, file, argument.value, depth + 1)
        or members_of(program, file, argument.value, depth + 1)
    ]


def _named_members(program: Program, file: SourceFile, node: Node, dotted: str, depth: int) -> list[Key]:
    found, function = program.bindings_of(file, node, dotted)
    # A list of lists that is gone over by one loop in another, or a list that each element has.
    owner, _, field = dotted.rpartition(".")
    nested = _fields(program, file, node, owner, field) if owner else _elements(program, file, node, dotted)
    if nested and not found:
        return [key for where, one in nested for key in members_of(program, where, one, depth + 1)][
            :_MAX_KEYS
        ]
    if function is not None:
        return [(Hole(function.node.id, dotted),)]  # callers give the collection, or its members one by one
    if found:
        calls = [(binding, program.language.call(unwrap(program, binding.value))) for binding in found]
        more = [call for _, call in calls if call is not None and call.callee == f"{dotted}.append"]
        whole = [binding for binding, call in calls if call is None or call not in more]
        keys = [
            key
            for binding in (in_force(whole, node) if whole else ())
            for key in members_of(program, file, binding.value, depth + 1)
        ]
        return keys + [key for call in more for key in _appended(program, file, call, depth)]
    for place in program.constants(file, dotted):
        if keys := members_of(program, place.file, place.node, depth + 1):
            return keys
    held = _values(program, file, node, dotted, depth + 1) if owner else []
    return [key for where, value in held for key in members_of(program, where, value, depth + 1)]


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
    if node is None or program.language.null(node) or _is_empty(program, file, node):
        return None
    found = keys_of(program, file, node)
    value = plain(found[0]) if len(found) == 1 else None
    return value if value is not None else " ".join(text(unwrap(program, node)).split())[:_MAX_LITERAL]


def _is_empty(program: Program, file: SourceFile, node: Node) -> bool:
    """Tell whether an expression names a constant that is the language's null: ``X_DEFAULT``."""
    dotted = program.language.dotted(node)
    if not dotted.rpartition(".")[2].isupper():
        return False
    return any(program.language.null(place.node) for place in program.constants(file, dotted)[:1])

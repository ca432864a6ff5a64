"""Names that another name holds in a shell script, ``${!x}`` and its kin: followed to where they are written out.

A script asks for a variable by a name that it was given: in a loop over a list, in an array, or as a function's argument, as
docker's entrypoints do (``file_env DB_PASSWORD`` looks for ``DB_PASSWORD`` and for ``DB_PASSWORD_FILE``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fnmatch import translate
from itertools import islice, product
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.languages.shell_script import enclosing, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tree_sitter import Node

    from deployer_lib.probes.variables.languages.shell_script import Expansion, Script, Write

__all__ = ["Named", "Names"]

#: What comes from outside is in capitals, by convention.
_NAME: Final = re.compile(r"[A-Z_][A-Z0-9_]*")
_POSITIONAL: Final = re.compile(r"\d+|[@*]")
_INNER: Final = re.compile(r"(!?)(\w+|[@*])(\[[@*]\])?(.*)", re.DOTALL)
_KEY: Final = re.compile(r"""\[["']?(\w+)["']?\]=""")
#: $(echo "$x" | tr a-z A-Z): a name in capitals.
_RAISED: Final = re.compile(
    r"""\s*(?:echo|printf\s+["']?%s["']?)\s+(?:-n\s+)?(\S+)\s*\|\s*tr\s+["']?(?:\[:lower:\]|\[?a-z\]?)["']?\s+["']?(?:\[:upper:\]|\[?A-Z\]?)["']?\s*"""
)
_FALLBACKS: Final = (":-", ":=", "-", "=")
_CUTS: Final = ("##", "#", "%%", "%")
#: export "$name"=…, eval "$name=…", printf -v "$name" %s …: a function that sets what it is told to.
_SETS: Final = re.compile(
    r"""(?:\b(?:export|declare|typeset|readonly|eval)\b[^\n;|&]*?["']?\$\{?(\w+)\}?["']?=|\bprintf\s+-v\s+["']?\$\{?(\w+)\}?["']?\s)([^\n]*)"""
)
_USED: Final = re.compile(r"\$(?:\{[!#]?)?(\w+)")
_FUNCTION: Final = frozenset({"function_definition"})
_FOR: Final = frozenset({"for_statement"})
_LOOPS: Final = frozenset({"for_statement", "while_statement", "c_style_for_statement"})
_GIVING: Final = frozenset({"=", "+=", "loop"})
_MOST: Final = 500  # names that one expansion stands for
_DEEPEST: Final = 8  # names that hold names, and functions that hand them on


@dataclass(frozen=True, slots=True)
class Named:
    """A name that an expansion stands for."""

    name: str
    node: Node  # where it is written out
    script: Script  # where that is
    used: Node  # the call that hands it on, or the expansion
    user: Script  # where that is
    fallback: str | None = (
        None  # what stands in where it is unset, as the call says; None where the call says nothing
    )
    sets: bool = (
        False  # it is read by a function that sets what it is told to: an empty fallback there says nothing
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a word stands, and which call of its function is looked at."""

    script: Script
    node: Node
    call: _Call | None = None
    depth: int = 0


@dataclass(frozen=True, slots=True)
class _Call:
    script: Script
    node: Node
    words: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class _Value:
    text: str
    node: Node
    script: Script


class Names:
    """Follows names through loops, arrays, functions and sourced files."""

    def __init__(self, script: Script, others: Sequence[Script] = ()) -> None:
        """Look at a script and at those that share its names.

        Args:
            script: where the expansions are.
            others: what it sources, and what sources it.
        """
        self.script = script
        self.scripts = (script, *others)
        self.values: dict[tuple[int, int, str], list[_Value]] = {}  # what was asked of _held and _given
        self.known: dict[tuple[int, str, int], list[Write]] = {}  # what was asked of _near

    def of(self, one: Expansion) -> list[Named]:
        """Return the names that an expansion stands for; none where they are made at run time."""
        found: dict[tuple[str, int, int], Named] = {}
        for place in self._places(one.node):
            for value in self._values(one.name, place, one.node):
                if _NAME.fullmatch(value.text) is None:
                    continue
                call = place.call
                used, user = (call.node, call.script) if call is not None else (one.node, self.script)
                named = Named(value.text, value.node, value.script, used, user)
                found.setdefault(
                    (value.text, id(user), used.start_byte), self._with_fallback(named, one, place)
                )
        return list(found.values())

    def _places(self, node: Node) -> list[_Place]:
        """Return a place for each call of the function that an expansion stands in, or its own."""
        function = enclosing(node, _FUNCTION)
        calls = self._calls(function) if function is not None else []
        return [_Place(self.script, node, call) for call in calls] or [_Place(self.script, node)]

    def _calls(self, function: Node) -> list[_Call]:
        """Return the calls of a function, but for those of itself."""
        name = text(function.child_by_field_name("name"))
        return [
            _Call(script, call, tuple(call.children_by_field_name("argument")))
            for script in self.scripts
            for call in script.calls.get(name, ())
            if not (function.start_byte <= call.start_byte < function.end_byte and script.functions.get(name) == function)
        ]  # fmt: skip

    # -- what a function does with a name --------------------------------------------------------------------------------

    def _with_fallback(self, named: Named, one: Expansion, place: _Place) -> Named:
        if place.call is None:
            return named
        function = enclosing(one.node, _FUNCTION)
        if one.operator in _FALLBACKS and one.word and "$" in one.word:
            known = self._values(one.word, place, one.node)
            return replace(named, fallback=known[0].text if known else None, sets=bool(known))
        sets = False
        for match in _SETS.finditer(text(function)):
            held = match[1] or match[2]
            told = {value.text for value in self._values(f"${{{held}}}", place, one.node)}
            sets = sets or any(_NAME.fullmatch(name) for name in told)
            if "${!" in match[3] or named.name not in told:
                continue
            reached = self._reached(match[3], place, set()) - self._reached(f"${held}", place, set())
            for at in sorted(reached):
                if given := self._argument(at, place, one.node):
                    return replace(named, fallback=given, sets=True)
        return replace(named, sets=sets)

    def _argument(self, which: str, place: _Place, node: Node) -> str:
        """Return an argument's text: what it stands for, or as it is written where that is made at run time."""
        known = self._values(f"${which}", place, node)
        if known or place.call is None:
            return known[0].text if known else ""
        words = place.call.words[int(which) - 1 :]
        return text(words[0]).strip("\"'") if words else ""

    def _reached(self, written: str, place: _Place, seen: set[str]) -> set[str]:
        """Return the arguments that a text in a function is made of."""
        found: set[str] = set()
        function = enclosing(place.node, _FUNCTION)
        for name in _USED.findall(written):
            if name.isdigit():
                found.add(name)
            elif name not in seen:
                seen.add(name)
                for write in place.script.writes.get(name, ()):
                    if enclosing(write.node, _FUNCTION) == function:
                        found |= self._reached(text(write.value), place, seen)
        return found

    # -- words -----------------------------------------------------------------------------------------------------------

    def _values(self, raw: str, place: _Place, node: Node) -> list[_Value]:
        """Return what a word may stand for; nothing where a part of it is not known."""
        if place.depth > _DEEPEST:
            return []
        found = [_Value("", node, place.script)]
        for literal, inner in _parts(raw):
            if inner is None:
                more = [_Value(literal, node, place.script)]
            elif inner.startswith("("):
                raised = _RAISED.fullmatch(inner[1:])
                held = self._values(raised[1], place, node) if raised else []
                more = [replace(value, text=value.text.upper()) for value in held]
            else:
                more = self._expanded(inner, replace(place, depth=place.depth + 1), node)
            pairs = islice(product(found, more), _MOST)
            found = [
                _Value(left.text + right.text, right.node if inner is not None else left.node,
                       right.script if inner is not None else left.script)
                for left, right in pairs
            ]  # fmt: skip
        return found

    def _expanded(self, inner: str, place: _Place, node: Node) -> list[_Value]:
        match = _INNER.fullmatch(inner)
        if match is None:
            return []
        bang, name, whole, rest = match.groups()
        if bang:
            return self._held(name, place, node, keys=True) if whole and not rest else []
        held = self._held(name, place, node)
        if not rest:
            return held
        if rest.startswith(_FALLBACKS):
            word = rest.lstrip(":")[1:]
            full = [value for value in held if value.text]
            return full or self._values(word, place, node)
        if rest.startswith(("?", ":?")):
            return held
        changed = [(value, _changed(value.text, rest)) for value in held]
        return [replace(value, text=new) for value, new in changed if new is not None]

    def _held(self, name: str, place: _Place, node: Node, *, keys: bool = False) -> list[_Value]:
        """Return what a name may hold where it is asked for."""
        if _POSITIONAL.fullmatch(name):
            return self._given(name, place, node)
        loop = enclosing(place.node, _FOR)
        while loop is not None:
            if text(loop.child_by_field_name("variable")) == name:
                return self._looped(loop, place)
            loop = enclosing(loop, _FOR)
        script, writes = self._writes(name, place)
        function = enclosing(place.node, _FUNCTION)
        found: list[_Value] = []
        for write in writes:
            call = place.call if enclosing(write.node, _FUNCTION) == function else None
            there = _Place(script, write.node, call, place.depth)
            asked = (write.node.id, call.node.id if call is not None else 0, f"{keys}")
            if asked not in self.values:
                self.values[asked] = []  # a list that grows by itself is asked for in its own making
                self.values[asked] = self._written(write, there, keys=keys)
            found.extend(self.values[asked])
        return found[:_MOST]

    def _written(self, write: Write, place: _Place, *, keys: bool) -> list[_Value]:
        if write.kind == "loop":
            above = enclosing(write.node, _FOR)
            return self._looped(above, place) if above is not None else []
        if write.value is None:
            return []
        if write.value.type == "array":
            return self._listed(write.value, place, keys=keys)
        # What it had before is known from the assignments before.
        raw = re.sub(rf"\$(?:{write.name}\b|\{{{write.name}(?:\[[@*]\])?\}})", "", text(write.value))
        return [] if keys else self._values(raw, place, write.value)

    def _writes(self, name: str, place: _Place) -> tuple[Script, Sequence[Write]]:
        """Return what gives a name its value: before it in its function, else outside, else in another file."""
        function = enclosing(place.node, _FUNCTION)
        near = self._near(name, place.script, function)
        if near:
            before = [write for write in near if write.node.end_byte <= place.node.start_byte]
            return place.script, before or near
        for script in (place.script, *(one for one in self.scripts if one is not place.script)):
            writes = [write for write in script.writes.get(name, ()) if write.kind in _GIVING]
            if writes:
                return script, writes
        return place.script, ()

    def _near(self, name: str, script: Script, function: Node | None) -> list[Write]:
        """Return what gives a name its value in a function, or outside all of them; asked once for each."""
        asked = (id(script), name, function.id if function is not None else 0)
        if asked not in self.known:
            self.known[asked] = [
                write
                for write in script.writes.get(name, ())
                if write.kind in _GIVING and enclosing(write.node, _FUNCTION) == function
            ]
        return self.known[asked]

    def _looped(self, loop: Node, place: _Place) -> list[_Value]:
        there = replace(place, node=loop, depth=place.depth + 1)
        words = loop.children_by_field_name("value")
        if not words:  # for x; do …: over the arguments
            return self._given("@", there, loop)
        found: dict[str, _Value] = {}
        for word in words:
            for value in self._values(text(word), there, word):
                for part in value.text.split():
                    found.setdefault(part, replace(value, text=part))
        return list(found.values())[:_MOST]

    def _listed(self, array: Node, place: _Place, *, keys: bool) -> list[_Value]:
        there = replace(place, depth=place.depth + 1)
        found: list[_Value] = []
        for child in array.named_children:
            key = _KEY.match(text(child))
            if keys:
                found.extend([_Value(key[1], child, place.script)] if key else [])
            elif child.type != "comment":
                found.extend(self._values(text(child)[key.end() if key else 0 :], there, child))
        return found

    # -- arguments -------------------------------------------------------------------------------------------------------

    def _given(self, which: str, place: _Place, node: Node) -> list[_Value]:
        """Return what a function's argument may be, by its calls."""
        function = enclosing(place.node, _FUNCTION)
        if function is None or place.depth > _DEEPEST:
            return []
        shifted, turning = _shifts(function, place.node)
        if place.call is not None:
            return self._handed([place.call], which, shifted, place, node, turning=turning)
        asked = (function.id, shifted, f"{which}{turning}")
        if asked not in self.values:
            self.values[asked] = []
            calls = self._calls(function)
            self.values[asked] = self._handed(calls, which, shifted, place, node, turning=turning)
        return self.values[asked]

    def _handed(
        self, calls: Iterable[_Call], which: str, shifted: int, place: _Place, node: Node, *, turning: bool
    ) -> list[_Value]:
        found: list[_Value] = []
        for call in calls:
            words = call.words[shifted:]
            there = _Place(call.script, call.node, None, place.depth + 1)
            if which.isdigit():
                at = int(which) - 1
                words = words[at:] if turning else words[at : at + 1]
                if not words and place.call is not None:
                    found.append(_Value("", node, place.script))
            for word in words:
                found.extend(self._values(text(word), there, word))
        return found[:_MOST]


def _shifts(function: Node, node: Node) -> tuple[int, bool]:
    """Return how many arguments were shifted away before a node, and whether a loop goes on shifting."""
    if b"shift" not in (function.text or b""):
        return 0, False
    count, turning = 0, False
    loop = enclosing(node, _LOOPS)
    stack = [function]
    while stack:
        at = stack.pop()
        stack.extend(at.children)
        if at.type != "command" or text(at.child_by_field_name("name")) != "shift":
            continue
        if loop is not None and loop.start_byte <= at.start_byte < loop.end_byte:
            turning = True
        elif at.end_byte <= node.start_byte:
            words = at.children_by_field_name("argument")
            count += int(text(words[0])) if words and text(words[0]).isdigit() else 1
    return count, turning


def _parts(raw: str) -> list[tuple[str, str | None]]:
    """Split a word into what stands for itself and what is expanded, ``(…`` for a command; quotes fall away."""
    found: list[tuple[str, str | None]] = []
    at, quoted, here = 0, False, ""
    while at < len(raw):
        char = raw[at]
        end = at + 1
        if char == "'" and not quoted:
            end = raw.find("'", at + 1) + 1 or len(raw)
            here += raw[at + 1 : end - 1]
        elif char == '"':
            quoted = not quoted
        elif char == "\\":
            end = at + 2
            here += raw[at + 1 : end].strip("\n")
        elif char in "$`":
            inner, end = _inner(raw, at)
            if inner:
                found.extend([(here, None)] if here else [])
                found.append(("", inner))
                here = ""
            else:
                here += char
        else:
            here += char
        at = end
    return [*found, (here, None)] if here or not found else found


def _inner(raw: str, at: int) -> tuple[str, int]:
    """Return what a dollar sign expands, and where that ends."""
    if raw[at] == "`":
        end = raw.find("`", at + 1)
        return f"({raw[at + 1 : end]}", end + 1 if end > 0 else len(raw)
    opened = raw[at + 1 : at + 2]
    if opened not in {"{", "("}:
        match = re.compile(r"[A-Za-z_]\w*|\d|[@*]").match(raw, at + 1)
        return (match[0], match.end()) if match else ("", at + 1)
    closing = "}" if opened == "{" else ")"
    depth, end = 0, at + 1
    while end < len(raw):
        depth += (raw[end] == opened) - (raw[end] == closing)
        end += 1
        if not depth:
            break
    inside = raw[at + 2 : end - 1]
    return inside if opened == "{" else f"({inside}", end


def _changed(value: str, operation: str) -> str | None:
    """Return a value as ``${x^^}``, ``${x//a/b}``, ``${x%%:*}`` and the like change it; None where that is not known."""
    if operation in {"^^", ",,"}:
        return value.upper() if operation == "^^" else value.lower()
    if "$" in operation:
        return None
    if operation.startswith("/"):
        old, _, new = operation.lstrip("/").partition("/")
        plain = re.fullmatch(r"[\w\s.:-]+|\\?.", old)
        return value.replace(old[-1] if old.startswith("\\") else old, new, -1 if operation[1:2] == "/" else 1) if plain else None  # fmt: skip
    cut = next((one for one in _CUTS if operation.startswith(one)), None)
    if cut is None:
        return None
    pattern = re.compile(translate(operation[len(cut) :].replace("\\", "").strip("\"'")))
    ends = range(len(value) + 1)
    for at in ends if cut in {"#", "%%"} else reversed(ends):
        if pattern.match(value[:at] if cut[0] == "#" else value[at:]):
            return value[at:] if cut[0] == "#" else value[:at]
    return value

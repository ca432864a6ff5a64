"""Rust's macros: their arguments are bare tokens to the grammar, and are rewritten as code of the same length.

``println!("{}", var("X")?)`` becomes the call ``println ("{}", var("X")?)``: the space before the parenthesis marks a macro.
``lazy_static! { static ref … }`` becomes its items, ``macro_rules! req { ($n:expr) => {…} }`` a function with a closure for
every rule. What parses as neither is reduced to the calls in it. Tests are blanked.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from tree_sitter import Parser, Query, QueryCursor

from deployer_lib.probes.variables.languages.rust_tables import flattened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Language as Grammar
    from tree_sitter import Node

__all__ = ["opened"]

#: Macros whose tokens are another program's code, or text.
_QUOTES: Final = frozenset(
    {"quote", "quote_spanned", "parse_quote", "parse_quote_spanned", "stringify", "compile_error", "asm", "global_asm", "include",
     "include_str", "include_bytes"}
)  # fmt: skip
#: An attribute of what only tests run.
_TEST: Final = re.compile(
    rb"#!?\[\s*(?:cfg\s*\(\s*(?:test\s*\)|all\s*\((?:(?!not\s*\(\s*test).)*\btest\b)"
    rb"|(?:\w+\s*::\s*)*(?:test|rstest|test_case|wasm_bindgen_test|bench|quickcheck|proptest|googletest|gtest)\s*[\](])",
    re.DOTALL,
)
_WORDS: Final = frozenset({"identifier", "crate", "self", "super", "metavariable"})
_ITEM: Final = b"fn _()"
_DELIMITERS: Final = {b"(": b")", b"[": b"]", b"{": b"}"}
_STATEMENTS: Final = frozenset({"declaration_list", "source_file", "block", "expression_statement"})
_BLOCKS: Final = frozenset({"source_file", "declaration_list", "block"})
_VISIBLE: Final = re.compile(rb"[^\r\n]")
_STATIC_REF: Final = re.compile(rb"\bstatic(\s+)ref\b")


@lru_cache(maxsize=1)
def _parser() -> Parser:
    return Parser(_grammar())


@lru_cache(maxsize=1)
def _query() -> Query:
    attributes = "(attribute_item) @attribute (inner_attribute_item) @attribute"
    return Query(_grammar(), f"[(macro_invocation) (macro_definition)] @macro {attributes}")


def _grammar() -> Grammar:
    import tree_sitter_rust  # noqa: PLC0415  (only where there is Rust)
    from tree_sitter import Language  # noqa: PLC0415

    return Language(tree_sitter_rust.language())


def opened(source: bytes) -> bytes:
    """Return Rust code with its macros rewritten as code and its tests blanked, every byte in its place."""
    root = _parser().parse(source).root_node
    out = bytearray(source)
    captured = QueryCursor(_query()).captures(root)
    marked = {block.id: block for one in captured.get("attribute", []) if (block := one.parent) is not None}
    blanked = [span for block in marked.values() if block.type in _BLOCKS for span in _tests(block, out)]
    for node in captured.get("macro", []):
        if any(start <= node.start_byte < end for start, end in blanked):
            continue
        if node.type == "macro_definition":
            _define(node, out)
        else:
            _open(node, out)
    return bytes(out)


def _blank(out: bytearray, start: int, end: int) -> None:
    out[start:end] = _VISIBLE.sub(b" ", out[start:end])


# -- tests -----------------------------------------------------------------------------------------------------------------


def _tests(node: Node, out: bytearray) -> list[tuple[int, int]]:
    """Blank the items of a block that only tests run, and return from where to where they stand."""
    blanked: list[tuple[int, int]] = []
    start: int | None = None
    marked = False
    for child in node.named_children:
        if child.type == "inner_attribute_item" and _TEST.match(child.text or b""):
            _blank(out, node.start_byte, node.end_byte)
            return [(node.start_byte, node.end_byte)]
        if child.type == "attribute_item":
            start = child.start_byte if start is None else start
            marked = marked or _TEST.match(child.text or b"") is not None
        elif child.type not in {"line_comment", "block_comment"}:
            if marked and start is not None:
                _blank(out, start, child.end_byte)
                blanked.append((start, child.end_byte))
            start, marked = None, False
    return blanked


# -- uses of macros --------------------------------------------------------------------------------------------------------


def _open(node: Node, out: bytearray) -> None:
    """Rewrite the use of a macro as a call, as the items in it, or as a block of the calls in it."""
    name, tokens = node.child_by_field_name("macro"), node.named_children[-1]
    if name is None or tokens.type != "token_tree" or _last(name) in _QUOTES:
        return
    for inner in _inner_uses(tokens):
        _open_tokens(*inner, out)
    start = node.start_byte
    as_item = node.parent is not None and node.parent.type in {"declaration_list", "source_file"}
    if _as_table(node, name.end_byte, tokens, out):
        return
    _as_code(start, name.end_byte, tokens, out, as_item=as_item)


def _as_table(node: Node, named: int, tokens: Node, out: bytearray) -> bool:
    """Rewrite a macro's use as a call where it is handed a table that is no list of arguments, and tell whether it was."""
    begin, end = tokens.start_byte, tokens.end_byte
    inside = bytes(out[begin + 1 : end - 1])
    if out[begin : begin + 1] != b"{" and _parses(b"fn f() { m(", inside, b"); }"):
        return False
    values = flattened(tokens, inside)
    if values is None:
        return False
    out[begin + 1 : end - 1] = values
    _blank(out, named, begin)
    out[begin : begin + 1], out[end - 1 : end] = b"(", b")"
    # A call needs the semicolon that a statement in braces does without; where no byte is free, the parser adds it.
    stands_alone = node.parent is not None and node.parent.type in _STATEMENTS
    if stands_alone and values[-1:] in {b" ", b"\t"} and out[end : end + 1] != b";":
        out[end - 2 : end] = b");"
    _ensure_gap(out, named, begin)
    return True


def _last(name: Node) -> str:
    return (name.text or b"").decode("utf-8", "replace").rpartition("::")[2].strip()


def _inner_uses(tokens: Node) -> Iterator[tuple[Node, Node, Node]]:
    """Yield name's first word, its last and the tokens of macros that stand among another's tokens, the innermost first."""
    children = tokens.children
    for index, child in enumerate(children):
        if child.type != "token_tree":
            continue
        used = index > 1 and children[index - 1].type == "!" and children[index - 2].type in _WORDS
        if used and (children[index - 2].text or b"").decode() in _QUOTES:
            continue
        yield from _inner_uses(child)
        if used:
            first = index - 2
            while first > 1 and children[first - 1].type == "::" and children[first - 2].type in _WORDS:
                first -= 2
            yield children[first], children[index - 2], child


def _open_tokens(first: Node, last: Node, tokens: Node, out: bytearray) -> None:
    _as_code(first.start_byte, last.end_byte, tokens, out, as_item=False)


def _as_code(start: int, named: int, tokens: Node, out: bytearray, *, as_item: bool) -> None:
    begin, end = tokens.start_byte, tokens.end_byte
    inside = bytes(out[begin + 1 : end - 1])
    braces = out[begin : begin + 1] == b"{"
    if as_item and _parses(b"mod m {", _plain_statics(inside), b"}"):
        _blank(out, start, begin + 1)
        out[begin + 1 : end - 1] = _plain_statics(inside)
        _blank(out, end - 1, end)
        return
    if not braces and _parses(b"fn f() { m(", inside, b"); }"):
        _blank(out, named, begin)
        out[begin : begin + 1], out[end - 1 : end] = b"(", b")"
        _ensure_gap(out, named, begin)
    else:
        if not _parses(b"fn f() {", _plain_statics(inside), b"}"):
            _reduce(tokens, out)
        else:
            out[begin + 1 : end - 1] = _plain_statics(inside)
        _blank(out, start, begin)
        out[begin : begin + 1], out[end - 1 : end] = b"{", b"}"
        if as_item and begin - start >= len(_ITEM):
            out[start : start + len(_ITEM)] = _ITEM
    if as_item and out[end : end + 1] == b";":
        _blank(out, end, end + 1)


def _ensure_gap(out: bytearray, named: int, begin: int) -> None:
    """Leave the space that tells a macro from a function: where ``!`` stood."""
    if begin > named:
        out[named] = 0x20


def _plain_statics(code: bytes) -> bytes:
    return _STATIC_REF.sub(lambda found: b"static" + found[1] + b"   ", code)


def _parses(before: bytes, code: bytes, after: bytes) -> bool:
    return not _parser().parse(before + code + after).root_node.has_error


def _reduce(tokens: Node, out: bytearray) -> None:
    """Blank everything among tokens but the calls and blocks in them, as statements."""
    children = tokens.children[1:-1]
    kept: list[tuple[int, int, bool]] = []  # start, end, whether a semicolon belongs behind
    index = 0
    while index < len(children):
        child = children[index]
        if child.type == "token_tree":
            _statements(child, out)
            kept.append((child.start_byte, child.end_byte, False))
            index += 1
            continue
        after = _chain(children, index)
        if after is None:
            index += 1
            continue
        start, end = child.start_byte, children[after - 1].end_byte
        if _parses(b"fn f() {", bytes(out[start:end]), b"; }"):
            kept.append((start, end, True))
        else:
            for one in children[index:after]:
                if one.type == "token_tree":
                    _statements(one, out)
                    kept.append((one.start_byte, one.end_byte, False))
        index = after
    _keep(tokens, kept, out)


def _keep(tokens: Node, kept: list[tuple[int, int, bool]], out: bytearray) -> None:
    here, last = tokens.start_byte + 1, tokens.end_byte - 1
    for start, end, semicolon in kept:
        _blank(out, here, start)
        here = end
        if semicolon and end < last:
            out[end : end + 1] = b";"
            here = end + 1
    _blank(out, here, last)


def _statements(tokens: Node, out: bytearray) -> None:
    """Make a block of a group of tokens."""
    begin, end = tokens.start_byte, tokens.end_byte
    if out[begin : begin + 1] != b"{" or not _parses(b"fn f() {", bytes(out[begin + 1 : end - 1]), b"}"):
        _reduce(tokens, out)
    out[begin : begin + 1], out[end - 1 : end] = b"{", b"}"


def _chain(children: list[Node], index: int) -> int | None:
    """Return where a call and the methods after it end: ``env::var("X").ok()?``; None where none begins."""
    if children[index].type not in _WORDS:
        return None
    here, called = index + 1, False
    while here < len(children):
        kind = children[here].type
        following = children[here + 1].type if here + 1 < len(children) else ""
        if kind in {"::", "."} and (following in _WORDS or following in {"await", "integer_literal"}):
            here += 2
        elif kind == "::" and following == "<":
            closing = next((i for i in range(here, len(children)) if children[i].type in {">", ">>"}), None)
            if closing is None:
                break
            here = closing + 1
        elif kind == "token_tree" and (children[here].text or b"")[:1] == b"(":
            here, called = here + 1, True
        elif (kind == "!" and following == "token_tree") or kind == "?":
            here += 1
        else:
            break
    return here if called else None


# -- definitions of macros -------------------------------------------------------------------------------------------------


def _define(node: Node, out: bytearray) -> None:
    """Rewrite a macro's definition as a function with a closure for every rule."""
    name = node.child_by_field_name("name")
    rules = [child for child in node.named_children if child.type == "macro_rule"]
    opening = next((child for child in node.children if child.type in _DELIMITERS_TYPES), None)
    if name is None or opening is None or not rules:
        return
    start, end = node.start_byte, node.end_byte
    kept = [(rule, _rule(rule, bytes(out[rule.start_byte : rule.end_byte]))) for rule in rules]
    head = b"default fn " + (name.text or b"") + b"()"
    if len(head) > opening.start_byte - start:
        return
    _blank(out, start, end)
    out[start : start + len(head)] = head
    out[opening.start_byte : opening.start_byte + 1] = b"{"
    closing = max(child.start_byte for child in node.children if child.type in {"}", ")", "]"})
    out[closing : closing + 1] = b"}"
    for rule, code in kept:
        if code is not None:
            out[rule.start_byte : rule.end_byte] = code
            if rule.end_byte < closing:
                out[rule.end_byte : rule.end_byte + 1] = b";"


_DELIMITERS_TYPES: Final = frozenset({"{", "(", "["})


def _rule(rule: Node, code: bytes) -> bytes | None:
    """Return a rule as a closure of the same length: ``| n: expr|  { var( n).unwrap() }``.

    What a rule repeats is given as a reference, ``|&_n|``, and stands there once; where that is no code, it is left out.
    """
    left, right = rule.child_by_field_name("left"), rule.child_by_field_name("right")
    if left is None or right is None:
        return None
    repeated = _repeated(left)
    for names in (repeated, frozenset[bytes]()) if repeated else (repeated,):
        out = _closure(rule, left, right, code, names)
        if _parses(b"fn f() {", out, b"}"):
            return out
    return None


def _closure(rule: Node, left: Node, right: Node, code: bytes, repeated: frozenset[bytes]) -> bytes:
    base = rule.start_byte
    out = bytearray(code)
    _blank(out, 0, right.start_byte - base)
    out[0:1] = b"|"
    bound = [name for name in _bound(left) if name.text is not None]
    for index, name in enumerate(bound):
        written = name.text or b""
        out[name.start_byte - base : name.end_byte - base] = b"_" + written[1:]
        if written in repeated:
            out[name.start_byte - base - 1 : name.start_byte - base] = b"&"
        if index + 1 < len(bound):
            out[name.end_byte - base : name.end_byte - base + 1] = b","
    out[left.end_byte - base - 1 : left.end_byte - base] = b"|"
    for child in _all(right):
        if child.type == "metavariable":
            out[child.start_byte - base : child.start_byte - base + 1] = b"_"
        elif child.type == "token_repetition":
            _once(child, base, repeated, out)
    body_start, body_end = right.start_byte - base, right.end_byte - base
    opened_body = _opened_body(bytes(out[body_start + 1 : body_end - 1]))
    out[body_start + 1 : body_end - 1] = opened_body
    out[body_start : body_start + 1], out[body_end - 1 : body_end] = b"{", b"}"
    return bytes(out)


def _bound(left: Node) -> list[Node]:
    """Return the names that a rule's pattern binds."""
    names = [
        found.child_by_field_name("name") for found in _all(left) if found.type == "token_binding_pattern"
    ]
    return [name for name in names if name is not None]


def _repeated(left: Node) -> frozenset[bytes]:
    """Return the names at a pattern's end that are bound again and again; none where words stand between them."""
    loops = [
        child
        for child in _all(left)
        if child.type == "token_repetition_pattern"
        and _bound(child)
        and not (child.text or b"").endswith(b"?")
    ]
    if len(loops) != 1 or any(c.type not in _REPEATED and c.is_named for c in loops[0].children):
        return frozenset()
    names = [name.text or b"" for name in _bound(loops[0])]
    every = [name.text or b"" for name in _bound(left)]
    return frozenset(names) if every[-len(names) :] == names else frozenset()


_REPEATED: Final = frozenset({"token_binding_pattern", "line_comment", "block_comment"})


def _once(repetition: Node, base: int, repeated: frozenset[bytes], out: bytearray) -> None:
    """Leave what is repeated once, where it is of what the pattern repeats; else nothing of it."""
    start, end = repetition.start_byte - base, repetition.end_byte - base
    closing = [child for child in repetition.children if child.type == ")"]
    used = {child.text for child in _all(repetition) if child.type == "metavariable"}
    if closing and used & repeated:
        _blank(out, start, start + 2)
        _blank(out, closing[-1].start_byte - base, end)
    else:
        _blank(out, start, end)


def _opened_body(code: bytes) -> bytes:
    before = b"fn f() {"
    changed = opened(before + code + b"}")
    return changed[len(before) : -1]


def _all(node: Node) -> Iterator[Node]:
    stack = [node]
    while stack:
        here = stack.pop()
        yield here
        stack.extend(reversed(here.children))

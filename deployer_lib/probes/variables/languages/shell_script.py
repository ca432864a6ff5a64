"""What a shell script's tree holds: expansions, what is assigned where, functions, and what is sourced."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.languages.placeholders import placeholders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tree_sitter import Node

__all__ = [
    "Expansion",
    "Script",
    "Write",
    "enclosing",
    "is_own",
    "is_tentative",
    "literal",
    "parse_script",
    "text",
]

#: Set by the shell or the log-in for every script.
_OWN: Final = frozenset(
    """
    PATH HOME PWD OLDPWD IFS RANDOM SRANDOM SECONDS LINENO FUNCNAME FUNCNEST HOSTNAME HOSTTYPE MACHTYPE OSTYPE UID EUID
    PPID SHLVL OPTARG OPTIND OPTERR REPLY PIPESTATUS PS0 PS1 PS2 PS3 PS4 PROMPT_COMMAND EPOCHSECONDS EPOCHREALTIME
    COLUMNS LINES TERM SHELL USER LOGNAME SHELLOPTS BASH BASHOPTS BASHPID DIRSTACK GROUPS TIMEFORMAT
    MAPFILE COPROC CDPATH HISTFILE HISTSIZE HISTCONTROL HISTFILESIZE ZDOTDIR KSH_VERSION RANDOM argv status pipestatus
    """.split()  # noqa: SIM905  (a table of words reads best as one)
)
_OWN_PREFIXES: Final = ("BASH_", "LC_", "COMP_", "READLINE_", "ZSH_", "FUNC_")
_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_ASSIGNED: Final = re.compile(r"""^["']?([A-Za-z_]\w*)\+?=""")
#: Lower-case names that are set from outside all the same: proxies, npm's settings, the answers that Synology's package wizards ask for.
_LOWER: Final = re.compile(r"(https?|ftp|no|all)_proxy|npm_\w+|pkgwizard_\w+")
#: Operators that say themselves what happens where the name is unset.
_OUTSIDE: Final = frozenset({":-", "-", ":=", "=", ":?", "?"})
_OPERATORS: Final = _OUTSIDE | {":+", "+"}
_TESTS: Final = frozenset({"-v", "-R"})
#: Commands that assign the names among their words → how many of the first words are none.
_READERS: Final = {"read": 0, "mapfile": 0, "readarray": 0, "getopts": 1, "vared": 0}
#: Their options that take a value, and those whose value is a name.
_VALUED: Final = {
    "read": "dinNptu",
    "mapfile": "dnOsuCc",
    "readarray": "dnOsuCc",
    "getopts": "",
    "vared": "pr",
}
_SCOPES: Final = frozenset({"local", "declare", "typeset", "integer", "float"})
#: Commands that assign a name → the option whose value it is; none where it stands before an equals sign.
_SETTERS: Final = {"printf": "-v", "wait": "-p", "let": "", "eval": "", "export": ""}
_BRANCHES: Final = frozenset({"if_statement", "elif_clause", "list"})
_ARITHMETIC: Final = frozenset(
    {
        "arithmetic_expansion",
        "binary_expression",
        "compound_statement",
        "parenthesized_expression",
        "postfix_expression",
        "ternary_expression",
        "unary_expression",
    }
)
#: A name, or what is made of names that hold one: ${var}_FILE.
_MADE: Final = r"(?:\w|\$\w+|\$\{\w+[^\w\s{}]*\})+"
_GREPPED: Final = re.compile(rf"""^["']?\^({_MADE})=""")
#: eval "x=\${$name:-}": what is expanded when the words are read a second time.
_AGAIN: Final = re.compile(rf"\\\$(?:\\?\{{)?({_MADE})(?:(:?[-?=+])([^}}\"'\\]*))?")
#: What these files of a system set, as os-release(5) and lsb_release have it.
_RELEASES: Final = re.compile(r"/(?:os|lsb)-release[\"']?$")
_RELEASE: Final = """
    ID ID_LIKE NAME PRETTY_NAME CPE_NAME VARIANT VARIANT_ID VERSION VERSION_ID VERSION_CODENAME BUILD_ID IMAGE_ID IMAGE_VERSION
    RELEASE_TYPE HOME_URL DOCUMENTATION_URL SUPPORT_URL BUG_REPORT_URL PRIVACY_POLICY_URL SUPPORT_END LOGO ANSI_COLOR VENDOR_NAME
    VENDOR_URL DEFAULT_HOSTNAME ARCHITECTURE PLATFORM_ID UBUNTU_CODENAME DEBIAN_CODENAME DISTRIB_ID DISTRIB_RELEASE
    DISTRIB_CODENAME DISTRIB_DESCRIPTION
    """.split()  # noqa: SIM905  (a table of words reads best as one)
_LISTED: Final = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_ASSIGNING: Final = re.compile(r"^(?:[-+*/%&|^]|<<|>>)?=$")


@dataclass(frozen=True, slots=True)
class Expansion:
    """One place where a name's value is asked for."""

    name: str  # where it is indirect, the word that comes to the name: ``${x}_FILE``
    node: Node
    operator: str  # ``:-``, ``:?``, ``#`` before a name for its length; empty where there is none
    word: str | None  # what stands after a fallback's operator, without its quotes
    idiom: str
    indirect: bool = False
    inside: int = 0  # its first byte counted from its node's, where the tree has no node of its own for it

    @property
    def start(self) -> int:
        """Return its first byte."""
        return self.node.start_byte + self.inside

    @property
    def place(self) -> tuple[int, int]:
        """Return its line and its byte in the line, both from 0."""
        row, column = self.node.start_point
        before = (self.node.text or b"")[: self.inside]
        lines = before.count(b"\n")
        return row + lines, self.inside - before.rfind(b"\n") - 1 if lines else column + self.inside

    @property
    def length(self) -> bool:
        """Tell whether it is the value's length that is asked for."""
        return self.operator == "#"


@dataclass(frozen=True, slots=True)
class Write:
    """One place where a name gets a value, or is declared without."""

    name: str
    node: Node
    kind: str  # "=", "+=", "read", "loop", "declare", "source"
    value: Node | None = None
    local: bool = False


@dataclass(slots=True)
class Script:
    """A script, read once."""

    root: Node
    path: str = ""  # relative to the project
    expansions: list[Expansion] = field(default_factory=list)
    inner: dict[str, list[Expansion]] = field(
        default_factory=dict
    )  # of small names, which are the script's own
    writes: dict[str, list[Write]] = field(default_factory=dict)
    functions: dict[str, Node] = field(default_factory=dict)
    sourced: list[tuple[int, str]] = field(default_factory=list)  # (byte, path as it is written)
    nounset: list[tuple[int, bool]] = field(default_factory=list)  # (byte, on or off)
    branches: list[Node] = field(default_factory=list)  # if statements, elif clauses and lists
    calls: dict[str, list[Node]] = field(default_factory=dict)  # a command's name → where it is run


def text(node: Node | None) -> str:
    """Return a node's source text, empty for None."""
    return (node.text or b"").decode("utf-8", "replace") if node is not None else ""


def enclosing(node: Node, kinds: frozenset[str]) -> Node | None:
    """Return the innermost node of some kinds that a node stands in."""
    above = node.parent
    while above is not None and above.type not in kinds:
        above = above.parent
    return above


def is_own(name: str) -> bool:
    """Tell whether the shell itself, or the log-in, sets a name."""
    return name in _OWN or name.startswith(_OWN_PREFIXES) or _NAME.fullmatch(name) is None or name == "_"


def literal(node: Node | None) -> str | None:
    """Return what a word stands for, without its quotes; None where something is expanded in it."""
    if node is None:
        return ""
    raw = text(node)
    if node.type == "raw_string":
        return raw[1:-1]
    if "$" in raw or "`" in raw:
        return None
    return raw[1:-1] if node.type == "string" else raw.replace('"', "").replace("'", "").replace("\\", "")


def is_tentative(write: Write) -> bool:
    """Tell whether an assignment leaves alone what a name has already: ``X=${X:-d}``, ``[ -z "$X" ] && X=d``."""
    own = re.compile(rf"\$\{{?[!#]?{re.escape(write.name)}\b")
    if own.search(text(write.value)):
        return True
    at, above = write.node, write.node.parent
    while above is not None and above.type != "function_definition":
        if (
            above.type in _BRANCHES
            and above.named_children[0] != at
            and own.search(text(above.named_children[0]))
        ):
            return True
        at, above = above, above.parent
    return False


def parse_script(source: bytes, path: str = "") -> Script:
    """Return what a script holds; a tree with errors is used as far as it goes.

    Args:
        source: its text.
        path: its file, relative to the project.
    """
    import tree_sitter_bash  # noqa: PLC0415  (only where there is a shell script)
    from tree_sitter import Language, Parser  # noqa: PLC0415

    tree = Parser(Language(tree_sitter_bash.language())).parse(source)
    script = Script(tree.root_node, path)
    first = source.split(b"\n", 1)[0]
    if first.startswith(b"#!") and re.search(rb"\s-[a-z]*u", first):
        script.nounset.append((0, True))
    for node in _nodes(tree.root_node):
        _note(script, node)
    return script


def _nodes(root: Node) -> Iterator[Node]:
    """Yield every node in the order of the text, without recursion: lists nest deep."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.children))


def _note(script: Script, node: Node) -> None:
    kind = node.type
    if kind in _BRANCHES:
        script.branches.append(node)
    elif (note := _NOTED.get(kind)) is not None:
        note(script, node)


def _simple(script: Script, node: Node) -> None:
    # Inside a string the tree counts the blanks before an expansion as its own.
    blanks, _, name = text(node).partition("$")
    _add(script, Expansion(name, node, "", None, "$X", inside=len(blanks)))


def _looped(script: Script, node: Node) -> None:
    variable = node.child_by_field_name("variable")
    if variable is not None:
        _write(script, Write(text(variable), variable, "loop"))


def _heredoc(script: Script, node: Node) -> None:
    """Note what a here document expands, where its tree shows nothing: one that begins with an expansion has no parts."""
    start = node.prev_named_sibling
    while start is not None and start.type != "heredoc_start":
        start = start.prev_named_sibling
    known = {"simple_expansion", "expansion", "command_substitution"}
    if re.search(r"[\"'\\]", text(start)) or any(child.type in known for child in node.named_children):
        return
    for one in placeholders(text(node), escape="\\$"):
        inside = len(text(node)[: one.at].encode())
        _add(script, Expansion(one.name, node, one.operator, one.default, one.idiom, inside=inside))


def _function(script: Script, node: Node) -> None:
    script.functions[text(node.child_by_field_name("name"))] = node


def _tested(script: Script, node: Node) -> None:
    """Note ``-v X``, which asks for a name as it stands."""
    named = node.next_named_sibling if text(node) in _TESTS else None
    if named is not None:
        _by_name(script, named, text(named).strip("\"'"), "-v X", "+")


def _by_name(
    script: Script, node: Node, made: str, idiom: str, operator: str = "", word: str | None = None
) -> None:
    """Note a variable that is asked for by its name, which may be made of what others hold."""
    if "$" in made:
        script.expansions.append(Expansion(made, node, operator, word, idiom, indirect=True))
    elif _NAME.fullmatch(made) and not is_own(made):
        script.expansions.append(Expansion(made, node, operator, word, idiom))


def _add(script: Script, expansion: Expansion) -> None:
    name = expansion.name
    if is_own(name) and not expansion.indirect:
        return
    # By convention what comes from outside is in capitals; a small name without fallback is the script's own.
    outside = expansion.operator in _OUTSIDE or expansion.indirect or _LOWER.fullmatch(name)
    if outside or name == name.upper():
        script.expansions.append(expansion)
    else:
        script.inner.setdefault(name, []).append(expansion)


def _write(script: Script, write: Write) -> None:
    script.writes.setdefault(write.name, []).append(write)


def _expanded(script: Script, node: Node) -> None:
    """Note ``${…}``: tree-sitter-bash gives its parts as children without names."""
    parts = node.children[1:]
    inside = text(node).find("$")
    before = ""
    while parts and not parts[0].is_named:
        before += text(parts.pop(0))
    if not parts or parts[0].type not in {"variable_name", "subscript", "word"}:
        if before == "!":
            script.expansions.append(Expansion("", node, "", None, "${!…}", indirect=True))
        return
    if parts[0].type == "subscript":
        return  # an array: the environment has none
    name = text(parts[0])
    operator = text(parts[1]) if len(parts) > 1 and not parts[1].is_named else ""
    if operator not in _OPERATORS:
        if before == "!" and operator in {"@", "*"}:
            return  # the names that begin so
        word, idiom, operator = None, "${X}", "#" if before == "#" else ""
    else:
        word, idiom = _unquoted(node, parts[1].end_byte), f"${{X{operator}…}}"
    indirect = before == "!"
    made = f"${{{name}}}" if indirect else name
    _add(script, Expansion(made, node, operator, word, idiom, indirect=indirect, inside=inside))


def _unquoted(node: Node, start: int) -> str:
    raw = (node.text or b"")[start - node.start_byte : -1].decode("utf-8", "replace").strip()
    if len(raw) > 1 and raw[0] == raw[-1] and raw[0] in "\"'" and raw[0] not in raw[1:-1]:
        return raw[1:-1]
    return raw


def _arithmetic(script: Script, node: Node) -> None:
    """Note a bare name in ``(( … ))``, which is read there, or assigned."""
    parent = node.parent
    if parent is None or parent.type not in _ARITHMETIC:
        return
    operator = parent.child_by_field_name("operator") or node.next_sibling
    left = parent.named_children[0] == node if parent.named_children else False
    if left and operator is not None and (_ASSIGNING.match(text(operator)) or text(operator) in {"++", "--"}):
        _write(script, Write(text(node), parent, "="))
    elif _inside_arithmetic(node):
        _add(script, Expansion(text(node), node, "", None, "$((X))"))


def _inside_arithmetic(node: Node) -> bool:
    above = node.parent
    while above is not None and above.type in _ARITHMETIC:
        if above.type == "arithmetic_expansion" or (above.children and text(above.children[0]) == "(("):
            return True
        above = above.parent
    return False


def _assigned(script: Script, node: Node) -> None:
    parent = node.parent
    if parent is not None and parent.type == "command":
        return  # X=1 command: for that command alone
    name = text(node.child_by_field_name("name")).partition("[")[0]
    kind = "+=" if any(text(child) == "+=" for child in node.children) else "="
    local = parent is not None and parent.type == "declaration_command" and _is_local(parent)
    _write(script, Write(name, node, kind, node.child_by_field_name("value"), local))


def _is_local(node: Node) -> bool:
    words = text(node).split(maxsplit=2)
    if words[0] not in _SCOPES or (len(words) > 1 and words[1].startswith("-") and "g" in words[1]):
        return False
    above = node.parent
    while above is not None and above.type != "function_definition":
        above = above.parent
    return above is not None


def _declared(script: Script, node: Node) -> None:
    declares = text(node.children[0]) in _SCOPES
    for child in node.named_children:
        if child.type == "variable_name" and declares:
            _write(script, Write(text(child), child, "declare", local=_is_local(node)))
        elif child.type in {"string", "word", "concatenation", "raw_string"} and (
            match := _ASSIGNED.match(text(child))
        ):
            _write(script, Write(match[1], child, "=", local=declares and _is_local(node)))


def _command(script: Script, node: Node) -> None:
    words = [child for child in node.children_by_field_name("argument") if child.type != "comment"]
    name = text(node.child_by_field_name("name")).lstrip("\\")
    while name in {"command", "builtin"} and words:
        name = text(words.pop(0))
    script.calls.setdefault(name, []).append(node)
    if name in {"source", "."}:
        script.sourced.extend((node.end_byte, text(word)) for word in words[:1])
        if words and _RELEASES.search(text(words[0])):
            for released in _RELEASE:
                _write(script, Write(released, node, "source"))
    elif name == "set":
        _options(script, node, words)
    elif name in _READERS:
        for word in _read_names(name, words):
            _write(script, Write(text(word).strip("\"'"), node, "read"))
    elif name in _SETTERS:
        _set_by(script, node, name, words)
    else:
        _looked_up(script, node, name, words)


def _set_by(script: Script, node: Node, name: str, words: list[Node]) -> None:
    """Note what commands assign that are no assignments by their look."""
    for flag, word in pairwise(words):
        if _SETTERS[name] == text(flag):
            _write(script, Write(text(word).strip("\"'"), node, "="))
    for again in _AGAIN.finditer(text(node)) if name == "eval" else ():
        if "$" in again[1]:
            _by_name(script, node, again[1], "eval $X", again[2] or "", again[3])
    for word in words if not _SETTERS[name] else ():
        if match := _ASSIGNED.match(text(word).strip("\"'").removeprefix("export ")):
            _write(script, Write(match[1], node, "="))


def _options(script: Script, node: Node, words: list[Node]) -> None:
    given = [text(word) for word in words]
    for index, word in enumerate(given):
        if re.fullmatch(r"[-+][A-Za-z]*u[A-Za-z]*", word):
            script.nounset.append((node.end_byte, word.startswith("-")))
        elif word == "nounset" and index and given[index - 1][-1:] == "o":
            script.nounset.append((node.end_byte, given[index - 1].startswith("-")))


def _read_names(command: str, words: list[Node]) -> Iterator[Node]:
    skip = False
    named = 0
    for word in words:
        raw = text(word)
        if skip:
            skip = False
        elif raw.startswith("-") and len(raw) > 1:
            skip = raw[-1] in _VALUED[command]  # -p prompt; in -p"prompt" the value follows at once
        elif _NAME.fullmatch(raw.strip("\"'")):
            if named >= _READERS[command]:
                yield word
            named += 1
        else:
            named += 1


def _looked_up(script: Script, node: Node, name: str, words: list[Node]) -> None:
    """Note the programs that are asked for a variable by its name."""
    given = [word for word in words if not text(word).startswith("-")]
    if name == "printenv":
        for word in given:
            _by_name(script, node, text(word).strip("\"'"), "printenv X")
    elif name == "envsubst" and given and given[0].type == "raw_string":
        for match in _LISTED.finditer(text(given[0])):
            _add(script, Expansion(match[1] or match[2], node, "", None, "envsubst"))
    elif name in {"grep", "egrep"} and given and _lists_names(node):
        for grepped in _GREPPED.finditer(text(given[0])):
            _by_name(script, node, grepped[1], "env | grep ^X=")


def _lists_names(node: Node) -> bool:
    pipeline = node.parent
    while pipeline is not None and pipeline.type == "redirected_statement":
        pipeline = pipeline.parent
    if pipeline is None or pipeline.type != "pipeline":
        return False
    return re.match(r"(!\s*)?(env|printenv|export|set)\b", text(pipeline)) is not None


#: A node's kind → what notes it.
_NOTED: Final[dict[str, Callable[[Script, Node], None]]] = {
    "simple_expansion": _simple,
    "expansion": _expanded,
    "variable_name": _arithmetic,
    "variable_assignment": _assigned,
    "for_statement": _looped,
    "declaration_command": _declared,
    "command": _command,
    "function_definition": _function,
    "heredoc_body": _heredoc,
    "test_operator": _tested,
}

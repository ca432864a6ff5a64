"""Flags of Go programs that a variable stands in for: urfave/cli, kingpin, ff, namsral/flag."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import Read, text
from deployer_lib.probes.variables.flow.nodes import descend
from deployer_lib.probes.variables.flow.texts import keys_of, literal_of, plain
from deployer_lib.probes.variables.languages.go_syntax import inner, sibling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Call
    from deployer_lib.probes.variables.flow.program import Program, SourceFile
    from deployer_lib.probes.variables.model import Need

__all__ = ["Flags", "default_of", "flag_of"]

_CLI: Final = re.compile(r"(?:^|/)cli(?:\.v\d+)?(?:/v\d+)?$")
_CLI_KEYS: Final = frozenset({"EnvVars", "EnvVar", "Sources"})
_SOURCES: Final = frozenset({"EnvVars", "EnvVar"})
_PREFIXED: Final = ("WithEnvVarPrefix", "NewFlagSetWithEnvPrefix")  # of ff and namsral/flag
_UNPREFIXED: Final = frozenset({"WithEnvVarNoPrefix", "WithEnvVars"})
#: What defines a flag: String("name", default, usage), StringVar(&x, "name", …), StringP("name", "n", …) of pflag.
_FLAG: Final = re.compile(
    r"^(?:String|Bool|Duration|Int|Uint|Float|IP|Count|Bytes|Text)(?:8|16|32|64)?(?:Slice|Array|ToString|ToInt|Mask|Net)?(Var)?(P)?$"
)


@dataclass(frozen=True, slots=True)
class _Prefix:
    """Where flags of a folder have variables, and how these begin."""

    folder: str
    prefix: str


class Flags:
    """The flags of a program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._prefixes = list(self._found())
        self._folders = {one.folder: one.prefix for one in self._prefixes}

    def files(self) -> set[str]:
        """Return the files that may define flags with variables."""
        return {path for path in self.program.paths if (path.rpartition("/")[0] or ".") in self._folders}

    # -- urfave/cli ------------------------------------------------------------------------------------------------------

    def keyed(self, node: Node, file: SourceFile) -> Iterator[Read]:
        """Find ``EnvVars: []string{"X"}`` and ``Sources: cli.EnvVars("X")`` of urfave/cli, versions 1 to 3."""
        parts = [inner(child) for child in node.named_children]
        if len(parts) < 2 or text(parts[0]) not in _CLI_KEYS or not self._is_cli(node, file):  # noqa: PLR2004  (a key and a value)
            return
        required = sibling(node, "Required")
        must = required is not None and text(required) == "true"
        need: Need = "required" if must else "optional"
        default = None if must else sibling(node, "Value")
        for name in self._names(text(parts[0]), parts[-1], file):
            yield Read(name, node, "cli EnvVars", need, default=default, final=True)

    def _is_cli(self, node: Node, file: SourceFile) -> bool:
        """Tell whether a literal is of a flag: of a package that is called cli, or an own type in a file that uses it."""
        here = node.parent
        while here is not None and here.type in {"literal_value", "literal_element", "keyed_element"}:
            here = here.parent
        kind = text(here.child_by_field_name("type")) if here is not None else ""
        brought = file.imports.get(kind.partition(".")[0])
        return brought is not None and _CLI.search(brought.module) is not None

    def _names(self, key: str, value: Node, file: SourceFile) -> list[Node | str]:
        language = self.program.language
        if key == "EnvVar":  # of version 1, where several stand in one text
            known = [name for one in keys_of(self.program, file, value) if (name := plain(one)) is not None]
            return [name.strip() for one in known for name in one.split(",")] or [value]
        if key == "Sources":
            calls = [call for one in descend(value) if (call := language.call(one)) is not None]
            found = [a.value for call in calls if call.name in _SOURCES for a in call.arguments]
            return [*found] or [value]
        return [*(language.items(value) or [value])]

    # -- calls -----------------------------------------------------------------------------------------------------------

    def called(self, call: Call, file: SourceFile) -> Iterator[Read]:
        """Yield the reads of a flag that a call defines."""
        if call.name in {"Envar", "OverrideDefaultFromEnvar", "SetEnvar"}:
            yield from self._kingpin(call)
        elif file.folder in self._folders and (found := flag_of(call)) is not None:
            name, default = found
            prefix = self._folders[file.folder]
            yield Read(
                name,
                call.node,
                "flag",
                "default",
                default=default,
                final=True,
                change=lambda key: _upper(prefix, key),
            )

    def _kingpin(self, call: Call) -> Iterator[Read]:
        key = call.positional(0)
        if key is None or len(call.arguments) != 1:
            return
        chain = list(self._chain(call.node))
        default = next((c.positional(0) for c in chain if c.name == "Default"), None)
        must = any(c.name == "Required" for c in chain) and default is None
        yield Read(
            key, call.node, "kingpin Envar()", "required" if must else "optional", default=default, final=True
        )

    def _chain(self, node: Node) -> Iterator[Call]:
        """Yield the calls of a chain: those that a call is made on, and those made on it."""
        language = self.program.language
        below = language.receiver(node)
        while below is not None and (call := language.call(below)) is not None:
            yield call
            below = language.receiver(below)
        above = node.parent
        while above is not None and above.type in {"selector_expression", "call_expression"}:
            if (call := language.call(above)) is not None:
                yield call
            above = above.parent

    # -- prefixes --------------------------------------------------------------------------------------------------------

    def _found(self) -> Iterator[_Prefix]:
        """Find ``ff.Parse(fs, args, ff.WithEnvVarPrefix("APP"))``: every flag of its package has a variable."""
        for path in self.program.holding(b"WithEnvVar", b"namsral/flag"):
            file = self.program.file(path)
            if any(brought.module == "github.com/namsral/flag" for brought in file.imports.values()):
                yield _Prefix(file.folder, "")
            for call in file.calls:
                if call.name in _PREFIXED and (keys := keys_of(self.program, file, call.positional(0))):
                    yield _Prefix(file.folder, plain(keys[0]) or "")
                elif call.name in _UNPREFIXED:
                    yield _Prefix(file.folder, "")


def flag_of(call: Call) -> tuple[Node, Node | None] | None:
    """Return the name and the default of the flag that a call defines, None where it defines none."""
    found = _FLAG.match(call.name)
    if found is None or not call.owner:
        return None
    at = 1 if found[1] else 0
    name, default = call.positional(at), call.positional(at + (2 if found[2] else 1))
    needed = at + (3 if found[2] else 2)
    return None if name is None or len(call.arguments) < needed else (name, default)


def default_of(program: Program, file: SourceFile, call: Call) -> str | None:
    """Return the default of a flag as text."""
    found = flag_of(call)
    return literal_of(program, file, found[1]) if found is not None else None


def _upper(prefix: str, key: str) -> str:
    name = re.sub(r"[-./]", "_", key).upper()
    return f"{prefix}_{name}" if prefix else name

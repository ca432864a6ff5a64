"""How C# reads the environment: its own methods, dictionaries of it, IConfiguration, DotNetEnv."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import Language, Read, text
from deployer_lib.probes.variables.flow.texts import keys_of, plain
from deployer_lib.probes.variables.languages.csharp_configuration import Configuration
from deployer_lib.probes.variables.languages.csharp_syntax import arguments, dotted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Call
    from deployer_lib.probes.variables.flow.program import Program, SourceFile
    from deployer_lib.probes.variables.model import Need

__all__ = ["Reads", "resolved"]

_ENVIRONMENT: Final = "GetEnvironmentVariable"
_ALL: Final = "GetEnvironmentVariables"
_ALL_IDIOM: Final = "Environment.GetEnvironmentVariables()"
_EXPAND: Final = "ExpandEnvironmentVariables"
_EXPANDED: Final = re.compile(r"%([A-Za-z_][A-Za-z0-9_]*)%")
_KINDS: Final = ("String", "Int", "Boolean", "Double", "Decimal")
#: Methods of DotNetEnv and dotenv.net that are called with a name → what a read without a fallback needs.
_DOTENV: Final[dict[str, Need]] = {
    **dict.fromkeys([f"Env.{name}" for name in ("GetString", "GetInt", "GetBool", "GetDouble")], "optional"),
    **dict.fromkeys([f"EnvReader.Get{kind}Value" for kind in _KINDS], "required"),
    **dict.fromkeys([f"EnvReader.TryGet{kind}Value" for kind in _KINDS], "optional"),
    "EnvReader.HasValue": "optional",
}
#: What holds settings of every source; of these a name in capitals, with an underscore, is a variable's.
_SETTINGS: Final = re.compile(r"(?:^|\.)_?(?:\w*[cC]onfiguration(?:Root|Manager)?|\w*[cC]onfig|cfg)$")
_NAME: Final = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$")
#: What a new process gets: the program's own environment, until it is changed.
_STARTED: Final = re.compile(r"(?:^|\.)_?(?:\w*[sS]tartInfo|psi)\.Environment(?:Variables)?$")
#: Methods that look a name up in a dictionary of the environment.
_LOOKUPS: Final = frozenset({"Contains", "ContainsKey", "TryGetValue", "GetValueOrDefault"})


@dataclass(frozen=True, slots=True)
class Reads:
    """Finds the reads of one file."""

    language: Language
    file: SourceFile
    program: Program

    def of(self, node: Node) -> Iterator[Read]:
        """Yield the reads that a node makes by itself."""
        if node.type == "element_access_expression":
            yield from self._indexed(node)
            return
        call = self.language.call(node)
        if call is None or node.type != "invocation_expression":
            return
        key = call.positional(0) or call.named("variable", "key", "name")
        if key is None:
            return
        short = ".".join(resolved(call.callee, self.file).rsplit(".", 2)[-2:])
        if short == f"Environment.{_ENVIRONMENT}":
            yield Read(key, node, "Environment.GetEnvironmentVariable()")
        elif short == f"Environment.{_EXPAND}":
            yield from self._expanded(key, node)
        elif short in _DOTENV:
            default = call.positional(1) or call.named("fallback", "defaultValue")
            default = default if short.startswith("Env.") else None
            yield Read(key, node, f"{short}()", _DOTENV[short], default=default)
        else:
            yield from self._asked(call, key)

    def _asked(self, call: Call, key: Node) -> Iterator[Read]:
        """Find what a configuration, or a dictionary of the environment, is asked for by a method."""
        owner = self.language.receiver(call.node)
        if call.name == "GetValue":
            default = call.positional(1) or call.named("defaultValue")
            yield from self._setting(owner, key, call.node, "IConfiguration.GetValue()", default)
        elif call.name == "GetConnectionString":
            yield from self._setting(owner, key, call.node, "IConfiguration.GetConnectionString()", None)
        elif call.name in _LOOKUPS and (idiom := self._environment(owner, key)):
            default = call.positional(1) if call.name == "GetValueOrDefault" else None
            yield Read(key, call.node, idiom, default=default, final=call.name.startswith("Contains"))

    def _indexed(self, node: Node) -> Iterator[Read]:
        """Find ``configuration["X_Y"]`` and ``Environment.GetEnvironmentVariables()["X"]``, where they are not written."""
        owner, given = node.child_by_field_name("expression"), node.child_by_field_name("subscript")
        keys = list(arguments(given)) if given is not None else []
        parent = node.parent
        written = (
            parent is not None
            and parent.type == "assignment_expression"
            and parent.child_by_field_name("left") == node
        )
        if owner is None or len(keys) != 1 or (written and "??=" not in text(parent)):
            return
        if idiom := self._environment(owner, keys[0].value):
            yield Read(keys[0].value, node, idiom)
        else:
            yield from self._setting(owner, keys[0].value, node, "IConfiguration[…]", None)

    def _setting(
        self, owner: Node | None, key: Node, node: Node, idiom: str, default: Node | None
    ) -> Iterator[Read]:
        """Yield the names of a setting that are a variable's.

        Of a configuration that is built in sight, its sources tell; of any other, those in capitals, with an underscore.
        """
        if owner is None:
            return
        found = keys_of(self.program, self.file, key)
        names = [name for one in found if (name := plain(one))]
        prefix = Configuration(self.language, self.file, self.program).prefix(owner)
        if prefix is not None:
            section = "ConnectionStrings__" if "GetConnectionString" in idiom else ""
            for name in names if prefix else ():
                yield Read(f"{prefix[0]}{section}{name.replace(':', '__')}", node, idiom, default=default)
        elif _SETTINGS.search(dotted(owner)) and "GetConnectionString" not in idiom:
            if found and len(names) == len(found):
                yield from (Read(name, node, idiom, default=default) for name in names if _NAME.match(name))
            elif found:
                yield Read(key, node, idiom, default=default, capitals=True)

    def _expanded(self, key: Node, node: Node) -> Iterator[Read]:
        for one in keys_of(self.program, self.file, key):
            for name in _EXPANDED.findall("".join(part for part in one if isinstance(part, str))):
                yield Read(name, node, "Environment.ExpandEnvironmentVariables()", final=True)

    def _environment(self, node: Node | None, key: Node) -> str:
        """Return how an expression that a key is looked up in is the whole environment; empty where it is not.

        It is the call, a name that the call was bound to, or what a process is started with: that begins as the program's own,
        so a name that was not put there before is looked for in this.
        """
        if node is None:
            return ""
        call = self.language.call(node)
        if call is not None:
            return _ALL_IDIOM if call.name == _ALL else ""
        name = dotted(node)
        if _STARTED.search(name):
            return "" if self._is_put(node, key) else "ProcessStartInfo.Environment"
        bound, _ = self.program.bindings_of(self.file, node, name) if name else ([], None)
        return _ALL_IDIOM if bound and f"{_ALL}(" in text(bound[0].value)[:80] else ""

    def _is_put(self, owner: Node, key: Node) -> bool:
        """Tell whether an entry is given a value before it is looked for."""
        entry = re.sub(r"\s", "", f"{text(owner)}[{text(key)}]")
        return any(
            node.end_byte <= key.start_byte and entry == re.sub(r"\s", "", text(target))
            for node in self.file.assigns
            if (target := node.child_by_field_name("left")) is not None
        )


def resolved(callee: str, file: SourceFile) -> str:
    """Return what is called, with an alias put in its place, and the class that ``using static`` brought."""
    first, _, rest = callee.partition(".")
    if rest and first in file.imports:
        return f"{file.imports[first].module}.{rest}"
    if not rest and any(star.module.rpartition(".")[2] == "Environment" for star in file.stars):
        return f"System.Environment.{callee}"
    return callee

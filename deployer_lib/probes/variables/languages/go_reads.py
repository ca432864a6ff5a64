"""Go's reads of the environment: which nodes read, by the library that is called."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import Read, text
from deployer_lib.probes.variables.flow.texts import keys_of, plain
from deployer_lib.probes.variables.languages.go_environ import Environ
from deployer_lib.probes.variables.languages.go_flags import Flags
from deployer_lib.probes.variables.languages.go_koanf import Koanf
from deployer_lib.probes.variables.languages.go_structs import Structs
from deployer_lib.probes.variables.languages.go_types import Types
from deployer_lib.probes.variables.languages.go_viper import Viper

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Call, Function
    from deployer_lib.probes.variables.flow.program import Program, SourceFile
    from deployer_lib.probes.variables.languages.go_types import Modules

__all__ = ["Reads"]

#: What is called with a name → idiom.
_CALLS: Final = {
    "os.Getenv": "os.Getenv()",
    "os.LookupEnv": "os.LookupEnv()",
    "syscall.Getenv": "syscall.Getenv()",
}
_EXPANDS: Final = frozenset({"os.ExpandEnv", "os.Expand"})
_PLACEHOLDER: Final = re.compile(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))")
#: Parameters and fields that os.Getenv is handed to: getenv func(string) string.
_HANDED: Final = re.compile(r"(?i)^(?:os_?)?(?:get|lookup)_?env(?:_?(?:fn|func))?$")
#: Packages of others that read by a function with a name, and a fallback after it.
_PACKAGES: Final = re.compile(r"(?:^|[/-])(?:env|envy|envs|envutils?|osenv|getenv|envvar|envflag)(?:/v\d+)?$")
_GETTERS: Final = re.compile(
    r"^(?:Must)?(?:Get|Lookup|String|Int|Bool|Float|Duration|Uint|IsSet|Env|Has)\w*$"
)
_CAPITALS: Final = re.compile(r"[A-Z][A-Z0-9_]*")


class Reads:
    """What reads in a program. Each library is looked for when it is first asked for: to learn a key it may ask for a method's function."""

    def __init__(self, program: Program, modules: Modules) -> None:
        self.program = program
        self.types = Types(program, modules)

    @cached_property
    def structs(self) -> Structs:
        """Return the structs that are filled from the environment."""
        return Structs(self.program, self.types)

    @cached_property
    def flags(self) -> Flags:
        """Return the flags that the environment may set."""
        return Flags(self.program)

    @cached_property
    def viper(self) -> Viper:
        """Return the uses of viper."""
        return Viper(self.program, self.types)

    @cached_property
    def koanf(self) -> Koanf:
        """Return the uses of koanf."""
        return Koanf(self.program)

    @cached_property
    def environ(self) -> Environ:
        """Return the loops over the environment."""
        return Environ(self.program)

    def files(self) -> set[str]:
        """Return files that read although nothing in them tells so."""
        return self.structs.files() | self.flags.files() | self.environ.files()

    def of(self, node: Node, file: SourceFile) -> Iterator[Read]:
        """Yield the reads that a node makes."""
        if node.type == "field_declaration":
            for told in self.structs.told(file, node):
                yield Read(told.name, node, "struct tag", told.need, default_text=told.default, final=True)
        elif node.type == "keyed_element":
            yield from self.flags.keyed(node, file)
        yield from self.environ.of(node, file)
        call = self.program.language.call(node)
        if call is not None:
            yield from self._called(call, file)

    def _called(self, call: Call, file: SourceFile) -> Iterator[Read]:
        callee = self._canonical(call, file)
        key = call.positional(0)
        if key is None:
            return
        if callee in _CALLS:
            yield Read(key, call.node, _CALLS[callee])
        elif callee in _EXPANDS:
            yield from self._expanded(call, file, key)
        else:
            yield from self._foreign(call, file, key)
            yield from self.flags.called(call, file)
            yield from self.viper.of(call, file)
            yield from self.koanf.of(call, file)

    def _canonical(self, call: Call, file: SourceFile) -> str:
        """Return what is called by the package's own name; os.Getenv where a name is bound to it or handed it."""
        callee = call.callee
        first, _, rest = callee.partition(".")
        if first in file.imports and "." not in rest:
            module = file.imports[first].module
            return f"{module}.{rest}" if module in {"os", "syscall", "cmp"} else callee
        if "." not in callee:
            bound, function = self.program.bindings_of(file, call.node, callee)
            if bound and (named := self.program.language.dotted(bound[-1].value)) in _CALLS:
                return named
            return "os.Getenv" if function is not None and _HANDED.match(callee) else callee
        if _HANDED.match(call.name) and not self.program.functions_named(file, call):
            return "os.Getenv" if not any(self._declared(call.name)) else callee
        return callee

    def _declared(self, name: str) -> Iterator[Function]:
        for file in self.program.files.values():
            yield from file.by_name.get(name, ())

    def _expanded(self, call: Call, file: SourceFile, key: Node) -> Iterator[Read]:
        second = call.positional(1)
        if call.name == "Expand" and (second is None or text(second) not in _CALLS):
            return
        for form in keys_of(self.program, file, key):
            for braced, bare in _PLACEHOLDER.findall(plain(form) or ""):
                yield Read(braced or bare, call.node, f"os.{call.name}()")

    def _foreign(self, call: Call, file: SourceFile, key: Node) -> Iterator[Read]:
        """Find ``env.Get("X", "fallback")`` of a package that is none of the project's."""
        brought = file.imports.get(call.owner)
        if brought is None or not _PACKAGES.search(brought.module) or not _GETTERS.match(call.name):
            return
        if self.types.package(file, call.owner) is not None:
            return
        names = [name for one in keys_of(self.program, file, key) if (name := plain(one))]
        if not names or not all(_CAPITALS.fullmatch(name) for name in names):
            return
        default = call.positional(1) if len(call.arguments) > 1 else None
        yield Read(key, call.node, f"{call.owner}.{call.name}()", default=default)

    # -- methods ---------------------------------------------------------------------------------------------------------

    def methods(self, call: Call, file: SourceFile) -> list[tuple[SourceFile, Function]]:
        """Return the methods that a call means: of the receiver's type where that is known, else of the package."""
        known = [
            (there, function)
            for there in self.program.files.values()
            for function in there.by_name.get(call.name, ())
            if function.owner
        ]
        if not known:
            return []
        receiver = self.program.language.receiver(call.node)
        value = self.types.value(file, receiver) if receiver is not None else None
        if value is not None:
            name = re.sub(r"\[.*", "", text(value.type)).rpartition(".")[2].lstrip("*")
            return [one for one in known if one[1].owner == name]
        near = [one for one in known if one[0].folder == file.folder]
        folders = {self.types.modules.folder(brought.module) for brought in file.imports.values()}
        return near or [one for one in known if one[0].folder in folders]

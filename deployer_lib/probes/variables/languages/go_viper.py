"""viper: its keys are variables where the program says so, by AutomaticEnv or BindEnv, under a prefix and with letters replaced."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import Read, text
from deployer_lib.probes.variables.flow.nodes import descend
from deployer_lib.probes.variables.flow.texts import keys_of, plain
from deployer_lib.probes.variables.languages.go_flags import default_of, flag_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Call
    from deployer_lib.probes.variables.flow.program import Program, SourceFile
    from deployer_lib.probes.variables.languages.go_types import Types
    from deployer_lib.probes.variables.model import Need

__all__ = ["Viper"]

_MODULE: Final = "github.com/spf13/viper"
_GETTERS: Final = re.compile(
    r"^(?:Get|IsSet|Get(?:String|Bool|Int|Int32|Int64|Uint|Uint16|Uint32|Uint64|Float64|Duration|Time|SizeInBytes"
    r"|StringSlice|IntSlice|StringMap|StringMapString|StringMapStringSlice))$"
)
_BINDS: Final = frozenset({"BindEnv", "MustBindEnv"})
_NAME: Final = re.compile(r"[A-Z_][A-Z0-9_]*")
#: Names of viper's objects: v := viper.New(), v *viper.Viper, a field of that type.
_OBJECTS: Final = re.compile(
    rb"(\w+)\s*(?:,\s*\w+\s*)?(?::?=|\s)\s*\*?viper\.(?:New\w*\(|GetViper\(|Viper\b)"
)


@dataclass(slots=True)
class _Setting:
    """What the program says of viper and the environment."""

    prefixes: list[tuple[str, str]] = field(default_factory=list)  # (file, prefix)
    automatic: bool = False
    replaced: dict[str, str] = field(default_factory=dict)
    defaults: set[str] = field(default_factory=set)  # keys with a default, in small letters
    all_flags: set[str] = field(default_factory=set)  # files whose flags are all keys


class Viper:
    """The uses of viper in a program."""

    def __init__(self, program: Program, types: Types) -> None:
        self.program, self.types = program, types
        self.setting = _Setting()
        self._objects: set[str] = set()
        self._users: set[str] = set()
        for path in program.holding(_MODULE.encode()):
            self._users.add(path)
            self._objects |= {one.decode() for one in _OBJECTS.findall(program.source(path))}
        self._objects -= {"_", "ok", "err", "return"}
        for path in sorted(self._users):
            self._learn(program.file(path))

    # -- what the program says of it -------------------------------------------------------------------------------------

    def _is_viper(self, call: Call, file: SourceFile) -> bool:
        """Tell whether a call is one of viper's functions, or of a method of an object of it."""
        owner = call.owner
        if owner in file.imports:
            return file.imports[owner].module == _MODULE
        if not owner and call.node.type == "call_expression":  # viper.GetViper().GetString("x")
            return text(call.node).startswith("viper.GetViper().")
        return owner.rpartition(".")[2] in self._objects and file.path in self._users

    def _learn(self, file: SourceFile) -> None:
        for call in file.calls:
            if not self._is_viper(call, file) and call.name != "EnvKeyReplacer":
                continue
            if call.name == "SetEnvPrefix":
                self.setting.prefixes += [(file.path, key) for key in self._texts(file, call.positional(0))]
            elif call.name in {"AutomaticEnv", "ExperimentalBindStruct"}:
                self.setting.automatic = True
            elif call.name in {"SetEnvKeyReplacer", "EnvKeyReplacer"}:
                self._replacer(file, call.positional(0))
            elif call.name in {"SetDefault", "BindPFlag"}:
                self.setting.defaults |= {key.lower() for key in self._texts(file, call.positional(0))}
            elif call.name == "BindPFlags":
                self.setting.all_flags.add(file.path)

    def _texts(self, file: SourceFile, node: Node | None) -> list[str]:
        return [name for key in keys_of(self.program, file, node) if (name := plain(key)) is not None]

    def _replacer(self, file: SourceFile, node: Node | None) -> None:
        places = [(file, node)] if node is not None else []
        if node is not None and (dotted := self.program.language.dotted(node)):
            bound, _ = self.program.bindings_of(file, node, dotted)
            places += [(file, one.value) for one in bound]
            places += [(place.file, place.node) for place in self.program.constants(file, dotted)]
        for where, place in places:
            for one in descend(place):
                call = self.program.language.call(one)
                if call is not None and call.name == "NewReplacer":
                    texts = [next(iter(self._texts(where, a.value)), "") for a in call.arguments]
                    self.setting.replaced |= dict(zip(texts[::2], texts[1::2], strict=False))

    # -- reads -----------------------------------------------------------------------------------------------------------

    def of(self, call: Call, file: SourceFile) -> Iterator[Read]:
        """Yield the reads that a call makes."""
        if file.path not in self._users:
            return
        if self.setting.automatic and file.path in self.setting.all_flags and (flag := flag_of(call)):
            yield Read(flag[0], call.node, "viper.BindPFlags()", "default", default=flag[1], final=True,
                       change=self._change(file))  # fmt: skip
        key = call.positional(0)
        if key is None or not self._is_viper(call, file):
            return
        if call.name in _BINDS:
            yield from self._bound(call, file, key)
        elif self.setting.automatic:
            yield from self._automatic(call, file, key)

    def _bound(self, call: Call, file: SourceFile, key: Node) -> Iterator[Read]:
        """Read ``BindEnv("key")`` and ``BindEnv("key", "NAME", "OTHER")``."""
        known = self._texts(file, key)
        need: Need = "default" if known and known[0].lower() in self.setting.defaults else "optional"
        if len(call.arguments) == 1:
            if not (known and self.setting.automatic and need == "default"):  # told with the default
                yield Read(
                    key, call.node, "viper.BindEnv()", "optional", final=True, change=self._change(file)
                )
            return
        for argument in call.arguments[1:]:
            default = self._default(known)
            yield Read(
                argument.value,
                call.node,
                "viper.BindEnv()",
                need if default is not None else "optional",
                default_text=default,
                final=True,
            )

    def _default(self, known: list[str]) -> str | None:
        """Return the default that is set for a key anywhere."""
        for path in sorted(self._users) if known else ():
            file = self.program.file(path)
            for call in file.calls:
                if call.name == "SetDefault" and known[0] in self._texts(file, call.positional(0)):
                    value = call.positional(1)
                    keys = keys_of(self.program, file, value)
                    return next((p for k in keys if (p := plain(k)) is not None), text(value))
        return None

    def _automatic(self, call: Call, file: SourceFile, key: Node) -> Iterator[Read]:
        change = self._change(file)
        if call.name == "SetDefault":
            yield Read(
                key, call.node, "viper.SetDefault()", default=call.positional(1), final=True, change=change
            )
        elif call.name == "BindPFlag":
            yield from self._bound_flags(call, file, key)
        elif _GETTERS.match(call.name) and len(call.arguments) == 1:
            known = self._texts(file, key)
            settled = bool(known) and known[0].lower() in self.setting.defaults
            yield Read(key, call.node, f"viper.{call.name}()", final=settled, change=change)
        elif call.name == "UnmarshalKey" and (target := call.positional(1)) is not None:
            value = self.types.value(file, target)
            if value is not None and self.types.struct(value.file, value.type) is None:
                yield Read(key, call.node, "viper.UnmarshalKey()", final=True, change=change)

    def _bound_flags(self, call: Call, file: SourceFile, key: Node) -> Iterator[Read]:
        """Read ``BindPFlag("key", cmd.Flags().Lookup("name"))``, one or a loop over several."""
        bound = call.positional(1)
        looked = self.program.language.call(bound) if bound is not None else None
        keys = self._texts(file, key)
        flags = self._texts(file, looked.positional(0)) if looked is not None else []
        for index, one in enumerate(keys):
            flag = flags[index] if len(flags) == len(keys) else flags[0] if flags else one
            default = self._flag_default(flag, file)
            need: Need = "default" if default is not None else "optional"
            yield Read(one, call.node, "viper.BindPFlag()", need, default_text=default, final=True,
                       change=self._change(file))  # fmt: skip

    def _flag_default(self, name: str, file: SourceFile) -> str | None:
        """Return the default of a flag; one that is itself asked of viper says nothing."""
        for other in file.calls:
            flag = flag_of(other)
            if flag is not None and name in self._texts(file, flag[0]):
                default = default_of(self.program, file, other)
                return None if default is None or "viper." in default else default
        return None

    def _change(self, file: SourceFile) -> Callable[[str], str]:
        """Return what makes a variable's name of a key in a file."""
        prefix, replaced = self._prefix(file), self.setting.replaced
        letters = re.compile(
            "|".join(map(re.escape, sorted(filter(None, replaced), key=len, reverse=True))) or "(?!)"
        )

        def change(key: str) -> str:
            if not key:
                return ""
            whole = f"{prefix}_{key}".upper() if prefix else key.upper()
            name = letters.sub(lambda found: replaced[found[0]], whole)
            return name if _NAME.fullmatch(name) else ""

        return change

    def _prefix(self, file: SourceFile) -> str:
        """Return the prefix that holds for a file: the one there is, else that of the file, the folder, the nearest."""
        known = self.setting.prefixes
        here = file.path.split("/")

        def near(one: tuple[str, str]) -> int:
            there = one[0].split("/")
            return next((i for i, (a, b) in enumerate(zip(here, there, strict=False)) if a != b), len(here))

        return max(known, key=near)[1] if known else ""

"""koanf: keys of its environment provider, where the callback that makes a key of a name is of the usual kind."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import Read, text
from deployer_lib.probes.variables.flow.texts import keys_of, literal_of, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Call
    from deployer_lib.probes.variables.flow.program import Program, SourceFile
    from deployer_lib.probes.variables.model import Need

__all__ = ["Koanf"]

_PROVIDER: Final = re.compile(r"knadh/koanf(?:/v\d+)?/providers/env(?:/v\d+)?$")
_GETTERS: Final = re.compile(
    r"^(Must)?(?:String|Strings|Int|Int64|Ints|Float64|Bool|Duration|Bytes|Get|Exists|StringMap|Time)$"
)
_SEPARATOR: Final = re.compile(
    r'strings\.(?:Replace|ReplaceAll)\(.*?"(_+)",\s*"\."|NewReplacer\(\s*"(_+)",\s*"\."', re.DOTALL
)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class _Provider:
    """How a key is named in the environment."""

    prefix: str
    separator: str  # stands for a dot
    small: bool  # keys are the names in small letters
    whole: bool  # the prefix is part of the key

    def name(self, key: str) -> str:
        """Return a key's variable, empty where no name makes that key."""
        if self.separator and self.separator in key.replace(".", ""):
            return ""
        name = key.replace(".", self.separator) if self.separator else key
        name = name.upper() if self.small else name
        name = name if self.whole else self.prefix + name
        return name if _NAME.fullmatch(name) and name.startswith(self.prefix) else ""


class Koanf:
    """The uses of koanf in a program; nothing is told where several providers would name a key differently."""

    def __init__(self, program: Program) -> None:
        self.program = program
        found: set[_Provider | None] = set()
        self._users: set[str] = set()
        for path in program.holding(b"knadh/koanf"):
            self._users.add(path)
            file = program.file(path)
            found |= {self._provider(file, call) for call in file.calls if self._is_provider(file, call)}
        self._provided = next(iter(found)) if len(found) == 1 else None
        self._defaults = dict(self._confmaps()) if self._provided is not None else {}

    @staticmethod
    def _is_provider(file: SourceFile, call: Call) -> bool:
        brought = file.imports.get(call.owner)
        return (
            brought is not None
            and _PROVIDER.search(brought.module) is not None
            and call.name in {"Provider", "ProviderWithValue"}
        )

    def _provider(self, file: SourceFile, call: Call) -> _Provider | None:
        """Read ``env.Provider("APP_", ".", func(s string) string {…})``; None where it can't be told what it does."""
        keys = keys_of(self.program, file, call.positional(0))
        prefix = plain(keys[0]) if len(keys) == 1 else None
        given = call.positional(2)
        body = text(self._callback(file, given)) if given is not None else ""
        if prefix is None or len(call.arguments) != 3:  # noqa: PLR2004  (prefix, delimiter, callback)
            return None
        if body in {"", "nil"}:
            return _Provider(prefix, "", small=False, whole=True)
        found = _SEPARATOR.search(body)
        cut = "TrimPrefix" in body or not prefix
        small = "ToLower" in body
        if not small or not cut:
            return None
        separator = (found[1] or found[2]) if found is not None else ""
        return _Provider(prefix, separator, small=True, whole=False)

    def _callback(self, file: SourceFile, node: Node) -> Node:
        dotted = self.program.language.dotted(node)
        if dotted and dotted != "nil":
            bound, _ = self.program.bindings_of(file, node, dotted)
            if bound:
                return bound[-1].value
            functions = file.by_name.get(dotted)
            return functions[0].node if functions else node
        return node

    def _confmaps(self) -> Iterator[tuple[str, str]]:
        """Yield the defaults that are given as a map: ``confmap.Provider(map[string]any{"a.b": 5}, ".")``."""
        language = self.program.language
        for path in sorted(self._users):
            file = self.program.file(path)
            for call in file.calls:
                listed = call.positional(0) if call.callee == "confmap.Provider" else None
                for key, value in (language.entries(listed) or ()) if listed is not None else ():
                    written = key if isinstance(key, str) else language.string(key)
                    if written is not None:
                        yield written, literal_of(self.program, file, value) or ""

    def of(self, call: Call, file: SourceFile) -> Iterator[Read]:
        """Yield the read that a call makes."""
        found = _GETTERS.match(call.name)
        if (
            self._provided is None
            or file.path not in self._users
            or found is None
            or len(call.arguments) != 1
        ):
            return
        key = call.positional(0)
        known = [name for one in keys_of(self.program, file, key) if (name := plain(one)) is not None]
        if call.owner in file.imports or key is None or not call.owner:
            return
        default = self._defaults.get(known[0]) if known else None
        need: Need = "default" if default is not None else "required" if found[1] else "optional"
        yield Read(
            key, call.node, f"koanf.{call.name}()", need, default_text=default, final=default is not None,
            change=self._provided.name,
        )  # fmt: skip

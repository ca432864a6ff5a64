"""A C# configuration that is built in sight: which of its keys are variables' names, and with what before them.

``new ConfigurationBuilder().AddEnvironmentVariables("SHOP_").Build()["Db:Host"]`` is ``SHOP_Db__Host``
(https://learn.microsoft.com/dotnet/core/extensions/configuration-providers#environment-variable-configuration-provider).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.texts import keys_of, plain
from deployer_lib.probes.variables.languages.csharp_syntax import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Call, Language
    from deployer_lib.probes.variables.flow.program import Program, SourceFile

__all__ = ["Configuration"]

_BUILDER: Final = "ConfigurationBuilder"
_VARIABLES: Final = "AddEnvironmentVariables"
_SECTIONS: Final = frozenset({"GetSection", "GetRequiredSection"})
#: Sources that are no environment: a configuration of these alone has no variable in it.
_OTHERS: Final = frozenset(
    {"AddJsonFile", "AddJsonStream", "AddXmlFile", "AddIniFile", "AddYamlFile", "AddTomlFile", "AddInMemoryCollection",
     "AddUserSecrets", "AddCommandLine", "AddKeyPerFile"}
)  # fmt: skip
_DEEPEST: Final = 6  # names and sections that lead from a use to the builder


@dataclass(frozen=True, slots=True)
class Configuration:
    """Follows a configuration to where it is built."""

    language: Language
    file: SourceFile
    program: Program

    def prefix(self, owner: Node, depth: int = 0) -> tuple[str, ...] | None:
        """Return what stands before a key of a configuration in its variable's name.

        Empty where its keys are no variables; None where it is not known how it is built, or where a key may come from another
        source just as well, so that its name alone tells.
        """
        if depth > _DEEPEST or (call := self.language.call(owner)) is None:
            bound = self._bound(owner) if depth <= _DEEPEST else None
            return self.prefix(bound, depth + 1) if bound is not None else None
        inner = self.language.receiver(call.node)
        if inner is None:
            return None
        if call.name in _SECTIONS:
            before, section = self.prefix(inner, depth + 1), self._text(call.positional(0))
            if not before:
                return before
            return None if section is None else (f"{before[0]}{section.replace(':', '__')}__",)
        return self._built(inner) if call.name == "Build" else None

    def _bound(self, node: Node) -> Node | None:
        name = dotted(node)
        found, _ = self.program.bindings_of(self.file, node, name) if name else ([], None)
        values = {one.value.start_byte: one.value for one in found}
        return next(iter(values.values())) if len(values) == 1 else None

    def _built(self, builder: Node) -> tuple[str, ...] | None:
        sources = self._sources(builder)
        if sources is None:
            return None
        added = [one for one in sources if one.name == _VARIABLES]
        others = [one for one in sources if one.name.startswith("Add") and one not in added]
        if any(one.name not in _OTHERS for one in others):
            return None
        prefixes = {self._text(one.positional(0) or one.named("prefix")) or "" for one in added}
        if not prefixes:
            return ()
        (first, *more) = prefixes
        unknown = any(one.arguments and not self._text(one.arguments[0].value) for one in added)
        # Without a prefix, a key is looked for in files as well: few of them are ever set as variables.
        return None if more or unknown or (others and not first) else (first,)

    def _sources(self, node: Node) -> list[Call] | None:
        """Return the calls that a builder is given its sources by, None where the node is no new builder."""
        chain = list(self._chain(node))
        root = self.language.receiver(chain[-1].node) if chain else node
        made = self.language.call(root) if root is not None else None
        if made is not None:
            return chain if made.name == _BUILDER else None
        name = dotted(root) if root is not None else ""
        bound = self._bound(root) if root is not None else None
        if not name or bound is None:
            return None
        before = self._sources(bound) if dotted(bound) != name else None
        if before is None:
            return None
        scope = next(self.file.scopes(bound))
        statements = [
            one
            for one in self.file.calls
            if next(self.file.scopes(one.node)) == scope and self._root(one.node) == name
        ]
        return [*before, *statements]

    def _chain(self, node: Node | None) -> Iterator[Call]:
        """Yield the calls of a chain, the last first: each is called on what the next one gives."""
        while node is not None and node.type == "invocation_expression":
            call = self.language.call(node)
            if call is None:
                return
            yield call
            node = self.language.receiver(node)

    def _root(self, node: Node) -> str:
        """Return the name at a chain's beginning."""
        chain = list(self._chain(node))
        root = self.language.receiver(chain[-1].node) if chain else None
        return dotted(root) if root is not None else ""

    def _text(self, node: Node | None) -> str | None:
        found = keys_of(self.program, self.file, node) if node is not None else []
        return plain(found[0]) if len(found) == 1 else None

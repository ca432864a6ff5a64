"""Ruby: classes that declare settings which a library fills from the environment: anyway_config and Hanami."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import Call, Language, Read, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from deployer_lib.probes.variables.model import Need

__all__ = ["declared"]

_ANYWAY: Final = frozenset({"Anyway::Config", "ApplicationConfig"})
_HANAMI: Final = frozenset({"Hanami::Settings"})
_CASES: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def declared(language: Language, node: Node) -> Iterator[Read]:
    """Yield what a class reads from the environment by the settings it declares."""
    base = text(node.child_by_field_name("superclass")).lstrip("< ").removeprefix("::")
    body = node.child_by_field_name("body")
    if body is None or base not in _ANYWAY | _HANAMI:
        return
    calls = [call for child in body.named_children if (call := language.call(child)) is not None]
    if base in _HANAMI:
        for call in calls:
            yield from _setting(language, call)
    else:
        yield from _anyway(language, text(node.child_by_field_name("name")), calls)


def _setting(language: Language, call: Call) -> Iterator[Read]:
    """Find ``setting :database_url, constructor: Types::String`` of Hanami."""
    key = call.positional(0)
    name = language.string(key) if key is not None else None
    if call.callee != "setting" or name is None:
        return
    default, constructor = call.named("default"), text(call.named("constructor"))
    must = bool(constructor) and "optional" not in constructor and ".default" not in constructor
    need: Need = "default" if default is not None else "required" if must else "optional"
    yield Read(name.upper(), call.node, "Hanami setting", need, default=default, final=True)


def _anyway(language: Language, name: str, calls: list[Call]) -> Iterator[Read]:
    """Find ``attr_config`` and its like of anyway_config, under ``env_prefix``, ``config_name`` or the class's own name."""
    own = _CASES.sub("_", name.rpartition("::")[2].removesuffix("Config")).upper()
    given = {call.callee: language.string(key) for call in calls if (key := call.positional(0)) is not None}
    prefix = given.get("env_prefix") or given.get("config_name") or own
    required = {
        found
        for call in calls
        if call.callee == "required"
        for a in call.arguments
        if (found := language.string(a.value))
    }
    for call in calls:
        if call.callee != "attr_config":
            continue
        for argument in call.arguments:
            attribute = argument.name or language.string(argument.value)
            if attribute:
                need: Need = (
                    "default" if argument.name else "required" if attribute in required else "optional"
                )
                default = argument.value if argument.name else None
                variable = f"{prefix}_{attribute}".upper().strip("_")
                yield Read(variable, call.node, "anyway_config", need, default=default, final=True)

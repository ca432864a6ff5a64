"""Libraries of JavaScript that name a variable in a call: NestJS's ConfigService, env-var, effect, webpack, Astro."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import Read, text
from deployer_lib.probes.variables.flow.texts import literal_of
from deployer_lib.probes.variables.languages.javascript_shapes import Said, Shapes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Call, Language
    from deployer_lib.probes.variables.flow.program import Program, SourceFile
    from deployer_lib.probes.variables.model import Need

__all__ = ["Settings"]

_EFFECT: Final = frozenset(
    {
        "string",
        "number",
        "integer",
        "boolean",
        "redacted",
        "secret",
        "url",
        "port",
        "date",
        "duration",
        "logLevel",
        "nonEmptyString",
    }
)
_SERVICE: Final = re.compile(
    r"(?:^|\.)_?(?:[Cc]onfig(?:Service|uration)?|cfg|conf|[Cc]onfiguration[Ss]ervice|[a-z]\w*ConfigService)$"
)
#: What npm and its like set for what they run.
_MANAGER: Final = re.compile(r"npm_(?:package|config|lifecycle)_\w+$")


class Settings:
    """The settings libraries' calls of one program."""

    def __init__(self, language: Language, program: Program, shapes: Shapes) -> None:
        self._language, self._program, self._shapes = language, program, shapes
        self._own: dict[str, bool] = {}  # class → whether the project makes it of nothing of NestJS

    def called(self, call: Call, file: SourceFile) -> Iterator[Read]:
        """Yield the reads that a call of a settings library makes."""
        key = call.positional(0)
        if call.name in {"get", "getOrThrow"} and key is not None:
            yield from self._service(call, key, file)
        elif call.callee.endswith("EnvironmentPlugin.constructor") and key is not None:
            yield from self._plugin(call, key)
        elif (
            call.callee.startswith("Config.")
            and call.name in _EFFECT
            and key is not None
            and _of(file, "Config", "effect")
        ):
            yield self._effect(call, key, file)
        elif call.name == "envField" or call.callee.startswith("envField."):
            yield from self._astro(call, file)

    def _service(self, call: Call, key: Node, file: SourceFile) -> Iterator[Read]:
        """Find NestJS's ``this.configService.get("X", "default")``, and env-var's ``env.get("X").required()``."""
        brought = file.imports.get(call.owner.partition(".")[0])
        receiver = self._language.receiver(call.node)
        if (brought is not None and brought.module == "env-var") or (
            receiver is not None
            and "env-var" in text(file.root)[:4000]
            and text(receiver).startswith(("from(", "env.from("))
        ):
            yield self._env_var(call, key)
            return
        if not _SERVICE.search(call.owner) or not self._is_nest(call.owner.rpartition(".")[2], file):
            return
        second = call.positional(1)
        given = (
            None
            if second is not None and second.type == "object" and call.named("infer") is not None
            else second
        )
        need: Need = "required" if call.name == "getOrThrow" and given is None else "optional"
        capitals = _MANAGER.match(self._language.string(key) or "") is None
        yield Read(key, call.node, f"ConfigService.{call.name}()", need, default=given, capitals=capitals)

    def _is_nest(self, name: str, file: SourceFile) -> bool:
        """Tell whether a name may be NestJS's service: a class of the project's own, of another origin, holds other settings."""
        whole = text(file.root)
        if "onfigService" not in whole:
            return False
        typed = re.search(rf"\b{re.escape(name)}[?!]?\s*:\s*(\w+)", whole)
        if typed is None or typed[1] == "ConfigService":
            return True
        if typed[1] not in self._own:
            declared = re.compile(rb"\bclass\s+%b\b([^{]*)" % typed[1].encode())
            found = [
                one
                for path in self._program.holding(typed[1].encode())
                for one in declared.findall(self._program.source(path))
            ]
            self._own[typed[1]] = bool(found) and not any(b"onfigService" in one for one in found)
        return not self._own[typed[1]]

    def _env_var(self, call: Call, key: Node) -> Read:
        need, default, above = "optional", None, call.node
        while (
            above.parent is not None
            and above.parent.type == "member_expression"
            and above.parent.parent is not None
        ):
            above = above.parent.parent
            link = self._language.call(above)
            if link is None:
                break
            if link.name == "default":
                default = link.positional(0)
            if link.name == "required" and text(link.positional(0)) != "false":
                need = "required"
        return Read(
            key,
            call.node,
            "env-var get()",
            "required" if need == "required" else "optional",
            default=default,
            final=True,
        )

    def _plugin(self, call: Call, key: Node) -> Iterator[Read]:
        for name in self._language.items(key) or ():
            yield Read(name, call.node, "EnvironmentPlugin", "required", final=True)
        for name, value in self._language.entries(key) or ():
            yield Read(name, call.node, "EnvironmentPlugin", default=value, final=True)

    def _effect(self, call: Call, key: Node, file: SourceFile) -> Read:
        """Find effect's ``Config.string("X").pipe(Config.withDefault("y"))``."""
        here, need, default = call.node.parent, "required", None
        while here is not None and here.type in {"member_expression", "call_expression", "arguments"}:
            if here.type == "call_expression" and (outer := self._language.call(here)) is not None:
                for one in (
                    outer,
                    *(c for a in outer.arguments if (c := self._language.call(a.value)) is not None),
                ):
                    if one.name in {"withDefault", "orElseSucceed"}:
                        need, default = "default", one.positional(-1)
                    elif one.name == "option" or text(one.node) == "Config.option":
                        need = "optional"
                need = "optional" if any(text(a.value) == "Config.option" for a in outer.arguments) else need
            here = here.parent
        found = literal_of(self._program, file, default)
        return Read(key, call.node, "effect Config", _need(need), default_text=found, final=True)

    def _astro(self, call: Call, file: SourceFile) -> Iterator[Read]:
        pair = call.node.parent
        if pair is not None and pair.type == "pair":
            said = self._shapes.options(call, file)
            said = (
                Said("optional") if text(call.named("optional")) == "true" and said.default is None else said
            )
            name = text(pair.child_by_field_name("key")).strip("'\"`")
            yield Read(name, pair, "envField", said.need, default_text=said.default, final=True)


def _of(file: SourceFile, name: str, module: str) -> bool:
    brought = file.imports.get(name)
    return brought is not None and (brought.module == module or brought.module.startswith(f"{module}/"))


def _need(word: str) -> Need:
    return "required" if word == "required" else "default" if word == "default" else "optional"

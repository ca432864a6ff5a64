"""Command lines of JavaScript whose options may come from the environment: commander, yargs, oclif, clipanion and their like."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import Read, text
from deployer_lib.probes.variables.flow.texts import literal_of
from deployer_lib.probes.variables.languages.javascript_definitions import said_of
from deployer_lib.probes.variables.languages.javascript_shapes import Said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Call, Language
    from deployer_lib.probes.variables.flow.program import Program, SourceFile
    from deployer_lib.probes.variables.languages.javascript_shapes import Shapes
    from deployer_lib.probes.variables.model import Need

__all__ = ["Commands"]

#: Libraries whose options are made by a call that is handed ``{env: "X"}``.
_LIBRARIES: Final = re.compile(r"(?:@oclif/(?:core|command)|clipanion|cmd-ts|nest-commander)(?:/|$)")
_PARAMETER: Final = re.compile(r"define\w+Parameter$")  # of @rushstack/ts-command-line
_COMMANDER: Final = frozenset(
    {"Option.constructor", "commander.Option.constructor", "createOption", "constructor"}
)
_YARGS: Final = frozenset({"yargs", "yargs/yargs"})
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|-")


class Commands:
    """The options of one program's command lines."""

    def __init__(self, language: Language, program: Program, shapes: Shapes) -> None:
        self._language, self._program, self._shapes = language, program, shapes

    def called(self, call: Call, file: SourceFile) -> Iterator[Read]:
        """Yield the reads that a call which makes an option stands for."""
        key = call.positional(0)
        if call.name == "env" and key is not None and "." in call.callee:
            yield from self._commander(call, key, file)
            yield from self._yargs(call, key, file)
        elif (variable := self._variable(call, file)) is not None:
            yield self._read(variable, call, file)

    def _variable(self, call: Call, file: SourceFile) -> Node | None:
        """Return what an option's call names as its variable, None where the call makes no option that is known."""
        if (named := call.named("env")) is not None and self._is_known(call, file):
            return named
        return call.named("environmentVariable") if _PARAMETER.match(call.name) else None

    def _is_known(self, call: Call, file: SourceFile) -> bool:
        first = call.callee.partition(".")[0]
        brought = file.imports.get(first)
        return (brought is not None and _LIBRARIES.match(brought.module) is not None) or (
            first == "Flags" and "." in call.callee  # that a project hands out itself
        )

    def _read(self, variable: Node, call: Call, file: SourceFile) -> Read:
        said = self._said(call, file)
        second = call.positional(1)  # clipanion's Option.String("--port", "80", {env: "PORT"})
        if said.need == "optional" and second is not None and second.type != "object":
            found = literal_of(self._program, file, second)
            said = said if found is None else Said("default", found)
        return Read(
            variable, call.node, f"{call.name}() env", said.need, default_text=said.default, final=True
        )

    def _said(self, call: Call, file: SourceFile) -> Said:
        return said_of(((a.name, a.value) for a in call.arguments if a.name), file, self._program)

    def _commander(self, call: Call, key: Node, file: SourceFile) -> Iterator[Read]:
        """Find ``new Option("--port <n>").default(80).env("PORT")``."""
        below = list(self._shapes.links(call.node))
        if not any(link in _COMMANDER for link, _ in below) or b"ommand" not in (file.root.text or b""):
            return
        links = dict(below) | {link.name: link for link in self._later(call.node)}
        default = links["default"].positional(0) if "default" in links else None
        must = default is None and "makeOptionMandatory" in links
        need: Need = "required" if must else "optional"
        yield Read(key, call.node, "commander env()", need, default=default, final=True)

    def _later(self, node: Node) -> Iterator[Call]:
        """Yield the calls of a chain that follow on one."""
        above = node.parent
        while above is not None and above.type == "member_expression" and above.parent is not None:
            call = self._language.call(above.parent)
            if call is None:
                return
            yield call
            above = above.parent.parent

    def _yargs(self, call: Call, key: Node, file: SourceFile) -> Iterator[Read]:
        """Find ``yargs(argv).env("APP").option("db-url", {…})``: the option is read from APP_DB_URL."""
        prefix = self._language.string(key)
        links = list(self._shapes.links(call.node))
        first = links[-1][1].callee.partition(".")[0] if links else ""
        brought = file.imports.get(first)
        if not prefix or brought is None or brought.module not in _YARGS:
            return
        whole = [call, *self._later(call.node)][-1].node
        for one in file.calls:
            if one.name not in {"option", "options"} or not (
                whole.start_byte <= one.node.start_byte and one.node.end_byte <= whole.end_byte
            ):
                continue
            given, second = one.positional(0), one.positional(1)
            name = self._language.string(given) if given is not None else None
            named = [(name, second)] if name else list(self._language.entries(given) or ()) if given else []
            for option, details in named:
                entries = self._language.entries(details) or () if details is not None else ()
                said = said_of(entries, file, self._program)
                yield Read(
                    f"{prefix.rstrip('_')}_{_spelt(option if isinstance(option, str) else text(option))}",
                    given if given is not None and name else details or one.node,
                    "yargs env()",
                    said.need,
                    default_text=said.default,
                    final=True,
                )


def _spelt(option: str) -> str:
    """Return how an option's name is written in a variable's: ``dbUrl`` and ``db-url`` as DB_URL, ``db.url`` as DB__URL."""
    return _HUMP.sub("_", option).replace(".", "__").upper()

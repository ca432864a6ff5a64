"""Elixir: settings that a macro of the project declares, ``setting :port, :integer, default: 4000``, and what they fall back to.

The reader that makes a variable's name of such a key, PORT of :port, takes what stands in from the declaration.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.program import Place
from deployer_lib.probes.variables.languages.elixir_reads import option_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployer_lib.probes.variables.flow.program import Program

__all__ = ["Declared"]

#: A macro whose first parameter is the key; those of the language itself, __using__ and its like, declare nothing.
_MACRO: Final = re.compile(rb"^[ \t]*defmacro\s+((?!__)\w+[!?]?)\(\s*(\w+)\s*,", re.MULTILINE)


class Declared:
    """The fallbacks of a program's declared settings, by key; looked for when the first is asked for."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._places: dict[str, Place] | None = None

    def place(self, name: str) -> Place | None:
        """Return the fallback that is declared for a variable's key; None where there is none."""
        if self._places is None:
            self._places = {}
            for key, place in self._found():
                self._places.setdefault(key, place)
        return self._places.get(name.lower())

    def _found(self) -> Iterator[tuple[str, Place]]:
        program = self._program
        macros = {macro for path in program.holding(b"defmacro") for macro in _macros(program.source(path))}
        if not macros:
            return
        uses = re.compile(
            rb"^[ \t]*(?:" + b"|".join(map(re.escape, sorted(macros))) + rb")(?:[ \t]+|\(\s*):\w",
            re.MULTILINE,
        )
        names = {macro.decode() for macro in macros}
        for path in program.holding(*sorted(macros)):
            if not uses.search(program.source(path)):
                continue
            file = program.file(path)
            for call in file.calls:
                key = call.positional(0) if call.callee in names else None
                if key is None or key.type != "atom":
                    continue
                value = call.named("default") or option_of([a.value for a in call.arguments], "default")
                if value is not None:
                    yield (key.text or b"").decode("utf-8", "replace").lstrip(":").lower(), Place(file, value)


def _macros(source: bytes) -> Iterator[bytes]:
    """Yield the macros of a file that make something of the key that they are given first."""
    for match in _MACRO.finditer(source):
        if re.search(rb"unquote\(\s*" + match.group(2) + rb"\s*\)", source[match.end() :]):
            yield match.group(1)

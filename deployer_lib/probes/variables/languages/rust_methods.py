"""Which functions of a type a Rust program has: ``Config::get`` is none of another type's, however many have one."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deployer_lib.probes.variables.flow.grammar import Call, Function
    from deployer_lib.probes.variables.flow.program import Program, SourceFile

__all__ = ["Methods"]


class Methods:
    """The functions of a program's types, of the files that were parsed so far."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._found: dict[tuple[str, str], list[tuple[SourceFile, Function]]] = defaultdict(list)

    def meant(
        self, call: Call, file: SourceFile, program: Program
    ) -> list[tuple[SourceFile, Function]] | None:
        """Return the functions of ``Type::name(…)``, those of the file and its folder first; None for any other call."""
        owner = call.callee.rpartition("::")[0].rpartition("::")[2]
        if not owner[:1].isupper():
            return None
        if len(self._seen) < len(program.files):
            self._learn(program)
        brought = file.imports.get(owner)
        found = self._found.get((brought.name if brought is not None else owner, call.name), [])
        for near in (
            [one for one in found if one[0] is file],
            [one for one in found if one[0].folder == file.folder],
        ):
            if near:
                return near
        return found

    def _learn(self, program: Program) -> None:
        for path, file in program.files.items():
            if path not in self._seen:
                self._seen.add(path)
                for function in file.functions:
                    if function.owner:
                        self._found[function.owner, function.name].append((file, function))

"""Which files import a name of a module, and may ask there whether it has a value."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployer_lib.probes.variables.flow.program import Program, SourceFile

__all__ = ["Users"]

_BROUGHT: Final = re.compile(rb"\bimport\s*\{([^}]*)\}\s*from\b|\bconst\s*\{([^}]*)\}\s*=\s*require\(")
_NAMES: Final = re.compile(rb"(?:^|,)\s*(?!type\s)(\w+)(?:\s*(?:as|:)\s*(\w+))?")
#: What a file asks of a name that it can't do without: ``!NAME``, ``NAME ==``, ``invariant(NAME``.
_ASKED: Final = rb"!\s*%b\b|\b%b\s*===?|\((?:!!)?%b\s*[,)]"
_ENDS: Final = re.compile(rb"\bthrow\b|\bexit\(|\bassert|\binvariant\b")
_MAY_END: Final = (b"throw", b"exit(", b"assert", b"invariant")  # one of which such a file holds
_MOST_USERS: Final = 40  # files that import one name; a name of more is asked for in some of them


class Users:
    """Finds the files that import a name."""

    def __init__(self) -> None:
        self._indexes: WeakKeyDictionary[Program, dict[bytes, list[tuple[str, bytes]]]] = WeakKeyDictionary()

    def of(self, name: str, file: SourceFile, program: Program) -> Iterator[tuple[SourceFile, str]]:
        """Yield the files that import a name of a file and may end the program for want of it, with the name there."""
        for path, local in self._index(program).get(name.encode(), ())[:_MOST_USERS]:
            source = program.bytes_of(path)
            asked = re.compile(_ASKED.replace(b"%b", re.escape(local)))
            if path == file.path or not _ENDS.search(source) or not asked.search(source):
                continue
            user = program.file(path)
            brought = user.imports.get(local.decode())
            if brought is not None and file.path in program.imported(user, brought):
                yield user, local.decode()

    def _index(self, program: Program) -> dict[bytes, list[tuple[str, bytes]]]:
        """Return where each name is imported, and as what, of the files that may end the program."""
        if program not in self._indexes:
            index: dict[bytes, list[tuple[str, bytes]]] = defaultdict(list)
            for path in program.holding(*_MAY_END):
                for found in _BROUGHT.finditer(program.source(path)):
                    for one in _NAMES.finditer(found[1] or found[2] or b""):
                        index[one[1]].append((path, one[2] or one[1]))
            self._indexes[program] = dict(index)
        return self._indexes[program]

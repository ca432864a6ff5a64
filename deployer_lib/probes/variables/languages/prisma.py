"""Prisma schemas: ``env("X")`` of a datasource or generator, which Prisma refuses to do without."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.languages.files import texts_of
from deployer_lib.probes.variables.languages.placeholders import line_of
from deployer_lib.probes.variables.model import Found, Read, Reference

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Prisma"]

#: Comments and strings are consumed first, so that nothing inside them is taken for a read.
_TOKEN: Final = re.compile(
    r"""//[^\n]*|/\*.*?\*/|\benv\(\s*"(?P<name>[A-Za-z_]\w*)"\s*\)|"(?:[^"\\\n]|\\.)*\"""", re.DOTALL
)


class Prisma:
    """Reads ``.prisma`` files."""

    language = "prisma"
    suffixes = frozenset({".prisma"})
    deploy = False

    def read(self, root: Path, files: Sequence[Path]) -> Found:
        """Return what the files, given relative to ``root``, read from the environment."""
        found = Found()
        for relative, text in texts_of(root, files, found):
            path = relative.as_posix()
            for match in _TOKEN.finditer(text):
                if match["name"]:
                    line, column = line_of(text, match.start())
                    reference = Reference(path, line, column, 'env("X")')
                    found.reads.append(Read(match["name"], "required", None, reference))
        return found

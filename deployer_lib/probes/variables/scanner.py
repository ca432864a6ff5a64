"""Run every language's reader over a project and put together what each read of a variable says of its need."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from deployer_lib.probes.variables.model import NEEDS, Need, Reference, Scan, Variable
from deployer_lib.probes.variables.python import PythonReader
from deployer_lib.probes.variables.sources import application_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from deployer_lib.probes.variables.python import Found

__all__ = ["READERS", "Reader", "scan"]


class Reader(Protocol):
    """Reads one language's sources."""

    language: str
    suffixes: frozenset[str]

    def read(self, root: Path, files: Sequence[Path]) -> Found:
        """Return what the files, given relative to ``root``, read from the environment."""
        ...


READERS: Final[tuple[Reader, ...]] = (PythonReader(),)


@dataclass(slots=True)
class _Tally:
    need: Need = "optional"
    default: str | None = None
    references: dict[Reference, None] | None = None


def scan(root: Path, *, exclude: Iterable[str] = ()) -> Scan:
    """Return the variables that the application's code below ``root`` reads.

    Args:
        root: the project's folder.
        exclude: patterns of paths, relative to it, that are left out.
    """
    tallies: dict[str, _Tally] = defaultdict(_Tally)
    skipped: list[tuple[str, str, int]] = []
    computed: list[Reference] = []
    counts: list[tuple[str, int]] = []
    patterns = tuple(exclude)
    for reader in READERS:
        files = list(application_files(root, reader.suffixes, patterns))
        found = reader.read(root, files)
        skipped.extend(found.skipped)
        computed.extend(found.computed)
        counts.append((reader.language, len(files) - len(found.skipped)))
        for read in found.reads:
            _add(tallies[read.name], read.need, read.default, read.reference)
    return Scan(
        tuple(_variable(name, tallies[name]) for name in sorted(tallies)),
        sum(count for _, count in counts),
        tuple(sorted(skipped)),
        tuple(sorted(set(computed))),
        tuple(counts),
    )


def _add(tally: _Tally, need: Need, default: str | None, reference: Reference) -> None:
    tally.need = min(tally.need, need, key=NEEDS.index)
    if tally.default is None:
        tally.default = default
    tally.references = {**(tally.references or {}), reference: None}


def _variable(name: str, tally: _Tally) -> Variable:
    return Variable(name, tally.need, tally.default, tuple(sorted(tally.references or {})))

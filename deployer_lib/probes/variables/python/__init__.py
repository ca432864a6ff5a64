"""Reads Python: ``os.environ`` and its aliases, settings classes, decouple, environ, environs, starlette, click, typer.

Functions that wrap a read are followed over files and over each other, until nothing new is found.
"""

from __future__ import annotations

import symtable
import warnings
from collections import defaultdict
from typing import TYPE_CHECKING, Final, cast

from deployer_lib.probes.variables.marks import MARKERS
from deployer_lib.probes.variables.model import Found, Read, Reference
from deployer_lib.probes.variables.python.names import Hole, Project
from deployer_lib.probes.variables.python.reads import KeyRead, reads_of
from deployer_lib.probes.variables.python.settings import settings_classes, settings_reads
from deployer_lib.probes.variables.python.values import plain
from deployer_lib.probes.variables.sources import MAX_BYTES, too_large

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from deployer_lib.probes.variables.python.module import Module

__all__ = ["PythonReader"]

_MAX_ROUNDS: Final = 12  # of wrappers around wrappers
#: Of the sources that don't mention the environment, up to which all are parsed to name what is broken; in more of them a
#: broken one hides no variable, and parsing would be most of a scan's cost.
_FEW_BYTES: Final = 500_000


class PythonReader:
    """Reads ``.py`` files."""

    language = "python"

    def __init__(self, marked: Collection[str] | None = None) -> None:
        """Make the reader.

        Args:
            marked: the files that may hold one of Python's marks, and any others; None where nobody has searched for them.
        """
        self._marked = marked

    suffixes = frozenset({".py", ".pyw"})

    def read(self, root: Path, files: Sequence[Path] | Sequence[str]) -> Found:
        """Return what the files, given relative to ``root``, read from the environment."""
        found = Found()
        project = Project(root, [f"{path}" for path in files], self._marked)
        marked = _marked(project, found)
        wrappers: dict[int, list[KeyRead]] = {}
        results: dict[str, list[KeyRead]] = {}
        for _ in range(_MAX_ROUNDS):
            results = {path: list(_reads(project, project.module(path), wrappers)) for path in marked}
            before = _shape(wrappers), marked
            wrappers = _wrappers(project, results)
            marked = _with_callers(project, marked, wrappers, found)
            if (_shape(wrappers), marked) == before:
                break
        for path, reads in results.items():
            _collect(found, path, reads, project.module(path))
        return found


def _marked(project: Project, found: Found) -> list[str]:
    """Return the files that may touch the environment; what is no Python is named, among the others while they are few."""
    marked = project.holding(*MARKERS["python"])
    for path in (*marked, *_few(project, frozenset(marked), found)):
        try:
            fault = _fault(project.source(path))
        except OSError as error:
            fault = f"it can't be read: {error.strerror}", 0
        if fault is not None:
            found.skipped.append((path, *fault))
    broken = {path for path, _, _ in found.skipped}
    return [path for path in marked if path not in broken]


def _few(project: Project, marked: frozenset[str], found: Found) -> list[str]:
    """Return the files that don't mention the environment, none where they are many; what is too large is named."""
    others: list[str] = []
    huge: list[tuple[str, str, int]] = []
    left = _FEW_BYTES
    for path in project.paths:
        if path in marked:
            continue
        size = project.size(path)
        if size > MAX_BYTES:
            huge.append((path, too_large(size), 0))
            continue
        others.append(path)
        left -= size
        if left < 0:
            return []
    found.skipped.extend(huge)
    return others


def _fault(source: bytes) -> tuple[str, int] | None:
    """Return why a file is no Python, and its line; by the interpreter's own parser, up to its table of names."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            symtable.symtable(cast("str", source), "<source>", "exec")  # it takes bytes as compile() does
    except SyntaxError as error:
        return f"it does not parse: {error.msg}", error.lineno or 0
    except (ValueError, RecursionError, MemoryError) as error:
        return f"it does not parse: {error}", 0
    return None


def _reads(project: Project, module: Module, wrappers: dict[int, list[KeyRead]]) -> list[KeyRead]:
    return [*reads_of(project, module, wrappers), *settings_reads(project, module)]


def _wrappers(project: Project, results: dict[str, list[KeyRead]]) -> dict[int, list[KeyRead]]:
    """Return the reads that hang on a parameter, by the function that has it."""
    found: dict[int, list[KeyRead]] = defaultdict(list)
    known = {function.node.id for module in project.modules.values() for function in module.by_name.values()}
    for reads in results.values():
        for read in reads:
            holes = {part.function for part in read.key if isinstance(part, Hole)}
            if len(holes) == 1 and (function := holes.pop()) in known:
                found[function].append(read)
    return dict(found)


def _shape(wrappers: dict[int, list[KeyRead]]) -> set[tuple[int, object, object]]:
    return {(function, read.key, read.judged) for function, reads in wrappers.items() for read in reads}


def _with_callers(
    project: Project, marked: list[str], wrappers: dict[int, list[KeyRead]], found: Found
) -> list[str]:
    names = {
        function.name.rpartition(".")[2].encode()
        for module in project.modules.values()
        for function in module.by_name.values()
        if function.node.id in wrappers
    }
    names |= _owners(project, wrappers)
    names |= {name.encode() for path in marked for name in settings_classes(project, project.module(path))}
    if not names:
        return marked
    skipped = {path for path, _, _ in found.skipped}
    calling = {*marked, *project.holding(*sorted(names))}
    return [path for path in project.paths if path in calling and path not in skipped]


def _owners(project: Project, wrappers: dict[int, list[KeyRead]]) -> set[bytes]:
    """Return the classes whose ``__init__`` or ``__call__`` reads; their callers name the class alone."""
    return {
        name.rpartition(".")[0].encode()
        for module in project.modules.values()
        for name, function in module.by_name.items()
        if function.node.id in wrappers and name.endswith(("__init__", "__call__"))
    }


def _collect(found: Found, path: str, reads: list[KeyRead], module: Module) -> None:
    for read in reads:
        row, column = read.node.start_point
        reference = Reference(path, row + 1, column + 1, read.idiom)
        name = plain(read.key)
        if name:
            found.reads.append(Read(name, read.judged.need, read.judged.default, reference))
        elif not read.key or not any(
            part.function in module.functions for part in read.key if isinstance(part, Hole)
        ):
            found.computed.append(reference)

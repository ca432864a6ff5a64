"""Reads Python: ``os.environ`` and its aliases, settings classes, decouple, environ, environs, starlette, click, typer.

Functions that wrap a read are followed over files and over each other, until nothing new is found.
"""

from __future__ import annotations

import ast
import warnings
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.model import Found, Read, Reference
from deployer_lib.probes.variables.python.idioms import MARKERS
from deployer_lib.probes.variables.python.names import Hole, Project
from deployer_lib.probes.variables.python.reads import KeyRead, reads_of
from deployer_lib.probes.variables.python.settings import settings_classes, settings_reads
from deployer_lib.probes.variables.python.values import plain

if TYPE_CHECKING:
    from collections.abc import Sequence
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
    suffixes = frozenset({".py", ".pyw"})

    def read(self, root: Path, files: Sequence[Path]) -> Found:
        """Return what the files, given relative to ``root``, read from the environment."""
        found = Found()
        project = Project(root, [path.as_posix() for path in files])
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
    marked: list[str] = []
    others: list[str] = []
    for path in project.files:
        try:
            source = project.source(path)
        except OSError as error:
            found.skipped.append((path, f"it can't be read: {error.strerror}", 0))
            continue
        (marked if any(marker in source for marker in MARKERS) else others).append(path)
    few = sum(len(project.source(path)) for path in others) <= _FEW_BYTES
    for path in [*marked, *(others if few else ())]:
        fault = _fault(project.source(path))
        if fault is not None:
            found.skipped.append((path, *fault))
    broken = {path for path, _, _ in found.skipped}
    return [path for path in marked if path not in broken]


def _fault(source: bytes) -> tuple[str, int] | None:
    """Return why a file is no Python, and its line; compiled, since that is what the interpreter will do."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(source)
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
    skipped = {path for path, _, _ in found.skipped}
    return [
        path
        for path in project.files
        if path not in skipped
        and (path in set(marked) or any(name in project.source(path) for name in names))
    ]


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

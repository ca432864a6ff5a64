"""What a Python project's production code imports, and how sure it is to need it."""

from __future__ import annotations

import ast
import os
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.manifests import build_backend_folders
from deployer_lib.probes.variables.sources import list_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["TOOL_FOLDERS", "Import", "is_first_party", "production_imports"]

_MAX_BYTES: Final = 5_000_000  # a source file beyond this is generated
#: Folders directly below the project that hold tools of developers: their imports may be development dependencies.
TOOL_FOLDERS: Final = frozenset({"scripts", "tools", "bin", "ci", "hack", "tasks", "contrib", "notebooks"})
_IMPORT_ERRORS: Final = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
_TOOL_FILES: Final = frozenset(
    {"setup.py", "tasks.py", "fabfile.py", "dodo.py", "noxfile.py", "gulpfile.py", "locustfile.py"}
)


@dataclass(frozen=True, slots=True)
class Import:
    """One import of a module that is not the project's own and not in the standard library."""

    module: str  # dotted, as imported
    file: str  # relative to the project
    line: int
    optional: bool  # guarded by except ImportError
    lazy: bool  # made inside a function, so that it fails when that is called
    typing_only: bool  # under TYPE_CHECKING: never run

    @property
    def top(self) -> str:
        """Return the first part of the module's name."""
        return self.module.partition(".")[0]


def production_imports(project: Path, exclude: Iterable[str] = ()) -> tuple[list[Import], int, list[str]]:
    """Return foreign imports of production code, the number of files read, and what could not be read: a sentence's begin each."""
    found: list[Import] = []
    listing = list_files(project, exclude)
    unparsed = [f"{name} was not looked at ({why})" for name, why, _ in listing.skipped]
    count = 0
    backend = build_backend_folders(project)
    for file in listing.files:
        relative = Path(file)
        if relative.suffix != ".py" or listing.size(file) > _MAX_BYTES:
            continue
        if relative.parts[0] in TOOL_FOLDERS or relative.name in _TOOL_FILES:
            continue
        if any(relative.is_relative_to(folder) for folder in backend if folder not in {"", "."}):
            continue
        try:
            file.encode()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse((project / relative).read_bytes())
        except OSError as error:
            unparsed.append(f"{file} can't be opened ({error.strerror})")
            continue
        except UnicodeEncodeError:
            shown = os.fsencode(file).decode("utf-8", "backslashreplace")
            unparsed.append(f"{shown} has a name that is no UTF-8")
            continue
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            unparsed.append(f"{file} does not parse")
            continue
        count += 1
        found += [
            item
            for item in _imports(tree, relative.as_posix())
            if item.top not in sys.stdlib_module_names and not is_first_party(project, relative, item.top)
        ]
    return found, count, unparsed


def is_first_party(project: Path, importer: Path, top: str) -> bool:
    """Tell whether a top-level name is a module of the project, seen from one of its files."""
    for folder in (*importer.parents,):
        for base in (project / folder, project / folder / "src", project / folder / "lib"):
            if (base / f"{top}.py").is_file() or (base / f"{top}.pyi").is_file():
                return True
            package = base / top
            if package.is_dir() and ((package / "__init__.py").is_file() or any(package.glob("*.py"))):
                return True
            if package.is_dir() and folder == Path() and any(package.rglob("*.py")):
                return True
    return False


def _imports(tree: ast.AST, file: str) -> Iterator[Import]:
    stack: list[tuple[ast.AST, bool, bool, bool]] = [(tree, False, False, False)]
    while stack:
        node, optional, lazy, typing_only = stack.pop()
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, file, node.lineno, optional, lazy, typing_only)
        elif isinstance(node, ast.ImportFrom):
            if not node.level and node.module:
                yield Import(node.module, file, node.lineno, optional, lazy, typing_only)
        elif isinstance(node, ast.Try):
            guarded = any(_catches_import(handler) for handler in node.handlers)
            stack += [(child, optional or guarded, lazy, typing_only) for child in node.body]
            # What is imported instead is as optional: one of the two suffices.
            stack += [
                (child, optional or guarded, lazy, typing_only) for child in (*node.handlers, *node.orelse)
            ]
            stack += [(child, optional, lazy, typing_only) for child in node.finalbody]
        elif isinstance(node, ast.If) and _is_type_checking(node.test):
            stack += [(child, optional, lazy, True) for child in node.body]
            stack += [(child, optional, lazy, typing_only) for child in node.orelse]
        else:
            inside = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            stack += [(child, optional, lazy or inside, typing_only) for child in ast.iter_child_nodes(node)]


def _catches_import(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    names = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(name, ast.Name) and name.id in _IMPORT_ERRORS for name in names)


def _is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )

"""Read Python settings by their syntax: assignments one after the other, imports within the project; nothing is run.

What can't be told so is Unknown with its line: a value made by a call of a library, a loop, a condition on such a value.
"""

from __future__ import annotations

import ast
import contextlib
import warnings
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Location
from deployer_lib.probes.configuration.model import MAX_BYTES, Path, Settings, Tree, Unknown, Unreadable
from deployer_lib.probes.configuration.python_calls import is_reader
from deployer_lib.probes.configuration.python_scope import (
    Budget,
    Function,
    Gone,
    Imported,
    Returned,
    Scope,
    Value,
    unknown,
)
from deployer_lib.probes.configuration.python_values import evaluate, truth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deployer_lib.probes.configuration.model import TargetVariables

__all__ = ["read_python", "run_function"]

_MAX_FILES: Final = 40
_ROOTS: Final = ("", "src", "app", "backend", "server")
_MAX_DEPTH: Final = 30
_NAMESPACES: Final = frozenset({"locals", "globals", "vars"})
#: What runs other code as if it stood here: exec of a file, django-split-settings' include.
_RUNNERS: Final = frozenset({"exec", "include"})


def read_python(text: str, file: str, variables: TargetVariables, root: FilePath) -> Settings:
    """Return the module-level names of Python settings, classes as maps of their attributes.

    Raises:
        Unreadable: it is no Python.
    """
    module = _Module(root, Scope(file, variables, Budget()), [file])
    module.run(_parsed(text).body)
    names = {
        name: _data(value)
        for name, value in module.scope.names.items()
        if not name.startswith("__") and not isinstance(value, Imported | Function)
    }
    return Settings(file, names, module.scope.places)


def _parsed(text: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in somebody's settings is not ours to tell
            return ast.parse(text)
    except SyntaxError as error:
        raise Unreadable(f"it is no Python: {error.msg}", error.lineno or 0) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise Unreadable(f"it is no Python: {type(error).__name__}") from error


def _data(value: Value, depth: int = 0) -> Tree:
    if isinstance(value, Imported | Function) or depth > _MAX_DEPTH:
        return Unknown("it is made at run time")
    if isinstance(value, dict):
        return {str(name): _data(item, depth + 1) for name, item in value.items()}
    if isinstance(value, list):
        return [_data(item, depth + 1) for item in value]
    return value if isinstance(value, str | int | float | bool | Unknown | None) else Unknown("it is no data")


class _Module:
    """One file of settings while its statements are gone through."""

    def __init__(self, root: FilePath, scope: Scope, files: list[str]) -> None:
        self.root = root
        self.scope = scope
        self.files = files  # read so far, this one and those that it imports

    def run(self, body: Sequence[ast.stmt]) -> None:
        """Go through statements; one that raises leaves what it would have set Unknown."""
        for statement in body:
            try:
                self._statement(statement)
            except Gone as gone:
                self._forget([statement], gone.why)
            except RecursionError:
                self._forget([statement], "it is nested too deeply")

    def _statement(self, node: ast.stmt) -> None:  # noqa: C901, PLR0912  (a table of node types)
        match node:
            case ast.Assign():
                value = evaluate(node.value, self.scope)
                for target in node.targets:
                    self._assign(target, value, node.value)
            case ast.AnnAssign(value=ast.expr() as given):
                self._assign(node.target, evaluate(given, self.scope), given)
            case ast.AugAssign():
                self._augment(node)
            case ast.If():
                self._branch(node)
            case ast.Try():
                self._try(node)
            case ast.ImportFrom():
                self._import_from(node)
            case ast.Import():
                for name in node.names:
                    self.scope.names[name.asname or name.name.partition(".")[0]] = Imported(
                        name.name if name.asname else name.name.partition(".")[0]
                    )
            case ast.FunctionDef():
                self.scope.names[node.name] = Function(node, self.scope)
            case ast.ClassDef():
                self._class(node)
            case ast.With():
                self.run(node.body)
            case ast.Expr(value=ast.Call() as call):
                self._effect(call)
            case ast.Return():
                raise Returned(None if node.value is None else evaluate(node.value, self.scope))
            case ast.Raise():
                raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
                raise Gone(ast.unparse(raised) if raised else "", "the settings raise there")
            case ast.Expr() | ast.Pass() | ast.Assert() | ast.Global():
                pass
            case _:
                self._forget([node], "it is made in a loop, or at run time")

    # -- assignments --

    def _assign(self, target: ast.expr, value: Value, node: ast.expr | None) -> None:
        if isinstance(target, ast.Name):
            self.scope.names[target.id] = value
            self._place((target.id,), target, node)
        elif isinstance(target, ast.Tuple | ast.List):
            for index, part in enumerate(target.elts):
                item = value[index] if isinstance(value, list) and index < len(value) else None
                known = isinstance(value, list) and index < len(value)
                self._assign(part, item if known else unknown(target, "it is made at run time"), None)
        elif isinstance(target, ast.Subscript):
            owner, key = evaluate(target.value, self.scope), evaluate(target.slice, self.scope)
            if isinstance(owner, dict) and isinstance(key, str | int):
                owner[str(key)] = value
                self._place(_written(target), target, node)
            elif _reaches_names(target):
                self._forget_all(target, "a name is set from outside")
            elif not isinstance(owner, Imported):
                self._forget_name(target, "an entry is set at run time")

    def _augment(self, node: ast.AugAssign) -> None:
        load = ast.parse(ast.unparse(node.target), mode="eval").body
        operation = ast.copy_location(ast.BinOp(load, node.op, node.value), node)
        self._assign(node.target, evaluate(ast.fix_missing_locations(operation), self.scope), node.value)

    def _place(self, path: Path, target: ast.AST, node: ast.expr | None, depth: int = 0) -> None:
        if not path or depth > _MAX_DEPTH:
            return
        self.scope.places[path] = Location(self.scope.file, getattr(target, "lineno", 0))
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant):
                    self._place((*path, str(key.value)), key, value, depth + 1)
        elif isinstance(node, ast.List | ast.Tuple | ast.Set):
            for index, item in enumerate(node.elts):
                self._place((*path, str(index)), item, item, depth + 1)
        elif isinstance(node, ast.Call):
            for word in node.keywords:
                if word.arg is not None:
                    self._place((*path, word.arg), word, word.value, depth + 1)

    def _effect(self, call: ast.Call) -> None:
        """Go through a call whose value nobody takes: a list is appended to, or names are changed from outside."""
        if _reaches_names(call) or _is_named(call, _RUNNERS):
            self._forget_all(call, "a call may change it from outside")
            return
        done = evaluate(call, self.scope)
        if isinstance(done, Unknown) and isinstance(call.func, ast.Attribute):
            root = call.func.value
            owner = evaluate(root, self.scope)
            if not isinstance(owner, Imported) or not is_reader(f"{owner.dotted}.{call.func.attr}"):
                self._forget_name(root, f".{call.func.attr}() changes it at run time")

    # -- ways --

    def _branch(self, node: ast.If) -> None:
        holds = truth(evaluate(node.test, self.scope))
        if holds is None:
            self._forget([*node.body, *node.orelse], "it depends on what is known at run time only")
        else:
            self.run_through(node.body if holds else node.orelse)

    def run_through(self, body: Sequence[ast.stmt]) -> None:
        """Go through statements and let what they raise through."""
        for statement in body:
            self._statement(statement)

    def _try(self, node: ast.Try) -> None:
        try:
            self.run_through(node.body)
        except Gone as gone:
            for handler in node.handlers:
                kinds = ast.unparse(handler.type) if handler.type else ""
                broad = not kinds or "Exception" in kinds.split(".") or kinds == "Exception"
                if broad or gone.name.rpartition(".")[2] in kinds:
                    self.run_through(handler.body)
                    break
            else:
                raise
        else:
            self.run_through(node.orelse)
        self.run_through(node.finalbody)

    def _class(self, node: ast.ClassDef) -> None:
        inner = _Module(self.root, self.scope.inner(), self.files)
        made: dict[str, Value] = {}
        bases = [evaluate(base, self.scope) for base in node.bases]
        for base in reversed(bases):
            made |= base if isinstance(base, dict) else {}
        inner.run(node.body)
        made |= {name: value for name, value in inner.scope.names.items() if not isinstance(value, Function)}
        if any(isinstance(base, Imported) and base.dotted.endswith("BaseSettings") for base in bases):
            made = {name: unknown(node, "pydantic fills it in from the environment") for name in made}
        self.scope.names[node.name] = made
        self.scope.places[(node.name,)] = Location(self.scope.file, node.lineno)
        for path, place in inner.scope.places.items():
            self.scope.places[node.name, *path] = place

    def _forget_all(self, node: ast.AST, why: str) -> None:
        """Take every setting as Unknown: what the node does may have set any."""
        for name, value in self.scope.names.items():
            if not isinstance(value, Imported | Function):
                self.scope.names[name] = unknown(node, why)

    def _forget(self, body: Sequence[ast.AST], why: str) -> None:
        for statement in body:
            for part in ast.walk(statement):
                if _is_named(part, _NAMESPACES | _RUNNERS):
                    self._forget_all(part, why)
                elif isinstance(part, ast.Name | ast.Subscript) and not isinstance(part.ctx, ast.Load):
                    self._forget_name(part, why)
                elif isinstance(part, ast.Expr) and isinstance(part.value, ast.Call):
                    if isinstance(part.value.func, ast.Attribute):
                        self._forget_name(part.value.func.value, why)
                elif isinstance(part, ast.ImportFrom):
                    for name in part.names:
                        if name.name != "*":
                            self.scope.names[name.asname or name.name] = unknown(part, why)

    def _forget_name(self, target: ast.expr, why: str) -> None:
        path = _written(target)
        if not path:
            return
        owner: Value = self.scope.names
        for name in path[:-1]:
            found = owner.get(name) if isinstance(owner, dict) else None
            if not isinstance(found, dict):
                break
            owner = found
        if isinstance(owner, dict) and not isinstance(owner.get(path[-1]), Imported):
            owner[path[-1]] = unknown(target, why)
            self.scope.places.setdefault(path, Location(self.scope.file, target.lineno))

    # -- imports --

    def _import_from(self, node: ast.ImportFrom) -> None:
        path = self._module_file(node)
        if path is None:
            if node.level:
                raise Gone("ImportError", f"there is no module {node.module or '.'} in the project")
            for name in node.names:
                self.scope.names[name.asname or name.name] = Imported(f"{node.module}.{name.name}")
            if any(name.name == "*" for name in node.names):
                self.scope.names.pop("*", None)
            return
        scope = self._read_module(path)
        for name in node.names:
            if name.name == "*":
                self.scope.names |= {n: v for n, v in scope.names.items() if not n.startswith("_")}
                self.scope.places |= scope.places
                continue
            known = name.asname or name.name
            self.scope.names[known] = scope.look_up(name.name)
            for place, where in list(scope.places.items()):
                if place[0] == name.name:
                    self.scope.places[known, *place[1:]] = where

    def _module_file(self, node: ast.ImportFrom) -> str | None:
        """Return the project's file that a module is, None where it is none of the project's."""
        steps = (node.module or "").split(".") if node.module else []
        if node.level:
            folder = FilePath(self.scope.file).parent
            for _ in range(node.level - 1):
                folder = folder.parent
            bases = [folder]
        else:
            own = FilePath(self.scope.file).parent
            bases = [*(FilePath(name) for name in _ROOTS), *own.parents]
        for base in bases:
            stem = base.joinpath(*steps)
            for path in (stem.with_suffix(".py") if stem.name else stem, stem / "__init__.py"):
                if steps or node.level:
                    with contextlib.suppress(OSError, ValueError):
                        if path.suffix == ".py" and (self.root / path).is_file():
                            return path.as_posix()
        return None

    def _read_module(self, file: str) -> Scope:
        if file in self.files or len(self.files) > _MAX_FILES:
            raise Gone("ImportError", f"{file} is imported in a circle")
        path = self.root / file
        try:
            if path.stat().st_size > MAX_BYTES or not path.resolve().is_relative_to(self.root.resolve()):
                raise Gone("", f"{file} is too large, or lies outside of the project")
            body = _parsed(path.read_text(encoding="utf-8-sig")).body
        except (OSError, UnicodeDecodeError, Unreadable) as error:
            raise Gone("", f"{file} can't be read: {type(error).__name__}") from error
        module = _Module(self.root, Scope(file, self.scope.variables, self.scope.budget), [*self.files, file])
        module.run(body)
        return module.scope


def _is_named(node: ast.AST, names: frozenset[str]) -> bool:
    """Tell whether a node is a call of one of these."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names


def _reaches_names(node: ast.AST) -> bool:
    """Tell whether the module's own names are taken hold of as a map somewhere in a node."""
    return any(_is_named(part, _NAMESPACES) for part in ast.walk(node))


def _written(target: ast.expr) -> Path:
    """Return the path that a target is written as; empty where a step of it is computed."""
    steps: list[str] = []
    while isinstance(target, ast.Subscript | ast.Attribute):
        if isinstance(target, ast.Attribute):
            return ()
        if not isinstance(target.slice, ast.Constant):
            steps.clear()  # any entry may be meant: the whole is
        else:
            steps.append(str(target.slice.value))
        target = target.value
    return (target.id, *reversed(steps)) if isinstance(target, ast.Name) else ()


def run_function(function: Function, given: Sequence[Value], named: dict[str, Value]) -> Value:
    """Return what a function of the settings returns.

    Raises:
        Gone: it raises, where that can be told.
    """
    scope, arguments = function.scope.inner(), function.node.args
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    plain = [*names, *(argument.arg for argument in arguments.kwonlyargs)]
    for name, default in zip(reversed(names), reversed(arguments.defaults), strict=False):
        scope.names[name] = evaluate(default, function.scope)
    for argument, fallback in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if fallback is not None:
            scope.names[argument.arg] = evaluate(fallback, function.scope)
    if arguments.vararg or arguments.kwarg or len(given) > len(names) or set(named) - set(plain):
        return unknown(function.node, "it is called in a way that is not followed")
    scope.names |= dict(zip(names, given, strict=False)) | named
    scope.budget.depth += 1
    try:
        if not scope.budget.spend():
            return unknown(function.node, "it calls itself too often")
        if isinstance(function.node, ast.Lambda):
            return evaluate(function.node.body, scope)
        module = _Function(FilePath(), scope, [])
        module.run_through(function.node.body)
    except Returned as returned:
        return returned.value
    finally:
        scope.budget.depth -= 1
    return unknown(function.node, "it may return anything") if module.unsure else None


class _Function(_Module):
    """A function's body: where a branch can't be told, neither can what it returns."""

    unsure = False

    def _forget(self, body: Sequence[ast.AST], why: str) -> None:
        super()._forget(body, why)
        if any(
            isinstance(part, ast.Return | ast.Raise) for statement in body for part in ast.walk(statement)
        ):
            line = getattr(body[0], "lineno", 0) if body else 0
            raise Returned(Unknown(why, line))

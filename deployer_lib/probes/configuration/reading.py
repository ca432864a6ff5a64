"""Read a configuration file by its name, and say what the target's variables are."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Final

from deployer_lib.app.recipe import HOST
from deployer_lib.app.surroundings import PLACEHOLDERS, fill
from deployer_lib.check import Location
from deployer_lib.errors import DeployerError
from deployer_lib.parameters.reader import load
from deployer_lib.probes.configuration.javascript_file import SUFFIXES, Evaluator, read_javascript
from deployer_lib.probes.configuration.json_file import read_json
from deployer_lib.probes.configuration.lines_file import read_dotenv, read_ini, read_properties, read_toml
from deployer_lib.probes.configuration.model import MAX_BYTES, Settings, TargetVariables, Unreadable
from deployer_lib.probes.configuration.python_file import read_python
from deployer_lib.probes.configuration.yaml_file import read_yaml
from deployer_lib.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deployer_lib.probes.context import Context

__all__ = ["Reader", "declared_variables"]

_BY_SUFFIX: Final = {
    ".yaml": read_yaml,
    ".yml": read_yaml,
    ".json": read_json,
    ".jsonc": read_json,
    ".toml": read_toml,
    ".env": read_dotenv,
    ".ini": read_ini,
    ".cfg": read_ini,
    ".conf": read_ini,
    ".properties": read_properties,
}
_READ: Final = ", ".join([*_BY_SUFFIX, ".py", ".js"])
_DOTENV: Final = re.compile(r"(?:\.env|env)(?:\..+)?")
_PLACEHOLDER: Final = re.compile(r"\{(" + "|".join(PLACEHOLDERS) + r")\}")


@dataclass(slots=True)
class Reader:
    """Reads files of one project for one target; each once."""

    root: FilePath
    variables: TargetVariables
    evaluator: Evaluator
    parameters: str = "parameters/environment.yaml"  # the environment's own file, for fixes
    _read: dict[str, Settings | Unreadable] = field(default_factory=dict)

    @classmethod
    def of(cls, ctx: Context) -> Reader:
        """Return the reader of an environment's project."""
        evaluator = Evaluator(ctx.project, ctx.scratch / "configuration")
        own = f"parameters/{ctx.parameters.environment}.yaml"
        return cls(ctx.project, declared_variables(ctx), evaluator, own)

    def read(self, file: str) -> Settings:
        """Return what a file says.

        Raises:
            Unreadable: it is not there, too large, or not what its name says.
        """
        if file not in self._read:
            try:
                self._read[file] = self._fresh(file)
            except Unreadable as problem:
                self._read[file] = problem
        found = self._read[file]
        if isinstance(found, Unreadable):
            raise found
        return found

    def _fresh(self, file: str) -> Settings:
        text = self._text(file)
        name = FilePath(file).name
        suffix = FilePath(file).suffix.lower()
        if suffix == ".py":
            return read_python(text, file, self.variables, self.root)
        if suffix in SUFFIXES:
            return read_javascript(text, file, self.variables, self.evaluator)
        way = read_dotenv if _DOTENV.fullmatch(name) else _BY_SUFFIX.get(suffix)
        if way is None:
            raise Unreadable(f"its format is not read here; {_READ} are")
        return way(text, file, self.variables)

    def _text(self, file: str) -> str:
        path = self.root / file
        try:
            if not path.resolve().is_relative_to(self.root.resolve()):
                raise Unreadable("it lies outside of the project")
            if path.is_dir():
                raise Unreadable("it is a folder")
            if not path.is_file():
                raise Unreadable("there is no such file")
            with path.open("rb") as stream:
                data = stream.read(MAX_BYTES + 1)
        except (OSError, ValueError, RuntimeError) as error:
            raise Unreadable(f"it can't be opened: {getattr(error, 'strerror', None) or error}") from error
        if len(data) > MAX_BYTES:
            raise Unreadable(f"it is larger than {MAX_BYTES // 1_000_000} MB, so nobody wrote it")
        if b"\0" in data:
            raise Unreadable("it is binary")
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Unreadable("it is not UTF-8", data.count(b"\n", 0, error.start) + 1) from error


def declared_variables(ctx: Context) -> TargetVariables:
    """Return the target's variables as its parameters declare them, secrets and placeholders filled in."""
    deploy = ctx.parameters.deploy
    filled_in = {
        "environment": ctx.parameters.environment,
        "host": HOST,
        "project": str(ctx.project),
        "state": str(ctx.places.state),
        **({"port": str(deploy.port)} if deploy.port else {}),
    }
    values: dict[str, str] = {}
    unknown: dict[str, str] = {}
    secrets: set[str] = set()
    for name, given in deploy.variables.items():
        if isinstance(given, Secret):
            try:
                values[name] = given.resolve(root=ctx.root, made=ctx.places.state / "secrets")
                secrets.add(values[name])
            except DeployerError as error:
                unknown[name] = f"can't be had: {error.message}"
        else:
            text = fill(given, filled_in)
            values[name] = text
            if deploy.kind == "process" and _PLACEHOLDER.search(text):
                unknown[name] = "is filled in at the deployment"
    for name in unknown:
        values.pop(name, None)
    return TargetVariables(values, unknown, frozenset(secrets), deploy.kind == "process", _places(ctx))


def _places(ctx: Context) -> Mapping[str, Location]:
    """Return where each variable is declared; nothing where the parameters come from no file."""
    try:
        origins = load(ctx.root, ctx.parameters.environment).origins
    except DeployerError:
        return {}
    prefix = "deploy.variables."
    return {
        key.removeprefix(prefix): Location(origin.file, origin.line)
        for key, origin in origins.items()
        if key.startswith(prefix)
    }

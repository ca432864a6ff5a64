"""Evaluate JavaScript settings in a process of their own: no network, no children, no writing, a limit on everything."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, Final

from deployer_lib.app.commands import run_command
from deployer_lib.check import JSONValue, Location
from deployer_lib.errors import ProcessError
from deployer_lib.probes.configuration.masking import mask_text, secrets_of
from deployer_lib.probes.configuration.model import (
    MAX_BYTES,
    Path,
    Settings,
    TargetVariables,
    Tree,
    Unknown,
    Unreadable,
)
from deployer_lib.probes.variables.sources import list_files

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["SUFFIXES", "Evaluator", "read_javascript"]

#: Files that node evaluates.
SUFFIXES: Final = frozenset({".js", ".cjs", ".mjs", ".ts", ".cts", ".mts"})
_CODE: Final = SUFFIXES | {".json"}
_SCRIPT: Final = ".evaluate.mjs"
#: Variables that would change how the process is held, and not what the settings say.
_HOLDS: Final = re.compile(r"NODE_OPTIONS$|NODE_PATH$|LD_|DYLD_")
_TIMEOUT_S: Final = 10.0
_MEMORY_MB: Final = 256
_MAX_FILES: Final = 5_000
#: What an undeclared variable is tried as, where the target's variables are not all known.
_SAMPLES: Final = ("1", "deployer-sample", "true", "false")
_COMPARED: Final = re.compile(
    r"""(?:[!=]==?|\bcase)\s*["'`]([\w.:/-]{1,40})["'`]|["'`]([\w.:/-]{1,40})["'`]\s*[!=]==?"""
)
_MAX_COMPARED: Final = 12
_KEYS: Final = re.compile(
    r"""["']?([A-Za-z_$][\w$-]*)["']?\s*:(?!:)|(?:exports|module\.exports)\.([\w$]+)\s*="""
)


@dataclass(slots=True)
class Evaluator:
    """Where settings are evaluated: a copy of the project's code, and how this machine's node is held."""

    project: FilePath
    copy: FilePath
    timeout_s: float = _TIMEOUT_S
    _command: tuple[str, ...] = ()

    def command(self) -> tuple[str, ...]:
        """Return the words before the script's own; the first call makes the copy.

        Raises:
            Unreadable: there is no node, or none that can be held.
        """
        if not self._command:
            node = shutil.which("node")
            if node is None:
                raise Unreadable("there is no node on this machine that could evaluate it")
            self._copy()
            self._command = (*_without_network(), node, *self._flags(node), str(self.copy / _SCRIPT))
        return self._command

    def _copy(self) -> None:
        """Copy the project's code; its packages stay where they are and are only read."""
        self.copy.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(str(files(__package__) / "evaluate.mjs"), self.copy / _SCRIPT)
        listing = list_files(self.project)
        some = [name for name in listing.files if FilePath(name).suffix in _CODE]
        for name in some[:_MAX_FILES]:
            if listing.size(name) <= MAX_BYTES:
                (self.copy / name).parent.mkdir(parents=True, exist_ok=True)
                with contextlib.suppress(OSError):  # one that can't be read is missed by whoever imports it
                    shutil.copyfile(self.project / name, self.copy / name)
        if self._packages().is_dir() and not (self.copy / "node_modules").exists():
            (self.copy / "node_modules").symlink_to(self._packages())

    def _packages(self) -> FilePath:
        return (self.project / "node_modules").resolve()

    def _flags(self, node: str) -> list[str]:
        """Return how this node is held: its permission model under the name it has here, memory, TypeScript."""
        asked = _asked([node, "--help"])
        known = set(re.findall(r"--[a-z-]+", asked.stdout))
        permission = next((f for f in ("--permission", "--experimental-permission") if f in known), "")
        if not permission:
            raise Unreadable("this node can't be kept from writing files; version 20 and later can")
        folders = [self.copy, *([self._packages()] if self._packages().is_dir() else [])]
        types = ["--experimental-strip-types"] if "--experimental-strip-types" in known else []
        return [
            f"--max-old-space-size={_MEMORY_MB}",
            "--no-warnings",
            permission,
            *(f"--allow-fs-read={folder}/*" for folder in folders),
            *types,
        ]


def read_javascript(text: str, file: str, variables: TargetVariables, evaluator: Evaluator) -> Settings:
    """Return what a settings file exports; functions and undefined are left out.

    Raises:
        Unreadable: there is no node, the file throws, takes too long, or exports nothing that can be read.
    """
    first = _evaluated(file, variables, evaluator, "")
    tree = first["tree"]
    if (first["absent"] and not variables.complete) or set(first["absent"]) & set(variables.unknown):
        samples = dict.fromkeys((*_SAMPLES, *_compared(text)))
        others = [_tried(file, variables, evaluator, sample) for sample in samples]
        names = ", ".join(first["absent"][:5])
        tree = _agreed(tree, others, Unknown(f"it depends on {names}, which deploy.variables does not tell"))
    return Settings(file, _marked(tree), _places(text, file, tree))


def _compared(text: str) -> list[str]:
    """Return the texts that a file may compare a variable with: one of them may turn the settings round."""
    found = [match[1] or match[2] for match in _COMPARED.finditer(text)]
    return list(dict.fromkeys(found))[:_MAX_COMPARED]


def _tried(file: str, variables: TargetVariables, evaluator: Evaluator, sample: str) -> object:
    try:
        return _evaluated(file, variables, evaluator, sample)["tree"]
    except Unreadable:
        return None  # with such a value it throws: nothing of it is told


def _evaluated(file: str, variables: TargetVariables, evaluator: Evaluator, sample: str) -> dict[str, Any]:
    mark = secrets.token_hex(8)
    command = evaluator.command()
    if not (evaluator.copy / file).exists():  # in a folder that holds no code of the application
        (evaluator.copy / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(evaluator.project / file, evaluator.copy / file)
    argv = [*command, str(evaluator.copy / file), sample, mark]
    lines: list[str] = []

    def keep(line: str) -> None:
        if line.startswith(mark):
            lines.append(line.removeprefix(mark))

    try:
        with (evaluator.copy / ".errors").open("wb") as errors:
            done = run_command(
                argv,
                cwd=evaluator.copy,
                env={name: value for name, value in variables.values.items() if not _HOLDS.match(name)},
                timeout_s=evaluator.timeout_s,
                on_line=keep,
                stderr=errors,
            )
    except ProcessError as error:
        raise Unreadable(f"node could not evaluate it: {error.message}") from error
    if done.exit_code is None:
        raise Unreadable(f"evaluating it took longer than {evaluator.timeout_s:g} s")
    try:
        answer = json.loads("".join(lines))
    except ValueError:
        raise Unreadable(f"evaluating it ended with {done.exit_code} and without an answer") from None
    return _sound(answer, evaluator, variables)


def _sound(answer: object, evaluator: Evaluator, variables: TargetVariables) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise Unreadable("evaluating it gave no answer")
    if "error" in answer:
        why = str(answer["error"]).splitlines()[0] if answer["error"] else "it throws"
        why = why.replace(f"{evaluator.copy}/", "").replace(str(evaluator.copy), ".")
        raise Unreadable(f"evaluating it failed: {mask_text(why, _secrets(variables))}")
    return answer


def _secrets(variables: TargetVariables) -> set[str]:
    """Return the target's values that an error of the settings may repeat and nobody is to see."""
    values: dict[str, JSONValue] = dict(variables.values)
    return {*variables.secrets, *secrets_of(values)}


def _without_network() -> Sequence[str]:
    """Return the words that take the network away from a command, none where this machine does not offer it."""
    program = shutil.which("unshare")
    if sys.platform != "linux" or program is None:
        return ()
    words = (program, "--user", "--map-root-user", "--net", "--")
    return words if _asked([*words, "true"]).returncode == 0 else ()


def _asked(argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Return what one of this machine's own programs answers, given none of our variables.

    Raises:
        Unreadable: it does not answer, so that nothing is evaluated with it.
    """
    try:
        return subprocess.run(argv, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False, env={})
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unreadable(f"this machine's {FilePath(argv[0]).name} does not answer") from error


def _agreed(tree: Any, others: Sequence[Any], otherwise: Unknown) -> Tree:  # noqa: ANN401  (parsed JSON)
    """Return the tree with Unknown wherever a variable that is not known decides."""
    if isinstance(tree, dict) and all(isinstance(other, dict) for other in others):
        names = [*tree, *(name for other in others for name in other if name not in tree)]
        return {
            name: _agreed(tree[name], [other[name] for other in others], otherwise)
            if name in tree and all(name in other for other in others)
            else otherwise
            for name in dict.fromkeys(names)
        }
    if isinstance(tree, list) and all(isinstance(o, list) and len(o) == len(tree) for o in others):
        return [_agreed(item, [o[i] for o in others], otherwise) for i, item in enumerate(tree)]
    return tree if all(other == tree and type(other) is type(tree) for other in others) else otherwise


def _marked(tree: Any) -> Tree:  # noqa: ANN401  (parsed JSON)
    if isinstance(tree, dict):
        if set(tree) == {"$unknown"}:
            return Unknown(str(tree["$unknown"]))
        return {name: _marked(value) for name, value in tree.items()}
    if isinstance(tree, list):
        return [_marked(item) for item in tree]
    return tree if isinstance(tree, str | int | float | bool | Unknown | None) else None


def _places(text: str, file: str, tree: Any) -> Mapping[Path, Location]:  # noqa: ANN401  (parsed JSON)
    """Return the lines at which keys stand: the first line of that key after that of the key around it."""
    found: dict[Path, Location] = {}
    lines = [
        (number, match[1] or match[2])
        for number, line in enumerate(text.splitlines(), 1)
        for match in _KEYS.finditer(line)
    ]

    def walk(value: Any, path: Path, after: int) -> None:  # noqa: ANN401
        if isinstance(value, list):
            for index, item in enumerate(value):
                walk(item, (*path, str(index)), after)
        for name, item in value.items() if isinstance(value, dict) else ():
            line = next((number for number, key in lines if key == name and number >= after), 0)
            if line:
                found[*path, name] = Location(file, line)
            walk(item, (*path, name), line or after)

    walk(tree, (), 0)
    return found

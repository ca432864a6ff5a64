"""A virtual environment made from the lock file alone: no cache, nothing from this machine; made once a phase."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from deployer_lib.app.commands import Done, run_command
from deployer_lib.app.surroundings import base_environment
from deployer_lib.probes.packages.python.declared import is_workspace
from deployer_lib.probes.packages.python.interpreter import declared_python, this_python
from deployer_lib.probes.packages.python.locks import Lock, find_lock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from deployer_lib.probes.context import Context

__all__ = ["MANIFESTS", "Environment", "clean_environment", "is_python", "run_uv", "surroundings"]

_CHECK_S: Final = 60.0
_NO_WHEEL: Final = re.compile(r"no (?:usable )?wheels|building from source is disabled|only-binary")
_NOT_BUILT: Final = "a package has no wheel for this machine, and building it runs its code, which install.scripts: true allows"
MANIFESTS: Final = (
    "pyproject.toml",
    "requirements.txt",
    "setup.py",
    "setup.cfg",
    "Pipfile",
    "requirements.lock",
)
#: Asked of the new environment: modules of each distribution, versions, what requires what, and systems by its classifiers.
#: A classifier counts where the files bear it out: compiled ones, or sources that mention what one system alone has. Authors
#: name the system that they work on for pure Python too.
_ASK: Final = """
import importlib.metadata as m, json, pathlib, re, sys
PARTS = re.compile(
    rb"\\b(?:ctypes|cffi|fcntl|termios|pwd|grp|spwd|resource|winreg|msvcrt|_winapi|win32\\w+|epoll|inotify|kqueue|objc)\\b"
    rb"|/proc/|/sys/|/dev/|HKEY_"
)
def bears_out(d):
    for file in d.files or []:
        if file.suffix in {".so", ".pyd", ".dylib", ".dll"}:
            return True
        try:
            if file.suffix == ".py" and PARTS.search(pathlib.Path(file.locate()).read_bytes()):
                return True
        except OSError:
            pass
    return False
def systems(d):
    said = [c[20:] for c in d.metadata.get_all("Classifier") or [] if c.startswith("Operating System :: ")]
    return said if said and bears_out(d) else []
pathlib.Path(sys.argv[1]).write_text(json.dumps({
    "modules": m.packages_distributions(),
    "versions": {d.metadata["Name"]: d.version for d in m.distributions()},
    "requires": {d.metadata["Name"]: d.requires or [] for d in m.distributions()},
    "systems": {d.metadata["Name"]: systems(d) for d in m.distributions()},
}), encoding="utf-8")
"""


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment that was made from the lock file, or the reason why there is none."""

    lock: Lock | None
    python: Path
    command: tuple[str, ...]  # that installed
    done: Done
    ok: bool = False
    built: bool = False  # a source distribution had to be built, which runs its code
    modules: dict[str, list[str]] | None = None  # top-level module -> distributions
    versions: dict[str, str] | None = None  # distribution -> version
    requires: dict[str, list[str]] | None = None
    problem: str = ""  # a failure of this machine's, which says nothing of the project
    systems: dict[str, list[str]] | None = (
        None  # distribution -> classifiers of systems that its files bear out
    )


def is_python(project: Path) -> bool:
    """Tell whether a project has a manifest of Python."""
    return any((project / name).is_file() for name in MANIFESTS)


def clean_environment(ctx: Context) -> Environment:
    """Return the clean install, made once a phase.

    Raises:
        ProcessError: uv did not start.
    """
    known = ctx.memo.get("clean_environment")
    if not isinstance(known, Environment):
        known = ctx.memo["clean_environment"] = _make(ctx)
    return known


def _make(ctx: Context) -> Environment:
    folder = ctx.scratch / "clean-install"
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    lock = find_lock(ctx.workspace)
    made = _venv(ctx, folder)
    if made.exit_code != 0:
        why = "no virtual environment could be made"
        return Environment(lock, python, ("uv", "venv"), made, problem=why)
    source = _source(ctx, lock)
    if isinstance(source, Done):
        return Environment(lock, python, ("uv", "export"), source)
    argv = ["pip", "install", "--no-cache", "--python", str(python), *source]
    # Wheels alone at first: building a source distribution runs its code.
    done = run_uv(ctx, [*argv, "--only-binary", ":all:"])
    built = False
    if done.exit_code not in {0, None} and _NO_WHEEL.search(done.output):
        if not ctx.parameters.install.scripts:
            return Environment(lock, python, ("uv", *argv), done, problem=_NOT_BUILT)
        again = run_uv(ctx, argv)
        built = again.exit_code == 0
        done = again
    command = ("uv", *(str(python.name) if word == str(python) else word for word in argv))
    if done.exit_code != 0:
        return Environment(lock, python, command, done, built=built)
    # By a file: a hundred distributions are more than what is kept of a command's output.
    answer = ctx.scratch / "distributions.json"
    asked = run_command(
        [str(python), "-I", "-c", _ASK, str(answer)], cwd=ctx.scratch, env=surroundings(), timeout_s=_CHECK_S
    )
    if asked.exit_code != 0:
        why = "the new environment could not be asked what it holds"
        return Environment(lock, python, command, asked, built=built, problem=why)
    facts: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    return Environment(
        lock,
        python,
        command,
        done,
        ok=True,
        built=built,
        modules=facts.get("modules"),
        versions=facts.get("versions"),
        requires=facts.get("requires"),
        systems=facts.get("systems"),
    )


def _venv(ctx: Context, folder: Path) -> Done:
    """Make a virtual environment with the Python that the project names, where this machine has it; else with this one."""
    words = ["venv", "--quiet", "--clear", "--no-project", "--no-python-downloads"]
    declared = declared_python(ctx.workspace)
    if declared and declared != this_python():
        made = run_uv(ctx, [*words, "--python", declared, str(folder)])
        if made.exit_code == 0:
            return made
    return run_uv(ctx, [*words, "--python", sys.executable, str(folder)])


def _source(ctx: Context, lock: Lock | None) -> list[str] | Done:
    """Return the arguments that name what is installed; a failed export instead."""
    if lock is None:
        name = next((name for name in MANIFESTS if (ctx.workspace / name).is_file()), "pyproject.toml")
        return ["-r", name]
    if lock.file == "uv.lock":
        target = ctx.scratch / "uv-export.txt"
        members = ["--all-packages", "--no-emit-workspace"] if is_workspace(ctx.workspace) else []
        argv = ["export", "--frozen", "--no-dev", *members, "--no-emit-local", "--quiet", "-o", str(target)]
        done = run_uv(ctx, argv)
        return ["--require-hashes", "-r", str(target)] if done.exit_code == 0 else done
    if lock.requirements:
        target = ctx.scratch / "lock.txt"
        target.write_text(lock.requirements + "\n", encoding="utf-8")
        return ["--no-deps", "-r", str(target)]
    hashed = ["--require-hashes"] if lock.hashes and not lock.file.endswith(".toml") else []
    return [*hashed, "-r", lock.file]


def surroundings() -> dict[str, str]:
    """Return what installers see of this machine: how to reach an index, and no environment of another Python."""
    kept = base_environment(os.environ)
    return {name: value for name, value in kept.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}


def run_uv(ctx: Context, words: Sequence[str]) -> Done:
    """Run uv in the working copy.

    Raises:
        ProcessError: it did not start.
    """
    ctx.progress(f"uv {' '.join(words[:2])} …")
    return run_command(
        ["uv", *words],
        cwd=ctx.workspace,
        env=surroundings(),
        timeout_s=ctx.parameters.install.timeout_s,
        on_line=lambda line: ctx.progress(f"uv: {line[:100]}"),
    )

"""Does a clean install from the lock file work? A new virtual environment, no cache, nothing from this machine (B2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.app.commands import Done, run_command
from deployer_lib.check import Code, Fix, JSONValue, Location, Result, errored, failed, passed
from deployer_lib.probes.packages.python.clean_environment import (
    MANIFESTS,
    Environment,
    clean_environment,
    surroundings,
)
from deployer_lib.probes.packages.python.interpreter import says_outside
from deployer_lib.probes.printed import shown_output

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from deployer_lib.probes.context import Context

__all__ = ["installed"]

_DOCS: Final = "https://docs.astral.sh/uv/pip/compile/"
_CHECK_S: Final = 60.0
_OUTPUT_CHARACTERS: Final = 2_000
_CAUSE: Final = re.compile(r"^\s*(?:error|×|ERROR)\b|^\s*[×╰]")


def installed(ctx: Context) -> Iterator[Result]:
    """Install from the lock file into a new virtual environment, and import the project's own package there."""
    environment = clean_environment(ctx)
    lock = environment.lock
    if not environment.ok:
        why = environment.problem or says_outside(ctx.workspace, environment.done.output)
        yield _not_told(environment, why) if why else _not_installed(ctx, environment)
        return
    own = _own_import(ctx, environment)
    if isinstance(own, Result):
        yield own
        return
    versions = environment.versions or {}
    yield passed(
        f"{len(versions)} distributions were installed from {lock.file if lock else 'the manifest'} without cache.",
        subject="pip",
        command=" ".join(environment.command),
        duration_s=round(environment.done.duration_s, 2),
        hashes_required="--require-hashes" in environment.command,
        built_from_source=environment.built,
        own_import=own,
        installed=dict(sorted(versions.items())),
    )


# -- failures --------------------------------------------------------------------------------------------------------


def _not_told(environment: Environment, why: str) -> Result:
    return errored(
        f"The clean install failed, and {why}: {_cause(environment.done)[:300]}",
        subject="pip",
        command=" ".join(environment.command),
        output=environment.done.output[-_OUTPUT_CHARACTERS:],
    )


def _not_installed(ctx: Context, environment: Environment) -> Result:
    file = environment.lock.file if environment.lock else "pyproject.toml"
    line = 0
    if environment.lock:
        named = [
            name
            for name in environment.lock.lines
            if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", _cause(environment.done))
        ]
        line = environment.lock.lines[named[0]] if named else 0
    return _failure(ctx, " ".join(environment.command), environment.done, file, line)


def _cause(done: Done) -> str:
    """Return what the installer says from its first error on, as one line."""
    lines = done.lines
    first = next((number for number, line in enumerate(lines) if _CAUSE.match(line)), max(len(lines) - 1, 0))
    return " ".join(" ".join(lines[first:]).split())[:600] or "no output"


def _failure(ctx: Context, shown: str, done: Done, file: str, line: int) -> Result:
    how = (
        f"did not end within {ctx.parameters.install.timeout_s:g} s"
        if done.exit_code is None
        else f"ended with {done.exit_code}"
    )
    cause = _cause(done)
    manifest = next((name for name in MANIFESTS if (ctx.workspace / name).is_file()), "pyproject.toml")
    hashes = bool(re.search(r"hash", cause, re.IGNORECASE))
    step = (
        "Compile the lock file again: a digest in it fits no published file."
        if hashes
        else "Compile the lock file again, so that every pin can be had together."
    )
    return failed(
        f"The clean install {how}: {cause[:300]}",
        subject="install",
        root_cause=cause,
        impact="The application can't be installed on a new machine from what is committed.",
        fix=Fix(
            (step, "Run the install again in a new environment."),
            (
                Code(
                    "terminal",
                    f"uv pip compile {manifest} --generate-hashes --upgrade -o requirements.lock\n{shown}",
                    language="shell",
                ),
            ),
            _DOCS,
            20,
        ),
        locations=(Location(file, line),),
        command=shown,
        exit_code=done.exit_code,
        output=done.output[-4000:],
    )


# -- the project's own package ---------------------------------------------------------------------------------------


def _own_import(ctx: Context, environment: Environment) -> JSONValue | Result:
    """Import the project's own top package in the new environment; only a module that is missing is a finding."""
    package = _own_package(ctx.workspace)
    if not ctx.parameters.install.imports:
        return "not imported: install.imports is false"
    if package is None:
        return "no package of its own"
    done = run_command(
        [str(environment.python), "-c", f"import {package.name}"],
        cwd=ctx.scratch,
        env={**surroundings(), "PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1"},
        timeout_s=_CHECK_S,
    )
    missing = re.search(r"ModuleNotFoundError: No module named '([\w.]+)'", done.output)
    if missing is None:
        return f"import {package.name}: exit code {done.exit_code}"
    return failed(
        f"import {package.name} fails after a clean install: no module named {missing.group(1)}.",
        subject="import",
        root_cause=f"{missing.group(1)} is imported at start and nothing that was installed brings it.",
        impact="The application does not start on a new machine.",
        fix=Fix(
            ("Declare the distribution that brings the module, and compile the lock file again.",),
            (
                Code(
                    "pyproject.toml",
                    f'dependencies = [\n  "{missing.group(1).partition(".")[0]}",\n]',
                    language="toml",
                ),
            ),
            _DOCS,
            10,
        ),
        locations=(Location((package / "__init__.py").relative_to(ctx.workspace).as_posix()),),
        output=shown_output(ctx, done.output, _OUTPUT_CHARACTERS),
    )


def _own_package(project: Path) -> Path | None:
    for base in (project / "src", project):
        found = [
            path.parent
            for path in sorted(base.glob("*/__init__.py"))
            if path.parent.name not in {"tests", "test", "docs", "scripts"}
        ]
        if found:
            return found[0]
    return None

"""Does a clean install from the lock file work? A new virtual environment, no cache, nothing from this machine (B2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from packaging.requirements import InvalidRequirement, Requirement

from deployer_lib.app.commands import Done, run_command
from deployer_lib.catalogue import Severity
from deployer_lib.check import Code, Fix, JSONValue, Location, Result, Skip, failed, passed, skipped
from deployer_lib.errors import ProcessError
from deployer_lib.probes.clean_environment import (
    MANIFESTS,
    Environment,
    clean_environment,
    is_python,
    run_uv,
    surroundings,
)
from deployer_lib.probes.context import Context, probe
from deployer_lib.probes.declared import Declared, declared_in
from deployer_lib.probes.printed import shown_output
from deployer_lib.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from deployer_lib.probes.locks import Lock

__all__ = ["clean_install"]

_DOCS: Final = "https://docs.astral.sh/uv/pip/compile/"
_CHECK_S: Final = 60.0
_OUTPUT_CHARACTERS: Final = 2_000
_CAUSE: Final = re.compile(r"^\s*(?:error|×|ERROR)\b|^\s*[×╰]")


@probe("environment.clean_install")
def clean_install(ctx: Context) -> Iterable[Result]:
    """Install from the lock file into a new virtual environment, and ask whether what is there fits together."""
    declared = ctx.parameters.install.command
    if declared is not None:
        yield _declared_command(ctx, declared)
        return
    if not is_python(ctx.workspace):
        yield skipped(
            Skip.UNAVAILABLE, "No manifest of Python was found; declare install.command for other stacks."
        )
        return
    environment = clean_environment(ctx)
    lock = environment.lock
    yield from _lock_findings(ctx, lock)
    if not environment.ok:
        yield _not_installed(ctx, environment)
        return
    check = run_uv(ctx, ["pip", "check", "--python", str(environment.python)])
    if check.exit_code != 0:
        yield _conflict(environment, check)
        return
    own = _own_import(ctx, environment)
    if isinstance(own, Result):
        yield own
        return
    versions = environment.versions or {}
    yield passed(
        f"{len(versions)} distributions were installed from {lock.file if lock else 'the manifest'} without cache, and fit together.",
        command=" ".join(environment.command),
        duration_s=round(environment.done.duration_s, 2),
        hashes_required="--require-hashes" in environment.command,
        built_from_source=environment.built,
        check=check.output.strip()[-200:],
        own_import=own,
        installed=dict(sorted(versions.items())),
    )


def _declared_command(ctx: Context, command: Sequence[Secret | str]) -> Result:
    shown = " ".join(str(word) for word in command)
    ctx.progress(f"{shown} …")
    argv = [word.reveal() if isinstance(word, Secret) else word for word in command]
    try:
        done = run_command(
            argv,
            cwd=ctx.workspace,
            env=surroundings(),
            timeout_s=ctx.parameters.install.timeout_s,
            on_line=ctx.progress,
        )
    except ProcessError as error:
        done = Done(127, 0.0, f"{error.message}\n", 1)
    if done.exit_code == 0:
        return passed(
            f"{shown} ended with 0.",
            command=shown,
            exit_code=0,
            duration_s=round(done.duration_s, 2),
            output=done.output[-2000:],
        )
    return _failure(ctx, shown, done, f"parameters/{ctx.parameters.environment}.yaml", 0)


# -- the lock file ---------------------------------------------------------------------------------------------------


def _lock_findings(ctx: Context, lock: Lock | None) -> Iterator[Result]:
    declared = [item for item in declared_in(ctx.workspace) if item.use == "production"]
    if lock is None:
        if declared:
            yield _no_lock(declared)
        return
    if lock.unpinned:
        yield _unpinned(lock)
    for item in declared:
        if item.file != lock.file:
            yield from _drift(lock, item)


def _no_lock(declared: list[Declared]) -> Result:
    return failed(
        f"There is no lock file; {len(declared)} dependencies are resolved anew at each install.",
        subject="lock file",
        severity=Severity.HIGH,
        root_cause=f"{declared[0].file} declares ranges, and no file pins them.",
        impact="Two installs of the same commit may differ, so that what was tested is not what runs.",
        fix=Fix(
            ("Pin all dependencies with their digests and commit the file.",),
            (
                Code(
                    "terminal",
                    f"uv pip compile {declared[0].file} --generate-hashes -o requirements.lock",
                    language="shell",
                ),
            ),
            _DOCS,
            10,
        ),
        locations=(Location(declared[0].file, declared[0].line),),
        declared=[item.text for item in declared],
    )


def _unpinned(lock: Lock) -> Result:
    first = lock.unpinned[0]
    return failed(
        f"{lock.file} does not pin {len(lock.unpinned)} requirement(s): {', '.join(text for text, _ in lock.unpinned[:5])}.",
        subject="pins",
        severity=Severity.HIGH,
        root_cause=f"{lock.file}:{first[1]} names no exact version.",
        impact="Two installs of the same commit may differ, so that what was tested is not what runs.",
        fix=Fix(
            (f"Keep {lock.file} as the declaration (requirements.in), and compile the lock file from it.",),
            (
                Code(
                    "terminal",
                    f"uv pip compile {lock.file} --generate-hashes -o requirements.lock",
                    language="shell",
                ),
            ),
            _DOCS,
            10,
        ),
        locations=[Location(lock.file, line) for _, line in lock.unpinned[:5]],
        unpinned=[text for text, _ in lock.unpinned],
    )


def _drift(lock: Lock, item: Declared) -> Iterator[Result]:
    try:
        requirement = Requirement(item.text)
    except InvalidRequirement:
        return
    if requirement.marker is not None and not requirement.marker.evaluate():
        return
    pinned = lock.pins.get(item.name)
    if item.name in lock.lines and (
        not pinned or not pinned[0].isdigit() or requirement.specifier.contains(pinned, prereleases=True)
    ):
        return
    what = f"pins {pinned}" if pinned else "does not hold it"
    yield failed(
        f"{item.file} declares {item.text}, and {lock.file} {what}.",
        subject=item.name,
        severity=Severity.CRITICAL if not pinned else Severity.HIGH,
        root_cause=f"{lock.file} was not compiled again after {item.file}:{item.line} was changed.",
        impact="An install from the lock file lacks what the code was written against."
        if not pinned
        else "What is installed is not what the project says it needs.",
        fix=Fix(
            (f"Compile {lock.file} again and commit it.",),
            (Code("terminal", _relock(lock, item.file), language="shell"),),
            _DOCS,
            5,
        ),
        locations=(Location(item.file, item.line), Location(lock.file, lock.lines.get(item.name, 0))),
        declared=item.text,
        pinned=pinned,
    )


def _relock(lock: Lock, manifest: str) -> str:
    tool = {
        "uv.lock": "uv lock",
        "poetry.lock": "poetry lock",
        "pdm.lock": "pdm lock",
        "Pipfile.lock": "pipenv lock",
    }
    hashes = " --generate-hashes" if lock.hashes else ""
    return tool.get(lock.file, f"uv pip compile {manifest}{hashes} -o {lock.file}")


# -- failures --------------------------------------------------------------------------------------------------------


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


def _conflict(environment: Environment, check: Done) -> Result:
    lines = [line.strip() for line in check.lines if line.startswith("The package") or " requires " in line]
    file = environment.lock.file if environment.lock else "pyproject.toml"
    cause = lines[0] if lines else check.output.strip()[-300:]
    return failed(
        f"What the clean install put together does not fit: {cause}",
        subject="consistency",
        root_cause=cause,
        impact="A package runs against a version that it was not made for, or lacks one that it needs.",
        fix=Fix(
            ("Let the resolver pin versions that fit together, instead of editing pins by hand.",),
            (
                Code(
                    "terminal", f"uv pip compile pyproject.toml --generate-hashes -o {file}", language="shell"
                ),
            ),
            "https://docs.astral.sh/uv/pip/inspection/",
            15,
        ),
        locations=(Location(file),),
        check=check.output[-2000:],
    )


# -- the project's own package ---------------------------------------------------------------------------------------


def _own_import(ctx: Context, environment: Environment) -> JSONValue | Result:
    """Import the project's own top package in the new environment; only a module that is missing is a finding."""
    package = _own_package(ctx.workspace)
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

"""Log files: who may read them, and what a start does that can't write them (G8)."""

from __future__ import annotations

import contextlib
import glob
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from deployer_lib.app.surroundings import fill
from deployer_lib.check import Code, Fix, Provenance, Result, Skip, errored, failed, passed, skipped
from deployer_lib.errors import DeployerError
from deployer_lib.probes.context import probe
from deployer_lib.probes.printed import shown_output
from deployer_lib.probes.sources import locate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from deployer_lib.check import JSONValue
    from deployer_lib.probes.context import Context

__all__ = ["log_files"]

_WITHIN_S: Final = 10.0
_OCTAL: Final = 8
_OUTPUT_CHARACTERS: Final = 2_000


@probe("bugs.log_files")
def log_files(ctx: Context) -> Iterable[Result]:
    """Look at the log file's permissions, and start a copy whose log file can't be made."""
    settings = ctx.parameters.bugs.log_files
    declared = ctx.parameters.health.logs.path if ctx.parameters.health.logs else ""
    if not declared and not settings.variable:
        yield skipped(
            Skip.NOT_APPLICABLE,
            "no log file is declared (health.logs.path, bugs.log_files.variable): the application logs to its output",
        )
        return
    if declared:
        yield _permissions(ctx, declared, int(settings.max_mode, _OCTAL))
    else:
        yield skipped(Skip.UNAVAILABLE, "health.logs.path is not declared", subject="permissions")
    if settings.variable:
        yield _unwritable(ctx, settings.variable)
    else:
        yield skipped(Skip.UNAVAILABLE, "bugs.log_files.variable is not declared", subject="start")


def _log_files(ctx: Context, path: Path) -> list[Path]:
    """Return the log file, those that stand beside it under its name, and those that the process holds open."""
    found = {path, *path.parent.glob(f"{glob.escape(path.stem)}*log*")}
    with contextlib.suppress(DeployerError, psutil.Error):
        for instance in ctx.target.instances():
            if instance.pid:
                held = psutil.Process(instance.pid).open_files()
                found |= {Path(f.path) for f in held if ".log" in Path(f.path).name}
    return sorted(p for p in found if p == path or p.is_file())


def _permissions(ctx: Context, declared: str, max_mode: int) -> Result:
    path = Path(fill(declared, {"state": str(ctx.places.state), "project": str(ctx.workspace)}))
    path = path if path.is_absolute() else ctx.workspace / path
    try:
        modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in _log_files(ctx, path)}
    except OSError as error:
        return errored(f"the log file {declared} can't be looked at: {error.strerror}", subject="permissions")
    evidence: dict[str, JSONValue] = {
        "modes": {name: f"{mode:04o}" for name, mode in modes.items()},
        "max_mode": f"{max_mode:04o}",
    }
    wide = {name: mode for name, mode in modes.items() if mode & ~max_mode}
    if wide:
        shown = ", ".join(f"{name} has mode {mode:04o}" for name, mode in wide.items())
        return failed(
            f"A log file may be read or written by others: {shown}; at most {max_mode:04o} is wanted.",
            subject="permissions",
            root_cause="The application creates it with the process's usual permissions.",
            impact="Other accounts of the machine may read, or alter, what users did.",
            fix=Fix(
                steps=("Create the file with explicit permissions, and mend the one that is there.",),
                code=(
                    Code(
                        "src/logging_setup.py",
                        f"descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o{max_mode:o})",
                        language="python",
                    ),
                    Code("terminal", f"chmod {max_mode:04o} {' '.join(wide)}", language="shell"),
                ),
                docs="https://cheatsheetseries.owasp.org/cheatsheets/Logging_Cheat_Sheet.html",
                minutes=10,
            ),
            locations=locate(ctx.workspace, "FileHandler(", "os.open(", "createWriteStream(")[:3],
        ).observing(evidence)
    return passed(
        f"{len(modes)} log file(s), none wider than {max_mode:04o}", subject="permissions"
    ).observing(evidence)


def _unwritable(ctx: Context, variable: str) -> Result:
    blocker = ctx.scratch / "not-a-folder"
    blocker.write_text("", encoding="utf-8")
    path = str(blocker / "app.log")  # below a file: not even root can create it
    ctx.progress(f"a copy whose {variable} can't be written …")
    with ctx.target.copy("log-unwritable", {variable: path}) as copy:
        exit_code = copy.wait_exit(_WITHIN_S)
        output = copy.output()
    evidence: dict[str, JSONValue] = {
        "variable": variable,
        "exit_code": exit_code,
        "output": shown_output(ctx, output, _OUTPUT_CHARACTERS),
    }
    said = "not-a-folder" in output or variable in output
    if exit_code != 0 and said:
        how = f"ends with {exit_code}" if exit_code is not None else "goes on"
        return passed(f"a start that can't write its log file {how} and says so", subject="start").observing(
            evidence
        )
    happened = "goes on" if exit_code is None else f"ends with {exit_code}"
    return failed(
        f"A start that can't write its log file {happened}, and nothing that it prints says why.",
        subject="start",
        root_cause=f"An error from opening the file that {variable} names is passed over or not explained.",
        impact="The application runs without a log, or fails without a reason, after a move to another machine.",
        fix=Fix(
            steps=(f"Let the start fail, naming the file, when {variable} can't be opened for writing.",),
            code=(
                Code(
                    "src/logging_setup.py",
                    f'try:\n    handler = logging.FileHandler(path)\nexcept OSError as error:\n    sys.exit(f"{variable}: {{path}} can\'t be written: {{error}}")',
                    language="python",
                ),
            ),
            minutes=15,
        ),
        locations=locate(ctx.workspace, variable)[:3],
        provenance=Provenance.DIAGNOSTIC,
    ).observing(evidence)

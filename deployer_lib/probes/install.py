"""Does a clean install from the lock file work, and does the lock file hold what the manifest asks for (B2)?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployer_lib.app.commands import Done, run_command
from deployer_lib.check import Code, Fix, Location, Result, Skip, failed, passed, skipped
from deployer_lib.errors import ProcessError
from deployer_lib.probes.context import Context, probe
from deployer_lib.probes.packages import ecosystems_of
from deployer_lib.probes.packages.python.clean_environment import surroundings
from deployer_lib.probes.packages.saying import said, without_credentials
from deployer_lib.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["clean_install"]

_OUTPUT_CHARACTERS: Final = 4_000


@probe("environment.clean_install")
def clean_install(ctx: Context) -> Iterable[Result]:
    """Install from the lock file in an isolated copy, and compare lock file and manifest."""
    declared = ctx.parameters.install.command
    if declared is not None:
        yield _declared_command(ctx, declared)
        return
    ecosystems = ecosystems_of(ctx.workspace)
    if not ecosystems:
        yield skipped(
            Skip.UNAVAILABLE,
            "No manifest of Python, Node or Rust was found; declare install.command for other stacks.",
        )
    for ecosystem in ecosystems:
        yield from said(ecosystem.examine(ctx, "drift"), f"{ecosystem.name} lock file")
        yield from map(without_credentials, ecosystem.install(ctx))


def _declared_command(ctx: Context, command: Sequence[Secret | str]) -> Result:
    shown = " ".join(str(word) for word in command)
    ctx.progress(f"{shown} …")
    argv = [word.reveal() if isinstance(word, Secret) else word for word in command]
    limit = ctx.parameters.install.timeout_s
    try:
        done = run_command(argv, cwd=ctx.workspace, env=surroundings(), timeout_s=limit, on_line=ctx.progress)
    except ProcessError as error:
        done = Done(127, 0.0, f"{error.message}\n", 1)
    if done.exit_code == 0:
        return passed(
            f"{shown} ended with 0.",
            command=shown,
            exit_code=0,
            duration_s=round(done.duration_s, 2),
            output=done.output[-_OUTPUT_CHARACTERS:],
        )
    how = f"did not end within {limit:g} s" if done.exit_code is None else f"ended with {done.exit_code}"
    cause = " ".join(done.output.split())[-300:] or "no output"
    return failed(
        f"The declared install {how}: {cause}",
        subject="install",
        root_cause=cause,
        impact="The application can't be installed on a new machine from what is committed.",
        fix=Fix(
            ("Run the command in a fresh copy of the project, and mend what it names.",),
            (Code("terminal", shown, language="shell"),),
            "https://12factor.net/dependencies",
            20,
        ),
        locations=(Location(f"parameters/{ctx.parameters.environment}.yaml"),),
        command=shown,
        exit_code=done.exit_code,
        output=done.output[-_OUTPUT_CHARACTERS:],
    )

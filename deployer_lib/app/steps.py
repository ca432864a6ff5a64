"""Carry out a deployment's declared commands one by one, and note what each did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployer_lib.app.commands import run_command
from deployer_lib.app.target import StepDone
from deployer_lib.errors import ProcessError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from deployer_lib.app.recipe import Recipe
    from deployer_lib.parameters.model import Step

__all__ = ["run_step"]

_NOT_FOUND: Final = 127  # as a shell says it


def run_step(
    recipe: Recipe, step: Step, values: Mapping[str, str], progress: Callable[[str], None]
) -> tuple[StepDone, str]:
    """Run one command in the working copy; return what it did, and why it failed (empty where it did not)."""
    shown = recipe.shown(step.command, values)
    progress(f"{step.name}: {' '.join(shown)}")
    try:
        done = run_command(
            recipe.argv(step.command, values),
            cwd=recipe.project,
            env=recipe.step_environment(recipe.variables(values)),
            timeout_s=step.timeout_s,
        )
    except ProcessError as error:
        failure = f"The step {step.name} could not be run: {error.message}"
        return StepDone(step.name, shown, _NOT_FOUND, 0.0, str(error)), failure
    noted = StepDone(step.name, shown, done.exit_code, done.duration_s, done.output)
    if done.ok:
        return noted, ""
    last = next((line.strip() for line in reversed(done.lines) if line.strip()), "no output")
    how = f"ended with {done.exit_code}" if done.exit_code is not None else f"took over {step.timeout_s:g} s"
    return noted, f"The step {step.name} {how}: {last}"

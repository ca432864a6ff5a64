"""Go the declared way back once, in a scratch place: two releases, the second taken back, and what stands started."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from deployer_lib import platform
from deployer_lib.app.copies import start_copy
from deployer_lib.app.recipe import Recipe, Release, Releases
from deployer_lib.app.steps import run_step
from deployer_lib.catalogue import Effect
from deployer_lib.errors import ProcessError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from deployer_lib.app.http import Answer
    from deployer_lib.app.target import StepDone
    from deployer_lib.guard import Guard

__all__ = ["Rehearsed", "rehearse"]


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """How a rehearsal went."""

    failure: str  # one sentence on what went wrong, empty where it came up again
    steps: tuple[StepDone, ...]
    output: str  # what the process printed after the way back


def rehearse(
    recipe: Recipe,
    release: Release,
    guard: Guard,
    *,
    run: str,
    progress: Callable[[str], None],
    accepts: Callable[[Answer], bool] | None = None,
) -> Rehearsed:
    """Install a release twice under two names, go back from the second to the first, and start what then stands.

    Everything that the steps write to ``{state}`` lands in a folder that is removed; the database is a scratch one, as
    for every copy.

    Raises:
        NotAllowed: the environment allows no disruption.
        Unavailable: the process can't be started beside the target (its port or database can't be its own).
    """
    guard.permit_effect(Effect.DISRUPT, "Rehearsing the way back")
    deploy, steps = recipe.parameters.deploy, []
    first, second = (_named(release, label) for label in ("rehearsal-1", "rehearsal-2"))
    with _scratch_state(recipe.state) as state:
        own = replace(recipe, state=state)
        acts = (
            (Releases(first), deploy.steps, "installing a first release"),
            (Releases(second, first), deploy.steps, "installing a second one"),
            (Releases(second, first), deploy.rollback.steps, "going back"),
        )
        for releases, commands, what in acts:
            values = own.values(releases, platform.free_port())
            for step in commands:
                progress(f"rehearsal of the way back, {what}: {step.name}")
                done, failure = run_step(own, step, values, progress)
                steps.append(done)
                if failure:
                    return Rehearsed(f"While {what}: {failure}", tuple(steps), done.output)
        progress("rehearsal of the way back: starting what stands now")
        try:
            with start_copy(
                own, Releases(first), guard, name="way-back", changes={}, run=run, accepts=accepts
            ) as copy:
                came_up = copy.wait_ready(deploy.ready.within_s)
                failure = "" if came_up else "What stands after the way back does not come up."
                return Rehearsed(failure, tuple(steps), copy.output())
        except ProcessError as error:
            return Rehearsed(
                f"What stands after the way back can't be started: {error.message}", tuple(steps), ""
            )


def _named(release: Release, label: str) -> Release:
    version = f"{release.artifact.version}-{label}".lstrip("-")
    return replace(release, artifact=replace(release.artifact, version=version))


@contextmanager
def _scratch_state(state: Path) -> Iterator[Path]:
    """Return a folder that stands for ``{state}``: empty, but for the secrets, which stay known to the redactor."""
    folder = Path(tempfile.mkdtemp(prefix="rehearsal-", dir=state))
    try:
        (state / "secrets").mkdir(mode=0o700, exist_ok=True)
        (folder / "secrets").symlink_to(state / "secrets")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)

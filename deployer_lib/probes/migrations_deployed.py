"""Has the deployed database every migration of the build? Asked of the database itself, after the deployment (B11).

A migration may stand in the files, and be passed over by the command that the deployment runs: only the database knows.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Code, Fix, Result, Skip, errored, failed, passed, skipped
from deployer_lib.probes.context import Context, probe
from deployer_lib.probes.migrations.absent import without_migrations
from deployer_lib.probes.migrations.database import ask
from deployer_lib.probes.migrations.embedded import called_at
from deployer_lib.probes.migrations.findings import (
    disagreements,
    elsewhere,
    migrate_step,
    named,
    places,
    subject_of,
    undecided,
)
from deployer_lib.probes.migrations.reading import histories_of
from deployer_lib.probes.migrations.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from deployer_lib.probes.migrations.model import History, State

__all__ = ["migrations_deployed"]

_SHOWN: Final = 5
_PATIENCE_S: Final = 10.0  # for an application that migrates by itself while it starts
_AGAIN_S: Final = 0.5


@probe("deploy.migrations")
def migrations_deployed(ctx: Context) -> Iterable[Result]:
    """Ask the deployed database whether it has every migration of the build, none failed, none edited, none unknown."""
    tree = Tree(ctx.workspace, ctx.parameters.project.exclude)
    histories = histories_of(tree)
    if not histories:
        yield _absent(ctx, tree)
    for history in histories:
        subject = subject_of(history, len(histories) == 1, "database")
        if not history.heads or history.unclear:
            what = "files that can't be read without running them" if history.unclear else "no head"
            yield errored(
                f"{history.folder} has {what}, so that the database can't be compared with it.",
                subject=subject,
                root_cause="environment.migrations says what is wrong with the files.",
            )
        elif nothing := undecided(history, subject):
            yield nothing
        else:
            patience_s = _PATIENCE_S if history.applied_at or called_at(tree, history.tool.name) else 0.0
            yield from _judged(ctx, history, histories, patience_s, subject)


def _absent(ctx: Context, tree: Tree) -> Result:
    if without_migrations(ctx, tree).skip is Skip.NOT_APPLICABLE and not tree.skipped:
        return skipped(Skip.NOT_APPLICABLE, "The build has no migrations.")
    return skipped(
        Skip.UNAVAILABLE,
        "The build has no migrations that are read here, although it has, or may have, a database "
        "(environment.migrations says why).",
    )


def _judged(
    ctx: Context, history: History, histories: Sequence[History], patience_s: float, subject: str
) -> Iterator[Result]:
    state = _settled(ctx, history, patience_s, subject)
    if not isinstance(state, Result):
        state = elsewhere(history, state, histories, subject) or state
    if isinstance(state, Result):
        yield state
        return
    wrong = list(disagreements(history, state, subject))
    yield from wrong
    left = tuple(key for key in state.pending if key not in state.passed_over)
    if left:
        yield _left_out(ctx, history, state, left, subject)
    elif not wrong:
        yield passed(
            f"The deployed database is at {named(state)}; every one of {len(history.told)} migrations is applied.",
            subject=subject,
            tool=history.tool.name,
            database=[*state.named],
            heads=[*history.heads],
            applied=state.looked_at.get("applied", 0),
            left_over=[*state.left_over],
        )


def _settled(ctx: Context, history: History, patience_s: float, subject: str) -> State | Result:
    """Ask until nothing is pending, or, where the application migrates by itself, patience ends."""
    deadline = time.monotonic() + patience_s
    while True:
        state = ask(ctx, history, subject)
        if isinstance(state, Result) or not state.pending or time.monotonic() >= deadline:
            return state
        ctx.progress(f"{len(state.pending)} migration(s) are pending, asked again …")
        time.sleep(_AGAIN_S)


def _left_out(ctx: Context, history: History, state: State, left: tuple[str, ...], subject: str) -> Result:
    steps = [step.name for step in ctx.parameters.deploy.steps]
    ran = f"The steps {', '.join(steps)} ran" if steps else "The deployment has no step"
    return failed(
        f"{len(left)} migration(s) of this build are not applied in the deployed database: "
        f"{', '.join(left[:_SHOWN])}{' …' if len(left) > _SHOWN else ''}.",
        subject=subject,
        root_cause=f"{ran}, and the database is at {named(state)} still: what migrates passes over "
        f"{history.by_id[left[0]].file}, or migrates another database.",
        impact="The code that runs expects a schema that is not there: queries on new tables, columns and indexes fail or are slow.",
        fix=Fix(
            (
                f"Apply what is left now: {' '.join(history.tool.apply)}.",
                "Let the deployment's own step read the same folders and settings as the tool's configuration file.",
            ),
            (
                Code("terminal", " ".join(history.tool.apply), language="shell"),
                migrate_step(ctx, history),
            ),
            history.tool.docs,
            30,
        ),
        locations=places(history, left),
        pending=[*left],
        database=[*state.named],
        heads=[*history.heads],
        tool=history.tool.name,
    )

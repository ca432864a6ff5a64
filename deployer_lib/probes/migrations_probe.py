"""Are database migrations ready? One head, no hole in the chain, none pending that nobody would apply (B11).

Alembic and Django keep no digest of what they applied: whether a revision was edited afterwards can't be seen there,
and is not claimed.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Location, Result, errored, passed
from deployer_lib.probes.context import Context, probe
from deployer_lib.probes.migrations.absent import without_migrations
from deployer_lib.probes.migrations.alembic_models import models_match
from deployer_lib.probes.migrations.database import ask, database_url, database_variable
from deployer_lib.probes.migrations.django_models import django_models_match
from deployer_lib.probes.migrations.embedded import called_at
from deployer_lib.probes.migrations.findings import (
    broken,
    chain,
    cut_short,
    disagreements,
    elsewhere,
    named,
    nobody_applies,
    subject_of,
    undecided,
)
from deployer_lib.probes.migrations.reading import histories_of
from deployer_lib.probes.migrations.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from deployer_lib.probes.migrations.model import History, State

__all__ = ["known_tree", "migrations"]

#: Words of a step that migrates; ``pip install --upgrade`` is none.
_STEP: Final = re.compile(
    r"migrat|alembic|flyway|liquibase|dbmate|\bgoose\b|\bschema|\bdb\W+(?:upgrade|push|update)|"
    r"upgrade\W+(?:the\W+)?(?:database|db|schema|head)|database\W+update",
    re.IGNORECASE,
)
#: Commands of one step that a shell runs one after the other.
_PARTS: Final = re.compile(r"&&|\|\||[;\n]")
#: What a migration tool tells, takes back or writes down, and applies nothing.
_LOOKS: Final = re.compile(
    r"(?<!\S)--(?:check|plan|dry-run)\b|\b(?:show|make)migrations\b|\bmigrat\w*\W+status\b|"
    r"\b(?:alembic|db|dbmate|goose)\W(?:.*\W)?(?:current|history|heads|check|downgrade|status|revision|rollback)\b",
    re.IGNORECASE,
)
_SCRIPT: Final = re.compile(
    r"^[^#\n]*?(alembic|flask db) upgrade|^[^#\n]*manage\.py migrate|^[^#\n]*prisma migrate deploy|^[^#\n]*drizzle-kit migrate|"
    r"^[^#\n]*knex migrate:latest|^[^#\n]*db:migrate|^[^#\n]*artisan migrate|^[^#\n]*(sqlx|diesel) migrat\w+ run|^[^#\n]*dbmate up",
    re.MULTILINE,
)


def known_tree(ctx: Context) -> Tree:
    """Return the working copy's folders, walked once a phase."""
    known = ctx.memo.get("migrations_tree")
    if not isinstance(known, Tree):
        known = ctx.memo["migrations_tree"] = Tree(ctx.workspace, ctx.parameters.project.exclude)
    return known


@probe("environment.migrations")
def migrations(ctx: Context) -> Iterable[Result]:
    """Read each chain of migrations, and compare it with the database that the environment names."""
    tree = known_tree(ctx)
    for folder, why in tree.skipped:
        yield errored(
            f"{folder} was not looked at: {why}.",
            subject=folder,
            root_cause="Migrations in it, if there are any, were not read.",
        )
    histories = histories_of(tree)
    if not histories:
        yield without_migrations(ctx, tree)
        return
    for history in histories:
        yield from _judged(ctx, tree, history, histories)
    yield from _models(ctx, tree, histories)


def _judged(ctx: Context, tree: Tree, history: History, histories: Sequence[History]) -> Iterator[Result]:
    alone = len(histories) == 1
    yield from (broken(history, each, alone) for each in history.problems)
    yield from cut_short(history)
    if history.problems or history.unclear:
        return
    if not history.revisions:
        yield errored(
            f"{history.folder} holds no migration, so that nothing can be told of the schema.",
            root_cause=f"{history.tool.name} is set up, and no migration was ever made ({history.tool.create}).",
        )
        return
    yield chain(history, alone)
    subject = subject_of(history, alone, "pending")
    state = undecided(history, subject) or ask(ctx, history, subject)
    if not isinstance(state, Result):
        state = elsewhere(history, state, histories, subject) or state
    if isinstance(state, Result):
        yield state
        return
    wrong = list(disagreements(history, state, subject))
    yield from wrong
    if not wrong:
        yield _pending(ctx, tree, history, state, subject)


def _pending(ctx: Context, tree: Tree, history: History, state: State, subject: str) -> Result:
    step = next((name for name, words in _steps(ctx) if _migrates(name, words)), "")
    at_start = (
        None
        if step
        else (history.applied_at or _applied_at_start(ctx, tree) or called_at(tree, history.tool.name))
    )
    if state.pending and not step and at_start is None:
        return nobody_applies(ctx, history, state, subject)
    done = "none pending"
    if state.pending:
        how = (
            f"step {step}"
            if step
            else f"the application at its start ({at_start.file}:{at_start.line})"
            if at_start
            else ""
        )
        done = f"{len(state.pending)} pending, applied by {how}"
    return passed(
        f"The database is at {named(state)}; {done}.",
        subject=subject,
        tool=history.tool.name,
        database=[*state.named],
        head=history.heads[-1],
        pending=[*state.pending],
        step=step,
        at_start=at_start.to_json() if at_start else None,
        left_over=[*state.left_over],
    )


def _steps(ctx: Context) -> list[tuple[str, str]]:
    return [
        (step.name, " ".join(word for word in step.command if isinstance(word, str)))
        for step in ctx.parameters.deploy.steps
    ]


def _migrates(name: str, command: str) -> bool:
    """Tell whether a step applies migrations; one that only looks at them does not, whatever it is called."""
    parts = _PARTS.split(command)
    doing = [part for part in parts if not _LOOKS.search(part)]
    words = f"{name} {command}" if len(doing) == len(parts) else " ".join(doing)
    return _STEP.search(words) is not None


def _applied_at_start(ctx: Context, tree: Tree) -> Location | None:
    """Return where the start command, or a script that it names, migrates first."""
    words = [word for word in ctx.parameters.deploy.start or () if isinstance(word, str)]
    if _SCRIPT.search(" ".join(words)):
        return Location(f"parameters/{ctx.parameters.environment}.yaml")
    for word in words:
        file = word.removeprefix("{project}/").removeprefix("./")
        text = (tree.text(file) or "") if file and tree.has(file) else ""
        if match := _SCRIPT.search(text):
            return Location(file, text.count("\n", 0, match.start()) + 1)
    if words[:1] in (["npm"], ["pnpm"], ["yarn"]) and tree.has("package.json"):
        return _npm_start(tree, words)
    return None


def _npm_start(tree: Tree, words: Sequence[str]) -> Location | None:
    try:
        scripts = json.loads(tree.text("package.json") or "{}").get("scripts", {})
        given = {name: scripts.get(name, "") for word in words[1:] for name in (f"pre{word}", word)}
    except (ValueError, AttributeError):
        return None
    migrates = any(isinstance(text, str) and _SCRIPT.search(text) for text in given.values())
    return Location("package.json") if migrates else None


def _models(ctx: Context, tree: Tree, histories: Sequence[History]) -> Iterator[Result]:
    """Yield whether the models want more than the migrations make, where that can be tried on a scratch database."""
    sound = [each for each in histories if each.revisions and not each.problems and not each.unclear]
    variable, url = database_variable(ctx), database_url(ctx) or ""
    own = [each for each in sound if each.tool.name == "alembic"]
    if url.startswith("sqlite") and len(own) == 1 and (result := models_match(ctx, tree, own[0], variable)):
        yield result
    apps = [each for each in sound if each.tool.name == "django"]
    all_apps = [each for each in histories if each.tool.name == "django"]
    if ctx.parameters.deploy.variables and apps and len(apps) == len(all_apps):
        yield from django_models_match(ctx, tree, apps, variable)

"""What is said of migration histories and of databases: results with cause, places and a fix to paste."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployer_lib.check import Code, Fix, Location, Result, Skip, errored, failed, passed, skipped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from deployer_lib.check import JSONValue
    from deployer_lib.probes.context import Context
    from deployer_lib.probes.migrations.model import History, Problem, State

__all__ = [
    "broken",
    "chain",
    "cut_short",
    "disagreements",
    "elsewhere",
    "migrate_step",
    "named",
    "nobody_applies",
    "places",
    "subject_of",
    "undecided",
]

_SHOWN = 5


def subject_of(history: History, alone: bool, what: str) -> str:  # noqa: FBT001  (one of two, by the caller)
    """Return a result's subject: the bare word where a project has one history."""
    return what if alone else f"{what} of {history.app or history.folder}"


def broken(history: History, each: Problem, alone: bool) -> Result:  # noqa: FBT001
    """Return the finding for one thing that is wrong with the files."""
    return failed(
        each.message,
        subject=each.subject
        if alone or history.app or "/" in each.subject
        else f"{each.subject} in {history.folder}",
        root_cause=each.cause,
        impact=history.tool.impact,
        fix=each.fix,
        locations=each.locations,
        severity=each.severity,
        tool=history.tool.name,
        kind=each.kind,
        file=each.locations[0].file,
    ).observing({"heads" if each.kind == "heads" else "ids": [*each.ids]})


def chain(history: History, alone: bool) -> Result:  # noqa: FBT001
    """Return the pass for files in which nothing is wrong."""
    heads = ", ".join(history.heads)
    many = len(history.heads) > 1
    return passed(
        f"{len(history.revisions)} revisions, {'heads kept apart by labels: ' + heads if many else 'one head'}.",
        subject=subject_of(history, alone, "chain"),
        tool=history.tool.name,
        head=history.heads[0],
        heads=[*history.heads],
        folder=history.folder,
        revisions=[revision.id for revision in history.revisions],
    )


def cut_short(history: History) -> Iterator[Result]:
    """Yield an error for each file that reading alone can't judge."""
    for file, why, line in history.unclear:
        where = f"{file}:{line}" if line else file
        yield errored(
            f"{where} can't be judged: {why}.",
            subject=file,
            root_cause=f"{history.tool.name} reads it by running it, which is not done here.",
            fix=Fix(("Write the value out, or check by hand what the tool lists.",)),
        )


def named(state: State) -> str:
    """Return where a database says that it stands."""
    return ", ".join(state.named) or "no revision yet"


def migrate_step(ctx: Context, history: History) -> Code:
    """Return the lines that let the deployment apply what is pending."""
    words = ", ".join(history.tool.apply)
    return Code(
        f"parameters/{ctx.parameters.environment}.yaml",
        f"deploy:\n  steps:\n    - name: migrate\n      command: [{words}]",
        language="yaml",
    )


def nobody_applies(ctx: Context, history: History, state: State, subject: str) -> Result:
    """Return the finding for pending migrations that neither a step nor the application applies."""
    return failed(
        f"{len(state.pending)} migration(s) are pending, and no step of the deployment applies them: "
        f"{', '.join(state.pending[:_SHOWN])}{' …' if len(state.pending) > _SHOWN else ''}.",
        subject=subject,
        root_cause=f"The database is at {named(state)}; deploy.steps has no step that migrates.",
        impact="The new code meets the old schema: queries on new tables and columns fail.",
        fix=Fix(
            ("Let the deployment migrate before the start.",),
            (migrate_step(ctx, history),),
            history.tool.docs,
            10,
        ),
        locations=places(history, state.pending),
        pending=[*state.pending],
        database=[*state.named],
    )


def undecided(history: History, subject: str) -> Result | None:
    """Return why no migration of a history can be looked for in a database; None where some can."""
    if history.told:
        return None
    return skipped(
        Skip.UNAVAILABLE,
        f"Every migration in {history.folder} is for a context, a label or a kind of database of its own; "
        "which of them this database must have can't be told.",
        subject=subject,
    )


def elsewhere(history: History, state: State, others: Sequence[History], subject: str) -> Result | None:
    """Return that a database is another history's: it has nothing of this one, and all that it names is the other's.

    A project of several services, or with a second database, declares the address of one. Django's apps share theirs.
    """
    if history.app or not state.named or len(state.pending) < len(history.told):
        return None
    owner = next(
        (
            each
            for each in others
            if each is not history and each.tool is history.tool and set(state.named) <= each.by_id.keys()
        ),
        None,
    )
    if owner is None:
        return None
    return skipped(
        Skip.UNAVAILABLE,
        f"The declared database is that of {owner.folder}; the one of {history.folder} is not declared, and was not asked.",
        subject=subject,
    )


def places(history: History, ids: Sequence[str]) -> list[Location]:
    """Return the files of the first few of some migrations."""
    known = history.by_id
    return [Location(known[each].file, known[each].id_line or 1) for each in ids[:_SHOWN] if each in known]


def disagreements(history: History, state: State, subject: str) -> Iterator[Result]:
    """Yield what a database and the files can't agree on, whoever migrates: unknown, failed, edited, passed over."""
    head = history.by_id[history.heads[-1]]
    shell = Code("terminal", " ".join(history.tool.apply), language="shell")
    told: dict[str, JSONValue] = {"database": [*state.named], "head": head.id, "tool": history.tool.name}
    if state.unknown:
        yield failed(
            f"The database is at revision {', '.join(state.unknown[-_SHOWN:])}, which no file of this build defines.",
            subject=subject,
            root_cause="A newer build, or another branch, has migrated this database.",
            impact=f"{history.tool.name} does not know the way on from there, and the code meets a schema that it does not know.",
            fix=Fix(
                (
                    "Deploy a build that has this revision, or bring the database back to one that this build knows.",
                ),
                (_lookup(state.unknown[-1]),),
                history.tool.docs,
                60,
            ),
            locations=(Location(head.file, head.id_line or 1),),
            unknown=[*state.unknown],
        ).observing(told)
    if state.failed:
        yield failed(
            f"The database has {', '.join(state.failed)} as begun, and not as ended.",
            subject=f"{subject}: failed",
            root_cause="The migration failed half-way in an earlier deployment, and nobody cleaned up after it.",
            impact=f"{history.tool.name} applies nothing more until that is settled; the schema is neither the old nor the new one.",
            fix=Fix(
                (
                    "See what of the migration is in the database, complete or undo it, and settle its row.",
                    "Then migrate again.",
                ),
                (_settle(history, state.failed[0]), shell),
                history.tool.docs,
                60,
            ),
            locations=places(history, state.failed) or [Location(head.file)],
            failed=[*state.failed],
        ).observing(told)
    if state.edited:
        yield failed(
            f"{len(state.edited)} migration(s) were changed after this database had applied them: {', '.join(state.edited[:_SHOWN])}.",
            subject=f"{subject}: edited",
            root_cause="The digest that the database kept is not the file's.",
            impact="What the file says now was never run here: this database has another schema than a new one gets"
            f"{', and ' + history.tool.name + ' refuses to go on' if history.tool.strict else ''}.",
            fix=Fix(
                (
                    "Bring the file back to the text that was applied.",
                    "Put the change into a new migration.",
                ),
                (
                    Code(
                        "terminal",
                        f"git log --oneline -- '{places(history, state.edited)[0].file}'\n{history.tool.create}",
                        language="shell",
                    ),
                ),
                history.tool.docs,
                30,
            ),
            locations=places(history, state.edited),
            edited=[*state.edited],
        ).observing(told)
    if state.passed_over:
        yield failed(
            f"{', '.join(state.passed_over[:_SHOWN])} is older than what the database has, and is not applied there.",
            subject=f"{subject}: order",
            root_cause="It came in with a branch that was merged after later ones had been applied.",
            impact=f"{history.tool.name} refuses such a migration, or leaves it out; the schema misses what it makes.",
            fix=Fix(
                ("Give it a number after the newest one, and commit it.",),
                (
                    Code(
                        "terminal",
                        f"git mv '{places(history, state.passed_over)[0].file}' <the same with a number after {head.id}>",
                        language="shell",
                    ),
                ),
                history.tool.docs,
                15,
            ),
            locations=places(history, state.passed_over),
            pending=[*state.passed_over],
        ).observing(told)


def _lookup(revision: str) -> Code:
    return Code("terminal", f"git log --all --oneline -S '{revision.rpartition('.')[2]}'", language="shell")


def _settle(history: History, revision: str) -> Code:
    text = {
        "prisma": f"npx prisma migrate resolve --rolled-back {revision}",
        "golang-migrate": f"migrate -path {history.folder} -database $DATABASE_URL force {revision}",
        "flyway": "flyway repair",
        "sqlx": f"sqlx migrate info\n# undo what is left of {revision} by hand, and remove its row from _sqlx_migrations",
    }.get(history.tool.name, " ".join(history.tool.apply))
    return Code("terminal", text, language="shell")

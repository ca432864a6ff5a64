"""Are database migrations ready? One head, no hole in the chain, none pending that nobody would apply (B11).

Whether an applied revision was edited afterwards can't be seen from here, and is not claimed.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import re
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from deployer_lib.app.surroundings import fill
from deployer_lib.check import Code, Fix, Location, Result, Skip, errored, failed, passed, skipped
from deployer_lib.errors import UsageError
from deployer_lib.probes.context import Context, probe
from deployer_lib.probes.declared import declared_in
from deployer_lib.probes.model_drift import models_match
from deployer_lib.probes.revisions import History, find_scripts, read_history
from deployer_lib.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from urllib.parse import SplitResult

    from deployer_lib.parameters.model import Step

__all__ = ["migrations"]

_DOCS: Final = "https://alembic.sqlalchemy.org/en/latest/"
_TOOLS: Final = frozenset({"alembic", "flask-migrate"})
_OTHER_TOOLS: Final = frozenset({"django", "aerich", "yoyo-migrations", "piccolo", "peewee-migrate", "pony"})
_ORMS: Final = frozenset({"sqlalchemy", "sqlmodel", "flask-sqlalchemy", "tortoise-orm", "peewee"})
_STEP: Final = re.compile(r"migrat|alembic|upgrade|schema", re.IGNORECASE)
_CONNECT_S: Final = 5.0
_PORTS: Final = {"postgresql": 5432, "postgres": 5432}


@probe("environment.migrations")
def migrations(ctx: Context) -> Iterable[Result]:
    """Read the chain of revisions, and compare it with the database that the environment names."""
    scripts = find_scripts(ctx.workspace)
    if scripts is None:
        yield _without_scripts(ctx)
        return
    history = read_history(ctx.workspace, scripts)
    broken = list(_broken(history))
    yield from broken
    if not history.revisions:
        yield errored(
            f"{history.folder}/versions holds no revision, so that nothing can be told of the schema.",
            root_cause="Alembic is set up, and no migration was ever made (alembic revision --autogenerate).",
        )
        return
    if broken:
        return
    yield passed(
        f"{len(history.revisions)} revisions, one head.",
        subject="chain",
        head=history.heads[0].id,
        folder=history.folder,
        revisions=[revision.id for revision in history.revisions],
    )
    yield _pending(ctx, history)
    if (_database_url(ctx) or "").startswith("sqlite") and (
        models := models_match(ctx, history, _variable(ctx))
    ):
        yield models


def _without_scripts(ctx: Context) -> Result:
    declared = {item.name: item for item in declared_in(ctx.workspace) if item.use != "development"}
    tool = next((declared[name] for name in sorted(_TOOLS & declared.keys())), None)
    if tool is None and (other := sorted(_OTHER_TOOLS & declared.keys())):
        return skipped(
            Skip.UNAVAILABLE,
            f"Migrations of {other[0]} are not read yet; say not_applicable: {{environment.migrations: why}} or check by hand.",
        )
    orm = next((declared[name] for name in sorted(_ORMS & declared.keys())), None)
    if tool is None and orm is None:
        return skipped(
            Skip.NOT_APPLICABLE,
            "The project declares neither a migration tool nor an object-relational mapper.",
        )
    item = tool or orm
    assert item is not None  # noqa: S101  (one of the two, by the line above)
    return failed(
        f"{item.file} declares {item.text}, and the project has no migrations.",
        root_cause="No folder with env.py and versions/ was found, and no alembic.ini names one.",
        impact="The schema in production can't be brought to what the code expects, nor told from it.",
        fix=Fix(
            (
                "Set Alembic up, and make the first revision from the models.",
                "Apply it by a step in deploy.steps.",
            ),
            (
                Code(
                    "terminal",
                    'alembic init migrations\nalembic revision --autogenerate -m "first"',
                    language="shell",
                ),
                Code(
                    f"parameters/{ctx.parameters.environment}.yaml",
                    "deploy:\n  steps:\n    - name: migrate\n      command: [alembic, upgrade, head]",
                    language="yaml",
                ),
            ),
            f"{_DOCS}tutorial.html",
            60,
        ),
        locations=(Location(item.file, item.line),),
        declared=item.text,
    )


# -- the chain -------------------------------------------------------------------------------------------------------


def _broken(history: History) -> Iterator[Result]:
    for file, why, line in history.unread:
        yield _fault(
            f"{file} is no revision file: {why}.",
            file,
            line,
            f"{file}: {why}.",
            file,
            f'revision = "<id>"\ndown_revision = "{_last(history)}"',
        )
    seen: dict[str, str] = {}
    known = history.by_id
    for revision in history.revisions:
        if revision.id in seen:
            yield _fault(
                f"Revision {revision.id} stands twice: {seen[revision.id]} and {revision.file}.",
                revision.file,
                revision.id_line,
                "A revision file was copied, and its id was not changed.",
                f"{revision.id} twice",
                'revision = "<a new id>"',
            )
        seen[revision.id] = revision.file
        for down in (*revision.down, *revision.depends):
            if down not in known:
                yield _fault(
                    f"Revision {revision.id} follows on {down}, which no file defines.",
                    revision.file,
                    revision.line,
                    f"The file of revision {down} was not committed, or was removed.",
                    f"{revision.id} → {down}",
                    f'down_revision = "{_before(history, revision.id)}"',
                )
    heads = history.heads
    if history.revisions and not heads:
        first = history.revisions[0]
        yield _fault(
            "The revisions follow on each other in a circle; there is no head.",
            first.file,
            first.line,
            "A down_revision names a later revision.",
            "circle",
            "down_revision = None",
        )
    if len(heads) > 1:
        yield _two_heads(history)


def _two_heads(history: History) -> Result:
    heads = history.heads
    ids = [head.id for head in heads]
    return failed(
        f"There are {len(heads)} heads: {', '.join(ids)}.",
        subject="heads",
        root_cause=f"{heads[-1].file}:{heads[-1].line} and {heads[0].file} were made from the same revision on two branches.",
        impact="alembic upgrade head refuses to run, and the deployment stops at its migrate step.",
        fix=Fix(
            ("Merge the heads by a revision that follows on all of them, and commit it.",),
            (
                Code("terminal", f'alembic merge -m "merge heads" {" ".join(ids)}', language="shell"),
                Code(heads[-1].file, f'down_revision = "{ids[0]}"', heads[-1].line, "python"),
            ),
            f"{_DOCS}branches.html",
            15,
        ),
        locations=[Location(head.file, head.line) for head in heads],
        heads=[*ids],
    )


def _fault(message: str, file: str, line: int, cause: str, subject: str, code: str) -> Result:
    return failed(
        message,
        subject=subject,
        root_cause=cause,
        impact="Alembic can't build the chain of revisions, and the deployment stops at its migrate step.",
        fix=Fix(
            (
                "Bring the missing file back from version control, or correct the line.",
                "Then see whether alembic history runs.",
            ),
            (Code(file, code, line, "python"),),
            f"{_DOCS}tutorial.html#partial-revision-identifiers",
            15,
        ),
        locations=(Location(file, line),),
        file=file,
    )


def _last(history: History) -> str:
    heads = history.heads
    return heads[0].id if heads else "<id>"


def _before(history: History, revision: str) -> str:
    others = [each.id for each in history.revisions if each.id != revision and revision not in each.down]
    return others[-1] if others else "<id>"


# -- the database ----------------------------------------------------------------------------------------------------


def _pending(ctx: Context, history: History) -> Result:
    url = _database_url(ctx)
    variable = _variable(ctx)
    if url is None:
        return skipped(
            Skip.UNAVAILABLE,
            f"deploy.variables does not name the database ({variable}), so that its revision can't be asked.",
            subject="pending",
        )
    parts = urlsplit(url)
    dialect = parts.scheme.partition("+")[0]
    if dialect == "sqlite":
        current = _sqlite(url)
        if current is None:
            return skipped(
                Skip.UNAVAILABLE,
                f"{variable} names a SQLite file by a relative path or in memory.",
                subject="pending",
            )
    elif dialect in _PORTS:
        if importlib.util.find_spec("pg8000") is None:
            return skipped(
                Skip.UNAVAILABLE,
                "Asking a PostgreSQL database needs the extra postgres (pip install 'deployer-lib[postgres]').",
                subject="pending",
            )
        ctx.guard.permit("GET", "postgresql", parts.hostname or "", parts.port or _PORTS[dialect])
        current = _postgres(parts)
    else:
        return skipped(
            Skip.UNAVAILABLE, f"The revision of a {dialect} database can't be asked.", subject="pending"
        )
    if isinstance(current, Exception):
        return errored(
            f"The database's revision can't be read: {type(current).__name__}.",
            subject="pending",
            root_cause=str(current)[:300],
        )
    return _compared(ctx, history, current)


def _variable(ctx: Context) -> str:
    return ctx.parameters.smoke.database.variable if ctx.parameters.smoke.database else "DATABASE_URL"


def _database_url(ctx: Context) -> str | None:
    value = ctx.parameters.deploy.variables.get(_variable(ctx))
    if isinstance(value, Secret):
        with contextlib.suppress(UsageError):
            return value.reveal()
        return None
    places = {
        "state": str(ctx.places.state),
        "project": str(ctx.workspace),
        "environment": ctx.parameters.environment,
    }
    return fill(value, places) if value else None


def _sqlite(url: str) -> frozenset[str] | Exception | None:
    """Return the revisions in a SQLite file, empty where there is no file or table yet."""
    path = Path(unquote(url.partition("://")[2].removeprefix("/").partition("?")[0]))
    if not path.is_absolute():
        return None
    if not path.exists():
        return frozenset()
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=_CONNECT_S)
        ) as connection:
            return frozenset(row[0] for row in connection.execute("SELECT version_num FROM alembic_version"))
    except sqlite3.OperationalError as error:
        return frozenset() if "no such table" in str(error) else error
    except sqlite3.DatabaseError as error:
        return error


def _postgres(parts: SplitResult) -> frozenset[str] | Exception:
    """Return the revisions in a PostgreSQL database, empty where the database or its table is not there yet."""
    driver: Any = importlib.import_module("pg8000.dbapi")
    try:
        connection = driver.connect(
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            host=parts.hostname,
            port=parts.port or _PORTS["postgresql"],
            database=parts.path.lstrip("/"),
            timeout=_CONNECT_S,
        )
        with contextlib.closing(connection):
            cursor = connection.cursor()
            cursor.execute("SELECT version_num FROM alembic_version")
            return frozenset(str(row[0]) for row in cursor.fetchall())
    except (driver.Error, OSError) as error:
        missing = "3D000" in str(error) or "42P01" in str(error)  # no such database, no such table
        return frozenset() if missing else error


def _compared(ctx: Context, history: History, current: frozenset[str]) -> Result:
    step = next((step.name for step in ctx.parameters.deploy.steps if _migrates(step)), "")
    unknown = sorted(current - history.by_id.keys())
    head = history.heads[0]
    if unknown:
        return failed(
            f"The database is at revision {', '.join(unknown)}, which no file of this build defines.",
            subject="pending",
            root_cause="A newer build, or another branch, has migrated this database.",
            impact="alembic upgrade head fails, and the code meets a schema that it does not know.",
            fix=Fix(
                (
                    "Deploy a build that has this revision, or bring the database back to one that this build knows.",
                ),
                (Code("terminal", f"alembic downgrade {head.id}", language="shell"),),
                f"{_DOCS}tutorial.html",
                60,
            ),
            locations=(Location(head.file, head.id_line),),
            database=[*sorted(current)],
            head=head.id,
        )
    pending = [each.id for each in history.revisions if each.id not in history.ancestors(current)]
    if not pending or step:
        done = f"{len(pending)} pending, applied by step {step}" if pending else "none pending"
        return passed(
            f"The database is at {', '.join(sorted(current)) or 'no revision yet'}; {done}.",
            subject="pending",
            database=[*sorted(current)],
            head=head.id,
            pending=[*pending],
            step=step,
        )
    return _nobody_applies(ctx, history, current, pending)


def _migrates(step: Step) -> bool:
    words = (step.name, *(word for word in step.command if isinstance(word, str)))
    return any(_STEP.search(word) for word in words)


def _nobody_applies(ctx: Context, history: History, current: frozenset[str], pending: list[str]) -> Result:
    return failed(
        f"{len(pending)} migration(s) are pending, and no step of the deployment applies them: {', '.join(pending)}.",
        subject="pending",
        root_cause=f"The database is at {', '.join(sorted(current)) or 'no revision'}; deploy.steps has no step that migrates.",
        impact="The new code meets the old schema: queries on new tables and columns fail.",
        fix=Fix(
            ("Let the deployment migrate before the start.",),
            (
                Code(
                    f"parameters/{ctx.parameters.environment}.yaml",
                    "deploy:\n  steps:\n    - name: migrate\n      command: [alembic, upgrade, head]",
                    language="yaml",
                ),
            ),
            f"{_DOCS}tutorial.html#running-our-first-migration",
            10,
        ),
        locations=[Location(history.by_id[each].file, history.by_id[each].id_line) for each in pending[:5]],
        pending=[*pending],
        database=[*sorted(current)],
    )

"""Every migration history of a project, whichever tools it uses, and what asks a database for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployer_lib.probes.migrations import (
    alembic,
    django,
    drizzle,
    flyway,
    go,
    liquibase,
    node,
    prisma,
    rails,
    rust,
    stamped,
)
from deployer_lib.probes.migrations.numbered import versions_state
from deployer_lib.probes.migrations.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from deployer_lib.probes.migrations.model import History, Query, State

__all__ = ["STATES", "histories_of", "read_migrations"]

_READERS: Final[tuple[Callable[[Tree], list[History]], ...]] = (
    alembic.find,
    django.find,
    prisma.find,
    drizzle.find,
    node.find,
    rust.find,
    flyway.find,
    liquibase.find,
    rails.find,
    stamped.find,
    go.find,
)
#: What asks a database, by the tool's name.
STATES: Final[dict[str, Callable[[History, Query], State]]] = {
    "alembic": alembic.state,
    "django": django.state,
    "prisma": prisma.state,
    "drizzle": drizzle.state,
    "knex": node.knex_state,
    "sequelize": node.sequelize_state,
    "typeorm": node.typeorm_state,
    "sqlx": rust.sqlx_state,
    "diesel": rust.diesel_state,
    "flyway": flyway.state,
    "liquibase": liquibase.state,
    "rails": versions_state,
    "laravel": stamped.laravel_state,
    "ecto": versions_state,
    "entity-framework": stamped.entity_framework_state,
    "golang-migrate": go.golang_migrate_state,
    "goose": go.goose_state,
    "dbmate": go.dbmate_state,
}


def read_migrations(project: Path, exclude: Sequence[str] = ()) -> tuple[History, ...]:
    """Return every migration history of a project, those with something wrong first.

    Nothing is run and no database is asked. Tests, examples and foreign code are left out.

    Args:
        project: its folder.
        exclude: patterns of paths, relative to it, that are left out too.
    """
    return histories_of(Tree(project, exclude))


def histories_of(tree: Tree) -> tuple[History, ...]:
    """Return the histories of a project that was walked already."""
    found = [history for reader in _READERS for history in reader(tree)]
    # A set-up without any file says nothing where another tool brings the schema.
    if any(history.revisions for history in found):
        found = [
            history
            for history in found
            if history.revisions or history.unread or history.missing or history.unclear
        ]
    return tuple(sorted(found, key=lambda history: (not history.problems, not history.unclear)))

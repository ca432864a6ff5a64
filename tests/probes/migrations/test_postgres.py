"""What was applied, asked of a real PostgreSQL server: rows, schemas, refusals."""

from __future__ import annotations

from contextlib import closing
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from deployer_lib.check import Outcome, Result, Skip
from deployer_lib.errors import NotAllowed
from deployer_lib.probes.migrations_deployed import migrations_deployed
from deployer_lib.probes.migrations_probe import migrations

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer_lib.probes.context import Context

    Make = Callable[..., Context]

FILES = {
    "alembic.ini": "[alembic]\nscript_location = db\n",
    "db/versions/a.py": 'revision = "1"\ndown_revision = None\n',
    "db/versions/b.py": 'revision = "2"\ndown_revision = "1"\n',
}


def execute(url: str, *statements: str) -> None:
    driver: Any = import_module("pg8000.dbapi")
    parts = urlsplit(url)
    connection = driver.connect(user="tester", host=parts.hostname, port=parts.port, database=parts.path[1:])
    connection.autocommit = True
    with closing(connection):
        for statement in statements:
            connection.cursor().execute(statement)


def made(context: Make, url: str, files: dict[str, str]) -> Context:
    parts = urlsplit(url)
    ctx = context(
        "http://127.0.0.1:9",
        deploy={"kind": "none", "address": "http://127.0.0.1:9", "variables": {"DATABASE_URL": url}},
    )
    ctx.guard.hosts.add((parts.hostname or "", parts.port or 5432))
    for name, text in files.items():
        (ctx.workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (ctx.workspace / name).write_text(text, encoding="utf-8")
    return ctx


def last(ctx: Context) -> Result:
    return list(migrations(ctx))[-1]


def test_rows_decide(context: Make, postgres: str) -> None:
    """No database, no table, the first revision, all of them."""
    execute(postgres, "CREATE DATABASE shop")
    url = postgres.replace("/postgres", "/shop")
    absent = made(context, postgres.replace("/postgres", "/none"), FILES)
    assert ["1", "2"] == last(absent).evidence["pending"]
    ctx = made(context, url, FILES)
    assert ["1", "2"] == last(ctx).evidence["pending"]
    execute(
        url, "CREATE TABLE alembic_version (version_num text)", "INSERT INTO alembic_version VALUES ('1')"
    )
    assert (Outcome.FAIL, ["2"]) == (last(ctx).outcome, last(ctx).evidence["pending"])
    (left,) = migrations_deployed(ctx)
    assert (Outcome.FAIL, ["2"], "db/versions/b.py") == (
        left.outcome, left.evidence["pending"], left.locations[0].file,
    )  # fmt: skip
    execute(url, "UPDATE alembic_version SET version_num = '2'")
    assert Outcome.PASS is last(ctx).outcome
    assert [Outcome.PASS] == [result.outcome for result in migrations_deployed(ctx)]


def test_a_schema_in_the_address_is_obeyed(context: Make, postgres: str) -> None:
    """Prisma names the schema by ?schema=."""
    execute(
        postgres,
        "CREATE SCHEMA app",
        "CREATE TABLE app._prisma_migrations (migration_name text, checksum text, finished_at timestamptz, rolled_back_at timestamptz)",
        "INSERT INTO app._prisma_migrations VALUES ('0_init', 'other', now(), NULL)",
    )
    files = {
        "prisma/schema.prisma": 'datasource db {\n  provider = "postgresql"\n}\n',
        "prisma/migrations/migration_lock.toml": 'provider = "postgresql"\n',
        "prisma/migrations/0_init/migration.sql": "SELECT 1;\n",
    }
    edited = last(made(context, f"{postgres}?schema=app&connection_limit=5", files))
    assert (Outcome.FAIL, ["0_init"]) == (edited.outcome, edited.evidence["edited"])


def test_a_refused_connection_is_an_error_and_no_pass(context: Make, postgres: str) -> None:
    ctx = made(context, postgres.replace("tester@", "nobody:x@"), FILES)
    result = last(ctx)
    assert (Outcome.ERROR, "pending") == (result.outcome, result.subject)
    assert "x@" not in result.root_cause


def test_a_server_that_is_not_declared_is_not_asked(context: Make, postgres: str) -> None:
    ctx = made(context, postgres, FILES)
    ctx.guard.hosts.clear()
    with pytest.raises(NotAllowed):
        list(migrations(ctx))


def test_other_servers_are_unavailable(context: Make) -> None:
    assert Skip.UNAVAILABLE is last(made(context, "mysql://127.0.0.1/shop", FILES)).skip

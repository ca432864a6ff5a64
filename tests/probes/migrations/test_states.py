"""What each tool's table says, against its files: pending, edited, failed, unknown, out of order."""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from deployer_lib.probes.migrations import STATES, read_migrations
from deployer_lib.probes.migrations.flyway import checksum

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from deployer_lib.probes.migrations.model import Query, State

    Write = Callable[[Mapping[str, str]], Path]
    Make = Callable[..., Query]

A, B = "CREATE TABLE a ();\n", "CREATE TABLE b ();\n"
SHA256 = {text: hashlib.sha256(text.encode()).hexdigest() for text in (A, B)}
SHA384 = {text: hashlib.sha384(text.encode()).digest() for text in (A, B)}
PRISMA = {
    "prisma/schema.prisma": 'datasource db {\n  provider = "sqlite"\n}\n',
    "prisma/migrations/1_a/migration.sql": A,
    "prisma/migrations/2_b/migration.sql": B,
}
DRIZZLE = {
    "drizzle/meta/_journal.json": '{"entries": [{"idx": 0, "when": 10, "tag": "0000_a"}, {"idx": 1, "when": 20, "tag": "0001_b"}]}',
    "drizzle/0000_a.sql": A,
    "drizzle/0001_b.sql": B,
}
KNEX = {
    "package.json": '{"dependencies": {"knex": "3"}}',
    "migrations/1_a.ts": "export const up = (knex: Knex) => 0, down = 0;",
    "migrations/2_b.ts": "export const up = (knex: Knex) => 0, down = 0;",
}
SQLX = {"Cargo.toml": 'sqlx = "0.8"\n', "migrations/1_a.sql": A, "migrations/2_b.sql": B}
DIESEL = {
    "Cargo.toml": 'diesel = "2"\n',
    "migrations/2024-01-01-1_a/up.sql": A,
    "migrations/2024-01-02-1_b/up.sql": B,
}
FLYWAY = {"db/migration/V1__a.sql": A, "db/migration/V1.5__b.sql": B, "db/migration/V2__c.sql": A}
RAILS = {f"db/migrate/{n}_x{n}.rb": "ActiveRecord::Migration" for n in (1, 2)}
LARAVEL = {f"database/migrations/2024_01_0{n}_000000_x.php": "extends Migration" for n in (1, 2)}
ECTO = {f"priv/repo/migrations/{n}_x{n}.exs": "use Ecto.Migration" for n in (1, 2)}
EF = {
    f"M/2024010{n}000000_X.cs": f'[Migration("2024010{n}000000_X")]\nclass X : Migration {{}}' for n in (1, 2)
}
GOLANG = {f"migrations/{n}_x.up.sql": A for n in (1, 2)}
GOOSE = {f"migrations/{n}_x.sql": "-- +goose Up\n" for n in (1, 2, 3)}
DBMATE = {f"db/migrations/{n}_x.sql": "-- migrate:up\n" for n in (1, 2)}
TYPEORM = {
    "package.json": '{"dependencies": {"typeorm": "0.3"}}',
    **{f"migrations/{n}.ts": f"class X170000000000{n} implements MigrationInterface {{}}" for n in (1, 2)},
}
SEQUELIZE = {
    "package.json": '{"dependencies": {"sequelize": "6"}}',
    **{f"migrations/2024010{n}-x.js": "queryInterface" for n in (1, 2)},
}
LIQUIBASE = {
    "db/log.xml": '<databaseChangeLog><changeSet id="1" author="a"/><changeSet id="2" author="a"/></databaseChangeLog>'
}

P = "CREATE TABLE _prisma_migrations (migration_name, checksum, finished_at, rolled_back_at)"
X = "CREATE TABLE _sqlx_migrations (version, checksum, success)"
F = "CREATE TABLE flyway_schema_history (version, checksum, success, type)"
GO = "CREATE TABLE goose_db_version (id, version_id, is_applied)"
S = "CREATE TABLE schema_migrations (version)"
D = "CREATE TABLE __drizzle_migrations (created_at, hash)"
FA, FB = checksum(A), checksum(B)

#: (files, table, rows, what is expected where it is not empty)
CASES: dict[str, tuple[dict[str, str], str, tuple[tuple[Any, ...], ...], dict[str, tuple[str, ...]]]] = {
    "prisma": (PRISMA, P, (("1_a", SHA256[A], 1, None), ("2_b", SHA256[B], 1, None)), {}),
    "prisma, pending": (PRISMA, P, (("1_a", SHA256[A], 1, None),), {"pending": ("2_b",)}),
    "prisma, edited": (PRISMA, P, (("1_a", SHA256[B], 1, None), ("2_b", SHA256[B], 1, None)), {"edited": ("1_a",)}),
    "prisma, other line ends": (
        PRISMA,
        P,
        (("1_a", hashlib.sha256(A.replace("\n", "\r\n").encode()).hexdigest(), 1, None), ("2_b", SHA256[B], 1, None)),
        {},
    ),
    "prisma, failed": (
        PRISMA, P, (("1_a", SHA256[A], 1, None), ("2_b", SHA256[B], None, None)), {"pending": ("2_b",), "failed": ("2_b",)},
    ),
    "prisma, failed, rolled back and applied again": (
        PRISMA, P, (("1_a", SHA256[A], 1, None), ("2_b", "x", None, 1), ("2_b", SHA256[B], 1, None)), {},
    ),
    "prisma, newer": (
        PRISMA, P, (("1_a", SHA256[A], 1, None), ("2_b", SHA256[B], 1, None), ("3_c", "", 1, None)), {"unknown": ("3_c",)},
    ),
    "drizzle": (DRIZZLE, D, ((10, SHA256[A]), (20, SHA256[B])), {}),
    "drizzle, edited": (DRIZZLE, D, ((10, SHA256[B]),), {"edited": ("0000_a",), "pending": ("0001_b",)}),
    "drizzle, newer": (DRIZZLE, D, ((5, "x"), (10, SHA256[A]), (20, SHA256[B]), (30, "x")), {"unknown": ("~30",)}),
    "knex, built from TypeScript": (KNEX, "CREATE TABLE knex_migrations (name)", (("1_a.js",),), {"pending": ("2_b.ts",)}),
    "knex, a file is gone": (
        KNEX,
        "CREATE TABLE knex_migrations (name)",
        (("0_z.ts",), ("1_a.ts",), ("2_b.ts",)),
        {"unknown": ("0_z.ts",)},
    ),
    "sqlx": (SQLX, X, (("1", SHA384[A], True), ("2", SHA384[B], True)), {}),
    "sqlx, edited": (SQLX, X, (("1", SHA384[B], True), ("2", SHA384[B], True)), {"edited": ("1",)}),
    "sqlx, dirty": (
        SQLX, X, (("1", SHA384[A], True), ("2", SHA384[B], False)), {"pending": ("2",), "failed": ("2",)},
    ),
    "sqlx, a file is gone": (
        SQLX, X, (("0", b"", True), ("1", SHA384[A], True), ("2", SHA384[B], True)), {"unknown": ("0",)},
    ),
    "diesel": (
        DIESEL, "CREATE TABLE __diesel_schema_migrations (version)", (("202401011",),), {"pending": ("202401021",)},
    ),
    "flyway, out of order": (
        FLYWAY,
        F,
        (("1", FA, True, "SQL"), ("2", FA, True, "SQL")),
        {"pending": ("1.5",), "passed_over": ("1.5",)},
    ),
    "flyway, edited and failed": (
        FLYWAY,
        F,
        (("1", FB, True, "SQL"), ("1.5", FB, True, "SQL"), ("2", FA, False, "SQL"), (None, 1, True, "SQL")),
        {"edited": ("1",), "failed": ("2",), "pending": ("2",)},
    ),
    "flyway, a base line": (FLYWAY, F, (("1.5", None, True, "BASELINE"),), {"pending": ("2",)}),
    "rails": (RAILS, S, (("1",), ("0",)), {"pending": ("2",)}),
    "laravel": (
        LARAVEL,
        "CREATE TABLE migrations (migration)",
        (("2024_01_01_000000_x",), ("2099_a_package",)),
        {"pending": ("2024_01_02_000000_x",)},
    ),
    "ecto": (ECTO, S, ((1,), (9,)), {"pending": ("2",), "unknown": ("9",)}),
    "entity framework": (
        EF, 'CREATE TABLE "__EFMigrationsHistory" (MigrationId)', (("20240101000000_X",),), {"pending": ("20240102000000_X",)},
    ),
    "golang-migrate": (GOLANG, "CREATE TABLE schema_migrations (version, dirty)", ((1, False),), {"pending": ("2",)}),
    "golang-migrate, dirty": (
        GOLANG,
        "CREATE TABLE schema_migrations (version, dirty)",
        ((2, True),),
        {"failed": ("2",), "pending": ("2",)},
    ),
    "golang-migrate, newer": (
        GOLANG, "CREATE TABLE schema_migrations (version, dirty)", ((7, False),), {"unknown": ("7",)},
    ),
    "goose, taken back and out of order": (
        GOOSE,
        GO,
        ((1, 0, True), (2, 1, True), (3, 2, True), (4, 2, False), (5, 3, True)),
        {"pending": ("2",), "passed_over": ("2",)},
    ),
    "dbmate": (DBMATE, S, (("1",),), {"pending": ("2",)}),
    "typeorm": (TYPEORM, "CREATE TABLE migrations (name)", (("X1700000000001",),), {"pending": ("X1700000000002",)}),
    "typeorm, a newer one of an earlier letter, and an older one of a later": (
        TYPEORM,
        "CREATE TABLE migrations (name)",
        (("X1700000000001",), ("X1700000000002",), ("Add1800000000000",), ("Zero1600000000000",)),
        {"unknown": ("Add1800000000000",)},
    ),
    "rails, numbers of several lengths": (
        {f"db/migrate/{n}_x{n}.rb": "ActiveRecord::Migration" for n in (9, 10)}, S, (("9",), ("10",), ("8",), ("11",)), {"unknown": ("11",)},
    ),
    "sequelize": (SEQUELIZE, 'CREATE TABLE "SequelizeMeta" (name)', (("20240101-x.js",),), {"pending": ("20240102-x.js",)}),
    "liquibase": (
        LIQUIBASE, "CREATE TABLE databasechangelog (id, author)", (("1", "a"),), {"pending": ("db/log.xml::2::a",)},
    ),
}  # fmt: skip


def asked(project: Write, files: dict[str, str], query: Query) -> State:
    (history,) = read_migrations(project(files))
    return STATES[history.tool.name](history, query)


@pytest.mark.parametrize("name", CASES)
def test_a_table_is_compared_with_the_files(project: Write, database: Make, name: str) -> None:
    files, create, rows, expected = CASES[name]
    state = asked(project, files, database(create, rows))
    found = {
        key: getattr(state, key)
        for key in ("pending", "edited", "failed", "unknown", "passed_over")
        if getattr(state, key)
    }
    assert expected == found


@pytest.mark.parametrize(
    "files",
    [
        PRISMA,
        DRIZZLE,
        KNEX,
        SQLX,
        DIESEL,
        RAILS,
        LARAVEL,
        ECTO,
        EF,
        GOLANG,
        DBMATE,
        TYPEORM,
        SEQUELIZE,
        LIQUIBASE,
    ],
)
def test_without_a_table_everything_is_pending(project: Write, database: Make, files: dict[str, str]) -> None:
    state = asked(project, files, database())
    assert (2, (), ()) == (len(state.pending), state.named, state.edited)


@pytest.mark.parametrize("text", ["", "one", "one\n", "one\r\ntwo\r\n", "\ufeffone\ntwo", "größe\n\n\nß"])
def test_the_checksum_is_flyways(text: str) -> None:
    """CRC-32 over the lines without their ends, signed, as Flyway writes it into its table."""
    lines = text.removeprefix("\ufeff").splitlines()
    value = zlib.crc32("".join(lines).encode())
    assert (value - 2**32 if value >= 2**31 else value) == checksum(text)

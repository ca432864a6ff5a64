"""Tools with a file, or a folder, for each migration: one sound project each, and the faults that teams make."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from deployer_lib.check import Location
from deployer_lib.probes.migrations import Tree, read_migrations
from deployer_lib.probes.migrations.embedded import called_at

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Write = Callable[[Mapping[str, str]], Path]

SCHEMA = 'datasource db {\n  provider = "postgresql"\n  url = env("DATABASE_URL")\n}\n\nmodel Mug {\n  id Int @id\n}\n'
PRISMA = {
    "prisma/schema.prisma": SCHEMA,
    "prisma/migrations/migration_lock.toml": '# Do not edit\nprovider = "postgresql"\n',
    "prisma/migrations/1_init/migration.sql": "CREATE TABLE a ();",
    "prisma/migrations/2_more/migration.sql": "CREATE TABLE b ();",
}
KNEX_FILE = "exports.up = (knex) => knex.schema.dropTable('a');\nexports.down = (knex) => null;\n"
KNEX = {
    "package.json": '{"dependencies": {"knex": "3"}}',
    "knexfile.js": 'module.exports = { client: "pg", migrations: { directory: "./db/steps", tableName: "steps" } };\n',
    "db/steps/20240101_a.js": KNEX_FILE,
    "db/steps/20240102_b.js": KNEX_FILE,
}
SEQUELIZE = {
    "package.json": '{"dependencies": {"sequelize": "6"}}',
    "migrations/20240101000000-a.js": "module.exports = { up: (queryInterface) => 0, down: () => 0 };",
    "migrations/20240102000000-b.js": "module.exports = { up: (queryInterface) => 0, down: () => 0 };",
}
TYPEORM = {
    "package.json": '{"dependencies": {"typeorm": "0.3"}}',
    "src/migrations/1700000000000-A.ts": "export class A1700000000000 implements MigrationInterface {\n}\n",
    "src/migrations/1700000000001-B.ts": "export class B1700000000001 implements MigrationInterface {\n}\n",
}
JOURNAL = {"entries": [{"idx": 0, "when": 1, "tag": "0000_a"}, {"idx": 1, "when": 2, "tag": "0001_b"}]}
DRIZZLE = {
    "drizzle/meta/_journal.json": json.dumps(JOURNAL),
    "drizzle/0000_a.sql": "CREATE TABLE a ();",
    "drizzle/0001_b.sql": "CREATE TABLE b ();",
}
SQLX = {
    "Cargo.toml": '[dependencies]\nsqlx = "0.8"\n',
    "migrations/1_a.sql": "CREATE TABLE a ();",
    "migrations/2_b.up.sql": "CREATE TABLE b ();",
    "migrations/2_b.down.sql": "DROP TABLE b;",
}
DIESEL = {
    "Cargo.toml": '[dependencies]\ndiesel = { version = "2" }\n',
    "migrations/00000000000000_diesel_initial_setup/up.sql": "SELECT 1;",
    "migrations/2024-01-01-000000_a/up.sql": "CREATE TABLE a ();",
    "migrations/2024-01-01-000000_a/down.sql": "DROP TABLE a;",
}
FLYWAY = {
    "src/main/resources/db/migration/V1__a.sql": "CREATE TABLE a ();",
    "src/main/resources/db/migration/V2_1__b.sql": "CREATE TABLE b ();",
    "src/main/java/db/migration/V2_2__C.java": "class V2_2__C {}",
    "src/main/resources/db/migration/R__views.sql": "CREATE VIEW v AS SELECT 1;",
}
LIQUIBASE = {
    "src/main/resources/db/master.xml": '<databaseChangeLog>\n  <include file="db/one.xml"/>\n</databaseChangeLog>',
    "src/main/resources/db/one.xml": '<databaseChangeLog>\n  <changeSet id="1" author="ann"/>\n</databaseChangeLog>',
}
RUBY = "class A < ActiveRecord::Migration[7.1]\nend\n"
RAILS = {
    "db/migrate/20240101000000_make_a.rb": RUBY,
    "db/migrate/20240102000000_make_b.rb": RUBY,
    "db/schema.rb": "ActiveRecord::Schema[7.1].define(version: 2024_01_02_000000) do\nend\n",
}
PHP = "<?php\nreturn new class extends Migration {\n};\n"
LARAVEL = {
    "database/migrations/2024_01_01_000000_a.php": PHP,
    "database/migrations/2024_01_02_000000_b.php": PHP,
}
ECTO = {
    "priv/repo/migrations/20240101000000_a.exs": "defmodule A do\n  use Ecto.Migration\nend\n",
    "priv/repo/migrations/20240102000000_b_test.exs": "defmodule B do\n  use Ecto.Migration\nend\n",
}
CSHARP = "public partial class A : Migration\n{\n}\n"
ENTITY_FRAMEWORK = {
    "Data/Migrations/20240101000000_A.cs": CSHARP,
    "Data/Migrations/20240101000000_A.Designer.cs": '[Migration("20240101000000_A")]\npartial class A\n{\n}\n',
    "Data/Migrations/20240102000000_B.cs": '[Migration("20240102000000_B")]\n' + CSHARP,
}
GOLANG_MIGRATE = {
    "migrations/000001_a.up.sql": "CREATE TABLE a ();",
    "migrations/000001_a.down.sql": "DROP TABLE a;",
    "migrations/000002_b.up.sql": "CREATE TABLE b ();",
}
GOOSE = {
    "migrations/00001_a.sql": "-- +goose Up\nCREATE TABLE a ();\n-- +goose Down\n",
    "migrations/00002_b.sql": "-- +goose Up\nCREATE TABLE b ();\n",
}
DBMATE = {
    "db/migrations/20240101_a.sql": "-- migrate:up\nCREATE TABLE a ();\n",
    "db/migrations/20240102_b.sql": "-- migrate:up\nCREATE TABLE b ();\n",
}
SOUND = {
    "prisma": (PRISMA, "2_more"),
    "knex": (KNEX, "20240102_b.js"),
    "sequelize": (SEQUELIZE, "20240102000000-b.js"),
    "typeorm": (TYPEORM, "B1700000000001"),
    "drizzle": (DRIZZLE, "0001_b"),
    "sqlx": (SQLX, "2"),
    "diesel": (DIESEL, "20240101000000"),
    "flyway": (FLYWAY, "2.2"),
    "liquibase": (LIQUIBASE, "src/main/resources/db/one.xml::1::ann"),
    "rails": (RAILS, "20240102000000"),
    "laravel": (LARAVEL, "2024_01_02_000000_b"),
    "ecto": (ECTO, "20240102000000"),
    "entity-framework": (ENTITY_FRAMEWORK, "20240102000000_B"),
    "golang-migrate": (GOLANG_MIGRATE, "2"),
    "goose": (GOOSE, "2"),
    "dbmate": (DBMATE, "20240102"),
}


@pytest.mark.parametrize("tool", SOUND)
def test_a_sound_project_has_one_head(project: Write, tool: str) -> None:
    files, head = SOUND[tool]
    (history,) = read_migrations(project(files))
    assert (tool, (head,), ()) == (history.tool.name, history.heads, history.problems)


@pytest.mark.parametrize("tool", SOUND)
def test_a_folder_below_the_root_is_found_too(project: Write, tool: str) -> None:
    files, head = SOUND[tool]
    (history,) = read_migrations(project({f"services/shop api/{name}": text for name, text in files.items()}))
    assert (tool, head.rpartition("::")[2]) == (history.tool.name, history.heads[0].rpartition("::")[2])


#: (files, what is added, kind of the problem, file that it names)
FAULTS = {
    "prisma: a folder without migration.sql": (
        PRISMA, {"prisma/migrations/3_x/README.md": "later"}, "missing", "prisma/migrations/3_x/README.md",
    ),
    "prisma: another provider": (
        PRISMA, {"prisma/migrations/migration_lock.toml": '#\nprovider = "sqlite"\n'}, "setup", "prisma/schema.prisma",
    ),
    "prisma: models and no migration": ({}, {"prisma/schema.prisma": SCHEMA}, "setup", "prisma/schema.prisma"),
    "knex: no way back": (
        KNEX, {"db/steps/20240103_c.js": "exports.up = () => 0;"}, "unread", "db/steps/20240103_c.js",
    ),
    "typeorm: a name without a time stamp": (
        TYPEORM, {"src/migrations/C.ts": "class C implements MigrationInterface {}"}, "unread", "src/migrations/C.ts",
    ),
    "typeorm: a name twice": (
        TYPEORM,
        {"src/migrations/1700000000002-B.ts": "class B1700000000001 implements MigrationInterface {}"},
        "duplicate",
        "src/migrations/1700000000001-B.ts",
    ),
    "drizzle: a file that the journal does not name": (
        DRIZZLE, {"drizzle/0002_c.sql": "SELECT 1;"}, "ignored", "drizzle/0002_c.sql",
    ),
    "drizzle: a merge left in the journal": (
        DRIZZLE, {"drizzle/meta/_journal.json": "<<<<<<< HEAD\n"}, "unread", "drizzle/meta/_journal.json",
    ),
    "sqlx: a version twice": (SQLX, {"migrations/2_c.sql": "SELECT 1;"}, "duplicate", "migrations/2_b.up.sql"),
    "sqlx: no number": (SQLX, {"migrations/later.sql": "SELECT 1;"}, "ignored", "migrations/later.sql"),
    "sqlx: only the way back": (SQLX, {"migrations/3_c.down.sql": "SELECT 1;"}, "missing", "migrations/3_c.down.sql"),
    "diesel: only the way back": (
        DIESEL, {"migrations/2024-02-01-000000_b/down.sql": ""}, "missing", "migrations/2024-02-01-000000_b/down.sql",
    ),
    "flyway: a version twice": (
        FLYWAY,
        {"src/main/resources/db/migration/V2.1.0__other.sql": "SELECT 1;"},
        "duplicate",
        "src/main/resources/db/migration/V2.1.0__other.sql",
    ),
    "flyway: a version twice, once in Java": (
        FLYWAY,
        {"src/main/resources/db/migration/V2_2__c.sql": "SELECT 1;"},
        "duplicate",
        "src/main/java/db/migration/V2_2__C.java",
    ),
    "flyway: one underscore": (
        FLYWAY,
        {"src/main/resources/db/migration/V3_index.sql": "SELECT 1;"},
        "ignored",
        "src/main/resources/db/migration/V3_index.sql",
    ),
    "flyway: a small v": (
        FLYWAY,
        {"src/main/resources/db/migration/v3__index.sql": "SELECT 1;"},
        "ignored",
        "src/main/resources/db/migration/v3__index.sql",
    ),
    "liquibase: a file that is not there": (
        LIQUIBASE,
        {"src/main/resources/db/master.xml": '<databaseChangeLog>\n\n<include file="db/two.xml"/></databaseChangeLog>'},
        "missing",
        "src/main/resources/db/master.xml",
    ),
    "liquibase: a change set twice": (
        LIQUIBASE,
        {"src/main/resources/db/one.xml": '<databaseChangeLog><changeSet author="a" id="1"/>\n<changeSet id="1" author="a"/></databaseChangeLog>'},
        "duplicate",
        "src/main/resources/db/one.xml",
    ),
    "rails: a version twice": (
        RAILS, {"db/migrate/20240102000000_make_c.rb": RUBY}, "duplicate", "db/migrate/20240102000000_make_b.rb",
    ),
    "rails: a name twice": (
        RAILS, {"db/migrate/20231231000000_make_b.rb": RUBY}, "duplicate", "db/migrate/20231231000000_make_b.rb",
    ),
    "rails: an older schema": (RAILS, {"db/migrate/20240103000000_make_c.rb": RUBY}, "setup", "db/schema.rb"),
    "rails: a newer schema": (
        RAILS,
        {"db/schema.rb": "ActiveRecord::Schema[7.1].define(version: 2024_05_05_000000) do\nend\n"},
        "missing",
        "db/schema.rb",
    ),
    "rails: capitals": (RAILS, {"db/migrate/20230101000000_MakeC.rb": RUBY}, "unread", "db/migrate/20230101000000_MakeC.rb"),
    "laravel: a class twice": (
        LARAVEL,
        {
            "database/migrations/2024_01_03_000000_c.php": "<?php\nclass C extends Migration {}",
            "database/migrations/2024_01_04_000000_c.php": "<?php\nclass C extends Migration {}",
        },
        "duplicate",
        "database/migrations/2024_01_03_000000_c.php",
    ),
    "ecto: a version twice": (
        ECTO,
        {"priv/repo/migrations/20240101000000_c.exs": "use Ecto.Migration"},
        "duplicate",
        "priv/repo/migrations/20240101000000_a.exs",
    ),
    "entity framework: no designer": (
        ENTITY_FRAMEWORK,
        {"Data/Migrations/20240103000000_C.cs": CSHARP},
        "ignored",
        "Data/Migrations/20240103000000_C.cs",
    ),
    "golang-migrate: a version twice": (
        GOLANG_MIGRATE, {"migrations/2_c.up.sql": ""}, "duplicate", "migrations/000002_b.up.sql",
    ),
    "golang-migrate: only the way back": (
        GOLANG_MIGRATE, {"migrations/000003_c.down.sql": ""}, "missing", "migrations/000003_c.down.sql",
    ),
    "goose: no mark": (GOOSE, {"migrations/00003_c.sql": "SELECT 1;"}, "unread", "migrations/00003_c.sql"),
    "goose: a version twice": (GOOSE, {"migrations/2_c.sql": "-- +goose Up\n"}, "duplicate", "migrations/00002_b.sql"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_where_it_stands(project: Write, name: str) -> None:
    files, more, kind, place = FAULTS[name]
    (history,) = read_migrations(project({**files, **more}))
    (found,) = history.problems
    assert (kind, place) == (found.kind, found.locations[0].file)
    assert found.cause
    assert found.fix.code[0].text
    assert found.fix.docs.startswith("https://")


def test_a_journal_that_names_no_file_is_a_finding_with_its_line(project: Write) -> None:
    files = {**DRIZZLE, "drizzle/meta/_journal.json": json.dumps(JOURNAL, indent=1)}
    del files["drizzle/0001_b.sql"]
    (history,) = read_migrations(project(files))
    assert (("0001_b",), 11) == (history.missing, history.problems[0].locations[0].line)


QUIET: dict[str, dict[str, str]] = {
    "databases of several vendors repeat their versions": {
        "src/main/resources/db/migration/h2/V1__a.sql": "",
        "src/main/resources/db/migration/postgresql/V1__a.sql": "",
    },
    "folders of releases are one place": {
        "src/main/resources/db/migration/1.0/V1__a.sql": "",
        "src/main/resources/db/migration/1.1/V2__b.sql": "",
    },
    "output of a build is no source": {**FLYWAY, "pom.xml": "", "target/classes/db/migration/V1__a.sql": ""},
    "a schema of MongoDB has none": {"prisma/schema.prisma": SCHEMA.replace("postgresql", "mongodb")},
    "steps of another runner between them": {**PRISMA, "prisma/migrations/3_data/migration.ts": ""},
    "a schema in parts": {**PRISMA, "prisma/schema/mug.prisma": "model Pot {\n id Int @id\n}\n"},
    "change sets of two databases may share an id": {
        "db/log.sql": "-- liquibase formatted sql\n-- changeset a:1 dbms:h2\n-- changeset a:1 dbms:mysql\n"
    },
    "a schema whose migrations were squashed away": {
        "db/migrate/20240101000000_a.rb": RUBY,
        "db/old_migrations/20240301000000_b.rb": RUBY,
        "db/schema.rb": "ActiveRecord::Schema.define(version: 2024_03_01_000000) do\n",
    },
    "an environment of another kind": {"env.py": "import gym", "versions/first.py": "x = 1"},
    "tests and examples": {f"tests/{name}": text for name, text in SQLX.items()},
}


@pytest.mark.parametrize("name", QUIET)
def test_nothing_is_invented(project: Write, name: str) -> None:
    assert [] == [
        each.message for history in read_migrations(project(QUIET[name])) for each in history.problems
    ]


def test_one_folder_is_one_tools(project: Write) -> None:
    """Rust's migrations are not golang-migrate's too, although they are called alike."""
    reversible = {
        "Cargo.toml": SQLX["Cargo.toml"],
        "migrations/1_a.up.sql": "",
        "migrations/1_a.down.sql": "",
    }
    assert ["sqlx"] == [history.tool.name for history in read_migrations(project(reversible))]


def test_the_broken_history_comes_first(project: Write) -> None:
    more = {"migrations/later.sql": "SELECT 1;"}
    files = {**{f"web/{name}": text for name, text in PRISMA.items()}, **SQLX, **more}
    assert ["sqlx", "prisma"] == [history.tool.name for history in read_migrations(project(files))]


def test_what_is_excluded_is_not_read(project: Write) -> None:
    assert () == read_migrations(project({f"old/{name}": text for name, text in RAILS.items()}), ["old/"])


@pytest.mark.parametrize(
    ("files", "more", "place"),
    [
        (FLYWAY, {"pom.xml": "<project>\n<artifactId>flyway-core</artifactId>"}, ("pom.xml", 2)),
        (LIQUIBASE, {"build.gradle": "implementation 'org.liquibase:liquibase-core'"}, ("build.gradle", 1)),
        (
            SQLX,
            {"src/main.rs": 'fn main() {\n  sqlx::migrate!("./migrations").run(&pool).await?;'},
            ("src/main.rs", 2),
        ),
    ],
)
def test_a_start_that_migrates_is_known(
    project: Write, files: dict[str, str], more: dict[str, str], place: tuple[str, int]
) -> None:
    (history,) = read_migrations(project({**files, **more}))
    assert history.applied_at is not None
    assert place == (history.applied_at.file, history.applied_at.line)


def test_a_framework_that_is_told_not_to_migrate_does_not(project: Write) -> None:
    more = {
        "pom.xml": "flyway-core",
        "src/main/resources/application.properties": "spring.flyway.enabled=false",
    }
    (history,) = read_migrations(project({**FLYWAY, **more}))
    assert history.applied_at is None


def test_a_call_in_the_code_counts_for_its_tool(project: Write) -> None:
    tree = Tree(project({"src/start.ts": "await ready;\nawait knex.migrate.latest();\n"}))
    assert Location("src/start.ts", 2) == called_at(tree, "knex")
    assert called_at(tree, "typeorm") is None
    assert called_at(Tree(project({"src/start.ts": "// later: knex.migrate.latest()\n"})), "knex") is None


def test_a_migrator_that_was_put_into_a_name_counts_too(project: Write) -> None:
    text = "static MIGRATOR: Migrator = sqlx::migrate!();\n\nasync fn main() {\n    MIGRATOR.run(&pool).await?;\n}"
    (history,) = read_migrations(project({**SQLX, "src/main.rs": text}))
    assert Location("src/main.rs", 4) == history.applied_at


def test_a_package_is_not_its_namesake_with_a_longer_name(project: Write) -> None:
    files = {f"api-old/{name}": text for name, text in KNEX.items() if name != "package.json"}
    assert () == read_migrations(project({**files, "api/package.json": KNEX["package.json"]}))


@pytest.mark.parametrize(
    ("files", "place", "code"),
    [
        (
            {"Cargo.toml": 'sqlx = "0.8"\n', "migrations/0001_a.sql": "", "migrations/0001_b.sql": ""},
            "terminal",
            "git mv 'migrations/0001_b.sql' 'migrations/0002_b.sql'",
        ),
        (
            {"migrations/0002_b.up.sql": "", "migrations/2_c.up.sql": ""},
            "terminal",
            "git mv 'migrations/2_c.up.sql' 'migrations/3_c.up.sql'",
        ),
        (
            {
                "db/log.xml": '<databaseChangeLog><changeSet id="1" author="a"/><changeSet id="1" author="a"/></databaseChangeLog>'
            },
            "db/log.xml",
            'id="<a new id>"',
        ),
    ],
)
def test_the_mending_of_a_double_changes_something(
    project: Write, files: dict[str, str], place: str, code: str
) -> None:
    (history,) = read_migrations(project(files))
    (found,) = history.problems
    assert (place, code) == (found.fix.code[0].file, found.fix.code[0].text)


def test_refinery_hides_no_flyway_beside_it(project: Write) -> None:
    rust = {"svc/Cargo.toml": 'refinery = "0.8"\n', "svc/migrations/V1__a.sql": ""}
    (history,) = read_migrations(project({**rust, **{f"shop/{name}": text for name, text in FLYWAY.items()}}))
    assert "flyway" == history.tool.name
    assert history.folder.startswith("shop/")

"""The deployed database has every migration of the build, or the finding says which it has not."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from deployer_lib.check import Outcome, Skip
from deployer_lib.probes.migrations_deployed import migrations_deployed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from deployer_lib.check import Result
    from deployer_lib.probes.context import Context

    Make = Callable[..., Context]

BASE = "http://127.0.0.1:9"
STEP = {"name": "migrate", "command": ["shop", "migrate"]}
FILES = {
    "alembic.ini": "[alembic]\nscript_location = db\n",
    "db/versions/a.py": 'revision = "1"\ndown_revision = None\n',
    "db/versions/b.py": 'revision = "2"\ndown_revision = "1"\n',
}


def at(path: Path, *versions: str) -> str:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS alembic_version (version_num TEXT)")
        connection.execute("DELETE FROM alembic_version")
        connection.executemany("INSERT INTO alembic_version VALUES (?)", [(each,) for each in versions])
        connection.commit()
    return f"sqlite:///{path}"


def asked(context: Make, url: str, files: dict[str, str] | None = None) -> list[Result]:
    deploy: dict[str, Any] = {"kind": "none", "address": BASE, "steps": [STEP]}
    ctx = context(BASE, deploy={**deploy, **({"variables": {"DATABASE_URL": url}} if url else {})})
    for name, text in (FILES if files is None else files).items():
        (ctx.workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (ctx.workspace / name).write_text(text, encoding="utf-8")
    return list(migrations_deployed(ctx))


def test_a_database_at_the_head_passes(context: Make, tmp_path: Path) -> None:
    (result,) = asked(context, at(tmp_path / "x.db", "2"))
    assert (Outcome.PASS, ["2"], 2) == (
        result.outcome,
        result.evidence["database"],
        result.evidence["applied"],
    )


def test_a_step_that_migrates_is_no_proof(context: Make, tmp_path: Path) -> None:
    """The step ran, and passed a revision over."""
    (result,) = asked(context, at(tmp_path / "x.db", "1"))
    assert (Outcome.FAIL, ["2"], "db/versions/b.py") == (
        result.outcome, result.evidence["pending"], result.locations[0].file,
    )  # fmt: skip
    assert "migrate ran" in result.root_cause


def test_a_database_that_is_not_there_has_nothing(context: Make, tmp_path: Path) -> None:
    (result,) = asked(context, f"sqlite:///{tmp_path}/none.db")
    assert (Outcome.FAIL, ["1", "2"]) == (result.outcome, result.evidence["pending"])


def test_a_revision_of_another_build_is_a_finding(context: Make, tmp_path: Path) -> None:
    results = asked(context, at(tmp_path / "x.db", "99"))
    assert ["99"] == results[0].evidence["unknown"]
    assert {Outcome.FAIL} == {result.outcome for result in results}


def test_a_failed_one_is_a_finding_with_the_command_that_settles_it(context: Make, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        connection.execute("CREATE TABLE schema_migrations (version, dirty)")
        connection.execute("INSERT INTO schema_migrations VALUES (2, 1)")
        connection.commit()
    files = {"migrations/1_a.up.sql": "", "migrations/2_b.up.sql": ""}
    failed, *_ = asked(context, f"sqlite://{tmp_path}/x.db", files)
    assert (Outcome.FAIL, ["2"]) == (failed.outcome, failed.evidence["failed"])
    assert "force 2" in failed.fix.code[0].text


def test_an_application_that_migrates_while_it_starts_is_waited_for(context: Make, tmp_path: Path) -> None:
    files = {
        "Cargo.toml": 'sqlx = "0.8"\n',
        "migrations/1_a.sql": "SELECT 1;\n",
        "src/main.rs": 'sqlx::migrate!("./migrations").run(&pool).await?;\n',
    }
    path = tmp_path / "x.db"
    seen = threading.Event()

    def migrate() -> None:
        seen.wait(5)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE _sqlx_migrations (version, checksum BLOB, success)")
            connection.execute("INSERT INTO _sqlx_migrations VALUES (1, x'', 1)")
            connection.commit()

    thread = threading.Thread(target=migrate)
    thread.start()
    ctx = context(
        BASE, deploy={"kind": "none", "address": BASE, "variables": {"DATABASE_URL": f"sqlite://{path}"}}
    )
    ctx.progress = lambda _line: seen.set()
    for name, text in files.items():
        (ctx.workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (ctx.workspace / name).write_text(text, encoding="utf-8")
    results = list(migrations_deployed(ctx))
    thread.join()
    assert [Outcome.PASS] == [result.outcome for result in results]


def test_what_can_t_be_asked_never_passes(context: Make, tmp_path: Path) -> None:
    (unnamed,) = asked(context, "")
    (tmp_path / "torn.db").write_bytes(b"no database at all" * 100)
    (torn,) = asked(context, f"sqlite:///{tmp_path}/torn.db")
    circle = {
        "db/versions/a.py": 'revision = "1"\ndown_revision = "2"\n',
        "db/versions/b.py": 'revision = "2"\ndown_revision = "1"\n',
    }
    (headless,) = asked(context, "", FILES | circle)
    assert Skip.UNAVAILABLE is unnamed.skip
    assert Outcome.ERROR is torn.outcome
    assert Outcome.ERROR is headless.outcome


def test_a_table_of_another_tool_is_an_error(context: Make, tmp_path: Path) -> None:
    """Several tools call theirs schema_migrations."""
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        connection.execute("CREATE TABLE schema_migrations (version TEXT)")
    (result,) = asked(context, f"sqlite://{tmp_path}/x.db", {"migrations/1_a.up.sql": ""})
    assert Outcome.ERROR is result.outcome


@pytest.mark.parametrize(
    "url", ["host=db user=x password=hunter2", "postgresql://u:hun/ter2@h/db", "hunter2:x"]
)
def test_an_address_that_is_no_url_is_not_repeated(context: Make, url: str) -> None:
    (result,) = asked(context, url)
    assert Skip.UNAVAILABLE is result.skip
    assert "hun" not in f"{result.message}{result.root_cause}"


def test_each_history_that_can_t_be_compared_is_named(context: Make, tmp_path: Path) -> None:
    """One that is sound does not hide it."""
    computed = {
        "shop/migrations/__init__.py": "",
        "shop/migrations/0001_a.py": "class Migration(migrations.Migration):\n    dependencies = [x]\n",
    }
    results = asked(context, at(tmp_path / "x.db", "2"), FILES | computed)
    assert {("database of shop", Outcome.ERROR), ("database of db", Outcome.PASS)} == {
        (result.subject, result.outcome) for result in results
    }


def test_a_file_that_was_not_read_makes_no_database_newer(context: Make, tmp_path: Path) -> None:
    files = FILES | {"db/versions/c.py": 'revision = "3"\ndown_revision = newest()\n'}
    (result,) = asked(context, at(tmp_path / "x.db", "2"), files)
    assert Outcome.ERROR is result.outcome


def test_the_database_of_another_service_is_not_this_one_s(context: Make, tmp_path: Path) -> None:
    """Two services of a monorepo, and the address of the first."""
    other = {
        "crm/alembic.ini": FILES["alembic.ini"],
        "crm/db/versions/z.py": 'revision = "77"\ndown_revision = None\n',
    }
    first, second = asked(context, at(tmp_path / "x.db", "2"), FILES | other)
    assert (Outcome.PASS, "database of crm/db", Skip.UNAVAILABLE) == (
        first.outcome,
        second.subject,
        second.skip,
    )


def test_change_sets_that_stand_under_conditions_never_pass(context: Make, tmp_path: Path) -> None:
    log = '<databaseChangeLog><changeSet id="1" author="a" context="prod"/></databaseChangeLog>'
    (result,) = asked(context, f"sqlite:////{tmp_path}/none.db", {"db/log.xml": log})
    assert Skip.UNAVAILABLE is result.skip


def test_a_tool_that_is_not_read_may_have_migrations(context: Make) -> None:
    (result,) = asked(context, "", {"requirements.txt": "tortoise-orm==0.2\n"})
    assert Skip.UNAVAILABLE is result.skip

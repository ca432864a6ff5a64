"""Whatever a folder may hold: named in the result, never a crash, and the rest is judged."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from deployer_lib.check import Outcome
from deployer_lib.probes.migrations import Tree, read_migrations
from deployer_lib.probes.migrations_probe import migrations

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from deployer_lib.probes.context import Context

    Write = Callable[[Mapping[str, str]], Path]

SOUND = {
    "alembic.ini": "[alembic]\nscript_location = db\n",
    "db/versions/a.py": 'revision = "1"\ndown_revision = None\n',
}
BROKEN = {
    "alembic.ini": "[alembic\nscript_location = db\n",
    "pyproject.toml": "[tool.alembic\nscript_location = 'db'\n",
    "package.json": "{",
    "Cargo.toml": "[[[ sqlx = 1",
    "drizzle/meta/_journal.json": "[" * 100_000,
    "prisma/schema.prisma": "datasource db {",
    "db/schema.rb": "\x00\x00",
    "db/migrate/1_a.rb": "\x00",
    "shop/migrations/0001_initial.py": "\x00\xff",
    "src/main/resources/db/migration/V__.sql": "",
    "pom.xml": "<project",
}


def test_broken_texts_do_not_end_the_reading(project: Write) -> None:
    more = {
        "crm/migrations/__init__.py": "",
        "crm/migrations/0001_initial.py": "class Migration(migrations.Migration):\n    dependencies = []\n",
    }
    assert ("crm.0001_initial",) in {
        history.heads for history in read_migrations(project({**BROKEN, **more}))
    }


@pytest.mark.parametrize("name", BROKEN)
def test_each_broken_text_alone(project: Write, name: str) -> None:
    assert isinstance(read_migrations(project({name: BROKEN[name]})), tuple)


def test_a_circle_of_links_is_not_followed(project: Write) -> None:
    root = project(SOUND)
    (root / "db" / "loop").symlink_to(root, target_is_directory=True)
    (root / "db" / "self").symlink_to(root / "db" / "self")
    assert [("1",)] == [history.heads for history in read_migrations(root)]


def test_a_name_that_is_not_utf_8_is_named(context: Callable[..., Context]) -> None:
    ctx = context("http://127.0.0.1:9")
    for name, text in SOUND.items():
        (ctx.workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (ctx.workspace / name).write_text(text, encoding="utf-8")
    (ctx.workspace / "db" / "versions" / os.fsdecode(b"b\xff.py")).write_text("")
    results = list(migrations(ctx))
    assert (Outcome.ERROR, "db/versions/b\ufffd.py") == (results[0].outcome, results[0].subject)
    assert Outcome.PASS is results[1].outcome


def test_a_folder_that_can_t_be_opened_is_named(tmp_path: Path) -> None:
    """Root may read every folder; so it is removed between being seen and being opened."""

    class Vanishing(Tree):
        def _sorted(self, here: str, entries: list[os.DirEntry[str]]) -> tuple[list[str], list[str]]:
            found = super()._sorted(here, entries)
            if not here:
                (tmp_path / "db").rmdir()
            return found

    (tmp_path / "db").mkdir()
    assert [("db", "it can't be opened: No such file or directory")] == Vanishing(tmp_path).skipped


def test_a_folder_where_a_file_should_be_is_none(project: Write) -> None:
    root = project(SOUND)
    (root / "db" / "versions" / "b.py").mkdir()
    (root / "package.json").mkdir()
    assert [("1",)] == [history.heads for history in read_migrations(root)]


def test_a_huge_file_is_not_read_and_not_judged(project: Write) -> None:
    """A revision of 100 MB is unclear; a migration of SQL is told by its name."""
    root = project({**SOUND, "migrations/1_a.up.sql": "", "migrations/2_b.up.sql": ""})
    for name in ("db/versions/b.py", "migrations/2_b.up.sql"):
        with (root / name).open("wb") as stream:
            stream.truncate(100_000_000)
    by_tool = {history.tool.name: history for history in read_migrations(root)}
    assert [("db/versions/b.py", "it has 100,000,000 bytes", 0)] == [*by_tool["alembic"].unclear]
    assert ("2",) == by_tool["golang-migrate"].heads


def test_a_history_of_which_nothing_was_read_is_not_forgotten(project: Write) -> None:
    """Another tool's sound history beside it does not hide it."""
    root = project({**SOUND, "migrations/1_a.up.sql": ""})
    with (root / "db/versions/a.py").open("wb") as stream:
        stream.truncate(100_000_000)
    assert {"alembic", "golang-migrate"} == {history.tool.name for history in read_migrations(root)}


def test_an_empty_folder_has_none(tmp_path: Path) -> None:
    assert () == read_migrations(tmp_path)

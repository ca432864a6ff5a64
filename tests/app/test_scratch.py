from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

import pytest

from deployer_lib.app.scratch import Scratch, scratch_database
from deployer_lib.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    """Close proxies at the end."""
    with contextlib.ExitStack() as opened:
        yield opened


def database(path: Path, mode: str = "delete") -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.execute(f"pragma journal_mode={mode}")
    connection.execute("create table things (name text)")
    connection.execute("insert into things values ('cup')")
    connection.commit()
    return connection


def count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("select count(*) from things").fetchone()[0])


def scratch(url: str, folder: Path, stack: contextlib.ExitStack, declared: str = "") -> Scratch:
    (folder / "copy").mkdir(exist_ok=True)
    return scratch_database(url, declared, cwd=folder, folder=folder / "copy", stack=stack)


@pytest.mark.parametrize(
    ("form", "copied"),
    [
        ("sqlite:///shop.db", "sqlite:////{copy}"),
        ("sqlite:////{root}/shop.db", "sqlite:////{copy}"),
        ("sqlite+aiosqlite:///./shop.db?timeout=5", "sqlite+aiosqlite:////{copy}?timeout=5"),
        ("sqlite:shop.db", "sqlite:////{copy}"),
        ("sqlite://shop.db?mode=rwc", "sqlite:////{copy}?mode=rwc"),
        ("file:./shop.db", "file:/{copy}"),
        ("shop.db", "/{copy}"),
        ("/{root}/shop.db", "/{copy}"),
    ],
)
def test_a_sqlite_file_is_copied_in_every_way_it_is_named(
    tmp_path: Path, stack: contextlib.ExitStack, form: str, copied: str
) -> None:
    """SQLAlchemy, sqlx, Prisma and bare paths name a file differently; the copy is named in the same way."""
    database(tmp_path / "shop.db").close()
    found = scratch(form.replace("{root}", str(tmp_path)[1:]), tmp_path, stack)
    copy = str(tmp_path / "copy" / "database.sqlite")
    assert copied.replace("{copy}", copy[1:]) == found.url
    with contextlib.closing(sqlite3.connect(copy)) as connection:
        assert count(connection) == 1


@pytest.mark.parametrize("mode", ["delete", "wal"])
@pytest.mark.parametrize("writes", [True, False])
def test_a_lost_file_is_noticed_by_who_has_it_open(
    tmp_path: Path, stack: contextlib.ExitStack, mode: str, *, writes: bool
) -> None:
    """Caches and write-ahead logs do not hide it; the original goes on."""
    with contextlib.closing(database(tmp_path / "shop.db", mode)) as original:
        found = scratch("sqlite:///shop.db", tmp_path, stack)
        assert found.file is not None
        with contextlib.closing(sqlite3.connect(found.file)) as connection:
            connection.execute(f"pragma journal_mode={mode}")
            if writes:
                connection.execute("insert into things values ('pot')")
                connection.commit()
            assert count(connection) == 1 + writes
            found.lose()
            with pytest.raises(sqlite3.DatabaseError):
                count(connection)
            with (
                contextlib.closing(sqlite3.connect(found.file)) as newcomer,
                pytest.raises(sqlite3.DatabaseError),
            ):
                count(newcomer)
        assert count(original) == 1


def test_a_server_needs_a_declared_scratch_database(tmp_path: Path, stack: contextlib.ExitStack) -> None:
    """The target's own is never given to a copy."""
    with pytest.raises(Unavailable, match=r"smoke\.database\.scratch is not declared"):
        scratch("postgresql://u:p@db/shop", tmp_path, stack)


def test_a_server_is_reached_through_the_proxy(tmp_path: Path, stack: contextlib.ExitStack) -> None:
    """User, password, name and options stay; host and port are the proxy's."""
    found = scratch("postgresql://u:p@db/shop", tmp_path, stack, "postgresql://u:p%40x@127.0.0.1:1/try?a=b")
    assert found.proxy is not None
    assert found.url == f"postgresql://u:p%40x@127.0.0.1:{found.proxy.port}/try?a=b"


def test_a_database_in_memory_can_not_be_lost(tmp_path: Path, stack: contextlib.ExitStack) -> None:
    """It is the process's own already."""
    found = scratch("sqlite:///:memory:", tmp_path, stack)
    assert found.url == "sqlite:///:memory:"
    with pytest.raises(Unavailable):
        found.lose()


def test_a_database_that_is_not_there_yet_has_a_place(tmp_path: Path, stack: contextlib.ExitStack) -> None:
    """The application may make it."""
    found = scratch("sqlite:///none.db", tmp_path, stack)
    assert found.file is not None
    assert not found.file.exists()

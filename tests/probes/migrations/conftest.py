"""Projects made of files, and real databases: SQLite in memory, and a PostgreSQL server where its programs are installed."""

from __future__ import annotations

import os
import pwd
import shutil
import sqlite3
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from deployer_lib.platform import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from deployer_lib.probes.migrations.model import Query

#: Debian's place for the server's programs, and what is on the PATH elsewhere.
PLACES = (
    "/usr/lib/postgresql/*/bin/initdb",
    "/usr/pgsql-*/bin/initdb",
    "/opt/homebrew/opt/postgresql*/bin/initdb",
)


@pytest.fixture
def project(tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """Return ``project({file: text})``, which writes a project and returns its folder."""

    def write(files: Mapping[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / "code" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path / "code"

    return write


@pytest.fixture
def database() -> Iterator[Callable[..., Query]]:
    """Return ``database(create, (insert, rows))``: a SQLite database in memory, asked as probes ask."""
    opened: list[sqlite3.Connection] = []

    def make(create: str = "", rows: tuple[tuple[Any, ...], ...] = (), table: str = "") -> Query:
        connection = sqlite3.connect(":memory:")
        opened.append(connection)
        if create:
            connection.execute(create)
        for row in rows:
            marks = ", ".join("?" for _ in row)
            connection.execute(f"INSERT INTO {table or create.split()[2]} VALUES ({marks})", row)  # noqa: S608  (the test's own)

        def query(sql: str) -> list[Any] | None:
            try:
                return connection.execute(sql).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):
                    return None
                raise

        return query

    yield make
    for connection in opened:
        connection.close()


def _programs() -> Path | None:
    found = sorted(path for pattern in PLACES for path in Path("/").glob(pattern.lstrip("/")))
    named = shutil.which("initdb")
    return found[-1].parent if found else Path(named).parent if named else None


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of a PostgreSQL server of this session's own, which listens on loopback alone."""
    programs = _programs()
    if programs is None:
        pytest.fail("initdb is not there: apt-get install postgresql")
    home = Path("/tmp") / f"pg-{os.getpid()}"  # noqa: S108  (sockets have short paths, and another user must reach it)
    home.mkdir(mode=0o755)
    user: dict[str, Any] = {}
    if os.geteuid() == 0:  # the server refuses to run as root
        account = next(name for name in ("postgres", "nobody") if _exists(name))
        shutil.chown(home, account)
        user = {"user": account, "group": pwd.getpwnam(account).pw_gid, "extra_groups": []}
    port = free_port()
    log = tmp_path_factory.mktemp("postgres") / "log"
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={home} -c fsync=off"

    def run(program: str, *words: str) -> None:
        with log.open("a") as stream:
            subprocess.run(
                [str(programs / program), *words],
                cwd=home,
                check=True,
                stdout=stream,
                stderr=stream,
                env={"PATH": os.defpath, "LC_ALL": "C"},
                **user,
            )

    try:
        run("initdb", "-D", str(home / "data"), "-U", "tester", "-A", "trust", "-N")
        run("pg_ctl", "-D", str(home / "data"), "-w", "-o", options, "-l", str(home / "server.log"), "start")
        try:
            yield f"postgresql://tester@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-D", str(home / "data"), "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True

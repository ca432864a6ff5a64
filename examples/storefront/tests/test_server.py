"""The process as a process manager sees it."""

import json
import logging
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from storefront import logging_setup
from storefront.db import Database
from storefront.migrate import upgrade
from storefront.server import prepare_database
from storefront.settings import REQUIRED, Settings, StartupError

ROOT = Path(__file__).parent.parent


@pytest.fixture
def environment(migrated: Path, tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "src"),
        "PORT": "0",
        "DATABASE_URL": f"sqlite:///{migrated}",
        "JWT_SECRET": "a-secret-for-tests-and-nothing-else",
        "FRONTEND_URL": "https://shop.example.com",
        "ADMIN_EMAIL": "admin@example.com",
        "ADMIN_PASSWORD": "a password for tests",
        "LOG_FILE": str(tmp_path / "storefront.log"),
    }


def refused(environment: dict[str, str]) -> str:
    """Return the one line of a start that fails."""
    done = subprocess.run(
        [sys.executable, "-m", "storefront", "serve"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_it_serves_logs_json_and_ends_on_sigterm(
    environment: dict[str, str], tmp_path: Path
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "storefront", "serve"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        while "Uvicorn running" not in lines[-1]:
            lines.append(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        lines += process.stdout.readlines()

    assert process.returncode in (0, -signal.SIGTERM)
    entries = [json.loads(line) for line in lines]
    assert {entry["level"] for entry in entries} == {"info"}
    log_file = tmp_path / "storefront.log"
    assert log_file.read_text() == "".join(lines)
    assert oct(log_file.stat().st_mode & 0o777) == "0o640"


def test_all_missing_variables_are_named_at_once(environment: dict[str, str]) -> None:
    line = refused({name: environment[name] for name in environment.keys() - REQUIRED})

    for name in REQUIRED:
        assert name in line


def test_a_log_file_that_can_not_be_written_is_named() -> None:
    with pytest.raises(StartupError, match=r"LOG_FILE /no/such/x.log"):
        logging_setup.configure(logging.INFO, "/no/such/x.log")


def test_a_database_that_is_not_there_is_named_without_its_password(settings: Settings) -> None:
    absent = replace(settings, database_url="postgresql://shop:hidden@127.0.0.1:1/shop")
    with pytest.raises(StartupError, match="DATABASE_URL") as told:
        prepare_database(absent)

    assert "hidden" not in str(told.value)


def test_it_does_not_start_on_a_database_that_is_behind(settings: Settings, tmp_path: Path) -> None:
    behind = replace(settings, database_url=f"sqlite:///{tmp_path}/new.db")
    with pytest.raises(StartupError, match="does not exist: run `storefront migrate`"):
        prepare_database(behind)

    (tmp_path / "new.db").touch()
    with pytest.raises(StartupError, match=r"revision none, .* run `storefront migrate`"):
        prepare_database(behind)


def test_migrating_twice_is_migrating_once(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/new.db"

    assert upgrade(address) == upgrade(address)


def test_a_newer_database_is_no_obstacle_to_a_rollback(settings: Settings) -> None:
    database = Database(settings.database_url)
    with database.session() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    assert "newer than" in (database.check_ready() or "")
    database.close()

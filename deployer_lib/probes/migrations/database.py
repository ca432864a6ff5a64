"""Ask the database that the environment names what was applied: SQLite files and PostgreSQL servers, read only."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import re
import sqlite3
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from deployer_lib.app.surroundings import fill
from deployer_lib.check import Fix, Result, Skip, errored, skipped
from deployer_lib.errors import UsageError
from deployer_lib.probes.migrations.reading import STATES
from deployer_lib.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from urllib.parse import SplitResult

    from deployer_lib.probes.context import Context
    from deployer_lib.probes.migrations.model import History, Query, State

__all__ = ["ask", "database_url", "database_variable"]

_CONNECT_S: Final = 5.0
_PORTS: Final = {"postgresql": 5432, "postgres": 5432}
_SQLITE: Final = frozenset({"sqlite", "sqlite3", "file"})
#: Folders for one kind of database, which say nothing of another's.
_VENDORS: Final[dict[str, str]] = {
    **dict.fromkeys(("sqlite", "sqlite3"), "sqlite"),
    **dict.fromkeys(("postgres", "postgresql", "pgsql", "pg"), "postgresql"),
    **dict.fromkeys(
        ("mysql", "mariadb", "oracle", "sqlserver", "mssql", "h2", "hsqldb", "derby", "db2"), "another"
    ),
    **dict.fromkeys(("clickhouse", "cockroachdb", "redshift", "snowflake"), "another"),
}
#: These read ``sqlite:///x`` as the relative path x; others as /x.
_THREE_SLASHES: Final = frozenset({"alembic", "django"})
_SCHEME: Final = re.compile(r"(?:(sqlite3?|file):|([a-z][a-z0-9]*)(?:\+\w+)?://)", re.IGNORECASE)
_MISSING: Final = ("42P01", "3F000")  # no such table, no such schema
_NO_DATABASE: Final = "3D000"


class _AskError(Exception):
    """The database did not answer as it should."""


def ask(ctx: Context, history: History, subject: str) -> State | Result:
    """Return what the database has of a history, or the result that says why that can't be told.

    A database, or a table, that is not there yet has none of it.

    Raises:
        NotAllowed: the environment does not let its database server be asked.
    """
    url, variable = database_url(ctx), database_variable(ctx)
    if url is None:
        return _unavailable(
            f"deploy.variables does not name the database ({variable}), so that its revision can't be asked.",
            subject,
        )
    folder = history.folder.rpartition("/")[2].lower()
    dialect = _dialect(url)
    if dialect and _VENDORS.get(folder, dialect) != dialect:
        return skipped(
            Skip.NOT_APPLICABLE,
            f"{history.folder} is for {folder}, and {variable} names a database of {dialect}.",
            subject=subject,
        )
    try:
        with _opened(ctx, url, variable, history.tool.name) as query:
            if isinstance(query, str):
                return _unavailable(query, subject)
            return STATES[history.tool.name](history, query)
    except _AskError as error:
        cause = error.__cause__ or error
        return errored(
            f"What the database has of the migrations can't be read: {type(cause).__name__}.",
            subject=subject,
            root_cause=str(cause)[:300],
            fix=Fix((f"See that {variable} names the database, and that its user may read the table.",)),
        )
    except (TypeError, ValueError, IndexError) as error:
        return errored(
            f"The database's table of migrations is not {history.tool.name}'s: {type(error).__name__}.",
            subject=subject,
            root_cause=str(error)[:300],
        )


def database_variable(ctx: Context) -> str:
    """Return the name of the variable that holds the database's address."""
    return ctx.parameters.smoke.database.variable if ctx.parameters.smoke.database else "DATABASE_URL"


def database_url(ctx: Context) -> str | None:
    """Return the address of the environment's database, None where none is declared."""
    value = ctx.parameters.deploy.variables.get(database_variable(ctx))
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


def _unavailable(message: str, subject: str) -> Result:
    return skipped(Skip.UNAVAILABLE, message, subject=subject)


def _dialect(url: str) -> str:
    """Return the kind of database that an address names: sqlite, postgresql, another's name; empty where it is no URL.

    What is no URL ("host=… password=…") is never repeated.
    """
    match = _SCHEME.match(url)
    name = (match[1] or match[2]).lower() if match else ""
    return "sqlite" if name in _SQLITE else "postgresql" if name in _PORTS else name


@contextlib.contextmanager
def _opened(ctx: Context, url: str, variable: str, tool: str) -> Iterator[Query | str]:
    """Give what asks the database, or the sentence that says why it can't be asked."""
    dialect = _dialect(url)
    if dialect == "sqlite":
        path = _sqlite_path(url.partition(":")[2], tool)
        if path is None:
            yield f"{variable} names a SQLite file by a relative path or in memory."
        else:
            with _sqlite(path) as query:
                yield query
    elif not dialect:
        yield f"{variable} is no URL, so that the database can't be asked."
    elif dialect != "postgresql":
        yield f"The revision of a {dialect} database can't be asked."
    elif importlib.util.find_spec("pg8000") is None:
        yield "Asking a PostgreSQL database needs the extra postgres (pip install 'deployer-lib[postgres]')."
    else:
        parts = _parts(url)
        if parts is None:
            yield f"{variable} is no valid URL: characters like / # ? @ in a user's name or password are written as %2F %23 %3F %40."
            return
        ctx.guard.permit("GET", "postgresql", parts.hostname or "", parts.port or _PORTS[dialect])
        with _postgres(parts) as query:
            yield query


def _parts(url: str) -> SplitResult | None:
    """Take a URL apart; the error would repeat a part of the password, and is not kept."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # read now: it is parsed when it is read
    except ValueError:
        return None
    return parts


# -- SQLite ----------------------------------------------------------------------------------------------------------


def _sqlite_path(rest: str, tool: str) -> Path | None:
    text = unquote(rest.partition("?")[0])
    if text.startswith("//"):
        text = text.removeprefix("//")
        if text.startswith("//") or tool in _THREE_SLASHES:
            text = text.removeprefix("/")
    return Path(text) if text.startswith("/") else None


@contextlib.contextmanager
def _sqlite(path: Path) -> Iterator[Query]:
    if not path.exists():
        yield lambda _sql: None
        return
    try:
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=_CONNECT_S)
    except sqlite3.Error as error:
        raise _AskError from error

    def query(sql: str) -> Sequence[Sequence[Any]] | None:
        try:
            return connection.execute(sql).fetchall()
        except sqlite3.DatabaseError as error:
            if "no such table" in str(error):
                return None
            raise _AskError from error

    with contextlib.closing(connection):
        yield query


# -- PostgreSQL ------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _postgres(parts: SplitResult) -> Iterator[Query]:
    driver: Any = importlib.import_module("pg8000.dbapi")
    options = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    try:
        connection = driver.connect(
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            host=parts.hostname,
            port=parts.port or _PORTS["postgresql"],
            database=unquote(parts.path.lstrip("/")),
            timeout=_CONNECT_S,
            ssl_context=_tls(options.get("sslmode", "")),
        )
    except (driver.Error, OSError) as error:
        if _NO_DATABASE not in str(error):
            raise _AskError from error
        yield lambda _sql: None
        return
    connection.autocommit = True

    def query(sql: str, *given: str) -> Sequence[Sequence[Any]] | None:
        cursor = connection.cursor()
        try:
            cursor.execute(sql, given)
            rows: Sequence[Sequence[Any]] = cursor.fetchall()
        except (driver.Error, OSError) as error:
            if any(code in str(error) for code in _MISSING):
                return None
            raise _AskError from error
        return rows

    with contextlib.closing(connection):
        if schema := options.get("schema"):  # as Prisma has it
            query("SELECT set_config('search_path', %s, false)", schema)
        yield query


def _tls(mode: str) -> ssl.SSLContext | None:
    """Read ``sslmode`` as libpq does: ``require`` encrypts, ``verify-full`` proves the server too."""
    if mode in {"", "disable", "allow", "prefer"}:
        return None
    context = ssl.create_default_context()
    if mode == "require":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif mode == "verify-ca":
        context.check_hostname = False
    return context

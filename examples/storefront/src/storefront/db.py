"""The connection to the database, for SQLite and PostgreSQL alike."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from storefront.settings import SettingsError, StartupError

#: No answer for so long means that the connection is dead. Applies to each read from the socket.
SOCKET_TIMEOUT_S = 3
#: How long a request waits for another one's connection before it gives up.
POOL_TIMEOUT_S = 3
SQLITE_BUSY_TIMEOUT_S = 5
SCRIPTS = Path(__file__).parent / "migrations"


class Database:
    """Open sessions, and answer whether the database is there and up to date."""

    def __init__(self, address: str) -> None:
        url, connect_args = driver_arguments(address)
        self.safe_url = url.render_as_string(hide_password=True)
        self._engine = _engine(url, connect_args, pool_size=10, max_overflow=10, pre_ping=True)
        # One connection of its own, so that the health check sees the database and not the queue.
        # It commits by itself and is not tested beforehand: one round trip is all it costs.
        self._probe = _engine(
            url, connect_args, pool_size=1, max_overflow=0, pre_ping=False, autocommit=True
        )
        self._sessions = sessionmaker(self._engine, expire_on_commit=False)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Give a session that commits at the end, or rolls back on an exception."""
        with self._sessions.begin() as session:
            yield session

    def ping(self) -> None:
        """Read the smallest table there is; raise what the driver raises.

        ``SELECT 1`` alone would not do: SQLite answers it without looking at its file.
        """
        try:
            self._read_revision()
        except (SQLAlchemyError, OSError):
            # A connection that broke while idle says nothing about the database now: ask again.
            self._read_revision()

    def check_ready(self) -> str | None:
        """Return a warning about the schema, or raise a StartupError if it can't be used."""
        database = self._engine.url.database
        if self._engine.dialect.name == "sqlite" and not Path(database or "").is_file():
            # SQLite would create it, and the service would run on an empty shop.
            raise StartupError(
                f"the database {self.safe_url} does not exist: run `storefront migrate`"
            )
        try:
            # Over the health check's connection, which is then open before anybody asks.
            with self._probe.connect() as connection:
                current = MigrationContext.configure(connection).get_current_revision()
        except (SQLAlchemyError, OSError) as error:
            raise StartupError(
                f"can't reach the database {self.safe_url} (DATABASE_URL): {reason(error)}"
            ) from error
        return _judge_revision(current)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()
        self._probe.dispose()

    def _read_revision(self) -> None:
        with self._probe.connect() as connection:
            connection.execute(text("SELECT version_num FROM alembic_version"))


def reason(error: Exception) -> str:
    """Say in one line what the driver said, without statement or parameters."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    detail = cause.args[0] if cause.args else cause
    if isinstance(detail, dict):  # pg8000 passes the server's fields on; M is the message
        detail = detail.get("M", detail)
    return " ".join(str(detail).split()) or type(cause).__name__


def driver_arguments(address: str) -> tuple[URL, dict[str, Any]]:
    """Translate DATABASE_URL into what SQLAlchemy and the driver want."""
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        # The value holds a password, so the message doesn't repeat it.
        raise SettingsError("DATABASE_URL is not a database address") from None
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+pg8000")
    if url.drivername == "postgresql+pg8000":
        mode = url.query.get("sslmode", "disable")
        url = url.difference_update_query(["sslmode"])
        return url, {"timeout": SOCKET_TIMEOUT_S, "ssl_context": _tls(str(mode))}
    if url.get_backend_name() == "sqlite":
        if url.database in (None, "", ":memory:"):
            raise SettingsError("DATABASE_URL must name a file: memory is lost with the process")
        return url, {"timeout": SQLITE_BUSY_TIMEOUT_S}
    raise SettingsError(
        f"DATABASE_URL must begin with sqlite:// or postgresql://, not {url.drivername}://"
    )


def _tls(mode: str) -> ssl.SSLContext | None:
    """Read `sslmode` as libpq does: `require` encrypts, `verify-full` also proves the server."""
    if mode == "disable":
        return None
    if mode not in ("require", "verify-full"):
        raise SettingsError(
            f"sslmode in DATABASE_URL must be disable, require or verify-full, not {mode!r}"
        )
    context = ssl.create_default_context()
    if mode == "require":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _engine(
    url: URL,
    connect_args: dict[str, Any],
    *,
    pool_size: int,
    max_overflow: int,
    pre_ping: bool,
    autocommit: bool = False,
) -> Engine:
    engine = create_engine(
        url,
        connect_args=connect_args,
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_timeout=POOL_TIMEOUT_S,
        pool_pre_ping=pre_ping,
        hide_parameters=True,  # what customers send stays out of the logs
        **({"isolation_level": "AUTOCOMMIT"} if autocommit else {}),
    )
    event.listen(engine, "handle_error", _drop_dead_connection)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _drop_dead_connection(context: ExceptionContext) -> None:
    # pg8000 lets the socket's own time-out pass, which SQLAlchemy doesn't take for a lost
    # connection: the next request would read this one's late answer.
    if isinstance(context.original_exception, OSError):
        context.is_disconnect = True


def _prepare_sqlite(connection: Any, _record: object) -> None:
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _judge_revision(current: str | None) -> str | None:
    scripts = ScriptDirectory(str(SCRIPTS))
    head = scripts.get_current_head()
    if current == head:
        return None
    if current in {script.revision for script in scripts.walk_revisions()} | {None}:
        raise StartupError(
            f"the database is at revision {current or 'none'}, this release needs {head}: "
            "run `storefront migrate`"
        )
    # After a rollback the database is ahead of the code; migrations only add, so that is fine.
    return f"the database is at revision {current}, newer than {head} of this release"

"""Databases that only a diagnostic copy uses, and the ways in which they are lost."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit, urlunsplit

from deployer_lib.app.proxy import Proxy
from deployer_lib.app.recipe import HOST
from deployer_lib.errors import Unavailable

if TYPE_CHECKING:
    from contextlib import ExitStack

__all__ = ["Scratch", "scratch_database"]

#: SQLAlchemy (sqlite:///x is relative), sqlx and Diesel (sqlite:x, sqlite://x), Prisma (file:./x), or a bare path.
_SQLITE: Final = re.compile(
    r"^(?:(?P<scheme>sqlite3?(?:\+\w+)?|file):(?P<slashes>/{0,4})(?P<path>[^?]*)(?P<query>\?.*)?"
    r"|(?P<bare>[^:?]+\.(?:db|sqlite3?)))$"
)
_PORTS: Final = {
    "postgresql": 5432,
    "postgres": 5432,
    "mysql": 3306,
    "mariadb": 3306,
    "mongodb": 27017,
    "redis": 6379,
}
_ABSOLUTE_SLASHES: Final = 4
_BUSY_S: Final = 2.0
_LAST_VERSION: Final = 2_093_847  # any number that no application uses
_SPOILT: Final = b"this is no database any more. "


@dataclass(frozen=True, slots=True)
class Scratch:
    """A database that only a copy uses, and how it is taken away."""

    url: str  # value of the variable
    file: Path | None = None  # of a SQLite database
    proxy: Proxy | None = None  # before a server

    def lose(self) -> None:
        """Take it away: cut the connections to a server, or spoil the file under the process.

        Raises:
            Unavailable: it lives in the process's memory.
        """
        if self.proxy is not None:
            self.proxy.set("refuse")
        elif self.file is not None:
            _spoil(self.file)
        else:
            raise Unavailable("The copy's database lives in its memory, so it can't be taken away.")


def scratch_database(url: str, scratch: str, *, cwd: Path, folder: Path, stack: ExitStack) -> Scratch:
    """Return a database for a copy: a consistent copy of a SQLite file, or a proxy before a declared server.

    Args:
        url: what the application itself uses.
        scratch: ``smoke.database.scratch``, empty where it is not declared.
        cwd: folder against which relative SQLite paths are read.
        folder: where a copied file is put.
        stack: closes the proxy.

    Raises:
        Unavailable: it is a server, and no scratch database is declared.
    """
    match = _SQLITE.match(scratch or url)
    if match is not None:
        return _sqlite(scratch or url, match, cwd, folder)
    if not scratch:
        raise Unavailable(
            "smoke.database.scratch is not declared, and a copy must not touch the target's database.",
            hint="Name an empty database of the same kind.",
        )
    parts = urlsplit(scratch)
    port = parts.port or _PORTS.get(parts.scheme.partition("+")[0], 0)
    if not parts.hostname or not port:
        raise Unavailable(
            "smoke.database.scratch names no host and port.", hint="Write scheme://user:…@host:port/name."
        )
    proxy = stack.enter_context(Proxy(parts.hostname, port))
    user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    return Scratch(urlunsplit(parts._replace(netloc=f"{user}{HOST}:{proxy.port}")), proxy=proxy)


def _sqlite(url: str, match: re.Match[str], cwd: Path, folder: Path) -> Scratch:
    scheme, path = match["scheme"], match["path"] or match["bare"] or ""
    if not path or ":memory:" in url or "mode=memory" in url:
        return Scratch(url)
    source = _absolute(match, cwd)
    copy = folder / "database.sqlite"
    if source.is_file():
        _copy_database(source, copy)
    query = match["query"] or ""
    if scheme is None:
        return Scratch(str(copy), copy)
    # Four slashes are an absolute path to SQLAlchemy, and to those who read the rest as a path.
    return Scratch(f"file:{copy}{query}" if scheme == "file" else f"{scheme}:///{copy}{query}", copy)


def _absolute(match: re.Match[str], cwd: Path) -> Path:
    if match["bare"]:
        return cwd / match["bare"]
    count, path = len(match["slashes"]), match["path"]
    rooted = Path("/") / path
    if count >= _ABSOLUTE_SLASHES or count == 1 or (count and match["scheme"] == "file") or rooted.is_file():
        return rooted
    return cwd / path


def _copy_database(source: Path, copy: Path) -> None:
    """Copy a database that is in use, as it stands between two transactions."""
    with (
        contextlib.closing(sqlite3.connect(f"file:{quote(str(source))}?mode=ro", uri=True)) as there,
        contextlib.closing(sqlite3.connect(copy)) as here,
    ):
        try:
            there.backup(here)
        except sqlite3.Error as error:
            raise Unavailable(f"The database {source.name} can't be copied: {error}.") from error


def _spoil(file: Path) -> None:
    """Overwrite a database in place, its log too, so that everybody who has it open notices.

    Nothing is cut short or unlinked: a process that has it mapped would die of SIGBUS, and one that has it open would
    go on with what it holds. A last real transaction comes first: it changes the counter (of the file, or of the log's
    index) by which connections know that the pages in their memory are stale; without it a reader never looks again.
    """
    with contextlib.closing(sqlite3.connect(file, timeout=_BUSY_S)) as connection:
        with contextlib.suppress(sqlite3.Error):  # a writer that holds it for so long will notice by itself
            connection.execute(f"pragma user_version = {_LAST_VERSION}")
        for suffix in ("", "-wal", "-journal"):
            path = file.with_name(file.name + suffix)
            size = path.stat().st_size if path.exists() else 0
            if size or not suffix:
                with path.open("r+b" if path.exists() else "wb") as spoilt:
                    spoilt.write((_SPOILT * (size // len(_SPOILT) + 1))[: max(size, len(_SPOILT))])

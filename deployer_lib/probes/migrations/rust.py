"""SQLx and Diesel: SQL files below ``migrations/`` of a crate, embedded at build time or run by a command."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Code, Location
from deployer_lib.probes.migrations.model import Query, State, Tool, compare, lost, problem
from deployer_lib.probes.migrations.numbered import Numbered, doubled, in_a_row, later
from deployer_lib.probes.migrations.tree import inside, parent_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployer_lib.probes.migrations.model import History, Problem
    from deployer_lib.probes.migrations.tree import Tree

__all__ = ["DIESEL", "SQLX", "diesel_state", "find", "sqlx_state"]

SQLX: Final = Tool(
    "sqlx",
    "https://docs.rs/sqlx/latest/sqlx/macro.migrate.html",
    ("sqlx", "migrate", "run"),
    "sqlx migrate add what_changed",
    "The migrator ends with an error, at the build, the start or the migrate step.",
)
DIESEL: Final = Tool(
    "diesel",
    "https://docs.rs/diesel_migrations/latest/diesel_migrations/",
    ("diesel", "migration", "run"),
    "diesel migration generate what_changed",
    "diesel migration run ends with an error, and so does the deployment.",
    strict=False,
)
_DECLARES: Final = re.compile(
    r"^\s*\"?(sqlx|diesel|diesel_migrations)\"?(?:\.workspace)?\s*=|\.(sqlx|diesel)\]", re.MULTILINE
)
_EMBEDDED: Final = re.compile(r"\b(?:sqlx::)?migrate!\s*\(\s*(?:\"([^\"]*)\")?\s*\)")
#: The macro itself, or the static or variable that it was put into (MIGRATOR).
_RUNS: Final = re.compile(r"\bmigrat(?:e!\s*\([^)]*\)|or\b)[^;]{0,200}?\.run\s*\(", re.DOTALL | re.IGNORECASE)
_FOLDER: Final = re.compile(r"^\s*dir\s*=\s*\"([^\"]+)\"", re.MULTILINE)
_SQL: Final = re.compile(r"^(\d+)_(.*?)(\.up|\.down)?\.sql$")
_DIESEL: Final = re.compile(r"^([\d-]+)_\w")
_TABLE: Final = "_sqlx_migrations"


def find(tree: Tree) -> list[History]:
    """Return the histories of every crate that declares SQLx or Diesel."""
    found: dict[str, History] = {}
    for manifest in tree.named("Cargo.toml"):
        home = parent_of(manifest)
        declared = {word for match in _DECLARES.findall(tree.text(manifest) or "") for word in match if word}
        if declared:
            for folder in _folders(tree, home):
                history = _sqlx(tree, folder) if "sqlx" in declared else None
                history = history or _diesel(tree, folder)
                if history is not None:
                    found.setdefault(folder, _with_runner(tree, home, history))
    return list(found.values())


def _folders(tree: Tree, home: str) -> Iterator[str]:
    yield inside(home, "migrations")
    for file in _sources(tree, home):
        for match in _EMBEDDED.finditer(tree.text(file) or ""):
            if match[1]:
                yield inside(home, match[1])
    if tree.has(inside(home, "diesel.toml")):
        for given in _FOLDER.findall(tree.text(inside(home, "diesel.toml")) or ""):
            yield inside(home, given)


def _sources(tree: Tree, home: str) -> list[str]:
    return [file for file in tree.files(home) if file.endswith(".rs")]


def _with_runner(tree: Tree, home: str, history: History) -> History:
    """Note where the application applies what it embeds, as it does at its start."""
    for file in _sources(tree, home):
        text = tree.text(file) or ""
        match = _RUNS.search(text) or re.search(r"\.run_pending_migrations\s*\(", text)
        if match:
            return replace(history, applied_at=Location(file, text.count("\n", 0, match.start()) + 1))
    return history


# -- SQLx ------------------------------------------------------------------------------------------------------------


def _sqlx(tree: Tree, folder: str) -> History | None:
    migrations: list[Numbered] = []
    problems: list[Problem] = []
    downs: dict[int, str] = {}
    for name in tree.names(folder):
        file, match = inside(folder, name), _SQL.match(name)
        if match is None:
            if name.endswith(".sql"):
                problems.append(_odd(file))
            continue
        version = int(match[1])
        if match[3] == ".down":
            downs[version] = file
        else:
            migrations.append(Numbered(str(version), file, version, (tree.digest(file, "sha384"),)))
    if not migrations:
        return None
    migrations.sort(key=lambda each: (int(each.id), each.file))
    ups = {each.version for each in migrations}
    problems += [_down_alone(file, SQLX) for version, file in downs.items() if version not in ups]
    problems += doubled(
        SQLX,
        migrations,
        what="version",
        cause="A version is a primary key in _sqlx_migrations, so that the second one fails.",
        mend=later(migrations),
    )
    return in_a_row(SQLX, folder, migrations, problems)


def _odd(file: str) -> Problem:
    return problem(
        "ignored",
        f"SQLx can't use {file}: its name is not <version>_<description>.sql.",
        cause="A file without a number and _ is passed over, and one whose number is none ends the build.",
        steps=("Give it the next version, or move it out of the folder.",),
        code=Code("terminal", "sqlx migrate add what_changed", language="shell"),
        at=(Location(file, 1),),
        docs=SQLX.docs,
    )


def _down_alone(file: str, tool: Tool) -> Problem:
    up = file.replace(".down.", ".up.")
    return lost(
        "missing",
        f"{file} undoes a migration that is not there: {up} is missing.",
        subject=up,
        ids=(up.rpartition("/")[2],),
        cause="The .up file was not committed, or was removed.",
        wanted=up,
        at=Location(file, 1),
        docs=tool.docs,
    )


def sqlx_state(history: History, query: Query) -> State:
    """Ask which versions a database has, with the digests of their texts."""
    rows = query(f"SELECT version, checksum, success FROM {_TABLE}") or ()  # noqa: S608  (a constant)
    applied = {str(row[0]): bytes(row[1]).hex() for row in rows}
    return compare(history, applied, failed=[str(row[0]) for row in rows if not row[2]])


# -- Diesel ----------------------------------------------------------------------------------------------------------


def _diesel(tree: Tree, folder: str) -> History | None:
    migrations: list[Numbered] = []
    problems: list[Problem] = []
    for name in sorted(tree.below.get(folder, ())):
        here, match = inside(folder, name), _DIESEL.match(name)
        if match is None:
            continue
        names = tree.names(here)
        if "up.sql" in names:
            version = match[1].replace("-", "")
            migrations.append(Numbered(version, inside(here, "up.sql"), version))
        elif "down.sql" in names:
            problems.append(_down_alone(inside(here, "down.sql"), DIESEL))
    if not migrations:
        return None
    migrations.sort(key=lambda each: each.id)
    problems += doubled(
        DIESEL,
        migrations,
        what="version",
        cause="Diesel keeps one row for a version, so that one of the two is never applied.",
        mend=lambda each: Code(
            "terminal",
            f"git mv '{parent_of(each.file)}' '{parent_of(parent_of(each.file))}/<a later version>_what_changed'",
            language="shell",
        ),
    )
    return in_a_row(DIESEL, folder, migrations, problems)


def diesel_state(history: History, query: Query) -> State:
    """Ask which versions a database has."""
    rows = query("SELECT version FROM __diesel_schema_migrations") or ()
    return compare(history, {str(row[0]): "" for row in rows})

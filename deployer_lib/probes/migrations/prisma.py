"""Prisma Migrate: a folder for each migration, a lock on the provider, and the table ``_prisma_migrations``."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import Severity
from deployer_lib.check import Code, Location
from deployer_lib.probes.migrations.model import History, Query, State, Tool, compare, problem
from deployer_lib.probes.migrations.numbered import Numbered, in_a_row
from deployer_lib.probes.migrations.tree import inside, parent_of, within

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployer_lib.probes.migrations.model import Problem
    from deployer_lib.probes.migrations.tree import Tree

__all__ = ["TOOL", "find", "state"]

TOOL: Final = Tool(
    "prisma",
    "https://www.prisma.io/docs/orm/prisma-migrate",
    ("npx", "prisma", "migrate", "deploy"),
    "npx prisma migrate dev --name what_changed",
    "prisma migrate deploy ends with an error, and so does the deployment.",
    strict=False,
)
_DATASOURCE: Final = re.compile(r"^\s*datasource\s+\w+\s*\{(.*?)^\s*\}", re.MULTILINE | re.DOTALL)
_PROVIDER: Final = re.compile(r"^\s*provider\s*=\s*\"([\w-]+)\"", re.MULTILINE)
_MODEL: Final = re.compile(r"^\s*model\s+\w+\s*\{", re.MULTILINE)
_PATH: Final = re.compile(r"migrations\s*:\s*\{[^}]*?\bpath\s*:\s*[^\"'`}]*[\"'`]([^\"'`]+)[\"'`]", re.DOTALL)
_LOCK: Final = "migration_lock.toml"
_SAME: Final = {"postgres": "postgresql"}
#: What has no migrations, or is made to be brought up to date without them.
_WITHOUT: Final = re.compile(r"provider\s*=\s*\"mongodb\"|relationMode\s*=\s*\"prisma\"")


def find(tree: Tree) -> list[History]:
    """Return the history of each schema with migrations, or with models that have none."""
    found = []
    schemas = [
        inside(folder, name)
        for folder, names in tree.folders.items()
        for name in names
        if name.endswith(".prisma") and _DATASOURCE.search(tree.text(inside(folder, name)) or "")
    ]
    for schema in sorted(schemas):
        folder = _folder_of(tree, schema)
        history = _without(tree, schema) if folder is None else _history(tree, schema, folder)
        found += [history] if history else []
    return found


def state(history: History, query: Query) -> State:
    """Ask which migrations a database has, and whether each ended well."""
    rows = query("SELECT migration_name, checksum, finished_at, rolled_back_at FROM _prisma_migrations") or ()
    applied = {str(row[0]): str(row[1]) for row in rows if row[3] is None and row[2] is not None}
    failed = [str(row[0]) for row in rows if row[2] is None and row[3] is None and str(row[0]) not in applied]
    return compare(history, applied, failed=failed)


def _folder_of(tree: Tree, schema: str) -> str | None:
    """Return the folder of a schema's migrations: as configured, beside it, or beside the folder of its parts."""
    home = parent_of(schema)
    for file in tree.named("prisma.config.ts", "prisma.config.js", "prisma.config.mjs", "prisma.config.mts"):
        given = _PATH.search(tree.text(file) or "")
        place = inside(parent_of(file), given[1]) if given else ""
        if place and within(home, parent_of(file)) and tree.is_folder(place):
            return place
    places = [inside(home, "migrations"), inside(parent_of(home), "migrations") if home else ""]
    for place in places:
        if place and tree.is_folder(place) and (_LOCK in tree.names(place) or _steps(tree, place)):
            return place
    return _nearest_lock(tree, home)


def _nearest_lock(tree: Tree, home: str) -> str | None:
    """Return the folder of the lock that lies nearest to a schema, within the schema's own package."""
    package = home
    while package and not tree.has(inside(package, "package.json")):
        package = parent_of(package)
    found = [parent_of(lock) for lock in tree.named(_LOCK) if within(parent_of(lock), package)]
    return found[0] if len(found) == 1 else None


def _steps(tree: Tree, folder: str) -> list[str]:
    return [name for name in sorted(tree.below.get(folder, ())) if tree.names(inside(folder, name))]


def _history(tree: Tree, schema: str, folder: str) -> History:
    migrations: list[Numbered] = []
    problems: list[Problem] = []
    for name in _steps(tree, folder):
        here = inside(folder, name)
        if "migration.sql" in tree.names(here):
            file = inside(here, "migration.sql")
            migrations.append(Numbered(name, file, name, _digests(tree, file)))
        elif not any(other.endswith((".ts", ".js", ".mjs")) for other in tree.names(here)):
            problems.append(_empty(here, name, tree.names(here)))
    problems += _provider(tree, schema, folder)
    return in_a_row(TOOL, folder, migrations, problems)


def _digests(tree: Tree, file: str) -> tuple[str, ...]:
    """Return the checksum as Prisma makes it, which lets the ends of lines differ."""
    text = tree.text(file)
    if text is None or "\ufffd" in text:
        return tuple(filter(None, (tree.digest(file, "sha256"),)))
    unix = text.replace("\r\n", "\n")
    spellings = (text, unix, unix.replace("\n", "\r\n"))
    return tuple(
        dict.fromkeys(
            (
                tree.digest(file, "sha256"),
                *(hashlib.sha256(each.encode()).hexdigest() for each in spellings),
            )
        )
    )


def _provider(tree: Tree, schema: str, folder: str) -> Iterator[Problem]:
    source = _DATASOURCE.search(tree.text(schema) or "")
    wanted = _PROVIDER.search(source[1]) if source else None
    lock = tree.text(inside(folder, _LOCK)) if _LOCK in tree.names(folder) else None
    locked = _PROVIDER.search(lock) if lock else None
    if wanted is None or locked is None:
        return
    here, there = (_SAME.get(each[1], each[1]) for each in (wanted, locked))
    if here == there:
        return
    text = tree.text(schema) or ""
    line = text.count("\n", 0, text.index(wanted[0].strip())) + 1
    yield problem(
        "setup",
        f"{schema} has the provider {here}, and the migrations were made for {there} ({_LOCK}).",
        subject="provider",
        cause="The datasource was changed; the SQL of the migrations is the other database's (P3019).",
        steps=(
            f"Set the provider back to {there}.",
            "Or move the migrations away, and make a first one for the new database (prisma migrate dev).",
        ),
        code=Code(schema, f'provider = "{there}"', line, "prisma"),
        at=(Location(schema, line), Location(inside(folder, _LOCK), 3)),
        docs="https://www.prisma.io/docs/orm/prisma-migrate/understanding-prisma-migrate/limitations-and-known-issues",
        minutes=30,
    )


def _empty(folder: str, name: str, names: list[str]) -> Problem:
    held = ", ".join(names)
    return problem(
        "missing",
        f"{folder} has no migration.sql (it holds {held}).",
        subject=name,
        ids=(name,),
        cause="The file was not committed or was removed; Prisma ends at such a folder (P3015).",
        steps=(
            "Bring migration.sql back from version control, or remove the folder where it was never applied.",
        ),
        code=Code("terminal", f"git log --all --oneline -- '{folder}/migration.sql'", language="shell"),
        at=(Location(inside(folder, names[0])),),
        docs="https://www.prisma.io/docs/orm/reference/error-reference#p3015",
    )


def _without(tree: Tree, schema: str) -> History | None:
    """Return a history that says that a schema has models, and no migrations; none where that is as it should be."""
    text = tree.text(schema) or ""
    model = _MODEL.search(text)
    if model is None or _WITHOUT.search(text):
        return None
    line = text.count("\n", 0, model.start()) + 1
    return History(
        TOOL,
        parent_of(schema),
        problems=(
            problem(
                "setup",
                f"{schema} declares models, and there is no migration.",
                subject="no migrations",
                cause="The schema is brought to databases by prisma db push, or by hand, which no file records.",
                steps=("Make the first migration from the schema, and apply it by a step in deploy.steps.",),
                code=Code("terminal", "npx prisma migrate dev --name init", language="shell"),
                at=(Location(schema, line),),
                docs="https://www.prisma.io/docs/orm/prisma-migrate/getting-started",
                minutes=60,
                severity=Severity.HIGH,
            ),
        ),
    )

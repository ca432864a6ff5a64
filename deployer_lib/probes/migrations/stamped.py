"""Laravel, Ecto and Entity Framework: one file a migration, its name its place in the order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Location
from deployer_lib.probes.migrations.model import Query, State, Tool, compare, lost
from deployer_lib.probes.migrations.numbered import Numbered, doubled, in_a_row, twice
from deployer_lib.probes.migrations.tree import inside

if TYPE_CHECKING:
    from deployer_lib.probes.migrations.model import History, Problem
    from deployer_lib.probes.migrations.tree import Tree

__all__ = [
    "ECTO",
    "ENTITY_FRAMEWORK",
    "LARAVEL",
    "entity_framework_state",
    "find",
    "laravel_state",
]

LARAVEL: Final = Tool(
    "laravel",
    "https://laravel.com/docs/migrations",
    ("php", "artisan", "migrate", "--force"),
    "php artisan make:migration what_changed",
    "php artisan migrate ends with an error, and so does the deployment.",
    strict=False,  # the table names migrations of packages too
)
ECTO: Final = Tool(
    "ecto",
    "https://hexdocs.pm/ecto_sql/Mix.Tasks.Ecto.Migrate.html",
    ("mix", "ecto.migrate"),
    "mix ecto.gen.migration what_changed",
    "mix ecto.migrate ends with an error, and so does the deployment.",
    strict=False,
)
ENTITY_FRAMEWORK: Final = Tool(
    "entity-framework",
    "https://learn.microsoft.com/ef/core/managing-schemas/migrations/",
    ("dotnet", "ef", "database", "update"),
    "dotnet ef migrations add WhatChanged",
    "dotnet ef database update ends with an error, or leaves out a change that the code expects.",
    strict=False,
)
_PHP: Final = re.compile(r"^\d{4}_\d{2}_\d{2}_\d{6}_\w+\.php$")
_PHP_CLASS: Final = re.compile(
    r"^\s*(?:final\s+)?class\s+(\w+)\s+extends\s+\\?(?:\w+\\)*Migration\b", re.MULTILINE
)
_EXS: Final = re.compile(r"^(\d+)_(\w+)\.exs$")
_CS: Final = re.compile(r"^(\d{14}_\w+)\.cs$")
_ATTRIBUTE: Final = re.compile(r"\[\s*(?:\w+\.)*Migration(?:Attribute)?\s*\(\s*\"([^\"]+)\"")
_CS_CLASS: Final = re.compile(r"\bclass\s+(\w+)\s*:\s*(?:\w+\.)*Migration\b")


def find(tree: Tree) -> list[History]:
    """Return the histories of the folders that hold such files."""
    found = []
    for folder, names in sorted(tree.folders.items()):
        last = folder.rpartition("/")[2]
        history = None
        if last.lower() == "migrations" and any(_PHP.match(name) for name in names):
            history = _laravel(tree, folder)
        elif "migrations" in last and any(_EXS.match(name) for name in names):
            history = _ecto(tree, folder)
        elif any(_CS.match(name) for name in names):
            history = _entity_framework(tree, folder)
        found += [history] if history else []
    return found


# -- Laravel ---------------------------------------------------------------------------------------------------------


def _laravel(tree: Tree, folder: str) -> History | None:
    migrations: list[Numbered] = []
    classes: dict[str, str] = {}
    for name in tree.names(folder):
        file = inside(folder, name)
        text = tree.text(file) or ""
        if not _PHP.match(name) or "Migration" not in text:
            continue
        stem = name.removesuffix(".php")
        migrations.append(Numbered(stem, file, stem))
        if match := _PHP_CLASS.search(text):
            classes[file] = match[1]
    if not migrations:
        return None
    problems = doubled(
        LARAVEL,
        [each for each in migrations if each.file in classes],
        what="class",
        cause="PHP ends with Cannot declare class, because the name is already in use.",
        mend=lambda each: each.file.replace(".php", "_again.php"),
        key=lambda each: classes[each.file],
    )
    return in_a_row(LARAVEL, folder, migrations, problems)


def laravel_state(history: History, query: Query) -> State:
    """Ask which files a database has; those of packages are no strangers."""
    rows = query("SELECT migration FROM migrations") or ()
    known = history.by_id
    return compare(history, {str(row[0]): "" for row in rows if str(row[0]) in known})


# -- Ecto ------------------------------------------------------------------------------------------------------------


def _ecto(tree: Tree, folder: str) -> History | None:
    migrations: list[Numbered] = []
    names: dict[str, str] = {}
    for file in tree.files(folder):
        match = _EXS.match(file.rpartition("/")[2])
        if match and "Migration" in (tree.text(file) or ""):
            version = str(int(match[1]))
            migrations.append(Numbered(version, file, version))
            names[file] = match[2]
    if not migrations:
        return None
    migrations.sort(key=lambda each: (int(each.id), each.file))
    problems = twice(
        ECTO,
        migrations,
        names,
        "Ecto ends with migration version is duplicated.",
        "Ecto ends with migration name is duplicated.",
    )
    return in_a_row(ECTO, folder, migrations, problems)


# -- Entity Framework ------------------------------------------------------------------------------------------------


def _entity_framework(tree: Tree, folder: str) -> History | None:
    migrations: list[Numbered] = []
    problems: list[Problem] = []
    names = set(tree.names(folder))
    for name in sorted(names):
        match = _CS.match(name)
        text = (tree.text(inside(folder, name)) or "") if match else ""
        if match is None or not _CS_CLASS.search(text):
            continue
        file, designer = inside(folder, name), f"{match[1]}.Designer.cs"
        given = _ATTRIBUTE.search(text) or (
            _ATTRIBUTE.search(tree.text(inside(folder, designer)) or "") if designer in names else None
        )
        if given:
            migrations.append(Numbered(given[1], file, given[1]))
        elif designer not in names:
            problems.append(_without_designer(file, match[1]))
    if not migrations:
        return None
    migrations.sort(key=lambda each: each.id)
    problems += doubled(
        ENTITY_FRAMEWORK,
        migrations,
        what="migration id",
        cause="One of the two is never applied.",
        mend=lambda each: each.file.replace(".cs", "Again.cs"),
    )
    return in_a_row(ENTITY_FRAMEWORK, folder, migrations, problems)


def _without_designer(file: str, name: str) -> Problem:
    return lost(
        "ignored",
        f"Entity Framework passes over {name}: {name}.Designer.cs is missing.",
        subject=name,
        ids=(name,),
        cause="The attribute [Migration] stands in the designer's file, which was not committed; without it the class is no migration.",
        otherwise="make the migration anew",
        wanted=f"**/{name}.Designer.cs",
        at=Location(file, 1),
        docs=ENTITY_FRAMEWORK.docs,
    )


def entity_framework_state(history: History, query: Query) -> State:
    """Ask which migrations a database has."""
    rows = query('SELECT "MigrationId" FROM "__EFMigrationsHistory"') or ()
    return compare(history, {str(row[0]): "" for row in rows})

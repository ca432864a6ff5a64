"""Active Record: ``db/migrate/<version>_<name>.rb``, and the version that the committed schema says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import Severity
from deployer_lib.check import Code, Location
from deployer_lib.probes.migrations.model import Tool, problem
from deployer_lib.probes.migrations.numbered import Numbered, in_a_row, twice
from deployer_lib.probes.migrations.tree import inside, parent_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployer_lib.probes.migrations.model import History, Problem
    from deployer_lib.probes.migrations.tree import Tree

__all__ = ["TOOL", "find"]

TOOL: Final = Tool(
    "rails",
    "https://guides.rubyonrails.org/active_record_migrations.html",
    ("bin/rails", "db:migrate"),
    "bin/rails generate migration WhatChanged",
    "rails db:migrate ends with an error, and so does the deployment.",
    strict=False,
)
_FILE: Final = re.compile(r"^(\d+)_([_a-z0-9]*)\.?([_a-z0-9]*)?\.rb$")
_CANDIDATE: Final = re.compile(r"^\d.*_.*\.rb$")
_SCHEMA: Final = re.compile(r"ActiveRecord::Schema(?:\[[\d.]+\])?\.define\(\s*version:\s*([\d_]+)")
_VERSION_ROW: Final = re.compile(r"^\(?'(\d{3,})'\)", re.MULTILINE)


def find(tree: Tree) -> list[History]:
    """Return the history of each database of each Rails application."""
    found = []
    for folder in sorted(tree.folders):
        home, _, name = folder.rpartition("/")
        if home.rpartition("/")[2] == "db" and (name == "migrate" or name.endswith("_migrate")):
            history = _history(tree, folder, name.removesuffix("migrate"))
            found += [history] if history else []
    return found


def _history(tree: Tree, folder: str, prefix: str) -> History | None:
    migrations: list[Numbered] = []
    problems: list[Problem] = []
    names: dict[str, str] = {}
    for file in tree.files(folder):
        name = file.rpartition("/")[2]
        match = _FILE.match(name)
        if match:
            version = str(int(match[1]))
            migrations.append(Numbered(version, file, version))
            names[file] = match[2]
        elif _CANDIDATE.match(name):
            problems.append(_illegal(file))
    if not any("ActiveRecord::Migration" in (tree.text(each.file) or "") for each in migrations):
        return None
    migrations.sort(key=lambda each: (int(each.id), each.file))
    problems += twice(
        TOOL,
        migrations,
        names,
        "Active Record ends with DuplicateMigrationVersionError.",
        "Active Record ends with DuplicateMigrationNameError.",
    )
    schema = inside(parent_of(folder), f"{prefix}schema.rb")
    if tree.has(schema):
        problems += _against_schema(tree, schema, migrations)
    structure = inside(parent_of(folder), f"{prefix}structure.sql")
    if tree.has(structure):
        problems += _against_structure(tree, structure, migrations)
    return in_a_row(TOOL, folder, migrations, problems)


def _against_schema(tree: Tree, schema: str, migrations: list[Numbered]) -> Iterator[Problem]:
    text = tree.text(schema) or ""
    match = _SCHEMA.search(text)
    if match is None:
        return
    version, newest = int(match[1].replace("_", "")), int(migrations[-1].id)
    line = text.count("\n", 0, match.start()) + 1
    known = {
        int(found[1]) for names in tree.folders.values() for each in names if (found := _FILE.match(each))
    }
    if version < newest:
        yield _schema_behind(schema, line, str(version), migrations[-1])
    elif version not in known:
        yield problem(
            "missing",
            f"{schema} is at version {version}, which no migration has; the newest is {newest}.",
            subject=f"{schema} → {version}",
            ids=(str(version),),
            cause="The schema was committed, and the migration that changed it was not.",
            steps=(
                "Commit the migration, or dump the schema anew from a database that has the committed ones alone.",
            ),
            code=Code("terminal", f"git log --all --oneline -- 'db/migrate/{version}_*'", language="shell"),
            at=(Location(schema, line),),
            docs=TOOL.docs,
            severity=Severity.HIGH,
        )


def _schema_behind(schema: str, line: int, version: str, newest: Numbered) -> Problem:
    return problem(
        "setup",
        f"{schema} is at version {version}, older than {newest.file}.",
        subject=schema,
        ids=(newest.id,),
        cause="The migration was committed without the schema that it makes, or a merge kept the older line.",
        steps=("Migrate a database, and commit the schema that comes of it.",),
        code=Code("terminal", f"bin/rails db:migrate && git add {schema}", language="shell"),
        at=(Location(schema, line), Location(newest.file, 1)),
        docs=f"{TOOL.docs}#schema-dumping-and-you",
        severity=Severity.MEDIUM,
    )


def _against_structure(tree: Tree, structure: str, migrations: list[Numbered]) -> Iterator[Problem]:
    text = tree.text(structure) or ""
    at = text.rfind("schema_migrations")
    versions = {int(each) for each in _VERSION_ROW.findall(text[at:])} if at >= 0 else set[int]()
    if versions and max(versions) < int(migrations[-1].id):
        yield _schema_behind(structure, text.count("\n", 0, at) + 1, str(max(versions)), migrations[-1])


def _illegal(file: str) -> Problem:
    return problem(
        "unread",
        f"{file} has a name that Active Record refuses.",
        cause="A name is <version>_<small letters, digits and _>.rb; others end in IllegalMigrationNameError.",
        steps=("Rename the file.",),
        code=Code("terminal", f"git mv '{file}' '{file.lower()}'", language="shell"),
        at=(Location(file, 1),),
        docs=TOOL.docs,
    )

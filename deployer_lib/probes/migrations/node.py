"""Knex, Sequelize and TypeORM: a JavaScript or TypeScript file for each migration, in the order of their names."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from deployer_lib.check import Code, Location
from deployer_lib.probes.migrations.model import Query, State, Tool, compare, problem
from deployer_lib.probes.migrations.numbered import Numbered, doubled, in_a_row
from deployer_lib.probes.migrations.tree import inside, parent_of, within

if TYPE_CHECKING:
    from deployer_lib.probes.migrations.model import History, Problem
    from deployer_lib.probes.migrations.tree import Tree

__all__ = ["KNEX", "SEQUELIZE", "TYPEORM", "find", "knex_state", "sequelize_state", "typeorm_state"]

KNEX: Final = Tool(
    "knex",
    "https://knexjs.org/guide/migrations.html",
    ("npx", "knex", "migrate:latest"),
    "npx knex migrate:make what_changed",
    "knex migrate:latest ends with an error, and so does the deployment.",
)
SEQUELIZE: Final = Tool(
    "sequelize",
    "https://sequelize.org/docs/v6/other-topics/migrations/",
    ("npx", "sequelize-cli", "db:migrate"),
    "npx sequelize-cli migration:generate --name what-changed",
    "sequelize-cli db:migrate ends with an error, and so does the deployment.",
    strict=False,
)
TYPEORM: Final = Tool(
    "typeorm",
    "https://typeorm.io/docs/advanced-topics/migrations/",
    ("npx", "typeorm", "migration:run"),
    "npx typeorm migration:generate",
    "typeorm migration:run ends with an error, and so does the deployment.",
    strict=False,
)
_KNEXFILES: Final = ("knexfile.js", "knexfile.ts", "knexfile.cjs", "knexfile.mjs")
_SUFFIXES: Final = (".js", ".ts", ".cjs", ".mjs")
_DIRECTORY: Final = re.compile(r"migrations\b[^}]*?\bdirectory\s*:\s*([^,\n}]+)", re.DOTALL)
_TABLE: Final = re.compile(r"migrations\b[^}]*?\btableName\s*:\s*[\"'`]([\w.]+)[\"'`]", re.DOTALL)
_TEXT: Final = re.compile(r"[\"'`]([^\"'`$]+)[\"'`]")
_STAMPED: Final = re.compile(r"^\d{8,}[_-].+")
_CLASS: Final = re.compile(r"\bclass\s+(\w+)[^{]*?\bimplements\b[^{]*?\bMigrationInterface\b")
_NAME: Final = re.compile(
    r"^\s*(?:public\s+|readonly\s+)*name\s*(?::\s*string\s*)?=\s*[\"'`](\w+)[\"'`]", re.MULTILINE
)
_STAMP: Final = re.compile(r"\d{13}$")
#: Both are asked for by Knex's own validation of a migration.
_EXPORTS: Final = ("up", "down")


def find(tree: Tree) -> list[History]:
    """Return the histories of every package that declares one of the tools."""
    found: list[History] = []
    for manifest in tree.named("package.json"):
        declared = _declared(tree.text(manifest) or "")
        home = parent_of(manifest)
        if "knex" in declared:
            found += _knex(tree, home)
        if "sequelize" in declared:
            found += _sequelize(tree, home)
        if "typeorm" in declared:
            found += _typeorm(tree, home)
    folders: dict[tuple[str, str], History] = {}
    for history in found:
        folders.setdefault((history.tool.name, history.folder), history)
    return list(folders.values())


def _declared(text: str) -> set[str]:
    try:
        data: Any = json.loads(text)
    except (ValueError, RecursionError):
        return set()
    groups = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")
    tables = [data.get(group) for group in groups] if isinstance(data, dict) else []
    return {str(name) for table in tables if isinstance(table, dict) for name in table}


# -- Knex ------------------------------------------------------------------------------------------------------------


def _knex(tree: Tree, home: str) -> list[History]:
    files = [file for file in tree.named(*_KNEXFILES) if within(parent_of(file), home)]
    file = files[0] if files else ""
    text = tree.text(file) or "" if file else ""
    given = _DIRECTORY.search(text)
    words = _TEXT.findall(given[1]) if given else []
    base = parent_of(file) if file else home
    folders = [inside(base, "/".join(words))] if words else [] if given else [inside(base, "migrations")]
    table = _TABLE.search(text)
    return [
        history
        for folder in folders
        if tree.is_folder(folder) and (history := _knex_folder(tree, folder, table[1] if table else ""))
    ]


def _knex_folder(tree: Tree, folder: str, table: str) -> History | None:
    names = [name for name in tree.names(folder) if name.endswith(_SUFFIXES) and not name.endswith(".d.ts")]
    texts = {name: tree.text(inside(folder, name)) for name in names}
    if not any(text and re.search(r"\bknex\b|\.schema\b", text, re.IGNORECASE) for text in texts.values()):
        return None
    problems = [
        _without_export(inside(folder, name), missing)
        for name, text in texts.items()
        if text is not None
        and (missing := [word for word in _EXPORTS if not re.search(rf"\b{word}\b", text)])
    ]
    migrations = [Numbered(name, inside(folder, name), name) for name in sorted(names)]
    return in_a_row(KNEX, folder, migrations, problems, table=table)


def _without_export(file: str, missing: list[str]) -> Problem:
    words = " and ".join(missing)
    return problem(
        "unread",
        f"{file} exports no {words}.",
        cause="Knex asks every file of the folder for both functions (Invalid migration: must have both an up and down function).",
        steps=("Export both functions, or move the file out of the folder.",),
        code=Code(
            file,
            "\n".join(f"exports.{word} = async function (knex) {{\n  // …\n}};" for word in missing),
            language="javascript",
        ),
        at=(Location(file, 1),),
        docs=KNEX.docs,
    )


def knex_state(history: History, query: Query) -> State:
    """Ask which files a database has applied; a name whose suffix alone differs is the same (built from TypeScript)."""
    rows = query(f"SELECT name FROM {history.table or 'knex_migrations'}") or ()  # noqa: S608  (a word of the project's own)
    return compare(history, _by_stem(history, [str(row[0]) for row in rows]))


def _by_stem(history: History, names: list[str]) -> dict[str, str]:
    stems = {each.id.rpartition(".")[0]: each.id for each in history.revisions}
    return {stems.get(name.rpartition(".")[0], name): "" for name in names}


# -- Sequelize -------------------------------------------------------------------------------------------------------


def _sequelize(tree: Tree, home: str) -> list[History]:
    found = []
    for folder in tree.folders:
        if folder.rpartition("/")[2] != "migrations" or not within(folder, home):
            continue
        names = [
            name
            for name in tree.names(folder)
            if _STAMPED.match(name) and name.endswith(_SUFFIXES) and not name.endswith(".d.ts")
        ]
        if any("queryInterface" in (tree.text(inside(folder, name)) or "") for name in names):
            migrations = [Numbered(name, inside(folder, name), name) for name in sorted(names)]
            found.append(in_a_row(SEQUELIZE, folder, migrations))
    return found


def sequelize_state(history: History, query: Query) -> State:
    """Ask which files a database has applied."""
    rows = query('SELECT name FROM "SequelizeMeta"') or ()
    return compare(history, _by_stem(history, [str(row[0]) for row in rows]))


# -- TypeORM ---------------------------------------------------------------------------------------------------------


def _typeorm(tree: Tree, home: str) -> list[History]:
    found = []
    for folder in tree.folders:
        if "migration" not in folder.rpartition("/")[2].lower() or not within(folder, home):
            continue
        migrations: list[Numbered] = []
        problems: list[Problem] = []
        for name in sorted(tree.names(folder)):
            file = inside(folder, name)
            text = (tree.text(file) or "") if name.endswith(_SUFFIXES) else ""
            for match in _CLASS.finditer(text):
                given = _NAME.search(text, match.end())
                own = given[1] if given else match[1]
                line = text.count("\n", 0, match.start()) + 1
                migrations.append(Numbered(own, file, own, line=line))
                if not _STAMP.search(own):
                    problems.append(_unstamped(file, own, line))
        if migrations:
            migrations.sort(key=lambda each: _stamp(each.id))
            problems += doubled(
                TYPEORM,
                migrations,
                what="migration name",
                cause="TypeORM ends with Duplicate migrations.",
                mend=lambda each: each.file.replace(".ts", "Again.ts"),
            )
            found.append(in_a_row(TYPEORM, folder, migrations, problems))
    return found


def _unstamped(file: str, name: str, line: int) -> Problem:
    return problem(
        "unread",
        f"{name} in {file} does not end with a time stamp.",
        subject=name,
        cause="TypeORM orders migrations by the JavaScript time stamp at the end of the class name, and ends without one.",
        steps=("Append the time stamp of the file's name to the class's name.",),
        code=Code(
            file, f"export class {name}1700000000000 implements MigrationInterface {{", line, "typescript"
        ),
        at=(Location(file, line),),
        docs=TYPEORM.docs,
    )


def typeorm_state(history: History, query: Query) -> State:
    """Ask which classes a database has applied."""
    rows = query("SELECT name FROM migrations") or ()
    return compare(history, {str(row[0]): "" for row in rows}, rank=_stamp)


def _stamp(name: str) -> str:
    return name[-13:]

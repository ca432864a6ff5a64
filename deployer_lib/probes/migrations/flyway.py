"""Flyway: ``V<version>__<description>.sql`` below ``db/migration``, Java and Kotlin ones included."""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Code, Location
from deployer_lib.probes.migrations.embedded import framework_at
from deployer_lib.probes.migrations.model import Query, State, Tool, compare, problem
from deployer_lib.probes.migrations.numbered import Numbered, doubled, in_a_row
from deployer_lib.probes.migrations.tree import inside, parent_of, within

if TYPE_CHECKING:
    from deployer_lib.probes.migrations.model import History, Problem
    from deployer_lib.probes.migrations.tree import Tree

__all__ = ["TOOL", "checksum", "find", "state"]

TOOL: Final = Tool(
    "flyway",
    "https://documentation.red-gate.com/flyway/flyway-concepts/migrations",
    ("flyway", "migrate"),
    "touch src/main/resources/db/migration/V<next>__what_changed.sql",
    "Flyway ends with an error before it applies anything; an application that migrates at its start does not come up.",
)
_NAME: Final = re.compile(
    r"^(?:(?P<kind>[VUB])(?P<version>\d+(?:[._]\d+)*)|R)__(?P<rest>.*)\.(?P<kind_of_file>sql|java|kt)$"
)
_ODD: Final = re.compile(r"^[Vv]\d[\w.]*\.sql$")
_BARE: Final = re.compile(r"^V\d+(?:[._]\d+)*\.sql$")  # a version, and no description: taken
_USUAL: Final = re.compile(
    r"^(?P<module>.*?)(?:^|/)(?:src/[^/]+/[^/]+/)?(?P<place>db/migrations?)(?:/|$)(?P<below>.*)$"
)
#: Below db/migration each of these is a place of its own ({vendor}).
_VENDORS: Final = re.compile(
    r"(h2|hsqldb|derby|sqlite3?|mysql|mariadb|postgres(ql)?|pgsql|cockroachdb|redshift|oracle|sqlserver|mssql|db2|clickhouse|snowflake|common)",
    re.IGNORECASE,
)
_SPRING: Final = re.compile(
    r"flyway-core|flyway-database|spring-boot-starter-flyway|quarkus-flyway|micronaut-flyway"
)


def find(tree: Tree) -> list[History]:
    """Return the history of each location: a module's db/migration, by vendor, else the folder of the files."""
    groups: dict[str, list[str]] = defaultdict(list)
    for folder, names in tree.folders.items():
        if any(match["kind"] == "V" for name in names if (match := _NAME.match(name))):
            groups[_location(folder)].append(folder)
    # Refinery's files are called the same.
    refinery = [parent_of(file) for file in tree.named("Cargo.toml") if "refinery" in (tree.text(file) or "")]
    return [
        _history(tree, sorted(folders))
        for location, folders in sorted(groups.items())
        if not any(within(location, home) for home in refinery)
    ]


def _location(folder: str) -> str:
    match = _USUAL.match(folder)
    if match is None:
        return folder
    first = match["below"].partition("/")[0]
    base = inside(match["module"] or ".", match["place"])
    return f"{base}/{first}" if _VENDORS.fullmatch(first) else base


def _history(tree: Tree, folders: list[str]) -> History:
    migrations: list[Numbered] = []
    repeated: list[Numbered] = []
    problems: list[Problem] = []
    for folder in folders:
        for name in tree.names(folder):
            file, match = inside(folder, name), _NAME.match(name)
            if match is None:
                if _ODD.match(name) and not _BARE.match(name):
                    problems.append(_odd(file, name))
                continue
            digests = _digests(tree, file) if name.endswith(".sql") else ()
            if match["kind"] == "V":
                migrations.append(
                    Numbered(_shown(match["version"]), file, _version(match["version"]), digests)
                )
            elif match["kind"] is None:
                repeated.append(
                    Numbered(f"R {match['rest'].replace('_', ' ')}", file, match["rest"], repeats=True)
                )
    migrations.sort(key=lambda each: (each.version, each.file))
    problems += doubled(
        TOOL,
        migrations,
        what="version",
        cause="Flyway ends with Found more than one migration with version.",
        mend=lambda each: _later(each, migrations),
    )
    sql = next(
        (folder for folder in folders if any(name.endswith(".sql") for name in tree.names(folder))),
        folders[0],
    )
    history = in_a_row(TOOL, sql, [*migrations, *repeated], problems)
    return replace(history, applied_at=framework_at(tree, _SPRING, "flyway"))


def _version(text: str) -> tuple[int, ...]:
    numbers = [int(part) for part in re.split(r"[._]", text)]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _shown(version: str) -> str:
    return version.replace("_", ".")


def _later(each: Numbered, migrations: list[Numbered]) -> str:
    numbers = migrations[-1].version
    last = numbers[0] if isinstance(numbers, tuple) else 0
    return re.sub(r"/V[\d._]*?__", f"/V{int(last) + 1}__", each.file)


def _digests(tree: Tree, file: str) -> tuple[str, ...]:
    text = tree.text(file)
    return () if text is None else (str(checksum(text)),)


def checksum(text: str) -> int:
    """Return Flyway's checksum of a file: CRC-32 over its lines without their ends, as a signed number."""
    value = 0
    for line in re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff")):
        value = zlib.crc32(line.encode(), value)
    return value - (1 << 32) if value >= 1 << 31 else value


def _odd(file: str, name: str) -> Problem:
    right = re.sub(r"^[Vv](\d+(?:[._]\d+)*)_*(.*)\.sql$", r"V\1__\2.sql", name).replace("___", "__")
    return problem(
        "ignored",
        f"Flyway passes over {file}: its name is not V<version>__<description>.sql.",
        cause="The prefix is a capital V, and two underscores stand before the description; other names are ignored without a word.",
        steps=("Rename the file.", "Set flyway.validateMigrationNaming=true, so that such names are errors."),
        code=Code("terminal", f"git mv '{file}' '{file.removesuffix(name)}{right}'", language="shell"),
        at=(Location(file, 1),),
        docs=TOOL.docs,
        minutes=5,
    )


def state(history: History, query: Query) -> State:
    """Ask which versions a database has, with the checksums of their texts."""
    rows = query("SELECT version, checksum, success, type FROM flyway_schema_history") or ()
    by_version = {_version(each.id): each.id for each in history.revisions if not each.repeats}
    applied: dict[str, str] = {}
    failed: list[str] = []
    baseline = ""
    for version, check, success, kind in rows:
        if version is None:
            continue
        key = by_version.get(_version(str(version)), str(version))
        if str(kind) == "BASELINE":
            baseline = _below(history, str(version))
        elif str(kind) in {"UNDO_SQL", "DELETE"}:
            applied.pop(key, None)
        else:
            applied[key] = "" if check is None else str(check)
            failed += [] if success else [key]
    return compare(history, applied, failed=failed, in_order=True, reached=baseline, rank=_version)


def _below(history: History, version: str) -> str:
    """Return the last of the build's versions that a baseline covers."""
    covered = [
        each.id for each in history.revisions if not each.repeats and _version(each.id) <= _version(version)
    ]
    return covered[-1] if covered else ""

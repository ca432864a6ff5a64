"""Liquibase: change logs that include each other, and change sets by id, author and file."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Code, Location
from deployer_lib.probes.migrations.embedded import framework_at
from deployer_lib.probes.migrations.model import History, Query, State, Tool, compare, lost
from deployer_lib.probes.migrations.numbered import Numbered, doubled, in_a_row
from deployer_lib.probes.migrations.tree import inside, parent_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployer_lib.probes.migrations.model import Problem
    from deployer_lib.probes.migrations.tree import Tree

__all__ = ["TOOL", "find", "state"]

TOOL: Final = Tool(
    "liquibase",
    "https://docs.liquibase.com/concepts/changelogs/home.html",
    ("liquibase", "update"),
    "liquibase generate-changelog",
    "liquibase update ends with an error; an application that updates at its start does not come up.",
    strict=False,
)
_XML: Final = re.compile(r"<databaseChangeLog\b")
_YAML: Final = re.compile(r"^databaseChangeLog\s*:", re.MULTILINE)
_SQL: Final = re.compile(r"^--\s*liquibase formatted sql", re.MULTILINE | re.IGNORECASE)
_COMMENT: Final = re.compile(r"<!--.*?-->", re.DOTALL)
_TAG: Final = re.compile(r"<(include|changeSet)\b([^>]*)>", re.DOTALL)
_ATTRIBUTE: Final = re.compile(r"([\w:]+)\s*=\s*\"([^\"]*)\"|([\w:]+)\s*=\s*'([^']*)'")
_SQL_SET: Final = re.compile(r"^--\s*changeset\s+([^\s:]+):(\S+)(.*)$", re.MULTILINE | re.IGNORECASE)
_YAML_INCLUDE: Final = re.compile(r"^\s*-\s*include\s*:\s*\n((?:\s+\w+\s*:.*\n?)+)", re.MULTILINE)
_YAML_SET: Final = re.compile(r"^(\s*)-\s*changeSet\s*:\s*\n((?:\1\s+.*\n?|\s*\n)+)", re.MULTILINE)
_YAML_FIELD: Final = re.compile(r"^\s+(\w+)\s*:\s*[\"']?([^\"'\n#]*?)[\"']?\s*$", re.MULTILINE)
_LIBRARY: Final = re.compile(
    r"liquibase-core|spring-boot-starter-liquibase|quarkus-liquibase|micronaut-liquibase"
)
_SUFFIXES: Final = (".xml", ".yaml", ".yml", ".sql")


def find(tree: Tree) -> list[History]:
    """Return one history of all change logs below each folder that holds a log which no other includes."""
    logs = {
        file: text
        for folder, names in tree.folders.items()
        for name in names
        if name.endswith(_SUFFIXES)
        and (text := tree.text(file := inside(folder, name)))
        and (_XML.search(text) or _YAML.search(text) or _SQL.search(text))
    }
    if not logs:
        return []
    migrations: list[Numbered] = []
    problems: list[Problem] = []
    for file in sorted(logs):
        text = _COMMENT.sub(lambda match: "\n" * match[0].count("\n"), logs[file])
        own = list(_sets(file, text))
        migrations += own
        problems += doubled(
            TOOL,
            [each for each in own if not each.repeats],
            what="change set",
            cause="Liquibase ends with had duplicate identifiers.",
            mend=lambda each: Code(each.file, 'id="<a new id>"', each.line),
        )
        problems += [
            _hole(file, wanted, line) for wanted, line in _includes(text) if not _is_there(tree, file, wanted)
        ]
    folder = parent_of(min(logs, key=lambda file: (file.count("/"), file)))
    history = in_a_row(TOOL, folder, migrations, problems)
    return [replace(history, applied_at=framework_at(tree, _LIBRARY, "liquibase"))]


def _fields(text: str) -> dict[str, str]:
    return {a or c: b or d for a, b, c, d in _ATTRIBUTE.findall(text)}


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _sets(file: str, text: str) -> Iterator[Numbered]:
    """Yield the change sets of a log; those for one kind of database or context may share an id, and are not compared."""
    if _XML.search(text):
        found = [(_fields(m[2]), _line(text, m.start())) for m in _TAG.finditer(text) if m[1] == "changeSet"]
    elif _SQL.search(text):
        found = [
            (
                {"author": m[1], "id": m[2], **({"dbms": "some"} if ":" in m[3] else {})},
                _line(text, m.start()),
            )
            for m in _SQL_SET.finditer(text)
        ]
    else:
        found = [
            (dict(_YAML_FIELD.findall(m[2])[:4]), _line(text, m.start())) for m in _YAML_SET.finditer(text)
        ]
    for fields, line in found:
        if "id" in fields and "author" in fields:
            name = f"{fields['id']}::{fields['author']}"
            apart = any(key in fields for key in ("dbms", "context", "contexts", "labels"))
            yield Numbered(f"{file}::{name}", file, name, repeats=apart, line=line)


def _includes(text: str) -> Iterator[tuple[str, int]]:
    if _XML.search(text):
        for match in _TAG.finditer(text):
            fields = _fields(match[2])
            if match[1] == "include" and fields.get("file"):
                yield fields["file"], _line(text, match.start())
    elif _YAML.search(text):
        for match in _YAML_INCLUDE.finditer(text):
            fields = dict(_YAML_FIELD.findall(match[1]))
            if fields.get("file"):
                yield fields["file"], _line(text, match.start())


def _is_there(tree: Tree, file: str, wanted: str) -> bool:
    """Tell whether an included file lies anywhere that ends with its path: it is looked up in several roots."""
    if "${" in wanted or ":" in wanted:
        return True
    tail = inside("", wanted).lstrip("./")
    return any(
        other == tail or other.endswith(f"/{tail}") for other in tree.named(tail.rpartition("/")[2])
    ) or (tree.has(inside(parent_of(file), wanted)))


def _hole(file: str, wanted: str, line: int) -> Problem:
    return lost(
        "missing",
        f"{file}:{line} includes {wanted}, which is not there.",
        subject=f"{file} → {wanted}",
        ids=(wanted,),
        cause="The file was not committed, was moved, or was removed.",
        otherwise="correct the path",
        wanted=f"**/{wanted.rpartition('/')[2]}",
        at=Location(file, line),
        docs="https://docs.liquibase.com/change-types/include.html",
    )


def state(history: History, query: Query) -> State:
    """Ask which change sets a database has; contexts and labels decide on the others, so that none is called pending."""
    rows = query("SELECT id, author FROM databasechangelog") or ()
    named = {f"{row[0]}::{row[1]}" for row in rows}
    applied = {each.id: "" for each in history.revisions if each.id.partition("::")[2] in named}
    return compare(history, applied)

"""Drizzle Kit: SQL files, and a journal that says which of them there are (``meta/_journal.json``)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from deployer_lib.check import Code, Location
from deployer_lib.probes.migrations.model import History, Query, State, Tool, compare, lost, problem
from deployer_lib.probes.migrations.numbered import Numbered, doubled, in_a_row, later
from deployer_lib.probes.migrations.tree import inside, parent_of

if TYPE_CHECKING:
    from deployer_lib.probes.migrations.model import Problem
    from deployer_lib.probes.migrations.tree import Tree

__all__ = ["TOOL", "find", "state"]

TOOL: Final = Tool(
    "drizzle",
    "https://orm.drizzle.team/docs/drizzle-kit-migrate",
    ("npx", "drizzle-kit", "migrate"),
    "npx drizzle-kit generate",
    "Drizzle's migrator ends with an error, or leaves a change out that the code expects.",
    strict=False,
)


def find(tree: Tree) -> list[History]:
    """Return the history of each journal."""
    journals = [file for file in tree.named("_journal.json") if parent_of(file).endswith("meta")]
    return [history for file in journals if (history := _history(tree, file)) is not None]


def _history(tree: Tree, journal: str) -> History | None:
    folder = parent_of(parent_of(journal))
    text = tree.text(journal) or ""
    try:
        data: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        return History(TOOL, folder, problems=(_unread(journal, text, error),))
    entries = data.get("entries") if isinstance(data, dict) else None
    if not isinstance(entries, list):
        return None
    migrations: list[Numbered] = []
    problems: list[Problem] = []
    for entry in entries:
        tag = entry.get("tag") if isinstance(entry, dict) else None
        if not isinstance(tag, str):
            continue
        file, line = inside(folder, f"{tag}.sql"), text[: text.find(f'"{tag}"')].count("\n") + 1
        if tree.has(file):
            digest = tree.digest(file, "sha256")
            migrations.append(
                Numbered(tag, file, str(entry.get("idx")), (digest,), stamp=str(entry.get("when")))
            )
        else:
            problems.append(_missing(journal, tag, file, line))
    named = {each.id for each in migrations}
    problems += [
        _unnamed(inside(folder, name), journal)
        for name in tree.names(folder)
        if name.endswith(".sql") and name[:4].isdigit() and name.removesuffix(".sql") not in named
    ]
    problems += doubled(
        TOOL,
        migrations,
        what="index",
        cause="Drizzle applies an entry only if it is later than the last applied one, so that one of them may be left out.",
        mend=later(migrations),
    )
    return in_a_row(TOOL, folder, migrations, problems)


def state(history: History, query: Query) -> State:
    """Ask which texts a database has applied; the table names them by the journal's time and by digest."""
    rows = query("SELECT created_at, hash FROM drizzle.__drizzle_migrations")
    if rows is None:
        rows = query("SELECT created_at, hash FROM __drizzle_migrations") or ()
    by_stamp = {each.stamp: each.id for each in history.revisions}
    last = max((int(stamp) for stamp in by_stamp if stamp.isdigit()), default=0)
    # A stranger from before the last is one that was dropped; a later one is of a newer build.
    applied = {
        by_stamp.get(str(row[0]), f"~{row[0]}"): str(row[1])
        for row in rows
        if str(row[0]) in by_stamp or int(row[0]) > last
    }
    return compare(history, applied)


def _missing(journal: str, tag: str, file: str, line: int) -> Problem:
    return lost(
        "missing",
        f"{journal} names {tag}, and there is no {file}.",
        subject=tag,
        ids=(tag,),
        cause=f"The file was not committed, or was removed; the migrator ends with No file {file} found.",
        otherwise="drop the entry (drizzle-kit drop)",
        wanted=file,
        at=Location(journal, line),
        docs=TOOL.docs,
    )


def _unnamed(file: str, journal: str) -> Problem:
    tag = file.rpartition("/")[2].removesuffix(".sql")
    return problem(
        "ignored",
        f"Drizzle passes over {file}: the journal does not name it.",
        subject=tag,
        ids=(tag,),
        cause=f"The file was written by hand, or the merge of two branches kept one side of {journal}.",
        steps=("Remove the file, make it anew, so that the journal names it, and commit both.",),
        code=Code("terminal", f"git rm '{file}' && npx drizzle-kit generate", language="shell"),
        at=(Location(file, 1), Location(journal, 1)),
        docs=TOOL.docs,
    )


def _unread(journal: str, text: str, error: Exception) -> Problem:
    line = getattr(error, "lineno", 1)
    conflict = " It holds the marks of a merge." if "<<<<<<<" in text else ""
    return problem(
        "unread",
        f"{journal} is no JSON: {error}.{conflict}",
        cause=f"The journal can't be read.{conflict}",
        steps=("Bring the file to one side of the merge, and make the other side's migration anew.",),
        code=Code(
            "terminal", f"git checkout --theirs '{journal}' && npx drizzle-kit generate", language="shell"
        ),
        at=(Location(journal, line),),
        docs=TOOL.docs,
    )

"""What tools with one file a migration have in common: an order by version, and no version twice."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deployer_lib.check import Code, Location
from deployer_lib.probes.migrations.model import History, Revision, compare, problem

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from deployer_lib.probes.migrations.model import Problem, Query, State, Tool

__all__ = ["Numbered", "doubled", "in_a_row", "later", "twice", "versions_state"]


@dataclass(frozen=True, slots=True)
class Numbered:
    """One migration that has a version."""

    id: str  # as the tool's table names it
    file: str
    version: Hashable  # what must not stand twice
    digests: tuple[str, ...] = ()
    repeats: bool = False
    line: int = 0
    stamp: str = ""  # by which the tool's table knows it, where that is not its id


def in_a_row(
    tool: Tool,
    folder: str,
    migrations: Sequence[Numbered],
    problems: Iterable[Problem] = (),
    *,
    table: str = "",
    unclear: tuple[tuple[str, str, int], ...] = (),
) -> History:
    """Return the history of migrations that are applied in the order given, one after the other."""
    revisions = []
    before: tuple[str, ...] = ()
    for each in migrations:
        revisions.append(
            Revision(
                each.id,
                each.file,
                each.line,
                before,
                digests=each.digests,
                repeats=each.repeats,
                stamp=each.stamp,
            )
        )
        if not each.repeats:
            before = (each.id,)
    heads = before or tuple(each.id for each in migrations[-1:])
    return History(tool, folder, tuple(revisions), heads, tuple(problems), unclear, table=table)


def doubled(
    tool: Tool,
    migrations: Iterable[Numbered],
    *,
    what: str,
    cause: str,
    mend: Callable[[Numbered], Code | str],
    key: Callable[[Numbered], Hashable] = lambda each: each.version,
) -> list[Problem]:
    """Return a problem for each version, or name, that stands twice.

    Args:
        tool: whose migrations they are.
        migrations: in their order.
        what: what stands twice ("version").
        cause: what the tool does about it, one sentence.
        mend: the name that the later one of two could have, or the line to paste where a name is not what is wrong.
        key: what must be another for each.
    """
    by_key: dict[Hashable, list[Numbered]] = defaultdict(list)
    for each in migrations:
        by_key[key(each)].append(each)
    found = []
    for value, group in by_key.items():
        if len(group) < 2:  # noqa: PLR2004  (a pair)
            continue
        last = group[-1]
        mended = mend(last)
        found.append(
            problem(
                "duplicate",
                f"The {what} {_shown(value)} stands {_times(len(group))}: {' and '.join(each.file for each in group)}.",
                subject=f"{what} {_shown(value)}",
                ids=tuple(dict.fromkeys(each.id for each in group)),
                cause=f"They were made on two branches. {cause}",
                steps=("Give the one that is applied nowhere yet a later number, and commit it.",),
                code=mended
                if isinstance(mended, Code)
                else Code("terminal", f"git mv '{last.file}' '{mended}'", language="shell"),
                at=[Location(each.file, each.line) for each in group],
                docs=tool.docs,
            )
        )
    return found


def twice(
    tool: Tool, migrations: Sequence[Numbered], names: Mapping[str, str], version_ends: str, name_ends: str
) -> list[Problem]:
    """Return a problem for each version, and each name (by file), that stands twice, where a tool wants both apart."""
    return [
        *doubled(tool, migrations, what="version", cause=version_ends, mend=later(migrations)),
        *doubled(
            tool,
            migrations,
            what="migration name",
            cause=name_ends,
            mend=lambda each: "_again.".join(each.file.rsplit(".", 1)),
            key=lambda each: names[each.file],
        ),
    ]


def versions_state(history: History, query: Query) -> State:
    """Ask which versions a database has, of the table that Active Record and Ecto both call schema_migrations."""
    rows = query("SELECT version FROM schema_migrations") or ()
    return compare(history, {str(int(row[0])): "" for row in rows if str(row[0]).isdigit()}, rank=int)


def later(migrations: Sequence[Numbered]) -> Callable[[Numbered], str]:
    """Return what names a file anew: with the number after the highest, as wide as its own was."""
    numbers = [re.match(r"\d+", each.file.rpartition("/")[2]) for each in migrations]
    following = max((int(match[0]) for match in numbers if match), default=0) + 1

    def renamed(each: Numbered) -> str:
        folder, slash, name = each.file.rpartition("/")
        own = re.match(r"\d*", name)
        width = own.end() if own else 0
        return f"{folder}{slash}{following:0{width or 1}}{name[width:]}"

    return renamed


def _times(count: int) -> str:
    return "twice" if count == 2 else f"{count} times"  # noqa: PLR2004  (a word of its own)


def _shown(value: Hashable) -> str:
    return ".".join(str(part) for part in value) if isinstance(value, tuple) else str(value)

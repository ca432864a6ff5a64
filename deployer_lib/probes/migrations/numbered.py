"""What tools with one file a migration have in common: an order by version, and no version twice."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deployer_lib.check import Code, Location
from deployer_lib.probes.migrations.model import History, Revision, problem

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from deployer_lib.probes.migrations.model import Problem, Tool

__all__ = ["Numbered", "doubled", "in_a_row"]


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
    return History(tool, folder, tuple(revisions), before, tuple(problems), unclear, table=table)


def doubled(
    tool: Tool,
    migrations: Iterable[Numbered],
    *,
    what: str,
    cause: str,
    rename: Callable[[Numbered], str],
    key: Callable[[Numbered], Hashable] = lambda each: each.version,
) -> list[Problem]:
    """Return a problem for each version, or name, that stands twice.

    Args:
        tool: whose migrations they are.
        migrations: in their order.
        what: what stands twice ("version").
        cause: what the tool does about it, one sentence.
        rename: the name that the later one of two could have.
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
        found.append(
            problem(
                "duplicate",
                f"The {what} {_shown(value)} stands {_times(len(group))}: {' and '.join(each.file for each in group)}.",
                subject=f"{what} {_shown(value)}",
                ids=tuple(dict.fromkeys(each.id for each in group)),
                cause=f"They were made on two branches. {cause}",
                steps=("Give the one that is applied nowhere yet a later number, and commit it.",),
                code=Code("terminal", f"git mv '{last.file}' '{rename(last)}'", language="shell"),
                at=[Location(each.file, each.line) for each in group],
                docs=tool.docs,
            )
        )
    return found


def _times(count: int) -> str:
    return "twice" if count == 2 else f"{count} times"  # noqa: PLR2004  (a word of its own)


def _shown(value: Hashable) -> str:
    return ".".join(str(part) for part in value) if isinstance(value, tuple) else str(value)

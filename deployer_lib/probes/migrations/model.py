"""What every migration tool's files come to: revisions in an order, heads, what is wrong with them, and what a database has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from deployer_lib.check import Code, Fix, Location

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from deployer_lib.catalogue import Severity

__all__ = ["History", "Kind", "Problem", "Query", "Revision", "State", "Tool", "compare", "lost", "problem"]

#: ``query(sql)`` returns the rows, None where the table is not there.
Query = Callable[[str], Sequence[Sequence[Any]] | None]

#: What is wrong: two heads; one that others follow on is not there; an id stands twice; a file that the tool can't load;
#: a file that the tool passes over; the set-up itself.
Kind = Literal["heads", "missing", "duplicate", "unread", "ignored", "setup"]


@dataclass(frozen=True, slots=True)
class Tool:
    """What people need to know of a migration tool."""

    name: str
    docs: str
    apply: tuple[str, ...]  # the command that applies what is pending
    create: str  # the command that makes a new migration
    impact: str  # of files that the tool can't use
    #: Applied ones that no file defines: the tool ends on any, or only those after the head tell of a newer build.
    strict: bool = True


@dataclass(frozen=True, slots=True)
class Revision:
    """One migration."""

    id: str  # as the tool names it
    file: str  # relative to the project
    line: int = 0  # of what it follows on
    down: tuple[str, ...] = ()  # what it follows on; empty for a first one
    depends: tuple[str, ...] = ()
    id_line: int = 0
    app: str = ""
    labels: tuple[str, ...] = ()  # of a branch that is kept apart on purpose
    digests: tuple[str, ...] = ()  # of the file, each way that the tool accepts; empty where it keeps none
    replaces: tuple[str, ...] = ()  # ids that it stands for
    repeats: bool = False  # applied again whenever it changes
    stamp: str = ""  # by which the tool's table knows it, where that is not its id


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with the files."""

    kind: Kind
    subject: str
    message: str
    cause: str
    fix: Fix
    locations: tuple[Location, ...]
    ids: tuple[str, ...] = ()
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class History:
    """All migrations of one tool in one place."""

    tool: Tool
    folder: str  # relative to the project
    revisions: tuple[Revision, ...] = ()  # in the order in which they are applied, as far as there is one
    heads: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    unclear: tuple[tuple[str, str, int], ...] = ()  # (file, why, line) of what reading alone can't tell
    app: str = ""
    table: str = ""  # where a database keeps what was applied, if not where the tool usually does
    applied_at: Location | None = None  # where the application itself applies what is pending

    @property
    def by_id(self) -> dict[str, Revision]:
        """Return the revisions by id."""
        return {revision.id: revision for revision in self.revisions}

    @property
    def told(self) -> tuple[Revision, ...]:
        """Return the revisions of which a database must have each; others are applied again, or not everywhere."""
        return tuple(revision for revision in self.revisions if not revision.repeats)

    @property
    def missing(self) -> tuple[str, ...]:
        """Return the ids that others follow on, and that no file defines."""
        return tuple(dict.fromkeys(i for each in self.problems if each.kind == "missing" for i in each.ids))

    @property
    def unread(self) -> tuple[str, ...]:
        """Return the files that the tool can't load."""
        return tuple(each.locations[0].file for each in self.problems if each.kind == "unread")

    def ancestors(self, ids: Iterable[str]) -> set[str]:
        """Return these revisions and all that come before them."""
        known, seen, stack = self.by_id, set[str](), list(ids)
        while stack:
            here = stack.pop()
            if here not in seen and here in known:
                seen.add(here)
                stack += [*known[here].down, *known[here].depends]
        return seen


@dataclass(frozen=True, slots=True)
class State:
    """What a database has of a history."""

    named: tuple[str, ...]  # the last that its table names, or where it says that it stands
    pending: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()  # applied, and no file of this build defines them
    left_over: tuple[str, ...] = ()  # the same, older than the head, which this tool does not mind
    edited: tuple[str, ...] = ()  # changed after they were applied
    failed: tuple[str, ...] = ()  # begun, and not ended well
    #: Pending, and older than applied ones, which this tool does not apply.
    passed_over: tuple[str, ...] = ()
    looked_at: Mapping[str, int] = field(default_factory=dict)  # counts, for the evidence


_NAMED: Final = 3


def compare(
    history: History,
    applied: Mapping[str, str],
    *,
    failed: Iterable[str] = (),
    in_order: bool = False,
    reached: str = "",
    rank: Callable[[str], Any] = str,
) -> State:
    """Compare a history with the rows of a table that names every applied migration.

    Args:
        history: the files.
        applied: id -> digest that the tool kept, empty where it keeps none.
        failed: ids of rows that say so.
        in_order: whether the tool refuses, or passes over, a pending one that is older than an applied one.
        reached: id up to which all count as applied, whatever is named.
        rank: by which ids are older and newer.
    """
    known = history.by_id
    order = [each.id for each in history.revisions]
    below = set(order[: order.index(reached) + 1]) if reached in known else set[str]()
    stands_for = {old: each.id for each in history.revisions for old in each.replaces}
    ended = {key for key in applied if key not in set(failed)}

    def done(revision: Revision) -> bool:
        return (
            revision.id in ended
            or revision.id in below
            or (bool(revision.replaces) and all(old in ended for old in revision.replaces))
            or stands_for.get(revision.id) in ended
        )

    pending = [each.id for each in history.revisions if not each.repeats and not done(each)]
    last = max((order.index(key) for key in ended if key in known and not known[key].repeats), default=-1)
    strangers = sorted((key for key in applied if key not in known and key not in stands_for), key=rank)
    newest = max((rank(key) for key in order if not known[key].repeats), default=None)
    unknown = [key for key in strangers if history.tool.strict or newest is None or rank(key) > newest]
    return State(
        named=tuple(sorted(applied, key=rank))[-_NAMED:],
        pending=tuple(pending),
        unknown=tuple(unknown),
        left_over=tuple(key for key in strangers if key not in unknown),
        edited=tuple(
            each.id
            for each in history.revisions
            if each.digests and applied.get(each.id) and applied[each.id] not in each.digests
        ),
        failed=tuple(sorted(failed)),
        passed_over=tuple(key for key in pending if order.index(key) < last) if in_order else (),
        looked_at={"applied": len(applied), "files": len(order)},
    )


def problem(
    kind: Kind,
    message: str,
    *,
    cause: str,
    steps: Sequence[str],
    code: Code,
    at: Sequence[Location],
    docs: str,
    subject: str = "",
    ids: tuple[str, ...] = (),
    minutes: int = 15,
    severity: Severity | None = None,
) -> Problem:
    """Return a problem; its subject is its first id, else its first file."""
    fix = Fix(tuple(steps), (code,), docs, minutes)
    return Problem(
        kind, subject or (ids[0] if ids else at[0].file), message, cause, fix, tuple(at), ids, severity
    )


def lost(
    kind: Kind,
    message: str,
    *,
    wanted: str,
    cause: str,
    at: Location,
    docs: str,
    otherwise: str = "remove both",
    subject: str = "",
    ids: tuple[str, ...] = (),
) -> Problem:
    """Return the problem of a file that others count on, and that lies, if anywhere, in version control."""
    return problem(
        kind,
        message,
        subject=subject,
        ids=ids,
        cause=cause,
        steps=(f"Bring the file back from version control, or {otherwise}.",),
        code=Code("terminal", f"git log --all --oneline -- '{wanted}'", language="shell"),
        at=(at,),
        docs=docs,
    )

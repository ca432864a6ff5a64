"""golang-migrate, goose and dbmate: numbered SQL files, told apart by their names and the marks inside."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Code, Location
from deployer_lib.probes.migrations.model import Query, State, Tool, compare, lost, problem
from deployer_lib.probes.migrations.numbered import Numbered, doubled, in_a_row, later
from deployer_lib.probes.migrations.tree import inside, within

if TYPE_CHECKING:
    from deployer_lib.probes.migrations.model import History, Problem
    from deployer_lib.probes.migrations.tree import Tree

__all__ = ["DBMATE", "GOLANG_MIGRATE", "GOOSE", "dbmate_state", "find", "golang_migrate_state", "goose_state"]

GOLANG_MIGRATE: Final = Tool(
    "golang-migrate",
    "https://github.com/golang-migrate/migrate/blob/master/MIGRATIONS.md",
    ("migrate", "-path", "migrations", "-database", "$DATABASE_URL", "up"),
    "migrate create -ext sql -dir migrations -seq what_changed",
    "migrate up ends with an error, and so does the deployment.",
    strict=False,
)
GOOSE: Final = Tool(
    "goose",
    "https://pressly.github.io/goose/",
    ("goose", "up"),
    "goose create what_changed sql",
    "goose up ends with an error, and so does the deployment.",
    strict=False,
)
DBMATE: Final = Tool(
    "dbmate",
    "https://github.com/amacneil/dbmate#usage",
    ("dbmate", "up"),
    "dbmate new what_changed",
    "dbmate up ends with an error, and so does the deployment.",
    strict=False,
)
_PAIRED: Final = re.compile(r"^(\d+)_(.*)\.(up|down)\.(\w+)$")
_NUMBERED: Final = re.compile(r"^(\d+)_.*\.(sql|go)$")
_GOOSE: Final = re.compile(r"^--\s*\+goose\s+up\b", re.MULTILINE | re.IGNORECASE)
_DBMATE: Final = re.compile(r"^--\s*migrate:up\b", re.MULTILINE)
_GO_CODE: Final = re.compile(r"\bgoose\.Add(?:Named)?Migration")


def find(tree: Tree) -> list[History]:
    """Return the history of each folder that holds such files."""
    rust = {file.rpartition("/")[0] for file in tree.named("Cargo.toml")}
    found = []
    for folder, names in sorted(tree.folders.items()):
        if sum(name.endswith((".sql", ".go")) for name in names) == 0:
            continue
        history = _paired(tree, folder) if not any(within(folder, home) for home in rust) else None
        history = history or _marked(tree, folder, GOOSE, _GOOSE) or _marked(tree, folder, DBMATE, _DBMATE)
        found += [history] if history else []
    return found


def _paired(tree: Tree, folder: str) -> History | None:
    ups: list[Numbered] = []
    downs: dict[tuple[int, str], str] = {}
    for name in tree.names(folder):
        match = _PAIRED.match(name)
        if match is None:
            continue
        version = int(match[1])
        if match[3] == "up":
            ups.append(Numbered(str(version), inside(folder, name), version))
        else:
            downs[version, match[2]] = inside(folder, name)
    if not ups:
        return None
    ups.sort(key=lambda each: (int(each.id), each.file))
    known = {int(each.id) for each in ups}
    problems = [_down_alone(file, version) for (version, _), file in downs.items() if version not in known]
    problems += doubled(
        GOLANG_MIGRATE,
        ups,
        what="version",
        cause="migrate ends with duplicate migration file.",
        mend=later(ups),
    )
    return in_a_row(GOLANG_MIGRATE, folder, ups, problems)


def _down_alone(file: str, version: int) -> Problem:
    up = file.replace(".down.", ".up.")
    return lost(
        "missing",
        f"{file} undoes version {version}, which is not there: {up} is missing.",
        subject=up,
        ids=(str(version),),
        cause="The .up file was not committed, or was removed; migrate takes the version for one that changes nothing.",
        wanted=up,
        at=Location(file, 1),
        docs=GOLANG_MIGRATE.docs,
    )


def _marked(tree: Tree, folder: str, tool: Tool, mark: re.Pattern[str]) -> History | None:
    migrations: list[Numbered] = []
    unmarked: list[str] = []
    marked = False
    for name in tree.names(folder):
        match = _NUMBERED.match(name)
        if match is None:
            continue
        file = inside(folder, name)
        text = tree.text(file)
        if name.endswith(".go"):
            if tool is not GOOSE or not _GO_CODE.search(text or ""):
                continue
        elif text is not None and mark.search(text):
            marked = True
        elif text is not None:
            unmarked.append(file)
            continue
        migrations.append(Numbered(str(int(match[1])), file, int(match[1])))
    if not marked:
        return None
    migrations.sort(key=lambda each: (int(each.id), each.file))
    problems = [_unmarked(file, tool) for file in unmarked]
    problems += doubled(
        tool,
        migrations,
        what="version",
        cause=f"{tool.name} ends, or applies one of them alone.",
        mend=later(migrations),
    )
    return in_a_row(tool, folder, migrations, problems)


def _unmarked(file: str, tool: Tool) -> Problem:
    mark = "-- +goose Up" if tool is GOOSE else "-- migrate:up"
    return problem(
        "unread",
        f"{file} has no line {mark}.",
        cause=f"{tool.name} needs the mark before the statements that go up, and ends at a file without it.",
        steps=("Put the mark before the statements, and the one for the way back before theirs.",),
        code=Code(file, f"{mark}", 1, "sql"),
        at=(Location(file, 1),),
        docs=tool.docs,
        minutes=5,
    )


# -- databases -------------------------------------------------------------------------------------------------------


def golang_migrate_state(history: History, query: Query) -> State:
    """Ask at which version a database stands, and whether it came there well."""
    rows = query("SELECT version, dirty FROM schema_migrations") or ()
    at, dirty = (int(rows[0][0]), bool(rows[0][1])) if rows else (-1, False)
    applied = {each.id: "" for each in history.revisions if int(each.id) <= at}
    if at >= 0:
        applied.setdefault(str(at), "")
    stranger = at >= 0 and str(at) not in history.by_id
    found = compare(history, applied, failed=[str(at)] if dirty else ())
    newest = max((int(each.id) for each in history.revisions), default=-1)
    return State(
        (str(at),) if at >= 0 else (),
        found.pending,
        (str(at),) if stranger and at > newest else (),
        (str(at),) if stranger and at <= newest else (),
        failed=found.failed,
        looked_at=found.looked_at,
    )


def goose_state(history: History, query: Query) -> State:
    """Ask which versions a database has; the last row of a version counts."""
    rows = query("SELECT version_id, is_applied FROM goose_db_version ORDER BY id") or ()
    now = {str(row[0]): bool(row[1]) for row in rows if int(row[0]) > 0}
    return _by_number(history, [key for key, is_applied in now.items() if is_applied])


def dbmate_state(history: History, query: Query) -> State:
    """Ask which versions a database has."""
    rows = query("SELECT version FROM schema_migrations") or ()
    return _by_number(history, [str(int(row[0])) for row in rows if str(row[0]).isdigit()])


def _by_number(history: History, names: list[str]) -> State:
    in_order = history.tool is GOOSE  # ends with missing (out-of-order) migrations
    return compare(history, dict.fromkeys(names, ""), in_order=in_order, rank=int)

"""Alembic's revision files, read without running them: which follow on which, and where the chain is broken."""

from __future__ import annotations

import configparser
import re
import tomllib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from deployer_lib.check import Code, Location
from deployer_lib.probes.migrations.model import History, Kind, Problem, Query, Revision, State, Tool, problem
from deployer_lib.probes.migrations.python_files import Assigned, assigned, parsed, texts_of
from deployer_lib.probes.migrations.tree import inside, parent_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployer_lib.probes.migrations.tree import Tree

__all__ = ["TOOL", "find", "state"]

TOOL: Final = Tool(
    "alembic",
    "https://alembic.sqlalchemy.org/en/latest/tutorial.html",
    ("alembic", "upgrade", "head"),
    'alembic revision --autogenerate -m "what changed"',
    "Alembic can't build the chain of revisions, and the deployment stops at its migrate step.",
)
_BRANCHES: Final = "https://alembic.sqlalchemy.org/en/latest/branches.html"
_HERE: Final = re.compile(r"%\(here\)s|%\(here\)|\{here\}")
_SPLIT: Final = re.compile(r"[,;:\s]+")
#: A revision that this build does not write by hand may be named by its beginning in depends_on.
_PARTIAL: Final = 4


@dataclass(frozen=True, slots=True)
class _Scripts:
    """One script folder, and what its configuration says of it."""

    folder: str
    versions: tuple[str, ...]
    configured: bool  # by a file, so that what it leaves unsaid is as Alembic has it
    recursive: bool


def find(tree: Tree) -> list[History]:
    """Return the history of each script folder: as configured, else by what lies in it (env.py beside versions/)."""
    found: dict[str, _Scripts] = {}
    for file in tree.named("alembic.ini", "pyproject.toml"):
        scripts = _configured(tree, file)
        if scripts is not None:
            found.setdefault(scripts.folder, scripts)
    for file in tree.named("env.py"):
        folder = parent_of(file)
        is_alembic = "alembic" in (tree.text(file) or "")
        if is_alembic and folder not in found and tree.is_folder(inside(folder, "versions")):
            found[folder] = _Scripts(folder, (inside(folder, "versions"),), configured=False, recursive=True)
    return [history for scripts in found.values() for history in _histories(tree, scripts)]


def state(history: History, query: Query) -> State:
    """Ask at which revisions a database stands."""
    rows = query("SELECT version_num FROM alembic_version")
    named = sorted(str(row[0]) for row in rows or ())
    known = history.by_id
    done = history.ancestors(named)
    return State(
        named=tuple(named),
        pending=tuple(each.id for each in history.revisions if each.id not in done),
        unknown=tuple(each for each in named if each not in known),
        looked_at={"applied": len(done), "files": len(known)},
    )


# -- where they lie --------------------------------------------------------------------------------------------------


def _configured(tree: Tree, file: str) -> _Scripts | None:
    here, text = parent_of(file), tree.text(file)
    said = _said(file, text) if text is not None and "script_location" in text else {}
    location = said.get("script_location", "")
    folder = _placed(tree, here, location) if isinstance(location, str) and location else None
    if folder is None:
        return None
    given = said.get("version_locations", "")
    words = given if isinstance(given, list) else _SPLIT.split(_unhere(str(given)))
    places = [_placed(tree, here, str(word)) for word in words if word]
    versions = tuple(place for place in places if place is not None) or (inside(folder, "versions"),)
    recursive = str(said.get("recursive_version_locations", "")).strip().lower() in {"true", "yes", "1", "on"}
    return _Scripts(folder, versions, configured=True, recursive=recursive)


def _said(file: str, text: str) -> dict[str, Any]:
    try:
        if file.endswith(".ini"):
            parser = configparser.RawConfigParser(strict=False)
            parser.read_string(text)
            return dict(parser["alembic"]) if parser.has_section("alembic") else {}
        table: object = tomllib.loads(text).get("tool", {}).get("alembic", {})
    except (configparser.Error, tomllib.TOMLDecodeError, AttributeError):
        return {}
    return table if isinstance(table, dict) else {}


def _unhere(location: str) -> str:
    return _HERE.sub(".", location)


def _placed(tree: Tree, here: str, location: str) -> str | None:
    if ":" in location and not _HERE.search(location):  # package:folder
        package, _, rest = location.partition(":")
        tail = f"{package.replace('.', '/')}/{rest}"
        places = [inside(here, f"src/{tail}"), inside(here, tail)]
    else:
        places = [inside(here, _unhere(location))]
    return next((place for place in places if tree.is_folder(place)), None)


# -- what they say ---------------------------------------------------------------------------------------------------


def _histories(tree: Tree, scripts: _Scripts) -> Iterator[History]:
    """Yield a script folder's history; several where env.py chooses a subfolder of its own for each kind of database."""
    whole = _history(tree, scripts)
    places = [
        inside(versions, name) for versions in scripts.versions for name in tree.below.get(versions, ())
    ]
    direct = any(parent_of(each.file) in scripts.versions for each in whole.revisions)
    if direct or len(places) == 0 or (scripts.recursive and scripts.configured):
        yield whole
        return
    parts = [
        _history(tree, replace(scripts, folder=place, versions=(place,), recursive=True)) for place in places
    ]
    parts = [part for part in parts if part.revisions]
    if parts and all(not part.missing for part in parts):
        yield from parts
    else:
        yield _history(tree, replace(scripts, recursive=True))


def _history(tree: Tree, scripts: _Scripts) -> History:
    revisions: list[Revision] = []
    problems: list[Problem] = []
    unclear: list[tuple[str, str, int]] = []
    below: list[Revision] = []
    for file in (file for place in scripts.versions for file in tree.files(place)):
        name = file.rpartition("/")[2]
        if not name.endswith(".py") or name == "__init__.py" or name.startswith(".#"):
            continue
        own = scripts.recursive or parent_of(file) in scripts.versions
        body = parsed(tree, file)
        revision, why = _revision(assigned(body.tree), file)
        if body.why and not body.certain:
            unclear.append((file, body.why, 0))
        elif revision is None:
            problems += [_unread(file, body.why or why, body.line)] if own else []
        elif own:
            revisions.append(revision)
            unclear += [(file, why, revision.line)] if why else []
        else:
            below.append(revision)
    history = History(TOOL, scripts.folder, tuple(revisions))
    followed = {down for each in revisions for down in each.down}
    heads = [each for each in history.by_id.values() if each.id not in followed]
    if not unclear:
        problems += [*_chain(history, heads), *_passed_over(history, below)]
    return replace(
        history,
        heads=tuple(each.id for each in heads),
        problems=tuple(problems),
        unclear=tuple(unclear),
    )


def _revision(values: dict[str, Assigned], file: str) -> tuple[Revision | None, str]:
    own = values.get("revision")
    ids = texts_of(own.value) if own else None
    if own is None or not ids:
        return None, "it names no revision"
    down = values.get("down_revision", own)
    follows = texts_of(down.value) if down is not own else ()
    depends = values.get("depends_on")
    labels = values.get("branch_labels")
    revision = Revision(
        ids[0],
        file,
        down.line,
        follows or (),
        (texts_of(depends.value) or ()) if depends else (),
        own.line,
        labels=(texts_of(labels.value) or ()) if labels else (),
    )
    return revision, "" if follows is not None else "its down_revision is computed"


def _chain(history: History, heads: list[Revision]) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    known = history.by_id
    labels = {label for each in history.revisions for label in each.labels}
    for each in history.revisions:
        if each.id in seen:
            yield _fault(
                "duplicate",
                f"Revision {each.id} stands twice: {seen[each.id]} and {each.file}.",
                each.file,
                each.id_line,
                "A revision file was copied, and its id was not changed.",
                f"{each.id} twice",
                'revision = "<a new id>"',
            )
        seen[each.id] = each.file
        for down in (*each.down, *each.depends):
            partly = down in each.depends and (
                down in labels or any(key.startswith(down) for key in known if len(down) >= _PARTIAL)
            )
            if down not in known and not partly:
                yield _fault(
                    "missing",
                    f"Revision {each.id} follows on {down}, which no file defines.",
                    each.file,
                    each.line,
                    f"The file of revision {down} was not committed, or was removed.",
                    f"{each.id} → {down}",
                    f'down_revision = "{_before(history, each.id)}"',
                    (down,),
                )
    reached = history.ancestors(each.id for each in heads)
    first = next((each for each in history.revisions if each.id not in reached), None)
    if first is not None:
        yield _fault(
            "setup",
            f"Revision {first.id} lies on a circle: it follows, over others or by itself, on itself.",
            first.file,
            first.line,
            "A down_revision names a later revision.",
            "circle",
            "down_revision = None",
        )
    if len(heads) > 1 and not _kept_apart(history, heads):
        yield _two_heads(heads)


def _kept_apart(history: History, heads: list[Revision]) -> bool:
    """Tell whether every head belongs to a labelled branch of its own, as databases with several owners have them."""
    branches = [
        {label for key in history.ancestors([head.id]) for label in history.by_id[key].labels}
        for head in heads
    ]
    return all(branches) and all(
        not one & other for at, one in enumerate(branches) for other in branches[at + 1 :]
    )


def _passed_over(history: History, below: list[Revision]) -> Iterator[Problem]:
    """Find revisions in subfolders that follow on known ones, where the configuration does not look into subfolders."""
    known = {each.id for each in history.revisions}
    for each in below:
        if known & set(each.down) and each.id not in known:
            yield _fault(
                "ignored",
                f"Alembic passes over revision {each.id}: {each.file} lies in a subfolder.",
                each.file,
                each.id_line,
                "recursive_version_locations is not set, so that only the files of the folder itself are read.",
                each.file,
                "recursive_version_locations = true",
            )


def _two_heads(heads: list[Revision]) -> Problem:
    ids = tuple(head.id for head in heads)
    last = heads[-1]
    return problem(
        "heads",
        f"There are {len(heads)} heads: {', '.join(ids)}.",
        subject="heads",
        ids=ids,
        cause=f"{last.file}:{last.line} and {heads[0].file} were made on two branches, and none follows on both.",
        steps=(
            "Merge the heads by a revision that follows on all of them, and commit it.",
            f'Or, where nobody has applied {last.id}, let it follow on {ids[0]}: down_revision = "{ids[0]}".',
        ),
        code=Code("terminal", f'alembic merge -m "merge heads" {" ".join(ids)}', language="shell"),
        at=[Location(head.file, head.line) for head in heads],
        docs=_BRANCHES,
    )


def _unread(file: str, why: str, line: int) -> Problem:
    return _fault(
        "unread",
        f"{file} is no revision file: {why}.",
        file,
        line,
        f"{file}: {why}.",
        file,
        'revision = "<id>"\ndown_revision = "<the one before it>"',
    )


def _fault(
    kind: Kind,
    message: str,
    file: str,
    line: int,
    cause: str,
    subject: str,
    code: str,
    ids: tuple[str, ...] = (),
) -> Problem:
    target = (
        Code("alembic.ini", code, language="ini") if kind == "ignored" else Code(file, code, line, "python")
    )
    return problem(
        kind,
        message,
        cause=cause,
        steps=(
            "Bring the missing file back from version control, or correct the line.",
            "Then see whether alembic history runs.",
        ),
        code=target,
        at=(Location(file, line),),
        docs=TOOL.docs,
        subject=subject,
        ids=ids,
    )


def _before(history: History, revision: str) -> str:
    others = [each.id for each in history.revisions if each.id != revision and revision not in each.down]
    return others[-1] if others else "<id>"

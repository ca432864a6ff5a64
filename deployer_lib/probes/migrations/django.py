"""Django's migrations, app by app, read without running them (``django.db.migrations.loader`` and ``graph``)."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Code, Location
from deployer_lib.probes.migrations.model import (
    History,
    Problem,
    Query,
    Revision,
    State,
    Tool,
    compare,
    problem,
)
from deployer_lib.probes.migrations.python_files import Assigned, assigned, parsed, texts_of
from deployer_lib.probes.migrations.tree import inside, parent_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from deployer_lib.probes.migrations.tree import Tree

__all__ = ["TOOL", "find", "state"]

TOOL: Final = Tool(
    "django",
    "https://docs.djangoproject.com/en/stable/topics/migrations/",
    ("python", "manage.py", "migrate"),
    "python manage.py makemigrations",
    "Django can't build the graph of migrations; manage.py migrate ends with an error, and so does the deployment.",
    strict=False,  # Django leaves rows of removed migrations in its table for good
)
#: Apps that a project often has a namesake of; what is said of them is said of Django's own.
_CONTRIB: Final = frozenset(
    {"admin", "auth", "contenttypes", "flatpages", "gis", "postgres", "redirects", "sessions", "sites"}
)
_Key = tuple[str, str]  # (app's label, name)


@dataclass(frozen=True, slots=True)
class _Migration:
    """One file."""

    name: str
    file: str
    line: int  # of its dependencies
    dependencies: tuple[tuple[_Key, int], ...]  # with their lines
    replaces: tuple[_Key, ...]
    run_before: tuple[_Key, ...]
    computed: bool  # whether some of it can't be told without running it


@dataclass(slots=True)
class _App:
    """One app's folder of migrations."""

    label: str
    folder: str
    project: str  # folder of its manage.py
    migrations: list[_Migration] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unclear: list[tuple[str, str, int]] = field(default_factory=list)


def find(tree: Tree) -> list[History]:
    """Return the history of each app that has migrations of its own."""
    apps = [app for folder in sorted(tree.folders) if (app := _app(tree, folder)) is not None]
    by_project: dict[str, list[_App]] = defaultdict(list)
    for app in apps:
        by_project[app.project].append(app)
    return [history for group in by_project.values() for history in _Graph(group).histories()]


def state(history: History, query: Query) -> State:
    """Ask which of an app's migrations a database has."""
    rows = query("SELECT app, name FROM django_migrations") or ()
    return compare(history, {f"{app}.{name}": "" for app, name in rows if app == history.app})


# -- files -----------------------------------------------------------------------------------------------------------


def _app(tree: Tree, folder: str) -> _App | None:
    if folder.rpartition("/")[2] != "migrations":
        return None
    app = _App("", folder, _project_of(tree, folder))
    broken: list[Problem] = []
    for name in tree.names(folder):
        if not name.endswith(".py") or name[0] in "_~":
            continue
        file = inside(folder, name)
        body = parsed(tree, file)
        if body.why:
            if body.certain:
                broken.append(_unread(file, body.why, body.line))
            else:
                app.unclear.append((file, body.why, 0))
            continue
        migration = _migration(body.tree, file, name.removesuffix(".py"))
        if migration is not None:
            app.migrations.append(migration)
        elif _names_migration(body.tree):
            app.unclear.append((file, "its class Migration comes from elsewhere", 1))
        else:
            broken.append(_unread(file, "it has no class Migration", 1))
    own = any("django.db" in (tree.text(file) or "") for file in _unparsed(app, broken))
    if not app.migrations and not own:
        return None  # some other tool's folder
    app.label = _label(tree, app)
    app.problems = broken
    if app.migrations and "__init__.py" not in tree.names(folder):
        app.problems.append(_no_package(app))
    app.unclear += [
        (each.file, "its dependencies are computed", each.line) for each in app.migrations if each.computed
    ]
    return app


def _unparsed(app: _App, broken: Sequence[Problem]) -> list[str]:
    return [each.locations[0].file for each in broken] + [file for file, _, _ in app.unclear]


def _project_of(tree: Tree, folder: str) -> str:
    here = folder
    while here:
        here = parent_of(here)
        if tree.has(inside(here, "manage.py")):
            return here
    return ""


def _migration(tree: ast.Module, file: str, name: str) -> _Migration | None:
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == "Migration" and _is_migration(node):
            values = assigned(node)
            given = values.get("dependencies")
            dependencies = [] if given is None else list(_keys(given.value))
            parts = [values[key] for key in ("dependencies", "replaces", "run_before") if key in values]
            return _Migration(
                name,
                file,
                given.line if given else node.lineno,
                tuple(dependencies),
                _plain(values.get("replaces")),
                _plain(values.get("run_before")),
                any(_is_computed(part.value) for part in parts),
            )
    return None


def _is_migration(node: ast.ClassDef) -> bool:
    return any(_last(base).endswith("Migration") for base in node.bases)


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _names_migration(tree: ast.Module) -> bool:
    """Tell whether a module has the name Migration otherwise: imported, assigned, or a class of an unusual base."""
    return "Migration" in assigned(tree) or any(
        (isinstance(node, ast.ClassDef) and node.name == "Migration")
        or (
            isinstance(node, ast.ImportFrom)
            and any((a.asname or a.name) in {"Migration", "*"} for a in node.names)
        )
        for node in tree.body
    )


def _plain(given: Assigned | None) -> tuple[_Key, ...]:
    return tuple(key for key, _ in _keys(given.value)) if given else ()


def _keys(node: ast.expr) -> Iterator[tuple[_Key, int]]:
    """Yield every pair of texts in an expression, however it is put together."""
    for each in ast.walk(node):
        if isinstance(each, ast.Tuple | ast.List) and len(each.elts) == 2:  # noqa: PLR2004  (a pair)
            words = texts_of(each)
            if words is not None and len(words) == 2:  # noqa: PLR2004
                yield (words[0], words[1]), each.lineno


def _is_computed(node: ast.expr) -> bool:
    """Tell whether a list holds more than pairs of texts and swappable dependencies, which always lead to another app."""
    if not isinstance(node, ast.List | ast.Tuple):
        return True
    return any(
        not (isinstance(item, ast.Tuple | ast.List) and texts_of(item) is not None)
        and not (isinstance(item, ast.Call) and "swappable_dependency" in ast.dump(item.func))
        for item in node.elts
    )


def _label(tree: Tree, app: _App) -> str:
    """Return the app's label: as its AppConfig says, else as its own migrations name it, else its folder's name."""
    home = parent_of(app.folder)
    for name in ("apps.py", "apps/__init__.py", "__init__.py", "config.py", "app.py"):
        file = inside(home, name)
        if tree.has(file) and (label := _declared_label(parsed(tree, file).tree)):
            return label
    names = {each.name for each in app.migrations}
    votes = Counter(
        key[0] for each in app.migrations for key, _ in each.dependencies if key[1] in names - {each.name}
    )
    usual = home.rpartition("/")[2]
    return usual if usual in votes or not votes else votes.most_common(1)[0][0]


def _declared_label(tree: ast.Module) -> str:
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and any("AppConfig" in ast.dump(base) for base in node.bases):
            label = assigned(node).get("label")
            words = texts_of(label.value) if label else None
            if words:
                return words[0]
    return ""


# -- the graph -------------------------------------------------------------------------------------------------------


class _Graph:
    """The migrations of one project, with squashed ones in the place of what they replace."""

    def __init__(self, apps: Sequence[_App]) -> None:
        self.apps = apps
        self.names: dict[str, set[str]] = defaultdict(set)
        self.aliases: dict[_Key, _Key] = {}
        for app in apps:
            for each in app.migrations:
                self.names[app.label].add(each.name)
                self.aliases |= dict.fromkeys(each.replaces, (app.label, each.name))
        self.parents: dict[_Key, set[_Key]] = defaultdict(set)
        for app in apps:
            for each in app.migrations:
                here = self.resolved((app.label, each.name))
                for key, _ in each.dependencies:
                    self.parents[here].add(self.resolved(self.meant(app, key)))
                for key in each.run_before:
                    self.parents[self.resolved(key)].add(here)

    def resolved(self, key: _Key) -> _Key:
        """Return what a migration is replaced by, over several squashings, else itself."""
        seen = {key}
        while key in self.aliases and self.aliases[key] not in seen:
            key = self.aliases[key]
            seen.add(key)
        return key

    def meant(self, app: _App, key: _Key) -> _Key:
        """Return the migration that ``__first__`` and the like mean, where that is an own app's."""
        if key[1] in {"__first__", "__latest__"} and key[0] != app.label and key[0] in self.names:
            names = sorted(self.names[key[0]])
            return key[0], names[0] if key[1] == "__first__" else names[-1]
        return key

    def histories(self) -> Iterator[History]:
        for app in self.apps:
            unclear = bool(app.unclear)
            heads = [] if unclear else self._heads(app)
            problems = [*app.problems, *self._missing(app)]
            if len(heads) > 1:
                problems.append(_conflict(app, heads))
            if not unclear and (circle := self._circle(app)):
                problems.append(_circular(app, circle))
            yield History(
                TOOL,
                app.folder,
                tuple(self._revisions(app)),
                tuple(f"{app.label}.{each.name}" for each in heads),
                tuple(problems),
                tuple(app.unclear),
                app=app.label,
            )

    def _live(self, app: _App) -> list[_Migration]:
        return [each for each in app.migrations if (app.label, each.name) not in self.aliases]

    def _heads(self, app: _App) -> list[_Migration]:
        """Return those that no other migration of the same app follows on."""
        followed = {
            parent
            for child, parents in self.parents.items()
            for parent in parents
            if child[0] == app.label and parent != child
        }
        return [each for each in self._live(app) if (app.label, each.name) not in followed]

    def _circle(self, app: _App) -> list[_Migration]:
        """Return those that no order can be found for, as they depend, over others of the app, on themselves."""
        left = {(app.label, each.name): each for each in self._live(app)}
        while free := [key for key in left if not any(up in left and up != key for up in self.parents[key])]:
            for key in free:
                del left[key]
        return list(left.values())

    def _missing(self, app: _App) -> Iterator[Problem]:
        for each in app.migrations:
            for key, line in each.dependencies:
                label, name = key
                if (
                    label in self.names
                    and not name.startswith("__")
                    and name not in self.names[label]
                    and key not in self.aliases
                    and label not in _CONTRIB
                ):
                    yield _hole(app, each, key, line)

    def _revisions(self, app: _App) -> Iterator[Revision]:
        for each in sorted(self._live(app), key=lambda one: one.name):
            here = (app.label, each.name)
            down = sorted(".".join(key) for key in self.parents[here] if key[0] == app.label and key != here)
            yield Revision(
                f"{app.label}.{each.name}",
                each.file,
                each.line,
                tuple(down),
                id_line=each.line,
                app=app.label,
                replaces=tuple(".".join(key) for key in each.replaces),
            )


# -- what is said of them --------------------------------------------------------------------------------------------


def _conflict(app: _App, heads: Sequence[_Migration]) -> Problem:
    names = ", ".join(each.name for each in heads)
    last = heads[-1]
    return problem(
        "heads",
        f"Conflicting migrations: {app.label} has {len(heads)} leaf nodes ({names}).",
        subject=f"heads of {app.label}",
        ids=tuple(f"{app.label}.{each.name}" for each in heads),
        cause=f"{heads[0].file} and {last.file} were made on two branches, and none depends on both.",
        steps=(
            "Merge them by a migration that depends on all of them, read it, and commit it.",
            f'Or, where nobody has applied {last.name}, let it depend on ("{app.label}", "{heads[0].name}").',
        ),
        code=Code("terminal", f"python manage.py makemigrations --merge {app.label}", language="shell"),
        at=[Location(each.file, each.line) for each in heads],
        docs=f"{TOOL.docs}#version-control",
    )


def _circular(app: _App, circle: Sequence[_Migration]) -> Problem:
    first = circle[0]
    return problem(
        "setup",
        f"Migrations of {app.label} depend on each other in a circle: {', '.join(each.name for each in circle)}.",
        subject=f"circle of {app.label}",
        ids=tuple(f"{app.label}.{each.name}" for each in circle),
        cause="A dependency names a later migration (CircularDependencyError).",
        steps=(
            "Let each depend on the one before it.",
            "Then see whether python manage.py showmigrations runs.",
        ),
        code=Code(first.file, "    dependencies = []", first.line, "python"),
        at=[Location(each.file, each.line) for each in circle],
        docs=f"{TOOL.docs}#dependencies",
    )


def _hole(app: _App, each: _Migration, key: _Key, line: int) -> Problem:
    label, name = key
    return problem(
        "missing",
        f"{app.label}.{each.name} depends on {label}.{name}, which no file defines.",
        subject=f"{app.label}.{each.name} → {label}.{name}",
        ids=(f"{label}.{name}",),
        cause=f"The file {name}.py was not committed, was renamed, or was removed (NodeNotFoundError).",
        steps=(
            "Bring the file back from version control, or name the migration that takes its place.",
            "Then see whether python manage.py showmigrations runs.",
        ),
        code=Code("terminal", f"git log --all --oneline -- '**/{name}.py'", language="shell"),
        at=(Location(each.file, line),),
        docs=f"{TOOL.docs}#dependencies",
    )


def _unread(file: str, why: str, line: int) -> Problem:
    return problem(
        "unread",
        f"{file} is no migration: {why}.",
        cause=f"Django loads every module of the folder, and ends at this one: {why}.",
        steps=(
            "Correct the file, or move it out of the folder; a name that begins with _ is passed over.",
            "Then see whether python manage.py showmigrations runs.",
        ),
        code=Code(
            file,
            "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n    dependencies = []\n    operations = []",
            line,
            "python",
        ),
        at=(Location(file, line),),
        docs=TOOL.docs,
    )


def _no_package(app: _App) -> Problem:
    file = inside(app.folder, "__init__.py")
    return problem(
        "ignored",
        f"{app.folder} has no __init__.py, so that Django passes over its {len(app.migrations)} migration(s).",
        subject=app.folder,
        cause="A folder without __init__.py is a namespace package, which Django's loader takes for an app without migrations.",
        steps=("Add the empty file, and commit it.",),
        code=Code("terminal", f"touch {file} && git add {file}", language="shell"),
        at=(Location(app.migrations[0].file, 0),),
        docs=TOOL.docs,
        minutes=5,
    )

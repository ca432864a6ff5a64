"""Do Django's models want a migration that nobody made? Asked of ``makemigrations --dry-run`` in the clean install (B11)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.app.commands import run_command
from deployer_lib.check import Code, Fix, Location, Result, failed, passed
from deployer_lib.errors import ProcessError, UsageError
from deployer_lib.probes.migrations.tree import parent_of
from deployer_lib.probes.migrations.trial import surroundings_for, trial_copy
from deployer_lib.probes.packages.python.clean_environment import clean_environment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from deployer_lib.app.commands import Done
    from deployer_lib.probes.context import Context
    from deployer_lib.probes.migrations.model import History
    from deployer_lib.probes.migrations.tree import Tree

__all__ = ["django_models_match"]

_LIMIT_S: Final = 60.0
_WANTED: Final = re.compile(r"^Migrations for '([^']+)':", re.MULTILINE)
#: A new column that needs a default: the command ends with 3.
_NEEDS: Final = re.compile(r"^Field '(\w+)' on model '(\w+)' not migrated: .*$", re.MULTILINE)
_OPERATION: Final = re.compile(r"^\s+[+~-] (.+)$", re.MULTILINE)
#: Names under which settings may find a database other than the one variable that is replaced here.
_OTHER: Final = re.compile(r"(^|_)(DB|DATABASE|PG[A-Z]*|POSTGRES\w*|MYSQL\w*)(_|$)")


def django_models_match(
    ctx: Context, tree: Tree, histories: Sequence[History], variable: str
) -> list[Result]:
    """Run ``makemigrations --dry-run`` in a copy, on an empty SQLite file, for each manage.py of the histories.

    Nothing is claimed where the command can't be run so: no clean install, or settings that name a database otherwise.
    """
    others = [name for name in ctx.parameters.deploy.variables if name != variable and _OTHER.search(name)]
    copy = None if others else trial_copy(ctx)
    if copy is None:
        return []
    environment = clean_environment(ctx)
    if not environment.ok or "django" not in {name.lower() for name in environment.versions or {}}:
        return []
    homes = sorted({home for each in histories if (home := _home(tree, each.folder)) is not None})
    found = []
    for home in homes:
        own = [each for each in histories if _home(tree, each.folder) == home]
        done = _asked(ctx, environment.python, copy / home, variable)
        result = _judged(done, home, own) if done is not None else None
        found += [result] if result else []
    return found


def _home(tree: Tree, folder: str) -> str | None:
    here = folder
    while here:
        here = parent_of(here)
        if "manage.py" in tree.names(here):
            return here
    return None


def _asked(ctx: Context, python: Path, folder: Path, variable: str) -> Done | None:
    ctx.progress("manage.py makemigrations --dry-run …")
    url = f"sqlite:///{ctx.scratch / 'django-models.sqlite'}"
    try:
        return run_command(
            (str(python), "manage.py", "makemigrations", "--dry-run", "--no-input", "--no-color"),
            cwd=folder,
            env=surroundings_for(ctx, folder, variable, url),
            timeout_s=_LIMIT_S,
        )
    except (ProcessError, UsageError):
        return None


def _judged(done: Done, home: str, histories: Sequence[History]) -> Result | None:
    subject = f"models of {home}" if home else "models"
    if done.ok and "No changes detected" in done.output:
        return passed(
            "The migrations make the schema that the models expect.",
            subject=subject,
            output=done.output.strip().splitlines()[-1],
        )
    apps = _WANTED.findall(done.output)
    own = [each for each in histories if each.app in apps]
    needs = [match[0] for match in _NEEDS.finditer(done.output)]
    if needs and done.exit_code == 3:  # noqa: PLR2004  (as the command's questioner ends)
        own = list(histories)
    elif not done.ok or not own:
        return None
    operations = needs or [" ".join(text.split())[:160] for text in _OPERATION.findall(done.output)]
    told = ", ".join(apps) or ", ".join(each.app for each in own)
    heads = [each.by_id[each.heads[-1]] for each in own if each.heads]
    return failed(
        f"The models of {told} want {len(operations) or 'some'} change(s) that no migration makes: "
        f"{'; '.join(operations[:3]) or 'see the output'}.",
        subject=subject,
        root_cause="A model was changed, and makemigrations was not run, or its file was not committed.",
        impact="The schema in production is not the one that the code was written for: queries on the new columns fail.",
        fix=Fix(
            ("Make the migration, read it, and commit it.",),
            (Code("terminal", f"python manage.py makemigrations {told.replace(',', '')}", language="shell"),),
            "https://docs.djangoproject.com/en/stable/ref/django-admin/#makemigrations",
            15,
        ),
        locations=[Location(head.file, head.line) for head in heads],
        apps=[*apps],
        operations=[*operations[:20]],
        output=done.output[-2000:],
    )

"""Do the migrations make the schema that the models expect? Tried out on an empty scratch database (B11)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.app.commands import Done, run_command
from deployer_lib.check import Code, Fix, Location, Result, failed, passed
from deployer_lib.errors import ProcessError
from deployer_lib.probes.migrations.tree import inside
from deployer_lib.probes.migrations.trial import surroundings_for, trial_copy
from deployer_lib.probes.packages.python.clean_environment import clean_environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from deployer_lib.probes.context import Context
    from deployer_lib.probes.migrations.model import History
    from deployer_lib.probes.migrations.tree import Tree

__all__ = ["models_match"]

_LIMIT_S: Final = 60.0
_ADDRESS: Final = re.compile(
    r"^[^#;\n]*?\b(?:postgres(?:ql)?|mysql|mariadb|oracle|mssql|cockroachdb|redshift|snowflake|clickhouse)(?:\+\w+)?://",
    re.MULTILINE,
)
_FOUND: Final = re.compile(r"New upgrade operations detected: (.+)", re.DOTALL)
_OPERATION: Final = re.compile(r"\('(?P<kind>(?:add|remove|modify)_\w+)', (?P<what>[^)]{0,200})")


def models_match(ctx: Context, tree: Tree, history: History, variable: str) -> Result | None:
    """Apply every migration to an empty SQLite file and ask Alembic what the models want besides.

    Only for projects whose database here is SQLite: on another dialect the answer would differ for reasons of its own.
    None where Alembic can't be run in the clean environment, or where a file names a database by itself, which would be
    migrated in the place of the scratch one; nothing is claimed then.
    """
    if _names_a_database(tree, history, variable):
        return None
    environment = clean_environment(ctx)
    runs = environment.ok and "alembic" in {name.lower() for name in environment.versions or {}}
    copy = trial_copy(ctx) if runs else None
    if copy is None:
        return None
    database = ctx.scratch / "models.sqlite"
    env = surroundings_for(ctx, copy, variable, f"sqlite:///{database}")
    try:
        made = _run(ctx, environment.python, copy, env, "upgrade", "head")
        if made.ok and database.exists():
            return _judged(history, _run(ctx, environment.python, copy, env, "check"))
    except ProcessError:
        pass
    return None


def _run(ctx: Context, python: Path, folder: Path, env: Mapping[str, str], *words: str) -> Done:
    ctx.progress(f"alembic {' '.join(words)} on an empty scratch database …")
    return run_command((str(python), "-m", "alembic", *words), cwd=folder, env=env, timeout_s=_LIMIT_S)


def _names_a_database(tree: Tree, history: History, variable: str) -> bool:
    """Tell whether Alembic would go to a server that the configuration or env.py names, and not where the variable says."""
    script = inside(history.folder, "env.py")
    text = tree.text(script) or ""
    if variable in text:
        return False
    configured = () if "set_main_option" in text else tree.named("alembic.ini", "pyproject.toml")
    return any(_ADDRESS.search(tree.text(file) or "") for file in (script, *configured))


def _judged(history: History, done: Done) -> Result | None:
    if done.ok and "No new upgrade operations" in done.output:
        return passed(
            "The migrations make the schema that the models expect.",
            subject="models",
            output=done.output.strip().splitlines()[-1],
        )
    found = _FOUND.search(done.output)
    if found is None:
        return None
    operations = [f"{m['kind']}: {' '.join(m['what'].split())[:160]}" for m in _OPERATION.finditer(found[1])]
    kinds = sorted({operation.partition(":")[0] for operation in operations}) or ["a change"]
    return failed(
        f"The models want {len(operations) or 'some'} change(s) that no migration makes: {', '.join(kinds)}.",
        subject="models",
        root_cause="A model was changed, and no revision was made for it.",
        impact="The schema in production is not the one that the code was written for; queries fail or are slow there.",
        fix=Fix(
            ("Make a revision from the models, read it, and commit it.",),
            (
                Code(
                    f"{history.folder}/versions",
                    'alembic revision --autogenerate -m "what changed"',
                    language="shell",
                ),
            ),
            "https://alembic.sqlalchemy.org/en/latest/autogenerate.html",
            30,
        ),
        locations=(Location(history.by_id[history.heads[0]].file, 1),),
        operations=[*operations[:20]],
        output=done.output[-2000:],
    )

"""Do the migrations make the schema that the models expect? Tried out on an empty scratch database (B11)."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from deployer_lib.app.commands import Done, run_command
from deployer_lib.app.surroundings import base_environment, fill
from deployer_lib.check import Code, Fix, Location, Result, failed, passed
from deployer_lib.errors import ProcessError
from deployer_lib.probes.packages.python.clean_environment import clean_environment
from deployer_lib.secret import Secret

if TYPE_CHECKING:
    from pathlib import Path

    from deployer_lib.probes.context import Context
    from deployer_lib.probes.migrations.model import History

__all__ = ["models_match", "surroundings_for"]

_LIMIT_S: Final = 60.0
_FOUND: Final = re.compile(r"New upgrade operations detected: (.+)", re.DOTALL)
_OPERATION: Final = re.compile(r"\('(?P<kind>(?:add|remove|modify)_\w+)', (?P<what>[^)]{0,200})")


def models_match(ctx: Context, history: History, variable: str) -> Result | None:
    """Apply every migration to an empty SQLite file and ask Alembic what the models want besides.

    Only for projects whose database here is SQLite: on another dialect the answer would differ for reasons of its own.
    None where Alembic can't be run in the clean environment; nothing is claimed then.
    """
    environment = clean_environment(ctx)
    if not environment.ok or "alembic" not in {name.lower() for name in environment.versions or {}}:
        return None
    database = ctx.scratch / "models.sqlite"
    for words in (("upgrade", "head"), ("check",)):
        ctx.progress(f"alembic {' '.join(words)} on an empty scratch database …")
        try:
            done = run_command(
                (str(environment.python), "-m", "alembic", *words),
                cwd=ctx.workspace,
                env=surroundings_for(ctx, ctx.workspace, variable, f"sqlite:///{database}"),
                timeout_s=_LIMIT_S,
            )
        except ProcessError:
            return None
        if words == ("check",):
            return _judged(history, done)
        if not done.ok or not database.exists():
            return None
    return None


def surroundings_for(ctx: Context, project: Path, variable: str, url: str) -> dict[str, str]:
    """Return what a migration command sees: the declared variables, a scratch database in the place of the declared one."""
    places = {"state": str(ctx.scratch), "project": str(project), "host": "127.0.0.1", "port": "0"}
    declared = {
        name: value.reveal() if isinstance(value, Secret) else fill(value, places)
        for name, value in ctx.parameters.deploy.variables.items()
    }
    sources = os.pathsep.join(str(project / folder) for folder in ("src", "."))
    own = {"PYTHONPATH": sources, "PYTHONDONTWRITEBYTECODE": "1", variable: url}
    return {**base_environment(os.environ), **declared, **own}


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

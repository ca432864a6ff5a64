"""Where a project's own migration commands are tried: in a copy, with a scratch database in the place of the declared one."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Final

from deployer_lib.app.surroundings import base_environment, fill
from deployer_lib.secret import Secret

if TYPE_CHECKING:
    from pathlib import Path

    from deployer_lib.probes.context import Context

__all__ = ["surroundings_for", "trial_copy"]

#: ``.env`` too: it may name a database other than the scratch one.
_LEFT_OUT: Final = shutil.ignore_patterns(
    ".git", "node_modules", ".venv", "venv", "__pycache__", "*.sqlite3", ".env", ".env.*"
)
_MAX_BYTES: Final = 200_000_000


def trial_copy(ctx: Context) -> Path | None:
    """Return a copy of the project in which commands may write, made once a phase; None where it is too large or can't be read."""
    copy = ctx.scratch / "migrations-trial"
    if copy.exists():
        return copy
    try:
        files = (path for path in ctx.workspace.rglob("*") if path.is_file() and not path.is_symlink())
        if sum(path.stat().st_size for path in files) > _MAX_BYTES:
            return None
        shutil.copytree(ctx.workspace, copy, ignore=_LEFT_OUT, symlinks=True)
    except OSError:
        shutil.rmtree(copy, ignore_errors=True)  # half a copy would be judged in the place of the project
        return None
    return copy


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

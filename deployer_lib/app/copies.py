"""Diagnostic copies: the application once more, on a port and a database of its own, gone at the end of a block."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import psutil

from deployer_lib import platform
from deployer_lib.app.http import Http
from deployer_lib.app.recipe import HOST, Recipe, Releases
from deployer_lib.app.scratch import Scratch, scratch_database
from deployer_lib.app.starting import NotReady, allow_host, read_from, wait_ready
from deployer_lib.app.supervisor import Spec, Supervised, start
from deployer_lib.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from deployer_lib.app.http import Answer
    from deployer_lib.guard import Guard
    from deployer_lib.parameters.model import Ready

__all__ = ["Copy", "remove_leftovers", "start_copy"]

_STOP_S: Final = 5.0  # a copy is given no longer to end


@dataclass(slots=True)
class Copy:
    """A running diagnostic copy."""

    base_url: str
    pid: int
    supervised: Supervised
    log: Path
    scratch: Scratch | None
    http: Http
    guard: Guard
    ready: Ready
    accepts: Callable[[Answer], bool] | None = None

    def wait_ready(self, within_s: float) -> bool:
        """Wait until the ready path answers as declared; False when it did not in time, or the process ended."""
        try:
            wait_ready(
                self.supervised, self.http, self.guard, self.ready, within_s=within_s, accepts=self.accepts
            )
        except NotReady:
            return False
        return True

    def wait_exit(self, within_s: float) -> int | None:
        """Wait until the process ends and return its exit code (negative: signal), None when it still runs."""
        return self.supervised.wait_exit(within_s)

    def output(self) -> str:
        """Return what it printed so far, both streams."""
        return read_from(self.log, 0)

    def lose_database(self) -> None:
        """Take its scratch database away."""
        if self.scratch is None:
            raise Unavailable(
                "The copy has no database that can be taken away.", hint="Declare smoke.database."
            )
        self.scratch.lose()


@contextlib.contextmanager
def start_copy(
    recipe: Recipe,
    releases: Releases,
    guard: Guard,
    *,
    name: str,
    changes: Mapping[str, str | None],
    run: str,
    accepts: Callable[[Answer], bool] | None = None,
) -> Iterator[Copy]:
    """Start a copy with some variables changed; it ends with the block, or with this process.

    Raises:
        Unavailable: its port or its database can't be made its own.
        ProcessError: it could not be started.
    """
    deploy = recipe.parameters.deploy
    if not deploy.start:
        raise Unavailable("deploy.start is not declared, so no copy can be started.")
    if not recipe.names_port():
        raise Unavailable(
            "A copy needs a port of its own, and deploy.start and its variables name a fixed one.",
            hint="Write {port} in its place.",
        )
    with contextlib.ExitStack() as stack:
        folder = _folder(recipe.state, name, stack)
        values = recipe.values(releases, platform.free_port())
        variables = recipe.variables(values)
        scratch = _scratch_of(recipe, variables, changes, folder, stack)
        merged = {**variables, **_own_places(recipe, scratch, folder), **changes}
        log = folder / "output.log"
        supervised = start(
            Spec(
                name=f"copy {name}",
                argv=recipe.argv(deploy.start, values),
                shown=recipe.shown(deploy.start, values),
                cwd=recipe.project,
                env=recipe.process_environment({k: v for k, v in merged.items() if v is not None}),
                log=log,
                ledger=recipe.state / "supervisor" / f"{folder.name}.ledger.json",
                stop_timeout_s=min(deploy.stop_timeout_s, _STOP_S),
                leased=True,
            )
        )
        stack.callback(_end, supervised)
        base_url = f"{urlsplit(deploy.address or 'http:').scheme}://{HOST}:{values['port']}"
        stack.enter_context(allow_host(guard, base_url))
        http = Http(guard, base_url, run=run or "copy")
        stack.callback(http.close)
        process = supervised.ledger().process
        yield Copy(
            base_url,
            process.pid if process else 0,
            supervised,
            log,
            scratch,
            http,
            guard,
            deploy.ready,
            accepts,
        )


def remove_leftovers(state: Path) -> None:
    """Remove the folders of copies whose owner is gone."""
    for folder in (state / "copies").glob("copy-*"):
        pid = folder.name.split("-")[1]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def _folder(state: Path, name: str, stack: contextlib.ExitStack) -> Path:
    copies = state / "copies"
    copies.mkdir(mode=0o700, parents=True, exist_ok=True)
    label = re.sub(r"[^A-Za-z0-9_]+", "_", name)[:40]
    folder = Path(tempfile.mkdtemp(prefix=f"copy-{os.getpid()}-{label}-", dir=copies))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _scratch_of(
    recipe: Recipe,
    variables: Mapping[str, str],
    changes: Mapping[str, str | None],
    folder: Path,
    stack: contextlib.ExitStack,
) -> Scratch | None:
    database = recipe.parameters.smoke.database
    variable = database.variable if database else "DATABASE_URL"
    if variable in changes or not variables.get(variable):
        return None
    declared = recipe.text(database.scratch, {}) if database else ""
    return scratch_database(variables[variable], declared, cwd=recipe.project, folder=folder, stack=stack)


def _own_places(recipe: Recipe, scratch: Scratch | None, folder: Path) -> dict[str, str]:
    database, log_variable = recipe.parameters.smoke.database, recipe.parameters.bugs.log_files.variable
    places = {log_variable: str(folder / "copy.log")} if log_variable else {}
    if scratch is not None:
        places[database.variable if database else "DATABASE_URL"] = scratch.url
    return places


def _end(supervised: Supervised) -> None:
    supervised.stop()
    supervised.path.unlink(missing_ok=True)

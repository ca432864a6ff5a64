"""Audit a folder without an environment: the probes of phase 01, asked of sources alone (``deployer audit``).

Nothing is built, started, sent or written; a check that needs a target is not made here.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from deployer_lib.app.http import Http
from deployer_lib.app.none import NoTarget
from deployer_lib.catalogue import CATALOGUE, Effect
from deployer_lib.check import Outcome
from deployer_lib.errors import UsageError
from deployer_lib.guard import Guard
from deployer_lib.parameters.model import Parameters
from deployer_lib.phase.making import Standing, made
from deployer_lib.places import Places
from deployer_lib.probes import MODULES
from deployer_lib.probes.context import PROBES, Context
from deployer_lib.probes.variables.documents import documents_of, example_of
from deployer_lib.probes.variables.known import known_scan
from deployer_lib.secret import SECURE, is_secret_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from deployer_lib.check import Check, JSONValue
    from deployer_lib.probes.variables.model import Variable

__all__ = ["Audit", "audit_variables"]

_NAME: Final = "audit"
_NO_TARGET: Final = "http://127.0.0.1:9"


class Audit:
    """What came of an audit: its document, and how the command ends."""

    def __init__(self, document: dict[str, Any], checks: Sequence[Check]) -> None:
        self.document = {**document, "checks": [check.to_json() for check in checks]}
        self.checks = tuple(checks)

    @property
    def exit_code(self) -> int:
        """Return 1 where there are findings, 3 where something could not be told, else 0."""
        outcomes = {check.outcome for check in self.checks}
        return 1 if Outcome.FAIL in outcomes else 3 if Outcome.ERROR in outcomes else 0


def audit_variables(
    path: Path, *, exclude: Sequence[str] = (), progress: Callable[[str], None] = lambda _: None
) -> Audit:
    """Return the environment variables that the code below a folder reads, each with need, places and where it is told.

    Args:
        path: the project's folder.
        exclude: patterns of paths, relative to it, that are left out.
        progress: one line on what happens just now.

    Raises:
        UsageError: it is no folder.
    """
    with _context(path, exclude, progress) as ctx:
        checks = _made(ctx, ("environment.variables_read", "environment.variables_documented"))
        found, example, documents = known_scan(ctx), example_of(ctx), documents_of(ctx)

        def row(variable: Variable) -> dict[str, JSONValue]:
            mention = documents.mention(variable.name)
            noted = example.comments.get(variable.name, "") if example else ""
            secret = bool(variable.default) and is_secret_name(variable.name)
            return {
                "name": variable.name,
                "need": variable.need,
                "default": SECURE if secret else variable.default,
                "references": [
                    {"file": r.file, "line": r.line, "column": r.column, "idiom": r.idiom}
                    for r in variable.references
                ],
                "in_example": example is not None and variable.name in example.names,
                "documented": mention is not None,
                "set": None,
                "description": noted or (mention[2].strip()[:200] if mention else ""),
            }

        document = {
            "schema": "audit-variables/1",
            "variables": [row(variable) for variable in found.variables],
            "deploy_only": [variable.name for variable in found.deploy_only],
            "deploy_variables": [row(variable) for variable in found.deploy_only],
            "computed": [{"file": r.file, "line": r.line, "idiom": r.idiom} for r in found.computed],
            "files_scanned": found.files_scanned,
            "files_skipped": [{"file": f, "why": why, "line": line} for f, why, line in found.files_skipped],
        }
        return Audit(document, checks)


@contextmanager
def _context(path: Path, exclude: Sequence[str], progress: Callable[[str], None]) -> Iterator[Context]:
    """Return what probes are given where there is a folder and nothing else."""
    if not path.is_dir():
        raise UsageError(f"{path} is no folder.", hint="Give the folder of a project.")
    parameters = Parameters.model_validate(
        {
            "environment": _NAME,
            "project": {"path": str(path), "exclude": list(exclude)},
            "deploy": {"kind": "none", "address": _NO_TARGET},
        }
    )
    guard = Guard(_NAME, frozenset({Effect.OBSERVE}), set())
    with tempfile.TemporaryDirectory(prefix="deployer-audit-") as folder:
        scratch, project = Path(folder), path.resolve()
        http = Http(guard, _NO_TARGET, run=_NAME)
        try:
            yield Context(
                parameters=parameters,
                guard=guard,
                http=http,
                target=NoTarget(_NO_TARGET),
                live=None,
                places=Places.of(scratch, _NAME),
                root=project,
                project=project,
                workspace=project,
                scratch=scratch,
                progress=progress,
                hide=lambda _value, _name: None,
                keep=lambda name, _data: name,
            )
        finally:
            http.close()


def _made(ctx: Context, check_ids: Sequence[str]) -> list[Check]:
    for module in MODULES["environment"]:
        import_module(f"deployer_lib.probes.{module}")
    standing = Standing(
        profile=ctx.parameters.profile,
        not_applicable={},
        deployed=False,
        blocked_by="",
        outcomes={},
        because={},
        time_left_s=ctx.parameters.budget_s,
        severities={},
    )
    checks: list[Check] = []
    for check_id in check_ids:
        some, interrupted = made(
            CATALOGUE[check_id], PROBES[check_id], ctx, standing, lambda: datetime.now(UTC)
        )
        checks += some
        if interrupted is not None:
            raise interrupted
    return checks

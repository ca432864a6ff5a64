"""Ask probes of phase 01 of a folder alone, without an environment.

Nothing is started or sent to an application, and the folder is not written to; a check that needs a target is not made here.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol, cast

from deployer_lib.app.none import NoTarget
from deployer_lib.catalogue import CATALOGUE, Effect
from deployer_lib.check import Outcome, Skip
from deployer_lib.errors import NotAllowed, UsageError
from deployer_lib.guard import Guard
from deployer_lib.parameters.model import Parameters
from deployer_lib.places import Places
from deployer_lib.probes.context import PROBES, Context
from deployer_lib.probes.making import Standing, made

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from deployer_lib.app.http import Http
    from deployer_lib.check import Check

__all__ = ["Audit", "Audited", "audited", "checks_made", "folder_context"]

_NAME: Final = "audit"
_NO_TARGET: Final = "http://127.0.0.1:9"


class Audited(Protocol):
    """What a subject's module tells."""

    CHECKS: tuple[str, ...]  # ids, in the order in which they are made
    MODULES: tuple[str, ...]  # of deployer_lib.probes: those that hold the probes

    def document(self, ctx: Context, checks: Sequence[Check], /) -> dict[str, Any]:
        """Return what the command prints, besides the checks."""
        ...


class _NoHttp:
    """Stands where a phase has its client."""

    def __getattr__(self, name: str) -> NoReturn:
        raise NotAllowed(f"http.{name}: an audit sends nothing.")


class Audit:
    """What came of an audit: its document, and how the command ends."""

    def __init__(self, document: dict[str, Any], checks: Sequence[Check]) -> None:
        self.document = {**document, "checks": [check.to_json() for check in checks]}
        self.checks = tuple(checks)

    @property
    def exit_code(self) -> int:
        """Return 1 where there are findings, 3 where something could not be told, else 0.

        A check that was skipped whole, for another kind than not-applicable, told nothing; one that something else blocks told
        a part.
        """
        outcomes = {check.outcome for check in self.checks}
        if Outcome.FAIL in outcomes:
            return 1
        told = {
            c.id for c in self.checks if c.outcome is Outcome.PASS or c.result.skip is Skip.NOT_APPLICABLE
        }
        untold = any(c.id not in told or c.result.skip is Skip.BLOCKED for c in self.checks)
        return 3 if Outcome.ERROR in outcomes or untold else 0


def audited(
    path: Path,
    subject: Audited,
    *,
    exclude: Sequence[str],
    progress: Callable[[str], None],
) -> Audit:
    """Make the checks of a folder, and the document of what they saw.

    Raises:
        UsageError: it is no folder.
    """
    with folder_context(path, exclude, progress) as ctx:
        checks = checks_made(ctx, subject.CHECKS, subject.MODULES)
        return Audit(subject.document(ctx, checks), checks)


@contextmanager
def folder_context(path: Path, exclude: Sequence[str], progress: Callable[[str], None]) -> Iterator[Context]:
    """Return what probes are given where there is a folder and nothing else."""
    if not path.is_dir():
        raise UsageError(f"{path} is no folder.", hint="Give the folder of a project.")
    parameters = Parameters.model_validate(
        {
            "environment": _NAME,
            "project": {"path": str(path), "exclude": list(exclude)},
            "deploy": {"kind": "none", "address": _NO_TARGET},
            "install": {"imports": False},  # an audit runs nothing of what it looks at
        }
    )
    guard = Guard(_NAME, frozenset({Effect.OBSERVE}), set())
    with tempfile.TemporaryDirectory(prefix="deployer-audit-") as folder:
        scratch, project = Path(folder), path.resolve()
        yield Context(
            parameters=parameters,
            guard=guard,
            http=cast("Http", _NoHttp()),
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
            propose=lambda name, _text: name,
        )


def checks_made(ctx: Context, check_ids: Sequence[str], modules: Sequence[str]) -> list[Check]:
    """Return the outcomes of these checks, in their order; the modules hold their probes."""
    for module in modules:
        import_module(f"deployer_lib.probes.{module}")
    standing = Standing(
        profile=ctx.parameters.profile,
        level=ctx.parameters.level,
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

"""``deployer audit migrations``: the chains of migrations in a folder; no database is asked, since no environment names one.

What is pending, or was edited after it was applied, only a database tells: these lists are empty here, and ``database`` is null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployer_lib.probes.migrations import read_migrations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deployer_lib.check import Check, JSONValue
    from deployer_lib.probes.context import Context
    from deployer_lib.probes.migrations.model import History

__all__ = ["CHECKS", "MODULES", "document"]

CHECKS: Final = ("environment.migrations",)
MODULES: Final = ("migrations_probe",)  # that hold their probes


def document(ctx: Context, checks: Sequence[Check]) -> dict[str, JSONValue]:  # noqa: ARG001  (every audit is given them)
    """Return the document: the first history decides its fields, ``histories`` tells all."""
    histories = [_row(history) for history in read_migrations(ctx.workspace, ctx.parameters.project.exclude)]
    first: dict[str, JSONValue] = histories[0] if histories else {"tool": "", "heads": [], "missing": []}
    return {
        "schema": "audit-migrations/1",
        "tool": first["tool"],
        "heads": first["heads"],
        "pending": [],
        "missing": first["missing"],
        "edited": [],
        "database": None,
        "histories": [*histories],
    }


def _row(history: History) -> dict[str, JSONValue]:
    return {
        "tool": history.tool.name,
        "folder": history.folder,
        "app": history.app,
        "heads": [*history.heads],
        "missing": [*history.missing],
        "unread": [*history.unread],
        "revisions": [revision.id for revision in history.revisions],
        "unclear": [{"file": file, "line": line, "why": why} for file, why, line in history.unclear],
        "problems": [
            {
                "kind": each.kind,
                "subject": each.subject,
                "file": each.locations[0].file if each.locations else "",
                "line": each.locations[0].line if each.locations else 0,
                "detail": each.message,
            }
            for each in history.problems
        ],
    }

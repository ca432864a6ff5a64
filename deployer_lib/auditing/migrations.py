"""``deployer audit migrations``: the chains of migrations in a folder; no database is asked, since no environment names one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployer_lib.auditing.making import Audit, checks_made, folder_context
from deployer_lib.probes.migrations import read_migrations

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from deployer_lib.check import JSONValue
    from deployer_lib.probes.migrations.model import History

__all__ = ["audit_migrations"]


def audit_migrations(
    path: Path, *, exclude: Sequence[str] = (), progress: Callable[[str], None] = lambda _: None
) -> Audit:
    """Return each tool's heads, missing revisions and what else is wrong with the files.

    What is pending, or was edited after it was applied, only a database tells: these lists are empty here, and ``database``
    is null.

    Args:
        path: the project's folder.
        exclude: patterns of paths, relative to it, that are left out.
        progress: one line on what happens just now.

    Raises:
        UsageError: it is no folder.
    """
    with folder_context(path, exclude, progress) as ctx:
        checks = checks_made(ctx, ("environment.migrations",))
        histories = [_row(history) for history in read_migrations(ctx.workspace, exclude)]
        first = histories[0] if histories else {"tool": "", "heads": [], "missing": []}
        document = {
            "schema": "audit-migrations/1",
            "tool": first["tool"],
            "heads": first["heads"],
            "pending": [],
            "missing": first["missing"],
            "edited": [],
            "database": None,
            "histories": histories,
        }
        return Audit(document, checks)


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

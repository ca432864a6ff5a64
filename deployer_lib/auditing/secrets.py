"""``deployer audit secrets``: what lies open in a folder; no value is told, only its kind, place and last characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployer_lib.auditing.making import Audit, checks_made, folder_context
from deployer_lib.probes.secrets import find_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["audit_secrets"]


def audit_secrets(
    path: Path, *, exclude: Sequence[str] = (), progress: Callable[[str], None] = lambda _: None
) -> Audit:
    """Return keys, tokens, passwords and committed files that hold them.

    Args:
        path: the project's folder.
        exclude: patterns of paths, relative to it, that are left out.
        progress: one line on what happens just now.

    Raises:
        UsageError: it is no folder.
    """
    with folder_context(path, exclude, progress) as ctx:
        checks = checks_made(ctx, ("environment.secrets",))
        found = find_secrets(ctx.workspace, exclude, progress=progress)
        document = {
            "schema": "audit-secrets/1",
            "secrets": [
                {
                    "kind": one.kind,
                    "file": one.file,
                    "line": one.line,
                    "masked": one.masked,
                    "committed": one.committed,
                }
                for one in found.found
            ],
            "files_read": found.files_read,
            "files_unread": [{"file": file, "why": why} for file, why in found.unread],
        }
        return Audit(document, checks)

"""``deployer audit secrets``: what lies open in a folder; no value is told, only its kind, place and last characters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployer_lib.probes.secrets_probe import known_secrets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deployer_lib.check import Check, JSONValue
    from deployer_lib.probes.context import Context

__all__ = ["CHECKS", "MODULES", "document"]

CHECKS: Final = ("environment.secrets",)
MODULES: Final = ("secrets_probe",)  # that hold their probes


def document(ctx: Context, checks: Sequence[Check]) -> dict[str, JSONValue]:  # noqa: ARG001  (every audit is given them)
    """Return the document of what the check has found."""
    found = known_secrets(ctx)
    return {
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
        "files_unread": [{"file": file, "why": why} for file, why in (*found.unread, *found.unscanned)],
    }

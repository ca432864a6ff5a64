"""``deployer audit variables``: what the code reads from the environment, each with need, places and where it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.documents import documents_of, example_of
from deployer_lib.probes.variables.known import known_scan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deployer_lib.check import Check, JSONValue
    from deployer_lib.probes.context import Context
    from deployer_lib.probes.variables.model import Variable

__all__ = ["CHECKS", "MODULES", "document"]

CHECKS: Final = ("environment.variables_read", "environment.variables_documented")
MODULES: Final = ("variables_probe",)  # that hold their probes


def document(ctx: Context, checks: Sequence[Check]) -> dict[str, JSONValue]:  # noqa: ARG001  (every audit is given them)
    """Return the document; what compose files, manifests and the like alone read stands apart."""
    found, example, documents = known_scan(ctx), example_of(ctx), documents_of(ctx)

    def row(variable: Variable) -> dict[str, JSONValue]:
        mention = documents.mention(variable.name)
        noted = example.comments.get(variable.name, "") if example else ""
        return {
            **variable.to_json(),
            "in_example": example is not None and variable.name in example.names,
            "documented": mention is not None,
            "set": None,
            "description": noted or (mention[2].strip()[:200] if mention else ""),
        }

    return {
        "schema": "audit-variables/1",
        "variables": [row(variable) for variable in found.variables],
        "deploy_only": [variable.name for variable in found.deploy_only],
        "deploy_variables": [row(variable) for variable in found.deploy_only],
        "computed": [{"file": r.file, "line": r.line, "idiom": r.idiom} for r in found.computed],
        "files_scanned": found.files_scanned,
        "files_skipped": [{"file": f, "why": why, "line": line} for f, why, line in found.files_skipped],
    }

"""One experiment a check; a file a subject."""

from __future__ import annotations

from typing import Final

__all__ = ["MODULES"]

#: The files that hold a phase's probes, imported when the phase opens.
MODULES: Final[dict[str, tuple[str, ...]]] = {
    "preflight": ("preflight", "architecture", "suite"),
    "environment": (
        "dependencies",
        "install",
        "variables_probe",
        "configuration_probe",
        "secrets_probe",
        "migrations_probe",
    ),
    "build": ("building", "build_leftovers", "build_size"),
    "deploy": ("deploying", "coming_up", "migrations_deployed", "rollback_plan"),
    "smoke": ("smoke", "endpoints", "authentication", "cors", "rate_limit", "error_answers", "readiness"),
    "health": (
        "logs",
        "logs_structured",
        "metrics",
        "metrics_move",
        "headers",
        "load.quick",
        "load.sustained",
        "load.limits",
    ),
    "bugs": ("cors", "startup", "log_files"),
}

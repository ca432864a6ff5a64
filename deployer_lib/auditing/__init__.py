"""Audit a folder without an environment: the probes of phase 01, asked of sources alone (``deployer audit``)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Literal

from deployer_lib.auditing.making import Audit, audited

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["Audit", "Subject", "audit"]

#: What can be audited; a module of this name holds the checks, names the modules of their probes, and makes the document.
Subject = Literal["variables", "dependencies", "secrets", "migrations"]


def audit(
    subject: Subject,
    path: Path,
    *,
    exclude: Sequence[str] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> Audit:
    """Return what the sources of a folder tell of one subject, in SCHEMA.md's shape.

    Args:
        subject: what is asked for.
        path: the project's folder; nothing is written to it.
        exclude: patterns of paths, relative to it, that are left out.
        progress: one line on what happens just now.

    Raises:
        UsageError: it is no folder.
    """
    module = import_module(f"deployer_lib.auditing.{subject}")
    return audited(path, module, exclude=exclude, progress=progress)

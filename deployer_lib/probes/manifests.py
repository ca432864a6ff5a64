"""What a project's manifest says of itself: its name, its version, its stack."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["build_backend_folders", "project_name", "project_stack", "project_version"]


def project_stack(project: Path) -> str:
    """Return python, node or rust by the manifest that is there, the empty text where there is none."""
    for name, stack in (
        ("pyproject.toml", "python"),
        ("package.json", "node"),
        ("Cargo.toml", "rust"),
        ("requirements.txt", "python"),
        ("setup.py", "python"),
    ):
        if (project / name).is_file():
            return stack
    return ""


def project_name(project: Path) -> str:
    """Return the name in the project's manifest, the empty text where there is none."""
    return _said(project, "name")


def project_version(project: Path) -> str:
    """Return the version in the project's manifest, the empty text where there is none."""
    return _said(project, "version")


def build_backend_folders(project: Path) -> tuple[str, ...]:
    """Return the folders of a Python project's own build backend (PEP 517, ``backend-path``), relative to it.

    What lies there runs in the build's environment, with ``build-system.requires``; it is no part of the application.
    """
    section = _toml(project / "pyproject.toml").get("build-system")
    folders = section.get("backend-path") if isinstance(section, dict) else None
    return tuple(str(folder).strip("/") for folder in folders) if isinstance(folders, list) else ()


def _said(project: Path, key: str) -> str:
    for section in (
        _toml(project / "pyproject.toml").get("project"),
        _json(project / "package.json"),
        _toml(project / "Cargo.toml").get("package"),
    ):
        if isinstance(section, dict) and isinstance(section.get(key), str):
            return str(section[key])
    return ""


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}

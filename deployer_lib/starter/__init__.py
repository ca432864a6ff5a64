"""``deployer init``: look at a project, and write a first parameters file that says what it could not know."""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from deployer_lib.errors import UsageError
from deployer_lib.parameters.chain import FOLDER
from deployer_lib.starter.facts import Project
from deployer_lib.starter.guesses import guess
from deployer_lib.starter.launch import port
from deployer_lib.starter.node import node
from deployer_lib.starter.python import MANIFESTS, python
from deployer_lib.starter.routes import SUFFIXES, routes
from deployer_lib.starter.rust import rust
from deployer_lib.starter.variables import EXAMPLES, wanted
from deployer_lib.starter.write import Sheet, yaml

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Started", "start"]

_READERS: Final = {"python": python, "node": node, "rust": rust}
_WORKSPACES: Final = (
    ("pyproject.toml", r"^\[tool\.uv\.workspace\]", r"^\[project\]"),
    ("package.json", r'"workspaces"\s*:', r'"dependencies"\s*:'),
    ("Cargo.toml", r"^\[workspace\]", r"^\[package\]"),
)
_LOCKS: Final = {
    "python": ("uv.lock", "poetry.lock"),
    "node": ("package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock"),
    "rust": ("Cargo.lock",),
}


@dataclass(frozen=True, slots=True)
class Started:
    """The parameters file that was written."""

    text: str
    path: Path
    unknown: tuple[str, ...]  # what it could not know, one sentence each


def start(path: Path, root: Path, name: str = "") -> Started:
    """Look at a project and write ``parameters/<name>.yaml``; a file that is there is never written over.

    Args:
        path: folder of a Python, Node or Rust project.
        root: folder that holds parameters/, or will.
        name: id of the environment; the project's name where empty.

    Raises:
        UsageError: the folder is no such project, or the file is there already.
    """
    if not path.is_dir():
        near = difflib.get_close_matches(path.name, [one.name for one in path.parent.glob("*/")], n=1)
        raise UsageError(
            f"{path} is no folder.", hint=f"Did you mean {path.parent / near[0]}?" if near else ""
        )
    project = Project(path.resolve())
    stack = _READERS[_kind(project)](project)
    environment = name or _slug(stack.application.value) or _slug(project.path.name) or "first"
    target = root / FOLDER / f"{environment}.yaml"
    if not re.fullmatch(r"[A-Za-z0-9_][\w.-]*(/[A-Za-z0-9_][\w.-]*)*", environment):
        raise UsageError(
            f"«{environment}» is no environment's name.",
            hint="Letters, digits, - and _; api/staging for a folder.",
        )
    if target.exists():
        raise UsageError(
            f"{target} exists, and is not written over.", hint="Choose another with --name, or move it away."
        )
    suffixes = SUFFIXES[stack.name]
    required, more = wanted(project)
    if any(one.name == "PORT" for one in (*required, *more)) and "{port}" not in str(stack.start):
        stack = replace(stack, variables={**stack.variables, "PORT": "{port}"})
    sheet = Sheet(
        environment,
        os.path.relpath(project.path, root.resolve()),
        stack,
        port(project, suffixes),
        [one for one in required if one.name != "PORT"],
        [one for one in more if one.name != "PORT"],
        project.has(*EXAMPLES),
        guess(project, routes(project, stack.name), suffixes),
        _lock_above(project, stack.name),
    )
    text = yaml(sheet)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("x", encoding="utf-8") as file:
        file.write(text)
    return Started(text, target, tuple(sheet.unknown))


def _kind(project: Project) -> str:
    for manifest, workspace, own in _WORKSPACES:
        text = project.text(manifest)
        if re.search(workspace, text, re.MULTILINE) and not re.search(own, text, re.MULTILINE):
            members = _members(project)
            raise UsageError(
                f"{project.path} is a workspace ({manifest}), not one application.",
                hint=f"Name one of its members: {', '.join(members)}."
                if members
                else "Name one of its members.",
            )
    if project.has("Cargo.toml"):
        return "rust"
    python_says = project.has(*MANIFESTS)
    if project.has("package.json") and not (
        python_says and "dependencies" not in project.text("package.json")
    ):
        return "node"
    if python_says:
        return "python"
    members = _members(project)
    raise UsageError(
        f"{project.path} holds no pyproject.toml, requirements.txt, package.json or Cargo.toml.",
        hint=f"Did you mean one of {', '.join(members)}?"
        if members
        else "Name the folder of the application.",
    )


def _lock_above(project: Project, stack: str) -> str:
    """Return the lock file of the workspace that the project is part of."""
    for folder in list(project.path.parents)[:2]:
        if found := Project(folder).has(*_LOCKS[stack]):
            return os.path.relpath(folder / found, project.path)
    return ""


def _members(project: Project) -> list[str]:
    """Return the folders below that are projects themselves."""
    return sorted(
        one.name
        for one in project.path.iterdir()
        if one.is_dir()
        and not one.name.startswith(".")
        and Project(one).has("package.json", "Cargo.toml", *MANIFESTS)
    )


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-.")

"""Which of a project's files git knows, and which it would take with the next ``git add``."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.app.surroundings import base_environment
from deployer_lib.app.workspace import ignored_by

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["Known", "known_to_git"]

_LIMIT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Known:
    """What git, or without it the .gitignore at the root, says of a project's files."""

    tracked: frozenset[str] | None  # None where there is no git
    ignores: Callable[[str], bool]  # whether a file that is not tracked is ignored

    def committed(self, file: str) -> bool | None:
        """Tell whether git tracks a file; None where there is no git."""
        return None if self.tracked is None else file in self.tracked

    def leaves_out(self, file: str) -> bool:
        """Tell whether a file is outside the repository for good: not tracked, and ignored."""
        return not self.committed(file) and self.ignores(file)


def known_to_git(project: Path) -> Known:
    """Ask git for a project's files; nothing of the repository's own configuration is run."""
    inside = _git(project, "rev-parse", "--is-inside-work-tree")
    if inside is None or inside.strip() != b"true" or _git(project, "check-ignore", "-q", ".") is not None:
        return Known(None, _by_file(project))
    listed = _git(project, "ls-files", "-z")
    others = _git(project, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
    if listed is None or others is None:  # what git could not say is not that it knows none
        return Known(None, _by_file(project))
    tracked, ignored = _names(listed), _names(others)
    folders = tuple(name for name in ignored if name.endswith("/"))
    return Known(tracked, lambda file: file in ignored or file.startswith(folders))


def _by_file(project: Path) -> Callable[[str], bool]:
    try:
        lines = (project / ".gitignore").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return lambda _file: False
    return ignored_by([line.strip() for line in lines if line.strip() and line[0] != "#"])


def _names(output: bytes) -> frozenset[str]:
    return frozenset(os.fsdecode(name) for name in output.split(b"\0") if name)


def _git(folder: Path, *words: str) -> bytes | None:
    """Return git's output; None where it failed, or is not installed."""
    env = base_environment(os.environ) | {
        "GIT_OPTIONAL_LOCKS": "0",
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    argv = ["git", "-c", "safe.directory=*", "-c", "core.fsmonitor=false", *words]
    try:
        done = subprocess.run(argv, cwd=folder, env=env, capture_output=True, timeout=_LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None

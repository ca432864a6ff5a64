"""Which notebooks a run executes: the packaged ones, a project's own in their place, and its additional ones."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal

from deployer_lib.errors import UsageError
from deployer_lib.notebook_settings import NotebookSettings, read_settings
from deployer_lib.notebooks import notebook_phase

__all__ = ["Notebook", "choose", "packaged_folder"]

REPORT: Final = "report"


@dataclass(frozen=True, slots=True)
class Notebook:
    """One notebook of a run."""

    name: str  # file name, 04_smoke.ipynb
    phase: str
    path: Path
    digest: str  # sha256:… of the file
    origin: Literal["packaged", "modified", "own"]
    settings: NotebookSettings  # what it says of itself


def packaged_folder() -> Path:
    """Return the folder of the packaged notebooks: in the wheel, or beside the library in a checkout."""
    inside = Path(str(files("deployer_lib"))) / "runbooks"
    return inside if inside.is_dir() else Path(str(files("deployer_lib"))).parent / "runbooks"


def _found(folder: Path) -> dict[str, Path]:
    return {
        path.name: path for path in sorted(folder.glob("[0-9][0-9]_*.ipynb")) if notebook_phase(path.name)
    }


def _digest(path: Path) -> str:
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def choose(root: Path, phases: tuple[str, ...] = ()) -> list[Notebook]:
    """Return the notebooks of a run in order, the report last.

    Args:
        root: folder that holds parameters/ and, where a team has notebooks of its own, runbooks/.
        phases: only these phases; all where empty. The report is always made.

    Raises:
        UsageError: a phase is unknown, or what a notebook says of itself is wrong.
    """
    packaged = _found(packaged_folder())
    own = _found(root / "runbooks")
    chosen: list[Notebook] = []
    for name, path in sorted({**packaged, **own}.items()):
        digest = _digest(path)
        if name not in packaged:
            origin: Literal["packaged", "modified", "own"] = "own"
        else:
            origin = "packaged" if digest == _digest(packaged[name]) else "modified"
        chosen.append(Notebook(name, notebook_phase(name) or "", path, digest, origin, read_settings(path)))
    known = [n.phase for n in chosen]
    for phase in phases:
        if phase not in known:
            raise UsageError(f"There is no phase {phase}.", hint=f"Phases: {', '.join(known)}.")
    kept = [n for n in chosen if n.phase != REPORT and (not phases or n.phase in phases)]
    return kept + [n for n in chosen if n.phase == REPORT]

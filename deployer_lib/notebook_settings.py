"""What a notebook says of itself in its metadata: whether it is a gate, its share of time, its effects.

::

    "metadata": {"deployer": {"gate": true, "share": 0.1, "effects": ["observe", "write"], "deployer_api": 1}}

In JupyterLab it stands under *Property Inspector → Advanced Tools → Notebook Metadata*.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from deployer_lib.catalogue import Effect
from deployer_lib.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["API", "NotebookSettings", "own_settings", "read_settings", "settings_of", "share_of"]

#: Version of what notebooks call: ``Phase``, ``Context``, results. It rises when a notebook written for it would break.
API: Final = 1
_KEY: Final = "deployer"


@dataclass(frozen=True, slots=True)
class NotebookSettings:
    """What one notebook declares; None where it says nothing."""

    gate: bool | None = None  # a blocking finding in it means that the target is not touched further
    share: float | None = None  # part of the run's time budget, more than 0 and at most 1
    effects: tuple[Effect, ...] | None = None  # all that it may do, of what the environment allows
    deployer_api: int = API  # version that it was written for

    def to_json(self) -> dict[str, bool | float | list[str] | int | None]:
        """Return the settings as they stand in run.json and in a plan."""
        effects = None if self.effects is None else [effect.value for effect in self.effects]
        return {"gate": self.gate, "share": self.share, "effects": effects, "deployer_api": self.deployer_api}


def settings_of(metadata: Mapping[str, Any], name: str) -> NotebookSettings:
    """Return what a notebook's metadata says.

    Args:
        metadata: of the notebook.
        name: file name, for messages.

    Raises:
        UsageError: a key is unknown, a value is of another kind, or it was written for a later version.
    """
    data = metadata.get(_KEY, {})
    known = [field.name for field in fields(NotebookSettings)]
    if not isinstance(data, dict):
        raise UsageError(f"{name}: metadata.{_KEY} is a map of {', '.join(known)}.")
    for key in data:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(known)}."
            raise UsageError(f"{name}: metadata.{_KEY} has no {key}.", hint=hint)
    settings = NotebookSettings(
        data.get("gate"), _share(data, name), _effects(data, name), data.get("deployer_api", API)
    )
    if not isinstance(settings.gate, bool | None):
        raise UsageError(f"{name}: metadata.{_KEY}.gate is true or false.")
    if type(settings.deployer_api) is not int or settings.deployer_api < 1:
        raise UsageError(f"{name}: metadata.{_KEY}.deployer_api is a whole number from 1.")
    if settings.deployer_api > API:
        raise UsageError(
            f"{name} was written for version {settings.deployer_api} of Deployer's interface; this one has {API}.",
            hint="Upgrade deployer-lib, or lower metadata.deployer.deployer_api after trying it.",
        )
    return settings


def _share(data: Mapping[str, Any], name: str) -> float | None:
    share = share_of({_KEY: data})
    if share is None and data.get("share") is not None:
        raise UsageError(f"{name}: metadata.{_KEY}.share is a part of the time budget, such as 0.1.")
    return share


def share_of(metadata: Mapping[str, Any]) -> float | None:
    """Return the share of an executed notebook, None where it declares none that is one: a record stays readable."""
    data = metadata.get(_KEY)
    share = data.get("share") if isinstance(data, dict) else None
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
        return None
    return float(share)


def _effects(data: Mapping[str, Any], name: str) -> tuple[Effect, ...] | None:
    effects = data.get("effects")
    if effects is None:
        return None
    known = [effect.value for effect in Effect]
    if not isinstance(effects, list) or any(effect not in known for effect in effects):
        raise UsageError(f"{name}: metadata.{_KEY}.effects is a list of {', '.join(known)}.")
    return tuple(effect for effect in Effect if effect in {Effect.OBSERVE, *effects})


def read_settings(path: Path) -> NotebookSettings:
    """Return what a notebook's file says of itself.

    Raises:
        UsageError: it is not a notebook, or its settings are wrong.
    """
    try:
        metadata = json.loads(path.read_text(encoding="utf-8"))["metadata"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path.name} can't be read as a notebook: {error!r}.") from error
    return settings_of(metadata if isinstance(metadata, dict) else {}, path.name)


def own_settings(root: Path, phase: str) -> NotebookSettings:
    """Return what a project's own notebook of a phase says of itself; nothing where the project has none.

    The same for a runner, for papermill by itself and for JupyterLab, where a kernel isn't told which file it runs.
    """
    paths = sorted((root / "runbooks").glob(f"[0-9][0-9]_{phase}.ipynb"))
    return read_settings(paths[0]) if paths else NotebookSettings()

"""What a declared process becomes once placeholders and secrets are filled in: commands, variables, a release's name."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Final

from deployer_lib.app.surroundings import base_environment, fill, process_environment
from deployer_lib.app.target import Artifact
from deployer_lib.secret import SECURE, Secret

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from deployer_lib.parameters.model import Parameters

__all__ = ["HOST", "Recipe", "Release", "Releases", "named", "read_releases", "write_releases"]

HOST: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Release:
    """An artifact that was put in place."""

    artifact: Artifact
    path: str = ""  # where it lay when it was deployed

    @property
    def name(self) -> str:
        """Return what ``{release}`` stands for: safe as a folder's name, different for every content."""
        label = re.sub(r"[^A-Za-z0-9._+-]+", "-", self.artifact.version).strip("-.") or "release"
        digest = self.artifact.digest.rpartition(":")[2][:12]
        return f"{label[:60]}-{digest}" if digest else label[:60]


@dataclass(frozen=True, slots=True)
class Releases:
    """What is in place now, and what was before."""

    current: Release | None = None
    previous: Release | None = None
    ok: bool = False  # whether the current one came up

    def following(self, release: Release) -> Releases:
        """Return what holds while ``release`` is being deployed: one that never came up is no way back."""
        before = self.current if self.ok else self.previous
        if before is not None and before.artifact.digest == release.artifact.digest:
            before = self.previous
        return Releases(release, before)

    def succeeded(self) -> Releases:
        """Return the same, known to have come up."""
        return replace(self, ok=True)


def read_releases(path: Path) -> Releases:
    """Return what an earlier deployment noted; nothing where there was none."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        found = [
            Release(Artifact(**data[name]["artifact"]), data[name]["path"]) if data[name] else None
            for name in ("current", "previous")
        ]
        return Releases(found[0], found[1], bool(data["ok"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Releases()


def write_releases(path: Path, releases: Releases) -> None:
    """Note what is in place, by one rename."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(json.dumps(asdict(releases), indent=1), encoding="utf-8")
    fresh.replace(path)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an environment's process and its steps are started."""

    parameters: Parameters
    root: Path  # folder that holds parameters/
    state: Path  # what ``{state}`` stands for
    project: Path  # the working copy

    def values(self, releases: Releases, port: int) -> dict[str, str]:
        """Return what placeholders stand for."""
        current, previous = releases.current, releases.previous
        return {
            "artifact": current.path if current else "",
            "environment": self.parameters.environment,
            "host": HOST,
            "port": str(port),
            "previous": previous.name if previous else "",
            "project": str(self.project),
            "release": current.name if current else "",
            "state": str(self.state),
            "version": (current.artifact.version if current else "") or self.parameters.version,
        }

    def text(self, text: Secret | str, values: Mapping[str, str]) -> str:
        """Return a text as the process gets it; a secret's own braces are no placeholders."""
        if isinstance(text, Secret):
            return text.resolve(root=self.root, made=self.state / "secrets")
        return fill(text, values)

    def argv(self, words: Sequence[Secret | str], values: Mapping[str, str]) -> tuple[str, ...]:
        """Return a command as it is run."""
        return tuple(self.text(word, values) for word in words)

    def shown(self, words: Sequence[Secret | str], values: Mapping[str, str]) -> tuple[str, ...]:
        """Return a command as it may be shown."""
        return tuple(SECURE if isinstance(word, Secret) else fill(word, values) for word in words)

    def variables(
        self, values: Mapping[str, str], changes: Mapping[str, str | None] | None = None
    ) -> dict[str, str]:
        """Return the declared variables, some of them changed; None takes one away."""
        declared = {name: self.text(text, values) for name, text in self.parameters.deploy.variables.items()}
        merged: dict[str, str | None] = {**declared, **(changes or {})}
        return {name: value for name, value in merged.items() if value is not None}

    def step_environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Return a step's whole environment: it may have to install packages."""
        return base_environment(os.environ) | dict(variables)

    def process_environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Return the process's whole environment."""
        return process_environment(os.environ, variables)

    def names_port(self) -> bool:
        """Tell whether the process can be told its port."""
        deploy = self.parameters.deploy
        texts = [*(deploy.start or ()), *deploy.variables.values()]
        return any(isinstance(text, str) and "{port}" in text for text in texts)


def named(release: Release | None) -> dict[str, str]:
    """Return a release's artifact as live.json holds it."""
    if release is None:
        return {}
    artifact = release.artifact
    return {
        "name": artifact.name,
        "digest": artifact.digest,
        "commit": artifact.commit,
        "version": artifact.version,
    }

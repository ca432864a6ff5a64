"""Where everything of an environment lies, and what a run tells its kernels by environment variables.

``outputs/<env>/`` is the record and may be published; ``.deployer/<env>/`` (0700) is state that never is.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ulid import ULID

from deployer_lib.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HOME_VARIABLE", "Places", "RunSetting", "new_run_id"]

HOME_VARIABLE: Final = "DEPLOYER_HOME"
_SETTING_VARIABLE: Final = "DEPLOYER_RUN"
_LONGEST_FOLDER: Final = 80


def new_run_id() -> str:
    """Return a fresh run id (a ULID, so that ids sort by time)."""
    return str(ULID())


@dataclass(frozen=True, slots=True)
class Places:
    """The folders of one environment below one root."""

    root: Path  # folder that holds parameters/
    environment: str
    outputs: Path  # folder of all records, usually root/outputs

    @classmethod
    def of(cls, root: Path, environment: str, outputs: Path | None = None) -> Places:
        """Return the places of an environment; ``outputs`` is root/outputs where absent."""
        return cls(root.resolve(), environment, (outputs or root / "outputs").resolve())

    @property
    def records(self) -> Path:
        """Return the folder of this environment's runs, its live.json and its ``latest`` link."""
        return self.outputs / self.environment

    @property
    def state(self) -> Path:
        """Return the folder of what is never published: working copy, releases, made secrets, ledgers."""
        return self.root / ".deployer" / self.environment

    @property
    def work(self) -> Path:
        """Return the folder of working copies of the project, one a run: a process may still run in an older one."""
        return self.state / "work"

    @property
    def made(self) -> Path:
        """Return the folder of secrets that were made once."""
        return self.state / "secrets"

    @property
    def runtime(self) -> Path:
        """Return a short folder (0700) for sockets and tokens, which ends with the machine's session."""
        digest = hashlib.sha256(f"{self.root}\0{self.environment}".encode()).hexdigest()[:12]
        below = Path(f"deployer-{os.getuid()}") / digest
        path = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()) / below
        # The address of a socket has 107 characters at most (unix(7)), a kernel's own part some 25 of them.
        return path if len(str(path)) <= _LONGEST_FOLDER else Path("/tmp") / below  # noqa: S108  (made 0700, and looked at)

    def make(self) -> None:
        """Make the folders that every phase needs.

        Raises:
            UsageError: one cannot be made, or the folder for sockets and tokens is not private.
        """
        for folder in (self.records, self.state):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise UsageError(
                    f"The folder {folder} cannot be made: {error.strerror}.",
                    hint="Give --outputs a folder that can be.",
                ) from None
        (self.root / ".deployer").chmod(0o700)
        for folder in (self.runtime.parent, self.runtime):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            about = folder.lstat()
            # In a shared /tmp another account may have made it first, to read what kernels say.
            if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid() or about.st_mode & 0o077:
                raise UsageError(
                    f"{folder} is not a private folder of this account.",
                    hint="Remove it, or let XDG_RUNTIME_DIR name a private one.",
                )


@dataclass(frozen=True, slots=True)
class RunSetting:
    """What a runner tells the kernels of its run; a kernel by itself makes its own."""

    run: str
    run_dir: str  # absolute folder of the run
    mode: str = "interactive"  # batch, interactive
    trigger: str = "manual"
    started_at: str = ""  # UTC ISO 8601, when the run began
    first: str = "preflight"  # phase that keeps the ``inputs`` output
    planned: tuple[str, ...] = ()
    outputs: str = ""  # folder of all records, where it is not root/outputs
    history: str = ""  # folder of earlier records, where it is not ``outputs``

    def to_environment(self) -> dict[str, str]:
        """Return the environment variables for a kernel."""
        return {_SETTING_VARIABLE: json.dumps({name: getattr(self, name) for name in self.__slots__})}

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> RunSetting | None:
        """Return what a runner said, None where there is no runner."""
        text = environ.get(_SETTING_VARIABLE)
        if not text:
            return None
        data = json.loads(text)
        data["planned"] = tuple(data["planned"])
        return cls(**data)

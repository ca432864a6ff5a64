"""What every reader of packages answers: whether it applies, what a clean install does, which problems it found.

An ecosystem is npm, pip or cargo: a folder of this package each. Checks (``probes/dependencies.py``, ``probes/install.py``) and
``deployer audit dependencies`` ask all that apply to a project, so that another one is a folder and a line in
:data:`~deployer_lib.probes.packages.ECOSYSTEMS`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from deployer_lib.check import JSONValue, Result
    from deployer_lib.probes.context import Context

__all__ = ["Ecosystem", "Examined", "Kind"]

#: The lists of ``audit dependencies``: rows B1, B6, B3, B4, B5, and what lock file and manifest disagree on (B2).
Kind = Literal["undeclared", "dev_in_production", "peers", "conflicts", "platform", "drift"]


@dataclass(frozen=True, slots=True)
class Examined:
    """What an ecosystem says of one kind of problem."""

    #: Findings (``failed``), one a package: subject is its name, the first location where to look.
    problems: tuple[Result, ...] = ()
    #: Evidence of a pass: counts, names, the command that was asked.
    looked_at: Mapping[str, JSONValue] = field(default_factory=dict)
    #: What could not be told, a sentence each; never a pass then.
    unknown: tuple[str, ...] = ()
    #: The clean install failed, so that this can't be told: why.
    blocked: str = ""
    #: The ecosystem knows no such problem: why.
    not_applicable: str = ""


class Ecosystem(Protocol):
    """One package manager's world."""

    @property
    def name(self) -> str:
        """Return its name: npm, pip, cargo."""
        ...

    def applies(self, project: Path) -> bool:
        """Tell whether a project has a manifest of it (members of a workspace need not be looked for)."""
        ...

    def install(self, ctx: Context) -> Iterator[Result]:
        """Install from the lock file in an isolated copy, and yield what came of it; the check of row B2.

        Install scripts of packages do not run unless ``install.scripts`` allows it. Made once a phase (``ctx.memo``).
        """
        ...

    def examine(self, ctx: Context, kind: Kind) -> Examined:
        """Return the problems of a kind."""
        ...

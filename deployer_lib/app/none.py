"""Target kind ``none``: somebody else deployed the application; we ask it, and do nothing to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from deployer_lib.errors import Unavailable, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from deployer_lib.app.target import Artifact, Deployment, Instance, LogLine, RunningCopy

__all__ = ["NoTarget"]


@dataclass(slots=True)
class NoTarget:
    """An address, and nothing more."""

    address: str
    kind: str = field(default="none", init=False)

    def base_url(self) -> str:
        """Return the declared address.

        Raises:
            UsageError: there is none.
        """
        if not self.address:
            raise UsageError("deploy.address is not declared.", hint="Write the base URL that users reach.")
        return self.address.rstrip("/")

    def instances(self) -> list[Instance]:
        """Refuse: whoever deployed it knows."""
        self._refuse("its processes")

    def artifact(self) -> Artifact:
        """Refuse: whoever deployed it knows."""
        self._refuse("what was deployed")

    def logs(self, since: int = 0) -> list[LogLine]:  # noqa: ARG002  (the protocol's)
        """Refuse: whoever deployed it has them."""
        self._refuse("its logs")

    def restarts(self) -> int:
        """Refuse: whoever deployed it knows."""
        self._refuse("its restarts")

    def variable_names(self) -> frozenset[str]:
        """Refuse: whoever deployed it knows."""
        self._refuse("its variables")

    def deploy(self, artifact: Artifact | None, path: str, progress: Callable[[str], None]) -> Deployment:  # noqa: ARG002  (the protocol's)
        """Refuse: somebody else deploys."""
        self._refuse("deploying it")

    def rollback(self, progress: Callable[[str], None]) -> Deployment:  # noqa: ARG002  (the protocol's)
        """Refuse: somebody else deploys."""
        self._refuse("rolling it back")

    def previous(self) -> Artifact | None:
        """Return None: it is not known."""
        return None

    def copy(self, name: str, variables: Mapping[str, str | None]) -> AbstractContextManager[RunningCopy]:  # noqa: ARG002  (the protocol's)
        """Refuse: there is no command that starts one."""
        self._refuse("a diagnostic copy")

    def stop(self) -> None:
        """Do nothing: we did not start it."""

    def _refuse(self, what: str) -> NoReturn:
        raise Unavailable(
            f"A target of kind none does not offer {what}.",
            hint="Declare deploy.kind command, or process, where that is known.",
        )

"""Where protected environments are: addresses at which nothing may happen that was not confirmed for them.

A name that resolves to such an address is protected too, whatever it is called; the guard looks at that
(:meth:`~deployer_lib.guard.Guard.permit_address`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from deployer_lib.errors import DeployerError
from deployer_lib.guard import host_key
from deployer_lib.parameters import environments, load

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Protected", "protected_addresses"]


@dataclass(frozen=True, slots=True)
class Protected:
    """The environments of a folder, by whether they are protected, and where they are."""

    addresses: dict[str, tuple[str, int]] = field(default_factory=dict)  # of each protected environment
    others: dict[str, tuple[str, int]] = field(default_factory=dict)  # of those that are not
    unread: dict[str, str] = field(default_factory=dict)  # id → why nobody knows

    @classmethod
    def of(cls, root: Path) -> Protected:
        """Read all environments below ``root``/parameters that say where users reach them."""
        found = cls()
        for environment in environments(root):
            try:
                parameters = load(root, environment).parameters
            except DeployerError as error:
                found.unread[environment] = error.message
                continue
            if parameters.deploy.address:
                parts = urlsplit(parameters.deploy.address)
                key = host_key(parts.scheme, parts.hostname or "", parts.port)
                (found.addresses if parameters.protected else found.others)[environment] = key
        return found


def protected_addresses(root: Path, environment: str) -> frozenset[tuple[str, int]]:
    """Return host and port of the other environments that are protected.

    One whose file can't be read is left out: that is another file's mistake, and its own run says so.
    """
    found = Protected.of(root).addresses
    return frozenset(address for other, address in found.items() if other != environment)

"""Whether ``deployer load`` may hit an address: protected environments are confirmed by their name."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from deployer_lib.app.protected import Protected
from deployer_lib.errors import NotAllowed, UsageError
from deployer_lib.guard import Guard
from deployer_lib.parameters import find_root

if TYPE_CHECKING:
    from deployer_lib.cli.load_asked import Asked

__all__ = ["environments_here", "still_protected"]


def environments_here() -> Protected:
    """Return the environments of the project that somebody stands in; none outside of one.

    Raises:
        UsageError: DEPLOYER_HOME names a folder that is none.
    """
    try:
        root = find_root(Path.cwd(), os.environ)
    except UsageError:
        if os.environ.get("DEPLOYER_HOME"):
            raise
        return Protected()
    return Protected.of(root)


def still_protected(asked: Asked, known: Protected, confirmed: str) -> frozenset[tuple[str, int]]:
    """Return the protected addresses that were not confirmed, for the guard to refuse whenever a name leads there.

    Args:
        asked: whom the load hits.
        known: the environments.
        confirmed: the environment that ``--yes`` names; empty: none.

    Raises:
        UsageError: the load hits a protected environment that was not named, or what was named is not there.
    """
    hit = [name for name, address in known.addresses.items() if _is_at(asked, address)]
    where = f"{asked.host}:{asked.port}"
    if confirmed:
        _refuse_another(asked, known, confirmed, hit)
    elif hit:
        raise UsageError(
            f"{where} is where {' and '.join(hit)} {'is' if len(hit) == 1 else 'are'}, which is protected.",
            hint=f"Add --yes {hit[0]} if you may put load on it.",
        )
    if known.unread and not asked.here:
        name, why = next(iter(known.unread.items()))
        raise UsageError(
            f"Whether {where} is protected is not known, since {name} can't be read: {why}",
            hint=f"Mend it; deployer plan {name} says what is wrong.",
        )
    return frozenset(address for name, address in known.addresses.items() if name not in hit)


def _refuse_another(asked: Asked, known: Protected, confirmed: str, hit: list[str]) -> None:
    """Refuse the name of an environment that is not at this address."""
    if confirmed in hit or (confirmed in known.others and _is_at(asked, known.others[confirmed])):
        return
    there = {**known.addresses, **known.others}
    if confirmed in there:
        host, port = there[confirmed]
        message = f"--yes {confirmed}: {confirmed} is at {host}:{port}, not at {asked.host}:{asked.port}."
    elif confirmed in known.unread:
        message = f"--yes {confirmed}: {known.unread[confirmed]}"
    else:
        near = difflib.get_close_matches(confirmed, there, n=1)
        guess = f" Did you mean {near[0]}?" if near else ""
        message = f"--yes {confirmed}: no environment of that name says where it is (deploy.address).{guess}"
    way = f"Add --yes {hit[0]}" if hit else "Leave the name out: --yes"
    raise UsageError(message, hint=f"{way} if you may put load on this address.")


def _is_at(asked: Asked, address: tuple[str, int]) -> bool:
    """Tell whether an environment's address is one of those that a load hits, by whatever name."""
    guard = Guard("deployer load", frozenset(), set(), protected_addresses=frozenset({address}))
    try:
        for one in asked.addresses:
            guard.permit_address(one, asked.port)
    except NotAllowed:
        return True
    return (asked.host, asked.port) == address

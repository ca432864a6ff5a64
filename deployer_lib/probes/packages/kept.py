"""What is made once a phase and kept for all checks that ask for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer_lib.probes.context import Context

__all__ = ["kept"]

_T = TypeVar("_T")


def kept(ctx: Context, key: str, kind: type[_T], make: Callable[[], _T]) -> _T:
    """Return what is kept under a key; made where it is not there yet."""
    known = ctx.memo.get(key)
    if not isinstance(known, kind):
        known = ctx.memo[key] = make()
    return known

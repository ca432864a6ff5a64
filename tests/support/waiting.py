"""Wait for what another process or thread does, and where no event tells."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["until"]

_LOOK_S = 0.02


def until(holds: Callable[[], object], what: str, within_s: float = 60.0) -> None:
    """Wait until something holds.

    Raises:
        TimeoutError: it does not in time.
    """
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within_s:g} s: {what}")
        time.sleep(_LOOK_S)

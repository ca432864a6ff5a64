"""Wait once where a rate limit, which an earlier check may have used up, says when to come back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer_lib.app.http import Answer
    from deployer_lib.probes.context import Context

__all__ = ["patiently"]

_TOO_MANY: Final = 429
_LONGEST_S: Final = 65.0  # limits are by the minute, mostly


def patiently(ctx: Context, send: Callable[[], Answer]) -> Answer:
    """Send; where that is answered 429 with a Retry-After of about a minute at most, wait so long and send again.

    Raises:
        RequestFailed: no whole answer came.
        NotAllowed: by the guard.
    """
    answer = send()
    after = answer.headers.get("retry-after", "")
    if answer.status != _TOO_MANY or not after.isdecimal() or float(after) > _LONGEST_S:
        return answer
    ctx.progress(f"answered 429; waiting {after} s, as Retry-After says")
    time.sleep(float(after))
    return send()

"""The brake: a target that fails is not helped by more load."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

__all__ = ["Brake"]


@dataclass(slots=True)
class Brake:
    """Say when to stop: more than 5 % errors in every window of 2 s, for 2 s on end.

    It is asked every few milliseconds with totals, so that requests cost nothing.
    """

    share: float = 0.05
    window_ns: int = 2_000_000_000
    _seen: deque[tuple[int, int, int]] = field(default_factory=deque, init=False)  # time, ended, bad
    _above_since: int | None = field(default=None, init=False)

    def over(self, now_ns: int, ended: int, bad: int) -> bool:
        """Note how many requests ended so far, and how many of them badly; tell whether it is time to stop."""
        self._seen.append((now_ns, ended, bad))
        # The newest look that is a window old stays: the window is what was counted since.
        while len(self._seen) > 1 and self._seen[1][0] <= now_ns - self.window_ns:
            self._seen.popleft()
        _, ended_before, bad_before = self._seen[0]
        if bad - bad_before <= self.share * (ended - ended_before):
            if ended > ended_before:
                self._above_since = None
            return False
        if self._above_since is None:
            self._above_since = now_ns
        return now_ns - self._above_since >= self.window_ns

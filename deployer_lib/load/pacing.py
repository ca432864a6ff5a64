"""What keeps a loop on time: no garbage collections, and a timer that wakes it to the microsecond.

The timer is Linux's timerfd, since epoll itself counts in milliseconds. Python has timerfd from 3.13 on; until then it is called through ctypes.
"""

from __future__ import annotations

import ctypes
import gc
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Self

from deployer_lib.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Timer", "no_collections"]

_CLOCK_MONOTONIC: Final = 1
_TFD_NONBLOCK: Final = 0o4000
_TFD_CLOEXEC: Final = 0o2000000
_TFD_TIMER_ABSTIME: Final = 1
_PR_SET_TIMERSLACK: Final = 29
_PR_GET_TIMERSLACK: Final = 30
_NS: Final = 1_000_000_000


class _Spec(ctypes.Structure):
    """``struct itimerspec``: an interval, which stays 0, and the time at which it fires."""

    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("at_s", ctypes.c_long),
        ("at_ns", ctypes.c_long),
    )


class Timer:
    """One timer of the monotonic clock; its descriptor is readable once its time has come.

    While it is open, this thread's other waits end as exactly: its timer slack, usually 50 µs, is set to the least.
    """

    __slots__ = ("_libc", "_settime", "_slack", "_spec", "_spec_at", "fd")

    def __init__(self) -> None:
        """Open it.

        Raises:
            Unavailable: this system has no timerfd.
        """
        try:
            self._libc = ctypes.CDLL(None, use_errno=True)
            create, self._settime = self._libc.timerfd_create, self._libc.timerfd_settime
        except (OSError, AttributeError, TypeError) as error:
            raise Unavailable("The load engine needs Linux's timerfd.", hint="Run it on Linux.") from error
        self._spec = _Spec()
        self._spec_at = ctypes.byref(self._spec)
        self.fd: int = create(_CLOCK_MONOTONIC, _TFD_NONBLOCK | _TFD_CLOEXEC)
        if self.fd < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        self._slack: int = self._libc.prctl(_PR_GET_TIMERSLACK, 0, 0, 0, 0)
        self._libc.prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)

    def arm(self, at_ns: int) -> None:
        """Let it fire at this time of ``time.monotonic_ns``, at once if that has passed; what was armed is forgotten."""
        self._spec.at_s, self._spec.at_ns = divmod(at_ns, _NS)
        self._settime(self.fd, _TFD_TIMER_ABSTIME, self._spec_at, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back the descriptor and the thread's timer slack."""
        os.close(self.fd)
        self._libc.prctl(_PR_SET_TIMERSLACK, max(1, self._slack), 0, 0, 0)


@contextmanager
def no_collections() -> Iterator[None]:
    """Hold off garbage collections, each of which would hold up every request; what the loop makes forms no cycles."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()

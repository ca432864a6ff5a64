"""Ctrl-C and SIGTERM while a run goes on, heard by a thread of its own.

A signal's handler runs between two instructions of whatever the main thread does just then: inside an import, a print,
a held lock. So it does nothing but write one byte; what follows from it happens in a thread.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["heard"]


@contextmanager
def heard(press: Callable[[], None]) -> Iterator[None]:
    """Call ``press`` in another thread for each SIGINT and SIGTERM; the main thread goes on.

    Outside the main thread, where Python sets no handlers, this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ear, mouth = os.pipe()

    def listen() -> None:
        while os.read(ear, 1):
            press()

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    before = {
        number: signal.signal(number, lambda _number, _frame: os.write(mouth, b"!"))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(mouth)
        listener.join()
        os.close(ear)

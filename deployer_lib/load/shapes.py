"""Answers that look like one that was read before: most need not be read again to know where they end.

A :class:`Shape` is learned from an answer that was read in full. The next one with the same head, byte for byte, and the
same length is whole and says the same. Where only values of headers differ that say nothing about its end (a date, a
request's id), one pattern tells; anything else is read in full again. Neither is a guess.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.load.answers import CHUNKED, may_have_body

if TYPE_CHECKING:
    from deployer_lib.load.answers import Head

__all__ = ["UNKNOWN", "Shape"]

_NEVER: Final = re.compile(rb"(?!)")
_SIZE_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})\r\n")
_EXACT: Final = frozenset({b"transfer-encoding", b"connection"})


@dataclass(slots=True)
class Shape:
    """What the last answers to one request of a mix were like."""

    total: int  # bytes of head and body; 0: it varies, -1: nothing is expected
    head: bytes
    size: int  # of the body
    status: int
    error: int  # place in ERRORS
    pattern: re.Pattern[bytes] = (
        _NEVER  # heads that say the same; its group is the body's length, where they say it
    )
    chunked: bool = False

    @classmethod
    def learned(cls, head: Head, text: bytes, error: int, method: str) -> Shape:
        """Return the shape of an answer with this head, whose connection stays open.

        Args:
            head: what it says, with its length.
            text: its bytes.
            error: place in ERRORS of what is said of such an answer.
            method: of the request.
        """
        pattern = _pattern(text, head.length) if may_have_body(method, head.status) else _NEVER
        if head.length == CHUNKED:
            return cls(0, text, 0, head.status, error, pattern, chunked=True)
        return cls(len(text) + head.length, text, head.length, head.status, error, pattern)

    def fits(self, data: bytes) -> bool:
        """Tell whether these bytes are one whole answer that says the same; then its head is expected next."""
        match = self.pattern.match(data)
        if match is None:
            return False
        if self.chunked:
            size = _chunks(data, match.end())
            self.size = max(0, size)
            return size >= 0
        size = int(match[1])
        if len(data) != match.end() + size:
            return False
        self.total, self.head, self.size = len(data), match[0], size
        return True


def _chunks(data: bytes, at: int) -> int:
    """Return the size of a body in plain chunks that ends with the data; -1 where it is anything else."""
    size = 0
    while line := _SIZE_LINE.match(data, at):
        length = int(line[1], 16)
        at = line.end() + length + 2
        if data[at - 2 : at] != b"\r\n":
            return -1
        if not length:
            return size if at == len(data) else -1
        size += length
    return -1


def _pattern(text: bytes, length: int) -> re.Pattern[bytes]:
    """Return what matches heads with the same headers in the same order, where those that frame are the same."""
    status, *lines = text[: -len(b"\r\n\r\n")].split(b"\r\n")
    parts = [re.escape(status)]
    lengths = 0
    for line in lines:
        name, colon, _ = line.partition(b":")
        if not colon:
            return _NEVER
        if name.lower() == b"content-length":
            parts.append(re.escape(name) + rb":[ \t]*(\d{1,18})[ \t]*")
            lengths += 1
        elif name.lower() in _EXACT:
            parts.append(re.escape(line))
        else:
            parts.append(re.escape(name) + rb":[^\r\n]*")
    if lengths != (length != CHUNKED):
        return _NEVER
    return re.compile(rb"\r\n".join(parts) + b"\r\n\r\n")


#: What no answer is like.
UNKNOWN: Final = Shape(-1, b"\0", 0, 0, 0)

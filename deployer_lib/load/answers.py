"""Answers of HTTP/1.1 as they come over a connection, in pieces: where each one ends, and what it says.

Strict where a lax reading could count one answer as two (RFC 9112 section 6.3): a head that contradicts itself, bytes
after an answer and broken chunks are :class:`Malformed`. Bodies are counted and searched, never kept.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

__all__ = ["CHUNKED", "UNTIL_CLOSE", "Head", "Malformed", "Reader", "may_have_body", "parse_head"]

#: Lengths of bodies whose length their head does not say.
CHUNKED: Final = -1
UNTIL_CLOSE: Final = -2

_MAX_HEAD_BYTES: Final = 65_536
_MAX_LINE_BYTES: Final = 4_096  # of one chunk's size with its extensions, or of one trailer
_END: Final = b"\r\n\r\n"
_STATUS: Final = re.compile(rb"HTTP/1\.([01]) ([1-9]\d\d)(?: [^\r\n]*)?\r\n")
#: The headers that say where an answer ends; values without the white space around them.
_FRAMING: Final = re.compile(
    rb"\r\n(content-length|transfer-encoding|connection)[ \t]*:[ \t]*([^\r\n]*?)[ \t]*(?=\r\n)", re.IGNORECASE
)
_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?$")
_NO_BODY: Final = frozenset({204, 304})
_SWITCHING: Final = 101
_FINAL: Final = 200


class Malformed(Exception):  # noqa: N818  (what an answer is, caught by the kernel)
    """Say that what came is not an answer of HTTP/1.1."""


class Head(NamedTuple):
    """What an answer's head says."""

    status: int
    length: int  # of the body in bytes, or CHUNKED or UNTIL_CLOSE
    close: bool  # whether the connection ends with this answer


def parse_head(head: bytes, method: str) -> Head:
    """Read a head, from its status line to the empty line.

    Args:
        head: its bytes.
        method: of the request; an answer to HEAD has no body.

    Raises:
        Malformed: it is none, or contradicts itself.
    """
    line = _STATUS.match(head)
    if line is None:
        raise Malformed("no status line")
    status = int(line[2])
    lengths: set[bytes] = set()
    codings: list[bytes] = []
    options: list[bytes] = []
    for name, value in _FRAMING.findall(head, line.end() - 2):
        (lengths.add if name[-1:] in b"hH" else codings.append if name[0] in b"tT" else options.append)(
            value.lower()
        )
    words = {word.strip() for option in options for word in option.split(b",")}
    close = b"close" in words or (line[1] == b"0" and b"keep-alive" not in words)
    if not may_have_body(method, status):
        return Head(status, 0, close or status == _SWITCHING)
    length = _length(lengths, codings)
    return Head(status, length, close or length == UNTIL_CLOSE)


def may_have_body(method: str, status: int) -> bool:
    """Tell whether an answer of this status can have a body; a length in its head says nothing otherwise."""
    return method != "HEAD" and status >= _FINAL and status not in _NO_BODY


def _length(lengths: set[bytes], codings: list[bytes]) -> int:
    if codings:
        if lengths:
            raise Malformed("both a length and a transfer coding")
        last = b",".join(codings).rpartition(b",")[2].strip()
        return CHUNKED if last == b"chunked" else UNTIL_CLOSE
    if not lengths:
        return UNTIL_CLOSE
    values = {part.strip() for value in lengths for part in value.split(b",")}
    text = values.pop()
    if values or not re.fullmatch(rb"\d{1,18}", text):
        raise Malformed("no single length")
    return int(text)


class Reader:
    """Read one answer to a request; :meth:`feed` it what comes until it says that the answer is whole."""

    __slots__ = (
        "_buffer",
        "_chunked",
        "_left",
        "_method",
        "_needle",
        "_tail",
        "found",
        "head",
        "head_bytes",
        "size",
    )

    def __init__(self, method: str, needle: bytes | None = None) -> None:
        """Begin an answer.

        Args:
            method: of the request.
            needle: what the body is searched for.
        """
        self._method = method
        self._needle = needle
        self._buffer = b""  # what was not consumed yet
        self._tail = b""  # end of the body so far, which may hold the needle's beginning
        self._left = 0  # bytes of the body, or of the chunk, that are still to come
        self._chunked: _Chunks | None = None
        self.head: Head | None = None
        self.head_bytes = b""
        self.size = 0  # of the body so far
        self.found = needle is None

    @property
    def final(self) -> Head:
        """Return the head of an answer that is whole."""
        if self.head is None:
            raise Malformed("not whole yet")
        return self.head

    def feed(self, data: bytes) -> bool:
        """Take what came; tell whether the answer is whole.

        Raises:
            Malformed: it is no answer, or something follows it that nobody asked for.
        """
        if self.head is None:
            data = self._begin(data)
            if self.head is None:
                return False
        if self._chunked is not None:
            body, whole = self._chunked.feed(data)
            self._take(body)
            return whole
        if self.head.length == UNTIL_CLOSE:
            self._take(data)
            return False
        if len(data) > self._left:
            raise Malformed("more bytes than the answer's length")
        self._left -= len(data)
        self._take(data)
        return not self._left

    def end(self) -> bool:
        """Take the connection's end; tell whether the answer is whole by it."""
        return self.head is not None and self.head.length == UNTIL_CLOSE

    def _begin(self, data: bytes) -> bytes:
        """Read the head as far as it came, interim answers left out; return what follows it."""
        data = self._buffer + data
        while True:
            end = data.find(_END) + len(_END)
            if end < len(_END):
                if len(data) > _MAX_HEAD_BYTES or not _may_begin(data):
                    raise Malformed("no head")
                self._buffer = data
                return b""
            head = parse_head(data[:end], self._method)
            if head.status >= _FINAL or head.status == _SWITCHING:
                break
            data = data[end:]
        self.head, self.head_bytes, self._buffer = head, data[:end], b""
        self._left = head.length
        if head.length == CHUNKED:
            self._chunked = _Chunks()
        return data[end:]

    def _take(self, body: bytes) -> None:
        self.size += len(body)
        if not self.found and self._needle is not None:
            window = self._tail + body
            self.found = self._needle in window
            self._tail = window[1 - len(self._needle) :] if len(self._needle) > 1 else b""


class _Chunks:
    """Read the chunks of a body (RFC 9112 section 7.1)."""

    __slots__ = ("_buffer", "_left", "_state")

    def __init__(self) -> None:
        self._buffer = b""
        self._left = 0
        self._state = "size"  # what comes next: size, data, end (of the data), trailer

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """Return the body's part in what came, and whether that was its end."""
        data = self._buffer + data
        body: list[bytes] = []
        at = 0
        while True:
            if self._state == "data":
                taken = data[at : at + self._left]
                body.append(taken)
                self._left -= len(taken)
                at += len(taken)
                if self._left:
                    break
                self._state = "end"
            end = data.find(b"\r\n", at)
            if end < 0:
                if len(data) - at > _MAX_LINE_BYTES:
                    raise Malformed("a chunk without size")
                break
            if self._line(data[at:end]):
                if end + 2 < len(data):
                    raise Malformed("more bytes after the last chunk")
                return b"".join(body), True
            at = end + 2
        self._buffer = data[at:]
        return b"".join(body), False

    def _line(self, line: bytes) -> bool:
        """Take one line; tell whether it was the last."""
        if self._state == "end":
            if line:
                raise Malformed("a chunk longer than its size")
            self._state = "size"
        elif self._state == "size":
            size = _SIZE.match(line)
            if size is None:
                raise Malformed("a chunk without size")
            self._left = int(size[1], 16)
            self._state = "data" if self._left else "trailer"
        elif not line:
            return True
        return False


def _may_begin(data: bytes) -> bool:
    """Tell whether a head may begin so: what will never be one is not waited for."""
    return data[:7] == b"HTTP/1."[: len(data)]

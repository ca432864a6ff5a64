"""Reading answers: where each one ends, however it is cut up, and that a lax reading is refused."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer_lib.load.answers import CHUNKED, UNTIL_CLOSE, Head, Malformed, Reader, parse_head
from deployer_lib.load.shapes import UNKNOWN, Shape

LINE = b"HTTP/1.1 200 OK\r\n"
CHUNKS = (
    LINE
    + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;name=x\r\n world\r\n0\r\nX-Trailer: a\r\nX-B: c\r\n\r\n"
)
SIZED = LINE + b"Date: today\r\nContent-Length: 11\r\n\r\nhello world"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"


def read(
    text: bytes, cuts: list[int], method: str = "GET", needle: bytes | None = None
) -> tuple[Reader, bool]:
    """Feed an answer cut at these places; return its reader, and whether it was whole at the end and not before."""
    reader, whole = Reader(method, needle), False
    edges = [0, *sorted(cut % len(text) for cut in cuts), len(text)]
    for begin, end in pairwise(edges):
        if begin < end:
            assert not whole
            whole = reader.feed(text[begin:end])
    return reader, whole


@given(
    st.sampled_from([CHUNKS, SIZED, INTERIM + SIZED, INTERIM + CHUNKS]),
    st.lists(st.integers(0, 10**6), max_size=9),
)
def test_an_answer_is_read_alike_however_it_is_cut_up(text: bytes, cuts: list[int]) -> None:
    reader, whole = read(text, cuts, needle=b"lo wo")
    assert whole
    assert (200, 11, True) == (reader.final.status, reader.size, reader.found)


@pytest.mark.parametrize("text", [CHUNKS, SIZED, INTERIM + SIZED])
def test_no_part_of_an_answer_is_whole(text: bytes) -> None:
    """And its end without the rest is none, either."""
    for cut in range(1, len(text)):
        reader = Reader("GET")
        assert not reader.feed(text[:cut])
        assert not reader.end()


@pytest.mark.parametrize("text", [CHUNKS, SIZED])
def test_a_needle_that_is_not_there_is_not_found(text: bytes) -> None:
    """Neither in the head, nor across the frames of chunks."""
    assert not read(text, [], needle=b"200 OK")[0].found
    assert not read(text, [], needle=b"hello\r\n")[0].found
    assert read(text, list(range(200)), needle=b"o")[0].found


@pytest.mark.parametrize(
    ("head", "method", "expected"),
    [
        (LINE + b"Content-Length: 5\r\n\r\n", "GET", Head(200, 5, close=False)),
        (LINE + b"content-LENGTH:5 \r\n\r\n", "GET", Head(200, 5, close=False)),
        (LINE + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\n", "GET", Head(200, 5, close=False)),
        (LINE + b"Content-Length: 5\r\n\r\n", "HEAD", Head(200, 0, close=False)),
        (LINE + b"X-Content-Length: 9\r\nContent-Length: 5\r\n\r\n", "GET", Head(200, 5, close=False)),
        (LINE + b"Transfer-Encoding: gzip, Chunked\r\n\r\n", "GET", Head(200, CHUNKED, close=False)),
        (LINE + b"Transfer-Encoding: gzip\r\n\r\n", "GET", Head(200, UNTIL_CLOSE, close=True)),
        (LINE + b"\r\n", "GET", Head(200, UNTIL_CLOSE, close=True)),
        (LINE + b"Content-Length: 0\r\nConnection: x, Close\r\n\r\n", "GET", Head(200, 0, close=True)),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "GET", Head(200, 0, close=True)),
        (
            b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
            "GET",
            Head(200, 0, close=False),
        ),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "GET", Head(204, 0, close=False)),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n", "GET", Head(304, 0, close=False)),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "GET", Head(101, 0, close=True)),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "GET", Head(200, 0, close=False)),
    ],
)
def test_a_head_says_where_its_answer_ends(head: bytes, method: str, expected: Head) -> None:
    """As RFC 9112 sections 6.3 and 9.3 say."""
    assert expected == parse_head(head, method)


@pytest.mark.parametrize(
    "text",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        LINE + b"Content-Length: -1\r\n\r\n",
        LINE + b"Content-Length: 5, 6\r\n\r\nabcde",
        LINE + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        LINE + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        LINE + b"Content-Length: \r\n\r\n",
        SIZED + b"!",
        CHUNKS + b"!",
        LINE + b"Transfer-Encoding: chunked\r\n\r\nx\r\n",
        LINE + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        LINE + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n",
        LINE + b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 5000,
        LINE + b"X: " + b"a" * 70_000,
    ],
)
def test_what_is_no_answer_is_refused(text: bytes) -> None:
    with pytest.raises(Malformed):
        Reader("GET").feed(text)


def test_an_answer_like_the_last_one_is_known_by_its_head() -> None:
    """Dates and lengths may differ; anything that frames differently, or is not whole, is read in full."""
    text = LINE + b"Date: Monday\r\nContent-Length: 5\r\nConnection: keep-alive\r\nX-Id: 1\r\n\r\n"
    shape = Shape.learned(parse_head(text, "GET"), text, 0, "GET")
    assert (len(text) + 5, 200, 5) == (shape.total, shape.status, shape.size)
    other = text.replace(b"Monday", b"Tuesday").replace(b": 5", b": 12").replace(b"Id: 1", b"Id: 22")
    assert shape.fits(other + b"hello worlds")
    assert (len(other) + 12, other, 12) == (shape.total, shape.head, shape.size)
    for unlike in (
        other + b"hello world",
        other + b"hello worlds!",
        other.replace(b"keep-alive", b"close") + b"hello worlds",
        other.replace(b"200 OK", b"500 No") + b"hello worlds",
        other.replace(b"X-Id", b"Transfer-Encoding") + b"hello worlds",
        other.replace(b"X-Id: 22", b"X-Id: 22\r\nConnection: close") + b"hello worlds",
        other[:-2],
    ):
        assert not shape.fits(unlike)
    chunked = CHUNKS[: CHUNKS.index(b"5\r\n")]
    shape = Shape.learned(parse_head(chunked, "GET"), chunked, 0, "GET")
    assert shape.fits(chunked + b"3\r\nabc\r\nB\r\n0\r\n\r\n567890\r\n0\r\n\r\n")
    assert 14 == shape.size
    for body in (
        b"",
        b"0\r\n",
        b"3\r\nabc\r\n",
        b"3\r\nabcd\r\n0\r\n\r\n",
        b"0\r\n\r\n!",
        b"0\r\nX: y\r\n\r\n",
    ):
        assert not shape.fits(chunked + body)
    bodiless = Shape.learned(parse_head(text, "HEAD"), text, 0, "HEAD")
    assert len(text) == bodiless.total
    assert not bodiless.fits(text + b"hello")
    assert not UNKNOWN.fits(text + b"hello")

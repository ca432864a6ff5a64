"""Requests of a mix: what is sent, byte for byte."""

from __future__ import annotations

import re
import uuid
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

from deployer_lib.errors import UsageError
from deployer_lib.load.requests import Order, RequestSpec, Template

if TYPE_CHECKING:
    from collections.abc import Callable


def template(spec: RequestSpec, *, keep_alive: bool = True, seed: int = 0) -> Template:
    return Template(spec, host="shop.example:8080", agent="test", keep_alive=keep_alive, seed=seed)


def test_a_plain_request_is_rendered_once() -> None:
    """One without tokens is the same bytes for every number."""
    made = template(RequestSpec(path="/a?b=c"))
    expected = b"GET /a?b=c HTTP/1.1\r\nHost: shop.example:8080\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n"
    assert expected == made.fixed


def test_a_body_has_its_length_and_own_headers_replace_the_usual_ones() -> None:
    spec = RequestSpec("POST", "/", {"user-agent": "me", "Accept": "text/html", "X-A": "é"}, b"a=1")
    expected = b"POST / HTTP/1.1\r\nHost: shop.example:8080\r\nuser-agent: me\r\nAccept: text/html\r\nX-A: \xc3\xa9\r\n"
    made = template(spec, keep_alive=False).fixed
    assert expected + b"Connection: close\r\nContent-Length: 3\r\n\r\na=1" == made


def test_a_writing_request_without_body_says_so() -> None:
    """A server would else wait for one (RFC 9110 section 8.6)."""
    assert b"\r\nContent-Length: 0\r\n\r\n" in (template(RequestSpec("DELETE", "/1")).fixed or b"")
    assert b"Content-Length" not in (template(RequestSpec("HEAD", "/1")).fixed or b"")


def test_tokens_are_filled_in_path_headers_and_body() -> None:
    """{n} is the number from 1 on, {uuid} a UUID of version 4, {random} a number; the length follows the body."""
    spec = RequestSpec("PUT", "/items/{n}", {"X-Id": "{uuid}"}, b'{"n": {n}, "r": {random}, "other": {}}')
    made = template(spec)
    assert made.fixed is None
    text = made.render(41)
    head, _, body = text.partition(b"\r\n\r\n")
    assert head.startswith(b"PUT /items/42 HTTP/1.1\r\n")
    found = re.search(rb"X-Id: (\S+)", head)
    assert found is not None
    assert 4 == uuid.UUID(found[1].decode()).version
    assert uuid.RFC_4122 == uuid.UUID(found[1].decode()).variant
    assert re.fullmatch(rb'\{"n": 42, "r": \d{1,9}, "other": \{\}\}', body)
    assert f"Content-Length: {len(body)}".encode() in head


def test_tokens_come_from_the_seed() -> None:
    """The same seed gives the same bytes, and two requests of one seed differ."""
    spec = RequestSpec(path="/{uuid}/{random}")
    one, same, other = template(spec), template(spec), template(spec, seed=1)
    first = one.render(0)
    assert first == same.render(0)
    assert first != one.render(0)
    assert first != other.render(0)


def test_a_mix_is_drawn_by_weight_and_from_the_seed() -> None:
    """Without a period: what comes later is another order, and however far on, the weights hold."""
    mix = [RequestSpec(path="/a", weight=3), RequestSpec(path="/b"), RequestSpec(path="/c", weight=0.01)]
    length = 1 << 16
    drawn = Order(mix, seed=5).drawn(0, 4 * length)
    assert drawn.tolist() == Order(mix, seed=5).drawn(0, 4 * length).tolist()
    assert drawn.tolist() != Order(mix, seed=6).drawn(0, 4 * length).tolist()
    rounds = [tuple(part.tolist()) for part in np.split(drawn, 4)]
    assert 4 == len(set(rounds))
    for part in rounds:
        shares = [count / length for _, count in sorted(Counter(part).items())]
        assert pytest.approx([3 / 4.01, 1 / 4.01, 0.01 / 4.01], abs=0.01) == shares
    assert drawn[1000:1100].tolist() == Order(mix, seed=5).drawn(1000, 100).tolist()
    assert [0, 0] == Order(mix[:1], seed=5).drawn(7, 2).tolist()


@pytest.mark.parametrize("workers", [2, 3, 4])
def test_workers_together_send_the_order_of_one(workers: int) -> None:
    """Each has its share of the order, not the same one again, and the weights hold in each."""
    mix = [RequestSpec(path="/a", weight=3), RequestSpec(path="/b")]
    whole = Order(mix, seed=5).drawn(0, 60_000)
    parts = [Order(mix, 5, worker, workers).drawn(0, 60_000 // workers) for worker in range(workers)]
    for worker, part in enumerate(parts):
        assert whole[worker::workers].tolist() == part.tolist()
        assert pytest.approx(0.25, abs=0.01) == part.mean()
    alike = float((parts[0] == parts[1]).mean())
    assert pytest.approx(0.75**2 + 0.25**2, abs=0.02) == alike  # as independent draws are


def test_an_override_in_a_header_counts_as_the_method() -> None:
    """The application acts on it, so the guard must hear of it."""
    assert RequestSpec(headers={"X-HTTP-Method-Override": "delete"}).writes
    assert not RequestSpec().writes
    assert RequestSpec("POST").writes


def test_what_is_expected() -> None:
    """Without a list of statuses, 100 to 399 are right."""
    assert [True, True, False] == [RequestSpec().expects(status) for status in (100, 399, 400)]
    assert [False, True] == [RequestSpec(expect=frozenset({404})).expects(status) for status in (200, 404)]


@pytest.mark.parametrize(
    "make",
    [
        lambda: RequestSpec("get"),
        lambda: RequestSpec("CONNECT"),
        lambda: RequestSpec("GET / HTTP/1.1\r\nX:"),
        lambda: RequestSpec(path="a"),
        lambda: RequestSpec(path="/a b"),
        lambda: RequestSpec(path="/a\r\nX: y"),
        lambda: RequestSpec(path="/é"),
        lambda: RequestSpec(headers={"X-A": "a\r\nX-B: b"}),
        lambda: RequestSpec(headers={"X A": "a"}),
        lambda: RequestSpec(headers={"": "a"}),
        lambda: RequestSpec(headers={"Content-Length": "5"}),
        lambda: RequestSpec(headers={"transfer-encoding": "chunked"}),
        lambda: RequestSpec(headers={"Connection": "close"}),
        lambda: RequestSpec(weight=0),
        lambda: RequestSpec(weight=-1),
        lambda: RequestSpec(weight=float("inf")),
        lambda: RequestSpec(weight=float("nan")),
    ],
)
def test_what_cannot_be_sent_is_refused_with_a_hint(make: Callable[[], RequestSpec]) -> None:
    """No line break of a value becomes a header or a request of its own."""
    with pytest.raises(UsageError) as caught:
        make()
    assert caught.value.hint

"""What the guard lets several processes send of a mix: asked by their own numbers, and given back to the last request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from load_servers import OK, Scripted, answers
from load_servers import guard as allowing

from deployer_lib.catalogue import Effect
from deployer_lib.errors import NotAllowed
from deployer_lib.guard import Guard
from deployer_lib.load import plan
from deployer_lib.load.permits import Permits
from deployer_lib.load.requests import Order, RequestSpec
from deployer_lib.load.running import run

HOST = ("shop.example", 443)
MIX = (RequestSpec(weight=3), RequestSpec("PUT"), RequestSpec("GET", "/b"))


def guard(*, requests: int = 1_000_000, writes: int = 1_000_000) -> Guard:
    return Guard("test", frozenset(Effect), {HOST}, max_requests=requests, max_writes=writes)


def permits(asked: Guard, seed: int = 0) -> Permits:
    return Permits(asked, ("https", *HOST), MIX, seed)


@given(st.integers(1, 5), st.integers(0, 300), st.integers(0, 300), st.integers(1, 400), st.integers(1, 100))
def test_what_is_counted_is_what_may_be_sent(
    workers: int, first: int, count: int, requests: int, writes: int
) -> None:
    """Of each process's requests as many as the ceilings hold, by method; given back, the guard is as before."""
    for worker in range(workers):
        asked = guard(requests=requests, writes=writes)
        mine = permits(asked).split(workers)[worker]
        drawn = Order(MIX, 0, worker, workers).drawn(first, count)
        try:
            granted = mine(first, count)
        except NotAllowed:
            assert 0 == asked.requests
            continue
        assert int((drawn[:granted] == 1).sum()) == asked.writes <= writes
        assert granted == asked.requests <= min(count, requests)
        mine.give_back(first, granted)
        assert (0, 0) == (asked.requests, asked.writes)


def test_processes_ask_for_what_they_send() -> None:
    """Two processes have not the same requests, so not the same methods; together they have those of one."""
    apart = [guard(), guard()]
    for asked, worker in zip(apart, (0, 1), strict=True):
        assert 500 == permits(asked).split(2)[worker](0, 500)
    together = guard()
    assert 1000 == permits(together)(0, 1000)
    assert together.writes == sum(asked.writes for asked in apart)
    assert apart[0].writes != apart[1].writes


def test_processes_give_back_all_that_they_did_not_send() -> None:
    """A closed loop cannot say how much it will send, so it is granted much more than that."""
    with Scripted(answers(OK)) as server:
        asked = allowing(server)
        columns = run(server.url, plan.closed(2, duration_s=0.1), guard=asked, workers=2)
        assert len(columns) == len(server.requests) == asked.requests


def test_nothing_at_all_is_refused() -> None:
    asked = guard(writes=1)
    asked.permit_many("PUT", "https", *HOST, 1)
    only_writes = Permits(asked, ("https", *HOST), (RequestSpec("PUT"),), 0)
    with pytest.raises(NotAllowed, match="writing"):
        only_writes(0, 5)

"""Clocks of other machines: what is said about them holds the truth, and times keep their distances."""

from __future__ import annotations

import threading
from dataclasses import replace
from time import monotonic_ns
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from load_parts import columns_of
from load_servers import OK, Scripted, answers, certificate

from deployer_lib.errors import ProcessError, UsageError
from deployer_lib.load import plan, remote
from deployer_lib.load.connection import Address, Tls
from deployer_lib.load.health import examine
from deployer_lib.load.histogram import Histogram
from deployer_lib.load.job import Job
from deployer_lib.load.remote import Answer, Said, State, carry_out, talk
from deployer_lib.load.requests import RequestSpec
from deployer_lib.load.skew import SAME, Offset, Share, Trip, estimated, on_our_clock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from deployer_lib.load.columns import Columns

MS = 1_000_000
AGES = st.integers(0, 10**18)


@given(
    st.integers(-(10**18), 10**18), st.lists(st.tuples(AGES, st.integers(0, 10**9), st.integers(0, 10**9)))
)
def test_the_truth_lies_within_what_is_said(ahead_ns: int, trips: list[tuple[int, int, int]]) -> None:
    """However long the ways there and back are, and however different: their sum bounds the error."""
    made = [Trip(asked, asked + there + ahead_ns, asked + there + back) for asked, there, back in trips]
    if not made:
        with pytest.raises(ValueError, match="empty"):
            estimated(made)
        return
    found = estimated(made)
    assert abs(found.ahead_ns - ahead_ns) <= found.uncertainty_ns
    assert found.uncertainty_ns == min(there + back for _, there, back in trips) // 2 + 1


def test_the_shortest_trip_is_believed() -> None:
    long, short = Trip(0, 5_000 * MS, 100 * MS), Trip(1_000 * MS, 6_000 * MS, 1_002 * MS)
    assert Offset(4_999 * MS, MS + 1) == estimated([long, short])


def test_drift_adds_to_what_is_not_known() -> None:
    """The offset that was used stays; it is as uncertain as the later look makes it."""
    assert Offset(100, 57) == Offset(100, 10).and_then(Offset(150, 7))
    assert Offset(100, 10) == Offset(100, 10).and_then(Offset(101, 2))
    assert SAME == SAME.and_then(SAME)


def test_times_move_together_and_never_stays_never() -> None:
    """Response times are what they were, to the nanosecond."""
    made = columns_of([(at / 10, at / 10, at / 10 + 0.0025, 200, 0, "") for at in range(8)])
    columns = replace(made, first_byte_ns=np.where(np.arange(8) % 2, made.first_byte_ns, 0), start_ns=MS)
    moved = on_our_clock(columns, -3_600_000 * MS)
    assert ((moved.done_ns - moved.intended_ns) == (columns.done_ns - columns.intended_ns)).all()
    assert (moved.intended_ns - columns.intended_ns == 3_600_000 * MS).all()
    assert columns.start_ns + 3_600_000 * MS == moved.start_ns
    never = columns.first_byte_ns == 0
    assert (moved.first_byte_ns[never] == 0).all()
    assert columns is on_our_clock(columns, 0)


# What is worth a word


def shared(*shares: tuple[int, int]) -> Columns:
    """Return a sound measurement of 20 ms a request, by workers with these uncertainties and delays in ms."""
    return replace(
        columns_of([(at / 100, at / 100, at / 100 + 0.02, 200, 0, "") for at in range(100)]),
        shares=tuple(
            Share(
                f"tcp://10.0.0.{number}:1",
                50,
                Offset(0, uncertainty_ms * MS),
                SAME,
                late_ms * MS,
                Histogram(),
            )
            for number, (uncertainty_ms, late_ms) in enumerate(shares)
        ),
    )


def test_skew_is_a_reason_where_response_times_are_not_much_longer() -> None:
    """3 ms of 20 ms are; 1 ms is not, nor 3 ms where it takes a second to answer."""
    assert () == examine(shared((1, 0), (0, 1))).reasons
    (unsure,) = examine(shared((1, 0), (3, 0))).reasons
    assert "tcp://10.0.0.1:1" in unsure.text
    assert "± 3.0 ms" in unsure.text
    (late,) = examine(shared((0, 5), (1, 0))).reasons
    assert "began 5.0 ms after" in late.text
    assert not late.fatal


def test_a_share_says_what_it_knows() -> None:
    histogram = Histogram()
    share = Share("tcp://a:1", 0, Offset(1_500_000, 250_000), SAME, 0, histogram)
    told = share.to_json()
    assert (1.5, 0.25, None) == (told["offset_ms"], told["uncertainty_ms"], told["p99_ms"])
    histogram.record_many([2_000, 3_000])
    assert 3.0 == pytest.approx(share.to_json()["p99_ms"], rel=1e-3)


# What a worker does by itself


HERE = SimpleNamespace(address="tcp://here:1")


class Task:
    """Carry out a job as a worker's task does, in a thread."""

    def __init__(self, job: Job, test: str) -> None:
        self.test = test
        self.made: Answer | BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(job,))
        self._thread.start()

    def _run(self, job: Job) -> None:
        try:
            self.made = carry_out(job, 10_000, self.test, HERE.address)
        except BaseException as error:  # noqa: BLE001  (looked at by the test)
            self.made = error

    def say(self, said: Said) -> State | None:
        return talk(self.test, {HERE.address: said}, HERE)

    def until(self, true: Callable[[State], bool]) -> None:
        for _ in range(3_000):
            if (state := self.say(Said())) and true(state):
                return
            self._thread.join(0.01)
        raise TimeoutError(f"the task is still {self.say(Said())}")

    def end(self) -> Answer | BaseException | None:
        self._thread.join(30)
        assert not self._thread.is_alive()
        assert self.say(Said(leave=True)) is not None
        assert self.say(Said()) is None
        return self.made


def job(server: Scripted) -> Job:
    address = Address(2, ("127.0.0.1", server.port))
    return Job(address, "x", plan.constant(100, 60), (RequestSpec(),), 4, 5_000 * MS)


def test_a_load_that_nobody_asks_after_any_more_ends() -> None:
    """Whoever started it was killed: it stops by itself, long before its plan does."""
    with Scripted(answers(OK)) as server:
        task = Task(job(server), "forsaken")
        task.until(lambda state: state.phase == "ready")
        task.say(Said(start_ns=monotonic_ns()))
        task.until(lambda state: state.phase == "running")
        remote._SEATS["forsaken", HERE.address].heard_ns -= remote._FORSAKEN_NS
        made = task.end()
        assert isinstance(made, Answer)
        columns = made.outcome.columns
        assert len(server.requests) <= len(columns) < 6000  # what was cut off may not have been read
    assert "not heard of any more" in columns.stopped
    assert (len(columns), 10_000 - len(columns)) == made.outcome.unused
    assert len(columns) == len(made.response)


def test_a_load_that_is_not_to_start_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was called off, or nobody is there any more to start it."""
    with Scripted(answers(OK)) as server:
        task = Task(job(server), "called off")
        task.until(lambda state: state.phase == "ready")
        task.say(Said(stop="called off"))
        made = task.end()
        monkeypatch.setattr(remote, "_FORSAKEN_NS", 0)
        alone = Task(job(server), "alone").end()
        assert [] == server.requests
    for error, word in ((made, "called off"), (alone, "not heard of")):
        assert isinstance(error, ProcessError)
        assert word in error.message


def test_a_late_start_is_told() -> None:
    with Scripted(answers(OK)) as server:
        task = Task(job(server), "late")
        task.until(lambda state: state.phase == "ready")
        task.say(Said(start_ns=monotonic_ns() - 50 * MS))
        task.say(Said(stop="enough"))
        made = task.end()
    assert isinstance(made, Answer)
    assert made.late_ns >= 50 * MS
    assert "enough" not in made.outcome.columns.stopped or made.outcome.columns.unsent


def test_seats_that_were_left_are_cleared() -> None:
    """Whoever went away without a word leaves nothing for long."""
    with Scripted(answers(OK)) as server:
        left = Task(job(server), "left")
        left.until(lambda state: state.phase == "ready")
        left.say(Said(stop="called off"))
        left.until(lambda state: state.phase == "ended")
        remote._SEATS["left", HERE.address].heard_ns -= remote._FORSAKEN_NS
        after = Task(job(server), "after")
        after.until(lambda state: state.phase == "ready")
        assert ("left", HERE.address) not in remote._SEATS
        after.say(Said(stop="called off"))
        after.end()


# Certificates that travel


def test_certificates_are_carried_without_their_file(tmp_path: Path) -> None:
    made, _ = certificate(tmp_path)
    here = Tls("127.0.0.1", made)
    there = here.carried()
    made.unlink()
    assert there.ca is None
    assert 1 == len(there.context().get_ca_certs())
    with pytest.raises(UsageError, match="certificates"):
        here.carried()
    assert Tls("x") == Tls("x").carried()


def test_machines_of_no_known_kernel_share_nothing() -> None:
    unknown = remote.Machine("1", "a", "", "", "")
    assert not unknown.has_clock_of(unknown)
    assert not unknown.has_loopback_of(unknown)
    ours = remote.look()
    assert ours.has_clock_of(ours)
    assert ours.has_loopback_of(ours)
    monotonic, wall = remote.clocks()
    assert np.all(np.array([monotonic, wall]) > 0)

"""Honesty: a generator that was disturbed says so, and a slow target is never put on the generator."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_columns import made

from deployer_lib.catalogue import Effect
from deployer_lib.guard import Guard
from deployer_lib.load.health import Blame, LoadVerdict, busy, examine
from deployer_lib.load.plan import Plan, closed, constant
from deployer_lib.load.result import LoadResult
from deployer_lib.load.running import run
from deployer_lib.load.surroundings import Snapshot, Surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_S = 1_000_000_000
_QUIET = Surroundings(_S, _S // 20, 1_000_000, 400, _S, _S // 10, 0, frozenset({0}))


def _blamed(**more: Any) -> list[str]:
    """Return what is put on the generator, of a hundred requests of 5 ms."""
    times = more.pop("service_ms", 5.0)
    return list(examine(made([times] * 100, **more)).generator)


def test_a_sound_measurement_is_valid() -> None:
    health = examine(made([5.0] * 100, surroundings=_QUIET))
    assert (LoadVerdict.VALID, (), ()) == (health.verdict, health.reasons, health.notes)


@pytest.mark.parametrize("service_ms", [50.0, 900.0, 5_000.0])
@pytest.mark.parametrize("waited_ms", [0.0, 20.0, 10_000.0])
@pytest.mark.parametrize("surroundings", [None, _QUIET])
def test_a_slow_target_is_not_put_on_the_generator(
    service_ms: float, waited_ms: float, surroundings: Surroundings | None
) -> None:
    """However slow it is, and however long requests had to wait for a connection."""
    health = examine(made([service_ms] * 100, waited_ms=waited_ms, surroundings=surroundings))
    assert (LoadVerdict.VALID, ()) == (health.verdict, health.generator)


def test_waiting_for_connections_is_told_without_blame() -> None:
    """The offered rate was not reached, because of the target: worth a word, and the measurement is true."""
    health = examine(made([100.0] * 50, waited_ms=[i * 10.0 for i in range(50)]))
    assert LoadVerdict.VALID is health.verdict
    (note,) = health.notes
    assert "the target was slower than the plan (50/s of 100/s)" in note


@pytest.mark.parametrize("error", ["timeout", "reset", "refused", "closed", "protocol", "tls"])
def test_a_failing_target_is_not_put_on_the_generator(error: str) -> None:
    kinds, statuses = ["", error] * 50, [200, 0] * 50
    health = examine(made([5.0] * 100, error=kinds, status=statuses, surroundings=_QUIET))
    assert () == health.generator
    assert LoadVerdict.INVALID is not health.verdict


def test_a_target_that_answers_nothing_makes_it_invalid() -> None:
    """No response time is known; and it is the target's doing."""
    health = examine(made([1.0] * 10, status=503, error="unexpected status"))
    assert LoadVerdict.INVALID is health.verdict
    assert [Blame.TARGET] == [reason.blame for reason in health.reasons]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"late_ms": [0.0] * 90 + [20.0] * 10, "service_ms": 900.0}, "20 ms after the due time"),
        ({"late_ms": [0.0] * 98 + [3.0] * 2}, "3.0 ms after the due time"),
        ({"waited_ms": 1.0, "late_ms": [0.0] * 90 + [20.0] * 10}, "sent late"),
        ({"client_cpu_ns": 99 * _S // 100}, "itself was busy (1.0 s of processor in 1.0 s)"),
        ({"client_cpu_ns": 2 * _S, "workers": 2}, "on each of 2 cores"),
        ({"surroundings": Surroundings(_S, 0, _S // 2, 100)}, "wait for a processor (0.50 s of 1.0 s)"),
        ({"surroundings": Surroundings(_S, 0, _S // 10, 1_000_000), "service_ms": 0.1}, ""),
        ({"surroundings": Surroundings(_S, 0, _S // 10, 200)}, "something else runs on its core"),
        ({"surroundings": Surroundings(_S, 0, _S // 40, 50)}, "something else runs on its core"),
        ({"surroundings": Surroundings(_S, 0, 0, 1, _S, 96 * _S // 100)}, "Other programs used 96%"),
        ({"surroundings": Surroundings(_S, 0, 0, 1, _S, 0, _S // 8)}, "took 12% of its processor time"),
        ({"error": ["no descriptors"] + [""] * 99, "status": [0] + [200] * 99}, "1 request was not sent"),
    ],
)
def test_a_disturbed_generator_is_named(more: dict[str, Any], words: str) -> None:
    """Each in a sentence that says what was seen; and the verdict is no longer valid."""
    found = _blamed(**more)
    assert [words] == [words for text in found if words in text][:1] or (not words and not found)


def test_processor_time_of_waiting_awake_is_not_being_busy() -> None:
    """It was free to send all the time."""
    columns = made([5.0] * 100, client_cpu_ns=_S, spun_ns=_S // 2)
    assert not busy(columns)
    assert busy(made([5.0] * 100, client_cpu_ns=_S))


def test_waits_that_change_nothing_are_not_told() -> None:
    """30 ms in all, where each answer takes 900 ms."""
    assert [] == _blamed(service_ms=900.0, surroundings=Surroundings(_S, 0, 30_000_000, 20))


def test_a_generator_that_is_mostly_late_measures_itself() -> None:
    """Half of the requests late by most of the response time: nothing is known of the target."""
    health = examine(made([1.0] * 100, late_ms=30.0))
    assert LoadVerdict.INVALID is health.verdict
    assert "most of the median response time" in health.generator[0]


def test_this_machines_own_limits_make_it_invalid() -> None:
    kinds, statuses = ["no descriptors"] * 10 + [""] * 90, [0] * 10 + [200] * 90
    health = examine(made([5.0] * 100, error=kinds, status=statuses))
    assert LoadVerdict.INVALID is health.verdict
    assert "file descriptors or ports" in health.generator[0]


def test_times_near_those_of_a_server_that_does_nothing_are_the_generators_own() -> None:
    assert _blamed(service_ms=0.15) == []
    assert "does nothing" in examine(made([0.15] * 100), floor_ms=0.1).generator[0]
    assert () == examine(made([0.25] * 100), floor_ms=0.1).generator


def test_the_worst_reason_comes_first() -> None:
    columns = made(
        [1.0] * 100, status=[429] + [200] * 99, error=["unexpected status"] + [""] * 99, late_ms=30.0
    )
    assert [True, False] == [reason.fatal for reason in examine(columns).reasons]


@given(
    st.lists(st.tuples(st.floats(0.01, 20_000), st.floats(0, 20_000)), min_size=1, max_size=30),
    st.integers(0, 2_000_000),
)
def test_no_slowness_of_a_target_is_ever_the_generators(
    requests: list[tuple[float, float]], late_ns: int
) -> None:
    """Whatever requests took and waited: while they were seen to be due in time, the generator did its part."""
    columns = made(
        [took for took, _ in requests], waited_ms=[waited for _, waited in requests], late_ms=late_ns / 1e6
    )
    assert () == examine(columns).generator


def test_surroundings_are_read_from_what_the_system_tells(tmp_path: Path) -> None:
    """From /proc as Linux writes it: what the thread waited, and what others used of its cores."""
    core = min(os.sched_getaffinity(0))
    (tmp_path / "thread-self").mkdir()
    queue, stat = tmp_path / "thread-self" / "schedstat", tmp_path / "stat"
    queue.write_text("10 1000 5\n")
    stat.write_text("cpu  1 2 3\n" + "".join(f"cpu{n} 100 0 0 100 0 0 0 0 0 0\n" for n in range(512)))
    before = Snapshot.take(tmp_path)
    queue.write_text("20 5000 9\n")
    stat.write_text("".join(f"cpu{n} 300 0 0 150 50 0 0 100 0 0\n" for n in range(512)))
    seen, tick = before.since(tmp_path), 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    cores = len(os.sched_getaffinity(0))
    assert core in seen.cores
    assert (4_000, 4) == (seen.run_queue_ns, seen.runs)
    assert (400 * tick * cores, 100 * tick * cores) == (seen.core_ns, seen.steal_ns)
    assert 200 * tick * cores - seen.cpu_ns == seen.others_ns


@pytest.mark.parametrize("text", ["", "nonsense", "1 2"])
def test_what_the_system_does_not_tell_is_not_known(tmp_path: Path, text: str) -> None:
    """None, never zero; and nothing is concluded from it."""
    (tmp_path / "thread-self").mkdir()
    (tmp_path / "thread-self" / "schedstat").write_text(text)
    (tmp_path / "stat").write_text(f"cpu0 {text}\n" * 2)
    seen = Snapshot.take(tmp_path).since(tmp_path)
    assert (None, None) == (seen.run_queue_ns, seen.runs)
    assert not seen.others_ns
    assert [] == _blamed(surroundings=seen)
    assert None is Snapshot.take(tmp_path / "nowhere").since(tmp_path).core_ns


def test_workers_on_the_same_cores_are_no_others() -> None:
    """Each took its fellow's processor time for somebody else's; together they know better."""
    cores = frozenset({0, 1})
    each = Surroundings(_S, _S // 2, 10, 5, 2 * _S, 3 * _S // 4, 0, cores)
    both = Surroundings.merged([each, each])
    assert Surroundings(2 * _S, _S, 20, 10, 4 * _S, _S // 2, 0, cores) == both
    apart = Surroundings.merged([each, Surroundings(_S, _S // 2, None, None, _S, 7, 0, frozenset({2}))])
    assert (None, 3 * _S // 4 + 7) == (apart.run_queue_ns, apart.others_ns)


_SERVER = """
import asyncio, sys

async def talk(reader, writer):
    try:
        while True:
            await reader.readuntil(b"\\r\\n\\r\\n")
            await asyncio.sleep(float(sys.argv[1]))
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()

async def main():
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


@contextmanager
def _process(code: str, *arguments: str, core: int | None = None) -> Iterator[str]:
    """Run a program, on one core where that is named, and yield its first line."""
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            if core is not None:
                os.sched_setaffinity(process.pid, {core})
            assert process.stdout
            yield process.stdout.readline()
        finally:
            process.kill()


@contextmanager
def _on_core(core: int) -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _measured(plan: Plan, delay_s: float) -> LoadResult:
    with _process(_SERVER, str(delay_s)) as port:
        guard = Guard("test", frozenset(Effect), {("127.0.0.1", int(port))}, max_requests=1_000_000)
        return LoadResult(run(f"http://127.0.0.1:{int(port)}/", plan, guard=guard))


_PLANS = {
    "20/s": lambda: constant(20, 1),
    "200/s": lambda: constant(200, 1),
    "8 connections": lambda: closed(8, duration_s=1),
}


@pytest.mark.parametrize("delay_s", [0.0, 0.05])
@pytest.mark.parametrize("plan", _PLANS)
def test_a_processor_hog_is_flagged(plan: str, delay_s: float) -> None:
    """A real one, on the generator's own core: whatever is asked of whatever server, the run is not called valid."""
    core = max(os.sched_getaffinity(0))
    with _process("print(flush=True)\nwhile True: pass", core=core), _on_core(core):
        result = _measured(_PLANS[plan](), delay_s)
    assert LoadVerdict.VALID is not result.verdict
    assert result.health.generator


@pytest.mark.proof  # on a machine that others use, the verdict rightly says so
@pytest.mark.parametrize("plan", [*_PLANS, "2 connections for 100/s"])
def test_a_slow_server_is_not_put_on_the_generator(plan: str) -> None:
    """A real one that takes 100 ms for each answer."""
    asked = _PLANS[plan]() if plan in _PLANS else replace(constant(100, 0.5), connections=2)
    for _ in range(3):
        result = _measured(asked, 0.1)
        seen = result.columns.surroundings
        if not seen or not seen.core_ns or (seen.others_ns or 0) < seen.core_ns / 2:
            break
    else:
        pytest.fail("other programs use this machine's processors all the time: nothing can be told here")
    assert result.response_ms
    assert result.response_ms.p50 > 90
    assert (LoadVerdict.VALID, ()) == (result.verdict, result.health.generator)

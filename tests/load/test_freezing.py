"""The truth on a server that stands still for 1 s in every 5, where arithmetic knows what people feel; and what others say of it."""

from __future__ import annotations

import re
import subprocess
import time
from typing import TYPE_CHECKING, Final

import httpx
import numpy as np
import pytest
from freezing_server import Freezing, freezing_server
from load_servers import check, guard

from deployer_lib.load import plan
from deployer_lib.load.outcomes import percentile
from deployer_lib.load.result import LoadResult
from deployer_lib.load.running import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer_lib.load.plan import Plan

# One after the other: each would disturb the next one's server.
pytestmark = pytest.mark.xdist_group("freezing")

_RATE: Final = 200
_SECONDS: Final = 30
#: In milliseconds, by percentile: 1,200 of 6,000 requests wait evenly up to 1 s; the answers themselves get 2 ms.
_TRUTH_MS: Final = {90.0: 502.0, 99.0: 952.0, 99.9: 997.0, 100.0: 1002.0}
_TRIES: Final = 3


def _measured(server: Freezing, made: Plan) -> LoadResult:
    columns = run(server.url, made, guard=guard(server.port))
    check(columns)
    return LoadResult(columns)


def test_the_truth_is_what_arithmetic_says() -> None:
    """Whenever the freezes begin: 30 s hold six whole ones; requests 5 ms apart are at most 5 ms away from the round figures."""
    due_ns = plan.constant(_RATE, _SECONDS).due_ns
    for began_ms in (0, 1, 4, 777, 4_999):
        felt = np.sort(Freezing(0, began_ms * 1_000_000, 1.0, 5.0).felt_ms(due_ns))
        assert (6000, 1200) == (len(felt), int((felt > 0).sum()))
        for percent, expected in _TRUTH_MS.items():
            assert expected - 5 < percentile(felt, percent) + 2 <= expected


@pytest.mark.parametrize(
    "made", [plan.constant(200, 3.0), plan.poisson(200, 3.0, seed=7)], ids=["even", "by chance"]
)
def test_a_frozen_server_is_seen_as_its_users_see_it(made: Plan) -> None:
    """Frozen 0.3 s in every 1.5 s: each request that is due then waits for the end, and the percentiles say so."""
    with freezing_server(0.3, 1.5) as server:
        result = _measured(server, made)
    felt = server.felt_ms(result.columns.intended_ns)
    assert len(felt) == int(result.answered.sum())
    for percent in (85, 90, 95, 99, 100):
        expected = percentile(np.sort(felt), percent)
        assert pytest.approx(expected, abs=25) == percentile(np.sort(result.response_times_ms), percent)
    assert pytest.approx(felt.mean(), abs=12) == result.response_times_ms.mean()


@pytest.fixture(scope="module")
def full() -> LoadResult:
    """Return the measurement in full, made again where the machine's other work disturbed the generator."""
    for _ in range(_TRIES):
        with freezing_server(1.0, 5.0) as server:
            result = _measured(server, plan.constant(_RATE, _SECONDS))
        if not result.health.generator:
            return result
    pytest.fail(f"other programs disturb the generator all the time: {result.reasons[0]}")


@pytest.mark.proof
@pytest.mark.parametrize("percent", _TRUTH_MS)
def test_a_freeze_is_measured_within_2_percent(full: LoadResult, percent: float) -> None:
    """At 200/s for 30 s: the 90th, 99th and 99.9th percentile, and the longest of all."""
    assert _RATE * _SECONDS == int(full.answered.sum())
    assert pytest.approx(_TRUTH_MS[percent], rel=0.02) == percentile(np.sort(full.response_times_ms), percent)


def _printed(pattern: str, times: float, *argv: str) -> float:
    text = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=_SECONDS + 30).stdout
    found = re.search(pattern, text)
    assert found, text
    return float(found[1]) * times


def _ab(connections: int) -> Callable[[str], float]:
    words = ("-q", "-k", "-c", str(connections), "-t", str(_SECONDS), "-n", "10000000", "-e", "/dev/stdout")
    return lambda url: _printed(r"(?m)^99,([\d.]+)", 1, "ab", *words, url)


def _hey(connections: int) -> Callable[[str], float]:
    words = ("-c", str(connections), "-z", f"{_SECONDS}s")
    return lambda url: _printed(r"99%%? in ([\d.]+) secs", 1e3, "hey", *words, url)


def _httpx(url: str) -> float:
    took_ms: list[float] = []
    with httpx.Client() as client:
        end = time.monotonic() + _SECONDS
        while (sent := time.monotonic()) < end:
            client.get(url).raise_for_status()
            took_ms.append((time.monotonic() - sent) * 1e3)
    return percentile(np.sort(np.array(took_ms)), 99.0)


_OTHERS: Final = {"ab -c 1": _ab(1), "ab -c 10": _ab(10), "hey -c 10": _hey(10), "a loop of httpx": _httpx}


@pytest.mark.proof
@pytest.mark.parametrize("name", _OTHERS)
def test_who_asks_again_when_answered_is_a_hundred_times_off(full: LoadResult, name: str) -> None:
    """The same server for as long, as many requests as it manages: a frozen connection counts its wait once, as one request."""
    with freezing_server(1.0, 5.0) as server:
        told_ms = _OTHERS[name](server.url)
    assert full.response_ms
    print(f"99th percentile: {name} {told_ms:.1f} ms, load {full.response_ms.p99:.0f} ms")  # noqa: T201  (pytest -rP shows what was measured)
    assert 0 < 100 * told_ms <= min(_TRUTH_MS[99.0], full.response_ms.p99)

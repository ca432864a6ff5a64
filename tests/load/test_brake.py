"""The brake ends a load that most of the target's users would suffer from."""

from __future__ import annotations

from itertools import accumulate

from deployer_lib.load.brake import Brake

_S = 1_000_000_000


def over(times_ns: list[int], bad: list[bool]) -> list[bool]:
    """Return what the brake says after each request that ended."""
    brake = Brake()
    totals = accumulate(map(int, bad))
    return [
        brake.over(at, ended, wrong)
        for ended, (at, wrong) in enumerate(zip(times_ns, totals, strict=True), 1)
    ]


def test_the_brake_holds_after_two_seconds_of_errors() -> None:
    """One bad second is no reason; two on end above 5 % are."""
    steps = over([i * _S // 10 for i in range(40)], [i % 10 == 0 for i in range(40)])
    assert steps[:20] == [False] * 20
    assert any(steps[20:])


def test_the_brake_lets_few_errors_pass() -> None:
    assert not any(over([i * _S // 100 for i in range(1_000)], [i % 50 == 49 for i in range(1_000)]))


def test_the_brake_forgets_after_good_answers() -> None:
    assert not any(over([i * _S // 10 for i in range(200)], [i == 3 for i in range(200)]))

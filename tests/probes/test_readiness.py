"""A lost database must show within five seconds, and only where it should; seen on a copy, and said to be."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from deployer_lib.check import Outcome, Provenance, Skip
from deployer_lib.errors import Unavailable
from deployer_lib.probes import readiness as module
from deployer_lib.probes.readiness import readiness

if TYPE_CHECKING:
    from collections.abc import Iterator

SMOKE = {"database": {"path": "/health/db"}}
WELL: Any = (200, {}, {"status": "ok"})
ILL: Any = (503, {}, {"status": "unavailable"})


class Copy:
    """A copy of the application that a test's handler plays."""

    pid = 0

    def __init__(self, base_url: str, state: dict[str, bool], *, ready: bool = True) -> None:
        self.base_url, self.state, self.ready = base_url, state, ready

    def wait_ready(self, within_s: float) -> bool:
        assert within_s > 0
        return self.ready

    def wait_exit(self, within_s: float) -> int | None:
        raise NotImplementedError(within_s)

    def output(self) -> str:
        return "no such table: orders"

    def lose_database(self) -> None:
        self.state["lost"] = True


@pytest.fixture
def experiment(served: Any, context: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return ``experiment(handler(path, lost)) -> results``."""
    monkeypatch.setattr(module, "_NOTICE_S", 0.3)
    monkeypatch.setattr(module, "_TIMEOUT_S", 0.5)

    def run(handler: Any, *, ready: bool = True, smoke: Any = SMOKE) -> list[Any]:
        state = {"lost": False}
        copy_url = served(lambda asked: handler(asked.path, state["lost"]))
        ctx = context(served(lambda _asked: WELL), smoke=smoke)

        @contextmanager
        def copies(_name: str, _variables: Any) -> Iterator[Copy]:
            yield Copy(copy_url, state, ready=ready)

        ctx.target.copies = copies
        return list(readiness(ctx))

    return run


def test_a_sound_application_notices_and_stays_alive(experiment: Any) -> None:
    results = experiment(lambda path, lost: ILL if lost and path == "/health/db" else WELL)
    assert [(r.subject, r.outcome) for r in results] == [
        ("/health/db", Outcome.PASS),
        ("/health", Outcome.PASS),
    ]
    assert {Provenance.DIAGNOSTIC} == {r.provenance for r in results}
    assert results[0].evidence["after"] == "503"


@pytest.mark.parametrize(
    ("handler", "subject", "said"),
    [
        (lambda _path, _lost: WELL, "/health/db", "went on answering 200"),
        (lambda path, lost: None if lost and path == "/health/db" else WELL, "/health/db", "no answer"),
        (lambda _path, lost: ILL if lost else WELL, "/health", "liveness must not depend"),
    ],
)
def test_each_fault_is_a_finding(experiment: Any, handler: Any, subject: str, said: str) -> None:
    results = experiment(handler)
    [result] = [r for r in results if r.outcome is Outcome.FAIL]
    assert (subject, Provenance.DIAGNOSTIC) == (result.subject, result.provenance)
    assert said in result.message
    assert result.fix.code
    assert result.fix.docs


def test_200_with_a_body_that_says_down_is_noticed(experiment: Any) -> None:
    down: Any = (200, {}, {"status": "down"})
    results = experiment(lambda path, lost: down if lost and path == "/health/db" else WELL)
    assert {Outcome.PASS} == {r.outcome for r in results}


def test_a_copy_that_does_not_start_or_is_ill_from_the_start_tells_nothing(experiment: Any) -> None:
    [result] = experiment(lambda _path, _lost: WELL, ready=False)
    assert result.outcome is Outcome.ERROR
    assert "no such table" in result.evidence["output"]
    [result] = experiment(lambda _path, _lost: ILL)
    assert result.outcome is Outcome.ERROR


def test_skips(served: Any, context: Any, experiment: Any) -> None:
    [result] = readiness(context(served(lambda _asked: WELL)))
    assert result.skip is Skip.UNAVAILABLE
    [result] = experiment(
        lambda _path, _lost: WELL, smoke={"database": {"path": "/health/db", "readiness": False}}
    )
    assert result.skip is Skip.NOT_APPLICABLE
    with pytest.raises(Unavailable):  # the phase makes it a skip
        list(readiness(context(served(lambda _asked: WELL), smoke=SMOKE)))

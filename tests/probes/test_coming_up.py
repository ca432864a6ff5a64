from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from deployer_lib.app.handover import Live
from deployer_lib.app.target import Artifact
from deployer_lib.check import Outcome, Result, Skip
from deployer_lib.probes import coming_up
from deployer_lib.probes.coming_up import keeps_answering, right_version

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer_lib.probes.context import Context

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LIVE = Live(version="2.0", build_id="b2", artifact={"commit": COMMIT, "version": "2.0"})


def one(results: Any) -> Result:
    found: list[Result] = list(results)
    assert len(found) == 1, found
    return found[0]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask without the pauses."""
    monkeypatch.setattr(coming_up, "_OVER_S", 0.04)


@pytest.fixture
def ready(
    served: Callable[[Any], str], context: Callable[..., Context], quick: None
) -> Callable[..., Result]:
    """Give what judges a handler by deploy.ready."""
    del quick

    def judge(handler: Any, **declared: Any) -> Result:
        url = served(handler)
        ctx = context(
            url,
            deploy={"kind": "none", "address": url, "ready": {"path": "/health", **declared}},
            files={"app.py": '@app.get("/health")\ndef health(): ...\n'},
        )
        return one(keeps_answering(ctx))

    return judge


def sound(asked: Any) -> Any:
    return (200, {}, {"status": "ok"}) if asked.path == "/health" else (404, {}, "no")


def test_what_keeps_answering_passes(ready: Callable[..., Result]) -> None:
    """Every answer is evidence, and the control was refused."""
    result = ready(sound, expect='json.status == "ok"')
    answers: Any = result.evidence["answers"]
    assert result.outcome is Outcome.PASS, result
    assert (5, 404) == (len(answers), result.evidence["control_status"])


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ((503, {}, "no"), "status 503, not 200"),
        ((200, {}, {"status": "degraded"}), "does not hold"),
        (None, "cut"),
    ],
)
def test_what_stops_answering_fails(ready: Callable[..., Result], last: Any, said: str) -> None:
    """The third answer is another one: a status, a body, none at all."""
    count = 0

    def handler(asked: Any) -> Any:
        nonlocal count
        count += asked.path == "/health"
        return last if count == 3 else sound(asked)

    result = ready(handler, expect='json.status == "ok"')
    assert result.outcome is Outcome.FAIL
    assert "after 2 answers" in result.message
    assert said in result.message
    assert [("app.py", 1)] == [(place.file, place.line) for place in result.locations]


def test_a_catch_all_is_not_health(ready: Callable[..., Result]) -> None:
    """Where any path is answered the same, 200 says nothing."""
    result = ready(lambda _asked: (200, {}, "<html>"))
    assert result.outcome is Outcome.FAIL
    assert "says nothing" in result.message


@pytest.fixture
def version(served: Callable[[Any], str], context: Callable[..., Context]) -> Callable[..., Result]:
    """Give what judges an answer of /version by deploy.version."""

    def judge(answer: Any, *, live: Live | None = LIVE, path: str = "/version", before: str = "") -> Result:
        url = served(lambda _asked: (200, {}, answer))
        ctx = context(
            url,
            deploy={"kind": "none", "address": url, "ready": {"version_path": path}},
            files={"app.py": 'VERSION = "1.0"\n'},
        )
        ctx.live = live
        if before:
            ctx.target.previous = lambda: Artifact("shop", "sha256:1", "", before)  # type: ignore[method-assign]
        return one(right_version(ctx))

    return judge


@pytest.mark.parametrize(
    "answer",
    [
        {"version": "2.0", "build_id": "b2"},
        {"build": {"buildId": "b2"}},
        {"git": {"commit": {"id": COMMIT[:8]}}},
        {"sha": COMMIT + "-dirty"},
    ],
)
def test_the_deployed_version_passes(version: Callable[..., Result], answer: Any) -> None:
    """Under the names that applications use, nested or not, a commit abbreviated or not."""
    assert version(answer).outcome is Outcome.PASS


@pytest.mark.parametrize(
    "answer",
    [
        {"version": "1.0"},
        {"version": "2.0", "build_id": "b1"},
        {"version": "12.0"},
        {"version": "2.0.1"},
        {"build_id": "b22"},
        {"commit": "0123456"[::-1]},
        {"commit": "012345"},
    ],
)
def test_another_version_fails_however_alike(version: Callable[..., Result], answer: Any) -> None:
    """One wrong value is enough; a part of a value is another value."""
    result = version(answer)
    assert result.outcome is Outcome.FAIL, result
    assert result.fix.code


def test_a_version_written_into_the_code_is_found(version: Callable[..., Result]) -> None:
    """The constant's line is the place."""
    assert ("app.py", 1) == next((p.file, p.line) for p in version({"version": "1.0"}).locations)


@pytest.mark.parametrize("answer", ["2.0", {"name": "shop"}, [], {"commit": None}])
def test_an_answer_without_version_tells_nothing(version: Callable[..., Result], answer: Any) -> None:
    """It is no pass, and no finding against the application either."""
    assert version(answer).outcome is Outcome.ERROR


def test_a_label_that_both_releases_have_tells_nothing(version: Callable[..., Result]) -> None:
    """A smoke test that passes against the old version is the classic."""
    assert version({"version": "2.0"}, before="2.0").outcome is Outcome.ERROR
    assert version({"version": "2.0"}, before="1.0").outcome is Outcome.PASS
    assert version({"version": "2.0", "build_id": "b2"}, before="2.0").outcome is Outcome.PASS


def test_an_unknown_commit_is_not_compared(version: Callable[..., Result]) -> None:
    """The word unknown on both sides proves nothing."""
    live = Live(artifact={"commit": "unknown"})
    assert version({"commit": "unknown"}, live=live).outcome is Outcome.ERROR


def test_what_is_not_declared_is_skipped(version: Callable[..., Result]) -> None:
    """And says what to declare."""
    result = version({}, path="")
    assert (Outcome.SKIP, Skip.UNAVAILABLE) == (result.outcome, result.skip)
    assert "deploy.ready.version_path" in result.message
    assert version({"version": "2.0"}, live=None).outcome is Outcome.ERROR

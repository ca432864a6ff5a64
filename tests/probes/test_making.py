"""One check is made: what stands in its way, what a probe says and raises, and what counts as evidence."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from deployer_lib.app.http import Http
from deployer_lib.app.none import NoTarget
from deployer_lib.catalogue import CheckSpec, Effect, Level, Profile, Severity
from deployer_lib.check import Outcome, Result, Skip, errored, passed
from deployer_lib.errors import DeployerError, NotAllowed, RequestFailed, Unavailable
from deployer_lib.guard import Guard
from deployer_lib.parameters.model import Parameters
from deployer_lib.places import Places
from deployer_lib.probes.context import Context
from deployer_lib.probes.making import Standing, made

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from deployer_lib.check import Check
    from deployer_lib.probes.context import Probe

SPEC = CheckSpec("smoke.thing", "E3", "The thing works", Severity.HIGH, needs=("smoke.health",))
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def standing(**changes: Any) -> Standing:
    values: dict[str, Any] = {
        "profile": Profile.WEB,
        "level": Level.QUICK,
        "not_applicable": {},
        "deployed": True,
        "blocked_by": "",
        "outcomes": {"smoke.health": (Outcome.PASS, None)},
        "because": {},
        "time_left_s": 60.0,
        "severities": {},
    }
    return Standing(**{**values, **changes})


@pytest.fixture
def idle_context(tmp_path: Path) -> Callable[..., Context]:
    """Give what makes a context that reaches no application."""

    def build(allow: frozenset[Effect] = frozenset(Effect)) -> Context:
        address = "http://127.0.0.1:9"
        guard = Guard("test", allow, {("127.0.0.1", 9)})
        return Context(
            parameters=Parameters.model_validate(
                {"environment": "test", "deploy": {"kind": "none", "address": address}}
            ),
            guard=guard,
            http=Http(guard, address, run="test"),
            target=NoTarget(address),
            live=None,
            places=Places.of(tmp_path, "test"),
            root=tmp_path,
            project=tmp_path,
            workspace=tmp_path,
            scratch=tmp_path,
            progress=lambda _line: None,
            hide=lambda _value, _name: None,
            keep=lambda name, _data: f"evidence/{name}",
            propose=lambda name, _text: name,
        )

    return build


@pytest.fixture
def make(idle_context: Callable[..., Context]) -> Callable[..., list[Check]]:
    def run(probe: Probe, spec: CheckSpec = SPEC, **changes: Any) -> list[Check]:
        checks, interrupted = made(spec, probe, idle_context(), standing(**changes), lambda: NOW)
        if interrupted is not None:
            raise interrupted
        return checks

    return run


def raising(error: BaseException) -> Probe:
    def probe(_: Context) -> Iterator[Result]:
        yield passed("seen before", subject="first", seen=1)
        raise error

    return probe


def saying(*results: Result) -> Probe:
    def probe(_: Context) -> Iterable[Result]:
        return results

    return probe


def test_a_pass_without_evidence_is_an_error(make: Callable[..., list[Check]]) -> None:
    (check,) = make(saying(passed("all is well")))
    assert (Outcome.ERROR, "no evidence for: all is well") == (check.outcome, check.result.message)


def test_a_probe_that_says_nothing_is_an_error(make: Callable[..., list[Check]]) -> None:
    (check,) = make(saying())
    assert (Outcome.ERROR, "the check looked at nothing") == (check.outcome, check.result.message)


@pytest.mark.parametrize(
    ("error", "outcome", "skip"),
    [
        (NotAllowed("no"), Outcome.SKIP, Skip.NOT_ALLOWED),
        (Unavailable("not here"), Outcome.SKIP, Skip.UNAVAILABLE),
        (RequestFailed("refused", kind="refused"), Outcome.FAIL, None),
        (DeployerError("odd"), Outcome.ERROR, None),
        (ZeroDivisionError("a defect"), Outcome.ERROR, None),
    ],
)
def test_what_a_probe_raises_becomes_an_outcome_beside_what_it_saw(
    make: Callable[..., list[Check]], error: Exception, outcome: Outcome, skip: Skip | None
) -> None:
    before, after = make(raising(error))
    assert Outcome.PASS is before.outcome
    assert (outcome, skip) == (after.outcome, after.result.skip)


def test_an_interrupt_keeps_what_was_seen_and_goes_on(idle_context: Callable[..., Context]) -> None:
    checks, interrupted = made(SPEC, raising(KeyboardInterrupt()), idle_context(), standing(), lambda: NOW)
    assert isinstance(interrupted, KeyboardInterrupt)
    assert [Outcome.PASS, Outcome.ERROR] == [check.outcome for check in checks]


@pytest.mark.parametrize(
    ("changes", "skip", "because"),
    [
        ({"not_applicable": {"smoke.thing": "there is no thing"}}, Skip.NOT_APPLICABLE, None),
        ({"blocked_by": "build.run"}, Skip.BLOCKED, "build.run"),
        ({"outcomes": {"smoke.health": (Outcome.FAIL, None)}}, Skip.BLOCKED, "smoke.health"),
        ({"outcomes": {}}, Skip.BLOCKED, "smoke.health"),
        (
            {
                "outcomes": {"smoke.health": (Outcome.SKIP, Skip.BLOCKED)},
                "because": {"smoke.health": "deploy.run"},
            },
            Skip.BLOCKED,
            "deploy.run",
        ),
        ({"time_left_s": 0.0}, Skip.CUT, None),
    ],
)
def test_what_stands_in_the_way_is_a_skip_of_its_kind(
    make: Callable[..., list[Check]], changes: dict[str, Any], skip: Skip, because: str | None
) -> None:
    def never(_: Context) -> Iterable[Result]:
        raise AssertionError("the probe ran")

    (check,) = make(never, **changes)
    assert (Outcome.SKIP, skip, because) == (check.outcome, check.result.skip, check.result.because)


def test_a_need_that_says_nothing_here_does_not_block(make: Callable[..., list[Check]]) -> None:
    (check,) = make(
        saying(passed("works", seen=1)), outcomes={"smoke.health": (Outcome.SKIP, Skip.NOT_APPLICABLE)}
    )
    assert Outcome.PASS is check.outcome


def test_a_profile_that_it_does_not_apply_to_skips_it(make: Callable[..., list[Check]]) -> None:
    spec = CheckSpec("smoke.page", "E3", "A page", Severity.HIGH, profiles=(Profile.WEB,))
    (check,) = make(saying(passed("x", seen=1)), spec, profile=Profile.WORKER)
    assert Skip.NOT_APPLICABLE is check.result.skip


def test_a_deep_check_is_made_at_level_deep_alone(make: Callable[..., list[Check]]) -> None:
    """A quick run says that it was left out, and how to have it."""
    spec = CheckSpec("smoke.limits", "F10", "Limits", Severity.HIGH, level=Level.DEEP)
    (left_out,) = make(saying(passed("x", seen=1)), spec)
    assert Skip.NOT_APPLICABLE is left_out.result.skip
    assert "level: deep" in left_out.result.message
    (check,) = make(saying(passed("x", seen=1)), spec, level=Level.DEEP)
    assert Outcome.PASS is check.outcome


def test_nothing_deployed_is_an_error_that_says_what_to_do(make: Callable[..., list[Check]]) -> None:
    (check,) = make(saying(passed("x", seen=1)), deployed=False)
    assert (Outcome.ERROR, "nothing is deployed: run 03 first") == (check.outcome, check.result.message)


def test_an_effect_that_is_not_allowed_never_reaches_the_probe(
    idle_context: Callable[..., Context],
) -> None:
    def never(_: Context) -> Iterable[Result]:
        raise AssertionError("the probe ran")

    spec = CheckSpec("smoke.stress", "E6", "Stress", Severity.HIGH, Effect.STRESS)
    context = idle_context(allow=frozenset({Effect.OBSERVE}))
    checks, _ = made(spec, never, context, standing(), lambda: NOW)
    assert [Skip.NOT_ALLOWED] == [check.result.skip for check in checks]


def test_subjects_that_stand_twice_keep_names_of_their_own(make: Callable[..., list[Check]]) -> None:
    checks = make(saying(errored("a", subject="s"), errored("b", subject="s"), errored("c", subject="s")))
    assert ["s", "s (2)", "s (3)"] == [check.subject for check in checks]


def test_severity_is_the_environments_then_the_probes_then_the_catalogues(
    make: Callable[..., list[Check]],
) -> None:
    said = Result(Outcome.FAIL, "x", severity=Severity.LOW)
    assert [Severity.LOW] == [c.severity for c in make(saying(said))]
    assert [Severity.CRITICAL] == [
        c.severity for c in make(saying(said), severities={"smoke.thing": Severity.CRITICAL})
    ]
    assert [Severity.HIGH] == [c.severity for c in make(saying(Result(Outcome.FAIL, "x")))]

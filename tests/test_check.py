"""The vocabulary of checks: the verdict, and JSON that is read back as it was written."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer_lib.catalogue import BOXES, CATALOGUE, PHASES, SHARES, Effect, Severity
from deployer_lib.check import (
    Check,
    Code,
    Fix,
    Location,
    Outcome,
    Provenance,
    Result,
    Skip,
    Verdict,
    Waiver,
    judge,
)
from deployer_lib.probes import MODULES
from deployer_lib.probes.context import PROBES

WAIVER = Waiver("Maria", "the CDN adds it", "SHOP-1", "2026-12-31")


def check(
    outcome: Outcome,
    *,
    id_: str = "smoke.health",
    severity: Severity = Severity.CRITICAL,
    skip: Skip | None = None,
    waiver: Waiver | None = None,
) -> Check:
    result = Result(outcome, "m", skip=skip)
    return Check(id_, "E1", "smoke", "t", Effect.OBSERVE, severity, result, waiver=waiver)


@pytest.mark.parametrize(
    ("checks", "verdict"),
    [
        ([], Verdict.UNDECIDED),
        ([check(Outcome.PASS)], Verdict.GO),
        ([check(Outcome.FAIL)], Verdict.NO_GO),
        ([check(Outcome.FAIL), check(Outcome.ERROR, id_="smoke.cors")], Verdict.NO_GO),
        ([check(Outcome.FAIL, severity=Severity.HIGH)], Verdict.GO),
        ([check(Outcome.FAIL, waiver=WAIVER)], Verdict.GO),
        ([check(Outcome.ERROR)], Verdict.UNDECIDED),
        ([check(Outcome.SKIP, skip=Skip.NOT_APPLICABLE)], Verdict.GO),
        *(
            ([check(Outcome.SKIP, skip=kind)], Verdict.UNDECIDED)
            for kind in Skip
            if kind is not Skip.NOT_APPLICABLE
        ),
    ],
)
def test_no_go_comes_before_undecided_before_go(checks: list[Check], verdict: Verdict) -> None:
    assert verdict is judge(checks)[0]


def test_block_on_and_required_are_obeyed() -> None:
    high = check(Outcome.FAIL, severity=Severity.HIGH)
    assert (Verdict.NO_GO, ("smoke.health",), ()) == judge([high], block_on=Severity.HIGH)
    unasked = check(Outcome.ERROR, id_="smoke.cors")
    assert Verdict.GO is judge([check(Outcome.PASS), unasked], required=["smoke.health"])[0]
    assert (Verdict.UNDECIDED, (), ("smoke.cors",)) == judge([check(Outcome.PASS)], required=["smoke.cors"])


TEXT = st.text(max_size=30)


@given(
    message=TEXT,
    subject=TEXT,
    outcome=st.sampled_from(Outcome),
    skip=st.sampled_from([None, *Skip]),
    provenance=st.sampled_from(Provenance),
    severity=st.sampled_from(Severity),
    evidence=st.dictionaries(
        TEXT, st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT, max_size=3
    ),
    code=st.lists(st.builds(Code, TEXT, TEXT, st.integers(0, 99), TEXT), max_size=2),
    waiver=st.none() | st.just(WAIVER),
)
def test_json_is_read_back_as_it_was_written(
    message: str,
    subject: str,
    outcome: Outcome,
    skip: Skip | None,
    provenance: Provenance,
    severity: Severity,
    evidence: dict[str, str | int | bool | None],
    code: list[Code],
    waiver: Waiver | None,
) -> None:
    result = Result(
        outcome,
        message,
        subject,
        skip=skip,
        provenance=provenance,
        fix=Fix(("step",), tuple(code), "https://docs.example", 5),
        locations=(Location("a.py", 3),),
        evidence=evidence,
    )
    one = Check(
        "a.b", "E1", "a", "t", Effect.WRITE, severity, result, "2026-01-01T00:00:00.000Z", 1.5, waiver, 3
    )
    assert one == Check.from_json(json.loads(json.dumps(one.to_json())))


def test_every_check_of_the_catalogue_has_one_probe_in_its_phases_files() -> None:
    from importlib import import_module  # noqa: PLC0415

    for phase, names in MODULES.items():
        for name in names:
            import_module(f"deployer_lib.probes.{name}")
        missing = [s.id for s in CATALOGUE.values() if s.phase == phase and s.id not in PROBES]
        assert [] == missing
    assert set() == set(PROBES) - set(CATALOGUE)


def test_the_catalogue_is_sound() -> None:
    for spec in CATALOGUE.values():
        assert spec.phase in PHASES
        assert all(need in CATALOGUE for need in spec.needs)
        assert 0 <= spec.box <= len(BOXES)
    order = list(CATALOGUE)
    late = [(s.id, n) for s in CATALOGUE.values() for n in s.needs if order.index(n) > order.index(s.id)]
    assert [] == late
    assert 1.0 == pytest.approx(sum(part for part, _ in SHARES.values()))
    assert set(PHASES) == {phase for _, phases in SHARES.values() for phase in phases}

from __future__ import annotations

import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import referencing
from made_records import check, faulty_checks, inputs, record, sound_checks, with_results

from deployer_lib.check import Check, errored
from deployer_lib.record import Record
from deployer_lib.reports.build import build
from deployer_lib.reports.results import finished_at

jsonschema: Any = import_module("jsonschema")  # it ships no types
SCHEMAS = Path(__file__).parents[2] / "docs" / "schema"


def validator(name: str) -> Any:
    """Return the validator of a published schema, which may refer to its neighbours."""
    schemas = {path.name: json.loads(path.read_bytes()) for path in SCHEMAS.glob("*.schema.json")}
    resources = ((key, referencing.Resource.from_contents(value)) for key, value in schemas.items())
    made = jsonschema.Draft202012Validator
    made.check_schema(schemas[name])
    return made(schemas[name], registry=referencing.Registry[Any]().with_resources(resources))


@pytest.mark.parametrize(
    "made",
    [
        record(),
        record(faulty_checks()),
        Record(inputs(), ()),
        replace(record(), aborted=True, withheld=("a",)),
    ],
    ids=["go", "no-go", "empty", "aborted"],
)
def test_results_keep_their_schema(made: Record) -> None:
    """Every verdict's document is valid after a round trip through JSON."""
    results = json.loads(json.dumps(build(made).results))
    validator("results.schema.json").validate(results)
    assert [Check.from_json(c).to_json() for c in results["checks"]] == results["checks"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("verdict", "maybe"), ("round", 0), ("blocking", ["a.b"]), ("reason", "two\nlines"), ("phases", [{}])],
)
def test_schema_refuses(name: str, value: object) -> None:
    results = {**build(record()).results, name: value}
    assert not validator("results.schema.json").is_valid(results)


def test_schema_refuses_a_pass_without_evidence_and_a_skip_without_kind() -> None:
    made = sound_checks()["smoke.health"][0].to_json()
    wrongs: tuple[dict[str, Any], ...] = ({"evidence": {}}, {"outcome": "skip"}, {"skip": "cut"})
    for wrong in wrongs:
        assert not validator("check.schema.json").is_valid({**made, **wrong})
    assert validator("check.schema.json").is_valid(made)


def test_results_say_what_the_log_says() -> None:
    results = build(record(faulty_checks())).results
    assert results["counts"] == {"pass": 47, "fail": 8, "error": 1, "skip": 2}
    assert results["blocking"] == ["environment.variables_set", "smoke.health", "smoke.cors"]
    assert results["artifact"] == {"name": "shop-1.2.3.tar", "digest": "sha256:ab", "commit": "deadbee"}
    assert results["version"] == "1.2.3"
    assert results["record"] == "outputs/staging/01HM6QZ8Y3V9K2T4B5N6P7R8S9"


def test_end_is_the_last_phases() -> None:
    """The end comes from the record; a time that is none is passed over."""
    assert finished_at(record()) == "2024-01-15T14:33:28.000Z"
    assert finished_at(Record(inputs(), ())) == inputs().now
    odd = replace(record(), phases=(replace(record().phases[0], started_at="soon"),))
    assert finished_at(odd) == inputs().now


def test_nothing_of_the_record_is_invented() -> None:
    results = build(record({"smoke.cors": [check("smoke.cors", errored("No answer."))]})).results
    assert (results["artifact"], results["version"]) == (None, "")


def test_large_record_stays_fast_and_whole() -> None:
    """A run with three hundred findings is reported whole."""
    one = faulty_checks()["smoke.health"][0]
    many = [replace(one, result=replace(one.result, subject=f"/health/{at}")) for at in range(300)]
    checks = with_results()
    checks["smoke.health"] = many
    reports = build(record(checks))
    assert reports.log.count("### Error #") == 300
    assert (reports.next_actions or b"").count(b"deployer:smoke.health:/health/") == 300

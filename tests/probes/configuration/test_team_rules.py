"""A team's rule holds, is broken with its values and place, or could not be told; secrets are never shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from deployer_lib.catalogue import Severity
from deployer_lib.check import Location, Outcome, Result, Skip
from deployer_lib.probes.configuration_probe import configuration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from deployer_lib.probes.context import Context

ADDRESS = "http://127.0.0.1:9"
YAML = "database:\n  host: db.internal\n  ssl: false\n  password: hunter22\n  url: postgres://u:hunter33@db.internal/x\n"


@pytest.fixture
def held(context: Callable[..., Context]) -> Callable[..., Result]:
    """Return ``held(expression, file, text, variables)``: what came of one rule."""

    def hold(
        expression: str,
        text: str = YAML,
        file: str = "config/production.yaml",
        variables: Mapping[str, str] | None = None,
        kind: str = "process",
        **rule: Any,
    ) -> Result:
        ctx = context(
            ADDRESS,
            files={file: text} if file else {},
            deploy={"kind": kind, "address": ADDRESS, "start": ["x"], "variables": dict(variables or {})},
            configuration={
                "rules": [{"name": "the rule", "file": file, "holds": expression, **rule}],
                "starter": False,
            },
        )
        (result,) = configuration(ctx)
        return result

    return hold


def test_a_rule_that_holds_shows_its_operands(held: Callable[..., Result]) -> None:
    result = held('config.database.host == "db.internal" && env.LEVEL == "info"', variables={"LEVEL": "info"})
    assert Outcome.PASS is result.outcome
    assert {"config.database.host": "db.internal", "env.LEVEL": "info"} == result.evidence["operands"]
    assert "the rule" == result.subject


def test_a_broken_rule_names_value_place_and_line_to_write(held: Callable[..., Result]) -> None:
    result = held("config.database.ssl == true", severity="medium")
    assert (Outcome.FAIL, Severity.MEDIUM) == (result.outcome, result.severity)
    assert "config.database.ssl == true does not hold: config.database.ssl is false." == result.message
    assert (Location("config/production.yaml", 3),) == result.locations
    assert ("config/production.yaml", 3, "  ssl: true") == (
        result.fix.code[0].file,
        result.fix.code[0].line,
        result.fix.code[0].text,
    )


@pytest.mark.parametrize(
    ("file", "text", "expression", "line", "fixed"),
    [
        ("a.json", '{"db": {\n  "ssl": false,\n  "x": 1}}', "config.db.ssl == true", 2, '  "ssl": true,'),
        ("a.toml", "[db]\nssl = false\n", "config.db.ssl == true", 2, "ssl = true"),
        (".env.production", "A=1\nexport SSL=off\n", 'config.SSL == "on"', 2, "export SSL=on"),
        ("a.properties", "db.ssl=false\n", 'config.db.ssl == "true"', 1, "db.ssl=true"),
        ("a.py", "X = 1\nDEBUG = True\n", "config.DEBUG == false", 2, "DEBUG = False"),
        ("a.py", 'D = {\n  "x": {"ssl": False}}\n', "config.D.x.ssl == true", 2, '"ssl": True,'),
        ("a.js", "module.exports = {\n  ssl: false,\n};", "config.ssl == true", 2, "  ssl: true,"),
        ("a.ini", "[log]\nlevel: debug\n", "config.log.level == 'info'", 2, "level: info"),
    ],
)
def test_every_format_has_its_line_and_fix(
    held: Callable[..., Result], file: str, text: str, expression: str, line: int, fixed: str
) -> None:
    result = held(expression, text, file)
    assert (Outcome.FAIL, (Location(file, line),)) == (result.outcome, result.locations)
    assert (file, line, fixed) == (result.fix.code[0].file, result.fix.code[0].line, result.fix.code[0].text)


def test_the_teams_own_words_are_the_fix(held: Callable[..., Result]) -> None:
    assert "ssl: verify-full" == held("config.database.ssl == true", fix="ssl: verify-full").fix.code[0].text


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("config.database.tls == true", "there is no key"),
        ('config.database.ssl == "true"', "config.database.ssl is true or false"),
        ("config.database.ssl", None),
        ("config.database.host", "neither true nor false"),
        ("config.database.ssl == ", "could not be told"),
        ("1 == 1", "neither config nor env"),
        ("nobody.knows == 1 && config.database.ssl", "nobody is not defined"),
        ("config.database.ssl == false || config.database.nope == 1", "there is no key config.database.nope"),
        ("config.database.ssl && env.NOPE == 'x'", "there is no key env.NOPE"),
        ("env.NOPE == 'x'", "there is no key"),
        ("config.database.host > 5", "types that cannot be compared"),
    ],
)
def test_what_can_not_be_told_is_an_error(
    held: Callable[..., Result], expression: str, why: str | None
) -> None:
    result = held(expression)
    if why is None:
        assert Outcome.FAIL is result.outcome
    else:
        assert Outcome.ERROR is result.outcome
        assert why in result.message


@pytest.mark.parametrize(
    ("text", "file", "why"),
    [
        ("a: [1\n", "config/production.yaml", "config/production.yaml:2: it is no YAML"),
        ('{"a": NaN}', "a.json", "a.json:1: it is no JSON"),
        ("X = (\n", "a.py", "it is no Python"),
        ("throw 1", "a.js", "evaluating it failed"),
    ],
)
def test_a_file_that_is_broken_is_named(held: Callable[..., Result], text: str, file: str, why: str) -> None:
    result = held("config.a == 1", text, file)
    assert Outcome.ERROR is result.outcome
    assert why in result.message


def test_a_missing_file_is_an_error(context: Callable[..., Context]) -> None:
    rules = [{"name": "x", "file": "none.yaml", "holds": "config.a == 1"}]
    (result,) = configuration(context(ADDRESS, configuration={"rules": rules, "starter": False}))
    assert (Outcome.ERROR, True) == (result.outcome, "there is no such file" in result.message)


@pytest.mark.parametrize(
    ("expression", "outcome"),
    [
        ("config.KNOWN == 1", Outcome.PASS),
        ("config.KNOWN == 1 || config.UNKNOWN == 2", Outcome.PASS),
        ("config.KNOWN == 2 && config.UNKNOWN == 2", Outcome.FAIL),
        ("config.UNKNOWN == 1", Outcome.ERROR),
        ("!has(config.UNKNOWN)", Outcome.ERROR),
        ("has(config.UNKNOWN)", Outcome.ERROR),
        ("has(config.MAP.inner)", Outcome.ERROR),
        ("'UNKNOWN' in config", Outcome.ERROR),
        ("config.MAP.exists(k, config.MAP[k] == 'x')", Outcome.ERROR),
        ("has(config.KNOWN)", Outcome.PASS),
        ("!has(config.NOPE) && ['a'].exists(x, x == 'a')", Outcome.PASS),
        ("config['KNOWN'] == 1 ? true : config.UNKNOWN == 2", Outcome.PASS),
    ],
)
def test_a_value_that_is_made_at_run_time_makes_no_answer(
    held: Callable[..., Result], expression: str, outcome: Outcome
) -> None:
    """Whatever a rule asks of it; rules that do not depend on it are told."""
    text = "import lib\nKNOWN = 1\nUNKNOWN = lib.x()\nMAP = {'inner': lib.y()}\n"
    result = held(expression, text, "settings.py")
    assert outcome is result.outcome
    if expression == "config.UNKNOWN == 1":
        assert "config.UNKNOWN (settings.py:3): lib.x is called at run time" in result.message
        assert (Location("settings.py", 3),) == result.locations


def test_a_target_that_is_not_told_leaves_env_open(held: Callable[..., Result]) -> None:
    """Nobody declared variables: an error. Some are declared: others may be set all the same."""
    assert Outcome.ERROR is held("!has(env.DEBUG)", kind="none").outcome
    assert Outcome.ERROR is held("!has(env.DEBUG)", kind="none", variables={"A": "1"}).outcome
    assert Outcome.PASS is held("env.A == '1'", kind="none", variables={"A": "1"}).outcome
    assert Outcome.PASS is held("!has(env.DEBUG)", kind="process").outcome


@pytest.mark.parametrize(
    "expression",
    [
        'config.database.password == "other-word"',
        'config.database.url == ""',
        'config.database == {"a": 1}',
        "size(config.database.password) > 100 || config.database.password.size() > 100",
        'config.database.url.startsWith("mysql") || config.database.password == "x"',
        'env.API_TOKEN == "x" && config.database.ssl',
        'env.PLAIN == "x"',
        'config.database.host + config.database.password == "x"',
        "config == {}",
        "int(config.database.password) == 1",
    ],
)
def test_no_secret_is_shown(
    held: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, expression: str
) -> None:
    """By its name, in a URL, in a map, in a sum of texts, as a variable's secret under a plain name."""
    monkeypatch.setenv("OUTER", "hunter55")
    variables = {"API_TOKEN": "${env:OUTER}", "PLAIN": "${env:OUTER}"}
    result = held(expression, variables=variables)
    assert result.outcome is not Outcome.PASS
    everything = json.dumps(
        [result.message, result.root_cause, dict(result.evidence), result.fix.to_json()], default=str
    )
    assert "hunter" not in everything


def test_two_rules_of_one_name_are_two_subjects(context: Callable[..., Context]) -> None:
    rules = [{"name": "x", "holds": "env.A == '1'"}] * 2
    ctx = context(
        ADDRESS,
        deploy={"kind": "process", "start": ["x"], "variables": {"A": "1"}},
        configuration={"rules": rules, "starter": False},
    )
    assert ["x", "x (2)"] == [result.subject for result in configuration(ctx)]


def test_no_rule_at_all_is_no_pass(context: Callable[..., Context]) -> None:
    (result,) = configuration(context(ADDRESS, configuration={"starter": False}))
    assert (Outcome.SKIP, Skip.UNAVAILABLE) == (result.outcome, result.skip)

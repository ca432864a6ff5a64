"""The check: what it says, and what it never says."""

from __future__ import annotations

import json
import string
from dataclasses import asdict
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployer_lib.catalogue import Severity
from deployer_lib.check import Outcome, Result
from deployer_lib.probes.secrets.model import Candidate, Origin, mask
from deployer_lib.probes.secrets_probe import _finding, secrets

if TYPE_CHECKING:
    from pathlib import Path

    from deployer_lib.probes.context import Context

ALPHABET = string.ascii_letters + string.digits + "+/_-!"


def asked(folder: Path, **given: Any) -> list[Result]:
    parameters = SimpleNamespace(project=SimpleNamespace(exclude=()))
    context = SimpleNamespace(project=folder, parameters=parameters, progress=lambda _: None, memo=given)
    return list(secrets(cast("Context", context)))


def test_a_sound_project_passes_and_says_how_much_was_read(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import os\nSECRET_KEY = os.environ['SECRET_KEY']\n")
    (result,) = asked(tmp_path)
    assert (Outcome.PASS, 1) == (result.outcome, result.evidence["files_read"])


def test_no_file_is_no_pass(tmp_path: Path) -> None:
    assert [Outcome.ERROR] == [result.outcome for result in asked(tmp_path)]


def test_a_finding_names_place_fix_and_no_value(tmp_path: Path, made: Any) -> None:
    value = made.text(40)
    (tmp_path / "app.py").write_text(f'import os\n\nPAYMENT_SECRET = "{value}"\n')
    (result,) = asked(tmp_path)
    assert (Outcome.FAIL, "app.py: PAYMENT_SECRET", Severity.CRITICAL) == (
        result.outcome,
        result.subject,
        result.severity,
    )
    assert [("app.py", 3)] == [(place.file, place.line) for place in result.locations]
    assert f"****{value[-4:]}" in result.message
    assert 'PAYMENT_SECRET = os.environ["PAYMENT_SECRET"]' == result.fix.code[0].text
    assert any("git filter-repo" in code.text for code in result.fix.code)
    assert value[:-4] not in json.dumps(asdict(result))


def test_one_name_in_one_file_is_one_finding_with_all_its_lines(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text(
        'x(process.env.JWT_SECRET || "dev-key-a");\ny(process.env.JWT_SECRET || "dev-key-a");\n'
    )
    assert [[1, 2]] == [result.evidence["lines"] for result in asked(tmp_path)]


def test_files_that_could_not_be_read_leave_it_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "b").mkdir()
    monkeypatch.setattr(
        "deployer_lib.probes.secrets.finder.walk", lambda *_: SimpleNamespace(files=["a.py", "b"], unread=[])
    )
    (result,) = asked(tmp_path)
    assert Outcome.ERROR is result.outcome
    assert "b (Is a directory)" in result.message


@pytest.mark.parametrize(
    ("shown", "value"), [("****", "short"), ("****", "Winter2024!"), ("****wxyz", "a" * 16 + "wxyz")]
)
def test_only_the_end_of_a_long_value_is_shown(shown: str, value: str) -> None:
    assert shown == mask(value)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    value=st.text(ALPHABET, min_size=5, max_size=120),
    name=st.sampled_from(["", "JWT_SECRET", "config.api-key", "password"]),
    origin=st.sampled_from(list(Origin)),
    file=st.sampled_from(
        [
            "a.py",
            "a.ts",
            "a.go",
            "a.rs",
            "a.rb",
            "a.php",
            "a.exs",
            "a.java",
            "a.kt",
            "a.cs",
            "a.sh",
            "a.yml",
            "a.tf",
            ".env",
            "x y.json",
        ]
    ),
    committed=st.sampled_from([True, False, None]),
)
def test_no_part_of_a_finding_holds_a_value(
    value: str, name: str, origin: Origin, file: str, *, committed: bool | None
) -> None:
    """Of any value, wherever it stood, no five characters in a row are told, but those of the fixed texts."""
    other = "\x00" * len(value)
    told, blank = (
        json.dumps(
            asdict(
                _finding(
                    "subject",
                    [
                        Candidate("secret literal", 3, each, origin, Severity.CRITICAL, name).found(
                            file, committed=committed
                        )
                    ],
                )
            )
        )
        for each in (value, other)
    )
    assert blank == told.replace(mask(value), "****")


@pytest.mark.parametrize(
    "suffix",
    [
        ".py",
        ".js",
        ".ts",
        ".go",
        ".rs",
        ".rb",
        ".php",
        ".java",
        ".kt",
        ".cs",
        ".yml",
        ".json",
        ".properties",
        ".env",
    ],
)
def test_a_planted_value_is_found_and_never_told(suffix: str, tmp_path: Path, made: Any) -> None:
    for index in range(8):
        value = made.text(36 + index)
        pair = {
            ".yml": f"api_secret: {value}",
            ".json": f'{{"api_secret": "{value}"}}',
            ".php": f'<?php $api_secret = "{value}";',
        }
        plain = f"API_SECRET={value}" if suffix in {".properties", ".env"} else f'var API_SECRET = "{value}"'
        (tmp_path / f"app{suffix}").write_text(
            pair.get(suffix, plain.removeprefix("var ") if suffix in {".py", ".rb"} else plain) + "\n"
        )
        results = asked(tmp_path)
        assert 1 == len(results)
        told = json.dumps([asdict(result) for result in results])
        assert all(value[i : i + 5] not in told for i in range(len(value) - 8))


@pytest.mark.parametrize(
    ("file", "text", "code"),
    [
        ("pay.py", 'stripe.api_key = "{key}"', 'api_key = os.environ["API_KEY"]'),
        (
            "pay.js",
            'const client = new Stripe("{key}");',
            "const liveSecretKey = process.env.LIVE_SECRET_KEY;",
        ),
        ("pay.rb", 'STRIPE_KEY = "{key}"', 'STRIPE_KEY = ENV.fetch("STRIPE_KEY")'),
        (
            "Pay.java",
            'class Pay {{ String stripeKey = "{key}"; }}',
            "String stripeKey = java.util.Objects.requireNonNull(System.getenv",
        ),
        ("pay.yml", "stripe_key: {key}", "stripe_key: ${STRIPE_KEY:?STRIPE_KEY is not set}"),
        (".env", "STRIPE_KEY={key}", ".env"),
    ],
)
def test_the_fix_is_written_in_the_language_of_the_file(
    file: str, text: str, code: str, tmp_path: Path, made: Any
) -> None:
    (tmp_path / file).write_text(text.format(key=made.live_key()) + "\n")
    (result,) = asked(tmp_path)
    assert code in result.fix.code[0].text

"""A secret shows nothing of itself, and is found where its reference says."""

from __future__ import annotations

import copy
import html
import json
import pickle
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from deployer_lib.errors import UsageError
from deployer_lib.secret import SECURE, Secret, is_secret_name, looks_like_reference

if TYPE_CHECKING:
    from pathlib import Path

VALUE = "correct-horse-battery"


def resolved(tmp_path: Path, reference: str) -> str:
    return Secret(reference).resolve(root=tmp_path, made=tmp_path / "made")


def test_a_secret_shows_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However it is shown, a resolved secret is [secure]; only reveal gives the value."""
    monkeypatch.setenv("SHOP_TOKEN", VALUE)
    assert not Secret("${env:SHOP_TOKEN}").resolved
    secret = Secret("${env:SHOP_TOKEN}")
    assert secret.resolve(root=tmp_path, made=tmp_path) == VALUE
    assert secret.resolved
    assert secret.reveal() == VALUE
    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>40}", f"{secret!r}", secret._repr_html_()]
    assert shown == [SECURE] * 6
    assert VALUE not in f"{[secret]} { ({'a': secret}) }" + html.escape(str(secret))


def test_a_secret_is_not_written_by_accident() -> None:
    """json refuses it, rather than writing it."""
    with pytest.raises(TypeError):
        json.dumps(Secret("${env:X}"))


def test_pickling_takes_no_value_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy sent to another process has the reference, not the value."""
    monkeypatch.setenv("SHOP_TOKEN", VALUE)
    secret = Secret("${env:SHOP_TOKEN}")
    secret.resolve(root=tmp_path, made=tmp_path)
    data = pickle.dumps(secret)
    assert VALUE.encode() not in data
    assert pickle.loads(data) == secret  # noqa: S301  (made one line above)


def test_a_copy_is_the_same_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copied model keeps what was resolved."""
    monkeypatch.setenv("SHOP_TOKEN", VALUE)
    secret = Secret("${env:SHOP_TOKEN}")
    secret.resolve(root=tmp_path, made=tmp_path)
    assert [copy.copy(secret).reveal(), copy.deepcopy({"a": secret})["a"].reveal()] == [VALUE, VALUE]


def test_equal_by_reference() -> None:
    """Two secrets are one where their references are; nothing about the value can be learned by comparing."""
    assert Secret("${env:A}") == Secret("${env:A}")
    assert Secret("${env:A}") != Secret("${env:B}")
    assert len({Secret("${env:A}"), Secret("${env:A}")}) == 1
    assert Secret("${env:A}") != SECURE


def test_unresolved_is_refused() -> None:
    """A secret that was never resolved is named, by its reference."""
    with pytest.raises(UsageError, match="env:A"):
        Secret("${env:A}").reveal()


def test_from_file_and_command(tmp_path: Path) -> None:
    """A file's and a command's last line end is not part of the value."""
    (tmp_path / "key").write_text(f" {VALUE}\n")
    assert resolved(tmp_path, "${file:key}") == f" {VALUE}"
    command = json.dumps([sys.executable, "-c", f"print({VALUE!r})"])
    assert resolved(tmp_path, f"${{cmd:{command}}}") == VALUE


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("${env:NO_SUCH_VARIABLE}", "not set"),
        ("${env:EMPTY}", "empty"),
        ("${file:missing}", "can't be read"),
        ("${file:empty}", "empty"),
        ("${file:binary}", "can't be read"),
        ("${cmd:pass show x}", "JSON list"),
        ("${cmd:[]}", "JSON list"),
        ('${cmd:["no-such-program"]}', "did not run"),
        ('${cmd:["false"]}', "ended with 1"),
        ("${made:../escape}", "plain name"),
        ("plain text", "not a reference"),
    ],
)
def test_what_cannot_be_resolved_is_told(
    reference: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each failure says what is wrong with which reference."""
    monkeypatch.setenv("EMPTY", "")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=words):
        resolved(tmp_path, reference)


def test_a_failing_command_does_not_show_its_output(tmp_path: Path) -> None:
    """What a secret's command printed before it failed may be the secret."""
    command = json.dumps([sys.executable, "-c", f"print({VALUE!r}); raise SystemExit(3)"])
    with pytest.raises(UsageError) as caught:
        resolved(tmp_path, f"${{cmd:{command}}}")
    assert "ended with 3" in caught.value.message
    assert VALUE not in str(caught.value)


def test_made_once_for_all(tmp_path: Path) -> None:
    """A made secret is random, private, and the same for every process and thread that asks."""
    with ThreadPoolExecutor(8) as pool:
        values = set(pool.map(lambda _n: resolved(tmp_path, "${made:session-key}"), range(40)))
    assert len(values) == 1
    assert len(values.pop()) >= 32
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["session-key"]
    assert stat.S_IMODE((tmp_path / "made" / "session-key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == 0o700
    assert resolved(tmp_path, "${made:a}") != resolved(tmp_path, "${made:b}")


SECRET_NAMES = (
    "DB_PASSWORD dbPassword db-password passwd PGPASSWORD DB_PASS smtp_pwd token accessToken CSRF-Token API_KEY apiKey"
    " APIKEY X-Api-Key SECRET_KEY JWT_SECRET_KEY SECRET_KEY_BASE SECRET_KEY_2 AWS_SECRET_ACCESS_KEY client_secret"
    " SENTRY_DSN encryption-key signingKey AccountKey connectionString credentials private_key"
)
PLAIN_NAMES = (
    "token_url password_hash bypass compass key primary_key keyboard AWS_ACCESS_KEY_ID tokenizer PASSWORD_FILE user"
    " login_path secretary passenger DATABASE_URL monkey"
)


@pytest.mark.parametrize("name", SECRET_NAMES.split())
def test_secret_names(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", PLAIN_NAMES.split())
def test_plain_names(name: str) -> None:
    assert not is_secret_name(name)


def test_references() -> None:
    """A reference is the whole text."""
    assert looks_like_reference("${env:X}")
    assert not looks_like_reference("a ${env:X}")
    assert not looks_like_reference("${other:X}")

"""Log-in: a sound one passes in every part; each way to leave the door open is a finding; no token is in evidence."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from deployer_lib.check import Outcome, Skip
from deployer_lib.probes.authentication import authentication

KEY = b"the key of the tests"
SMOKE = {
    "auth": {
        "login": {
            "path": "/login",
            "method": "POST",
            "body": {"email": "a@b.example", "password": "correct horse"},
        },
        "token": "$.data.token",
        "protected": {"path": "/me", "expect": 'json.email == "a@b.example"'},
    }
}


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def signature(text: str) -> str:
    return base64.urlsafe_b64encode(hmac.digest(KEY, text.encode(), hashlib.sha256)).rstrip(b"=").decode()


HEAD = f"{part({'alg': 'HS256'})}.{part({'sub': 'a@b.example'})}"
TOKEN = f"{HEAD}.{signature(HEAD)}"


def verified(token: str) -> bool:
    head, _, end = token.rpartition(".")
    return hmac.compare_digest(end, signature(head))


class Door:
    """A service with a log-in, some of whose parts a test spoils."""

    def __init__(
        self, *, password: bool = True, guarded: bool = True, verify: Any = verified, refusal: int = 401
    ) -> None:
        self.password, self.guarded, self.verify, self.refusal = password, guarded, verify, refusal

    def __call__(self, asked: Any) -> Any:
        if asked.path == "/login":
            right = asked.json()["password"] == "correct horse" or not self.password
            return (
                (200, {"Set-Cookie": "session=yes"}, {"data": {"token": TOKEN}}) if right else (401, {}, {})
            )
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if self.guarded and not self.verify(token) and "session=yes" not in asked.headers.get("cookie", ""):
            return self.refusal, {}, {"error": "log in first"}
        return 200, {}, {"email": "a@b.example", "echo": token}


def failing(results: list[Any]) -> set[str]:
    return {r.subject for r in results if r.outcome is Outcome.FAIL}


def test_a_sound_log_in_passes_in_every_part_and_its_token_stays_out_of_evidence(
    served: Any, context: Any
) -> None:
    ctx = context(served(Door()), smoke=SMOKE)
    hidden: list[str] = []
    ctx.hide = lambda value, _name: hidden.append(value)
    results = list(authentication(ctx))
    assert {Outcome.PASS} == {r.outcome for r in results}
    assert [r.subject for r in results] == [
        "without a token",
        "with an invented token",
        "with a wrong password",
        "log-in",
        "with the token",
        "with a tampered token",
        "with an unsigned token",
    ]
    assert ctx.memo["token"] == TOKEN
    assert hidden == [TOKEN]
    assert all(secret not in repr(results) for secret in (TOKEN, TOKEN[-20:], "correct horse", "a@b.example"))


@pytest.mark.parametrize(
    ("door", "found"),
    [
        (
            Door(guarded=False),
            {"without a token", "with an invented token", "with a tampered token", "with an unsigned token"},
        ),
        (Door(password=False), {"with a wrong password"}),
        (Door(verify=lambda token: token.startswith(HEAD)), {"with a tampered token"}),
        (Door(verify=lambda token: verified(token) or token.endswith(".")), {"with an unsigned token"}),
        (Door(verify=bool), {"with an invented token", "with a tampered token", "with an unsigned token"}),
        (Door(verify=lambda _token: False), {"with the token"}),
        (
            Door(refusal=302),
            {"without a token", "with an invented token", "with a tampered token", "with an unsigned token"},
        ),
        (
            Door(refusal=500),
            {"without a token", "with an invented token", "with a tampered token", "with an unsigned token"},
        ),
    ],
)
def test_each_open_door_is_a_finding(served: Any, context: Any, door: Door, found: set[str]) -> None:
    results = list(authentication(context(served(door), smoke=SMOKE)))
    assert found == failing(results)
    assert all(
        r.fix.code and r.fix.docs and r.root_cause and r.impact for r in results if r.outcome is Outcome.FAIL
    )


def test_a_log_in_without_a_token_is_a_finding_and_ends_the_check(served: Any, context: Any) -> None:
    ctx = context(
        served(lambda asked: (200, {}, {"data": {}}) if asked.path == "/login" else (401, {}, {})),
        smoke=SMOKE,
    )
    results = list(authentication(ctx))
    assert {"with a wrong password", "log-in"} == failing(results)
    assert "$.data.token" in results[-1].message
    assert "token" not in ctx.memo


def test_a_refused_log_in_is_a_finding(served: Any, context: Any) -> None:
    results = list(authentication(context(served(lambda _asked: (401, {}, {})), smoke=SMOKE)))
    assert {"log-in"} == failing(results)
    assert "status 401, expected 200" in results[-1].message


def test_undeclared_is_unavailable(served: Any, context: Any) -> None:
    [result] = authentication(context(served(Door())))
    assert result.skip is Skip.UNAVAILABLE

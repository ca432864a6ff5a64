"""Does the log-in work, and is what it protects refused without it?

Refusals are tried first, with no token, an invented one and a wrong password; then the log-in, and what it opens; then
tokens that were tampered with. No token ever stands in evidence.
"""

from __future__ import annotations

import base64
import json
import secrets
from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import Severity
from deployer_lib.check import Fix, Skip, errored, failed, passed, skipped
from deployer_lib.probes.asking import ask, judge, log_in, name_of, not_declared, reproduce
from deployer_lib.probes.context import probe
from deployer_lib.probes.sources import fix_for, sources
from deployer_lib.secret import is_secret_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from deployer_lib.app.http import Answer
    from deployer_lib.check import JSONValue, Result
    from deployer_lib.parameters.model import Auth, Endpoint
    from deployer_lib.probes.context import Context

__all__ = ["authentication"]

_REFUSED: Final = frozenset({401, 403})
_SIGNATURE_CHARACTERS: Final = 6  # the last one alone may be padding, which decoders do not look at
_JWT_PARTS: Final = 3
#: A cookie of our own, so that a session cookie of the log-in is not sent where nothing must be.
_NO_SESSION: Final = {"cookie": "deployer=none"}


@probe("smoke.authentication")
def authentication(ctx: Context) -> Iterable[Result]:
    """Refused without a token and with false ones, answered with the log-in's own."""
    auth = ctx.parameters.smoke.auth
    if auth is None:
        yield skipped(Skip.UNAVAILABLE, not_declared("smoke.auth", "smoke.authentication"))
        return
    yield _refusal(ctx, auth, None, "without a token")
    yield _refusal(ctx, auth, secrets.token_urlsafe(32), "with an invented token")
    yield _wrong_password(ctx, auth)
    answer, token = log_in(ctx, auth)
    if token is None:
        yield _no_log_in(ctx, auth, answer)
        return
    ctx.memo["token"] = token
    yield passed(
        f"{name_of(auth.login)} answered {answer.status} with a token of {len(token)} characters.",
        subject="log-in",
        answer=_shape(answer),
    )
    yield _opens(ctx, auth, token)
    for kind, false_token in _tampered(token):
        yield _refusal(ctx, auth, false_token, kind)


def _refusal(ctx: Context, auth: Auth, token: str | None, kind: str) -> Result:
    answer = ask(ctx, auth.protected, token=token, headers=_NO_SESSION)
    name = name_of(auth.protected)
    if answer.status in _REFUSED:
        return passed(f"{name} {kind} was refused with {answer.status}.", subject=kind, answer=_shape(answer))
    opened = judge(auth.protected, answer).right or answer.status < 300  # noqa: PLR2004  (the class of success)
    places = sources(ctx).route(auth.protected.path, auth.protected.method)
    verifies = token is not None
    return failed(
        f"{name} {kind} was answered {answer.status}, expected 401 or 403.",
        subject=kind,
        severity=None if opened else Severity.HIGH,
        root_cause=_why_open(kind, answer, opened=opened, verifies=verifies),
        impact="Anybody may read or do what only users who logged in should."
        if opened
        else "Clients cannot tell that they have to log in, and monitors see an error instead of a refusal.",
        fix=fix_for(
            ctx,
            "token_verify" if verifies and opened else "auth_required",
            "Verify the signature, the algorithm and the expiry of every token before anything else is done."
            if verifies and opened
            else f"Refuse {auth.protected.path} with 401 unless a valid token came.",
            minutes=30,
            at=places,
            path=auth.protected.path,
        ),
        locations=places or sources(ctx).locate("Authorization", "Bearer", limit=2),
        answer=_shape(answer),
    )


def _why_open(kind: str, answer: Answer, *, opened: bool, verifies: bool) -> str:
    if opened and verifies:
        return f"The token is read but not verified: one {kind.removeprefix('with ')} is taken for a log-in."
    if opened:
        return "Nothing asks for a token on this route: the dependency or middleware that should is missing."
    if 300 <= answer.status < 400:  # noqa: PLR2004  (the class of redirects)
        return f"It redirects to {answer.headers.get('location', 'another place').partition('?')[0]} instead of refusing."
    if answer.status >= 500:  # noqa: PLR2004  (the class of server errors)
        return "What checks the token raises an error instead of refusing."
    return f"Status {answer.status} is no refusal for want of a log-in; perhaps the path is not the protected one."


def _wrong_password(ctx: Context, auth: Auth) -> Result:
    wrong = _with_wrong_secret(auth.login)
    if wrong is None:
        return skipped(
            Skip.NOT_APPLICABLE,
            "The log-in's body declares no password by name.",
            subject="with a wrong password",
        )
    answer = ask(ctx, wrong, headers=_NO_SESSION)
    if 400 <= answer.status < 500 and answer.status not in {404, 405, 429}:  # noqa: PLR2004
        return passed(
            f"A wrong password was refused with {answer.status}.",
            subject="with a wrong password",
            answer=_shape(answer),
        )
    if answer.status >= 300:  # noqa: PLR2004  (no success: nobody was let in, but nothing was proved)
        return errored(
            f"A wrong password was answered {answer.status}, which is neither a refusal nor a log-in.",
            subject="with a wrong password",
            answer=_shape(answer),
        )
    places = sources(ctx).route(auth.login.path, auth.login.method)
    return failed(
        f"A wrong password was answered {answer.status}, as if it were right.",
        subject="with a wrong password",
        root_cause="The log-in does not compare the password, or not with the account's.",
        impact="Anybody may log in as anybody.",
        fix=fix_for(
            ctx, "password_check", "Compare the password's hash, and answer 401.", minutes=30, at=places
        ),
        locations=places,
        answer=_shape(answer),
    )


def _with_wrong_secret(login: Endpoint) -> Endpoint | None:
    if not isinstance(login.body, dict):
        return None
    names = [name for name, value in login.body.items() if is_secret_name(str(name)) and value is not None]
    if not names:
        return None
    wrong = {name: f"Wrong-{secrets.token_hex(8)}" for name in names}
    return login.model_copy(update={"body": {**login.body, **wrong}})


def _no_log_in(ctx: Context, auth: Auth, answer: Answer) -> Result:
    judgement = judge(auth.login, answer)
    problem = "; ".join(judgement.wrong + judgement.unclear) or f"its body holds no text at {auth.token}"
    places = sources(ctx).route(auth.login.path, auth.login.method)
    refused = answer.status in _REFUSED | {400, 422}
    return failed(
        f"{name_of(auth.login)} gave no token: {problem}.",
        subject="log-in",
        root_cause="The account or its password is not the one that this environment knows."
        if refused
        else "The rate limit on log-ins is used up."
        if answer.status == 429  # noqa: PLR2004
        else "The log-in answers another shape, or fails itself; the application's log says more.",
        impact="Nobody can log in; all that needs a log-in is out of reach.",
        fix=Fix(
            (
                "Log in by hand with the declared account.",
                "Set the account's secret in the environment, or mend smoke.auth.login and smoke.auth.token.",
            ),
            (reproduce(ctx, auth.login),),
            "https://datatracker.ietf.org/doc/html/rfc6750",
            20,
        ),
        locations=places,
        answer=_shape(answer),
    )


def _opens(ctx: Context, auth: Auth, token: str) -> Result:
    answer = ask(ctx, auth.protected, token=token, headers=_NO_SESSION)
    judgement = judge(auth.protected, answer)
    name = name_of(auth.protected)
    if judgement.right:
        return passed(
            f"{name} with the log-in's token was answered {answer.status}.",
            subject="with the token",
            answer=_shape(answer),
        )
    if not judgement.wrong:
        return errored(
            f"{name}: {'; '.join(judgement.unclear)}.", subject="with the token", answer=_shape(answer)
        )
    places = sources(ctx).route(auth.protected.path, auth.protected.method)
    return failed(
        f"{name} with the log-in's token was not answered as declared: {'; '.join(judgement.wrong)}.",
        subject="with the token",
        root_cause="The token that the log-in gives is not taken: another key, audience, clock or scheme."
        if answer.status in _REFUSED
        else "The handler behind the log-in fails; the application's log says why.",
        impact="Users log in and still cannot do anything.",
        fix=Fix(
            (
                "Compare the key and the algorithm with which tokens are signed and verified: one setting for both.",
                "Check smoke.auth.scheme and smoke.auth.token.",
            ),
            (reproduce(ctx, auth.protected.model_copy(update={"auth": True})),),
            "https://datatracker.ietf.org/doc/html/rfc6750",
            30,
        ),
        locations=places,
        answer=_shape(answer),
    )


def _tampered(token: str) -> Iterator[tuple[str, str]]:
    """Give false tokens made of a true one: an altered end, and for a JWT no signature at all."""
    end = token[-_SIGNATURE_CHARACTERS:]
    other = "".join("A" if c != "A" else "B" for c in end)
    yield "with a tampered token", token[: -len(end)] + other
    parts = token.split(".")
    if len(parts) == _JWT_PARTS:
        header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).rstrip(b"=")
        yield "with an unsigned token", f"{header.decode()}.{parts[1]}."


def _shape(answer: Answer) -> JSONValue:
    """Return what may be kept of an answer around a log-in: never its body's values, never its headers."""
    seen = answer.observed()
    kept: dict[str, JSONValue] = {k: seen[k] for k in ("request", "status", "elapsed_ms", "bytes")}
    try:
        document = answer.json()
    except (ValueError, RecursionError):
        document = None
    kept["content_type"] = answer.headers.get("content-type", "")
    keys: list[JSONValue] = list(document) if isinstance(document, dict) else []
    kept["keys"] = keys
    return kept

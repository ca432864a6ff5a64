"""Ask a declared endpoint and judge its answer: what probes of endpoints, log-in, health and database share."""

from __future__ import annotations

import re
import shlex
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Code
from deployer_lib.errors import RequestFailed
from deployer_lib.expect import capture, holds, values_of
from deployer_lib.probes.context import TOKEN_NAME
from deployer_lib.secret import Secret

if TYPE_CHECKING:
    from deployer_lib.app.http import Answer
    from deployer_lib.check import JSONValue
    from deployer_lib.parameters.model import Auth, Endpoint
    from deployer_lib.probes.context import Context

__all__ = [
    "LONGEST_WAIT_S",
    "Judgement",
    "ask",
    "judge",
    "log_in",
    "name_of",
    "not_declared",
    "reproduce",
    "retry_after_s",
    "reveal",
    "token_of",
    "wait_out",
]

LONGEST_WAIT_S: Final = 65.0  # for a window of a minute to be over
_TOO_MANY: Final = 429
_JSON_NAME: Final = re.compile(r"\bjson\b")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was wrong with an answer, and what could not be told."""

    wrong: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ()

    @property
    def right(self) -> bool:
        """Tell whether the answer is as declared."""
        return not self.wrong and not self.unclear


def name_of(endpoint: Endpoint) -> str:
    """Return what the record calls an endpoint."""
    return endpoint.name or f"{endpoint.method} {endpoint.path}"


def not_declared(key: str, check: str) -> str:
    """Return the message of a check whose parameters are not declared."""
    return f"{key} is not declared; declare it, or say not_applicable: {{{check}: why}}."


def reveal(value: object) -> JSONValue:
    """Return a value as it is sent, secrets in it revealed."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, dict):
        return {str(key): reveal(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [reveal(inner) for inner in value]
    return value  # type: ignore[return-value]  # what YAML gives besides


def ask(
    ctx: Context,
    endpoint: Endpoint,
    *,
    token: str | None = None,
    base_url: str = "",
    headers: dict[str, str] | None = None,
    timeout_s: float = 10.0,
    patient: bool = True,
) -> Answer:
    """Send an endpoint's request once, or twice where a rate limit has to be waited out.

    Args:
        ctx: the probe's context.
        endpoint: what is asked.
        token: sent along as the log-in's scheme says; None sends none.
        base_url: another address than the target's, of a diagnostic copy.
        headers: request headers besides the endpoint's.
        timeout_s: limit in seconds for the whole answer.
        patient: whether a 429 is waited out, as its Retry-After says; other checks may have used the limit up.

    Raises:
        RequestFailed: no whole answer.
        NotAllowed: by the guard.
    """
    sent = {name: str(reveal(value)) for name, value in endpoint.headers.items()} | (headers or {})
    if token is not None:
        auth = ctx.parameters.smoke.auth
        sent["authorization"] = f"{auth.scheme if auth else 'Bearer'} {token}".strip()
    path = base_url.rstrip("/") + endpoint.path if base_url else endpoint.path
    for last in (not patient, True):
        answer = ctx.http.request(
            endpoint.method, path, headers=sent, json=reveal(endpoint.body), timeout_s=timeout_s
        )
        if last or answer.status != _TOO_MANY or not wait_out(ctx, answer):
            break
    return answer


def wait_out(ctx: Context, refusal: Answer) -> bool:
    """Wait as long as a 429 says; tell whether it said so, and no longer than a window of a minute takes."""
    wait_s = retry_after_s(refusal)
    if wait_s is None or not 0 < wait_s <= LONGEST_WAIT_S:
        return False
    ctx.progress(f"waiting {wait_s:.0f} s, as Retry-After says")
    time.sleep(wait_s + 0.1)
    return True


def retry_after_s(answer: Answer) -> float | None:
    """Return Retry-After in seconds, from a whole number or an HTTP date (RFC 9110, section 10.2.3)."""
    text = answer.headers.get("retry-after", "")
    if text.strip().isdigit():
        return float(text)
    try:
        return (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return None


def judge(endpoint: Endpoint, answer: Answer) -> Judgement:
    """Compare an answer with what its endpoint declares: status, headers, expectation."""
    wrong: list[str] = []
    unclear: list[str] = []
    statuses = endpoint.status if isinstance(endpoint.status, list) else [endpoint.status]
    if answer.status not in statuses:
        wrong.append(f"status {answer.status}, expected {' or '.join(map(str, statuses))}")
    for name, expected in endpoint.expect_headers.items():
        value = answer.headers.get(name)
        if value is None:
            wrong.append(f"no header {name}, expected {expected}")
        elif value != expected and not (expected.endswith("*") and value.startswith(expected[:-1])):
            wrong.append(f"{name}: {value}, expected {expected}")
    # An error answer has another body, of which the expectation says nothing.
    if endpoint.expect and not wrong:
        values = values_of(answer)
        if "json" not in values and _JSON_NAME.search(endpoint.expect):
            wrong.append(f"the body is not JSON ({answer.headers.get('content-type', 'no content type')})")
        else:
            held = holds(endpoint.expect, values, show=answer.level == "full")
            if held.held is not True:
                (wrong if held.held is False else unclear).append(held.why)
    return Judgement(tuple(wrong), tuple(unclear))


def log_in(ctx: Context, auth: Auth) -> tuple[Answer, str | None]:
    """Log in as declared; return the answer and its token, None where there is none.

    Raises:
        RequestFailed: no whole answer.
        NotAllowed: by the guard.
    """
    answer = ask(ctx, auth.login)
    try:
        token = capture(auth.token, answer.json())
    except (LookupError, ValueError, RecursionError):
        token = None
    if not isinstance(token, str) or not token:
        return answer, None
    ctx.hide(token, TOKEN_NAME)
    return answer, token if judge(auth.login, answer).right else None


def token_of(ctx: Context) -> str | None:
    """Return the token of this phase's one log-in, None where there is none to be had.

    Raises:
        NotAllowed: the environment does not allow logging in.
    """
    known = ctx.memo.get("token")
    if isinstance(known, str):
        return known
    auth = ctx.parameters.smoke.auth
    if auth is None or "token" in ctx.memo:
        return None
    try:
        _, token = log_in(ctx, auth)
    except RequestFailed:
        token = None
    ctx.memo["token"] = token  # None too: a log-in that failed is not tried again for every endpoint
    return token


def reproduce(ctx: Context, endpoint: Endpoint) -> Code:
    """Return the command with which a person sees the same answer; secrets stay names."""
    words = ["curl", "-i", "-X", endpoint.method, ctx.http.base_url + endpoint.path]
    for name, value in endpoint.headers.items():
        words += ["-H", f"{name}: {'$SECRET' if isinstance(value, Secret) else value}"]
    if endpoint.auth:
        words += ["-H", "Authorization: Bearer $TOKEN"]
    if endpoint.body is not None:
        words += ["-H", "Content-Type: application/json", "-d", "@body.json"]
    return Code("terminal", " ".join(w if "$" not in w else f'"{w}"' for w in map(_quoted, words)), 0, "sh")


def _quoted(word: str) -> str:
    return word if "$" in word else shlex.quote(word)

"""Are malformed and odd requests refused, without an error of the application and without a look at its inside?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import Severity
from deployer_lib.check import errored, failed, passed
from deployer_lib.errors import RequestFailed
from deployer_lib.probes.asking import ask, judge, token_of
from deployer_lib.probes.context import probe
from deployer_lib.probes.leaks import Leak, leaks
from deployer_lib.probes.odd_requests import Odd, odd_bodies, odd_paths
from deployer_lib.probes.smoke import health_endpoint
from deployer_lib.probes.sources import fix_for, sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from deployer_lib.app.http import Answer
    from deployer_lib.check import JSONValue, Location, Result
    from deployer_lib.parameters.model import Endpoint
    from deployer_lib.probes.context import Context

__all__ = ["error_answers"]

_LEAST: Final = 5  # error answers that must have been seen for a pass
_MOST_BODIES: Final = 2  # endpoints that get odd bodies: a log-in and one more, for the limit on log-ins
_NOT_IMPLEMENTED: Final = frozenset({501, 505})  # right answers to an unknown method
_ERROR: Final = 400
_TOO_MANY: Final = 429  # says nothing about the request itself
_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True)
class _Reply:
    """What came of one odd request."""

    odd: Odd
    answer: Answer | None  # None: no whole answer, see ``kind``
    kind: str = ""

    @property
    def name(self) -> str:
        """Return what was asked, for people."""
        path = self.odd.path if len(self.odd.path) < 80 else self.odd.path[:60] + "…"  # noqa: PLR2004
        return f"{self.odd.method} {path} with {self.odd.what}"

    @property
    def status(self) -> str:
        """Return the status, or how the request ended without one."""
        return str(self.answer.status) if self.answer else self.kind

    @property
    def broke(self) -> bool:
        """Tell whether the application erred instead of refusing."""
        return (
            self.answer is not None
            and self.answer.status >= _SERVER_ERROR
            and self.answer.status not in _NOT_IMPLEMENTED
        )


@probe("smoke.error_answers")
def error_answers(ctx: Context) -> Iterable[Result]:
    """Send malformed and odd requests to declared endpoints and read what comes back."""
    replies = [_send(ctx, odd) for odd in _requests(ctx)]
    findings = [*_dead(ctx, replies), *_broken(ctx, replies), *_leaking(ctx, replies)]
    if findings:
        yield from findings
        return
    errors = [r for r in replies if r.answer is not None and _ERROR <= r.answer.status != _TOO_MANY]
    table: dict[str, JSONValue] = {r.name: r.status for r in replies}
    if len(errors) < _LEAST:
        yield errored(
            f"Only {len(errors)} of {len(replies)} odd requests were answered with an error; {_LEAST} must be seen.",
            root_cause="Most were answered as if they were right, or not at all.",
            answers=table,
        )
        return
    by_status: dict[str, JSONValue] = dict(Counter(r.status for r in replies))
    yield passed(
        f"{len(errors)} error answers to {len(replies)} odd requests show nothing of the inside.",
        answers=table,
        by_status=by_status,
    )


def _requests(ctx: Context) -> Iterator[Odd]:
    smoke = ctx.parameters.smoke
    reads = [e for e in smoke.endpoints if e.method == "GET"]
    yield from odd_paths(reads[0].path if reads else health_endpoint(ctx).path)
    takes = [
        e for e in (smoke.auth.login if smoke.auth else None, *smoke.endpoints) if e and e.body is not None
    ]
    takers = list({(e.method, e.path): e for e in takes}.values())[:_MOST_BODIES]
    for endpoint in takers:
        yield from _with_token(ctx, endpoint)
    if not takers:
        yield Odd(
            "a body that nobody wants",
            "POST",
            health_endpoint(ctx).path,
            {"content-type": "application/json"},
            b"{",
        )


def _with_token(ctx: Context, endpoint: Endpoint) -> Iterator[Odd]:
    # Behind a log-in, only requests with a token get as far as the parser.
    token = token_of(ctx) if endpoint.auth else None
    auth = ctx.parameters.smoke.auth
    own = {"authorization": f"{auth.scheme} {token}"} if token and auth else {}
    for odd in odd_bodies(endpoint):
        yield Odd(odd.what, odd.method, odd.path, odd.headers | own, odd.content)


def _send(ctx: Context, odd: Odd) -> _Reply:
    ctx.progress(f"{odd.method} with {odd.what}")
    try:
        return _Reply(odd, ctx.http.request(odd.method, odd.path, headers=odd.headers, content=odd.content))
    except (
        RequestFailed
    ) as failure:  # cutting off what is absurd is a refusal too; whether it lives on is seen after
        return _Reply(odd, None, failure.kind)


def _dead(ctx: Context, replies: list[_Reply]) -> Iterator[Result]:
    endpoint = health_endpoint(ctx)
    try:
        answer = ask(ctx, endpoint)
        state = "" if judge(endpoint, answer).right else str(answer.status)
    except RequestFailed as failure:
        state = failure.kind
    hung = [r for r in replies if r.kind == "timeout"]
    suspects = [r for r in replies if r.answer is None]
    if state or hung:
        what = (
            f"{endpoint.path} answered {state} after them"
            if state
            else f"{hung[0].name} got no answer in time"
        )
        yield failed(
            f"Odd requests harm the application: {what}.",
            subject="after odd requests",
            severity=Severity.CRITICAL if state else Severity.HIGH,
            root_cause=f"One of these ends or blocks it: {'; '.join(r.name for r in suspects) or 'see the log'}.",
            impact="Anybody can stop the service with a single request.",
            fix=fix_for(
                ctx,
                "error_handler",
                "Bound the size and depth of what is parsed, and catch its errors.",
                minutes=60,
            ),
            locations=sources(ctx).route(suspects[0].odd.path) if suspects else (),
            answers={r.name: r.status for r in replies},
        )


def _broken(ctx: Context, replies: list[_Reply]) -> Iterator[Result]:
    by_path: dict[str, list[_Reply]] = {}
    for reply in replies:
        if reply.broke:
            by_path.setdefault(f"{reply.odd.method} {reply.odd.path.partition('?')[0][:80]}", []).append(
                reply
            )
    for subject, broken in by_path.items():
        whats = ", ".join(f"{r.odd.what} ({r.status})" for r in broken)
        places = sources(ctx).route(broken[0].odd.path)
        yield failed(
            f"{subject} broke on {whats} instead of refusing with 4xx.",
            subject=_stable(subject, broken[0].odd),
            severity=Severity.MEDIUM,
            root_cause="Input is used before it is validated, so its oddness shows as an error of the application.",
            impact="Each such request is an alarm and a stack trace in the log; and what raises may also do half of its work.",
            fix=fix_for(
                ctx,
                "input_validation",
                "Validate the input first and answer 400 or 422.",
                minutes=30,
                at=places,
            ),
            locations=places,
            answers={r.name: r.status for r in broken},
        )


def _stable(subject: str, odd: Odd) -> str:
    # Random parts would make the same finding a new one in every round.
    return f"{odd.method} {odd.what}" if "deployer-" in subject or "…" in subject else subject


def _leaking(ctx: Context, replies: list[_Reply]) -> Iterator[Result]:
    seen: dict[str, tuple[_Reply, Leak]] = {}
    for reply in replies:
        if reply.answer is not None and reply.answer.status >= _ERROR:
            for leak in leaks(reply.answer.text, _sent(reply.odd)):
                seen.setdefault(leak.kind, (reply, leak))
    if not seen:
        return
    reply = next(iter(seen.values()))[0]
    full = ctx.http.level == "full"
    yield failed(
        f"The answer {reply.status} to {reply.name} shows the application's inside: {', '.join(seen)}.",
        subject="error answers",
        root_cause="The error is written into the answer: debug mode is on, or a handler sends the exception's text.",
        impact="Whoever probes the application learns its versions, paths and queries, and where to press on.",
        fix=fix_for(
            ctx,
            "error_handler",
            "Turn debug mode off.",
            "Answer errors with a short text and an id, and log the rest under that id.",
            minutes=20,
            at=_places(ctx)[:1],
        ),
        locations=_places(ctx),
        shown={
            kind: {
                "request": reply.name,
                "status": reply.status,
                "excerpt": leak.text if full else "not kept at this evidence level",
            }
            for kind, (reply, leak) in seen.items()
        },
    )


def _places(ctx: Context) -> tuple[Location, ...]:
    return sources(ctx).locate(
        "debug=True", "DEBUG = True", "DEBUG=True", "format_exc", "traceback.", "exception_handler", "errorhandler", "err.stack",
        "error.stack", "app.use((err", "IntoResponse for",
    )  # fmt: skip


def _sent(odd: Odd) -> str:
    return odd.path + (odd.content or b"").decode("utf-8", "replace")

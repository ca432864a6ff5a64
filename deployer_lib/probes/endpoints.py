"""Do the declared endpoints answer as declared: status, headers, body?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployer_lib.check import Fix, Skip, errored, failed, passed, skipped
from deployer_lib.errors import NotAllowed, RequestFailed
from deployer_lib.probes.asking import ask, judge, name_of, not_declared, reproduce, token_of
from deployer_lib.probes.context import probe
from deployer_lib.probes.sources import fix_for, sources

if TYPE_CHECKING:
    from collections.abc import Iterable

    from deployer_lib.app.http import Answer
    from deployer_lib.check import JSONValue, Location, Result
    from deployer_lib.parameters.model import Endpoint
    from deployer_lib.probes.context import Context

__all__ = ["endpoints", "finding"]


@probe("smoke.endpoints")
def endpoints(ctx: Context) -> Iterable[Result]:
    """Ask each declared endpoint once and compare status, headers and body with what is declared."""
    declared = ctx.parameters.smoke.endpoints
    if not declared:
        yield skipped(Skip.UNAVAILABLE, not_declared("smoke.endpoints", "smoke.endpoints"))
    for endpoint in declared:
        ctx.progress(f"asking {name_of(endpoint)}")
        try:
            yield _one(ctx, endpoint)
        except NotAllowed as refusal:  # of this endpoint alone; the others may be asked all the same
            yield skipped(Skip.NOT_ALLOWED, refusal.message, subject=name_of(endpoint))


def _one(ctx: Context, endpoint: Endpoint) -> Result:
    name = name_of(endpoint)
    token = token_of(ctx) if endpoint.auth else None
    if endpoint.auth and token is None:
        return errored(
            f"{name} wants the log-in's token, and there is none.",
            subject=name,
            root_cause="smoke.auth is not declared, or its log-in gave no token (see smoke.authentication).",
        )
    try:
        answer = ask(ctx, endpoint, token=token)
    except RequestFailed as failure:
        return _unanswered(ctx, endpoint, failure)
    judgement = judge(endpoint, answer)
    if judgement.wrong:
        return finding(ctx, endpoint, answer, "; ".join(judgement.wrong))
    if judgement.unclear:
        return errored(f"{name}: {'; '.join(judgement.unclear)}.", subject=name, answer=answer.observed())
    return passed(
        f"{name} answered {answer.status} in {answer.elapsed_ms:.0f} ms, as declared.",
        subject=name,
        answer=answer.observed(),
        declared=_declared(endpoint),
    )


def _declared(endpoint: Endpoint) -> JSONValue:
    return {
        "status": str(endpoint.status),
        "expect": endpoint.expect or "not declared",
        "headers": ", ".join(endpoint.expect_headers) or "not declared",
    }


def _unanswered(ctx: Context, endpoint: Endpoint, failure: RequestFailed) -> Result:
    return failed(
        f"{name_of(endpoint)} got no whole answer: {failure.message}",
        subject=name_of(endpoint),
        root_cause=f"The request ended with {failure.kind}: the application cut it, hung, or does not listen.",
        impact=f"Whoever calls {endpoint.path} gets no answer.",
        fix=Fix(
            ("Send the request by hand and watch the application's log meanwhile.",),
            (reproduce(ctx, endpoint),),
            "https://developer.mozilla.org/docs/Web/HTTP/Reference/Status",
            30,
        ),
        locations=sources(ctx).route(endpoint.path, endpoint.method),
        kind=failure.kind,
    )


def finding(ctx: Context, endpoint: Endpoint, answer: Answer, wrong: str, *, subject: str = "") -> Result:
    """Return the finding that an endpoint did not answer as declared.

    Args:
        ctx: the probe's context.
        endpoint: what was asked.
        answer: what came back.
        wrong: what is wrong with it.
        subject: of the result; the endpoint's name where empty.
    """
    name = subject or name_of(endpoint)
    places = sources(ctx).route(endpoint.path, endpoint.method)
    return failed(
        f"{name} answered not as declared: {wrong}.",
        subject=name,
        root_cause=_root_cause(endpoint, answer, places),
        impact=f"Clients that rely on {endpoint.method} {endpoint.path} break with this release.",
        fix=_fix(ctx, endpoint, answer, places),
        locations=places,
        answer=answer.observed(),
    )


def _root_cause(endpoint: Endpoint, answer: Answer, places: tuple[Location, ...]) -> str:
    at = f" ({places[0].file}:{places[0].line})" if places else ""
    where = answer.headers.get("location", "").partition("?")[0]
    causes = {
        3: f"The path is redirected to {where or 'another place'}: a trailing slash, a log-in page or https.",
        5: f"The handler{at} raised an error, or a proxy found no application behind it; the log says which.",
    }
    exact = {
        404: f"The build that runs serves no {endpoint.path}"
        + (
            f", although the sources define it{at}: is its router included?"
            if places
            else "; the sources define none."
        ),
        401: "The endpoint wants a log-in, and the declaration sends none (auth: true).",
        403: "The endpoint refuses this account or this address.",
        405: f"The route{at} does not take {endpoint.method}.",
        429: "The rate limit is used up; what the endpoint would answer was not seen.",
    }
    default = f"The handler{at} answers something else than what parameters declare."
    return exact.get(answer.status) or causes.get(answer.status // 100) or default


def _fix(ctx: Context, endpoint: Endpoint, answer: Answer, places: tuple[Location, ...]) -> Fix:
    if answer.status in {404, 405}:
        path = endpoint.path.partition("?")[0]
        return fix_for(
            ctx,
            "route",
            f"Serve {endpoint.method} {path}, or include the router that does.",
            "If clients use another path, declare that one in smoke.endpoints.",
            minutes=20,
            at=places,
            path=path,
            method=endpoint.method,
            method_lower=endpoint.method.lower(),
        )
    return Fix(
        (
            "Send the request by hand and compare it with the declaration.",
            "Mend the handler, or the declaration where the answer is what clients want.",
        ),
        (reproduce(ctx, endpoint),),
        "https://developer.mozilla.org/docs/Web/HTTP/Reference/Status",
        20,
    )

"""May the declared front end call, preflight and error answers included, and may no other origin?

A browser's rules are applied as the Fetch standard has them (https://fetch.spec.whatwg.org/#http-cors-protocol). Both
checks control each other: refusing everybody is no protection, and letting everybody in is no permission.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import Severity
from deployer_lib.check import Skip, errored, failed, passed, skipped
from deployer_lib.probes.asking import not_declared
from deployer_lib.probes.context import probe
from deployer_lib.probes.origins import IMPLIED_BY, Hostile, hostile_origins
from deployer_lib.probes.smoke import health_endpoint
from deployer_lib.probes.sources import fix_for, sources

if TYPE_CHECKING:
    from collections.abc import Iterable

    from deployer_lib.app.http import Answer
    from deployer_lib.check import Fix, JSONValue, Location, Result
    from deployer_lib.parameters.model import Cors
    from deployer_lib.probes.context import Context

__all__ = ["cors", "cors_foreign"]

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "POST"})  # need no permission by the preflight
_SAFE_HEADERS: Final = frozenset({"accept", "accept-language", "content-language"})
#: Some frameworks answer * until a cookie comes, and then the origin.
_COOKIE: Final = {"cookie": "deployer=none"}
_REFUSED: Final = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class _Allowed:
    """What one answer says about cross-origin use."""

    status: int
    origins: tuple[str, ...]  # every Access-Control-Allow-Origin, commas split
    credentials: bool
    vary: frozenset[str]
    methods: frozenset[str]
    headers: frozenset[str]

    @classmethod
    def of(cls, answer: Answer) -> _Allowed:
        """Read the headers of an answer."""

        def words(name: str) -> list[str]:
            return [
                word.strip()
                for value in answer.headers.get_list(name)
                for word in value.split(",")
                if word.strip()
            ]

        return cls(
            answer.status,
            tuple(words("access-control-allow-origin")),
            words("access-control-allow-credentials") == ["true"],
            frozenset(word.lower() for word in words("vary")),
            frozenset(words("access-control-allow-methods")),
            frozenset(word.lower() for word in words("access-control-allow-headers")),
        )

    def lets_in(self, origin: str) -> bool:
        """Tell whether a browser gives the answer to a page of this origin, cookies aside."""
        return self.origins in {(origin,), ("*",)}

    def seen(self) -> dict[str, JSONValue]:
        """Return the headers as evidence."""
        return {
            "status": self.status,
            "allow_origin": ", ".join(self.origins),
            "allow_credentials": self.credentials,
            "allow_methods": ", ".join(sorted(self.methods)),
            "allow_headers": ", ".join(sorted(self.headers)),
            "vary": ", ".join(sorted(self.vary)),
        }


@dataclass(slots=True)
class _Problems:
    """What keeps a declared origin out, and why."""

    wrong: list[str] = field(default_factory=list)
    cause: str = ""  # of the first one

    def add(self, what: str, cause: str) -> None:
        """Add a problem."""
        self.wrong.append(what)
        self.cause = self.cause or cause


@probe("smoke.cors")
def cors(ctx: Context) -> Iterable[Result]:
    """Ask as each declared front end does: the request, its preflight, and requests that end in errors."""
    declared = ctx.parameters.smoke.cors
    if declared is None:
        yield skipped(Skip.UNAVAILABLE, not_declared("smoke.cors", "smoke.cors"))
        return
    for origin in declared.origins:
        ctx.progress(f"asking as {origin}")
        yield _request(ctx, declared, origin)
        yield _preflight(ctx, declared, origin)
        yield _errors(ctx, declared, origin)


def _request(ctx: Context, declared: Cors, origin: str) -> Result:
    method = (
        declared.method if declared.method in {"GET", "HEAD"} else "GET"
    )  # the preflight looks at the rest
    sent = {"origin": origin} | (_COOKIE if declared.credentials else {})
    answer = ctx.http.request(method, declared.path, headers=sent)
    seen = _Allowed.of(answer)
    problems = _admission(seen, origin, declared)
    subject = f"{origin} {method}"
    if not problems.wrong and seen.origins != ("*",) and "origin" not in seen.vary and "*" not in seen.vary:
        plain = _Allowed.of(ctx.http.get(declared.path))
        if plain.origins != seen.origins:  # made from the request; a cache may give it to another origin
            return _no_vary(ctx, declared, origin, seen)
    if problems.wrong:
        return _kept_out(
            ctx, problems, seen, subject=subject, what=f"A page of {origin} may not read {declared.path}"
        )
    return passed(f"A page of {origin} may read {declared.path}.", subject=subject, answer=seen.seen())


def _admission(seen: _Allowed, origin: str, declared: Cors) -> _Problems:
    problems = _Problems()
    if not seen.origins:
        problems.add(
            "no Access-Control-Allow-Origin",
            "The origin is not on the application's list, or CORS is not set up.",
        )
    elif len(seen.origins) > 1:
        problems.add(
            f"{len(seen.origins)} values of Access-Control-Allow-Origin ({', '.join(seen.origins)})",
            "Two places add the header, usually the application and a proxy; browsers take exactly one value.",
        )
    elif not seen.lets_in(origin):
        problems.add(
            f"Access-Control-Allow-Origin is {seen.origins[0]}",
            "The application allows another origin; scheme, host and port must be equal, without a slash at the end.",
        )
    elif declared.credentials and seen.origins == ("*",):
        problems.add(
            "Access-Control-Allow-Origin is * with credentials",
            "Browsers refuse * for requests with cookies.",
        )
    if declared.credentials and seen.origins and not seen.credentials:
        problems.add(
            "no Access-Control-Allow-Credentials: true", "Credentials are not allowed in the CORS settings."
        )
    return problems


def _preflight(ctx: Context, declared: Cors, origin: str) -> Result:
    answer = _ask_preflight(ctx, declared.path, origin, declared.method, declared.headers)
    seen = _Allowed.of(answer)
    problems = _Problems()
    if not 200 <= seen.status < 300:  # noqa: PLR2004  (an "ok status" of the Fetch standard)
        cause = (
            "The log-in is asked for before CORS is handled; browsers send no token with a preflight."
            if seen.status in _REFUSED and not seen.origins
            else "Nothing answers OPTIONS on this path."
            if seen.status in {404, 405}
            else "The preflight is refused: origin, method or a header is not on the list."
        )
        problems.add(f"status {seen.status}", cause)
    admission = _admission(seen, origin, declared)
    for wrong in admission.wrong:
        problems.add(wrong, admission.cause)
    star = not declared.credentials
    if declared.method not in _SAFE_METHODS | seen.methods and not (star and "*" in seen.methods):
        problems.add(
            f"method {declared.method} is not allowed", "The method is missing from the CORS settings."
        )
    asked = {name.lower() for name in declared.headers} - _SAFE_HEADERS
    # A star never stands for Authorization.
    refused = {n for n in asked - seen.headers if not (star and "*" in seen.headers and n != "authorization")}
    if refused:
        problems.add(
            f"headers {', '.join(sorted(refused))} are not allowed",
            "They are missing from the CORS settings.",
        )
    subject = f"{origin} preflight"
    if problems.wrong:
        what = f"The preflight of {origin} for {declared.method} {declared.path} is not allowed"
        return _kept_out(ctx, problems, seen, subject=subject, what=what)
    return passed(
        f"The preflight of {origin} for {declared.method} {declared.path} is allowed.",
        subject=subject,
        answer=seen.seen(),
    )


def _ask_preflight(ctx: Context, path: str, origin: str, method: str, headers: list[str]) -> Answer:
    asked = {"origin": origin, "access-control-request-method": method}
    if headers:
        asked["access-control-request-headers"] = ",".join(sorted(name.lower() for name in headers))
    return ctx.http.request("OPTIONS", path, headers=asked)


def _errors(ctx: Context, declared: Cors, origin: str) -> Result:
    """Ask for what ends in 404 and 401: without the headers there too, a page sees a network error instead."""
    folder = declared.path.partition("?")[0].rpartition("/")[0]
    paths = [f"{folder}/deployer-{secrets.token_hex(8)}"]
    auth = ctx.parameters.smoke.auth
    if auth is not None and auth.protected.method == "GET":
        paths.append(auth.protected.path)
    problems, answers = _Problems(), {}
    for path in paths:
        seen = _Allowed.of(ctx.http.get(path, headers={"origin": origin}))
        name = f"{seen.status} at {path if path != paths[0] else f'{folder}/<random>'}"
        answers[name] = seen
        for wrong in _admission(seen, origin, declared).wrong:
            problems.add(
                f"{name}: {wrong}",
                "Errors are answered outside of what adds the CORS headers: it must wrap everything, error handlers too.",
            )
    subject = f"{origin} error answers"
    evidence: dict[str, JSONValue] = {name: seen.seen() for name, seen in answers.items()}
    if not any(seen.status >= 400 for seen in answers.values()):  # noqa: PLR2004  (the classes of errors)
        return errored("No error answer came, so none could be looked at.", subject=subject, answers=evidence)
    if problems.wrong:
        last = next(iter(answers.values()))
        what = f"A page of {origin} may not read error answers"
        return _kept_out(ctx, problems, last, subject=subject, what=what, severity=Severity.HIGH)
    return passed(f"A page of {origin} may read error answers.", subject=subject, answers=evidence)


def _kept_out(
    ctx: Context,
    problems: _Problems,
    seen: _Allowed,
    *,
    subject: str,
    what: str,
    severity: Severity | None = None,
) -> Result:
    return failed(
        f"{what}: {'; '.join(problems.wrong)}.",
        subject=subject,
        severity=severity,
        root_cause=problems.cause,
        impact="The front end gets a network error in every browser, although the same request works with curl."
        if severity is None
        else "The front end cannot tell a log-in that ran out, or a missing page, from a broken network.",
        fix=_fix(ctx, "Allow exactly the declared origins, outermost of all middleware."),
        locations=_places(ctx),
        answer=seen.seen(),
    )


def _no_vary(ctx: Context, declared: Cors, origin: str, seen: _Allowed) -> Result:
    return failed(
        f"{declared.path} allows {origin} by a header made from the request, without Vary: Origin.",
        subject=f"{origin} GET",
        severity=Severity.MEDIUM,
        root_cause="The answer depends on the Origin header and does not say so to caches.",
        impact="A cache gives the answer for one origin to another, whose page is then refused, now and then.",
        fix=_fix(ctx, "Send Vary: Origin with every answer that may carry Access-Control-Allow-Origin."),
        locations=_places(ctx),
        answer=seen.seen(),
    )


@probe("bugs.cors_foreign")
def cors_foreign(ctx: Context) -> Iterable[Result]:
    """Ask as pages that must not read answers: foreign ones, and those that careless comparisons take for declared."""
    declared = ctx.parameters.smoke.cors
    origins = tuple(declared.origins) if declared else ()
    path = declared.path if declared else health_endpoint(ctx).path
    hostile = hostile_origins(origins, ctx.http.base_url)
    if declared and not _Allowed.of(ctx.http.get(path, headers={"origin": origins[0]})).origins:
        yield errored(
            f"Not even {origins[0]}, which is declared, is allowed at {path}; so refusing others proves nothing.",
            root_cause="CORS is not set up on this path, or not for the declared origin (see smoke.cors).",
            path=path,
        )
        return
    ctx.progress(f"asking as {len(hostile)} origins that must not be allowed")
    looks = [(h, _Allowed.of(ctx.http.get(path, headers={"origin": h.origin} | _COOKIE))) for h in hostile]
    method = declared.method if declared else "GET"
    looks.append(
        (hostile[0], _Allowed.of(_ask_preflight(ctx, path, hostile[0].origin, method, ["authorization"])))
    )
    if all(seen.status >= 500 for _, seen in looks):  # noqa: PLR2004  (the class of server errors)
        yield errored(f"{path} answered every request with a server error.", path=path)
        return
    yield from _verdicts(ctx, path, looks) or [_sound(path, looks)]


def _sound(path: str, looks: list[tuple[Hostile, _Allowed]]) -> Result:
    public = any(seen.origins for _, seen in looks)
    *gets, (_, flight) = looks
    return passed(
        f"{path} is public: it allows foreign origins without credentials, and no front end is declared."
        if public
        else f"{len(gets)} foreign origins were refused at {path}.",
        path=path,
        origins={h.origin: f"{h.kind}: {', '.join(seen.origins) or 'not allowed'}" for h, seen in gets},
        preflight=flight.seen(),
    )


def _verdicts(ctx: Context, path: str, looks: list[tuple[Hostile, _Allowed]]) -> list[Result]:
    """Return the findings; what lets any origin in is one finding, not one for each way to ask."""
    if (
        ctx.parameters.smoke.cors is None
    ):  # an API without declared front ends is anybody's, as long as no cookie goes
        looks = [(hostile, seen) for hostile, seen in looks if seen.credentials]
    if doubled := next((seen for _, seen in looks if len(seen.origins) > 1), None):
        return [_doubled(ctx, path, doubled)]
    let_in = {hostile: seen for hostile, seen in looks if hostile.origin in seen.origins}
    anybody = next((hostile for hostile in let_in if hostile.kind == "foreign"), None)
    if anybody is not None:
        return [_let_in(ctx, path, anybody, let_in[anybody], "any origin")]
    if star := next((seen for _, seen in looks if seen.origins == ("*",)), None):
        return [_star(ctx, path, star)]
    kinds = {hostile.kind for hostile in let_in}
    return [
        _let_in(ctx, path, hostile, seen, hostile.kind)
        for hostile, seen in let_in.items()
        if not kinds & IMPLIED_BY.get(hostile.kind, frozenset())
    ]


def _let_in(ctx: Context, path: str, hostile: Hostile, seen: _Allowed, subject: str) -> Result:
    cookies = " with credentials" if seen.credentials else ""
    vary = "" if "origin" in seen.vary else "; without Vary: Origin a cache spreads the answer further"
    return failed(
        f"{path} allows {hostile.origin}{cookies} ({subject}){vary}.",
        subject=subject,
        severity=None if seen.credentials else Severity.HIGH,
        root_cause="The Origin header is sent back whatever it is."
        if subject == "any origin"
        else hostile.cause,
        impact="A page of a stranger reads what the application answers to a user who is logged in."
        if seen.credentials
        else "A page of a stranger reads what the application answers from inside a user's network.",
        fix=_fix(ctx, "Compare the whole origin with a list: no pattern, prefix, suffix or echo."),
        locations=_places(ctx),
        origin=hostile.origin,
        answer=seen.seen(),
    )


def _star(ctx: Context, path: str, seen: _Allowed) -> Result:
    declared = ctx.parameters.smoke.cors
    logs_in = seen.credentials or (declared is not None and declared.credentials)
    return failed(
        f"{path} allows every origin (*){' with credentials' if seen.credentials else '; only declared ones should be'}.",
        subject="any origin",
        severity=Severity.HIGH if logs_in else Severity.MEDIUM,
        root_cause="CORS is set up with * instead of a list."
        + (" Browsers refuse * with credentials, so whoever logs in is locked out." if logs_in else ""),
        impact="Pages of strangers read the answers, also those that a user reaches only from inside a network.",
        fix=_fix(ctx, "List the front ends instead of *."),
        locations=_places(ctx),
        answer=seen.seen(),
    )


def _doubled(ctx: Context, path: str, seen: _Allowed) -> Result:
    return failed(
        f"{path} answers {len(seen.origins)} values of Access-Control-Allow-Origin: {', '.join(seen.origins)}.",
        subject="two headers",
        severity=Severity.HIGH,
        root_cause="Two places add the header, usually the application and a proxy.",
        impact="Browsers refuse such an answer for every origin, and each place may let in others.",
        fix=_fix(ctx, "Add the header in one place only."),
        locations=_places(ctx),
        answer=seen.seen(),
    )


def _fix(ctx: Context, step: str) -> Fix:
    declared = ctx.parameters.smoke.cors
    origins = declared.origins if declared else ["https://shop.example"]
    return fix_for(
        ctx,
        "cors",
        step,
        "Keep the list in the environment's configuration, so that each environment names its own.",
        minutes=15,
        at=_places(ctx)[:1],
        origins=", ".join(f'"{origin}"' for origin in origins),
        origin=origins[0],
        methods=", ".join(f'"{m}"' for m in sorted({"GET", "POST", declared.method if declared else "GET"})),
        headers=", ".join(
            f'"{name.title()}"' for name in (declared.headers if declared else ["authorization"])
        ),
        credentials=str(bool(declared and declared.credentials)).lower(),
        credentials_python=str(bool(declared and declared.credentials)),
    )


def _places(ctx: Context) -> tuple[Location, ...]:
    return sources(ctx).locate(
        "allow_origin", "CORS_ALLOWED_ORIGINS", "CORS_ALLOW_ALL_ORIGINS", "CORSMiddleware", "CORS(", "CorsLayer", "enableCors",
        "cors(", "Cors::", "Access-Control-Allow-Origin", "access-control-allow-origin", "CORS",
    )  # fmt: skip

"""Are the headers that make browsers careful sent, with values that do so (F11)?

Headers that matter only for HTML are no findings on JSON. A framework's error page is not the application, so a path
that answers 4xx or 5xx says nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import Severity
from deployer_lib.check import Result, Skip, errored, failed, passed, skipped
from deployer_lib.probes.context import probe
from deployer_lib.probes.csp import Weakness, policies, weaknesses
from deployer_lib.probes.marked import ordinary_path
from deployer_lib.probes.patience import patiently
from deployer_lib.probes.remedies import remedy
from deployer_lib.probes.sources import sources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from deployer_lib.app.http import Answer
    from deployer_lib.check import JSONValue
    from deployer_lib.probes.context import Context

__all__ = ["headers"]

_SIX_MONTHS_S: Final = 15_552_000
_FIRST_ERROR: Final = 400
_NOTHING_SET: Final = 3  # so many headers that are nowhere sent have one cause, and are one finding
_REDIRECT: Final = range(300, 400)
_SAFE_REFERRERS: Final = frozenset(
    {"no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin"}
)
#: Headers that name a product; Server counts only with a version.
_PRODUCTS: Final = (
    "x-powered-by",
    "x-aspnet-version",
    "x-aspnetmvc-version",
    "x-generator",
    "x-runtime-version",
)
_META_CSP: Final = re.compile(
    r"<meta[^>]+http-equiv=[\"']?content-security-policy[\"']?[^>]+content=(?:\"([^\"]*)\"|'([^']*)')",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Problem:
    what: str  # what was observed, a sentence part that follows on the header's name
    cause: str
    severity: Severity | None = None  # None: the catalogue's


@dataclass(frozen=True, slots=True)
class _Rule:
    """One header: how a page's answer is judged, and what it is for."""

    name: str
    judge: Callable[[Answer], _Problem | None]
    html_only: bool
    value: str  # a sound value, for the fix
    impact: str


def _never_set(name: str) -> _Problem:
    return _Problem("is not sent", f"Nothing in the application, nor in front of it, sets {name}.")


def _values(answer: Answer, name: str) -> list[str]:
    return [part.strip() for value in answer.headers.get_list(name) for part in value.split(",")]


def _hsts(answer: Answer) -> _Problem | None:
    sent = answer.headers.get_list("strict-transport-security")
    if not sent:
        return _never_set("Strict-Transport-Security")
    # Of several, a browser takes the first (RFC 6797, 8.1).
    parts = [part.strip().lower() for part in sent[0].split(";")]
    age = next((match for part in parts if (match := re.fullmatch(r'max-age\s*=\s*"?(\d+)"?', part))), None)
    if age is None:
        return _Problem(
            f"is {sent[0]!r}, without a max-age", "Browsers ignore it without a number of seconds."
        )
    if int(age[1]) < _SIX_MONTHS_S:
        return _Problem(
            f"has max-age={age[1]}, less than six months ({_SIX_MONTHS_S})",
            "The time is set too short.",
            Severity.MEDIUM,
        )
    if "includesubdomains" not in parts:
        return _Problem("lacks includeSubDomains", "The directive was left out.", Severity.LOW)
    return None


def _nosniff(answer: Answer) -> _Problem | None:
    sent = _values(answer, "x-content-type-options")
    if not sent:
        return _never_set("X-Content-Type-Options")
    if sent[0].lower() != "nosniff":
        return _Problem(f"is {', '.join(sent)!r}", "The only value that means something is nosniff.")
    return None


def _frames(answer: Answer) -> _Problem | None:
    found = policies(answer.headers.get_list("content-security-policy"))
    ancestors = [
        policy.directives["frame-ancestors"] for policy in found if "frame-ancestors" in policy.directives
    ]
    if ancestors:  # it makes X-Frame-Options needless
        if all(set(hosts) & {"*", "http:", "https:"} for hosts in ancestors):
            return _Problem(
                "is undone by CSP frame-ancestors that any site matches", "The list holds a wildcard."
            )
        return None
    sent = {value.lower() for value in _values(answer, "x-frame-options")}
    if not sent:
        return _Problem("is not sent, nor CSP frame-ancestors", "Nothing sets either of them.")
    if len(sent) > 1 or not sent <= {"deny", "sameorigin"}:
        return _Problem(
            f"is {', '.join(sorted(sent))!r}, which browsers ignore",
            "Only DENY or SAMEORIGIN mean something.",
        )
    return None


def _content_policy(answer: Answer) -> _Problem | None:
    sent = answer.headers.get_list("content-security-policy")
    meta = [double or single for double, single in _META_CSP.findall(answer.text)]
    found = policies([*sent, *meta])
    if not found:
        if "content-security-policy-report-only" in answer.headers:
            return _Problem(
                "is only sent as Report-Only, which blocks nothing", "It was never enforced after its trial."
            )
        return _never_set("Content-Security-Policy")
    weak = weaknesses(found)
    if not weak:
        return None
    strong = {Weakness.SCRIPTS, Weakness.INLINE, Weakness.WIDE}
    severity = (
        None if strong & set(weak) else Severity.LOW if set(weak) == {Weakness.BASE} else Severity.MEDIUM
    )
    return _Problem(f"is weak: {'; '.join(weak)}", "The policy allows more than the page needs.", severity)


def _referrer(answer: Answer) -> _Problem | None:
    sent = [value.lower() for value in _values(answer, "referrer-policy")]
    if not sent:
        return _Problem("is not sent", "Nothing sets Referrer-Policy.", Severity.LOW)
    if sent[-1] not in _SAFE_REFERRERS:  # the last one that a browser knows counts
        return _Problem(
            f"is {', '.join(sent)!r}, which tells other sites whole addresses",
            "A lax value is set.",
            Severity.LOW,
        )
    return None


def _product(answer: Answer) -> _Problem | None:
    server = answer.headers.get("server", "")
    told = [f"Server: {server}"] if re.search(r"/\d|\d+\.\d+", server) else []
    told += [f"{name}: {answer.headers[name]}" for name in _PRODUCTS if name in answer.headers]
    if not told:
        return None
    return _Problem(
        f"names product and version ({'; '.join(told)})", "It is the server's default.", Severity.LOW
    )


_RULES: Final = (
    _Rule(
        "Strict-Transport-Security",
        _hsts,
        html_only=False,
        value="max-age=31536000; includeSubDomains",
        impact="A browser asks over plain http first, where anybody on the way can read and change the answer.",
    ),
    _Rule(
        "X-Content-Type-Options",
        _nosniff,
        html_only=False,
        value="nosniff",
        impact="A browser may take an upload or a JSON answer for a script and run it.",
    ),
    _Rule(
        "X-Frame-Options",
        _frames,
        html_only=True,
        value="DENY",
        impact="Another site can show this one in a frame and have users click on what they don't see.",
    ),
    _Rule(
        "Content-Security-Policy",
        _content_policy,
        html_only=True,
        value="default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
        impact="Where somebody manages to inject a script, nothing keeps it from running.",
    ),
    _Rule(
        "Referrer-Policy",
        _referrer,
        html_only=True,
        value="strict-origin-when-cross-origin",
        impact="Whether other sites learn the addresses that users come from is left to each browser.",
    ),
    _Rule(
        "Server",
        _product,
        html_only=False,
        value="web",
        impact="Known holes of that version can be tried without a search.",
    ),
)


@probe("health.headers")
def headers(ctx: Context) -> Iterable[Result]:
    """Ask each declared path once and judge every header over all of them."""
    settings = ctx.parameters.health.headers
    pages, unusable = _pages(ctx)
    yield from unusable
    if not pages:
        return
    absent = [rule for rule in _RULES if _nowhere_sent(rule, pages, https=settings.https)]
    if len(absent) >= _NOTHING_SET:
        yield _none_sent(ctx, absent, pages)
    for rule in _RULES:
        if rule.name == "Strict-Transport-Security" and not settings.https:
            yield skipped(
                Skip.NOT_APPLICABLE, "Users do not come by https (health.headers.https)", subject=rule.name
            )
        elif len(absent) < _NOTHING_SET or rule not in absent:
            yield _judged(ctx, rule, pages)


def _nowhere_sent(rule: _Rule, pages: Sequence[tuple[str, Answer]], *, https: bool) -> bool:
    """Tell whether a header that is wanted is on none of the pages."""
    if rule.name == "Server" or (rule.name == "Strict-Transport-Security" and not https):
        return False
    concerned = [answer for _, answer in pages if _is_html(answer) or not rule.html_only]
    return bool(concerned) and all(
        rule.name not in answer.headers and rule.judge(answer) for answer in concerned
    )


def _none_sent(ctx: Context, absent: Sequence[_Rule], pages: Sequence[tuple[str, Answer]]) -> Result:
    """Return one finding for one cause: nothing sets these headers at all."""
    names = [rule.name for rule in absent]
    places = sources(ctx).locate(
        *(re.compile(re.escape(name), re.IGNORECASE) for name in names),
        "add_middleware(",
        "app.use(",
        "add_header",
    )
    path = pages[0][0]
    return failed(
        f"None of {', '.join(names)} is sent, on {', '.join(f'GET {path}' for path, _ in pages)}.",
        subject="security headers",
        root_cause="Nothing in the application, nor in front of it, sets security headers: the middleware that should "
        "is missing or not installed.",
        impact=" ".join(rule.impact for rule in absent if rule.name != "Referrer-Policy"),
        fix=remedy(
            ctx,
            "security_headers",
            "Send these headers with every answer, errors included, at one place in the application or in the proxy.",
            f"See them with: curl -s -D - -o /dev/null {ctx.http.base_url}{path}",
            minutes=60,
            at=places[0] if places else None,
        ),
        locations=places,
        missing=[*names],
        paths={path: [*answer.headers] for path, answer in pages},
    )


def _pages(ctx: Context) -> tuple[list[tuple[str, Answer]], list[Result]]:
    """Return the answers that are the application's own, and what is to be said of the others."""
    settings = ctx.parameters.health.headers
    paths = list(settings.paths)
    pages, unusable = [], []
    for path in paths:
        answer = patiently(ctx, partial(ctx.http.get, path, follow=True))
        if answer.status in _REDIRECT or answer.status >= _FIRST_ERROR:
            undeclared = "paths" not in settings.model_fields_set
            if undeclared and (other := ordinary_path(ctx)) not in paths:
                paths.append(other)  # an API has no page at /
                continue
            unusable.append(
                errored(
                    f"GET {path} answers {answer.status}; an error page is not the application. "
                    "Name a path that it serves in health.headers.paths.",
                    subject=path,
                    status=answer.status,
                )
            )
            continue
        pages.append((path, answer))
    return pages, unusable


def _is_html(answer: Answer) -> bool:
    kind = answer.headers.get("content-type", "").lower()
    return "html" in kind or (not kind and answer.text.lstrip()[:1] == "<")  # without a type, browsers guess


def _judged(ctx: Context, rule: _Rule, pages: Sequence[tuple[str, Answer]]) -> Result:
    concerned = [(path, answer) for path, answer in pages if _is_html(answer) or not rule.html_only]
    if not concerned:
        return skipped(
            Skip.NOT_APPLICABLE,
            f"It matters for HTML pages only, and {', '.join(path for path, _ in pages)} answers none",
            subject=rule.name,
        )
    sent: dict[str, JSONValue] = {path: answer.headers.get(rule.name) for path, answer in concerned}
    problems = [(path, problem) for path, answer in concerned if (problem := rule.judge(answer))]
    if not problems:
        return passed(_praise(rule, concerned[0][1]), subject=rule.name, paths=sent)
    path, problem = problems[0]
    others = f" (and on {len(problems) - 1} more paths)" if len(problems) > 1 else ""
    places = sources(ctx).locate(re.compile(re.escape(rule.name), re.IGNORECASE), "add_header", "helmet(")
    return failed(
        f"{rule.name} {problem.what}, on GET {path}{others}.",
        subject=rule.name,
        severity=problem.severity,
        root_cause=problem.cause,
        impact=rule.impact,
        fix=remedy(
            ctx,
            "server_header" if rule.name == "Server" else "response_header",
            _step(rule),
            f"See it with: curl -s -D - -o /dev/null {ctx.http.base_url}{path}",
            minutes=60 if rule.name == "Content-Security-Policy" else 10,
            at=places[0] if places else None,
            name=rule.name,
            value=rule.value,
        ),
        locations=places,
        paths=sent,
        affected=[path for path, _ in problems],
    )


def _step(rule: _Rule) -> str:
    if rule.name == "Server":
        return "Turn the product's header off in the server's configuration."
    return (
        f"Send {rule.name}: {rule.value} with every answer, at one place in the application or in the proxy."
    )


def _praise(rule: _Rule, answer: Answer) -> str:
    value = answer.headers.get(rule.name)
    if rule.name == "Server":
        return "No header names a product's version."
    if value is None:
        return f"{rule.name} is not needed: the Content-Security-Policy says it."
    return f"{rule.name} is {value}."

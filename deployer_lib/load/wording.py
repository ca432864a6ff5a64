"""What people type for a load: durations, rates, stages, headers, expected answers; k6's, wrk's and vegeta's spellings.

Each reader returns a value with its unit, or raises :class:`~deployer_lib.errors.UsageError` with an example that works.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

from deployer_lib.errors import UsageError
from deployer_lib.expect import holds
from deployer_lib.secret import mask_urls

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Expected", "duration_s", "expected", "header", "rate_per_s", "stages", "url_parts"]

_UNIT_S: Final = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_NUMBER: Final = r"\d+(?:\.\d+)?"
_PART: Final = re.compile(rf"({_NUMBER})(us|µs|ms|s|m|h)")
_RATE: Final = re.compile(rf"\s*(-?{_NUMBER}(?:e\d+)?)\s*(?:/\s*(\d*)\s*(s|m|h))?\s*", re.IGNORECASE)
_STATUSES: Final = range(100, 600)
_RANGE: Final = re.compile(r"(\d)xx|(\d{3})(?:\s*-\s*(\d{3}))?")
_BODY: Final = re.compile(
    r"""(?:text|body)(?:\s+contains\s+|\.contains\()(?P<quote>["'])(?P<text>.+)(?P=quote)\)?""", re.DOTALL
)

_AND: Final = re.compile(r"""&&(?=(?:[^"']*["'][^"']*["'])*[^"']*$)""")  # outside of quotes


@dataclass(frozen=True, slots=True)
class Expected:
    """What an answer must be so that it is no error."""

    statuses: frozenset[int] | None = None  # None: 100 to 399
    contains: bytes | None = None  # bytes that the body must hold


def duration_s(text: str) -> float:
    """Return a duration in seconds: ``30s``, ``500ms``, ``1m30s``, or a plain number of seconds.

    Raises:
        UsageError: it is none.
    """
    plain = text.strip()
    if re.fullmatch(_NUMBER, plain):
        return float(plain)
    parts = _PART.findall(plain)
    if not parts or "".join(number + unit for number, unit in parts) != plain:
        raise UsageError(f"{text!r} is not a duration.", hint="Write for example 30s, 500ms or 1m30s.")
    return sum(float(number) * _UNIT_S[unit] for number, unit in parts)


def rate_per_s(text: str) -> float:
    """Return a rate per second: ``50``, ``50/s``, ``3000/m``, ``50/1s``; zero and less is the plan's to refuse.

    Raises:
        UsageError: it is none.
    """
    match = _RATE.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is not a rate.", hint="Write for example 50, 50/s or 3000/m.")
    per_s = float(match[2] or 1) * _UNIT_S[(match[3] or "s").lower()]
    if not per_s:
        raise UsageError(f"{text!r} is not a rate: there is no time in it.", hint="Write for example 50/1s.")
    return float(match[1]) / per_s


def stages(text: str) -> list[tuple[float, float]]:
    """Return ``(rate per second, seconds)`` of each stage of ``10:5s,100:20s``; k6's ``5s:10`` is understood too.

    Raises:
        UsageError: a stage is not of that form.
    """
    found = []
    for stage in text.split(","):
        left, colon, right = stage.strip().partition(":")
        if not colon:
            raise UsageError(
                f"{stage.strip()!r} is not a stage.",
                hint='Write rate:duration, for example --stages "10:5s,100:20s".',
            )
        swapped = bool(_PART.match(left)) and not _PART.match(right)
        rate, length = (right, left) if swapped else (left, right)
        found.append((rate_per_s(rate), duration_s(length)))
    return found


def header(text: str) -> tuple[str, str]:
    """Return name and value of ``Name: value``.

    Raises:
        UsageError: there is no name in it.
    """
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise UsageError(  # without the text, which may be a token
            "What was given is not a header: there is no name and colon in it.",
            hint='Write for example --header "Accept: text/html".',
        )
    return name.strip(), value.strip()


def url_parts(text: str) -> SplitResult:
    """Return the parts of an http or https address.

    Raises:
        UsageError: it is none.
    """
    hint = "Write for example http://127.0.0.1:8000/health."
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises on a port that is none
    except ValueError as error:
        raise UsageError(f"{mask_urls(text)!r} is not a URL: {error}.", hint=hint) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or re.search(r"[\s\0]", text):
        raise UsageError(f"{mask_urls(text)!r} is not a URL of http or https.", hint=hint)
    if parts.username or parts.password:
        raise UsageError(
            "The URL holds a name or password, which would stand in logs.",
            hint='Send it as a header: --header "Authorization: Basic …".',
        )
    return parts


def expected(texts: Sequence[str]) -> Expected:
    """Return what all of these say: ``200``, ``2xx``, ``200,404``, ``status < 500``, ``text.contains("ok")``; ``&&`` joins.

    Raises:
        UsageError: one cannot be understood, or no status can ever fit.
    """
    statuses: frozenset[int] | None = None
    contains: bytes | None = None
    for clause in (part.strip() for text in texts for part in _AND.split(text)):
        if body := _BODY.fullmatch(clause):
            if contains is not None:
                raise UsageError("A second text is expected of the body.", hint="Give one.")
            contains = body["text"].encode()
            continue
        fit = _statuses(clause)
        statuses = fit if statuses is None else statuses & fit
    if statuses is not None and not statuses:
        raise UsageError(f"No status fits {' && '.join(texts)}.", hint='Write for example "status == 200".')
    return Expected(statuses, contains)


def _statuses(clause: str) -> frozenset[int]:
    plain = re.sub(r"^status\s*==\s*(?=\d{3}$)", "", clause)
    matches = [_RANGE.fullmatch(part.strip().lower()) for part in plain.split(",")]
    if all(matches):
        return frozenset(status for match in matches if match for status in _range(match))
    hint = 'Write for example --expect 200, --expect "status < 500" or --expect \'text.contains("ok")\'.'
    held = {status: holds(clause, {"status": status}).held for status in (_STATUSES[0], _STATUSES[-1])}
    if None in held.values():
        raise UsageError(f"{clause!r} is not something that can be expected of an answer.", hint=hint)
    return frozenset(status for status in _STATUSES if holds(clause, {"status": status}).held)


def _range(match: re.Match[str]) -> range:
    if match[1]:
        return range(int(match[1]) * 100, int(match[1]) * 100 + 100)
    return range(int(match[2]), int(match[3] or match[2]) + 1)

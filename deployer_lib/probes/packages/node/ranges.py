"""npm's version ranges: does a version lie in ``^1.2.3 || >=3 <5``? (https://github.com/npm/node-semver#ranges)."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["satisfies"]

_VERSION: Final = re.compile(r"^[v=\s]*(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$")
_PARTIAL: Final = re.compile(
    r"^[v=]*(\d+|[xX*])?(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$"
)
_OPERATOR: Final = re.compile(r"^(\^|~>?|>=|<=|>|<|=)?\s*(.*)$")

_Key = tuple[int, int, int, tuple[tuple[int, int, str], ...]]
#: Below every pre-release of a version, and above all of them.
_LAST: Final = ((9, 0, ""),)


def satisfies(version: str, wanted: str) -> bool | None:
    """Tell whether a version lies in a range; None where either is no version (a tag, an address, ``workspace:*``).

    A pre-release counts only where the range names one of the same version, as npm does.
    """
    found = _VERSION.match(version.strip())
    if found is None:
        return None
    key = _key(found)
    held = False
    for part in wanted.split("||"):
        tests = _tests(part.strip())
        if tests is None:
            return None
        held = held or (
            all(_holds(key, operator, bound) for operator, bound in tests) and _allowed(key, found[4], tests)
        )
    return held


def _key(match: re.Match[str]) -> _Key:
    return int(match[1]), int(match[2]), int(match[3]), _pre(match[4])


def _pre(text: str | None) -> tuple[tuple[int, int, str], ...]:
    if not text:
        return _LAST
    return tuple((0, int(word), "") if word.isdigit() else (1, 0, word) for word in text.split("."))


def _allowed(key: _Key, pre: str | None, tests: list[tuple[str, _Key]]) -> bool:
    return not pre or any(bound[:3] == key[:3] and bound[3] not in {_LAST, ()} for _, bound in tests)


def _holds(key: _Key, operator: str, bound: _Key) -> bool:
    return {">=": key >= bound, ">": key > bound, "<": key < bound, "<=": key <= bound, "=": key == bound}[
        operator
    ]


def _tests(part: str) -> list[tuple[str, _Key]] | None:
    hyphen = re.match(r"^(\S+)\s+-\s+(\S+)$", part)
    if hyphen:
        low, high = _comparator(f">={hyphen[1]}"), _comparator(f"<={hyphen[2]}")
        return None if low is None or high is None else [*low, *high]
    joined = re.sub(r"(\^|~>?|[<>]=?|=)\s+", r"\1", part)
    tests: list[tuple[str, _Key]] = []
    for word in joined.split():
        some = _comparator(word)
        if some is None:
            return None
        tests += some
    return tests


def _comparator(word: str) -> list[tuple[str, _Key]] | None:
    matched = _OPERATOR.match(word)
    found = _PARTIAL.match(matched[2]) if matched else None
    if matched is None or found is None:
        return None
    operator = (matched[1] or "").replace("~>", "~")
    numbers = [int(each) if each and each.isdigit() else None for each in found.groups()[:3]]
    if numbers[0] is None:  # *, x, the empty text
        return [("<", (0, 0, 0, ()))] if operator in {"<", ">"} else []
    count = 3 if None not in numbers else numbers.index(None)
    major, minor, patch = (each or 0 for each in (*numbers[:count], *[0] * (3 - count)))
    low: _Key = (major, minor, patch, _pre(found[4]) if count == 3 else ())  # noqa: PLR2004  (major, minor, patch)
    if operator in {"", "=", "~", "^"}:
        return _between(operator, low, count)
    return _beyond(operator, low, count)


def _between(operator: str, low: _Key, count: int) -> list[tuple[str, _Key]]:
    major, minor, patch, _ = low
    if operator in {"", "="} and count == 3:  # noqa: PLR2004  (major, minor, patch)
        return [("=", low)]
    if count == 1 or (operator == "^" and major):
        high = (major + 1, 0, 0)
    elif operator == "^" and not minor and count == 3:  # noqa: PLR2004  (major, minor, patch)
        high = (0, 0, patch + 1)
    else:
        high = (major, minor + 1, 0)
    return [(">=", low), ("<", (*high, ()))]


def _beyond(operator: str, low: _Key, count: int) -> list[tuple[str, _Key]]:
    if count == 3:  # noqa: PLR2004  (major, minor, patch)
        return [(operator, low)]
    above: _Key = (low[0] + 1, 0, 0, ()) if count == 1 else (low[0], low[1] + 1, 0, ())
    if operator == ">":
        return [(">=", above)]
    if operator == "<=":
        return [("<", above)]
    return [(operator, low)]

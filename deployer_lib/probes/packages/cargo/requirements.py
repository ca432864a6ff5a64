"""Cargo's version requirements: ``1.2``, ``~1.2``, ``=1.2.3``, ``>=1, <2``, ``1.*``, as the reference defines them.

https://doc.rust-lang.org/cargo/reference/specifying-dependencies.html
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["fulfils"]

_PART: Final = re.compile(
    r"^\s*(?P<op>\^|~|=|>=|<=|>|<)?\s*v?(?P<major>\d+|[*xX])(?:\.(?P<minor>\d+|[*xX]))?(?:\.(?P<patch>\d+|[*xX]))?"
    r"(?:-(?P<pre>[0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?\s*$"
)
_VERSION: Final = re.compile(r"^(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+.*)?$")
_Triple = tuple[int, int, int]


def fulfils(version: str, requirement: str) -> bool | None:
    """Tell whether a version is what a requirement asks for; None where either is not understood."""
    found = _VERSION.match(version)
    if found is None:
        return None
    if requirement.strip() in {"", "*"}:
        return True
    triple: _Triple = (int(found.group(1)), int(found.group(2)), int(found.group(3)))
    answers = [_one(triple, found.group(4) or "", part) for part in requirement.split(",") if part.strip()]
    return None if None in answers else all(answers)


def _one(version: _Triple, pre: str, part: str) -> bool | None:
    match = _PART.match(part)
    if match is None:
        return None
    given = (match.group("major"), match.group("minor"), match.group("patch"))
    numbers = [int(value) for value in given if value and value.isdigit()]
    wild = bool(re.search(r"[*xX]", part.partition("-")[0]))
    operator = match.group("op") or ("=" if wild else "^")
    if not numbers:
        return not pre
    filled = [*numbers, 0, 0]
    lowest: _Triple = (filled[0], filled[1], filled[2])
    if pre:
        # Only asked for by name of the same three numbers; what two of them are to each other is left open.
        return True if match.group("pre") and version == lowest else None
    above = _next(numbers, operator)
    whole = len(numbers) == len(lowest)
    return {
        ">=": version >= lowest,
        "<": version < lowest,
        ">": version > lowest if whole else version >= above,
        "<=": version <= lowest if whole else version < above,
    }.get(operator, lowest <= version < above)


def _next(numbers: list[int], operator: str) -> _Triple:
    """Return the first version beyond what a requirement covers."""
    filled = [*numbers, 0, 0][:3]
    if operator == "^":
        place = next((index for index, number in enumerate(numbers) if number), len(numbers) - 1)
    elif operator == "~":
        place = min(1, len(numbers) - 1)
    else:
        place = len(numbers) - 1
    raised = [*filled[:place], filled[place] + 1, *([0] * (2 - place))]
    return (raised[0], raised[1], raised[2])

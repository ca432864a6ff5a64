"""The words that HTML, Markdown and text share: sign and word of an outcome, names, places, evidence."""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Outcome, Provenance

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from deployer_lib.check import Check, JSONValue

__all__ = [
    "Row",
    "cell",
    "colour",
    "evidence_text",
    "headline",
    "in_order",
    "kind_of",
    "markdown",
    "name_of",
    "places_of",
    "rows_of",
    "sign",
    "told",
]

#: Sign, word and colour (Okabe-Ito, dark enough on white and light enough on black) of an outcome, always together.
_SIGNS: Final = {
    Outcome.PASS: ("✅", "pass", "#009E73"),
    Outcome.FAIL: ("❌", "fail", "#D55E00"),
    Outcome.ERROR: ("⚠️", "could not tell", "#B87800"),
    Outcome.SKIP: ("⏭️", "skipped", "#7f7f7f"),
}
_ORDER: Final = (Outcome.FAIL, Outcome.ERROR, Outcome.SKIP, Outcome.PASS)
_PLACES: Final = 8
_EVIDENCE_CHARS: Final = 4000
_LINE_CHARS: Final = 100


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table of checks: one check, or all subjects of a check that passed."""

    checks: tuple[Check, ...]

    @property
    def first(self) -> Check:
        """Return the check that stands for all."""
        return self.checks[0]

    @property
    def name(self) -> str:
        """Return the claim, with its subject where there is one only."""
        return name_of(self.first) if len(self.checks) == 1 else self.first.title

    @property
    def message(self) -> str:
        """Return what was seen."""
        count = len(self.checks)
        return self.first.result.message if count == 1 else f"holds for {count} subjects"


def sign(check: Check) -> str:
    """Return sign and word of a check's outcome ("❌ fail", "⏭️ skipped: blocked")."""
    mark, word, _ = _SIGNS[check.outcome]
    return f"{mark} {word}{kind_of(check)}"


def kind_of(check: Check) -> str:
    """Return the kind of a skip as it stands behind its word (": blocked")."""
    return f": {check.result.skip.value}" if check.result.skip else ""


def colour(outcome: Outcome) -> str:
    """Return the colour of an outcome."""
    return _SIGNS[outcome][2]


def headline(checks: Sequence[Check]) -> str:
    """Return the counts in one line, worst first ("❌ 1 fail · ✅ 7 pass")."""
    parts = [
        f"{_SIGNS[outcome][0]} {count} {_SIGNS[outcome][1]}"
        for outcome in _ORDER
        if (count := sum(c.outcome is outcome for c in checks))
    ]
    return " · ".join(parts) or "no checks"


def in_order(checks: Iterable[Check]) -> list[Check]:
    """Return the checks, the worst first."""
    return sorted(checks, key=lambda c: (_ORDER.index(c.outcome), c.severity.rank))


def name_of(check: Check) -> str:
    """Return the claim with its subject, and whether it was seen on a mended copy."""
    subject = f" – {check.subject}" if check.subject else ""
    diagnostic = check.result.provenance is Provenance.DIAGNOSTIC
    return f"{check.title}{subject}{' (seen on a mended copy)' if diagnostic else ''}"


def places_of(check: Check) -> list[str]:
    """Return where a finding stands ("src/app.py:12"), the first few."""
    return [place_of(place.file, place.line) for place in check.result.locations[:_PLACES]]


def place_of(file: str, line: int) -> str:
    """Return a place as people write it."""
    return f"{file}:{line}" if line else file


def told(check: Check) -> list[tuple[str, str]]:
    """Return label and text of what is known about a finding."""
    result = check.result
    pairs = (("Root cause", result.root_cause), ("Impact", result.impact))
    return [(label, text) for label, text in pairs if text]


def rows_of(checks: Iterable[Check]) -> list[Row]:
    """Fold the subjects of each check that passed into one row."""
    groups: dict[object, list[Check]] = {}
    for index, check in enumerate(checks):
        groups.setdefault(check.id if check.outcome is Outcome.PASS else index, []).append(check)
    return [Row(tuple(group)) for group in groups.values()]


def evidence_text(evidence: Mapping[str, JSONValue]) -> str:
    """Return what was observed, one name a line, lines of a log as lines."""
    text = "\n".join(_observed(name, value) for name, value in evidence.items())
    if len(text) <= _EVIDENCE_CHARS:
        return text
    return f"{text[:_EVIDENCE_CHARS]}\n… ({len(text) - _EVIDENCE_CHARS:,} characters more in results.json)"


def _observed(name: str, value: JSONValue) -> str:
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        lines = [str(item) for item in value]
        if sum(map(len, lines)) > _LINE_CHARS:
            return f"{name}:\n" + "\n".join(f"  {line}" for line in lines)
        return f"{name}: {', '.join(lines)}"
    if isinstance(value, str):
        return f"{name}: {value}" if "\n" not in value else f"{name}:\n" + re.sub(r"(?m)^", "  ", value)
    text = json.dumps(value, ensure_ascii=False)
    if len(text) > _LINE_CHARS:
        text = "\n" + re.sub(r"(?m)^", "  ", _outline(value))
    return f"{name}: {text}"


def _outline(value: JSONValue) -> str:
    """Return a long value with one entry a line."""
    if isinstance(value, dict):
        return "\n".join(f"{key}: {json.dumps(item, ensure_ascii=False)}" for key, item in value.items())
    if isinstance(value, list):
        return "\n".join(json.dumps(item, ensure_ascii=False) for item in value)
    return json.dumps(value, ensure_ascii=False)


def cell(text: str) -> str:
    """Return a text as a cell of a Markdown table."""
    return re.sub(r"\s+", " ", markdown(text)).replace("|", "\\|")


def markdown(text: str) -> str:
    """Return a text without HTML and links: what an application answered stays what it is.

    Nothing else is escaped. What leaves the kernel is searched for secrets in the forms that the redactor knows, HTML's
    among them, and not Markdown's.
    """
    return html.escape(text, quote=False).replace("](", "]&#40;")

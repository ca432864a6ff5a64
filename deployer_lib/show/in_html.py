"""Checks as HTML: a card for each finding, one table for the rest."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Outcome
from deployer_lib.show.tables import CELL, table_html
from deployer_lib.show.words import (
    colour,
    evidence_text,
    name_of,
    place_of,
    places_of,
    rows_of,
    sign,
    told,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deployer_lib.check import Check, Code
    from deployer_lib.show.tables import Table
    from deployer_lib.show.words import Row

__all__ = ["checks_html"]

_PRE: Final = 'style="white-space:pre-wrap;overflow-wrap:anywhere;border:1px solid #8886;padding:6px 10px"'


def checks_html(checks: Sequence[Check], title: str, tables: Sequence[Table]) -> str:
    """Return findings and what could not be told as cards, then tables, then one table of the rest.

    Args:
        checks: in the order in which they are shown.
        title: headline of a phase that ends; empty for one check, whose fix is open and whose evidence is there.
        tables: what a person acts on, between the cards and the rest.
    """
    cards = [check for check in checks if check.outcome in {Outcome.FAIL, Outcome.ERROR}]
    rows = rows_of(check for check in checks if check not in cards)
    parts = [_title(checks, title)] if title else []
    parts += [_card(check, summary=bool(title)) for check in cards]
    parts += [table_html(table) for table in tables]
    if rows:
        body = "".join(_row(row, summary=bool(title)) for row in rows)
        parts.append(f"<table><tbody>{body}</tbody></table>")
    return "".join(parts)


def _title(checks: Sequence[Check], title: str) -> str:
    worst = checks[0].outcome if checks else Outcome.ERROR
    return f'<p style="font-size:120%;color:{colour(worst)}"><b>{html.escape(title)}</b></p>'


def _card(check: Check, *, summary: bool) -> str:
    result, shade = check.result, colour(check.outcome)
    severity = f" · {check.severity.sign} {check.severity.value}" if check.outcome is Outcome.FAIL else ""
    head = (
        f'<p><b style="color:{shade}">{sign(check)}{severity}</b> · <b>{html.escape(name_of(check))}</b> '
        f"<code>{html.escape(check.id)}</code></p>"
    )
    about = "".join(f"<br><b>{label}:</b> {html.escape(text)}" for label, text in told(check))
    if places := places_of(check):
        shown = ", ".join(f"<code>{html.escape(place)}</code>" for place in places)
        about += f"<br><b>Where:</b> {shown}"
    said = f'<p style="white-space:pre-wrap;overflow-wrap:anywhere">{html.escape(result.message)}{about}</p>'
    fix = _fix(check, folded=summary)
    evidence = "" if summary else _evidence([check])
    return f'<div style="border-left:4px solid {shade};padding:1px 12px;margin:8px 0">{head}{said}{fix}{evidence}</div>'


def _fix(check: Check, *, folded: bool) -> str:
    fix = check.result.fix
    if not fix.steps and not fix.code:
        return ""
    steps = "".join(f"<li>{html.escape(step)}</li>" for step in fix.steps)
    code = "".join(_code(code) for code in fix.code)
    docs = f'<p><a href="{html.escape(fix.docs)}">{html.escape(fix.docs)}</a></p>' if fix.docs else ""
    minutes = f" (about {fix.minutes} min)" if fix.minutes else ""
    return (
        f"<details{'' if folded else ' open'}><summary><b>Fix</b>{minutes}</summary>"
        f"<ol>{steps}</ol>{code}{docs}</details>"
    )


def _code(code: Code) -> str:
    place = html.escape(place_of(code.file, code.line))
    return f"<p><code>{place}</code></p><pre {_PRE}>{html.escape(code.text)}</pre>"


def _row(row: Row, *, summary: bool) -> str:
    check = row.first
    details = "" if summary else _subjects(row)
    return (
        f'<tr><td style="{CELL};white-space:nowrap;color:{colour(check.outcome)}"><b>{sign(check)}</b></td>'
        f'<td style="{CELL}">{html.escape(row.name)}<br><code>{html.escape(check.id)}</code></td>'
        f'<td style="{CELL}">{html.escape(row.message)}{details}</td></tr>'
    )


def _subjects(row: Row) -> str:
    if len(row.checks) == 1:
        return _evidence(row.checks)
    named = "".join(
        f"<li><b>{html.escape(check.subject)}</b>: {html.escape(check.result.message)}</li>"
        for check in row.checks
    )
    return f"<details><summary>which</summary><ul>{named}</ul></details>{_evidence(row.checks)}"


def _evidence(checks: Sequence[Check]) -> str:
    seen = [
        (f"{check.subject}\n" if len(checks) > 1 else "") + evidence_text(check.result.evidence)
        for check in checks
        if check.result.evidence
    ]
    if not seen:
        return ""
    text = html.escape("\n\n".join(seen))
    return f"<details><summary>evidence</summary><pre {_PRE}>{text}</pre></details>"

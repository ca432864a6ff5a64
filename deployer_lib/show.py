"""What a person sees in a notebook: the header, the effective parameters and the checks, as HTML, Markdown and text.

Inline styles, tables and details only: a stranger's notebook is untrusted, and everything else vanishes there.
"""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING, Final

from deployer_lib.check import CHECKS_MIME, CHECKS_SCHEMA, Check, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from deployer_lib.check import JSONValue

__all__ = ["checks_bundle", "headline", "sign", "table_bundle"]

#: Sign, word and colour (Okabe-Ito) of an outcome, always together.
_SIGNS: Final = {
    Outcome.PASS: ("✅", "pass", "#009E73"),
    Outcome.FAIL: ("❌", "fail", "#D55E00"),
    Outcome.ERROR: ("⚠️", "could not tell", "#E69F00"),
    Outcome.SKIP: ("⏭️", "skipped", "#7f7f7f"),
}
_ORDER: Final = (Outcome.FAIL, Outcome.ERROR, Outcome.SKIP, Outcome.PASS)
_CELL: Final = "text-align:left;vertical-align:top;padding:4px 10px"


def sign(check: Check) -> str:
    """Return sign and word of a check's outcome ("❌ fail", "⏭️ skipped: blocked")."""
    mark, word, _ = _SIGNS[check.outcome]
    kind = f": {check.result.skip.value}" if check.result.skip else ""
    return f"{mark} {word}{kind}"


def headline(checks: Sequence[Check]) -> str:
    """Return the counts in one line, worst first ("❌ 1 fail · ✅ 7 pass")."""
    parts = [
        f"{_SIGNS[outcome][0]} {count} {_SIGNS[outcome][1]}"
        for outcome in _ORDER
        if (count := sum(c.outcome is outcome for c in checks))
    ]
    return " · ".join(parts) or "no checks"


def checks_bundle(phase: str, checks: Sequence[Check], *, closed: bool) -> dict[str, object]:
    """Return the MIME bundle of checks: JSON for machines beside what people see."""
    rows = (
        sorted(checks, key=lambda c: (_ORDER.index(c.outcome), c.severity.rank)) if closed else list(checks)
    )
    data: dict[str, JSONValue] = {
        "schema": CHECKS_SCHEMA,
        "phase": phase,
        "closed": closed,
        "checks": [c.to_json() for c in checks],
    }
    title = f"{phase}: {headline(checks)}" if closed else ""
    return {
        CHECKS_MIME: data,
        "text/html": _html(rows, title),
        "text/markdown": _markdown(rows, title),
        "text/plain": _plain(rows, title),
    }


def table_bundle(
    title: str, head: Sequence[str], rows: Iterable[Sequence[str]], *, folded: bool = False
) -> dict[str, object]:
    """Return the MIME bundle of a plain table; ``folded`` hides it behind its title."""
    rows = [list(row) for row in rows]
    body = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{html.escape(cell)}</td>' for cell in row) + "</tr>"
        for row in rows
    )
    headings = "".join(f'<th style="{_CELL}">{html.escape(cell)}</th>' for cell in head)
    table = f"<table><thead><tr>{headings}</tr></thead><tbody>{body}</tbody></table>"
    shown = (
        f"<details><summary>{html.escape(title)}</summary>{table}</details>"
        if folded
        else f"<p><b>{html.escape(title)}</b></p>{table}"
    )
    lines = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in [head, *rows]]
    lines.insert(1, "|" + " --- |" * len(head))
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    plain = "\n".join(
        "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in [head, *rows]
    )
    return {
        "text/html": shown,
        "text/markdown": f"**{title}**\n\n" + "\n".join(lines),
        "text/plain": f"{title}\n{plain}",
    }


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


def _name(check: Check) -> str:
    return f"{check.title} – {check.subject}" if check.subject else check.title


def _grouped(checks: Sequence[Check]) -> list[tuple[Check, int]]:
    """Fold many passing subjects of one check into one row with their number."""
    rows: list[tuple[Check, int]] = []
    at: dict[str, int] = {}
    for check in checks:
        if check.outcome is Outcome.PASS and check.id in at:
            index = at[check.id]
            rows[index] = (rows[index][0], rows[index][1] + 1)
        else:
            if check.outcome is Outcome.PASS:
                at[check.id] = len(rows)
            rows.append((check, 1))
    return rows


def _html(checks: Sequence[Check], title: str) -> str:
    rows = []
    for check, count in _grouped(checks):
        colour = _SIGNS[check.outcome][2]
        severity = f"{check.severity.sign} {check.severity.value}" if check.outcome is Outcome.FAIL else ""
        name = html.escape(check.title if count > 1 else _name(check))
        message = html.escape(check.result.message) if count == 1 else f"holds for {count} subjects"
        rows.append(
            f'<tr><td style="{_CELL};color:{colour};white-space:nowrap"><b>{sign(check)}</b></td>'
            f'<td style="{_CELL};white-space:nowrap">{severity}</td>'
            f'<td style="{_CELL}">{name}<br><code>{check.id}</code> {check.row}</td>'
            f'<td style="{_CELL};white-space:pre-wrap">{message}{_detail_html(check)}</td></tr>'
        )
    heading = f"<p><b>{html.escape(title)}</b></p>" if title else ""
    return f"{heading}<table><tbody>{''.join(rows)}</tbody></table>"


def _detail_html(check: Check) -> str:
    result = check.result
    parts = []
    if check.outcome is Outcome.FAIL:
        for label, text in (("Root cause", result.root_cause), ("Impact", result.impact)):
            if text:
                parts.append(f"<p><b>{label}:</b> {html.escape(text)}</p>")
        if result.locations:
            places = ", ".join(
                f"<code>{html.escape(_place(p.file, p.line))}</code>" for p in result.locations[:8]
            )
            parts.append(f"<p><b>Where:</b> {places}</p>")
        if result.fix.steps:
            steps = "".join(f"<li>{html.escape(step)}</li>" for step in result.fix.steps)
            parts.append(f"<p><b>Fix:</b></p><ol>{steps}</ol>")
        parts += [
            f"<p><code>{html.escape(_place(code.file, code.line))}</code></p><pre>{html.escape(code.text)}</pre>"
            for code in result.fix.code
        ]
        if result.fix.docs:
            link = html.escape(result.fix.docs, quote=True)
            parts.append(f'<p><a href="{link}">{link}</a></p>')
    elif result.root_cause:
        parts.append(f"<p>{html.escape(result.root_cause)}</p>")
    if result.evidence:
        seen = html.escape(json.dumps(result.evidence, ensure_ascii=False, indent=1)[:4000])
        parts.append(f"<details><summary>evidence</summary><pre>{seen}</pre></details>")
    return "".join(parts)


def _place(file: str, line: int) -> str:
    return f"{file}:{line}" if line else file


def _markdown(checks: Sequence[Check], title: str) -> str:
    lines = [f"**{title}**", ""] if title else []
    lines += ["| outcome | severity | check | what was seen |", "| --- | --- | --- | --- |"]
    for check, count in _grouped(checks):
        severity = f"{check.severity.sign} {check.severity.value}" if check.outcome is Outcome.FAIL else ""
        name = check.title if count > 1 else _name(check)
        message = check.result.message if count == 1 else f"holds for {count} subjects"
        lines.append(f"| {sign(check)} | {severity} | {_cell(name)} (`{check.id}`) | {_cell(message)} |")
    return "\n".join(lines)


def _plain(checks: Sequence[Check], title: str) -> str:
    lines = [title] if title else []
    for check, count in _grouped(checks):
        name = check.id if count > 1 or not check.subject else f"{check.id} {check.subject}"
        message = check.result.message if count == 1 else f"holds for {count} subjects"
        lines.append(f"{sign(check)}  {name}: {message}")
        if check.outcome is Outcome.FAIL:
            lines += [f"    {label}: {text}" for label, text in _plain_details(check) if text]
    return "\n".join(lines)


def _plain_details(check: Check) -> Iterable[tuple[str, str]]:
    result = check.result
    yield "severity", check.severity.value
    yield "root cause", result.root_cause
    yield "where", ", ".join(_place(p.file, p.line) for p in result.locations[:8])
    yield "fix", "; ".join(result.fix.steps)

"""Checks as Markdown, for code hosts and editors that show no HTML."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from deployer_lib.check import Outcome
from deployer_lib.show.tables import table_markdown
from deployer_lib.show.words import cell, markdown, name_of, place_of, places_of, rows_of, sign, told

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from deployer_lib.check import Check, Code
    from deployer_lib.show.tables import Table

__all__ = ["checks_markdown"]


def checks_markdown(checks: Sequence[Check], title: str, tables: Sequence[Table]) -> str:
    """Return each finding with cause, place and fix, then tables, then one table of the rest."""
    cards = [check for check in checks if check.outcome in {Outcome.FAIL, Outcome.ERROR}]
    rows = rows_of(check for check in checks if check not in cards)
    parts = [f"**{title}**"] if title else []
    for check in cards:
        parts += _finding(check)
    parts += [table_markdown(table) for table in tables]
    if rows:
        lines = ["| outcome | check | what was seen |", "| --- | --- | --- |"]
        lines += [
            f"| {sign(row.first)} | {cell(row.name)} (`{row.first.id}`) | {cell(row.message)} |"
            for row in rows
        ]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _finding(check: Check) -> Iterator[str]:
    severity = f" · {check.severity.sign} {check.severity.value}" if check.outcome is Outcome.FAIL else ""
    yield f"**{sign(check)}{severity} · {markdown(name_of(check))}** (`{check.id}`)"
    yield markdown(check.result.message)
    lines = [f"- **{label}:** {cell(text)}" for label, text in told(check)]
    if places := places_of(check):
        lines.append("- **Where:** " + ", ".join(f"`{place}`" for place in places))
    if lines:
        yield "\n".join(lines)
    fix = check.result.fix
    if fix.steps:
        yield "**Fix:**"
        yield "\n".join(f"{number}. {cell(step)}" for number, step in enumerate(fix.steps, 1))
    for code in fix.code:
        yield from _code(code)
    if fix.docs:
        yield f"<{fix.docs}>"


def _code(code: Code) -> Iterator[str]:
    longest = max((len(run) for run in re.findall(r"`+", code.text)), default=0)
    fence = "`" * max(3, longest + 1)
    yield f"`{place_of(code.file, code.line)}`"
    yield f"{fence}{code.language}\n{code.text.rstrip()}\n{fence}"

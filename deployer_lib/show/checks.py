"""Checks as one MIME bundle: JSON for machines beside what people see, findings first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployer_lib.check import CHECKS_MIME, CHECKS_SCHEMA, Outcome
from deployer_lib.show.environment import environment_tables
from deployer_lib.show.in_html import checks_html
from deployer_lib.show.in_markdown import checks_markdown
from deployer_lib.show.words import headline, in_order, name_of, places_of, rows_of, sign

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from deployer_lib.check import Check, JSONValue

__all__ = ["checks_bundle"]


def checks_bundle(phase: str, checks: Sequence[Check], *, closed: bool) -> dict[str, object]:
    """Return the MIME bundle of checks.

    Args:
        phase: the phase that made them.
        checks: one check with its subjects, or all of the phase.
        closed: whether the phase ends with them; they are shown under one headline then, fixes and evidence folded,
            because each stands in full below its own cell.
    """
    data: dict[str, JSONValue] = {
        "schema": CHECKS_SCHEMA,
        "phase": phase,
        "closed": closed,
        "checks": [c.to_json() for c in checks],
    }
    ordered = in_order(checks)
    title = f"{phase}: {headline(checks)}" if closed else ""
    tables = environment_tables(checks) if closed else []
    return {
        CHECKS_MIME: data,
        "text/html": checks_html(ordered, title, tables),
        "text/markdown": checks_markdown(ordered, title, tables),
        "text/plain": _plain(ordered, title),
    }


def _plain(checks: Sequence[Check], title: str) -> str:
    lines = [title] if title else []
    for row in rows_of(checks):
        check = row.first
        name = check.id if len(row.checks) > 1 else f"{check.id} {check.subject}".strip()
        lines.append(f"{sign(check)}  {name}: {row.message}")
        if check.outcome in {Outcome.FAIL, Outcome.ERROR}:
            lines += [f"    {label}: {text}" for label, text in _details(check) if text]
    return "\n".join(lines)


def _details(check: Check) -> Iterable[tuple[str, str]]:
    result = check.result
    yield "claim", name_of(check)
    if check.outcome is Outcome.FAIL:
        yield "severity", check.severity.value
    yield "root cause", result.root_cause
    yield "impact", result.impact
    yield "where", ", ".join(places_of(check))
    yield "fix", "; ".join(result.fix.steps)

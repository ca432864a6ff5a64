"""Plain tables as HTML, Markdown and text: the header of a phase, and its effective parameters."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.parameters.reader import DEFAULT
from deployer_lib.show.words import cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["CELL", "Table", "parameters_bundle", "table_bundle", "table_html", "table_markdown"]

#: JupyterLab sets cells of HTML tables flush right.
CELL: Final = "text-align:left;vertical-align:top;padding:4px 10px"
_VALUE_CHARS: Final = 200
_PIECES: Final = re.compile(r"[^/_:,.]+[/_:,.]*|[/_:,.]+")
_PLAIN_CHARS: Final = 60


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its title; a head of empty names is not shown."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    folded: bool = False
    paths: frozenset[int] = (
        frozenset()
    )  # columns of names and places in the project, which may be broken anywhere


def table_bundle(
    title: str, head: Sequence[str], rows: Iterable[Sequence[str]], *, folded: bool = False
) -> dict[str, object]:
    """Return the MIME bundle of a plain table; ``folded`` hides it behind its title."""
    table = Table(title, tuple(head), tuple(tuple(row) for row in rows), folded)
    return {
        "text/html": table_html(table),
        "text/markdown": table_markdown(table),
        "text/plain": _plain(table),
    }


def parameters_bundle(rows: Sequence[tuple[str, str, str, int]]) -> dict[str, object]:
    """Return the MIME bundle of effective parameters: what was given, with file and line; what is default, folded.

    Args:
        rows: dotted key, value, file and line of each, as ``Loaded.effective`` returns them.
    """
    given = [
        (key, value, f"{file}:{line}" if line else file) for key, value, file, line in rows if file != DEFAULT
    ]
    defaults = [(key, value) for key, value, file, _ in rows if file == DEFAULT]
    files = ", ".join(dict.fromkeys(file for _, _, file, _ in rows if file != DEFAULT))
    title = f"{len(given)} parameters from {files or 'nowhere'}; {len(defaults)} are defaults"
    table = Table(
        title,
        ("parameter", "value", "from"),
        tuple((k, _short(v), f) for k, v, f in given),
        paths=frozenset({0, 2}),
    )
    listed = html.escape("\n".join(f"{key}: {_short(value)}" for key, value in defaults))
    return {
        "text/html": (
            f"<details><summary>{html.escape(title)}</summary>{_grid(table, 'text-align:left')}"
            f"<details><summary>{len(defaults)} defaults</summary><pre>{listed}</pre></details></details>"
        ),
        "text/markdown": f"{title}.",
        "text/plain": f"{title}.",
    }


def table_html(table: Table) -> str:
    """Return a table as HTML, below its title or folded behind it."""
    title = html.escape(table.title)
    if table.folded:
        return f"<details><summary>{title}</summary>{_grid(table, CELL)}</details>"
    return f"<p><b>{title}</b></p>{_grid(table, CELL)}"


def _grid(table: Table, style: str) -> str:
    body = "".join(
        f"<tr>{''.join(_data(table, index, text, style) for index, text in enumerate(row))}</tr>"
        for row in table.rows
    )
    names = "".join(f'<th style="{style}">{html.escape(name)}</th>' for name in table.head)
    head = f"<thead><tr>{names}</tr></thead>" if any(table.head) else ""
    return f"<table>{head}<tbody>{body}</tbody></table>"


def _data(table: Table, column: int, text: str, style: str) -> str:
    shown = _soft(text) if column in table.paths else html.escape(text)
    return f'<td style="{style}">{shown}</td>'


def table_markdown(table: Table) -> str:
    """Return a table as Markdown below its title."""
    rows = [table.head, *table.rows]
    lines = ["| " + " | ".join(cell(text) for text in row) + " |" for row in rows]
    lines.insert(1, "|" + " --- |" * len(table.head))
    return f"**{table.title}**\n\n" + "\n".join(lines)


def _plain(table: Table) -> str:
    rows = [row for row in (table.head, *table.rows) if any(row)]
    widths = [
        min(_PLAIN_CHARS, max((len(row[index]) for row in rows), default=0))
        for index in range(len(table.head))
    ]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return "\n".join([table.title, *lines])


def _soft(text: str) -> str:
    """Return a name or a place as HTML that may break, so that it does not widen a table.

    JupyterLab takes ``overflow-wrap`` out of untrusted notebooks and leaves ``<wbr>``. Never for what was observed: a
    secret with marks in it is not found by the redactor.
    """
    return "<wbr>".join(html.escape(piece) for piece in _PIECES.findall(text))


def _short(value: str) -> str:
    return value if len(value) <= _VALUE_CHARS else f"{value[:_VALUE_CHARS]}…"

"""A Markdown text as lines with their sections, boxes and table cells: enough to read what people write by hand."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

__all__ = ["Line", "Section", "plain", "read_lines", "sections"]

_HEADING: Final = re.compile(r"^ {0,3}(#{1,6})\s*(.+?)\s*#*\s*$")
_BOLD_HEADING: Final = re.compile(r"^\s*(?:\*\*|__)([^*_]+)(?:\*\*|__):?\s*$")
_UNDERLINE: Final = re.compile(r"^ {0,3}(=+|-+)\s*$")
_FENCE: Final = re.compile(r"^\s*(`{3,}|~{3,})")
_ITEM: Final = re.compile(r"^(\s*)(?:[-*+•]|\d+[.)])\s+(.*)$")
_BOX: Final = re.compile(r"^\[([ xX✓✔✅☑✗✘❌]?)\]\s*(.*)$")
_SIGN_BOX: Final = re.compile(r"^(✅|☑️?|✔️?|☐|⬜|❌|✗|✘|🔲)\s*(.*)$")
_RULE: Final = re.compile(r"^[\s|:+-]*$")
_COMMENT: Final = re.compile(r"<!--.*?-->", re.DOTALL)
_MARKS: Final = re.compile(r"[*_`]+")
_TICKS: Final = frozenset("xX✓✔✅☑")
_BOLD_LEVEL: Final = 7  # a line in bold alone is a heading below all others


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a report."""

    number: int  # from 1
    text: str  # without list sign and box
    level: int = 0  # of a heading; 0 for none
    item: bool = False
    indent: int = 0
    ticked: bool | None = None  # None: no box
    cells: tuple[str, ...] = ()  # of a table's row
    header: tuple[str, ...] = ()  # of that table
    code: bool = False  # in a fenced block


@dataclass(slots=True)
class Section:
    """A heading with the lines up to the next heading that is not below it."""

    heading: Line | None  # None: before the first heading
    lines: list[Line] = field(default_factory=list)


def plain(text: str) -> str:
    """Return a text without marks of emphasis and code."""
    return _MARKS.sub("", text).strip()


def read_lines(text: str) -> list[Line]:
    """Return the lines that say something, comments and rules left out."""
    blanked = _COMMENT.sub(lambda match: "\n" * match.group().count("\n"), text.lstrip("\ufeff"))
    raw = blanked.splitlines()
    found: list[Line] = []
    fence, in_table = "", False
    header: tuple[str, ...] = ()
    for number, line in enumerate(raw, 1):
        mark = _FENCE.match(line)
        if mark and (not fence or mark.group(1).startswith(fence)):
            fence = "" if fence else mark.group(1)
            continue
        if fence:
            found.append(Line(number, line, code=True))
            continue
        following = raw[number] if number < len(raw) else ""
        row = _row(line)
        in_table = in_table and bool(row)
        if not in_table:
            header = ()
        if row and not in_table and _RULE.match(following) and "-" in following:
            header, in_table = row, True  # the header itself names no finding
            continue
        if _RULE.match(line):
            continue
        found.append(_line(number, line, row, header, following))
    return found


def sections(lines: list[Line]) -> list[Section]:
    """Return every heading with all that stands below it, deeper headings included."""
    found = [Section(None)]
    open_: list[Section] = []
    for line in lines:
        if line.level:
            open_ = [section for section in open_ if section.heading and section.heading.level < line.level]
        for section in open_:
            section.lines.append(line)
        if line.level:
            found.append(Section(line))
            open_.append(found[-1])
        elif not open_:
            found[0].lines.append(line)
    return found


def _row(line: str) -> tuple[str, ...]:
    stripped = line.strip()
    if stripped.count("|") < 2 and not stripped.startswith("|"):  # noqa: PLR2004  (a row has two bars)
        return ()
    return tuple(cell.strip() for cell in stripped.strip("|").split("|"))


def _line(number: int, line: str, row: tuple[str, ...], header: tuple[str, ...], following: str) -> Line:  # noqa: PLR0911  (a table of what a line may be)
    heading = _HEADING.match(line)
    if heading:
        return Line(number, heading.group(2), level=len(heading.group(1)))
    under = _UNDERLINE.match(following)
    if under and not row and not _ITEM.match(line):
        return Line(number, line.strip(), level=1 if under.group(1)[0] == "=" else 2)
    bold = _BOLD_HEADING.match(line)
    if bold:
        return Line(number, bold.group(1).strip(), level=_BOLD_LEVEL)
    if row:
        return Line(number, line.strip(), cells=row, header=header)
    item = _ITEM.match(line)
    body = item.group(2) if item else line.strip()
    indent = len(item.group(1).expandtabs(4)) if item else len(line) - len(line.lstrip())
    box = _BOX.match(body)
    if box:
        return Line(
            number,
            box.group(2),
            item=True,
            indent=indent,
            ticked=box.group(1) in _TICKS and bool(box.group(1)),
        )
    sign = _SIGN_BOX.match(body)
    if sign:
        return Line(number, body, item=bool(item), indent=indent, ticked=sign.group(1)[0] in _TICKS)
    return Line(number, body, item=bool(item), indent=indent)

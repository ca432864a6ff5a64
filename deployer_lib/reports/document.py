"""The shape of DEPLOYMENT_LOG.md, whatever it says: sections, groups, lines and fenced blocks, written and read.

``read(write(document)) == document`` holds for every document; what the sections mean is said elsewhere. Texts are
stored as they are meant and are escaped when written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from deployer_lib.reports.text import FormatError, clean, fence_for, inline, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Document", "Fence", "Group", "Line", "Section", "box", "bullets", "numbered", "read", "write"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a list; ``mark`` is ``-``, ``- [x]``, ``- [ ]`` or a number with its dot."""

    mark: str
    text: str


@dataclass(frozen=True, slots=True)
class Fence:
    """A fenced block, whole."""

    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A ``### heading`` or a ``**Label** (detail): value`` with what stands under it."""

    label: str
    value: str = ""
    items: tuple[Line | Fence, ...] = ()
    detail: str = ""
    heading: bool = False
    key: str = ""  # of the finding, as in its marker
    rule: bool = False  # whether ``---`` stands before it


@dataclass(frozen=True, slots=True)
class Section:
    """A ``## heading``, with lines of its own, then groups."""

    heading: str
    groups: tuple[Group, ...] = ()
    items: tuple[Line | Fence, ...] = ()
    note: str = ""  # one sentence under the heading


@dataclass(frozen=True, slots=True)
class Document:
    """A whole file."""

    title: str
    sections: tuple[Section, ...]


def box(text: str, *, ticked: bool) -> Line:
    """Return a line with a box."""
    return Line("- [x]" if ticked else "- [ ]", text)


def bullets(*texts: str) -> tuple[Line, ...]:
    """Return plain lines of a list."""
    return tuple(Line("-", text) for text in texts)


def numbered(*texts: str, first: int = 1) -> tuple[Line, ...]:
    """Return numbered lines."""
    return tuple(Line(f"{number}.", text) for number, text in enumerate(texts, first))


def write(document: Document) -> str:
    """Return the document as Markdown."""
    blocks = [f"# {inline(document.title)}"]
    for section in document.sections:
        blocks.append(f"## {inline(section.heading)}")
        if section.note:
            blocks.append(inline(section.note))
        blocks.extend(_items(section.items))
        for group in section.groups:
            blocks.extend(_group(group))
    return "\n\n".join(blocks) + "\n"


def _group(group: Group) -> Iterator[str]:
    if group.rule:
        yield "---"
    if group.heading:
        yield f"### {inline(group.label)}"
        if group.key:
            yield f"<!-- deployer:{group.key} -->"
    else:
        detail = f" {inline(group.detail)}" if group.detail else ""
        value = f" {inline(group.value)}" if group.value else ""
        yield f"**{group.label}**{detail}:{value}"
    yield from _items(group.items)


def _items(items: tuple[Line | Fence, ...]) -> Iterator[str]:
    lines: list[str] = []
    for item in items:
        if isinstance(item, Line):
            lines.append(f"{item.mark} {inline(item.text)}")
            continue
        if lines:
            yield "\n".join(lines)
            lines = []
        text = clean(item.text)
        mark = fence_for(text)
        yield f"{mark}{item.language}\n{text}\n{mark}" if text else f"{mark}{item.language}\n{mark}"
    if lines:
        yield "\n".join(lines)


_LINE: Final = re.compile(r"(- \[[ x]\]|-|\d+\.) (.*)")
_LABEL: Final = re.compile(r"\*\*([^*]+)\*\*(?: (\([^()]*\)))?:(?: (.*))?")
_KEY: Final = re.compile(r"<!-- deployer:(\S+) -->")
_FENCE: Final = re.compile(r"(`{3,})([A-Za-z0-9+#.-]*)")


def read(text: str) -> Document:
    """Return the document that :func:`write` wrote.

    Raises:
        FormatError: a line is none that may stand there.
    """
    return _Reader(text).document()


class _Reader:
    """Goes through the lines once; what is open stands in the fields."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._at = 0  # index of the line that is looked at
        self._after_fence = 0  # index of the line after the last fenced block
        self._sections: list[Section] = []
        self._rule = False  # whether ``---`` waits for its finding

    def document(self) -> Document:
        if not self._lines[0].startswith("# "):
            raise FormatError(1, "the title, '# …'", self._lines[0])
        for at, line in enumerate(self._lines[1:], 1):
            if line and at >= self._after_fence:
                self._at = at
                self._take(line)
        if self._rule:
            raise FormatError(len(self._lines), "a finding after '---'")
        return Document(plain(self._lines[0][2:]), tuple(self._sections))

    def _take(self, line: str) -> None:
        if line.startswith("## "):
            self._sections.append(Section(plain(line[3:])))
        elif not self._sections:
            raise FormatError(self._at + 1, "a section, '## …'", line)
        elif line == "---":
            self._rule = True
        elif line.startswith("### "):
            self._open(Group(plain(line[4:]), heading=True, rule=self._rule))
            self._rule = False
        elif label := _LABEL.fullmatch(line):
            name, detail, value = label.groups()
            self._open(Group(name, plain(value or ""), detail=plain(detail or "")))
        else:
            self._take_content(line)

    def _take_content(self, line: str) -> None:
        section = self._sections[-1]
        if item := _LINE.fullmatch(line):
            self._add(Line(item[1], plain(item[2])))
        elif opening := _FENCE.fullmatch(line):
            self._add(self._fence(opening[1], opening[2]))
        elif (key := _KEY.fullmatch(line)) and section.groups and section.groups[-1].heading:
            self._replace(replace(section.groups[-1], key=key[1]))
        elif not section.groups and not section.items and not section.note:
            self._sections[-1] = replace(section, note=plain(line))
        else:
            raise FormatError(self._at + 1, "a heading, a label, a line of a list or a fence", line)

    def _fence(self, mark: str, language: str) -> Fence:
        try:
            end = self._lines.index(mark, self._at + 1)
        except ValueError:
            raise FormatError(self._at + 1, f"a fence that is closed by {mark}") from None
        self._after_fence = end + 1
        return Fence("\n".join(self._lines[self._at + 1 : end]), language)

    def _open(self, group: Group) -> None:
        section = self._sections[-1]
        self._sections[-1] = replace(section, groups=(*section.groups, group))

    def _replace(self, group: Group) -> None:
        section = self._sections[-1]
        self._sections[-1] = replace(section, groups=(*section.groups[:-1], group))

    def _add(self, item: Line | Fence) -> None:
        section = self._sections[-1]
        if section.groups:
            self._replace(replace(section.groups[-1], items=(*section.groups[-1].items, item)))
        else:
            self._sections[-1] = replace(section, items=(*section.items, item))

"""Find the critical bugs of a test report, and tell fixed ones from open ones.

A bug is named by 🔴 or the word CRITICAL on its line or heading, by standing in a section or table of critical bugs, or
by a line ``Severity: Critical`` under its heading. Legends, counts and "no critical bugs" name none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deployer_lib.probes.report_lines import Line, Section, plain
from deployer_lib.probes.report_words import (
    ALL_FIXED,
    BUT,
    COUNT,
    FIXED,
    GENERIC,
    LEGEND,
    NAMED,
    NO_BUGS,
    OPEN,
    OTHER_SIGNS,
    RATIO,
    SEVERITY_FIELD,
    SIGN,
    STATUS_COLUMNS,
    STRUCK,
    TAG,
    TITLE_COLUMNS,
    WORD,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Bug", "CriticalCount", "critical_bugs"]


@dataclass(frozen=True, slots=True)
class Bug:
    """One critical bug."""

    title: str
    fixed: bool
    line: int
    text: str  # what was read to tell whether it is fixed


@dataclass(frozen=True, slots=True)
class CriticalCount:
    """A statement on how many critical bugs are open."""

    open: int
    found: int
    line: int
    text: str


def critical_bugs(
    lines: list[Line], parts: list[Section]
) -> tuple[tuple[Bug, ...], tuple[CriticalCount, ...]]:
    """Return the critical bugs that a report names, and what it says of their number."""
    reader = _Reader()
    for section in parts:
        if section.heading is not None:
            reader.heading(section.heading, section.lines)
    for line in lines:
        reader.line(line)
    return tuple(sorted(reader.bugs.values(), key=lambda bug: bug.line)), tuple(reader.counts)


class _Reader:
    def __init__(self) -> None:
        self.bugs: dict[int, Bug] = {}
        self.counts: list[CriticalCount] = []
        self._used: set[int] = set()  # lines that were judged with their heading

    def heading(self, heading: Line, below: list[Line]) -> None:
        """Judge a heading with its section: a legend, a group of bugs, one bug."""
        if heading.number in self._used:
            return
        text = plain(heading.text)
        if LEGEND.search(text) and not NAMED.search(text):
            self._used.update(line.number for line in below)
            return
        if not _is_critical(text):
            self._by_severity(heading, below)
            return
        self._used.add(heading.number)
        if self._counted(heading, text):
            return
        if _is_generic(text):
            self._group(heading, below)
            return
        self._used.update(line.number for line in below)
        said = " \n ".join(line.text for line in below if _says_status(line))
        self._add(heading, text, f"{heading.text} \n {said}", ticked=heading.ticked)

    def _by_severity(self, heading: Line, below: list[Line]) -> None:
        own = _own_lines(below)
        if heading.level > 1 and any(
            SEVERITY_FIELD.match(plain(line.text)) for line in own if not line.cells
        ):
            self._used.update({heading.number, *(line.number for line in below)})
            said = " \n ".join(line.text for line in own if _says_status(line))
            # The sign of the severity itself says nothing of the status.
            self._add(heading, plain(heading.text), f"{heading.text} \n {said}", ticked=heading.ticked)

    def _group(self, heading: Line, below: list[Line]) -> None:
        all_fixed = bool(FIXED.search(plain(heading.text)) or _all_fixed(heading.text)) and not OPEN.search(
            heading.text
        )
        named = 0
        for position, line in enumerate(below):
            if line.number in self._used or line.code:
                continue
            nested = list(_nested(below[position + 1 :], line))
            if line.level:
                if not _is_other_severity(line.text):
                    inner = below[position + 1 :]
                    end = next(
                        (i for i, other in enumerate(inner) if other.level and other.level <= line.level),
                        len(inner),
                    )
                    self._used.update(other.number for other in inner[:end])
                    said = " \n ".join(other.text for other in inner[:end] if _says_status(other))
                    self._used.add(line.number)
                    self._add(
                        line, plain(line.text), f"{line.text} \n {said}", ticked=line.ticked, assume=all_fixed
                    )
                    named += 1
                continue
            if not (line.item or line.cells):
                continue
            self._used.update({line.number, *(other.number for other in nested)})
            if _says_none(line.text) or self._counted(line, plain(line.text)):
                self._none(line)
                continue
            if line.cells:
                self._row(line, certain=True, assume=all_fixed)
            else:
                said = " \n ".join([line.text, *(other.text for other in nested)])
                self._add(line, plain(line.text), said, ticked=line.ticked, assume=all_fixed)
            named += 1
        if not named:
            self._prose(heading, below, all_fixed=all_fixed)

    def _prose(self, heading: Line, below: list[Line], *, all_fixed: bool) -> None:
        for line in _own_lines(below):
            if line.number in self._used or line.code:
                continue
            self._used.add(line.number)
            text = plain(line.text)
            if _says_none(text) or _all_fixed(text) or self._counted(line, text):
                self._none(line)
            else:
                self._add(line, text, line.text, assume=all_fixed)
        if all_fixed and not below:
            self._none(heading)

    def line(self, line: Line) -> None:
        """Judge a line that stands outside every group."""
        text = plain(line.text)
        if line.number in self._used or line.code or line.level or _is_legend(text):
            return
        if line.cells:
            self._row(line, certain=False)
            return
        if not (SIGN in text or WORD.search(text)) or self._counted(line, text):
            return
        if _all_fixed(text):
            self._none(line)
        elif (
            SIGN in text
            or TAG.match(text)
            or (line.item and NAMED.search(text))
            or re.search(r"\bCRITICAL\b", text)
        ) or (NAMED.search(text) and OPEN.search(text)):
            self._add(line, text, line.text, ticked=line.ticked)

    def _row(self, line: Line, *, certain: bool, assume: bool = False) -> None:
        cells = [plain(cell) for cell in line.cells]
        header = [plain(cell).lower() for cell in line.header]
        if not certain and not any(
            SIGN in cell or re.fullmatch(r"\W*critical\W*", cell, re.IGNORECASE) for cell in cells
        ):
            return
        numbers = {
            header[i] if i < len(header) else str(i): int(cell)
            for i, cell in enumerate(cells)
            if re.fullmatch(r"\d+", cell)
        }
        rest = [
            cell
            for cell in cells
            if not re.fullmatch(r"\d+|\W*", cell)
            and not re.fullmatch(r"\W*critical\W*(?:bugs?|issues?)?\W*", cell, re.IGNORECASE)
        ]
        if numbers and not rest:
            self._tally(line, numbers)
        elif not rest or (not header and len(rest) == 1 and _says_none(rest[0])):
            self._none(line)  # a legend's row, or "Critical | none"
        elif len(cells) == 2 and not certain and _is_legend_text(rest[0]):  # noqa: PLR2004  (sign, meaning)
            return
        else:
            title = next(
                (
                    cells[i]
                    for i, name in enumerate(header)
                    if name.startswith(TITLE_COLUMNS) and i < len(cells)
                ),
                max(rest, key=len),
            )
            status = [
                f"{name}: {cells[i]}"
                for i, name in enumerate(header)
                if name.startswith(STATUS_COLUMNS) and i < len(cells)
            ]
            said = " | ".join(status or line.cells)
            ticked = True if re.search(r":\s*(?:yes|true|done|closed|\[x\])", said, re.IGNORECASE) else None
            opened = re.search(r":\s*(?:no|false|open|todo|new|\[ \])\b", said, re.IGNORECASE)
            self._add(line, title, "not fixed" if opened else said, ticked=ticked, assume=assume)

    def _tally(self, line: Line, numbers: dict[str, int]) -> None:
        def column(*words: str) -> int | None:
            return next((n for name, n in numbers.items() if any(word in name for word in words)), None)

        left = column("open", "remain", "unfixed", "outstanding", "unresolved")
        fixed = column("fixed", "resolved", "closed")
        found = column("found", "total", "count", "number", "reported", "bugs", "issues")
        if found is None:
            found = next(
                (n for name, n in numbers.items() if n not in {left, fixed} or len(numbers) == 1),
                left or fixed or 0,
            )
        still = left if left is not None else found - (fixed or 0)
        self.counts.append(CriticalCount(max(still, 0), found, line.number, plain(line.text)))

    def _counted(self, line: Line, text: str) -> bool:
        """Take a statement on their number ("0 critical bugs", "CRITICAL: none", "2 critical, all fixed")."""
        if NO_BUGS.search(text) and not re.search(r"\b(?:been|were|are)\s+(?:fixed|resolved)", text):
            self._none(line)
            return True
        match = COUNT.search(text)
        ratio = RATIO.search(text) if WORD.search(text) and FIXED.search(text) else None
        if ratio is not None:
            fixed, found = int(ratio.group(1)), int(ratio.group(2))
        elif match is not None:
            found = int(next(group for group in match.groups() if group))
            said = re.search(
                r"(\d+)\s+(?:fixed|resolved|closed)|(?:fixed|resolved|closed)\W{1,4}(\d+)",
                text,
                re.IGNORECASE,
            )
            fixed = int(next(group for group in said.groups() if group)) if said else 0
            if not said and (_all_fixed(text) or FIXED.search(text)) and not OPEN.search(text):
                fixed = found
        else:
            return False
        self.counts.append(CriticalCount(max(found - fixed, 0), found, line.number, text))
        return not (line.level and found)  # a heading with a number still heads its group

    def _none(self, line: Line) -> None:
        self.counts.append(CriticalCount(0, 0, line.number, plain(line.text)))

    def _add(
        self, line: Line, title: str, said: str, *, ticked: bool | None = None, assume: bool = False
    ) -> None:
        struck = sum(map(len, STRUCK.findall(line.text))) * 2 > len(line.text) or any(
            STRUCK.fullmatch(cell) for cell in line.cells
        )
        open_ = bool(OPEN.search(said))
        fixed = not open_ and (
            struck or bool(ticked) or bool(FIXED.search(said)) or (assume and ticked is not False)
        )
        clean = title.replace("~~", "").replace(SIGN, "").strip(" :–—-")
        self.bugs.setdefault(line.number, Bug(clean, fixed, line.number, plain(said)[:300]))


def _is_critical(text: str) -> bool:
    return (SIGN in text and not any(sign in text for sign in OTHER_SIGNS)) or bool(NAMED.search(text))


def _is_generic(text: str) -> bool:
    words = re.findall(r"[a-z0-9]+", text.lower())
    return all(word in GENERIC or word.isdigit() for word in words)


def _is_legend(text: str) -> bool:
    signs = sum(sign in text for sign in (SIGN, *OTHER_SIGNS))
    return (
        signs > 1
        or bool(re.match(r"\W*legend\b", text, re.IGNORECASE))
        or bool(
            re.fullmatch(
                rf"\W*{SIGN}\W*=?\W*(?:means\s+)?critical\W*(?:[:–—-]\s*(?:must|blocks|has to|needs).*)?",
                text,
                re.IGNORECASE,
            )
        )
    )


def _is_legend_text(text: str) -> bool:
    return bool(re.match(r"\W*(?:must|blocks|has to|needs to|means|critical)\b", text, re.IGNORECASE))


def _is_other_severity(text: str) -> bool:
    return any(sign in text for sign in OTHER_SIGNS) or bool(
        re.match(r"\W*(high|medium|low|minor|major)\b", text, re.IGNORECASE)
    )


def _says_none(text: str) -> bool:
    clean = plain(text)
    short = bool(
        re.match(r"\W*(?:none|no|nil|n/?a|nothing|zero|0)\b", clean, re.IGNORECASE)
    ) and not OPEN.search(clean)
    return (short and len(clean.split()) <= 8) or bool(NO_BUGS.search(clean))  # noqa: PLR2004  (a short sentence)


def _says_status(line: Line) -> bool:
    text = plain(line.text)
    return line.ticked is not None or bool(
        re.match(
            r"\W*(?:status|state|fix|fixed|resolved|resolution|verified|closed)\b|.*✅|.*❌",
            text,
            re.IGNORECASE,
        )
    )


def _own_lines(below: list[Line]) -> list[Line]:
    end = next((i for i, line in enumerate(below) if line.level), len(below))
    return below[:end]


def _nested(following: list[Line], line: Line) -> Iterable[Line]:
    for other in following:
        if other.level or other.cells or (other.item and other.indent <= line.indent):
            return
        if other.item or other.indent > line.indent:
            yield other


def _all_fixed(text: str) -> bool:
    return bool(ALL_FIXED.search(text)) and not OPEN.search(text) and not BUT.search(text)

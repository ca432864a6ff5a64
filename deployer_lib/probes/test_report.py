"""Read TEST_REPORT.md as people and tools write it (FORMATS.md): critical bugs, totals, security boxes, readiness.

What can't be found is None or empty, which the probes report as "could not tell", never as a pass.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.report_bugs import Bug, CriticalCount, critical_bugs
from deployer_lib.probes.report_lines import Line, Section, plain, read_lines, sections

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Box", "Readiness", "Totals", "TrialReport", "read_report"]

_ROUND: Final = re.compile(r"\bround\s*#?(\d+)", re.IGNORECASE)
_PAST: Final = re.compile(r"\b(previous|earlier|history|last|prior)\b", re.IGNORECASE)
_NUMBER: Final = r"(\d{1,3}(?:,\d{3})+|\d+)"
_PASSED: Final = re.compile(
    rf"{_NUMBER}\s+(?:tests?\s+)?pass(?:ed|ing|es)?\b|\bpass(?:ed|ing)?\s*[:=|]\W{{0,4}}{_NUMBER}",
    re.IGNORECASE,
)
_FAILED: Final = re.compile(
    rf"{_NUMBER}\s+(?:tests?\s+)?(?:fail(?:ed|ing|ures?|s)?|errors?)\b|\b(?:fail(?:ed|ing|ures?)|errors?)\s*[:=|]\W{{0,4}}{_NUMBER}",
    re.IGNORECASE,
)
_RATIO: Final = re.compile(rf"{_NUMBER}\s*(?:/|of|out of)\s*{_NUMBER}", re.IGNORECASE)
_RAN: Final = re.compile(rf"\bran\s+{_NUMBER}\s+tests?\b", re.IGNORECASE)
_TESTS_WORD: Final = re.compile(r"\b(tests?|specs?|suites?|passed|passing)\b", re.IGNORECASE)
_READY: Final = re.compile(
    r"read(?:y|iness)\s+(?:for|to)\s+(?:be\s+)?(?:the\s+)?(?:deploy(?:ment|ed)?|release|production|go[- ]live|ship)"
    r"|(?:deployment|production|release)[- ]read(?:y|iness)",
    re.IGNORECASE,
)
_YES: Final = re.compile(r"✅|✔|☑|👍|\b(?:yes|true|ready|go|approved)\b", re.IGNORECASE)
_NO: Final = re.compile(r"❌|✗|✘|⛔|🚫|🔴|👎|\b(?:no|not|false|blocked|no-go|isn't)\b", re.IGNORECASE)
_NOT_BEFORE: Final = re.compile(
    r"(?:\b(?:not|never|isn't|aren't|no|un)\b[\s\w(),]{0,15}|❌|⛔|🚫|🔴)\W*$", re.IGNORECASE
)
_YES_BEFORE: Final = re.compile(r"(?:✅|✔|☑|\byes,?)\W*(?:\w+\s+){0,5}$", re.IGNORECASE)
_CONDITION: Final = re.compile(
    r"\b(once|if|unless|until|pending|provided|subject to|except|when)\b", re.IGNORECASE
)
_STATES: Final = re.compile(r"\b(?:is|are)\s+(?:now\s+)?$", re.IGNORECASE)
_NEAR_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class Totals:
    """How many tests passed and failed, as one line says."""

    passed: int
    failed: int
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Box:
    """One line of the security checklist."""

    text: str
    ticked: bool
    line: int


@dataclass(frozen=True, slots=True)
class Readiness:
    """A statement on whether the build is ready for deployment."""

    ready: bool
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class TrialReport:
    """What a test report says."""

    bugs: tuple[Bug, ...]  # critical ones, fixed or not
    counts: tuple[CriticalCount, ...]  # statements such as "0 critical bugs"
    totals: tuple[Totals, ...]
    security: tuple[Box, ...]
    readiness: tuple[Readiness, ...]


def read_report(text: str) -> TrialReport:
    """Return what a test report says of its latest round."""
    lines = _latest(read_lines(text))
    parts = sections(lines)
    bugs, counts = critical_bugs(lines, parts)
    return TrialReport(
        bugs,
        counts,
        tuple(_totals(lines)),
        tuple(_security(parts)),
        tuple(_readiness(lines)),
    )


def _latest(lines: list[Line]) -> list[Line]:
    """Leave out what stands under headings of earlier rounds."""
    rounds = [int(match.group(1)) for line in lines if line.level and (match := _ROUND.search(line.text))]
    newest = max(rounds, default=0)
    kept: list[Line] = []
    past = 0  # level of the heading whose section is left out
    for line in lines:
        if line.level:
            if past and line.level <= past:
                past = 0
            match = _ROUND.search(line.text)
            old = int(match.group(1)) < newest if match else bool(_PAST.search(line.text))
            if not past and old and line.level > 1:
                past = line.level
        if not past:
            kept.append(line)
    return kept


def _number(match: re.Match[str]) -> int:
    return int(next(group for group in match.groups() if group).replace(",", ""))


def _totals(lines: list[Line]) -> Iterator[Totals]:
    pending: Totals | None = None  # "Passed: 42" on one line, "Failed: 1" on the next
    for line in lines:
        text = _cells_with_header(line) or plain(line.text)
        found = _line_totals(line, text)
        if found is None:
            continue
        # A lone "Passed" is completed by a lone "Failed" within the next lines.
        if (
            pending is not None
            and line.number - pending.line <= _NEAR_LINES
            and bool(found.passed) != bool(pending.passed)
        ):
            found = Totals(
                found.passed + pending.passed, found.failed + pending.failed, line.number, found.text
            )
            pending = None
            yield found
            continue
        if pending is not None:
            yield pending
        pending = found
    if pending is not None:
        yield pending


def _line_totals(line: Line, text: str) -> Totals | None:
    passed, failed = _PASSED.search(text), list(_FAILED.finditer(text))
    if passed or failed:
        ratio = _RATIO.search(text) if passed and not failed else None
        if ratio is not None:
            return _ratio_totals(line, ratio)
        bad = sum(_number(match) for match in failed)
        if passed or "test" in text.lower() or line.cells or text.lower().startswith(("fail", "error")):
            return Totals(_number(passed) if passed else 0, bad, line.number, text)
        return None
    ratio = _RATIO.search(text)
    if ratio is not None and _TESTS_WORD.search(text):
        return _ratio_totals(line, ratio)
    ran = _RAN.search(text)
    return Totals(_number(ran), 0, line.number, text) if ran else None


def _ratio_totals(line: Line, ratio: re.Match[str]) -> Totals | None:
    good, whole = (int(group.replace(",", "")) for group in ratio.groups())
    return Totals(good, whole - good, line.number, plain(line.text)) if good <= whole else None


def _cells_with_header(line: Line) -> str:
    """Return a table's row of numbers as "Passed: 42, Failed: 1", by its header."""
    if not line.cells or len(line.header) != len(line.cells):
        return plain(" ".join(line.cells)) if line.cells else ""
    pairs = zip(line.header, line.cells, strict=True)
    named = [f"{plain(name)}: {plain(cell)}" for name, cell in pairs if re.fullmatch(_NUMBER, plain(cell))]
    whole = ", ".join(named)
    if _PASSED.search(whole) or _FAILED.search(whole):
        return whole
    return plain(": ".join(line.cells))


def _security(parts: list[Section]) -> Iterator[Box]:
    seen: set[int] = set()
    for section in parts:
        if section.heading is None or "security" not in section.heading.text.lower():
            continue
        for line in section.lines:
            ticked = _row_tick(line) if line.cells else line.ticked
            apart = _struck(line.text) or _READY.search(line.text)  # no box of this list
            if ticked is not None and line.number not in seen and not apart:
                seen.add(line.number)
                yield Box(plain(line.cells[0] if line.cells else line.text), ticked, line.number)


def _row_tick(line: Line) -> bool | None:
    for cell in reversed(line.cells):
        word = plain(cell).lower()
        if _NO.match(word) or word.startswith(("fail", "missing", "☐", "⬜", "[ ]", "open", "todo")):
            return False
        if _YES.match(word) or word.startswith(("pass", "[x]", "done", "ok")):
            return True
    return None


def _struck(text: str) -> bool:
    return bool(re.fullmatch(r"\W*~~[^~]+~~\W*", text))


def _readiness(lines: list[Line]) -> Iterator[Readiness]:
    for position, line in enumerate(lines):
        text = plain(" | ".join(line.cells) if line.cells else line.text)
        match = _READY.search(text)
        if match is None or line.code:
            continue
        verdict = _verdict(text, match, line)
        if verdict is None and (line.level or text.rstrip("?: ").endswith(match.group())):
            verdict = _from_following(lines[position + 1 : position + 1 + _NEAR_LINES], line)
        if verdict is not None:
            yield Readiness(verdict, line.number, text)


def _verdict(text: str, match: re.Match[str], line: Line) -> bool | None:
    before, after = text[: match.start()], text[match.end() :]
    yes, no = _YES.search(after), _NO.search(after)
    if (
        yes
        and no
        and re.search(
            r"^\W*(?:✅|yes)\W*(?:yes)?\s*(?:/|or|\|)\s*\W*(?:❌|no)", after.strip(" :?"), re.IGNORECASE
        )
    ):
        return None  # a template that nobody filled in
    if _NOT_BEFORE.search(before):
        return False
    if line.ticked is False:
        return False
    conditional = bool(_CONDITION.search(after) or _CONDITION.search(before))
    if no and (not yes or no.start() < yes.start()) and (no.start() <= _near(after) or not yes):
        return False if no.start() <= _near(after) else None
    if (
        line.ticked
        or yes
        or _YES_BEFORE.search(before)
        or (_STATES.search(before) and not after.strip(" .!"))
    ):
        return not conditional
    return False if conditional and yes else None


def _near(after: str) -> int:
    """Return how many characters after the words still belong to them: up to the sentence's end."""
    end = re.search(r"[.;\n]", after)
    return min(end.start() if end else len(after), 60)


def _from_following(lines: list[Line], line: Line) -> bool | None:
    for following in lines:
        if following.level and line.level and following.level <= line.level:
            return None
        text = plain(following.text)
        yes, no = _YES.search(text), _NO.search(text)
        if following.ticked is not None and not (yes or no):
            continue
        if yes and (no is None or yes.start() < no.start()):
            return not _CONDITION.search(text)
        if no:
            return False
    return None

"""Read a NEXT_ACTIONS.md that people and tools write too: what is there is found again, nothing is refused for its style.

Only a file in which Deployer could do harm is refused: bytes that are no UTF-8, an unresolved merge, a fence or comment
that never ends, one task of ours written twice.

Environments that share a file know their tasks by the tag ``[staging]`` at the end of the words; the marker behind them
names none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from deployer_lib.reports.text import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["NOTE", "REDEPLOY", "Actions", "Heading", "Task", "parse_actions"]

#: What Deployer says about a task behind its words.
NOTE: Final = re.compile(
    r" ?\((?:fixed: seen gone|came back|not looked at again|ticked, and still there) in Round \d+\)"
)
_REFERENCE: Final = re.compile(r"\(DEPLOYMENT_LOG\.md (?:Error|Issue) #\d+(?:, (?:Error|Issue) #\d+)*\)")
#: Key of the task to deploy again, as far as the environment's id, which it ends with.
REDEPLOY: Final = "report.recommendation:redeploy/"
#: What a task is about, and behind it the id of the environment in which it was found.
_TAGGED: Final = re.compile(r"(.*\S) \[((?!waived\])[A-Za-z0-9_][A-Za-z0-9._/-]*)\]")
_BOX: Final = re.compile(r"(\s*[-*+] )\[([ xX])\] (.*)")
_MARKER: Final = re.compile(r"\s*<!-- deployer:([^\s:]+:\S*) -->")
_HEADING: Final = re.compile(r" {0,3}(#{1,6})\s+(.*?)\s*#*\s*")
_FENCE: Final = re.compile(r"\s*(?:[-*+]\s+|\d+[.)]\s+|>\s*)*(`{3,}|~{3,})(.*)")
_CONFLICT: Final = re.compile(r"<{7} .*|>{7} .*")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading and its line (from 0)."""

    at: int
    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Task:
    """A task of Deployer's, whoever ticked it; put together again by :meth:`line`."""

    at: int
    key: str  # as in its marker
    ticked: str  # `` ``, ``x`` or ``X``
    head: str  # sign and words
    environment: str  # whose task it is; empty: it does not say (older, or written by hand)
    reference: str  # (DEPLOYMENT_LOG.md Error #1)
    tail: str  # notes, ours and others'
    indent: str = "- "
    rest: str = ""  # behind the marker

    def line(self) -> str:
        """Return the line."""
        tag = f"[{self.environment}]" if self.environment else ""
        words = " ".join(text for text in (self.head, tag, self.reference, self.tail) if text)
        return f"{self.indent}[{self.ticked}] {words} <!-- deployer:{self.key} -->{self.rest}"


@dataclass(frozen=True, slots=True)
class Actions:
    """A NEXT_ACTIONS.md as its lines, with what Deployer knows again in them."""

    lines: tuple[str, ...]  # without their ends
    ends: tuple[str, ...]  # end of each line, as it was
    headings: tuple[Heading, ...]
    tasks: tuple[Task, ...]  # of all environments
    text_at: frozenset[int]  # lines that are neither in a fence nor in a comment

    def of(self, environment: str) -> dict[str, Task]:
        """Return the tasks of an environment by their keys.

        A task that names no environment is anybody's, but for those who have one of the same key with their name on it.
        """
        anybodys = {task.key: task for task in self.tasks if not task.environment}
        return anybodys | {task.key: task for task in self.tasks if task.environment == environment}

    def of_others(self, environment: str) -> tuple[str, ...]:
        """Return the lines of tasks that name another environment."""
        return tuple(self.lines[task.at] for task in self.tasks if task.environment not in ("", environment))

    @property
    def end(self) -> str:
        """Return the line end that the file uses."""
        return "\r\n" if sum(end == "\r\n" for end in self.ends) * 2 > len(self.ends) else "\n"


def parse_actions(data: bytes) -> Actions:
    """Return what the file holds.

    Raises:
        FormatError: Deployer can't tell where its own tasks are, or what state they are in.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FormatError(line, "UTF-8", repr(data[error.start : error.start + 8])) from None
    if "\0" in text:
        raise FormatError(text.count("\n", 0, text.index("\0")) + 1, "text, not binary")
    pairs = re.findall(r"([^\n]*?)(\r?\n|\Z)", text)
    if pairs and pairs[-1] == ("", ""):
        pairs.pop()
    lines = tuple(line for line, _ in pairs)
    outside = tuple(_outside(lines))
    headings = tuple(
        Heading(at, len(found[1]), found[2]) for at in outside if (found := _HEADING.fullmatch(lines[at]))
    )
    return Actions(
        lines, tuple(end for _, end in pairs), headings, _tasks(lines, outside), frozenset(outside)
    )


def _outside(lines: Sequence[str]) -> Iterator[int]:
    """Yield the lines that are text of the file itself, not in a fenced block or a longer comment."""
    fence, opened, comment = "", 0, False
    for at, line in enumerate(lines):
        if _CONFLICT.fullmatch(line) and not fence:
            raise FormatError(at + 1, "a file without merge conflicts", line)
        found = _FENCE.fullmatch(line)
        if fence:
            if found and found[1].startswith(fence) and not found[2].strip():
                fence = ""
        elif found and not comment and not (found[1][0] == "`" and "`" in found[2]):
            fence, opened = found[1], at + 1
        else:
            if not comment:
                yield at
            was, comment = comment, _in_comment(line, comment=comment)
            opened = opened if was or not comment else at + 1
    if fence or comment:
        raise FormatError(opened, "an end to the block of code or comment that begins here")


def _in_comment(line: str, *, comment: bool) -> bool:
    """Tell whether a comment is open after this line."""
    rest = line
    while True:
        before, sign, rest = rest.partition("-->" if comment else "<!--")
        if not sign:
            return comment
        if not comment and (before.count("`") % 2 or before.endswith("\\")):
            continue  # within a code span, or escaped
        comment = not comment


def _tasks(lines: Sequence[str], outside: Sequence[int]) -> tuple[Task, ...]:
    tasks: dict[tuple[str, str], Task] = {}
    for at in outside:
        task = _task(at, lines[at]) if "<!-- deployer:" in lines[at] else None
        if task is None:
            continue
        known = (task.key, task.environment)
        if known in tasks:
            whose = f" in {task.environment}" if task.environment else ""
            raise FormatError(
                at + 1, f"one task of {task.key}{whose}, which stands in line {tasks[known].at + 1} already"
            )
        tasks[known] = task
    return tuple(tasks.values())


def _task(at: int, line: str) -> Task | None:
    found = _BOX.fullmatch(line)
    markers = list(_MARKER.finditer(found[3])) if found else []
    if found is None or not markers:
        return None
    body, rest = found[3][: markers[-1].start()], found[3][markers[-1].end() :]
    references = list(_REFERENCE.finditer(body))
    note = NOTE.search(body)
    if references:
        head, reference = body[: references[-1].start()], references[-1].group()
        tail = body[references[-1].end() :]
    else:
        split = note.start() if note else len(body)
        head, reference, tail = body[:split], "", body[split:]
    key, head = markers[-1][1], head.strip()
    environment = unquote(key.removeprefix(REDEPLOY)) if key.startswith(REDEPLOY) else ""
    if environment:
        head = head.removesuffix(f" [{environment}]")
    elif tagged := _TAGGED.fullmatch(head):
        head, environment = tagged[1], tagged[2]
    return Task(at, key, found[2], head, environment, reference, tail.strip(), found[1], rest)

"""Text that a report may hold: cleaned, folded, escaped and fenced so that it can't pass for structure.

Messages, subjects and paths come from the application and its build. What is shown of them carries no terminal
codes, no invisible direction marks and no line end that a reader's line splitter knows and ours does not.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from deployer_lib.errors import DeployerError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "FormatError",
    "clean",
    "cut",
    "duration",
    "fence_for",
    "inline",
    "listing",
    "marker",
    "minutes",
    "moment",
    "one_line",
    "plain",
    "plural",
    "size",
]

_ANSI: Final = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x9b[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]"
)
#: Line ends of str.splitlines, all of which become one newline.
_LINE_ENDS: Final = re.compile("\r\n|[\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029]")
#: Controls, direction marks (they reorder what a reader sees) and the byte order mark.
_UNSEEN: Final = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")

#: What would open HTML, an image or a box, and a backslash that would be taken for an escape of these.
_ESCAPE: Final = re.compile(r"\\(?=[\\<\[])|<(?=[A-Za-z/!?])|(?<=!)\[|^\[")
_UNESCAPE: Final = re.compile(r"\\([\\<\[])")

_SAFE_IN_MARKER: Final = "/._~@=,?&+*()[]{}!;'$|^"
_SECONDS_PER_MINUTE: Final = 60
_MINUTES_PER_HOUR: Final = 60
_KB: Final = 1000


class FormatError(DeployerError):
    """Refuse a text that is not in its format, naming the line and what was expected there."""

    def __init__(self, line: int, expected: str, found: str = "") -> None:
        self.line = line
        self.expected = expected
        seen = f", found {cut(found, 80)!r}" if found else ""
        super().__init__(f"line {line}: expected {expected}{seen}")


def clean(text: str) -> str:
    """Return the text without terminal codes, controls and foreign line ends; newlines and tabs stay."""
    text = _LINE_ENDS.sub("\n", _ANSI.sub("", text))
    return _SURROGATE.sub("\ufffd", _UNSEEN.sub("", text)).strip("\n")


def one_line(text: str) -> str:
    """Return the cleaned text on one line, each run of white space as one blank."""
    return " ".join(clean(text).split())


def cut(text: str, limit: int) -> str:
    """Return one line of at most ``limit`` characters, cut after a word."""
    text = one_line(text)
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    word = head.rpartition(" ")[0]
    return (word if len(word) > limit // 2 else head).rstrip(" ,;:") + "…"


def inline(text: str) -> str:
    r"""Return one line that opens no HTML, image or box; ``plain`` takes the backslashes away again."""
    return _ESCAPE.sub(lambda match: "\\" + match.group(), one_line(text))


def plain(text: str) -> str:
    """Return what :func:`inline` was given, as one line."""
    return _UNESCAPE.sub(r"\1", text)


def fence_for(text: str) -> str:
    """Return a run of backticks that is longer than any in the text, three at least."""
    return "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))


def marker(key: str) -> str:
    """Return a check's key (``id:subject``) as it may stand in an HTML comment.

    Percent-encoded as in a URL; ``--`` too, since it would end the comment for some readers.
    """
    id_, _, subject = key.partition(":")
    return f"{_quoted(id_)}:{_quoted(subject, also=':')}"


def _quoted(text: str, *, also: str = "") -> str:
    encoded = quote(text, safe=_SAFE_IN_MARKER + also, errors="surrogatepass")
    encoded = encoded.replace("--", "-%2D")
    return encoded[:-1] + "%2D" if encoded.endswith("-") else encoded


def duration(seconds: float) -> str:
    """Return a length of time as people say it: ``0.8s``, ``34s``, ``2m 34s``, ``1h 05m``."""
    if seconds < 10:  # noqa: PLR2004  (below ten seconds a tenth still says something)
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), _SECONDS_PER_MINUTE)
    hours, minutes = divmod(minutes, _MINUTES_PER_HOUR)
    if hours:
        return f"{hours}h {minutes:02}m"
    return f"{minutes}m {rest:02}s" if minutes else f"{rest}s"


def minutes(count: int) -> str:
    """Return an estimate as people say it: ``5m``, ``2h 12m``."""
    hours, rest = divmod(count, _MINUTES_PER_HOUR)
    return f"{hours}h {rest:02}m" if hours else f"{rest}m"


def size(count_bytes: float) -> str:
    """Return a size in units of 1,000: ``387 KB``, ``1.2 MB``."""
    if count_bytes < _KB:
        return f"{count_bytes:.0f} bytes"
    if round(count_bytes / _KB) < _KB:
        return f"{count_bytes / _KB:.0f} KB"
    return f"{count_bytes / _KB**2:.1f} MB"


def moment(iso: str) -> str | None:
    """Return an ISO 8601 time as ``2024-01-15 14:30:00 UTC``, or None where it is none."""
    try:
        when = datetime.fromisoformat(iso)
        utc = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return f"{utc:%Y-%m-%d %H:%M:%S} UTC"


def plural(count: int, noun: str) -> str:
    """Return ``1 finding``, ``2 findings``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def listing(names: Sequence[str], limit: int = 5) -> str:
    """Return the first names joined by commas, and how many more there are."""
    shown = ", ".join(names[:limit])
    return f"{shown} and {len(names) - limit} more" if len(names) > limit else shown

"""Take secret values out of whatever is about to be shown, kept or sent.

:class:`Redactor` knows the values and finds every form of them (:mod:`deployer_lib.redaction_forms`);
:class:`StreamRedactor` does the same for text that comes in pieces. Values that are short or common ("admin") are
redacted only in context: after a secret-looking name, or as the password of a URL.
"""

from __future__ import annotations

import base64
import binascii
import re
import threading
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.redaction_forms import forms, parts
from deployer_lib.secret import SECURE, Secret, is_secret_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Found", "Redactor", "StreamRedactor"]

#: Colour codes that a traceback's highlighter puts inside a value.
_ANSI: Final = re.compile(r"\x1b\[[0-9;:]*[A-Za-z]")
#: What is looked through when long forms are wrapped over lines (base64 at 76 columns, a narrow console).
_WRAP: Final = re.compile(r"\x1b\[[0-9;:]*[A-Za-z]|\r?\n[ \t]*")
_WRAPPED_LENGTH: Final = 16  # forms shorter than this may meet by chance over a line's end
_PERCENT: Final = re.compile(r"%[0-9A-Fa-f]{2}")
_CUT_HEAD: Final = 12  # this much of a value before an ellipsis is a leak as well
_CUT: Final = re.compile(r"\.\.\.|…")
_BASIC: Final = re.compile(r"\bBasic\s+([A-Za-z0-9+/=_-]{4,})", re.IGNORECASE)
_MAX_LINE: Final = 4096  # characters of an unfinished line that are held back for a value in context
_MAX_HELD: Final = 200_000  # a text that repeats a secret without end is let go, redacted, from here on
#: What may stand between a secret's name and its value: ``="``, ``": "``, ``\": \"``, ``=&quot;``.
_BETWEEN: Final = r"""(?:\\*["']|&quot;|&\#x?\d+;)?[ \t]*(?:=>|[:=]|%3[Dd]|%3[Aa])[ \t]*(?:[brfu]?\\*["']|&quot;|&\#x?\d+;)?"""


@dataclass(frozen=True, slots=True)
class Found:
    """Where a secret stands in a text."""

    start: int
    end: int
    name: str  # whose value
    form: str  # plain, url, base64, …


class Redactor:
    """Replace secret values by ``[secure]`` in texts, bytes and nested values.

    Safe to use from several threads; secrets may be added at any time.
    """

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._forms: dict[str, tuple[str, str]] = {}  # form → (name, form's name), longest first
        self._in_context: dict[str, str] = {}  # short or common value → name
        self._whole: dict[str, str] = {}  # value → name, for cut texts
        self._context: re.Pattern[str] | None = None
        self._lock = threading.Lock()
        self.log: Counter[tuple[str, str]] = Counter()  # (place, name) → redactions
        for secret in secrets:
            self.add(secret)

    def __repr__(self) -> str:
        return f"Redactor({len(self._whole) + len(self._in_context)} values)"

    def __bool__(self) -> bool:
        """Tell whether there is anything to redact."""
        return bool(self._forms or self._in_context)

    @property
    def longest(self) -> int:
        """Return the length of the longest form, in characters."""
        return max(map(len, self._forms), default=0)

    @property
    def contextual(self) -> bool:
        """Tell whether some values are redacted only in context, for which whole lines are needed."""
        return bool(self._in_context)

    def add(self, secret: Secret | str, name: str = "") -> None:
        """Redact this value from now on.

        Args:
            secret: a resolved secret, or a value that was captured at run time.
            name: how the log calls it; a secret's reference where it is not given.

        Raises:
            UsageError: the secret was not resolved yet.
        """
        value = secret.reveal() if isinstance(secret, Secret) else secret
        name = name or (secret.reference if isinstance(secret, Secret) else "token")
        new: dict[str, tuple[str, str]] = {}
        short: dict[str, str] = {}
        whole: dict[str, str] = {}
        for part in parts(value):
            if part.common:
                short[part.value] = name
                continue
            whole.setdefault(part.value, name)
            for text, form in forms(part.value).items():
                new.setdefault(text, (name, form))
        with self._lock:
            merged = {**new, **self._forms}
            self._forms = dict(sorted(merged.items(), key=lambda item: -len(item[0])))
            self._in_context = {**short, **self._in_context}
            self._whole = {**whole, **self._whole}
            self._context = _context_pattern(self._in_context)

    def find(self, text: str) -> list[Found]:
        """Return where secrets stand in a text, in order; the places may overlap."""
        found = list(self._found_plainly(text, self._forms))
        if "%" in text:  # upper and lower case may be mixed
            found += self._found_plainly(_PERCENT.sub(lambda match: match[0].upper(), text), self._forms)
        if "\x1b" in text:
            found += self._found_through(_ANSI, text, self._forms)
        if "\n" in text:
            long = {form: who for form, who in self._forms.items() if len(form) >= _WRAPPED_LENGTH}
            found += self._found_through(_WRAP, text, long)
        found += self._found_cut(text)
        found += self._found_in_context(text)
        return sorted(set(found), key=lambda item: (item.start, -item.end, item.form))

    def redact_text(self, text: str, place: str = "") -> str:
        """Return the text with every secret replaced, and count them under ``place``."""
        found = self.find(text)
        if not found:
            return text
        with self._lock:
            self.log.update((place, name) for name in {item.name for item in found})
        pieces: list[str] = []
        done = 0
        for start, end in _merged(found):
            pieces += [text[done:start], SECURE]
            done = end
        return "".join([*pieces, text[done:]])

    def redact(self, value: object, place: str = "") -> object:
        """Return a value with every secret replaced, in keys and values, texts and bytes, however deep.

        What holds no secret comes back as it is; nothing is changed in place.
        """
        if isinstance(value, str):
            return self.redact_text(value, place)
        if isinstance(value, dict):
            return {self.redact(k, place): self._redact_item(k, v, place) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return self._redact_sequence(value, place)
        if isinstance(value, (bytes, bytearray, memoryview)):
            return self._redact_bytes(value, place)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and self._is_number(value):
            return SECURE
        return value

    def _redact_item(self, key: object, value: object, place: str) -> object:
        named = isinstance(key, str) and is_secret_name(key)
        if named and isinstance(value, (str, int)) and str(value) in self._in_context:
            with self._lock:
                self.log[place, self._in_context[str(value)]] += 1
            return SECURE
        return self.redact(value, place)

    def _redact_sequence(self, value: list[object] | tuple[object, ...], place: str) -> object:
        """Redact items; texts that hold a value only when joined (a notebook's lines) come back as one text."""
        items = [self.redact(item, place) for item in value]
        texts = [item for item in items if isinstance(item, str)]
        if texts and len(texts) == len(items) and any(item.endswith("\n") for item in texts):
            joined = "".join(texts)
            if self.find(joined):
                items = list(self.redact_text(joined, place).splitlines(keepends=True))
        return tuple(items) if type(value) is tuple else items

    def _redact_bytes(self, value: bytes | bytearray | memoryview, place: str) -> object:
        text = bytes(value).decode("utf-8", "surrogateescape")
        safe = self.redact_text(text, place)
        return value if safe == text else safe.encode("utf-8", "surrogateescape")

    def _is_number(self, value: float) -> bool:
        return str(value) in self._forms

    @staticmethod
    def _found_plainly(text: str, known: dict[str, tuple[str, str]]) -> Iterator[Found]:
        for form, (name, label) in known.items():
            at = text.find(form)
            while at >= 0:
                yield Found(at, at + len(form), name, label)
                at = text.find(form, at + 1)

    def _found_through(
        self, noise: re.Pattern[str], text: str, known: dict[str, tuple[str, str]]
    ) -> Iterator[Found]:
        """Yield places whose value shows once the noise is taken out, in the text's own positions."""
        gaps = [match.span() for match in noise.finditer(text)]
        if not gaps or not known:
            return
        kept = noise.sub("", text)
        starts: list[tuple[int, int]] = []  # (position in kept, characters taken out before it)
        out = 0
        for start, end in gaps:
            out += end - start
            starts.append((end - out, out))
        for item in self._found_plainly(kept, known):
            yield Found(
                _original(item.start, starts), _original(item.end - 1, starts) + 1, item.name, item.form
            )

    def _found_cut(self, text: str) -> Iterator[Found]:
        """Yield beginnings of a value that an ellipsis cuts off, as pandas and consoles print long ones."""
        for match in _CUT.finditer(text):
            before = text[max(0, match.start() - self.longest) : match.start()]
            for value, name in self._whole.items():
                if len(value) <= _CUT_HEAD or value[:_CUT_HEAD] not in before:
                    continue
                at = before.rfind(value[:_CUT_HEAD])
                if value.startswith(before[at:]):
                    yield Found(match.start() - len(before) + at, match.start(), name, "cut")

    def _found_in_context(self, text: str) -> Iterator[Found]:
        if self._context is None:
            return
        for match in self._context.finditer(text):
            if match["name"] is None or is_secret_name(match["name"]):
                group = "value" if match["value"] is not None else "password"
                yield Found(*match.span(group), self._in_context[match[group]], "in context")
        for match in _BASIC.finditer(text):
            password = _basic_password(match[1])
            if password in self._in_context:
                yield Found(*match.span(1), self._in_context[password], "basic")


class StreamRedactor:
    """Redact text that comes in pieces: a value cut in two by two flushes never gets out."""

    def __init__(self, redactor: Redactor, place: str = "") -> None:
        self._redactor = redactor
        self._place = place
        self._held = ""

    @property
    def of(self) -> Redactor:
        """Return the redactor that this one asks."""
        return self._redactor

    @property
    def held(self) -> int:
        """Return how many characters are held back."""
        return len(self._held)

    def feed(self, chunk: str) -> str:
        """Take a piece and return what is safe to show by now."""
        text = self._held + chunk
        cut = len(text) - self._open_end(text)
        # A value that is whole stays whole: what is released ends before any found value that reaches over the cut.
        for start, end in _merged(self._redactor.find(text)):
            if start < cut < end:
                cut = start if len(text) - start < _MAX_HELD else end
        self._held = text[cut:]
        return self._redactor.redact_text(text[:cut], self._place)

    def flush(self) -> str:
        """Return what is held back; nothing more belongs to it."""
        text, self._held = self._held, ""
        return self._redactor.redact_text(text, self._place)

    def _open_end(self, text: str) -> int:
        """Return the length of the longest suffix that may begin a secret."""
        line = 0
        if self._redactor.contextual:
            line = min(_MAX_LINE, len(text) - max(text.rfind("\n"), text.rfind("\r")) - 1)
        return max(line, _longest_beginning(text, self._redactor._forms))  # noqa: SLF001  (two halves of one module)


def _longest_beginning(text: str, known: dict[str, tuple[str, str]]) -> int:
    """Return the length of the longest suffix of a text that is a proper beginning of a known form.

    Colour codes inside a value are not looked through here: they come within one message, never over two.
    """
    best = 0
    for form in known:  # longest first
        if len(form) - 1 <= best:
            break
        tail = text[-(len(form) - 1) :]
        at = tail.find(form[0])
        while at >= 0 and len(tail) - at > best:
            if form.startswith(tail[at:]):
                best = len(tail) - at
                break
            at = tail.find(form[0], at + 1)
    return best


def _merged(found: list[Found]) -> Iterator[tuple[int, int]]:
    if not found:
        return
    start, end = found[0].start, found[0].end
    for item in found[1:]:
        if item.start < end:
            end = max(end, item.end)
        else:
            yield start, end
            start, end = item.start, item.end
    yield start, end


def _original(position: int, starts: list[tuple[int, int]]) -> int:
    low, high = 0, len(starts)
    while low < high:
        middle = (low + high) // 2
        if starts[middle][0] <= position:
            low = middle + 1
        else:
            high = middle
    return position + (starts[low - 1][1] if low else 0)


def _context_pattern(values: dict[str, str]) -> re.Pattern[str] | None:
    if not values:
        return None
    either = "|".join(re.escape(value) for value in sorted(values, key=len, reverse=True))
    return re.compile(
        rf"(?P<name>[\w.-]{{2,80}}){_BETWEEN}(?P<value>{either})(?![\w-])|://[^\s/@:]*:(?P<password>{either})@"
    )


def _basic_password(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""

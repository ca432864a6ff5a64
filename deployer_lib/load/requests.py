"""Requests of a load test: what is asked, how often each of a mix, and the bytes that are sent.

``{n}`` in path, headers and body stands for the number of the request in the test (from 1), ``{uuid}`` for a UUID and
``{random}`` for a whole number below 10^9, both from the seed. Requests without these are rendered once.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from deployer_lib.errors import UsageError
from deployer_lib.guard import SAFE_METHODS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Order", "RequestSpec", "Template", "has_templates"]

_TOKEN: Final = re.compile(rb"\{(n|uuid|random)\}")
_METHOD: Final = re.compile(r"^[A-Z][A-Z-]*$")
_NAME: Final = re.compile(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
_OWN: Final = frozenset({"host", "content-length", "transfer-encoding", "connection", "expect", "upgrade"})
_OVERRIDES: Final = ("x-http-method-override", "x-http-method", "x-method-override")
_EXPECTED: Final = range(100, 400)
#: The constants of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
_GAMMA: Final = np.uint64(0x9E3779B97F4A7C15)
_MIXERS: Final = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1))


@dataclass(frozen=True, slots=True)
class RequestSpec:
    """One request of a mix.

    Raises:
        UsageError: something in it cannot be sent, or would not be counted rightly.
    """

    method: str = "GET"
    path: str = "/"  # with query
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # may hold secrets, as the body may
    body: bytes = field(default=b"", repr=False)
    weight: float = 1.0  # how often it is sent, in proportion to the others
    expect: frozenset[int] | None = None  # statuses that are right; None: 100 to 399
    contains: bytes | None = None  # what the body must contain, as it comes over the wire

    def __post_init__(self) -> None:
        if not _METHOD.match(self.method) or self.method == "CONNECT":
            raise UsageError(f"{self.method!r} is not a method to load with.", hint="GET, POST, PUT, …")
        if not self.path.startswith("/") or not re.fullmatch(r"[!-~]+", self.path):
            raise UsageError(
                f"{self.path!r} is not a path.", hint="Begin with / and percent-encode what is not ASCII."
            )
        for name, value in self.headers.items():
            _sendable(name, value)
        if not 0 < self.weight < float("inf"):
            raise UsageError(f"A weight of {self.weight:g} is not possible.", hint="Give one above 0.")

    @property
    def effective_method(self) -> str:
        """Return the method that the application will act on: an override in a header counts."""
        given = {name.lower(): value for name, value in self.headers.items()}
        return next((given[name].upper() for name in _OVERRIDES if name in given), self.method)

    @property
    def writes(self) -> bool:
        """Tell whether it needs the effect write."""
        return self.effective_method not in SAFE_METHODS

    def expects(self, status: int) -> bool:
        """Tell whether this status is a right answer."""
        return status in (_EXPECTED if self.expect is None else self.expect)


class Template:
    """The bytes of a request, rendered beforehand as far as that goes."""

    __slots__ = ("_before_body", "_body", "_head", "_random", "fixed")

    def __init__(self, spec: RequestSpec, *, host: str, agent: str, keep_alive: bool, seed: int) -> None:
        given = {name.lower() for name in spec.headers}
        lines = [f"{spec.method} {spec.path} HTTP/1.1", f"Host: {host}"]
        lines += [] if "user-agent" in given else [f"User-Agent: {agent}"]
        lines += [] if "accept" in given else ["Accept: */*"]
        lines += [f"{name}: {value}" for name, value in spec.headers.items()]
        lines += [] if keep_alive else ["Connection: close"]
        self._random = random.Random(seed)  # noqa: S311  (test data, not a secret)
        self._head = _split("\r\n".join(lines).encode())
        self._body = _split(spec.body)
        self._before_body = spec.body != b"" or spec.writes
        #: The whole request where nothing in it varies, else None.
        self.fixed = self.render(0) if len(self._head) == len(self._body) == 1 else None

    def render(self, number: int) -> bytes:
        """Return the request as it is sent, as the one of this number (from 0)."""
        values = {
            b"n": lambda: b"%d" % (number + 1),
            b"uuid": lambda: _uuid(self._random),
            b"random": lambda: b"%d" % self._random.randrange(10**9),
        }
        head, body = _filled(self._head, values), _filled(self._body, values)
        length = b"\r\nContent-Length: %d" % len(body) if self._before_body else b""
        return b"%b%b\r\n\r\n%b" % (head, length, body)


class Order:
    """Which request of a mix comes when: by weight and from the seed, without end and without a period.

    It is drawn from a request's number in the whole test, so processes that share a plan send together, in the same order,
    what one alone would send.
    """

    __slots__ = ("_bounds", "_first", "_start", "_step")

    def __init__(self, specs: Sequence[RequestSpec], seed: int, first: int = 0, step: int = 1) -> None:
        """Prepare the order of one process.

        Args:
            specs: the mix.
            seed: another one is another order.
            first: number of the process's first request in the whole test.
            step: how far its numbers lie apart.
        """
        weights = np.cumsum([spec.weight for spec in specs])
        self._bounds = weights[:-1] / weights[-1]
        self._start = _scattered(np.array([seed % (1 << 64)], np.uint64))
        self._first, self._step = first, step

    def drawn(self, first: int, count: int) -> npt.NDArray[np.int16]:
        """Return the places in the mix of ``count`` requests of this process, from the one numbered ``first`` (from 0) on."""
        if not len(self._bounds):
            return np.zeros(count, np.int16)
        numbers = np.arange(first, first + count, dtype=np.uint64) * np.uint64(self._step)
        bits = _scattered((numbers + np.uint64(self._first + 1)) * _GAMMA + self._start)
        chance = (bits >> np.uint64(11)).astype(np.float64) / (1 << 53)
        return np.searchsorted(self._bounds, chance, side="right").astype(np.int16)


def _scattered(bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return SplitMix64's output for each of these states."""
    for shift, factor in _MIXERS:
        bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)
    return bits


def has_templates(text: str) -> bool:
    """Tell whether something in a text would be filled in."""
    return _TOKEN.search(text.encode("utf-8", "replace")) is not None


def _sendable(name: str, value: str) -> None:
    if not _NAME.match(name) or not re.fullmatch(r"[\t -~\x80-\xff]*", value):
        raise UsageError(
            f"The header {name!r} cannot be sent.", hint="A name is a token; a value is one line of text."
        )
    if name.lower() in _OWN:
        raise UsageError(
            f"The header {name} is set by the load engine.",
            hint="Leave it out; see keep_alive for connections.",
        )


def _split(text: bytes) -> list[bytes]:
    """Return the text with the names of tokens at odd places."""
    return _TOKEN.split(text)


def _filled(parts: list[bytes], values: Mapping[bytes, Callable[[], bytes]]) -> bytes:
    if len(parts) == 1:
        return parts[0]
    return b"".join(values[part]() if place % 2 else part for place, part in enumerate(parts))


def _uuid(source: random.Random) -> bytes:
    bits = (
        source.getrandbits(128) & ~(0xF << 76) & ~(0x3 << 62) | 0x4 << 76 | 0x2 << 62
    )  # RFC 9562, version 4
    text = b"%032x" % bits
    return b"-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

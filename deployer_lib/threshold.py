"""Limits on what was measured, in one line of text: ``p(95) < 200ms``, ``errors == 0``, ``rate > 50/s``.

A limit is kept, or not kept, or cannot be told (``held is None``): what was not measured is never a pass.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from deployer_lib.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from deployer_lib.check import JSONValue

__all__ = ["LOAD_METRICS", "Held", "Threshold", "load_gate", "percent_of", "threshold"]

#: What a gate may be on, besides p(N): times are response times, rates answers as expected per second.
LOAD_METRICS: Final = (
    "mean",
    "min",
    "max",
    "errors",
    "error_rate",
    "throttled",
    "censored",
    "unsent",
    "requests",
    "rate",
)
_MOST_PERCENT: Final = 100.0
_THRESHOLD: Final = re.compile(
    r"^\s*(?P<name>[a-z_]+)(?:\((?P<argument>[\d.]+)\))?\s*(?P<operator><=|>=|==|!=|<|>)\s*"
    r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>us|µs|ms|s|%|/s|/m|)\s*$"
)
_SCALE: Final = {"us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3, "": 1.0, "%": 0.01, "/s": 1.0, "/m": 1 / 60}
_TIMES: Final = frozenset({"mean", "avg", "min", "max", "med", "median", "p"})
_ALIASES: Final = {
    "avg": "mean",
    "med": "p50",
    "median": "p50",
    "throughput": "rate",
    "throughput_per_s": "rate",
}
_COMPARE: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": lambda value, limit: value < limit,
    "<=": lambda value, limit: value <= limit,
    ">": lambda value, limit: value > limit,
    ">=": lambda value, limit: value >= limit,
    "==": lambda value, limit: value == limit,
    "!=": lambda value, limit: value != limit,
}


@dataclass(frozen=True, slots=True)
class Held:
    """Whether an expectation holds, and the values from which that follows."""

    held: bool | None  # None: could not be told
    why: str  # one sentence part, with values
    operands: Mapping[str, JSONValue] = field(default_factory=dict)  # sub-expression → its value


@dataclass(frozen=True, slots=True)
class Threshold:
    """A limit on one metric; times are in ms, rates per second, shares from 0 to 1."""

    text: str  # as it was written
    metric: str  # mean, min, max, p50, p95, p99_9, errors, error_rate, requests, rate
    operator: str
    limit: float
    unit: str  # ms, /s, %, or nothing for a count

    def judge(self, metrics: Mapping[str, float]) -> Held:
        """Say whether the limit was kept; a metric that was not measured, or is not a number, cannot be told.

        Args:
            metrics: by the names of :attr:`metric`, with or without their unit (``p95`` or ``p95_ms``).
        """
        suffix = {"ms": "_ms", "/s": "_per_s"}.get(self.unit, "")
        value = metrics.get(self.metric, metrics.get(self.metric + suffix))
        if value is None and self.metric == "rate":
            value = metrics.get("throughput_per_s")
        if value is None and self.metric == "error_rate" and metrics.get("requests"):
            value = metrics["errors"] / metrics["requests"] if "errors" in metrics else None
        if value is None or value != value:  # noqa: PLR0124  (not a number)
            return Held(None, f"{self.text} could not be told: {self.metric} was not measured")
        held = _COMPARE[self.operator](value, self.limit)
        scale = 100 if self.unit == "%" else 1
        seen = f"{self.metric} is {value * scale:g}{self.unit}, expected {self.operator} {self.limit * scale:g}{self.unit}"
        return Held(held, seen, {self.metric: value})


def threshold(text: str) -> Threshold:
    """Parse a threshold: ``p(95) < 200ms``, ``mean<0.2s``, ``errors == 0``, ``errors < 1%``, ``rate > 50/s``.

    Raises:
        UsageError: it is not one, or its unit does not fit its metric.
    """
    match = _THRESHOLD.match(text)
    if match is None:
        raise UsageError(
            f"{text!r} is not a threshold.", hint='Write for example "p(95) < 200ms" or "errors == 0".'
        )
    name, argument, unit = match["name"], match["argument"], match["unit"]
    if (name == "p") != (argument is not None) or (name in _TIMES and unit in {"%", "/s", "/m"}):
        raise UsageError(
            f"{text!r} is not a threshold.", hint="A percentile is p(95); times are in us, ms or s."
        )
    metric = f"p{argument.replace('.', '_')}" if argument else _ALIASES.get(name, name)
    if metric == "errors" and unit == "%":
        metric = "error_rate"
    shown = "ms" if name in _TIMES else "/s" if metric == "rate" else unit
    return Threshold(text.strip(), metric, match["operator"], float(match["number"]) * _SCALE[unit], shown)


def load_gate(expression: str) -> Threshold:
    """Return the threshold of a load test's gate, refusing what such a test does not measure.

    Raises:
        UsageError: it is no threshold, or on no metric of a load test.
    """
    limit = threshold(expression)
    percent = percent_of(limit.metric)
    if limit.metric not in LOAD_METRICS and (percent is None or percent > _MOST_PERCENT):
        raise UsageError(
            f"{expression!r} is on {limit.metric}, which a load test does not measure.",
            hint=f"A gate is on p(99) or another percentile, or on {', '.join(LOAD_METRICS)}.",
        )
    return limit


def percent_of(metric: str) -> float | None:
    """Return the number of a percentile's name: 99.9 of p99_9."""
    try:
        return float(metric.removeprefix("p").replace("_", ".")) if metric.startswith("p") else None
    except ValueError:
        return None

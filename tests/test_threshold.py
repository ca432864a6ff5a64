"""Limits are kept, or not, or cannot be told; what is no limit is refused with the way out."""

from __future__ import annotations

import pytest

from deployer_lib.errors import UsageError
from deployer_lib.threshold import threshold


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("p(95) < 200ms", True),
        ("p(95)<0.15s", False),
        ("mean<=120ms", True),
        ("avg < 200ms", True),
        ("med < 90ms", False),
        ("p(99.9) < 1s", True),
        ("errors == 0", False),
        ("errors < 3%", True),
        ("errors < 1%", False),
        ("rate>50/s", True),
        ("rate > 6000/m", False),
        ("requests >= 100", True),
        ("p(75) < 1s", None),
        ("unheard_of < 1", None),
        ("max < 1s", None),
    ],
)
def test_thresholds(text: str, held: bool | None) -> None:  # noqa: FBT001  (the expected value)
    metrics = {
        "mean": 120.0,
        "p50_ms": 90.0,
        "p95": 180.0,
        "p99_9": 900.0,
        "errors": 2,
        "requests": 100,
        "throughput_per_s": 68.0,
        "max": float("nan"),
    }
    assert held is threshold(text).judge(metrics).held


def test_a_threshold_says_what_was_measured_and_what_was_expected() -> None:
    assert threshold("p(95) < 0.2s").judge({"p95": 250.0}).why == "p95 is 250ms, expected < 200ms"


@pytest.mark.parametrize(
    "text", ["", "p < 1", "p(95)", "mean < 5%", "mean(3) < 1ms", "rate ~ 5", "p(95) < fast"]
)
def test_what_is_no_threshold_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        threshold(text)

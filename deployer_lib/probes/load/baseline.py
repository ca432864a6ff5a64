"""The last run in which the same load test passed: its response times stand beside this run's in the chart."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from deployer_lib.load.histogram import Histogram, log_text, read_log

if TYPE_CHECKING:
    from pathlib import Path

    from deployer_lib.load.result import LoadResult
    from deployer_lib.probes.context import Context

__all__ = ["KEPT", "keep", "last_good"]

#: Field of the evidence that names the histogram's file.
KEPT: Final = "histogram"
#: What must be the same in both, so that they can be compared.
_SAME: Final = ("path", "concurrent", "rate_per_s", "for_s")
_RUNS: Final = 10


def keep(ctx: Context, result: LoadResult) -> str:
    """Keep the response times as evidence, second by second in HdrHistogram's log format, and return its place."""
    return ctx.keep("load.hlog", log_text(result).encode("ascii"))


def last_good(ctx: Context, check: str, shape: dict[str, Any]) -> Histogram | None:
    """Return the response times of the last sealed run in which the same test passed; None where there is none.

    Args:
        ctx: the probe's context.
        check: id of the check.
        shape: path, concurrent, rate_per_s and for_s of this run's test.
    """
    runs = sorted((path.parent for path in ctx.places.records.glob("*/manifest.json")), reverse=True)
    for run in [run for run in runs if not run.is_symlink()][:_RUNS]:
        if found := _kept(run, check, shape):
            return found
    return None


def _kept(run: Path, check: str, shape: dict[str, Any]) -> Histogram | None:
    try:
        checks = json.loads((run / "results.json").read_text(encoding="utf-8"))["checks"]
        seen = next(c["evidence"] for c in checks if c["id"] == check and c["outcome"] == "pass")
        if any(seen.get(name) != shape.get(name) for name in _SAME):
            return None
        together = Histogram()
        for interval in read_log((run / str(seen[KEPT])).read_text(encoding="ascii")):
            together.merge(interval.histogram)
    except (OSError, ValueError, KeyError, TypeError, StopIteration):
        return None  # a run that is damaged, pruned or of an older version is no baseline
    return together if len(together) else None

"""Words that load tests share: the bar that moves, what a result is called, and where to read on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from deployer_lib.load.job import Progress
    from deployer_lib.load.result import LoadResult

__all__ = ["DOCS", "bar", "errors_of"]

DOCS: Final = "https://sre.google/sre-book/service-level-objectives/"
_CELLS: Final = 20


def bar(progress: Progress, total_s: float, requests: int | None, label: str) -> str:
    """Return how far a test is, as one line: a bar, the time or the requests, and what came back so far.

    Args:
        progress: what the engine tells.
        total_s: length of the plan in seconds; 0: it ends after its requests.
        requests: of the plan; None: as many as fit.
        label: what is being done.
    """
    shares = [progress.elapsed_s / total_s] if total_s else []
    shares += [progress.done / requests] if requests else []
    full = round(_CELLS * min(1.0, max(shares, default=0.0)))
    place = f"{progress.elapsed_s:.0f} of {total_s:g} s" if total_s else f"{progress.elapsed_s:.0f} s"
    rate = f", {progress.done / progress.elapsed_s:,.0f}/s" if progress.elapsed_s >= 1 else ""
    errors = f", {progress.errors:,} errors" if progress.errors else ""
    return f"{'▰' * full}{'▱' * (_CELLS - full)} {label}: {place}, {progress.done:,} done{rate}{errors}"


def errors_of(result: LoadResult) -> str:
    """Return the kinds of failures with their counts: ``3 × status 500, 1 × reset``."""
    return ", ".join(f"{count:,} × {kind}" for kind, count in result.errors_by_kind.items())

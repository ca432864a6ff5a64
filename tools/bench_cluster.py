"""Print whether two workers of a Dask cluster measure what one process does, as one JSON document; exit 1 where they don't.

Both send the same seeded schedule to a server with a fixed service time, in turns. Counts, due times and histograms must be equal to the
last bit; percentiles may differ by as much as one and the same generator's differ from round to round.
"""

from __future__ import annotations

import json
import logging
import statistics
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distributed import LocalCluster

from deployer_lib.catalogue import Effect
from deployer_lib.guard import Guard
from deployer_lib.load import plan
from deployer_lib.load.histogram import Histogram
from deployer_lib.load.result import LoadResult
from deployer_lib.load.running import run

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 5
SECONDS = 4
RATE = 200
SEED = 7
PERCENTILES = (50, 90, 99)
SERVICE_S = 0.02
SERVER = Path(__file__).parents[1] / "tests" / "support" / "queue_server.py"


@contextmanager
def served() -> Iterator[int]:
    """Run a server that answers after 20 ms, however many ask; yield its port."""
    argv = [sys.executable, str(SERVER), str(SERVICE_S), "1000", "1000000", "silence"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield int(process.stdout.readline() if process.stdout else "")
        finally:
            process.kill()


def measured(port: int, scheduler: str | None = None) -> LoadResult:
    """Send the schedule, from this process or from a cluster."""
    guard = Guard("bench", frozenset(Effect), {("127.0.0.1", port)})
    made = plan.poisson(RATE, SECONDS, SEED)
    return LoadResult(run(f"http://127.0.0.1:{port}/", made, guard=guard, scheduler=scheduler))


def percentiles_ms(result: LoadResult) -> list[float]:
    """Return response times at some percentiles."""
    return [(result.response_histogram.value_at(percent) or 0) / 1e3 for percent in PERCENTILES]


def exact(one: LoadResult, two: LoadResult) -> dict[str, bool]:
    """Return what must be equal to the last bit, and whether it is."""
    merged = Histogram()
    for share in two.columns.shares:
        merged.merge(share.response)
    due = [result.columns.intended_ns - result.columns.start_ns for result in (one, two)]
    return {
        "same_requests": len(one) == len(two) == one.planned == two.planned,
        "same_due_times": bool((due[0] == due[1]).all()),
        "merged_histogram_is_that_of_all_columns": merged.encode() == two.response_histogram.encode()
        and merged == two.response_histogram,
    }


def close(one: list[list[float]], two: list[list[float]]) -> dict[str, Any]:
    """Return medians of both over the rounds by percentile, and whether they differ by no more than the rounds of each do."""
    found = {}
    for place, percent in enumerate(PERCENTILES):
        values = [[row[place] for row in rows] for rows in (one, two)]
        medians = [statistics.median(column) for column in values]
        noise = sum(max(column) - min(column) for column in values)
        found[f"p{percent}"] = {
            "one_ms": round(medians[0], 3),
            "two_ms": round(medians[1], 3),
            "noise_ms": round(noise, 3),
            "within_noise": abs(medians[0] - medians[1]) <= noise,
        }
    return found


def compared() -> dict[str, Any]:
    """Return all figures."""
    made: Any = LocalCluster  # it ships no types
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": "127.0.0.1:0"}
    with served() as port, made(host="127.0.0.1", silence_logs=logging.CRITICAL, **options) as cluster:
        measured(port)  # the first of each starts what the others find
        measured(port, cluster.scheduler_address)
        pairs = [(measured(port), measured(port, cluster.scheduler_address)) for _ in range(ROUNDS)]
    equal = [exact(one, two) for one, two in pairs]
    rates = [statistics.median(result.offered_per_s for result in side) for side in zip(*pairs, strict=True)]
    return {
        "requests": [len(pairs[0][0]), len(pairs[0][1])],
        "offered_per_s": [round(rate, 1) for rate in rates],
        "offered_over": round(rates[1] / rates[0], 4),
        **{name: all(row[name] for row in equal) for name in equal[0]},
        **close(*([percentiles_ms(result) for result in side] for side in zip(*pairs, strict=True))),
        "workers": [share.to_json() for share in pairs[-1][1].columns.shares],
    }


def main() -> None:
    """Print it."""
    found = compared()
    print(json.dumps({"load_cluster": found}, indent=1))
    exacts = ("same_requests", "same_due_times", "merged_histogram_is_that_of_all_columns")
    sys.exit(0 if all(found[name] for name in exacts) else 1)


if __name__ == "__main__":
    main()

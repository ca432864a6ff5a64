"""The chart of response times above an application's resources, and what the command says of them."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pytest
from load_parts import Row, columns_of
from obedient import obedient
from pictures import always_the_same, small_with_text
from ports import refusing
from queue_server import queue_server
from rich.console import Console

from deployer_lib.app.resources import Fullest, Limits, Resources
from deployer_lib.app.serving import _serving, watching
from deployer_lib.charts.load_resources import beside
from deployer_lib.cli.load_shown import show_load
from deployer_lib.load.result import LoadResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer_lib.charts.canvas import Chart

Values = npt.NDArray[np.float64]

LENGTH_S: Final = 24
BEGIN_NS: Final = 1_000_000_000  # of columns_of
AT_S: Final = np.arange(-1, LENGTH_S * 4 + 2) / 4  # when samples were taken, since the first request


def _load(slow_from_s: float = np.inf, slow_ms: float = 840.0) -> LoadResult:
    """Return what 200/s for 24 s see of a target that takes 5 ms, and from then on more."""
    rows: list[Row] = []
    for k in range(LENGTH_S * 200):
        took_s = slow_ms / 1e3 if k / 200 >= slow_from_s else 0.005 + k % 7 / 1e4
        rows.append((k / 200, k / 200, k / 200 + took_s, 200, k % 10, ""))
    return LoadResult(columns_of(rows))


def _seen(
    *,
    cores: Callable[[Values], Values] = lambda at_s: np.full(len(at_s), 0.4),
    megabytes: Callable[[Values], Values] = lambda at_s: np.full(len(at_s), 81.0),
    descriptors: Callable[[Values], Values] = lambda at_s: np.full(len(at_s), 34.0),
    threads: int = 12,
    processes: int = 1,
    limits: Limits | None = None,
    notes: tuple[str, ...] = (),
) -> Resources:
    """Return what an application used, each from the seconds since the first request."""
    memory = megabytes(AT_S) * 1e6
    unshared = np.where(np.arange(len(AT_S)) % 4 == 0, memory * 0.8, np.nan)
    return Resources(
        at_ns=(AT_S * 1e9).astype(np.int64) + BEGIN_NS,
        cpu_s=np.concatenate([[0.0], np.cumsum(cores(AT_S)[1:] / 4)]),
        rss_bytes=memory.astype(np.int64),
        uss_bytes=unshared,
        descriptors=descriptors(AT_S),
        threads=np.full(len(AT_S), threads, dtype=np.int64),
        processes=np.full(len(AT_S), processes, dtype=np.int64),
        limits=limits or Limits(2.0),
        watched=("shop (7)",),
        notes=notes,
    )


def _line(first: float, last: float) -> Callable[[Values], Values]:
    return lambda at_s: np.linspace(first, last, len(at_s))


def _busy(from_s: float, cores: float = 1.0) -> Callable[[Values], Values]:
    return lambda at_s: np.where(at_s > from_s, cores, 0.3)


_FULL_FILES: Final = Limits(2.0, descriptors=Fullest("shop (7)", 980, 1_024))
_ALL: dict[str, tuple[Callable[[], Chart], str]] = {
    "nothing": (
        lambda: beside(_load(), _seen()),
        "Nothing kept growing: CPU 0.4 of 2 cores, at most 81 MB, 34 descriptors, 12 threads",
    ),
    "cpu": (
        lambda: beside(_load(12), _seen(cores=_busy(12), limits=Limits(1.0))),
        "CPU at 1.0 of 1 core from 12 s on, while p99 rose to 840 ms",
    ),
    "cpu from the first second": (
        lambda: beside(_load(), _seen(cores=_busy(-1, 1.9), processes=4)),
        "CPU at 1.9 of 2 cores all the time, p99 up to 5.6 ms",
    ),
    "cpu without harm": (
        lambda: beside(_load(), _seen(cores=_busy(6))),
        "CPU at 1.0 of 2 cores from 6 s on, while p99 stayed below 5.6 ms",
    ),
    "leak": (
        lambda: beside(_load(), _seen(megabytes=_line(80, 410))),
        "Memory grew from 80 to 410 MB in 24 s",
    ),
    "leak of workers": (
        lambda: beside(_load(), _seen(megabytes=_line(100, 400), processes=3)),
        "Unshared memory grew from 80 to 315 MB in 24 s",
    ),
    "descriptors": (
        lambda: beside(_load(), _seen(descriptors=_line(20, 700))),
        "Descriptors grew from 20 to 700 in 24 s",
    ),
    "limit": (
        lambda: beside(_load(), _seen(descriptors=_line(20, 980), limits=_FULL_FILES)),
        "Descriptors reached 980 of 1,024 in shop (7)",
    ),
    "unreadable": (
        lambda: beside(_load(), _seen(descriptors=lambda at_s: np.full(len(at_s), np.nan))),
        "Nothing kept growing: CPU 0.4 of 2 cores, at most 81 MB, 12 threads",
    ),
    "slower": (
        lambda: beside(_load(8), _seen()),
        "p99 rose to 840 ms with CPU 0.4 of 2 cores, at most 81 MB, 34 descriptors, 12 threads",
    ),
    "ended": (
        lambda: beside(_load(), _seen(notes=("shop (7) ended 3.2 s after watching began.",))),
        "shop (7) ended 3.2 s after watching began",
    ),
    "tight memory": (
        lambda: beside(_load(), _seen(limits=Limits(0.5, 100_000_000), threads=1)),
        "Nothing kept growing: CPU 0.4 of 0.5 cores, at most 81 MB, 34 descriptors, 1 thread",
    ),
}


@pytest.mark.parametrize("name", _ALL)
def test_a_chart_is_a_small_picture_whose_title_is_its_conclusion(name: str) -> None:
    """And whose text says as much to those who don't see it."""
    draw, title = _ALL[name]
    chart = draw()
    assert title == chart.title
    small_with_text(chart, 60_000)
    for word in ("shop (7)", "response time, median", "CPU up to", "memory from", "threads from", title):
        assert word in chart.alt


def test_the_same_numbers_give_the_same_bytes() -> None:
    always_the_same(_ALL["cpu"][0])


def test_nothing_is_not_drawn() -> None:
    """A picture of no data would look like a good one."""
    nothing, seen = LoadResult(columns_of([])), _seen()
    empty = Resources(
        **{name: getattr(seen, name)[:0] for name in ("at_ns", "cpu_s", "rss_bytes", "uss_bytes")},
        **{name: getattr(seen, name)[:0] for name in ("descriptors", "threads", "processes")},
        limits=Limits(2.0),
    )
    for result, resources in ((nothing, seen), (_load(), empty)):
        with pytest.raises(ValueError, match="nothing to draw"):
            beside(result, resources)


def test_a_result_carries_what_was_seen() -> None:
    result = replace(_load(), resources=_seen(descriptors=_line(20, 700)))
    resources = json.loads(json.dumps(result.to_json()))["resources"]
    assert ["shop (7)"] == resources["watched"]
    assert {"first": 20, "last": 700, "peak": 700, "course": "grows"} == resources["descriptors"]
    assert {"mean": 0.4, "peak": 0.4, "of": 2.0} == resources["cpu_cores"]
    assert _load().to_json()["resources"] is None


def _shown(resources: Resources) -> str:
    console = Console(file=io.StringIO(), width=400)
    document = {**replace(_load(), resources=resources).to_json(), "findings": []}
    show_load(console, document, 0)
    return str(console.file.getvalue())  # type: ignore[attr-defined]  # a StringIO


def test_people_read_it_in_one_line() -> None:
    assert (
        "application (shop (7)): CPU 0.40 of 2 cores (peak 0.40), memory 81 MB, descriptors 34, threads 12\n"
        in _shown(_seen())
    )
    full = _seen(descriptors=_line(20, 980), limits=_FULL_FILES, megabytes=_line(80, 410), notes=("Said.",))
    line = "memory 80 → 410 MB and growing, descriptors 20 → 980 (up to 980 of 1,024 in shop (7)) and growing"
    assert line in _shown(full)
    assert "   Said.\n" in _shown(full)


def _command(url: str, *words: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "deployer_lib", "load", url, *words, "--json"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_the_command_watches_who_listens_on_this_machine() -> None:
    with queue_server(0.001) as url:
        told = _command(url, "--rate", "100", "-d", "500ms")
        resources = told["resources"]
        assert 100 * 0.5 == told["by_status"]["200"]
        assert [] == resources["notes"]
        assert 1 == len(resources["watched"])
        assert resources["samples"] >= 2
        assert resources["cpu_s"] >= 0
        assert resources["rss_bytes"]["peak"] > 5e6
        assert resources["descriptors"]["peak"] >= 4
        found = _command(url, "--find-knee", "-c", "2", "-d", "3s")
        assert resources["watched"] == found["resources"]["watched"]


def test_nobody_listening_is_said() -> None:
    with refusing() as port:
        resources = _command(f"http://127.0.0.1:{port}/", "-n", "1")["resources"]
    assert [f"Nobody listens on port {port} of this machine, so nothing was watched."] == resources["notes"]
    assert 0 == resources["samples"]


def test_another_machine_is_not_watched() -> None:
    with watching("192.0.2.1", 80) as seen:
        assert seen() is None


def test_a_worker_is_watched_with_who_started_it() -> None:
    """Each forked worker holds the socket; the uppermost has all of them below it."""
    with obedient() as app:
        port = int(app.do("listen"))
        app.do("child")
        app.do("child")
        (found,), note = _serving(port, ("127.0.0.1",))
        assert (app.pid, "") == (found.pid, note)

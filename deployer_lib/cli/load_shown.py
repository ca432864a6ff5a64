"""What ``deployer load`` shows: a line of progress while it goes on, and at the end the verdict, times, errors and gates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from deployer_lib.load.running import Progress

__all__ = ["progress_line", "show_knee", "show_load"]

_SIGNS: Final = {0: "✅", 1: "❌", 3: "⚠️ ", 130: "⚠️ "}
_WORDS: Final = {0: "PASS", 1: "FAIL", 3: "COULD NOT TELL", 130: "INTERRUPTED"}
_TIMES: Final = ("mean", "p50", "p90", "p95", "p99", "p99_9", "max")
_DECIMALS_BELOW: Final = 100  # ms; above, whole milliseconds are enough


def progress_line(progress: Progress) -> str:
    """Return what happens just now, in one line."""
    errors = f", {progress.errors:,} errors" if progress.errors else ""
    return f"{progress.elapsed_s:.0f} s: {progress.done:,} done, {progress.in_flight:,} under way{errors}"


def show_load(console: Console, document: dict[str, Any], exit_code: int) -> None:
    """Print a load's document for people: verdict first, then findings, then figures."""
    duration = f"{document['requests']:,} requests in {document['duration_s']:.1f} s"
    say(console, f"{_SIGNS[exit_code]} {_WORDS[exit_code]}  {duration}, measurement {document['verdict']}")
    for line in (*document["findings"], *document["reasons"]):
        say(console, f"   {line}")
    _gates(console, document["gates"])
    if document["response_ms"]:
        console.print(_times(document))
    say(console, _counts(document))


def show_knee(console: Console, document: dict[str, Any], exit_code: int) -> None:
    """Print a search's document for people: the limits first, then how they were found."""
    say(console, f"{_SIGNS[exit_code]} {_WORDS[exit_code]}  {limits(document)}")
    for line in (*document["findings"], *document["reasons"]):
        say(console, f"   {line}")
    if document["cliff_why"]:
        say(console, f"   {document['cliff_why']}")
    _gates(console, document["gates"])
    console.print(_steps(document["steps"]))


def limits(document: dict[str, Any]) -> str:
    """Return what the search found, as one sentence part."""
    rate, above, cliff = document["max_rate_per_s"], document["above_per_s"], document["connections_cliff"]
    wish = f" with {document['objective']}" if document["objective"] else ""
    parts = (
        ["no rate was kept" + wish] if rate is None else [f"{rate:,.1f} requests a second were kept{wish}"]
    )
    if rate is not None:
        parts.append("more was not tried" if above is None else f"{above:,.1f} were not")
    if cliff is not None:
        seen = "it is unresponsive at" if document["cliff"] == "unresponsive" else "throughput levels off at"
        parts.append(f"{seen} {cliff} connection{'s' if cliff != 1 else ''}")
    return "; ".join(parts)


def say(console: Console, text: str) -> None:
    """Print one line as it is, however long."""
    console.print(escape(text), highlight=False, soft_wrap=True)


def _gates(console: Console, gates: Sequence[dict[str, Any]]) -> None:
    for gate in gates:
        sign = {True: "✅", False: "❌", None: "⚠️ "}[gate["held"]]
        value = "could not be told" if gate["value"] is None else f"is {gate['value']:.5g}"
        say(console, f"   {sign} {gate['expression']}: {value}")


def _times(document: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("in ms")
    for name in _TIMES:
        table.add_column(name.replace("_", "."), justify="right")
    rows = (("response", "response_ms"), ("service", "service_ms"), ("sent late", "generator_lag_ms"))
    for title, key in rows:
        if times := document[key]:
            table.add_row(title, *(_ms(times[name]) for name in _TIMES))
    return table


def _ms(value: float) -> str:
    return f"{value:,.2f}" if value < _DECIMALS_BELOW else f"{value:,.0f}"


def _counts(document: dict[str, Any]) -> str:
    parts = [f"{document['throughput_per_s']:,.1f}/s answered, {document['offered_per_s']:,.1f}/s sent"]
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in document["errors_by_kind"].items())
    parts.append(f"{document['errors']:,} errors" + (f" ({kinds})" if kinds else ""))
    if document["throttled"]:
        parts.append(f"{document['throttled']:,} times 429")
    statuses = ", ".join(f"{count:,} × {status}" for status, count in document["by_status"].items())
    return "; ".join([*parts, *([statuses] if statuses else [])])


def _steps(steps: Sequence[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("offered", "answered/s", "p50 ms", "p99 ms", "errors", "", "what was seen"):
        table.add_column(heading, justify="left" if heading in {"", "what was seen"} else "right")
    for step in steps:
        times = step["response_ms"]
        offered = (
            f"{step['connections']} conn." if step["mode"] == "closed" else f"{step['rate_per_s']:,.1f}/s"
        )
        table.add_row(
            offered,
            f"{step['throughput_per_s']:,.1f}",
            _ms(times["p50"]) if times else "–",
            _ms(times["p99"]) if times else "–",
            f"{step['errors']:,}",
            {True: "✅", False: "❌", None: "⚠️ "}[step["kept"]],
            escape("" if step["kept"] else step["why"]),
        )
    return table

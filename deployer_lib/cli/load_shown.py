"""What ``deployer load`` shows: a line of progress while it goes on, and at the end the verdict, times, errors and gates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.markup import escape
from rich.table import Table

from deployer_lib.threshold import threshold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from deployer_lib.load.running import Progress

__all__ = ["progress_line", "show_knee", "show_load"]

_SIGNS: Final = {0: "✅", 1: "❌", 3: "⚠️ ", 130: "⚠️ "}
_WORDS: Final = {0: "PASS", 1: "FAIL", 3: "COULD NOT TELL", 130: "INTERRUPTED"}
#: What follows from a measurement's verdict.
_BELIEVED: Final = {
    "valid": "",
    "degraded": ": true, with these reservations",
    "invalid": ": its times say nothing about the target",
}
_TIMES: Final = ("mean", "p50", "p90", "p95", "p99", "p99_9", "max")
_DECIMALS_BELOW: Final = 100  # ms; above, whole milliseconds are enough


def progress_line(progress: Progress) -> str:
    """Return what happens just now, in one line."""
    errors = f", {progress.errors:,} errors" if progress.errors else ""
    return f"{progress.elapsed_s:.0f} s: {progress.done:,} done, {progress.in_flight:,} under way{errors}"


def show_load(console: Console, document: dict[str, Any], exit_code: int) -> None:
    """Print a load's document for people: verdict first, then findings, then figures."""
    duration = f"{document['requests']:,} requests in {document['duration_s']:.1f} s"
    say(console, f"{_SIGNS[exit_code]} {_WORDS[exit_code]}  {duration} ({document['plan']})")
    _findings(console, document)
    _gates(console, document["gates"])
    say(console, f"   measurement {document['verdict']}{_BELIEVED[document['verdict']]}")
    _reasons(console, document)
    if document["response_ms"]:
        console.print(_times(document))
    say(console, _counts(document))
    for heading, key in (("request", "specs"), ("stage", "stages")):
        if document[key]:
            console.print(_parts(heading, document[key]))
    if document["workers"]:
        console.print(_workers(document["workers"]))
    for note in document["notes"]:
        say(console, f"   {note}")
    _resources(console, document["resources"])


def show_knee(console: Console, document: dict[str, Any], exit_code: int) -> None:
    """Print a search's document for people: the limits first, then how they were found."""
    say(console, f"{_SIGNS[exit_code]} {_WORDS[exit_code]}  {limits(document)}")
    _findings(console, document)
    _gates(console, document["gates"])
    if document["cliff_why"]:
        say(console, f"   {document['cliff_why']}")
    _reasons(console, document)
    console.print(_steps(document["steps"]))
    _resources(console, document["resources"])


def limits(document: dict[str, Any]) -> str:
    """Return what the search found, as one sentence part."""
    rate, above, cliff = document["max_rate_per_s"], document["above_per_s"], document["connections_cliff"]
    wish = f" with {document['objective']}" if document["objective"] else ""
    tried = any(step["mode"] == "open" for step in document["steps"])
    none = f"no rate was {'kept' if tried else 'tried'}{wish}"
    parts = [none if rate is None else f"{rate:,.1f} requests a second were kept{wish}"]
    if rate is not None:
        parts.append("more was not tried" if above is None else f"{above:,.1f} were not")
    if cliff is not None:
        seen = "it is unresponsive at" if document["cliff"] == "unresponsive" else "throughput levels off at"
        parts.append(f"{seen} {cliff} connection{'s' if cliff != 1 else ''}")
    return "; ".join(parts)


def say(console: Console, text: str) -> None:
    """Print one line as it is, however long."""
    console.print(escape(text), highlight=False, soft_wrap=True)


def _findings(console: Console, document: dict[str, Any]) -> None:
    """Print what is wrong with the target."""
    for finding in document["findings"]:
        say(console, f"   ❌ {finding}")


def _reasons(console: Console, document: dict[str, Any]) -> None:
    """Print what speaks against the measurement."""
    for reason in document["reasons"]:
        say(console, f"   ⚠️  {reason}")


def _gates(console: Console, gates: Sequence[dict[str, Any]]) -> None:
    for gate in gates:
        sign = {True: "✅", False: "❌", None: "⚠️ "}[gate["held"]]
        why = gate["why"].removeprefix(f"{gate['expression']} could not be told: ")
        told = f"could not be told: {why}" if gate["held"] is None else f"is {_value(gate)}"
        say(console, f"   {sign} {gate['expression']}: {told}")


def _value(gate: dict[str, Any]) -> str:
    """Return what a gate's metric was, in the gate's unit."""
    unit = threshold(gate["expression"]).unit
    value = gate["value"] * 100 if unit == "%" else gate["value"]
    space = "" if unit == "/s" or not unit else " "
    return f"{value:,.10g}{unit}" if not unit else f"{value:,.5g}{space}{unit}"


def _times(document: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("in ms")
    for name in _TIMES:
        table.add_column(name.replace("_", "."), justify="right")
    rows = (
        ("response (from due)", "response_ms"),
        ("service (from sent)", "service_ms"),
        ("generator late", "generator_lag_ms"),
    )
    for title, key in rows:
        if times := document[key]:
            table.add_row(title, *(_ms(times[name]) for name in _TIMES))
    return table


def _parts(heading: str, parts: Sequence[dict[str, Any]]) -> Table:
    """Return the requests of a mix, or the stages of a plan, one a row."""
    table = Table(box=None, pad_edge=False)
    table.add_column(heading, overflow="fold")
    for name in ("requests", "answered/s", "p50 ms", "p99 ms", "429", "errors"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for part in parts:
        times = part["response_ms"]
        table.add_row(
            escape(part["name"] or str(part["number"] + 1)),
            f"{part['requests']:,}",
            f"{part['throughput_per_s']:,.1f}",
            _ms(times["p50"]) if times else "–",
            _ms(times["p99"]) if times else "–",
            f"{part['throttled']:,}",
            f"{part['errors']:,}",
            _kinds(part["errors_by_kind"]),
        )
    return table


def _kinds(errors: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in errors.items())


def _ms(value: float) -> str:
    return f"{value:,.2f}" if value < _DECIMALS_BELOW else f"{value:,.0f}"


def _counts(document: dict[str, Any]) -> str:
    parts = [f"{document['throughput_per_s']:,.1f}/s answered, {document['offered_per_s']:,.1f}/s sent"]
    kinds = _kinds(document["errors_by_kind"])
    parts.append(f"{document['errors']:,} errors" + (f" ({kinds})" if kinds else ""))
    if document["throttled"]:
        parts.append(f"{document['throttled']:,} times 429")
    statuses = ", ".join(f"{count:,} × {status}" for status, count in document["by_status"].items())
    return "; ".join([*parts, *([statuses] if statuses else [])])


def _workers(workers: Sequence[dict[str, Any]]) -> Table:
    """Return what each worker of a cluster did, and how far its clock can be trusted."""
    table = Table(box=None, pad_edge=False)
    for heading in ("worker", "requests", "p50 ms", "p99 ms", "clock ± ms", "began late ms"):
        table.add_column(heading, justify="left" if heading == "worker" else "right")
    for worker in workers:
        times = ("–" if worker[key] is None else _ms(worker[key]) for key in ("p50_ms", "p99_ms"))
        skew = (_ms(worker[key]) for key in ("uncertainty_ms", "late_ms"))
        table.add_row(escape(worker["address"]), f"{worker['requests']:,}", *times, *skew)
    return table


def _resources(console: Console, seen: dict[str, Any] | None) -> None:
    """Print what the application used meanwhile, and what of it could not be seen; nothing of another machine's."""
    if seen is None:
        return
    if seen["samples"]:
        cores = seen["cpu_cores"]
        used = "–" if cores["mean"] is None else f"{cores['mean']:.2f}"
        peak = "" if cores["peak"] is None else f" (peak {cores['peak']:.2f})"
        several = seen["processes"]["peak"] > 1 and seen["uss_bytes"]
        memory, kind = (seen["uss_bytes"], "unshared memory") if several else (seen["rss_bytes"], "memory")
        parts = [
            f"CPU {used} of {cores['of']:g} core{'s' if cores['of'] != 1 else ''}{peak}",
            _course(kind, memory, " MB", 1e6),
        ]
        if seen["descriptors"]:
            limit = _limit(seen["most_descriptors"])
            parts.append(_course("descriptors", seen["descriptors"], of_limit=limit))
        parts.append(_course("threads", seen["threads"]))
        if seen["processes"]["peak"] > 1:
            parts.append(_course("processes", seen["processes"]))
        say(console, f"application ({', '.join(seen['watched'])}): {', '.join(parts)}")
    for note in seen["notes"]:
        say(console, f"   {note}")


def _course(
    name: str, span: dict[str, Any], unit: str = "", divisor: float = 1, *, of_limit: str = ""
) -> str:
    first, last, peak = (f"{span[key] / divisor:,.0f}" for key in ("first", "last", "peak"))
    values = last if first == last else f"{first} → {last}"
    higher = of_limit or (f" (peak {peak})" if peak not in {first, last} else "")
    return f"{name} {values}{unit}{higher}{' and growing' if span['course'] == 'grows' else ''}"


def _limit(most: dict[str, Any] | None) -> str:
    """Return how near the fullest process came to its own limit, where it came near."""
    if not most or not most["limit"] or most["used"] <= most["limit"] / 2:
        return ""
    return f" (up to {most['used']:,} of {most['limit']:,} in {most['process']})"


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

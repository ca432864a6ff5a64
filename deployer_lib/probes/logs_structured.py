"""Is the log one JSON object a line, does it carry the caller's trace id, and does it keep secrets out (F2)?

Two requests are sent: a marked one, and a marked one with canary secrets in its Authorization header and its query.
That a canary is absent is only believed where the line of its request was found.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final

from deployer_lib.catalogue import Severity
from deployer_lib.check import Code, Fix, Result, Skip, errored, failed, passed, skipped
from deployer_lib.probes.context import probe
from deployer_lib.probes.log_lines import field_of, level_of, parsed, time_field
from deployer_lib.probes.log_source import log_lines, log_settings, wait_for_lines
from deployer_lib.probes.marked import Mark, ordinary_path
from deployer_lib.probes.printed import shown_line
from deployer_lib.probes.remedies import remedy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from deployer_lib.app.target import LogLine
    from deployer_lib.check import JSONValue
    from deployer_lib.parameters.model import Logs
    from deployer_lib.probes.context import Context

_OWN_ID: Final = "health.logs_structured"
__all__ = ["logs_structured"]

_WITHIN_S: Final = 5.0
_BANNER_LINES: Final = 3  # plain lines that may stand before the first JSON line
_SHOWN: Final = 5
_SHOWN_CHARACTERS: Final = 160


@probe(_OWN_ID)
def logs_structured(ctx: Context) -> Iterable[Result]:
    """Send marked requests and look at every line since the deployment."""
    settings, path = log_settings(ctx), ordinary_path(ctx)
    before = len(log_lines(ctx))
    mark, marked = Mark(), Mark()
    canary = f"canary{secrets.token_hex(12)}"
    mark.send(ctx, path)
    marked.send(ctx, path, headers={"Authorization": f"Bearer {canary}"}, more=f"&token={canary}")
    ctx.progress(f"waiting for the log lines of GET {path}")
    new, _ = wait_for_lines(
        ctx,
        before,
        lambda lines: bool(_about(lines, mark, path) and _about(lines, marked, path)),
        within_s=_WITHIN_S,
    )
    lines = log_lines(ctx)
    if not lines or not new:
        yield errored(
            f"No line was logged within {_WITHIN_S:.0f} s after GET {path}, so there is nothing to look at."
        )
        return
    yield _json(ctx, lines)
    yield _fields(ctx, lines, settings)
    yield _trace(ctx, _about(new, mark, path), mark, settings, path)
    yield _secrets(ctx, new, _about(new, marked, path), canary)


def _about(lines: Sequence[LogLine], mark: Mark, path: str) -> list[LogLine]:
    """Return the lines of the marked request: by its ids, else by its path where that says something."""
    named = [line for line in lines if mark.named_in(line.text)]
    bare = path.partition("?")[0]
    return named or [line for line in lines if len(bare) > 1 and bare in line.text]


def _json(ctx: Context, lines: Sequence[LogLine]) -> Result:
    plain = [i for i, line in enumerate(lines) if line.text.strip() and parsed(line.text) is None]
    structured = [i for i, line in enumerate(lines) if parsed(line.text) is not None]
    banner = [i for i in plain if structured and i < structured[0] <= _BANNER_LINES]
    rest = [lines[i] for i in plain if i not in set(banner)]
    if not rest:
        return passed(
            f"All {len(lines)} log lines since the deployment are JSON objects"
            + (f", after a banner of {len(banner)} plain lines." if banner else "."),
            subject="json",
            lines=len(lines),
            banner_lines=len(banner),
        )
    shown = [f"{line.number}: {shown_line(ctx, line.text, _SHOWN_CHARACTERS)}" for line in rest[:_SHOWN]]
    return failed(
        f"{len(rest)} of {len(lines)} log lines are not JSON, first line {rest[0].number}.",
        subject="json",
        root_cause="The application, its server or a library writes plain text beside the structured log"
        if len(rest) < len(lines)
        else "The application logs plain text.",
        impact="A log service can't search these lines by field, or count and alert on them; stacks fall apart.",
        fix=remedy(
            ctx,
            "log_json",
            "Give the root logger a JSON formatter, and the server's own loggers (access, error) the same.",
            minutes=30,
        ),
        lines=len(lines),
        not_json=len(rest),
        examples=list(shown),
    )


def _fields(ctx: Context, lines: Sequence[LogLine], settings: Logs) -> Result:
    data = [(line.number, value) for line in lines if (value := parsed(line.text)) is not None]
    if not data:
        return skipped(
            Skip.BLOCKED,
            "no line is JSON, so there are no fields to look at",
            subject="fields",
            because=_OWN_ID,
        )
    no_level = [number for number, value in data if level_of(value, settings.level_field) is None]
    no_time = [number for number, value in data if time_field(value) is None]
    if not no_level and not no_time:
        first = data[0][1]
        return passed(
            f"All {len(data)} JSON lines have a time and a level.",
            subject="fields",
            lines=len(data),
            level_field=settings.level_field,
            time_field=time_field(first),
        )
    missing = [
        f"{len(numbers)} have no {what} (first line {numbers[0]})"
        for what, numbers in ((settings.level_field, no_level), ("time", no_time))
        if numbers
    ]
    return failed(
        f"Of {len(data)} JSON lines {' and '.join(missing)}.",
        subject="fields",
        root_cause="The formatter leaves the field out, or calls it otherwise than health.logs.level_field says.",
        impact="Alerts on errors and searches by time miss these lines.",
        fix=remedy(
            ctx,
            "log_json",
            f"Write time and {settings.level_field} in every line.",
            "Where the level has another name, declare it: health.logs.level_field.",
            minutes=15,
        ),
        without_level=len(no_level),
        without_time=len(no_time),
        names=_names(value for _, value in data[:50]),
    )


def _names(lines: Iterable[dict[str, Any]]) -> list[JSONValue]:
    return list(dict.fromkeys(name for line in lines for name in line))


def _trace(ctx: Context, lines: Sequence[LogLine], mark: Mark, settings: Logs, path: str) -> Result:
    name = settings.trace_field
    values = [value for line in lines if (value := parsed(line.text)) is not None]
    if lines and not values:
        return errored(f"The line of GET {path} is not JSON, so it has no field {name}.", subject="trace")
    if any(mark.trace_id in str(field_of(value, name) or "") for value in values):
        return passed(
            f"The line of GET {path} carries the trace id that was sent, in {name}.",
            subject="trace",
            trace_id=mark.trace_id,
            field=name,
            lines=len(lines),
        )
    elsewhere = next(
        (key for value in values for key, held in _leaves(value) if mark.trace_id in str(held)), ""
    )
    own = next((str(held) for value in values if (held := field_of(value, name))), "")
    if elsewhere:
        said, fix = f"The trace id stands in {elsewhere}, not in {name}.", _declare(elsewhere)
        cause = f"health.logs.trace_field says {name}; the application calls it {elsewhere}."
    else:
        said, cause = _lost_trace(path, name, own, found=bool(lines))
        fix = remedy(
            ctx,
            "log_trace",
            "Read the traceparent header of each request, and start a new trace only where there is none.",
            f"Write its trace id in every log line of that request, as {name}.",
            minutes=60,
        )
    return failed(
        said,
        subject="trace",
        root_cause=cause,
        impact="The lines of one request can't be found among all others, nor followed from service to service.",
        fix=fix,
        severity=Severity.LOW if elsewhere else None,
        sent=mark.trace_id,
        field=name,
        found_in=elsewhere,
        own_id=bool(own),
        lines=len(lines),
    )


def _lost_trace(path: str, name: str, own: str, *, found: bool) -> tuple[str, str]:
    if not found:
        return (
            f"No log line names the request GET {path}: neither its trace id nor its request id nor its path.",
            "Requests are not logged, or their lines carry nothing of the request.",
        )
    if own:
        return (
            f"The line of GET {path} has a {name} of its own; the one that was sent is lost.",
            "The application starts a new trace for each request and leaves the traceparent header unread.",
        )
    return (
        f"The line of GET {path} carries no trace id in {name}.",
        "The log formatter does not write the trace id, or nothing reads the traceparent header.",
    )


def _declare(name: str) -> Fix:
    return Fix(
        ("Declare the field's name.",),
        (
            Code(
                "parameters/<environment>.yaml",
                f"health:\n  logs:\n    trace_field: {name}\n",
                language="yaml",
            ),
        ),
        "https://www.w3.org/TR/trace-context/#traceparent-header",
        5,
    )


def _leaves(value: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, held in value.items():
        if isinstance(held, dict):
            yield from _leaves(held, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", held


def _secrets(ctx: Context, new: Sequence[LogLine], own: Sequence[LogLine], canary: str) -> Result:
    leaks = [line for line in new if canary in line.text]
    if leaks:
        line = leaks[0]
        begin = max(0, line.text.index(canary) - _SHOWN_CHARACTERS // 2)
        masked = line.text[begin:].replace(canary, "canary…[masked]")
        ways = [
            way
            for way, text in (("Authorization header", f"Bearer {canary}"), ("query", f"token={canary}"))
            if any(text in leak.text for leak in leaks)
        ] or ["request"]
        return failed(
            f"A secret of the {' and the '.join(ways)} was written to the log, in line {line.number}.",
            subject="secrets",
            severity=Severity.HIGH,
            root_cause=f"The access log writes the {' and the '.join(ways)} as it came.",
            impact="Everybody who reads the log, and every service that it goes to, can act as the user.",
            fix=remedy(
                ctx,
                "log_redact",
                "Log the path without its query, and no Authorization, Cookie or Set-Cookie header.",
                "Rotate tokens that are in the log already, and shorten its retention.",
                minutes=30,
            ),
            line=line.number,
            text=shown_line(ctx, masked, _SHOWN_CHARACTERS),
            leaks=len(leaks),
        )
    if not own:
        return skipped(
            Skip.BLOCKED,
            "the line of the request with the canary secrets was not found, so their absence says nothing",
            subject="secrets",
            because=_OWN_ID,
        )
    return passed(
        f"Neither the Authorization header nor the query token of a request is in its {len(own)} log line{'' if len(own) == 1 else 's'}.",
        subject="secrets",
        lines=len(own),
        all_lines=len(new),
    )

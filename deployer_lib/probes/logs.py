"""Is the log written, and does it hold errors (F1, F3)?

One marked request is sent (ids that nobody else made), and its line is looked for: old lines prove nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Fix, Result, errored, failed, passed
from deployer_lib.probes.context import probe
from deployer_lib.probes.log_lines import errors_in, group, level_of, parsed, project_frame, rule_for
from deployer_lib.probes.log_source import log_lines, log_settings, wait_for_lines
from deployer_lib.probes.marked import Mark, ordinary_path
from deployer_lib.probes.printed import shown_error, shown_stack
from deployer_lib.probes.remedies import remedy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from deployer_lib.app.target import LogLine
    from deployer_lib.check import JSONValue
    from deployer_lib.probes.context import Context
    from deployer_lib.probes.log_lines import LogError

__all__ = ["logs_clean", "logs_written"]

_WITHIN_S: Final = 5.0
_LATER_S: Final = 1.0  # a timer's line may come before the line of the request
_GROUPS: Final = 20
_SHOWN_CHARACTERS: Final = 6_000


@probe("health.logs_written")
def logs_written(ctx: Context) -> Iterable[Result]:
    """Send one marked request; lines that were not there before must appear within 5 s."""
    path, mark = ordinary_path(ctx), Mark()
    before = len(log_lines(ctx))
    status = mark.send(ctx, path).status
    ctx.progress(f"waiting for the log line of GET {path}")
    new, took_s = wait_for_lines(ctx, before, bool, within_s=_WITHIN_S)
    if not new:
        yield failed(
            f"GET {path} was answered {status}, and no new log line appeared within {_WITHIN_S:.0f} s.",
            root_cause="The application does not log requests; or its log goes elsewhere than to its output (or to "
            "health.logs.path); or its output is held in a buffer.",
            impact="When something goes wrong, nobody can see what was asked and what was answered.",
            fix=remedy(
                ctx,
                "log_requests",
                "Log every request, one line each, to the standard output.",
                "Where the log goes to a file, declare it as health.logs.path.",
                "Python: run with PYTHONUNBUFFERED=1.",
                minutes=30,
            ),
            request=f"GET {path}",
            status=status,
            lines_before=before,
        )
        return
    new, _ = wait_for_lines(
        ctx, before, lambda lines: any(map(mark.named_in, _texts(lines))), within_s=_LATER_S
    )
    named = any(map(mark.named_in, _texts(new)))
    yield passed(
        f"{len(new)} new log {'line' if len(new) == 1 else 'lines'} {took_s * 1e3:.0f} ms after GET {path}"
        + ("." if named else ", though none names that request."),
        request=f"GET {path}",
        status=status,
        lines_before=before,
        new_lines=len(new),
        within_ms=round(took_s * 1e3),
        names_the_request=named,
        source=new[0].source,
    )


def _texts(lines: Sequence[LogLine]) -> list[str]:
    return [line.text for line in lines]


@probe("health.logs_clean")
def logs_clean(ctx: Context) -> Iterable[Result]:
    """Read the log since the deployment: no line of level error or above, no exception, no stack trace."""
    settings = log_settings(ctx)
    lines = log_lines(ctx)
    if not lines:
        yield errored("The log since the deployment is empty, so nothing can be said about errors in it.")
        return
    errors = errors_in(lines, settings.level_field)
    allowed = [error for error in errors if any(re.search(rule, error.text) for rule in settings.allow)]
    of_client = [error for error in errors if error.of_client and error not in allowed]
    bad = [error for error in errors if error not in allowed and error not in of_client]
    seen: dict[str, JSONValue] = {
        "lines": len(lines),
        "levels": _levels(lines, settings.level_field),
        "allowed": len(allowed),
        "refused_clients": len(of_client),
    }
    yield from (result.observing(seen) for result in _cleanness(ctx, len(lines), bad, len(allowed)))


def _cleanness(ctx: Context, lines: int, bad: list[LogError], allowed: int) -> Iterable[Result]:
    if not bad:
        note = f" ({allowed} allowed by health.logs.allow)" if allowed else ""
        yield passed(f"No error in {lines} log lines since the deployment{note}.")
        return
    groups = group(bad)
    for signature, same in list(groups.items())[:_GROUPS]:
        yield _finding(ctx, signature, same)
    if (left := len(groups) - _GROUPS) > 0:
        yield errored(f"{left} more kinds of errors stand in the log.", subject="more")


def _levels(lines: Sequence[LogLine], field: str) -> JSONValue:
    data = (parsed(line.text) for line in lines)
    return dict(
        Counter((level_of(line, field) or "none") if line is not None else "plain text" for line in data)
    )


def _finding(ctx: Context, signature: str, same: list[LogError]) -> Result:
    first = same[0]
    place = project_frame(first.text, ctx.project)
    where = f" at {place.file}:{place.line}" if place else ""
    what = "An exception" if first.stack else "An error"
    said = shown_error(ctx, first)
    return failed(
        f"{what} was logged {len(same)} × since the deployment: {said}",
        subject=signature,
        root_cause=f"{said}, raised{where}."
        if first.stack
        else f"The application says so itself, in line {first.number} of its log.",
        impact="Users met it: each of these is a request or a task that went wrong, or a fault that will show later.",
        fix=Fix(
            (
                f"Read the {'stack' if first.stack else 'line'} below and mend its cause{where}.",
                "If it is expected, log it below the level error.",
                f"If it must stay, accept it: health.logs.allow: ['{rule_for(signature)}'].",
            ),
            docs="https://12factor.net/logs",
            minutes=45,
        ),
        locations=(place,) if place else (),
        count=len(same),
        log_lines=[error.number for error in same[:50]],
        error=shown_stack(ctx, first, _SHOWN_CHARACTERS),
        exception=first.stack,
    )

"""What may be shown of text that the application printed, by the environment's evidence level.

At level ``full`` it is shown as it is. Below it nothing is that may hold what users sent: a line becomes its signature,
with values as ``#``, and its place; a line that says nothing of a fault becomes its length. Every probe that shows what
the application printed, at its start, in its log or on a copy, does it by these functions. What tools print (installers,
builds, a deployment's steps) is no user's data, and is shown at every level.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from deployer_lib.app.target import LogLine
from deployer_lib.probes.causes import find_cause
from deployer_lib.probes.log_lines import errors_in, group, masked, project_frame, signature_of
from deployer_lib.probes.log_source import log_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from deployer_lib.probes.causes import Cause
    from deployer_lib.probes.context import Context
    from deployer_lib.probes.log_lines import LogError

__all__ = [
    "shown_cause",
    "shown_error",
    "shown_line",
    "shown_message",
    "shown_output",
    "shown_stack",
    "whole",
]

_KINDS: Final = 10  # of errors in one output
#: A status that a ready path answered last, and what stands behind it: the end of the answer's body.
_LAST_ANSWER: Final = re.compile(r"(; last: \d{3}\b).*['\"]", re.DOTALL)


def whole(ctx: Context) -> bool:
    """Tell whether what the application printed may be shown as it is."""
    return ctx.http.level == "full"


def shown_line(ctx: Context, text: str, limit: int) -> str:
    """Return the beginning of a line that may be about anything, else its length."""
    return text[:limit] if whole(ctx) else f"{len(text)} characters"


def shown_error(ctx: Context, error: LogError) -> str:
    """Return the sentence that an error says, else its signature."""
    return error.message if whole(ctx) else error.signature


def shown_stack(ctx: Context, error: LogError, limit: int) -> str:
    """Return an error with the stack that belongs to it, else its signature and place."""
    return error.text[:limit] if whole(ctx) else _signature_and_place(ctx, error)


def shown_output(ctx: Context, text: str, limit: int) -> str:
    """Return the end of what a process printed, else how much it was and the signatures of what went wrong."""
    if whole(ctx):
        return text[-limit:]
    lines = [LogLine(line, "output", number) for number, line in enumerate(text.splitlines(), 1)]
    return "\n".join((f"{len(lines)} lines, kept as their shape", *_shape(ctx, lines)))


def shown_cause(ctx: Context, output: str) -> Cause:
    """Return the root cause that an output names, without the values in it where these may not be shown."""
    cause = find_cause(output, ctx.workspace)
    if whole(ctx):
        return cause
    return replace(cause, text=masked(cause.text), line=signature_of(cause.line))


def shown_message(ctx: Context, message: str) -> str:
    """Return what a deployment says, without the body of the answer that it got last where that may not be shown."""
    return message if whole(ctx) else _LAST_ANSWER.sub(r"\1", message)


def _shape(ctx: Context, lines: Sequence[LogLine]) -> Iterator[str]:
    errors = errors_in(lines, log_settings(ctx).level_field)
    for same in list(group(errors).values())[:_KINDS]:
        yield f"line {same[0].number}: {_signature_and_place(ctx, same[0])}"
    last = next((line for line in reversed(lines) if line.text.strip()), None)
    if last is not None and not errors:
        yield f"line {last.number}: {signature_of(last.text)}"


def _signature_and_place(ctx: Context, error: LogError) -> str:
    place = project_frame(error.text, ctx.workspace)
    return f"{error.signature} ({place.file}:{place.line})" if place else error.signature

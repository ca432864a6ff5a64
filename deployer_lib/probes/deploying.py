"""Deploy, and see what came up: the deployment itself (D1), its start-up log (D3) and its process (D4)."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from deployer_lib.app.handover import read_live
from deployer_lib.app.target import Artifact, Deployment, LogLine
from deployer_lib.check import Code, Fix, Location, Result, Skip, errored, failed, passed, skipped
from deployer_lib.errors import DeployerError, Unavailable
from deployer_lib.probes.causes import find_cause
from deployer_lib.probes.context import probe
from deployer_lib.probes.log_lines import errors_in, group, project_frame, rule_for
from deployer_lib.probes.printed import (
    shown_cause,
    shown_error,
    shown_line,
    shown_message,
    shown_output,
    shown_stack,
    whole,
)
from deployer_lib.probes.sources import locate, sources
from deployer_lib.secret import is_secret_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from deployer_lib.app.target import Instance
    from deployer_lib.check import JSONValue
    from deployer_lib.probes.causes import Cause
    from deployer_lib.probes.context import Context
    from deployer_lib.probes.log_lines import LogError

__all__ = ["clean_start_log", "deploy", "steady_process"]

_MEMO: Final = "deployment"  # what deploy.run did, for the checks after it
_KEPT_CHARACTERS: Final = (
    6_000  # of a failed process's output, in the notebook; the whole is kept as evidence
)
_LINE_CHARACTERS: Final = 300
_GROUPS: Final = 10
_LAST_LINES: Final = 100  # of the log, where the process is not steady
_APART_S: Final = 3.0  # between two looks: a restart that waits for idleness needs a second or two
#: A line that says that a variable is missing, in the words of languages and frameworks.
_MISSING: Final = re.compile(
    r"KeyError|not set|missing|required|must be set|undefined|NotPresent|not found|no value|is empty|unset",
    re.IGNORECASE,
)
_NAME: Final = re.compile(
    r"(?<![A-Za-z0-9_])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?![A-Za-z0-9_])|KeyError: '([A-Z][A-Z0-9_]*)'"
)
_INSTALLED: Final = re.compile(r'File "[^"]*/site-packages/(?P<file>[^"]+)", line (?P<line>\d+)')


@probe("deploy.run")
def deploy(ctx: Context) -> Iterable[Result]:
    """Carry the deployment out and wait until the application is up."""
    if ctx.parameters.deploy.kind == "none":
        yield skipped(Skip.NOT_APPLICABLE, "somebody else deploys this environment (deploy.kind: none)")
        return
    artifact, path = _handed_over(ctx)
    if artifact is None and (ctx.parameters.build or ctx.parameters.artifact):
        yield errored(
            "no artifact was handed over, so there is nothing to deploy",
            root_cause="Phase 02 builds it and writes it into live.json: run 02 first.",
        )
        return
    deployed_at = _now()
    done = ctx.target.deploy(artifact, path, ctx.progress)
    ctx.memo[_MEMO] = done
    evidence = _evidence(ctx, done, deployed_at, artifact)
    if done.ok:
        yield passed(f"{_what(artifact)} is up after {done.duration_s:.1f} s.").observing(evidence)
    else:
        yield _failure(ctx, done, evidence)


def _handed_over(ctx: Context) -> tuple[Artifact | None, str]:
    live = read_live(ctx.places.records)  # phase 02 may have written it after this phase was opened
    if live is None or not live.artifact.get("digest"):
        return None, ""
    known = live.artifact
    artifact = Artifact(
        known.get("name", ""), known["digest"], known.get("commit", ""), known.get("version", "")
    )
    return artifact, live.artifact_path


def _what(artifact: Artifact | None) -> str:
    return f"{artifact.name} {artifact.version}".strip() if artifact else "The application"


def _evidence(
    ctx: Context, done: Deployment, deployed_at: str, artifact: Artifact | None
) -> dict[str, JSONValue]:
    steps: list[JSONValue] = [
        {
            "name": step.name,
            "command": list(step.command),
            "exit_code": step.exit_code,
            "duration_s": round(step.duration_s, 2),
            **({"output": step.output[-_KEPT_CHARACTERS:]} if step.exit_code != 0 else {}),
        }
        for step in done.steps
    ]
    return {
        "duration_s": round(done.duration_s, 2),
        "deployed_at": deployed_at,
        "version": (artifact.version if artifact else "") or ctx.parameters.version,
        "digest": artifact.digest if artifact else "",
        "base_url": done.base_url,
        "steps": steps,
    }


def _failure(ctx: Context, done: Deployment, evidence: dict[str, JSONValue]) -> Result:
    broken = next((step for step in done.steps if step.exit_code != 0), None)
    output = done.output or (broken.output if broken else "")
    message = shown_message(ctx, done.message)
    by_tool = (
        not done.output
    )  # the application itself printed nothing; what a step's command did is shown whole
    cause = _cause(ctx, output, by_tool=by_tool) if output.strip() else None
    variable = _missing_variable(ctx, output)
    locations = (cause.locations if cause else ()) or _installed_frames(ctx, output)
    root_cause, fix = message, _look(ctx)
    if variable:
        root_cause = f"{variable} is not set: the process says {cause.line if cause else variable!r}."
        fix, locations = _set_variable(ctx, variable), locations or locate(ctx.project, variable)
    elif "is held by" in done.message:
        root_cause = "Another process listens on the declared port."
        fix = Fix(
            ("Stop that process, or declare another port (0 takes a free one).",),
            (Code(_file(ctx), "deploy:\n  port: 0", language="yaml"),),
            "https://man7.org/linux/man-pages/man8/ss.8.html",
            5,
        )
    elif cause is not None and cause.line:
        root_cause, fix = cause.text, cause.fix
    quoted = f" {cause.line}" if cause and cause.line and cause.line not in message else ""
    return failed(
        f"{message}{quoted}",
        root_cause=root_cause,
        impact="The new version does not run. " + _standing(ctx, done, evidence, at_step=broken is not None),
        fix=fix,
        locations=locations,
        exit_code=done.exit_code,
        output=output[-_KEPT_CHARACTERS:] if by_tool else shown_output(ctx, output, _KEPT_CHARACTERS),
        whole_output=ctx.keep("deploy-output.log", output.encode())
        if output and (by_tool or whole(ctx))
        else "",
    ).observing(evidence)


def _cause(ctx: Context, output: str, *, by_tool: bool) -> Cause:
    return find_cause(output, ctx.workspace) if by_tool else shown_cause(ctx, output)


def _standing(ctx: Context, done: Deployment, evidence: dict[str, JSONValue], *, at_step: bool) -> str:
    """Say what runs now; bring the previous version back first where that is asked for."""
    own_step = at_step and not (ctx.target.kind == "command" and done.steps[-1].name == "deploy")
    if own_step or "is held by" in done.message:
        return "What ran before was not stopped."
    if not ctx.parameters.deploy.rollback.on_failure:
        return "What ran before was stopped, and users get no answer."
    try:
        back = ctx.target.rollback(ctx.progress)
    except Unavailable as error:
        return f"It was not rolled back, and users get no answer. {error.message}"
    message = shown_message(ctx, back.message)
    evidence["rollback"] = {
        "ok": back.ok,
        "message": message,
        "duration_s": round(back.duration_s, 2),
        "output": shown_output(ctx, back.output, _KEPT_CHARACTERS) if back.output and not back.ok else "",
    }
    if back.ok:
        return "The previous version was brought back, and answers."
    return f"Going back failed too ({message}), and users get no answer."


def _missing_variable(ctx: Context, output: str) -> str:
    """Return the variable that the last telling line of an output misses, empty where it names none."""
    try:
        declared = ctx.target.variable_names()
    except DeployerError:
        declared = frozenset(ctx.parameters.deploy.variables)
    required = set(ctx.live.required if ctx.live else ())
    for line in reversed(output.splitlines()):
        if not _MISSING.search(line):
            continue
        words = [match.group(1) or match.group(0) for match in _NAME.finditer(line)]
        words += [name for name in required if re.search(rf"\b{re.escape(name)}\b", line)]
        for word in words:
            if word not in declared:
                return word
    return ""


def _installed_frames(ctx: Context, output: str) -> tuple[Location, ...]:
    """Return the project's own lines for frames of an installed copy of it (…/site-packages/shop/settings.py)."""
    files = [source.file for source in sources(ctx).files]
    found: dict[Location, None] = {}
    for match in reversed(list(_INSTALLED.finditer(output))):
        for file in files:
            if file == match["file"] or file.endswith(f"/{match['file']}"):
                found[Location(file, int(match["line"]))] = None
    return tuple(found)[:3]


def _set_variable(ctx: Context, name: str) -> Fix:
    value = f"${{env:{name}}}" if is_secret_name(name) else "…  # its value for this environment"
    return Fix(
        (f"Declare {name} for this environment, and deploy again.",),
        (Code(_file(ctx), f"deploy:\n  variables:\n    {name}: {value}", language="yaml"),),
        "https://12factor.net/config",
        10,
    )


def _look(ctx: Context) -> Fix:
    start = " ".join(word for word in ctx.parameters.deploy.start or () if isinstance(word, str))
    return Fix(
        ("Read the output below from its first error down.", "Run the command by hand in the working copy."),
        (Code("", start or f"deployer up {ctx.parameters.environment}", language="bash"),),
        "https://12factor.net/processes",
        30,
    )


def _file(ctx: Context) -> str:
    return f"parameters/{ctx.parameters.environment}.yaml"


@probe("deploy.start_log")
def clean_start_log(ctx: Context) -> Iterable[Result]:
    """Read what the process printed and logged since the start: no error, no stack trace."""
    lines = _start_lines(ctx)
    if not lines:
        yield errored(
            "nothing was printed or logged since the start, so nothing can be said about errors in it",
            root_cause="The process is silent, holds its output in a buffer, or logs to a file that health.logs.path "
            "does not name.",
        )
        return
    logs = ctx.parameters.health.logs
    allowed = [re.compile(rule) for rule in (logs.allow if logs else ())]
    errors = errors_in(lines, logs.level_field if logs else "level")
    bad = [error for error in errors if not any(rule.search(error.text) for rule in allowed)]
    if not bad:
        yield passed(
            f"No error in the {len(lines)} lines since the start.",
            lines=len(lines),
            allowed=len(errors),
            first=[shown_line(ctx, line.text, _LINE_CHARACTERS) for line in lines[:5]],
        )
    for signature, same in list(group(bad).items())[:_GROUPS]:
        yield _logged(ctx, signature, same, len(lines))


def _start_lines(ctx: Context) -> list[LogLine]:
    """Return what was printed until the application was up, and its log where that lies elsewhere."""
    done = ctx.memo.get(_MEMO)
    printed = done.output.splitlines() if isinstance(done, Deployment) else []
    lines = [LogLine(text, "output", number) for number, text in enumerate(printed, 1)]
    try:
        logged = ctx.target.logs()
    except Unavailable:
        if not lines:
            raise
        logged = []
    seen = {line.text for line in lines}
    return [*lines, *(line for line in logged if line.text not in seen)]


def _logged(ctx: Context, signature: str, same: Sequence[LogError], lines: int) -> Result:
    first = same[0]
    place = project_frame(first.text, ctx.workspace)
    return failed(
        f"The start-up log holds {len(same)} × {shown_error(ctx, first)[:_LINE_CHARACTERS]!r}.",
        subject=signature,
        root_cause=shown_cause(ctx, first.text).text,
        impact="Something did not start as it should; the first requests that need it fail.",
        fix=Fix(
            ("Mend what the error names.", "Where it is expected, allow it by a regular expression."),
            (
                Code(
                    _file(ctx),
                    f"health:\n  logs:\n    allow: ['{rule_for(signature)}']",
                    language="yaml",
                ),
            ),
            "https://12factor.net/logs",
            30,
        ),
        locations=(place,) if place else _mentioned(ctx, first),
        error=shown_stack(ctx, first, _KEPT_CHARACTERS),
        line=first.number,
        times=len(same),
        lines=lines,
    )


def _mentioned(ctx: Context, error: LogError) -> tuple[Location, ...]:
    words = re.findall(r"[A-Za-z][A-Za-z ]{10,60}", error.message)
    return locate(ctx.project, words[0].strip()) if words else ()


@probe("deploy.process")
def steady_process(ctx: Context) -> Iterable[Result]:
    """Look twice at the process: it runs, it and its workers are the same, and nothing started it again."""
    before = ctx.target.instances()
    if not before:
        yield errored("the target names no process, so none can be judged")
        return
    time.sleep(_APART_S)
    after = ctx.target.instances()
    restarts = _restarts(ctx)
    evidence: dict[str, JSONValue] = {
        "instances": [_instance(one) for one in after],
        "restarts": restarts,
        "apart_s": _APART_S,
    }
    down = [one.name for one in after if not one.running]
    changed = {one.pid for one in before} != {one.pid for one in after}
    workers = [one.listening for one in before] != [one.listening for one in after]
    if not down and not changed and not workers and not restarts:
        yield passed(
            f"{len(after)} of {len(after)} run, the same as {_APART_S:g} s before, and "
            + ("restarts are not known." if restarts is None else "none was restarted."),
        ).observing(evidence)
        return
    what = f"{', '.join(down)} does not run" if down else "it was started again"
    if workers and not down and not changed and not restarts:
        what = f"the processes that take its requests were replaced within {_APART_S:g} s, while it keeps its process id"
    output = _last_output(ctx)
    cause = shown_cause(ctx, output)
    yield failed(
        f"The process is not steady: {what}" + (f" ({restarts} restarts)." if restarts else "."),
        root_cause=cause.text if output else "It ended by itself, and printed nothing that says why.",
        impact="Requests fail while it is down, and what it held in memory is lost.",
        fix=cause.fix if output else _look(ctx),
        locations=cause.locations,
        output=shown_output(ctx, output, _KEPT_CHARACTERS) if output else "",
    ).observing(evidence)


def _restarts(ctx: Context) -> int | None:
    try:
        return ctx.target.restarts()
    except Unavailable:
        return None


def _instance(one: Instance) -> dict[str, JSONValue]:
    return {
        "name": one.name,
        "pid": one.pid,
        "running": one.running,
        "started_at": one.started_at,
        "listening": [*sorted(one.listening)],
    }


def _last_output(ctx: Context) -> str:
    try:
        return "\n".join(line.text for line in ctx.target.logs()[-_LAST_LINES:])
    except DeployerError:
        return ""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

"""Start copies of the application without each required variable (G5)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Code, Fix, Location, Provenance, Result, Skip, errored, failed, passed, skipped
from deployer_lib.probes.context import probe
from deployer_lib.probes.printed import shown_output
from deployer_lib.probes.sources import locate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from deployer_lib.check import JSONValue
    from deployer_lib.probes.context import Context

__all__ = ["without_required_variables"]

_SHOWN_LINES: Final = 25
_TRACE: Final = re.compile(
    r"Traceback \(most recent call last\)|^\s+at .+:\d+:\d+\)?$|panicked at|goroutine \d+ \[", re.MULTILINE
)


@probe("bugs.startup_variables")
def without_required_variables(ctx: Context) -> Iterable[Result]:
    """Start one copy as it is, as a control, then one without each required variable."""
    settings = ctx.parameters.bugs.startup
    known = tuple(settings.variables) or (ctx.live.required if ctx.live else ())
    names = ctx.target.variable_names()
    required = [name for name in known if name in names]  # taking away what is not set changes nothing
    if known and not required:
        yield errored(f"none of {', '.join(known)} is set, so that none can be taken away")
        return
    if not required:
        yield _nothing_required(ctx)
        return
    ctx.progress("a copy with every variable, as a control …")
    with ctx.target.copy("startup-control", {}) as copy:
        if not copy.wait_ready(ctx.parameters.deploy.ready.within_s):
            yield errored(
                "a copy with every variable set does not start either, so the others tell nothing",
                output=_end(ctx, copy.output()),
            )
            return
    for name in required:
        ctx.progress(f"a copy without {name} …")
        yield _without(ctx, name, settings.within_s)


def _nothing_required(ctx: Context) -> Result:
    if ctx.live and "environment.variables_read" in ctx.live.passed:
        return skipped(Skip.NOT_APPLICABLE, "the code requires no variable")
    return errored(
        "no required variable is known",
        root_cause="Phase 01 hands them over, or bugs.startup.variables names them.",
    )


def _without(ctx: Context, name: str, within_s: float) -> Result:
    with ctx.target.copy(f"without-{name}", {name: None}) as copy:
        exit_code = copy.wait_exit(within_s)
        running = exit_code is None
        answers = running and copy.wait_ready(1.0)
        output = copy.output()
    evidence: dict[str, JSONValue] = {
        "variable": name,
        "exit_code": exit_code,
        "within_s": within_s,
        "answers": answers,
        "output": _end(ctx, output),
    }
    named = re.search(rf"(?<![A-Za-z0-9_]){re.escape(name)}(?![A-Za-z0-9_])", output) is not None
    if exit_code not in {None, 0} and named:
        how = "in a stack trace" if _TRACE.search(output) else "in a message"
        return passed(
            f"without {name} the start ends with {exit_code} and names it {how}", subject=name
        ).observing(evidence)
    if answers:
        message = f"Without {name} the application starts all the same."
        cause = f"The code falls back to a default for {name} where none is safe, or reads it only when a request needs it."
        impact = "A deployment that lacks it looks healthy, and fails or runs unsafely later."
    elif running:
        message = f"Without {name} the start neither ends nor answers within {within_s:.0f} s."
        cause = f"The code waits, or retries for ever, when {name} is missing."
        impact = "A deployment hangs instead of failing, and nobody is told why."
    elif exit_code == 0:
        message = f"Without {name} the process ends with exit code 0."
        cause = "The start gives up without saying that it failed."
        impact = "Process managers and pipelines take it for success."
    else:
        message = f"Without {name} the start ends with {exit_code}, and nothing that it prints names {name}."
        cause = f"{name} is used before it is checked; what fails is something else that needed it."
        impact = "Whoever deploys has to guess which variable is missing."
    return failed(
        message,
        subject=name,
        root_cause=cause,
        impact=impact,
        fix=_fix(ctx, name),
        locations=_places(ctx, name),
        provenance=Provenance.DIAGNOSTIC,
    ).observing(evidence)


def _places(ctx: Context, name: str) -> tuple[Location, ...]:
    return locate(ctx.workspace, name)[:3]


def _fix(ctx: Context, name: str) -> Fix:
    places = _places(ctx, name)
    file = places[0].file if places else "settings.py"
    line = places[0].line if places else 0
    snippets = {
        ".py": (
            "python",
            f'if not os.environ.get("{name}"):\n    sys.exit("{name} is not set; see the README.")',
        ),
        ".js": (
            "javascript",
            f'if (!process.env.{name}) {{ console.error("{name} is not set; see the README."); process.exit(1) }}',
        ),
        ".rs": (
            "rust",
            f'let value = std::env::var("{name}").unwrap_or_else(|_| {{ eprintln!("{name} is not set"); std::process::exit(1) }});',
        ),
    }
    ending = (
        ".js"
        if file.endswith((".ts", ".mjs", ".cjs", ".tsx", ".js"))
        else ".rs"
        if file.endswith(".rs")
        else ".py"
    )
    language, text = snippets[ending]
    return Fix(
        steps=(
            f"Check {name} first thing at the start; end with a non-zero exit code and a message that names it.",
        ),
        code=(Code(file, text, line, language),),
        docs="https://12factor.net/config",
        minutes=15,
    )


def _end(ctx: Context, output: str) -> str:
    return shown_output(ctx, "\n".join(output.splitlines()[-_SHOWN_LINES:]), len(output))

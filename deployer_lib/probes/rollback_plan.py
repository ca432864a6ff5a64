"""Is there a way back (D6)? Its commands are looked for, its placeholders filled in, its risk and reason read."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from deployer_lib.app.commands import find_command
from deployer_lib.app.handover import read_live
from deployer_lib.app.recipe import Recipe, Release, Releases, read_releases
from deployer_lib.app.rehearsal import rehearse
from deployer_lib.app.surroundings import base_environment, unknown_placeholders
from deployer_lib.app.target import Artifact
from deployer_lib.check import Code, Fix, Location, Result, errored, failed, passed
from deployer_lib.probes.context import probe
from deployer_lib.probes.printed import shown_output

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from deployer_lib.check import JSONValue
    from deployer_lib.probes.context import Context
    from deployer_lib.secret import Secret

__all__ = ["rollback_plan"]

_KEPT_CHARACTERS: Final = 6_000  # of what a failed rehearsal printed
_FIRST: Final = "none (first deployment)"
_SCRIPT: Final = re.compile(r"^[\w@.+-]+(?:/[\w@.+-]+)*\.(?:py|sh|bash|js|mjs|cjs|ts|rb|pl|ya?ml)$")


@probe("deploy.rollback_plan")
def rollback_plan(ctx: Context) -> Iterable[Result]:
    """Prove that the declared way back could be gone: commands exist, placeholders are known, risk and why stand.

    With ``deploy.rollback.rehearse`` it is gone, in a scratch place.
    """
    plan = ctx.parameters.deploy.rollback
    recipe = Recipe(ctx.parameters, ctx.root, ctx.places.state, ctx.workspace)
    releases = _releases(ctx)
    values = recipe.values(releases, ctx.live.port if ctx.live else 0)
    commands = _commands(ctx)
    evidence: dict[str, JSONValue] = {
        "current": _named(releases.current) or (ctx.live.version if ctx.live else ctx.parameters.version),
        "previous": _named(releases.previous) or _FIRST,
        "command": [[*recipe.shown(argv, values)] for _, argv in commands],
        "risk": plan.risk,
        "why": plan.why,
    }
    missing = [] if commands else ["no command brings the previous version back"]
    missing += [problem for name, argv in commands for problem in _problems(ctx, recipe, values, name, argv)]
    missing += [] if plan.risk else ["its risk is not declared (LOW, MEDIUM or HIGH)"]
    missing += [] if plan.why.strip() else ["why the risk is what it is is not declared"]
    if missing:
        yield _no_plan(ctx, missing, evidence)
        return
    if plan.rehearse:
        yield _rehearsed(ctx, recipe, releases, evidence)
    else:
        count = "its command was" if len(commands) == 1 else f"its {len(commands)} commands were"
        yield passed(
            f"A way back stands, and {count} found; risk {plan.risk}: {plan.why}.",
        ).observing(evidence)


def _rehearsed(ctx: Context, recipe: Recipe, releases: Releases, evidence: dict[str, JSONValue]) -> Result:
    """Go the way back once, in a scratch place."""
    if ctx.parameters.deploy.kind != "process" or releases.current is None:
        return errored(
            "the way back can't be rehearsed: nothing was built, or the target is no process that is started here",
            root_cause="deploy.rollback.rehearse needs deploy.kind: process and an artifact of phase 02.",
        )
    release = releases.current
    if not release.path and ctx.live is not None:
        release = replace(release, path=ctx.live.artifact_path)
    done = rehearse(recipe, release, ctx.guard, run="", progress=ctx.progress)
    steps: list[JSONValue] = [
        {"name": s.name, "exit_code": s.exit_code, "duration_s": round(s.duration_s, 2)} for s in done.steps
    ]
    evidence |= {"rehearsal": steps}
    if not done.failure:
        return passed(
            f"The way back was gone once, in {len(steps)} steps from one release to another and back, and came up; risk "
            f"{ctx.parameters.deploy.rollback.risk}: {ctx.parameters.deploy.rollback.why}.",
        ).observing(evidence)
    broken = next((s for s in done.steps if s.exit_code != 0), None)
    output = done.output if broken else shown_output(ctx, done.output, _KEPT_CHARACTERS)
    return failed(
        f"The way back was tried in a scratch place and does not work. {done.failure}",
        root_cause="The commands of deploy.rollback end well and leave something that can't be started: what the "
        "previous release needs is gone, or was never kept."
        if broken is None
        else f"The step {broken.name} fails.",
        impact="When this release fails in production, going back fails too, and users get no answer.",
        fix=Fix(
            (
                "Run the deployment's steps for two releases in an empty place, then the rollback's, and look at what is left.",
                "Let the deployment keep everything that the previous release needs.",
            ),
            (Code("", _shell(ctx), language="bash"),),
            "https://sre.google/workbook/canarying-releases/",
            60,
        ),
        locations=(Location(f"parameters/{ctx.parameters.environment}.yaml"),),
        output=output[-_KEPT_CHARACTERS:],
    ).observing(evidence)


def _shell(ctx: Context) -> str:
    """Return the steps of the rehearsal as one would type them."""
    deploy = ctx.parameters.deploy
    lines = [" ".join(str(word) for word in step.command) for step in deploy.steps]
    back = [" ".join(str(word) for word in step.command) for step in deploy.rollback.steps]
    return "\n".join(["# twice, with two names for {release}", *lines, "# then", *back])


def _commands(ctx: Context) -> list[tuple[str, list[Secret | str]]]:
    deploy = ctx.parameters.deploy
    steps = [(step.name, list(step.command)) for step in deploy.rollback.steps]
    if deploy.kind == "command":
        own = deploy.commands.rollback if deploy.commands else None
        return [*steps, ("deploy.commands.rollback", list(own))] if own else []
    return steps


def _problems(
    ctx: Context, recipe: Recipe, values: dict[str, str], name: str, argv: list[Secret | str]
) -> list[str]:
    """Return why a command could not be run; a previous version that is not there yet is no reason."""
    problems = [
        f"{name}: {{{word}}} is no placeholder"
        for text in argv
        if isinstance(text, str)
        for word in unknown_placeholders(text)
    ]
    words = recipe.shown(argv, values)
    cwd = ctx.root if ctx.parameters.deploy.kind == "command" else ctx.workspace
    if find_command(words[0], cwd=cwd, env=base_environment(os.environ)) is None:
        problems.append(f"{name}: the command {words[0]} is not found")
    problems += [
        f"{name}: the file {word} is not there"
        for word in words[1:]
        if _SCRIPT.match(word) and "/" in word and not (cwd / word).exists()
    ]
    if ctx.parameters.deploy.kind == "process":
        problems += [f"{name}: {place}" for place in _elsewhere(ctx, recipe, values, words)]
    return problems


def _elsewhere(ctx: Context, recipe: Recipe, values: dict[str, str], words: Sequence[str]) -> Iterator[str]:
    """Yield the places that only the way back names, and that are not there: a folder of another installation, say."""
    deploy = ctx.parameters.deploy
    known = [*(deploy.start or ()), *deploy.variables.values()]
    known += [word for step in deploy.steps for word in step.command]
    used = " ".join(recipe.shown(known, values))
    for word in words[1:]:
        path = word.partition("=")[2] if word.startswith("-") else word
        if path.startswith("/") and path not in used and not Path(path).exists():
            yield f"{path} is not there, and no step of the deployment puts anything there"


def _releases(ctx: Context) -> Releases:
    """Return what is in place and what was before, as it is once what was built is deployed (now, or before)."""
    releases = read_releases(ctx.places.state / "releases.json")
    live = read_live(ctx.places.records)
    if live is None or not live.artifact.get("digest"):
        return releases
    about = live.artifact
    built = Release(
        Artifact(
            about.get("name", ""),
            about["digest"],
            about.get("commit", ""),
            about.get("version", live.version),
        )
    )
    if releases.current is not None and releases.current.artifact.digest == built.artifact.digest:
        return releases
    return releases.following(built)


def _named(release: Release | None) -> str:
    if release is None:
        return ""
    artifact = release.artifact
    digest = artifact.digest.rpartition(":")[2][:12]
    return " ".join(filter(None, (artifact.version or artifact.name, f"({digest})" if digest else "")))


def _no_plan(ctx: Context, missing: list[str], evidence: dict[str, JSONValue]) -> Result:
    file = f"parameters/{ctx.parameters.environment}.yaml"
    return failed(
        f"There is no rollback plan that can be carried out: {'; '.join(missing)}.",
        root_cause=f"deploy.rollback in {file} is absent, not whole, or names what does not exist.",
        impact="When this release fails in production, the way back is improvised while users wait.",
        fix=Fix(
            ("Declare the commands, the risk and why it is so; try them once in staging.",),
            (Code(file, _example(ctx), language="yaml"),),
            "https://sre.google/workbook/canarying-releases/",
            30,
        ),
        locations=(Location(file),) if (ctx.root / file).is_file() else (),
        missing=[*missing],
    ).observing(evidence)


def _example(ctx: Context) -> str:
    """Return the section as it could stand, with the deployment's own last command as the pattern."""
    plan, deploy = ctx.parameters.deploy.rollback, ctx.parameters.deploy
    risk = plan.risk or "LOW  # or MEDIUM, HIGH"
    why = plan.why or "migrations only add, so the release before works on the newer database"
    if deploy.kind == "command":
        body = "  commands:\n    rollback: [kubectl, rollout, undo, deployment/NAME]"
        return f"deploy:\n{body}\n  rollback:\n    risk: {risk}\n    why: {why}"
    step = '      - name: switch back\n        command: [ln, -sfn, "{state}/releases/{previous}", "{state}/releases/current"]'
    return f"deploy:\n  rollback:\n    steps:\n{step}\n    risk: {risk}\n    why: {why}\n    on_failure: true"

"""The production build, or the artifact that was built elsewhere (C2, K3)."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from deployer_lib.app.commands import Done, run_command
from deployer_lib.app.handover import Live, update_live
from deployer_lib.app.surroundings import base_environment
from deployer_lib.app.workspace import digest_path
from deployer_lib.check import Code, Fix, Location, Outcome, Skip, errored, failed, passed, skipped
from deployer_lib.errors import ProcessError
from deployer_lib.probes.build_leftovers import Planted, looked_at, plant, remove
from deployer_lib.probes.build_output import build_script
from deployer_lib.probes.causes import find_cause
from deployer_lib.probes.context import probe
from deployer_lib.probes.manifests import project_name, project_version
from deployer_lib.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from deployer_lib.check import JSONValue, Result
    from deployer_lib.parameters.model import Build
    from deployer_lib.probes.context import Context

__all__ = ["build"]

_LISTED: Final = 50
_AGAIN_S: Final = 45.0  # a build that took no longer is made a second time
_NOTHING: Final = (None, "", "unknown")  # what a build writes that does not know
_WARNING: Final = re.compile(r"\b(warn(ing)?|deprecat\w+)\b", re.IGNORECASE)
_ERROR: Final = re.compile(r"(^|\s)(error|fatal)\b[:\[ ]", re.IGNORECASE)


@probe("build.run")
def build(ctx: Context) -> Iterable[Result]:
    """Run the production build over marked files of an earlier one, and hand its artifact over."""
    if ctx.parameters.artifact is not None:
        yield _given(ctx)
        return
    declared = ctx.parameters.build
    if declared is None:
        yield skipped(
            Skip.UNAVAILABLE,
            "build is not declared; declare build.command, or give an artifact with its digest",
        )
        return
    planted = plant(ctx, declared)
    remove(ctx, declared.clean)
    result = _ran(ctx, declared)
    if result.outcome is Outcome.PASS:
        planted = looked_at(ctx, declared, planted)
        if planted.stale:  # a finding of build.clean; what is deployed must not hold it
            remove(ctx, planted.places)
            result = _ran(ctx, declared)
        elif _took_s(result) <= _AGAIN_S:
            planted = _again(ctx, declared)
        ctx.memo["planted"] = planted
    yield result


def _again(ctx: Context, declared: Build) -> Planted:
    """Build once more, over the whole output of the first build, and look for markers that were put into it.

    What is deployed is the first build's artifact, which is kept already. A build that believes its output to be up to
    date, or can't be made twice, shows here.
    """
    planted = plant(ctx, declared)
    remove(ctx, declared.clean)
    ctx.progress("building again, over what the first build left …")
    done = _run(ctx, declared)
    if done.ok:
        return replace(looked_at(ctx, declared, planted), again="built")
    remove(ctx, [f"{place}/{planted.file}" for place in planted.places])
    return replace(planted, again=f"failed: {find_cause(done.output, ctx.workspace).line or done.exit_code}")


def _took_s(result: Result) -> float:
    """Return how long the build took that a result tells of."""
    seconds = result.evidence.get("duration_s")
    return float(seconds) if isinstance(seconds, int | float) else 0.0


def _run(ctx: Context, declared: Build) -> Done:
    argv = [word.reveal() if isinstance(word, Secret) else word for word in declared.command]
    shown = " ".join(str(word) for word in declared.command)
    variables = {k: v.reveal() if isinstance(v, Secret) else v for k, v in declared.variables.items()}
    try:
        return run_command(
            argv,
            cwd=ctx.workspace,
            env={**base_environment(os.environ), **variables},
            timeout_s=declared.timeout_s,
            on_line=lambda line: ctx.progress(f"{shown}: {line[:100]}"),
        )
    except ProcessError as error:
        return Done(exit_code=127, duration_s=0.0, output=f"{error.message}\n", line_count=1)


def _ran(ctx: Context, declared: Build) -> Result:
    shown = " ".join(str(word) for word in declared.command)
    ctx.progress(f"{shown} …")
    done = _run(ctx, declared)
    warnings = [line for line in done.lines if _WARNING.search(line)]
    errors = [line for line in done.lines if _ERROR.search(line)]
    evidence: dict[str, JSONValue] = {
        "command": shown,
        "exit_code": done.exit_code,
        "duration_s": round(done.duration_s, 2),
        "warnings": [*warnings[:_LISTED]],
        "errors": [*errors[:_LISTED]],
        "log": ctx.keep("build.log", done.output.encode()),
    }
    if not done.ok:
        return _failed_build(ctx, declared, done, evidence)
    artifact = _artifact(ctx, declared)
    if artifact is None:
        return failed(
            f"The build ended well and left no {declared.artifact or declared.output[0]}.",
            root_cause=f"{shown} writes its output elsewhere, or build.artifact names another file than it makes.",
            impact="There is nothing to deploy.",
            fix=Fix(
                steps=("Let build.output and build.artifact name what the build makes.",),
                code=(
                    Code(
                        f"parameters/{ctx.parameters.environment}.yaml",
                        "build:\n  artifact: dist/*.whl",
                        language="yaml",
                    ),
                ),
                minutes=10,
            ),
            locations=build_script(ctx, declared),
        ).observing(evidence)
    evidence |= _hand_over(ctx, declared, artifact)
    return passed(
        f"{shown} ended well in {done.duration_s:.1f} s with {len(warnings)} warning(s): {artifact.name}"
    ).observing(evidence)


def _failed_build(ctx: Context, declared: Build, done: Done, evidence: dict[str, JSONValue]) -> Result:
    cause = find_cause(done.output, ctx.workspace)
    ended = (
        f"ended with {done.exit_code}"
        if done.exit_code is not None
        else f"did not end within {declared.timeout_s:.0f} s"
    )
    return failed(
        f"The build {ended}: {cause.line or 'it printed nothing'}",
        root_cause=cause.text,
        impact="There is nothing to deploy; the target is left as it is.",
        fix=cause.fix,
        locations=cause.locations or build_script(ctx, declared),
        output="\n".join(done.lines[-60:]),
    ).observing(evidence)


def _artifact(ctx: Context, declared: Build) -> Path | None:
    if declared.artifact:
        found = sorted(ctx.workspace.glob(declared.artifact))
        return found[-1] if found else None
    path = ctx.workspace / declared.output[0]
    return path if path.exists() else None


def _hand_over(ctx: Context, declared: Build, artifact: Path) -> dict[str, JSONValue]:
    """Keep the artifact under its digest and tell later phases of it."""
    digest = digest_path(artifact)
    info = _info(ctx, declared)
    version = ctx.parameters.version or info.get("version", "") or project_version(ctx.workspace)
    kept = _stored(ctx, artifact, digest)
    about = {
        "name": ctx.parameters.project.name or project_name(ctx.workspace) or artifact.name,
        "digest": digest,
        "commit": info.get("commit", "") or ctx.commit,
        "version": version,
    }

    def change(live: Live) -> Live:
        return replace(live, artifact=about, artifact_path=str(kept), build_id=info.get("build_id", ""))

    update_live(ctx.places.records, change)
    return {"artifact": {**about}, "file": artifact.name, "build_id": info.get("build_id", "")}


def _stored(ctx: Context, artifact: Path, digest: str) -> Path:
    """Keep the artifact outside the working copy, which the next run makes anew."""
    folder = ctx.places.state / "artifacts" / digest.removeprefix("sha256:")[:16]
    kept = folder / artifact.name
    if not kept.exists():
        fresh = folder.with_name(f".{folder.name}.{os.getpid()}")
        fresh.mkdir(parents=True, exist_ok=True)
        if artifact.is_dir():
            shutil.copytree(artifact, fresh / artifact.name, symlinks=True)
        else:
            shutil.copy2(artifact, fresh / artifact.name)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.replace(folder)
    return kept


def _info(ctx: Context, declared: Build) -> dict[str, str]:
    if not declared.info:
        return {}
    try:
        data = json.loads((ctx.workspace / declared.info).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return (
        {key: str(data[key]) for key in ("build_id", "version", "commit") if data.get(key) not in _NOTHING}
        if isinstance(data, dict)
        else {}
    )


def _given(ctx: Context) -> Result:
    given = ctx.parameters.artifact
    assert given is not None  # noqa: S101  (the caller looked)
    path = ctx.root / given.path
    if not path.exists():
        return errored(
            f"the given artifact {given.path} is not there",
            root_cause="artifact.path is relative to the root.",
        )
    digest = digest_path(path)
    evidence: dict[str, JSONValue] = {"path": given.path, "digest": digest, "declared": given.digest}
    if digest != given.digest:
        return failed(
            f"The artifact {given.path} is {digest}, not {given.digest} as declared.",
            root_cause="It was built again, altered or cut short since it was approved.",
            impact="Something else than what was approved would be deployed.",
            fix=Fix(
                steps=(
                    "Fetch the approved artifact again, or have this one approved and declare its digest.",
                ),
                code=(
                    Code(
                        f"parameters/{ctx.parameters.environment}.yaml",
                        f"artifact:\n  path: {given.path}\n  digest: {digest}",
                        language="yaml",
                    ),
                ),
                minutes=15,
            ),
            locations=(Location(f"parameters/{ctx.parameters.environment}.yaml"),),
        ).observing(evidence)
    about = {
        "name": given.name or path.name,
        "digest": digest,
        "commit": given.commit or ctx.parameters.commit,
        "version": ctx.parameters.version or project_version(ctx.project),
    }
    update_live(
        ctx.places.records, lambda live: replace(live, artifact=about, artifact_path=str(path), build_id="")
    )
    return passed(
        f"the given artifact {given.path} has the declared digest; it is not built again"
    ).observing(evidence)

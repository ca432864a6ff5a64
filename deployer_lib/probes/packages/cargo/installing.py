"""Does ``cargo fetch --locked`` work in a copy of manifests and lock file, with an empty cache (B2)?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Code, Fix, Location, Result, errored, failed, passed
from deployer_lib.probes.packages.cargo.drift import drift_examined
from deployer_lib.probes.packages.cargo.isolated import Asked, asked, says_nothing
from deployer_lib.probes.packages.cargo.locks import LOCK
from deployer_lib.probes.packages.cargo.manifests import MANIFEST
from deployer_lib.probes.packages.cargo.world import NO_PACKAGE, subject_of, world_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from deployer_lib.probes.context import Context
    from deployer_lib.probes.packages.cargo.world import World

__all__ = ["installed", "located"]

_DOCS: Final = "https://doc.rust-lang.org/cargo/commands/cargo-fetch.html"
_OUTPUT_CHARACTERS: Final = 4_000
_LOCKED: Final = "because --locked was passed"
_QUOTED: Final = re.compile(r"`([A-Za-z0-9_-]+)(?: [^`]*)?`")


def installed(ctx: Context) -> Iterator[Result]:
    """Fetch every workspace's packages from its lock file."""
    world = world_of(ctx)
    drifted = {
        location.file for problem in drift_examined(ctx).problems for location in problem.locations[-1:]
    }
    for file, why in world.projects.broken:
        yield _broken(file, why)
    if not world.projects.roots and not world.projects.broken:
        yield errored(NO_PACKAGE, subject="cargo")
    for root in world.projects.roots:
        answer = asked(ctx, root)
        fetched = answer.fetched
        if fetched is None:
            yield errored(f"cargo could not be asked: {answer.why}", subject=subject_of(root))
        elif answer.ok:
            yield _passed(world, root, answer)
        elif why := says_nothing(fetched.output):
            yield errored(
                f"cargo fetch could not tell: {why}: {answer.said[:300]}",
                subject=subject_of(root),
                output=fetched.output[-_OUTPUT_CHARACTERS:],
            )
        elif _LOCKED not in fetched.output or not _is_drift(world, root, drifted):
            yield _failed(ctx, world, root, answer)


def _is_drift(world: World, root: Path, drifted: set[str]) -> bool:
    """Tell whether findings about the lock file have said already why cargo refuses it."""
    files = {(root / LOCK).as_posix(), *(package.file for package in world.projects.members(root))}
    return bool(files & drifted)


def _passed(world: World, root: Path, answer: Asked) -> Result:
    lock = world.locks.get(root)
    packages = len(answer.graph.get("packages", [])) if answer.graph else 0
    command = " ".join(answer.command)
    done = answer.fetched
    return passed(
        f"{command} brought {packages} packages {'from ' + (root / LOCK).as_posix() if lock else 'without a lock file'}, with an empty cache.",
        subject=subject_of(root),
        command=command,
        duration_s=round(done.duration_s, 2) if done else 0.0,
        packages=packages,
        members=[package.name for package in world.projects.members(root)],
    )


def located(world: World, root: Path, said: str) -> tuple[Location, ...]:
    """Return where packages that a message of cargo's names are declared; else the manifest."""
    named = _QUOTED.findall(said)
    found = [
        Location(dependency.file, dependency.line)
        for name in named
        for package in world.projects.members(root)
        for dependency in package.dependencies
        if dependency.package == name
    ]
    return tuple(dict.fromkeys(found))[:3] or (Location((root / MANIFEST).as_posix()),)


def _failed(ctx: Context, world: World, root: Path, answer: Asked) -> Result:
    done = answer.fetched
    limit = ctx.parameters.install.timeout_s
    ended = done is None or done.exit_code is not None
    how = f"ended with {done.exit_code}" if done and ended else f"did not end within {limit:g} s"
    step = (
        "Bring the lock file up to date and commit it."
        if _LOCKED in answer.said
        else "Mend the dependency that cargo names, so that every package can be had."
    )
    return failed(
        f"{' '.join(answer.command)} {how}: {answer.said[:300]}",
        subject="install" if root.as_posix() == "." else f"install in {root.as_posix()}",
        root_cause=answer.said,
        impact="The application can't be built on a new machine from what is committed.",
        fix=Fix(
            (step, "Fetch again with an empty cache."),
            (
                Code(
                    "terminal",
                    "cargo update --workspace\nCARGO_HOME=$(mktemp -d) cargo fetch --locked",
                    language="shell",
                ),
            ),
            _DOCS,
            15,
        ),
        locations=located(world, root, answer.said),
        command=" ".join(answer.command),
        exit_code=done.exit_code if done else None,
        output=done.output[-_OUTPUT_CHARACTERS:] if done else "",
    )


def _broken(file: str, why: str) -> Result:
    line = re.search(r"at line (\d+)", why)
    return failed(
        f"{file} can't be read: {why}.",
        subject=file,
        root_cause=why,
        impact="cargo refuses every command in this folder.",
        fix=Fix(
            ("Mend the place that is named.",),
            (Code("terminal", "cargo metadata --no-deps --format-version 1 > /dev/null", language="shell"),),
            "https://doc.rust-lang.org/cargo/reference/manifest.html",
            5,
        ),
        locations=(Location(file, int(line.group(1)) if line else 0),),
    )

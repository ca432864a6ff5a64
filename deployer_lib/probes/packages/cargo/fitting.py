"""Can cargo choose versions that fit together (B4)? Its own words where it can't: ranges that exclude each other, native libraries twice."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Code, Fix, Result, failed
from deployer_lib.probes.packages.cargo.installing import located
from deployer_lib.probes.packages.cargo.isolated import Asked, asked, says_nothing
from deployer_lib.probes.packages.cargo.world import subject_of, world_of
from deployer_lib.probes.packages.model import Examined

if TYPE_CHECKING:
    from pathlib import Path

    from deployer_lib.check import JSONValue
    from deployer_lib.probes.context import Context
    from deployer_lib.probes.packages.cargo.world import World

__all__ = ["conflicts_examined"]

_DOCS: Final = "https://doc.rust-lang.org/cargo/reference/resolver.html"
_NO_VERSION: Final = re.compile(r"failed to select a version for `([^`]+)`")
_LINKS: Final = re.compile(r"links to the native library `([^`]+)`")
_PREVIOUS: Final = re.compile(r"previously selected package `([^`]+)`|^package `([^`]+)`\s*$", re.MULTILINE)


def conflicts_examined(ctx: Context) -> Examined:
    """Return what stands in the way of one set of versions, for each workspace."""
    world = world_of(ctx)
    problems: list[Result] = []
    unknown: list[str] = []
    blocked = ""
    looked_at: dict[str, JSONValue] = {"command": "cargo metadata"}
    for root in world.projects.roots:
        answer = asked(ctx, root)
        said = _words(answer)
        if answer.graph is not None:
            looked_at[subject_of(root)] = f"{len(answer.graph.get('packages', []))} packages"
        elif answer.fetched is None or (why := says_nothing(said)) or answer.ok:
            unknown.append(f"cargo could not be asked about {root.as_posix()}: {answer.why or why}.")
        elif match := _NO_VERSION.search(said):
            problems.append(_conflict(world, root, match.group(1), said))
        else:
            blocked = "what fits together can't be told: cargo does not resolve the dependencies"
    return Examined(tuple(problems), looked_at, tuple(unknown), blocked)


def _words(answer: Asked) -> str:
    done = answer.resolved or answer.fetched
    return done.output if done is not None else ""


def _conflict(world: World, root: Path, name: str, said: str) -> Result:
    links = _LINKS.search(said)
    previous = next((a or b for a, b in _PREVIOUS.findall(said)), "")
    lines = [
        line.strip()
        for line in said.splitlines()
        if line.strip() and not line.startswith((" Updating", "    Updating"))
    ]
    what = (
        f"links to the native library {links.group(1)}, and {previous or 'another package'} does so too"
        if links
        else f"can't be chosen beside {previous}"
        if previous
        else "can't be chosen so that all requirements hold"
    )
    return failed(
        f"{name} {what}: cargo finds no set of versions.",
        subject=name,
        root_cause=" ".join(lines)[:900].removeprefix("error: "),
        impact="The application can't be built.",
        fix=Fix(
            (
                f"Ask for a version of {name} that fits what the other packages ask for, or raise those.",
                "Bring the lock file up to date.",
            ),
            (Code("terminal", f"cargo tree --invert {name}\ncargo update -p {name}", language="shell"),),
            _DOCS,
            20,
        ),
        locations=located(world, root, said),
        links=links.group(1) if links else "",
        beside=previous,
        output=said[-3000:],
    )

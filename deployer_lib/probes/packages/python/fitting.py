"""Does what a clean install put together fit? ``uv pip check`` in the new environment (B3, B4)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from packaging.utils import canonicalize_name

from deployer_lib.check import Code, Fix, Location, Result, failed
from deployer_lib.probes.packages.model import Examined, Kind
from deployer_lib.probes.packages.python.clean_environment import Environment, clean_environment, run_uv

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployer_lib.app.commands import Done
    from deployer_lib.probes.context import Context

__all__ = ["fitting_examined"]

_DOCS: Final = "https://docs.astral.sh/uv/pip/inspection/"
#: ``The package `alpha` requires `beta>=1`, but it's not installed`` (or ``but `0.9` is installed``).
_SAID: Final = re.compile(
    r"The package `([^`]+)` requires `([^`]+)`, but (?:it's not installed|`([^`]+)` is)"
)
#: A line about a package, among which may be words that no finding is made of.
_FOUND: Final = re.compile(r"The package `")
_PLATFORM: Final = "was built for a different platform"


def fitting_examined(ctx: Context, kind: Kind) -> Examined:
    """Return requirements that nothing fulfils (``peers``), or that another version stands in for (``conflicts``)."""
    environment = clean_environment(ctx)
    if not environment.ok:
        return Examined(blocked="what fits together can't be told: the clean install failed")
    check = _checked(ctx, environment)
    if check.exit_code is None:
        return Examined(unknown=("uv pip check did not end in time.",))
    problems = tuple(_problems(environment, check, kind))
    said = _SAID.search(check.output) or _PLATFORM in check.output
    lines = [line.strip() for line in check.lines]
    strange = [
        line for line in lines if _FOUND.match(line) and not _SAID.match(line) and _PLATFORM not in line
    ]
    if check.exit_code != 0 and not said:
        strange = [f"uv pip check ended with {check.exit_code}: {check.output.strip()[-300:]}"]
    return Examined(
        problems,
        {"command": "uv pip check", "distributions": len(environment.versions or {})},
        tuple(strange),
    )


def _checked(ctx: Context, environment: Environment) -> Done:
    known: object = ctx.memo.get("pip_check")
    if known is None:
        known = ctx.memo["pip_check"] = run_uv(ctx, ["pip", "check", "--python", str(environment.python)])
    return known  # type: ignore[return-value]  # what the line above put there


def _problems(environment: Environment, check: Done, kind: Kind) -> Iterator[Result]:
    file = environment.lock.file if environment.lock else "pyproject.toml"
    lines = environment.lock.lines if environment.lock else {}
    for match in _SAID.finditer(check.output):
        package, wanted, found = match.groups()
        if (kind == "conflicts") != bool(found):
            continue
        name = re.split(r"[^\w.-]", wanted, maxsplit=1)[0]
        what = f"{found} is installed" if found else "it is not installed"
        yield failed(
            f"{package} requires {wanted}, and {what}.",
            subject=name,
            root_cause=f"{file} pins versions that were put together by hand, or by a tool that did not see {package}.",
            impact=f"{package} runs against a version that it was not made for."
            if found
            else f"{package} fails as soon as it imports {name}.",
            fix=Fix(
                ("Let the resolver pin versions that fit together, instead of editing pins by hand.",),
                (
                    Code(
                        "terminal",
                        f"uv pip compile pyproject.toml --generate-hashes -o {file}",
                        language="shell",
                    ),
                ),
                _DOCS,
                15,
            ),
            locations=(Location(file, lines.get(canonicalize_name(name if found else package), 0)),),
            package=package,
            wanted=wanted,
            installed=found or "",
        )

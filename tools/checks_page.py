"""Write docs/checks.md from the catalogue: ``python -m tools.checks_page > docs/checks.md``."""

from __future__ import annotations

import sys
from itertools import groupby
from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import BOXES, CATALOGUE, SHARES, Profile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployer_lib.catalogue import CheckSpec

__all__ = ["NOT_YET", "page"]

#: What a release should be asked and no check asks yet, by SPEC row; the second half says what comes near it.
NOT_YET: Final = {
    "C4": "Duplicate packages in the bundle.",
    "C5": "Development dependencies in the bundle.",
    "C6": "Source maps shipped with the bundle.",
    "C7": "The type check passes.",
    "E7": "Hostile input is refused, and has no effect. (`smoke.error_answers` sends odd requests and judges the answers; effects are not counted.)",
    "F4": "Logs reach the external service.",
    "F7": "Error tracking receives.",
    "F8": "A trace is passed on. (`health.logs_structured` finds the trace id that was sent in the log.)",
    "F12": "HTTPS is enforced.",
    "F13": "Initial page load in a real browser.",
    "G2": "Database: wrong credentials. (`smoke.readiness` loses the database in one way.)",
    "G3": "Database: time-out, slow network, connection cut.",
    "G4": "Database: missing database.",
    "G6": "HTTP redirects to HTTPS.",
    "G7": "The certificate.",
    "G9": "A slow upstream does not hang the application.",
    "G10": "Resources within limits, and no growth under load.",
    "G11": "Parallel requests lose no update and create nothing twice.",
    "G12": "External services are reachable, and their failure is handled.",
}
_HEAD: Final = """# Checks

Made from the catalogue (`python -m tools.checks_page > docs/checks.md`), and a test holds both together;
`deployer checks` prints the same list.

- **severity** is what a finding weighs: 🔴 critical, 🟠 high, 🟡 medium, 🟢 low. An environment may say otherwise
  (`severities:`); by default 🔴 blocks (`block_on:`).
- **effect** is what the check does to the target; an environment allows effects (`allow:`). *observe* asks, *write* logs
  in and makes data, *stress* is load, *disrupt* deploys, restarts or breaks something.
- **needs**: checks that must have passed; otherwise this one is `skip: blocked`.
- **says nothing about**: profiles of applications for which it is `skip: not-applicable`.
- **row** is the requirement behind the check. It stays with it, and commit messages and tests name it.
"""


def page() -> str:
    """Return the page as Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _HEAD
    yield f"{len(CATALOGUE)} checks in {len({s.phase for s in CATALOGUE.values()})} phases."
    shares = {phase: name for name, (_, phases) in SHARES.items() for phase in phases}
    for phase, specs in groupby(CATALOGUE.values(), key=lambda spec: spec.phase):
        yield f"\n## {phase}\n"
        yield f"Its time counts to the budget's share *{shares[phase]}*.\n"
        yield "| check | row | what holds when it passes | severity | effect | needs | says nothing about |"
        yield "| --- | --- | --- | --- | --- | --- | --- |"
        yield from map(_row, specs)
    yield "\n## The deployment checklist\n"
    yield "A line of DEPLOYMENT_LOG.md's checklist is ticked when all its checks that were made passed on the target.\n"
    yield "| line | ticked by |"
    yield "| --- | --- |"
    for number, title in enumerate(BOXES, 1):
        ids = ", ".join(f"`{spec.id}`" for spec in CATALOGUE.values() if spec.box == number)
        yield f"| {title} | {ids} |"
    yield "\n## Not checked yet\n"
    yield "A go says nothing about these. Write them as [checks of your own](own-checks.md), or look at them yourself.\n"
    yield "| row | what is not asked |"
    yield "| --- | --- |"
    yield from (f"| {row} | {what} |" for row, what in NOT_YET.items())


def _row(spec: CheckSpec) -> str:
    needs = ", ".join(f"`{need}`" for need in spec.needs) or "-"
    missing = ", ".join(profile.value for profile in Profile if profile not in spec.profiles) or "-"
    severity = f"{spec.severity.sign} {spec.severity.value}"
    return f"| `{spec.id}` | {spec.row} | {spec.title} | {severity} | {spec.effect.value} | {needs} | {missing} |"


if __name__ == "__main__":
    sys.stdout.write(page() + "\n")

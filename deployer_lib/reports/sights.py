"""What was seen of a claim, over all of its subjects: held, failed, or not told. Sections of the log are made of these."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Outcome, Provenance, Skip
from deployer_lib.reports.document import Line, box

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from deployer_lib.check import Check, JSONValue

__all__ = ["NOT_CHECKED", "Sight", "Sights", "number", "sight", "words"]

NOT_CHECKED: Final = "NOT CHECKED"
_MOST: Final = 1e18  # beyond that no count, size or time was measured


class Sight(Enum):
    """What a set of checks comes to."""

    HELD = "held"
    FAILED = "failed"
    PARTLY = "partly"  # nothing failed, and something was not told
    UNSEEN = "unseen"
    NOT_APPLICABLE = "not applicable"


def sight(checks: Sequence[Check]) -> Sight:
    """Return what the checks come to; what was seen on a mended copy says nothing good about the target."""
    outcomes = [check for check in checks if check.result.skip is not Skip.NOT_APPLICABLE]
    if any(check.outcome is Outcome.FAIL for check in outcomes):
        return Sight.FAILED
    held = sum(
        check.outcome is Outcome.PASS and check.result.provenance is Provenance.TARGET for check in outcomes
    )
    if held:
        return Sight.HELD if held == len(outcomes) else Sight.PARTLY
    return Sight.NOT_APPLICABLE if checks and not outcomes else Sight.UNSEEN


@dataclass(frozen=True, slots=True)
class Sights:
    """The checks of a run, asked by id, by SPEC row or by box."""

    checks: tuple[Check, ...]

    def of(self, *ids: str) -> tuple[Check, ...]:
        """Return the checks with one of these ids."""
        return self._those(lambda check: check.id in ids)

    def rows(self, *rows: str) -> tuple[Check, ...]:
        """Return the checks with one of these SPEC rows, so that a check added later is found too."""
        return self._those(lambda check: check.row in rows)

    def boxed(self, number_: int) -> tuple[Check, ...]:
        """Return the checks that tick a line of the checklist."""
        return self._those(lambda check: check.box == number_)

    def _those(self, wanted: Callable[[Check], bool]) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if wanted(check))

    def evidence(self, id_: str, name: str) -> JSONValue:
        """Return the first observation of this name on the target, or None."""
        for check in self.of(id_):
            if check.result.provenance is Provenance.TARGET and check.result.evidence.get(name) is not None:
                return check.result.evidence[name]
        return None

    def text(self, id_: str, name: str) -> str:
        """Return an observed text, or nothing."""
        value = self.evidence(id_, name)
        return value if isinstance(value, str) else ""

    def line(self, title: str, checks: Sequence[Check], failed: str) -> Line:
        """Return a line with a box, ticked only where everything held."""
        seen = sight(checks)
        if seen is Sight.HELD:
            return box(title, ticked=True)
        return box(f"{title} - {words(seen, checks, failed)}", ticked=False)


def words(seen: Sight, checks: Sequence[Check], failed: str) -> str:
    """Return what is said behind a line that is not ticked, with the checks that it is about."""
    if seen is Sight.FAILED:
        return f"{failed} ({_ids(check for check in checks if check.outcome is Outcome.FAIL)})"
    if seen is Sight.NOT_APPLICABLE:
        return f"{NOT_CHECKED} (not applicable)"
    untold = _ids(
        check
        for check in checks
        if check.outcome is not Outcome.PASS or check.result.provenance is Provenance.DIAGNOSTIC
    )
    return f"{NOT_CHECKED} ({untold})" if untold else NOT_CHECKED


def _ids(checks: Iterable[Check]) -> str:
    return ", ".join(dict.fromkeys(check.id for check in checks))


def number(value: JSONValue) -> float | None:
    """Return a finite number, or None where it is none (a truth value is none)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > _MOST:
        return None
    return None if value != value else float(value)  # noqa: PLR0124  (only NaN differs from itself)

"""What changed since the run before: which findings were seen gone, which are new, which came back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from deployer_lib.check import Outcome, Provenance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deployer_lib.check import Check
    from deployer_lib.record import Earlier

__all__ = ["Changes", "Seen", "compare"]


@dataclass(frozen=True, slots=True)
class Seen:
    """What this run saw of each claim, to tell a finding that is gone from one that nobody looked at again."""

    failing: frozenset[str]  # keys
    passing: frozenset[str]  # keys, on the target itself
    whole: frozenset[str]  # ids whose every subject was looked at on the target

    @classmethod
    def of(cls, checks: Sequence[Check]) -> Seen:
        """Return what the checks saw."""
        partly = {check.id for check in checks if not _told(check)}
        return cls(
            frozenset(check.key for check in checks if check.outcome is Outcome.FAIL),
            frozenset(check.key for check in checks if check.outcome is Outcome.PASS and _told(check)),
            frozenset(check.id for check in checks if check.id not in partly),
        )

    def gone(self, key: str) -> bool:
        """Tell whether the check was made again and its finding was not there.

        A subject may vanish with its finding (a package that was undeclared), so a check that looked at all of its
        subjects says it too.
        """
        return key not in self.failing and (key in self.passing or key.partition(":")[0] in self.whole)


def _told(check: Check) -> bool:
    return (
        check.outcome in (Outcome.PASS, Outcome.FAIL) and check.result.provenance is not Provenance.DIAGNOSTIC
    )


@dataclass(frozen=True, slots=True)
class Changes:
    """Keys of findings against the run before."""

    fixed: tuple[str, ...] = ()  # seen gone
    new: tuple[str, ...] = ()
    back: tuple[str, ...] = ()  # not there in the run before, but in an older one
    open: tuple[str, ...] = ()  # there before and now, or not looked at again

    def to_json(self) -> dict[str, list[str]]:
        """Return SCHEMA.md's ``changes``."""
        return {
            "fixed": list(self.fixed),
            "new": list(self.new),
            "back": list(self.back),
            "open": list(self.open),
        }


def compare(checks: Sequence[Check], earlier: Sequence[Earlier]) -> Changes:
    """Return the changes against the newest earlier run; without one every finding is new."""
    seen = Seen.of(checks)
    now = list(dict.fromkeys(check.key for check in checks if check.outcome is Outcome.FAIL))
    before = list(earlier[0].findings) if earlier else []
    once = {key for run in earlier for key in (*run.findings, *run.fixed)}
    return Changes(
        fixed=tuple(key for key in before if seen.gone(key)),
        new=tuple(key for key in now if key not in once),
        back=tuple(key for key in now if key in once and key not in before),
        open=tuple(key for key in before if not seen.gone(key)),
    )

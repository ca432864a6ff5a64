"""Make one check: decide whether it may be made, run its probe, and see that what it says is sound."""

from __future__ import annotations

import contextlib
import time
import traceback
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Check, Code, Fix, Outcome, Result, Skip, errored, failed, skipped
from deployer_lib.errors import DeployerError, NotAllowed, RequestFailed, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from deployer_lib.catalogue import CheckSpec, Severity
    from deployer_lib.probes.context import Context, Probe

__all__ = ["Standing", "made", "now_iso"]

_TRACE_LINES: Final = 12
_DEPLOY: Final = Fix(
    ("Run the notebook 03_deploy, or start what was built last from a terminal.",),
    (Code("", "deployer up <environment>", language="bash"),),
    minutes=5,
)
_NEVER_ANSWERED: Final = frozenset({"refused", "name"})


def now_iso(moment: datetime | None = None) -> str:
    """Return a moment (now, where absent) as UTC ISO 8601 with milliseconds."""
    return (moment or datetime.now(UTC)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known before a check is made: whether it applies, and whether something stands in its way."""

    profile: str
    level: str
    not_applicable: Mapping[str, str]  # id → reason
    deployed: bool  # something stands that can be asked
    blocked_by: str  # check that means: the target is not touched further
    outcomes: Mapping[
        str, tuple[Outcome, Skip | None]
    ]  # worst outcome by id, of this phase and of earlier ones
    because: Mapping[str, str]  # id → what it was itself blocked by
    time_left_s: float
    severities: Mapping[str, Severity]

    def refusal(self, spec: CheckSpec) -> Result | None:  # noqa: PLR0911  (one reason after the other)
        """Return what this check ends in without being made, None where it can be made."""
        if reason := self.not_applicable.get(spec.id):
            return skipped(Skip.NOT_APPLICABLE, reason)
        if why := spec.left_out(self.profile, self.level):
            return skipped(Skip.NOT_APPLICABLE, why)
        if spec.target and self.blocked_by:
            return skipped(
                Skip.BLOCKED,
                f"{self.blocked_by} did not pass: the target is not touched",
                because=self.blocked_by,
            )
        for need in spec.needs:
            if self._stands_in_the_way(spec, need):
                root = self.because.get(need, need)
                gone = "" if self.deployed or not spec.target else "; nothing is deployed"
                return skipped(Skip.BLOCKED, f"{root} did not pass{gone}", because=root)
        if spec.target and spec.phase != "deploy" and not self.deployed:
            return errored(
                "nothing is deployed: run 03 first",
                root_cause="No deployment of this environment is known: it was never started from here, or it was stopped.",
                fix=_DEPLOY,
            )
        if self.time_left_s <= 0:
            return skipped(Skip.CUT, "the time budget of the run was used up")
        return None

    def _stands_in_the_way(self, spec: CheckSpec, need: str) -> bool:
        if need not in self.outcomes:
            return need.partition(".")[0] == spec.phase  # of this phase, and not made yet
        outcome, kind = self.outcomes[need]
        return outcome is not Outcome.PASS and kind is not Skip.NOT_APPLICABLE


def made(
    spec: CheckSpec, probe: Probe, context: Context, standing: Standing, wall: Callable[[], datetime]
) -> tuple[list[Check], BaseException | None]:
    """Make one check and return its outcomes, one a subject, and what interrupted it.

    Whatever a probe raises becomes an outcome. An interrupt is returned beside an ``error`` outcome, so that the record
    keeps what was seen until then.
    """
    started_at, started = now_iso(wall()), time.perf_counter()
    interrupted: BaseException | None = None
    refusal = standing.refusal(spec)
    if refusal is not None:
        results = [refusal]
    else:
        results, interrupted = _probed(spec, probe, context)
    duration_ms = round((time.perf_counter() - started) * 1e3, 1)
    checks = [
        Check(
            id=spec.id,
            row=spec.row,
            phase=spec.phase,
            title=spec.title,
            effect=spec.effect,
            severity=standing.severities.get(spec.id) or result.severity or spec.severity,
            result=result,
            started_at=started_at,
            duration_ms=duration_ms,
            box=spec.box,
        )
        for result in results
    ]
    return checks, interrupted


def _probed(spec: CheckSpec, probe: Probe, context: Context) -> tuple[list[Result], BaseException | None]:
    results: list[Result] = []
    interrupted: BaseException | None = None
    try:
        with context.guard.during(spec.effect):
            results.extend(_sound(result) for result in probe(context))
    except KeyboardInterrupt as error:
        interrupted = error
        results.append(errored("interrupted before it ended"))
    except Exception as error:  # noqa: BLE001  (whatever a probe raises is an outcome, never a traceback)
        results.append(_raised(error, context))
    return _distinct(results) or [errored("the check looked at nothing")], interrupted


def _sound(result: Result) -> Result:
    """Turn a pass on no data into an error."""
    if result.outcome is Outcome.PASS and not result.evidence:
        return replace(result, outcome=Outcome.ERROR, message=f"no evidence for: {result.message}")
    return result


def _distinct(results: Iterable[Result]) -> list[Result]:
    """Give subjects that stand twice a number, so that each finding keeps a name of its own."""
    seen: dict[str, int] = {}
    distinct = []
    for result in results:
        count = seen[result.subject] = seen.get(result.subject, 0) + 1
        distinct.append(
            result if count == 1 else replace(result, subject=f"{result.subject} ({count})".strip())
        )
    return distinct


def _raised(error: Exception, context: Context) -> Result:
    if isinstance(error, NotAllowed):
        return skipped(Skip.NOT_ALLOWED, error.message)
    if isinstance(error, Unavailable):
        return skipped(Skip.UNAVAILABLE, error.message)
    if isinstance(error, RequestFailed):
        return _no_answer(error, context)
    if isinstance(error, DeployerError):
        return errored(error.message, root_cause=error.hint)
    lines = traceback.format_exception(error)
    return errored(
        f"the check itself failed: {type(error).__name__}: {error}",
        root_cause="A defect of the check, or something that it did not expect; it says nothing about the application.",
        traceback=[*"".join(lines)[-4000:].splitlines()[-_TRACE_LINES:]],
    )


def _no_answer(error: RequestFailed, context: Context) -> Result:
    last: list[str] = []
    with contextlib.suppress(DeployerError):
        if context.http.level == "full":  # log lines may hold what users sent
            last = [line.text for line in context.target.logs()[-_TRACE_LINES:]]
    causes = {
        "refused": "Nothing listens at this address: the application is down, or listens elsewhere.",
        "name": "The host name does not resolve.",
        "timeout": "The application accepted the request and did not finish its answer in time.",
        "reset": "The application closed the connection before its answer was whole.",
        "tls": "The TLS handshake failed.",
        "protocol": "What came back is not HTTP.",
        "too-large": "The answer has no sensible end.",
        "bomb": "A small compressed answer unpacks to an enormous one.",
        "redirects": "Redirects lead in a circle.",
    }
    return failed(
        error.message,
        root_cause=causes.get(error.kind, error.message),
        impact="Users get no answer." if error.kind in _NEVER_ANSWERED else "Users get no usable answer.",
        fix=Fix(
            steps=(
                "Read the end of the application's log below." if last else "Look at the application's log.",
                "Mend what it names, and run the phase again.",
            ),
            docs="https://httpwg.org/specs/rfc9110.html",
            minutes=30,
        ),
        kind=error.kind,
        log=[*last],
    )

"""A phase: what a notebook opens, checks and closes.

::

    phase = Phase.open("smoke", globals())
    phase.check("smoke.health")
    phase.close()
"""

from __future__ import annotations

import os
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Self

from deployer_lib.app.handover import Live, update_live
from deployer_lib.catalogue import CATALOGUE, CheckSpec, Effect, Severity
from deployer_lib.check import Check, Location, Outcome, Skip, Verdict, errored, judge
from deployer_lib.errors import PhaseBlocked, PhaseUndecided, UsageError
from deployer_lib.extensions import names_of
from deployer_lib.parameters.model import Parameters
from deployer_lib.parameters.waivers import read_waivers
from deployer_lib.phase.inputs import gather
from deployer_lib.phase.output import Output
from deployer_lib.phase.session import Session, actor, open_session
from deployer_lib.probes import MODULES
from deployer_lib.probes.context import PROBES, Context, Probe
from deployer_lib.probes.making import Standing, made, now_iso
from deployer_lib.probes.own import OwnCheck, installed_check, own_check
from deployer_lib.record import INPUTS_MIME
from deployer_lib.show import checks_bundle, parameters_bundle, table_bundle

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer_lib.app.http import Http
    from deployer_lib.app.target import Target

__all__ = ["Phase"]

#: Packaged phases whose blocking findings mean that the target is not touched further.
_GATES: Final = frozenset({"preflight", "build", "deploy"})


class Phase:
    """One phase of a run in one kernel; the notebook's one object."""

    def __init__(self, session: Session, output: Output, wall: Callable[[], datetime]) -> None:
        self._session = session
        self._output = output
        self._wall = wall
        self._checks: dict[str, list[Check]] = {}
        self._opened_at = wall()
        self._closed = False

    @classmethod
    def open(cls, name: str, cell: dict[str, Any]) -> Self:
        """Open a phase: read the parameters, install the redactor, show the header.

        Args:
            name: the phase (``smoke``), or a name of the team's own.
            cell: ``globals()`` of the notebook, from which the parameters cell's values are taken.

        Raises:
            ParametersError: a parameter is wrong; nothing was touched.
        """
        output = Output.of_kernel()
        session = open_session(name, {key: cell.get(key) for key in Parameters.model_fields}, output.progress)
        output.redact(session.redactor)
        for module in MODULES.get(name, ()):
            import_module(f"deployer_lib.probes.{module}")
        phase = cls(session, output, lambda: datetime.now(UTC))
        phase._begin()
        return phase

    @property
    def parameters(self) -> Parameters:
        """Return the effective parameters."""
        return self._session.parameters

    @property
    def http(self) -> Http:
        """Return the guarded client, for exploring by hand."""
        return self._session.context.http

    @property
    def target(self) -> Target:
        """Return the target."""
        return self._session.context.target

    @property
    def context(self) -> Context:
        """Return what probes are given."""
        return self._session.context

    @property
    def checks(self) -> list[Check]:
        """Return the checks that were made so far."""
        return [check for group in self._checks.values() for check in group]

    def check(
        self,
        check: str | OwnCheck,
        probe: Probe | None = None,
        *,
        title: str = "",
        severity: str = "high",
        effect: str = "observe",
        needs: tuple[str, ...] = (),
    ) -> None:
        """Make one check and show what came of it.

        Args:
            check: an id of the catalogue; an own check, or the id of an installed package's one
                (``team.orders_fresh``); with ``probe``, a fresh id with a prefix of the team's own.
            probe: for a team's own check: a function from :class:`Context` to results.
            title: the claim of an own check.
            severity: of an own check.
            effect: what an own check does to the target.
            needs: ids that must have passed before an own check.

        Raises:
            UsageError: the id is unknown, or an own check takes a packaged id.
        """
        if isinstance(check, str) and probe is not None:
            check = own_check(check, title=title, severity=severity, effect=effect, needs=needs)(probe)
        spec, run = _resolve(check)
        check_id = spec.id
        if spec.effect is Effect.DISRUPT and check_id in self._checks:
            raise UsageError(
                f"{check_id} disrupts the target and was made in this run already.",
                hint="Restart the kernel for another run of this phase.",
            )
        self._output.begin(f"{spec.title} …")
        checks, interrupted = made(spec, run, self.context, self._standing(), self._wall)
        self._checks[check_id] = [self._placed(check) for check in checks]
        self._session.refresh()
        self._output.result(checks_bundle(self._session.phase, self._checks[check_id], closed=False))
        self._output.charts(self.context)
        if interrupted is not None:
            raise interrupted

    def close(self) -> None:
        """End the phase: keep all checks as one output, hand facts over, and give everything back.

        Raises:
            PhaseBlocked: a finding blocks; the checks output stands before it.
            PhaseUndecided: a required check could not tell, or was not made.
        """
        phase, checks = self._session.phase, self.checks
        if not checks:
            spec = CheckSpec(f"{phase}.nothing", "K2", "The phase makes at least one check", Severity.HIGH)
            checks, _ = made(
                spec, lambda _: [errored("no check was made")], self.context, self._standing(), self._wall
            )
            self._checks[spec.id] = checks
        waivers = read_waivers(self._session.places.root, self.parameters.environment)
        today = self._opened_at.date().isoformat()
        valid = {key: waiver for key, waiver in waivers.items() if waiver.expires >= today}
        held = [
            check.waived(w) if (w := valid.get(check.key) or valid.get(check.id)) else check
            for check in checks
        ]
        verdict, blocking_ids, open_ids = judge(
            held, block_on=self.parameters.block_on, required=self._required(checks)
        )
        blocking = [
            c for c in held if c.id in blocking_ids and c.outcome is Outcome.FAIL and c.waiver is None
        ]
        self._hand_over(checks, blocking)
        self._session.give_back()
        self._output.begin("")
        self._output.result(checks_bundle(phase, checks, closed=True))
        self._closed = True
        if verdict is Verdict.NO_GO:
            first = blocking[0]
            name = f"{first.id} {first.subject}".strip()
            more = f" (and {len(blocking) - 1} more)" if len(blocking) > 1 else ""
            raise PhaseBlocked(f"{name}: {first.result.message}{more}")
        if verdict is Verdict.UNDECIDED:
            raise PhaseUndecided(_untold(checks, open_ids))

    def _required(self, checks: list[Check]) -> list[str] | None:
        """Return the checks of this phase that must have been made; None where all must."""
        if self.parameters.required is None:
            return None
        return [i for i in self.parameters.required if i in {check.id for check in checks}]

    def _placed(self, check: Check) -> Check:
        """Give a finding without a place the one where what was asked is declared."""
        if check.outcome is not Outcome.FAIL or check.result.locations:
            return check
        origins = self._session.loaded.origins
        name = check.id.partition(".")[2]
        for key in (f"{check.phase}.{name}", check.phase, "deploy"):
            lines = sorted(
                (origin.file, origin.line)
                for dotted, origin in origins.items()
                if (dotted == key or dotted.startswith((f"{key}.", f"{key}["))) and origin.line
            )
            if lines:
                return replace(check, result=replace(check.result, locations=(Location(*lines[0]),)))
        return replace(
            check, result=replace(check.result, locations=(Location(self._session.loaded.files[0]),))
        )

    def _begin(self) -> None:
        session = self._session
        self._output.show(self._header())
        self._output.show(parameters_bundle(session.loaded.effective()))
        if session.phase == session.setting.first:
            inputs = gather(session, self._opened_at)
            self._output.show(
                {
                    INPUTS_MIME: inputs.to_json(),
                    "text/plain": f"Round {inputs.round}" + ("" if inputs.history else " (no history)"),
                }
            )
            update_live(session.places.records, _fresh)

    def _header(self) -> dict[str, object]:
        session, parameters = self._session, self.parameters
        live = self.context.live
        allowed = ", ".join(sorted(session.context.guard.allow))
        artifact = live.artifact if live else {}
        change = parameters.change
        approvals = ", ".join(a.by for a in parameters.approvals)
        rows = [
            (
                "target",
                self.http.base_url
                if parameters.deploy.address or (live and live.base_url)
                else f"not deployed yet ({parameters.deploy.kind})",
            ),
            ("environment", parameters.environment + (" (protected)" if parameters.protected else "")),
            ("who", "{name} ({source})".format(**actor(os.environ))),
            ("when", now_iso(self._opened_at)),
            ("run", session.setting.run),
            ("commit", parameters.commit or artifact.get("commit") or "not recorded"),
            (
                "artifact",
                " ".join(filter(None, (artifact.get("name"), artifact.get("digest")))) or "not built yet",
            ),
            ("effects allowed", allowed),
            ("change", change.ticket or "not recorded"),
            ("approved by", approvals or "not recorded"),
            ("parameters", f"{', '.join(session.loaded.files)} ({session.loaded.digest})"),
        ]
        if session.settings.gate is not None:
            rows.append(
                ("gate", "yes: what blocks here blocks what follows" if session.settings.gate else "no")
            )
        if session.settings.share is not None:
            rows.append(("share of time", f"{session.settings.share:.0%} of {parameters.budget_s:.0f} s"))
        return table_bundle(f"Deployer · {session.phase} · {parameters.environment}", ("", ""), rows)

    def _standing(self) -> Standing:
        live = self.context.live or Live()
        outcomes: dict[str, tuple[Outcome, Skip | None]] = dict.fromkeys(live.passed, (Outcome.PASS, None))
        outcomes |= dict.fromkeys(live.not_passed, (Outcome.FAIL, None))
        because: dict[str, str] = {}
        for check_id, group in self._checks.items():
            worst = next((c for c in group if c.outcome is not Outcome.PASS), group[0])
            outcomes[check_id] = (worst.outcome, worst.result.skip)
            if worst.result.because:
                because[check_id] = worst.result.because
        parameters, setting = self.parameters, self._session.setting
        begun = datetime.fromisoformat(setting.started_at) if setting.started_at else self._opened_at
        return Standing(
            profile=parameters.profile,
            level=parameters.level,
            not_applicable=parameters.not_applicable,
            deployed=bool(live.base_url) or parameters.deploy.kind != "process",
            blocked_by=live.blocked_by,
            outcomes=outcomes,
            because=because,
            time_left_s=self._time_left_s(begun),
            severities=parameters.severities,
        )

    def _time_left_s(self, begun: datetime) -> float:
        """Return what is left of the run's time, and of the notebook's share where it declares one."""
        budget_s, now = self.parameters.budget_s, self._wall()
        left_s = budget_s - (now - begun).total_seconds()
        if (share := self._session.settings.share) is not None:
            left_s = min(left_s, share * budget_s - (now - self._opened_at).total_seconds())
        return left_s

    def _hand_over(self, checks: list[Check], blocking: list[Check]) -> None:
        phase = self._session.phase
        mine = f"{phase}."
        worst = {check.id: True for check in checks}
        for check in checks:
            unimportant = check.result.skip is Skip.NOT_APPLICABLE
            worst[check.id] &= check.outcome is Outcome.PASS or unimportant
        required = self.context.memo.get("required")
        gate = self._session.settings.gate
        if gate is None:
            gate = phase in _GATES

        def kept(ids: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(i for i in ids if not i.startswith(mine) and i not in worst)

        def change(live: Live) -> Live:
            values = {name: getattr(live, name) for name in Live.__slots__}
            values["passed"] = kept(live.passed) + tuple(i for i, ok in worst.items() if ok)
            values["not_passed"] = kept(live.not_passed) + tuple(i for i, ok in worst.items() if not ok)
            values["environment"] = self.parameters.environment
            if live.blocked_by.startswith(mine) or live.blocked_by in worst:
                values["blocked_by"] = ""
            if gate and blocking and not values["blocked_by"]:
                values["blocked_by"] = blocking[0].id
            if isinstance(required, tuple):
                values["required"] = required
            return Live(**values)

        update_live(self._session.places.records, change)


def _resolve(check: str | OwnCheck) -> tuple[CheckSpec, Probe]:
    """Return a check's claim and its probe: a packaged one's of this phase, else an own one's."""
    if isinstance(check, str):
        if check in PROBES:
            return CATALOGUE[check], PROBES[check]
        if check in CATALOGUE or check not in names_of("checks"):
            raise UsageError(f"There is no check {check} in this phase.", hint="deployer checks lists them.")
        check = installed_check(check)
    return check.spec, check.probe


def _untold(checks: list[Check], open_ids: tuple[str, ...]) -> str:
    """Name what could not be told; what was left out because of that, or for another reason, is counted."""
    told = [i for i in open_ids if any(c.id == i and c.outcome is Outcome.ERROR for c in checks)]
    others = len(open_ids) - len(told)
    more = f"{others} {'more checks were' if told else 'required checks were'} not made" if others else ""
    return ", ".join(filter(None, (f"could not tell: {', '.join(told)}" if told else "", more)))


def _fresh(live: Live) -> Live:
    """Forget what an earlier run found; what stands deployed stays known."""
    return Live(
        **{**asdict(live), "passed": (), "not_passed": (), "blocked_by": "", "required": live.required}
    )

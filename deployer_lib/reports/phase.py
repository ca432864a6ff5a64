"""Phase 07: make the reports from the executed notebooks, show them, and keep their own checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from deployer_lib.charts import outcomes, phases
from deployer_lib.errors import RecordError
from deployer_lib.notebooks import read_record
from deployer_lib.parameters.model import Parameters
from deployer_lib.phase.output import Output
from deployer_lib.phase.session import Session, open_session
from deployer_lib.reports.build import Reports, build
from deployer_lib.show import checks_bundle, table_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from deployer_lib.record import Record

__all__ = ["ReportPhase"]


class ReportPhase:
    """The report's notebook: it looks at the record, never at the application."""

    def __init__(self, session: Session, output: Output, record: Record) -> None:
        self._session = session
        self._output = output
        self.record = record
        self.reports: Reports = build(record)

    @classmethod
    def open(cls, name: str, cell: dict[str, Any]) -> Self:
        """Read the run's record: the runner's run, or the environment's latest one.

        Raises:
            RecordError: there is no run to report on.
        """
        output = Output.of_kernel()
        session = open_session(name, {key: cell.get(key) for key in Parameters.model_fields}, output.progress)
        output.redact(session.redactor)
        phase = cls(session, output, read_record(_folder(session)))
        phase._header()
        return phase

    def verdict(self) -> None:
        """Show go or no-go, the reason, and what blocks."""
        results = self.reports.results
        rows = [
            (check["severity"], f"{check['id']} {check['subject']}".strip(), check["message"])
            for check in results["checks"]
            if check["outcome"] == "fail"
        ]
        mark = {"go": "✅ DEPLOY", "no-go": "❌ DO NOT DEPLOY", "undecided": "❌ DO NOT DEPLOY (undecided)"}[
            results["verdict"]
        ]
        self._output.show(
            table_bundle(f"{mark}: {results['reason']}", ("severity", "check", "what was seen"), rows)
        )

    def pictures(self) -> None:
        """Show where the time went and what came of each phase."""
        record = self.record
        budget_s = record.inputs.budget_s
        shares = {name: share * budget_s for name, (share, _) in record.shares().items()}
        self._output.chart(phases({p.name: p.duration_s for p in record.phases}, shares))
        counts = {
            p.name: {
                kind: sum(c.outcome.value == kind for c in p.checks)
                for kind in ("pass", "fail", "error", "skip")
            }
            for p in record.phases
        }
        self._output.chart(outcomes(counts))

    def log(self) -> None:
        """Show DEPLOYMENT_LOG.md as it is published."""
        self._output.show({"text/markdown": self.reports.log, "text/plain": self.reports.log})

    def close(self) -> None:
        """Keep the report's own checks as one output."""
        self._output.show(
            checks_bundle("report", [c for c in self.reports.checks if c.phase == "report"], closed=True)
        )
        self._session.give_back()

    def _header(self) -> None:
        inputs = self.record.inputs
        rows = [
            ("environment", inputs.environment),
            ("target", inputs.target),
            ("run", inputs.run),
            ("round", f"{inputs.round}" + ("" if inputs.history else " (no history)")),
            ("who", f"{inputs.actor['name']} ({inputs.actor['source']})"),
            ("when", inputs.now),
            ("effects allowed", ", ".join(inputs.allowed)),
            ("parameters", inputs.parameters_digest),
        ]
        self._output.show(table_bundle(f"Deployer · report · {inputs.environment}", ("", ""), rows))


def _folder(session: Session) -> Path:
    if session.setting.mode == "batch":
        return session.run_dir
    latest = session.places.records / "latest"
    if not latest.exists():
        raise RecordError(
            f"There is no run of {session.parameters.environment} to report on.",
            hint=f"deployer run {session.parameters.environment} makes one.",
        )
    return latest.resolve()

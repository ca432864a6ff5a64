"""What can go wrong before or around a check; a check's own failure is an outcome, never an exception.

::

    DeployerError
    ├── UsageError            exit 2: nothing was touched
    │   └── ParametersError   a parameters file, with file and line
    ├── NotAllowed            the guard refused an effect, a host or a rate
    ├── Unavailable           a capability that this target does not have
    ├── RequestFailed         the target did not answer as HTTP answers: refused, reset, too slow, too big
    ├── ProcessError          a process did not start, or did not do what was asked
    ├── HandoverError         live.json is missing, torn or of another schema
    ├── RecordError           a run folder that cannot be read or sealed
    ├── FormatError           DEPLOYMENT_LOG.md or NEXT_ACTIONS.md is not as FORMATS.md says (reports.text)
    ├── PhaseBlocked          a phase ended with a finding that blocks
    └── PhaseUndecided        a phase ended with a check that could not tell
"""

from __future__ import annotations

__all__ = [
    "DeployerError",
    "HandoverError",
    "NotAllowed",
    "ParametersError",
    "PhaseBlocked",
    "PhaseUndecided",
    "ProcessError",
    "RecordError",
    "RequestFailed",
    "Unavailable",
    "UsageError",
]


class DeployerError(Exception):
    """Say what happened in one sentence and, in ``hint``, what to do next."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message

    def _render_traceback_(self) -> list[str]:
        """Show what happened and what to do where IPython would show a traceback."""
        return [f"{type(self).__name__}: {self}"]


class UsageError(DeployerError):
    """Refuse a command or its arguments before anything was touched (exit 2)."""


class ParametersError(UsageError):
    """Refuse a parameters file, naming file and line (exit 2)."""

    def __init__(self, message: str, *, file: str = "", line: int = 0, hint: str = "") -> None:
        self.file = file
        self.line = line
        where = f"{file}:{line}: " if file and line else f"{file}: " if file else ""
        super().__init__(where + message, hint=hint)


class NotAllowed(DeployerError):  # noqa: N818  (reads as the outcome it becomes: skip, not-allowed)
    """Report that the guard refused an effect, a host, a rate or a count."""


class Unavailable(DeployerError):  # noqa: N818  (reads as the outcome it becomes: skip, unavailable)
    """Report that a target, tool or platform cannot answer this question."""


class RequestFailed(DeployerError):  # noqa: N818  (what happened to a request, and what a finding says)
    """Report that a request got no whole, sane answer; ``kind`` says in which way.

    Kinds: refused, reset, timeout, name, tls, protocol, too-large, bomb, redirects.
    """

    def __init__(self, message: str, *, kind: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.kind = kind


class ProcessError(DeployerError):
    """Report that a supervised process did not do what was asked, with the end of its output."""

    def __init__(
        self, message: str, *, output: str = "", exit_code: int | None = None, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.output = output
        self.exit_code = exit_code


class HandoverError(DeployerError):
    """Report that live.json is absent, torn or of an unknown schema."""


class RecordError(DeployerError):
    """Report that a run folder cannot be read or sealed."""


class PhaseBlocked(DeployerError):  # noqa: N818  (a phase that ended as it should, with a blocking finding)
    """End a phase with a finding that blocks; papermill ends non-zero, the checks output says closed."""


class PhaseUndecided(DeployerError):  # noqa: N818  (a phase that ended as it should, without an answer)
    """End a phase in which a check could not tell, or was not made; papermill ends non-zero here too."""

"""The one list of checks: what each claims, how much it weighs, what it does to the target and what it needs first.

``deployer checks`` prints it; docs, tests and reports read it. A row here is a promise: a probe of the same id makes
the experiment, a fault in tests/faults trips it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

__all__ = [
    "BOXES",
    "CATALOGUE",
    "PHASES",
    "SHARES",
    "CheckSpec",
    "Effect",
    "Level",
    "Phases",
    "Profile",
    "Severity",
    "spec",
]


class Severity(StrEnum):
    """How much a finding weighs."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def sign(self) -> str:
        """Return the sign that reports put before the word."""
        return {"critical": "🔴", "high": "🟠", "medium": "🟡", "low": "🟢"}[self.value]

    @property
    def rank(self) -> int:
        """Return 0 for critical up to 3 for low."""
        return list(Severity).index(self)

    def blocks(self, block_on: Severity) -> bool:
        """Tell whether a finding of this severity blocks where ``block_on`` is the mildest that does."""
        return self.rank <= block_on.rank


class Effect(StrEnum):
    """What a check does to its target, mildest first."""

    OBSERVE = "observe"  # GET, HEAD, OPTIONS, at most 2/s
    WRITE = "write"  # log-ins, data, error events
    STRESS = "stress"  # load, rate-limit probing
    DISRUPT = "disrupt"  # deploy, restart, faults, rollback


class Profile(StrEnum):
    """What kind of application it is; decides which checks apply."""

    WEB = "web"
    API = "api"
    WORKER = "worker"
    JOB = "job"
    STATIC = "static"


class Level(StrEnum):
    """How deep a run looks (row I2)."""

    QUICK = "quick"
    DEEP = "deep"  # checks too that take minutes, or bring the target to its limits


class Phases(StrEnum):
    """The phases, in the order in which they run."""

    PREFLIGHT = "preflight"
    ENVIRONMENT = "environment"
    BUILD = "build"
    DEPLOY = "deploy"
    SMOKE = "smoke"
    HEALTH = "health"
    BUGS = "bugs"
    REPORT = "report"


PHASES: Final = tuple(p.value for p in Phases)

#: The fourteen lines of the deployment checklist (FORMATS.md), in order.
BOXES: Final = (
    "Build succeeds without errors",
    "All dependencies declared and installed",
    "All required environment variables documented",
    "Environment variables set in production",
    "Application starts successfully",
    "Health check endpoint responds",
    "Smoke tests pass",
    "Logging works (local or external)",
    "Metrics being collected",
    "Performance acceptable",
    "Security basics in place (HTTPS, CORS, etc.)",
    "DEPLOYMENT_LOG.md created with detailed findings",
    "NEXT_ACTIONS.md updated with deployment blockers",
    "Rollback plan documented",
)

#: How a run's time budget is shared out (row I1): share's name → (part of the budget, phases).
SHARES: Final[dict[str, tuple[float, tuple[str, ...]]]] = {
    "build and deployment": (0.4, ("build", "deploy")),
    "smoke and health": (0.3, ("smoke", "health")),
    "environment-specific bugs": (0.2, ("environment", "bugs")),
    "documentation": (0.1, ("preflight", "report")),
}

_SERVED: Final = (Profile.WEB, Profile.API)
_HTTP: Final = (Profile.WEB, Profile.API, Profile.STATIC)
_STARTED: Final = (Profile.WEB, Profile.API, Profile.WORKER)


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """One row of the catalogue."""

    id: str  # <phase>.<name>
    row: str  # SPEC.md's row
    title: str  # the claim, as it reads when it holds
    severity: Severity
    effect: Effect = Effect.OBSERVE
    needs: tuple[str, ...] = ()  # ids that must have passed; else this one is skipped: blocked
    box: int = 0  # line of the deployment checklist that it ticks, from 1; 0 for none
    profiles: tuple[Profile, ...] = tuple(Profile)  # where it applies
    target: bool = True  # whether it looks at the deployed target, so that a blocked run leaves it out
    level: Level = Level.QUICK  # the mildest level at which it is made

    @property
    def phase(self) -> str:
        """Return the phase that the id begins with."""
        return self.id.partition(".")[0]

    def left_out(self, profile: str, level: str) -> str:
        """Return why it is not made for such an application at such a level; empty where it is."""
        if profile not in self.profiles:
            return f"says nothing about a {profile} application"
        if self.level is Level.DEEP and level != Level.DEEP:
            return "made at level deep alone: say level: deep"
        return ""


_C, _H, _M, _L = Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW
_S, _D = CheckSpec, Effect.DISRUPT

CATALOGUE: Final[dict[str, CheckSpec]] = {
    row.id: row
    for row in (
        _S("preflight.coordination", "A1", "Coordination files are there and readable", _M, target=False),
        _S("preflight.architecture", "A1", "ARCHITECTURE.md agrees with what is declared", _M, target=False),
        _S(
            "preflight.critical_bugs",
            "A2",
            "Every critical bug in the test report is fixed",
            _C,
            target=False,
        ),
        _S("preflight.tests", "A3", "The test suite passes", _C, target=False),
        _S("preflight.security_checklist", "A4", "The security checklist is complete", _C, target=False),
        _S("preflight.ready", "A5", "The test report says ready for deployment", _C, target=False),
        _S(
            "environment.dependencies_declared",
            "B1",
            "Every imported dependency is declared",
            _C,
            box=2,
            target=False,
        ),
        _S(
            "environment.clean_install",
            "B2",
            "A clean install from the lock file works",
            _C,
            box=2,
            target=False,
        ),
        _S("environment.peers", "B3", "No peer dependency is unmet", _H, target=False),
        _S("environment.conflicts", "B4", "Installed versions fit together", _H, target=False),
        _S("environment.platform_packages", "B5", "No platform is presupposed unsaid", _M, target=False),
        _S(
            "environment.development_dependencies",
            "B6",
            "Production and development dependencies are apart",
            _H,
            target=False,
        ),
        _S(
            "environment.variables_read",
            "B7",
            "Every variable that the code reads is found",
            _M,
            target=False,
        ),
        _S(
            "environment.variables_documented",
            "B8",
            "Variables stand in the example file and the docs",
            _H,
            box=3,
            target=False,
        ),
        _S(
            "environment.variables_set",
            "B8",
            "Required variables are set in the environment",
            _C,
            box=4,
            target=False,
        ),
        _S("environment.configuration", "B9", "Production configuration holds its rules", _H, target=False),
        _S("environment.secrets", "B10", "No secret lies open in code or config", _C, target=False),
        _S("environment.migrations", "B11", "Database migrations are ready", _C, target=False),
        _S("build.run", "C2", "The production build succeeds", _C, box=1, target=False),
        _S(
            "build.clean",
            "C1",
            "Earlier build output does not reach the artifact",
            _H,
            needs=("build.run",),
            target=False,
        ),
        _S("build.size", "C3", "The output keeps its size budgets", _M, needs=("build.run",), target=False),
        _S(
            "deploy.run", "D1", "The deployment runs and its process starts", _C, _D, box=5, profiles=_STARTED
        ),
        _S(
            "deploy.ready",
            "D2",
            "The health endpoint answers in time, and keeps answering",
            _C,
            needs=("deploy.run",),
            box=5,
            profiles=_SERVED,
        ),
        _S(
            "deploy.start_log",
            "D3",
            "The start-up log holds no error",
            _H,
            needs=("deploy.run",),
            box=5,
            profiles=_STARTED,
        ),
        _S(
            "deploy.process",
            "D4",
            "The process runs and has not restarted",
            _C,
            needs=("deploy.run",),
            box=5,
            profiles=_STARTED,
        ),
        _S(
            "deploy.version",
            "D5",
            "The version that answers is the one deployed",
            _C,
            needs=("deploy.ready", "deploy.process"),
            profiles=_SERVED,
        ),
        _S(
            "deploy.migrations",
            "B11",
            "The deployed database holds every migration",
            _C,
            needs=("deploy.run",),
            profiles=_STARTED,
        ),
        _S(
            "deploy.rollback_plan",
            "D6",
            "A rollback plan stands and can be carried out",
            _H,
            box=14,
            profiles=_STARTED,
        ),
        _S("smoke.health", "E1", "The health endpoint answers as declared", _C, box=6, profiles=_SERVED),
        _S(
            "smoke.unknown_path",
            "E3",
            "A path that does not exist is answered 404",
            _H,
            needs=("smoke.health",),
            profiles=_SERVED,
        ),
        _S(
            "smoke.database",
            "E2",
            "The application reaches its database",
            _C,
            needs=("smoke.health",),
            box=7,
            profiles=_SERVED,
        ),
        _S(
            "smoke.readiness",
            "E2",
            "The readiness endpoint notices a lost database",
            _H,
            _D,
            needs=("smoke.database",),
            profiles=_SERVED,
        ),
        _S(
            "smoke.endpoints",
            "E3",
            "Declared endpoints answer as declared",
            _H,
            needs=("smoke.health",),
            box=7,
            profiles=_HTTP,
        ),
        _S(
            "smoke.error_answers",
            "E3",
            "Error answers reveal no internals",
            _H,
            Effect.WRITE,
            needs=("smoke.health",),
            box=11,
            profiles=_SERVED,
        ),
        _S(
            "smoke.authentication",
            "E4",
            "Log-in works, and protected endpoints refuse without it",
            _C,
            Effect.WRITE,
            needs=("smoke.health",),
            box=7,
            profiles=_SERVED,
        ),
        _S(
            "smoke.cors",
            "E5",
            "The declared front end is allowed by CORS",
            _C,
            needs=("smoke.health",),
            box=11,
            profiles=_SERVED,
        ),
        _S(
            "smoke.rate_limit",
            "E6",
            "Too many requests are answered 429",
            _H,
            Effect.STRESS,
            needs=("smoke.health",),
            box=11,
            profiles=_SERVED,
        ),
        _S(
            "health.logs_written",
            "F1",
            "Logs are being written",
            _H,
            needs=("smoke.health",),
            box=8,
            profiles=_STARTED,
        ),
        _S(
            "health.logs_structured",
            "F2",
            "Logs are structured and carry the trace id",
            _M,
            needs=("health.logs_written",),
            box=8,
            profiles=_STARTED,
        ),
        _S(
            "health.logs_clean",
            "F3",
            "Logs hold no errors since the deployment",
            _H,
            needs=("health.logs_written",),
            profiles=_STARTED,
        ),
        _S(
            "health.metrics",
            "F5",
            "The metrics endpoint is Prometheus text",
            _H,
            needs=("smoke.health",),
            box=9,
            profiles=_SERVED,
        ),
        _S(
            "health.metrics_move",
            "F6",
            "The key metrics exist and move",
            _H,
            Effect.WRITE,
            needs=("health.metrics",),
            box=9,
            profiles=_SERVED,
        ),
        _S(
            "health.load_quick",
            "F9",
            "100 requests, 10 at a time, are answered in time",
            _H,
            Effect.STRESS,
            needs=("smoke.health",),
            box=10,
            profiles=_HTTP,
        ),
        _S(
            "health.load_sustained",
            "F10",
            "50 at a time for 30 s are answered in time",
            _H,
            Effect.STRESS,
            needs=("smoke.health",),
            box=10,
            profiles=_HTTP,
        ),
        _S(
            "health.load_limits",
            "F10",
            "It keeps up with what is asked of it, and where it stops is known",
            _H,
            Effect.STRESS,
            needs=("smoke.health",),
            box=10,
            profiles=_HTTP,
            level=Level.DEEP,
        ),
        _S(
            "health.headers",
            "F11",
            "Security headers are sent, with sound values",
            _H,
            needs=("smoke.health",),
            box=11,
            profiles=_HTTP,
        ),
        _S(
            "bugs.cors_foreign",
            "G1",
            "Foreign origins are not allowed by CORS",
            _C,
            needs=("smoke.health",),
            box=11,
            profiles=_SERVED,
        ),
        _S(
            "bugs.startup_variables",
            "G5",
            "Without a required variable the start fails soon and names it",
            _H,
            _D,
            needs=("deploy.run",),
            profiles=_STARTED,
        ),
        _S(
            "bugs.log_files",
            "G8",
            "Log files are private, and a start without them says so",
            _M,
            needs=("deploy.run",),
            profiles=_STARTED,
        ),
        _S("report.log", "H1", "DEPLOYMENT_LOG.md holds every finding and parses", _H, box=12, target=False),
        _S("report.severity", "H2", "Every finding has a severity", _H, target=False),
        _S("report.findings", "H3", "Every finding has cause, impact, fix and place", _M, target=False),
        _S("report.next_actions", "H4", "NEXT_ACTIONS.md is merged and parses", _H, box=13, target=False),
        _S("report.recommendation", "H5", "The recommendation follows from the findings", _H, target=False),
        _S("report.round", "H6", "The round follows on the one before", _M, target=False),
        _S("report.checklist", "H7", "The checklist is ticked from evidence alone", _M, target=False),
        _S("report.budget", "I1", "The run kept its time budget", _L, target=False),
    )
}


def spec(check_id: str) -> CheckSpec:
    """Return the catalogue's row for an id.

    Raises:
        KeyError: no such check.
    """
    return CATALOGUE[check_id]

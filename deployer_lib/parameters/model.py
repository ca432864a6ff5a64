"""What an environment's file in ``parameters/`` may say: one class a section, a sentence on every field.

The notebooks' parameters cell, the reference page in the docs and the messages about unknown keys are made from here.
Text fields that take a secret are typed :class:`~deployer_lib.secret.Secret` or text (``SecretText``). Every section
is to be imported from this module, wherever it is written.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from deployer_lib.catalogue import Effect, Level, Profile, Severity
from deployer_lib.parameters.delivery import (
    ArtifactGiven,
    Build,
    Capabilities,
    Configuration,
    ConfigurationRule,
    Coordination,
    Deploy,
    Install,
    Preflight,
    Project,
    Ready,
    Rollback,
    Step,
    TestSuite,
    Variables,
)
from deployer_lib.parameters.expected import (
    Auth,
    Bugs,
    BusinessMetric,
    Cors,
    Database,
    Endpoint,
    Headers,
    Health,
    Load,
    LogFiles,
    Logs,
    Metrics,
    RateLimit,
    Smoke,
    Startup,
)
from deployer_lib.parameters.fields import CheckId, HostName, Seconds, SecretText, Section

__all__ = [
    "Approval",
    "ArtifactGiven",
    "Auth",
    "Bugs",
    "Build",
    "BusinessMetric",
    "Capabilities",
    "Change",
    "Configuration",
    "ConfigurationRule",
    "Coordination",
    "Cors",
    "Database",
    "Deploy",
    "Endpoint",
    "Headers",
    "Health",
    "Install",
    "Load",
    "LogFiles",
    "Logs",
    "Metrics",
    "Parameters",
    "Preflight",
    "Project",
    "RateLimit",
    "Ready",
    "Rollback",
    "SecretText",
    "Smoke",
    "Startup",
    "Step",
    "TestSuite",
    "Variables",
]


class Change(Section):
    """Why this is deployed."""

    ticket: str = ""
    """Ticket or change request."""
    category: str = ""
    """Standard, normal, emergency."""


class Approval(Section):
    """Who approved."""

    by: str
    """Name."""
    at: str = ""
    """When, ISO 8601."""
    note: str = ""
    """What was approved."""


class Parameters(Section):
    """Everything that an environment's file may say."""

    environment: str
    """The environment's id: this file's path below parameters/ without suffix."""
    description: str = ""
    """What this environment is for."""
    version: str = ""
    """Label of the version that is released; the project's manifest where empty."""
    commit: str = ""
    """Commit that is released; the project's git where empty."""
    profile: Profile = Profile.WEB
    """What kind of application it is: web, api, worker, job, static."""
    protected: bool = False
    """Whether anything but observing needs ``confirm``."""
    confirm: str = ""
    """The environment's id again, given at the run (--yes) for a protected environment; never in the file."""
    allow: list[Effect] | None = None
    """Effects that are allowed; where absent all for a process that we start, else observe."""
    hosts: list[HostName] = Field(default=[])
    """Other hosts that may be asked, besides the target's."""
    level: Level = Level.QUICK
    """How deep the checks go: quick, or deep for those too that take minutes."""
    max_requests: Annotated[int, Field(ge=1)] = 1_000_000
    """Ceiling on requests of one phase, those of load tests included."""
    block_on: Severity = Severity.CRITICAL
    """The mildest severity that makes a no-go."""
    severities: dict[CheckId, Severity] = Field(default={})
    """Check id to the severity that it has in this environment."""
    required: list[CheckId] | None = None
    """Checks that must have been made; all that apply where absent."""
    not_applicable: dict[CheckId, str] = Field(default={})
    """Check id to the reason why it says nothing about this application."""
    budget_s: Seconds = 900
    """Time budget of the run in seconds."""
    evidence: Literal["shape", "headers", "full", ""] = ""
    """How much of an answer is kept; shape for protected environments, else full, where empty."""
    project: Project = Project()
    """The application under release."""
    artifact: ArtifactGiven | None = None
    """A given artifact, instead of a build."""
    coordination: Coordination = Coordination()
    """The folder of the other roles."""
    preflight: Preflight = Preflight()
    """Preflight."""
    install: Install = Install()
    """Clean install."""
    variables: Variables = Variables()
    """Environment variables in code, example and documents."""
    configuration: Configuration = Configuration()
    """Rules for the configuration of production."""
    build: Build | None = None
    """Production build."""
    deploy: Deploy
    """Deployment and target."""
    smoke: Smoke = Smoke()
    """Smoke tests."""
    health: Health = Health()
    """Production health."""
    bugs: Bugs = Bugs()
    """Production-only bugs."""
    change: Change = Change()
    """Why."""
    approvals: list[Approval] = Field(default=[])
    """Who approved."""

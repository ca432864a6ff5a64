"""What an environment may expect of the running application: one class a section."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from deployer_lib.parameters import rules
from deployer_lib.parameters.fields import JsonBody, Origins, RequestPath, Seconds, SecretText, Section

__all__ = [
    "Auth",
    "Bugs",
    "BusinessMetric",
    "Cors",
    "Database",
    "Endpoint",
    "Headers",
    "Health",
    "Load",
    "LoadLimits",
    "LogFiles",
    "Logs",
    "Metrics",
    "RateLimit",
    "Smoke",
    "Startup",
    "Sustained",
]


#: Limits of a load test, one line each.
Thresholds = list[Annotated[str, rules.Rule(rules.load_gate)]]


class Endpoint(Section):
    """A request and what must come back."""

    path: RequestPath
    """Path, with its query."""
    name: str = ""
    """What the record calls it; method and path where empty."""
    method: Literal["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    """Method."""
    headers: dict[str, SecretText] = Field(default={})
    """Request headers."""
    body: JsonBody = None
    """Request body, sent as JSON; text values may be secrets."""
    auth: bool = False
    """Whether the token of the log-in is sent along."""
    status: int | list[int] = 200
    """Status, or statuses, that count as right."""
    expect: str = ""
    """CEL over status, headers, text and json that must hold (size(json) > 0)."""
    expect_headers: dict[str, str] = Field(default={})
    """Response headers that must be there, with their values (a prefix where it ends in *)."""


class Database(Section):
    """The endpoint that looks at the database."""

    path: RequestPath
    """Path that answers whether the database is reached."""
    status: int = 200
    """Status when it is."""
    expect: str = ""
    """CEL that must hold when it is."""
    variable: str = "DATABASE_URL"
    """Variable that names the database, which a diagnostic copy gets with another value."""
    scratch: SecretText = ""
    """URL of an empty database that diagnostic copies may use; for SQLite a copy of the file is made where empty."""
    readiness: bool = True
    """Whether the path must stop answering so when the database is lost."""


class Auth(Section):
    """The log-in and something that it protects."""

    login: Endpoint
    """The request that logs in."""
    token: str = "$.access_token"  # noqa: S105  (a path, not a token)
    """JSONPath of the token in the answer to the log-in."""
    scheme: str = "Bearer"
    """Word before the token in the Authorization header."""
    protected: Endpoint
    """A request that must be refused (401 or 403) without the token and be answered with it."""


class Cors(Section):
    """The front ends that may call."""

    origins: Origins
    """Origins of declared front ends (https://shop.example)."""
    path: RequestPath
    """Path that they call."""
    method: str = "GET"
    """Method that they use, for the preflight."""
    headers: list[str] = Field(default=["authorization", "content-type"])
    """Headers that they send, for the preflight."""
    credentials: bool = False
    """Whether they send cookies or Authorization."""


class RateLimit(Section):
    """A limit that must show in the end."""

    request: Endpoint
    """Request that is repeated."""
    limit: Annotated[int, Field(ge=1, le=10_000)]
    """Number of requests after which 429 must have come."""
    expect_retry_after: bool = True
    """Whether the 429 must carry Retry-After."""


class Smoke(Section):
    """What the deployed application must do."""

    health: Endpoint | None = None
    """Health endpoint; what deploy.ready asks where absent."""
    database: Database | None = None
    """The database, seen through the application."""
    endpoints: list[Endpoint] = Field(default=[])
    """API endpoints."""
    auth: Auth | None = None
    """The log-in."""
    cors: Cors | None = None
    """Cross-origin calls."""
    rate_limit: RateLimit | None = None
    """The rate limit."""


class Logs(Section):
    """The application's log."""

    path: str = ""
    """Log file; what the process prints where empty."""
    trace_field: str = "trace_id"
    """Field that holds the trace id."""
    level_field: str = "level"
    """Field that holds the level."""
    allow: list[Annotated[str, rules.Rule(rules.pattern)]] = Field(default=[])
    """Regular expressions of error lines that are expected."""


class BusinessMetric(Section):
    """A counter of the business, and the request that must move it."""

    metric: str
    """Name of the counter."""
    request: Endpoint
    """Request that moves it."""


class Metrics(Section):
    """The metrics endpoint."""

    path: RequestPath = "/metrics"
    """Path."""
    requests: str = ""
    """Name of the counter of requests (http_requests_total)."""
    errors: str = ""
    """Name of the counter of errors."""
    durations: str = ""
    """Name of the histogram or summary of response times."""
    business: list[BusinessMetric] = Field(default=[])
    """Counters of the business."""


class Sustained(Section):
    """The sustained load test and its limits."""

    concurrent: Annotated[int, Field(ge=1, le=1_000)] = 50
    """How many at a time."""
    duration_s: Annotated[float, Field(ge=1, le=3_600)] = 30
    """How long, in seconds."""
    rate_per_s: Annotated[float, Field(gt=0, le=100_000)] | None = None
    """Requests that are due per second, whatever the answers do; where absent each of ``concurrent`` sends its next
    request when its last one was answered."""
    max_mean_ms: Annotated[float, Field(gt=0)] = 200
    """Limit on the mean response time in milliseconds."""
    max_p95_ms: Annotated[float, Field(gt=0)] = 500
    """Limit on the 95th percentile in milliseconds."""
    max_errors: Annotated[int, Field(ge=0)] = 0
    """How many errors are let pass."""
    thresholds: Thresholds = Field(default=[])
    """Further limits: p(99) < 800ms, rate > 100/s."""


class LoadLimits(Section):
    """What the search for the limits must find at least (level: deep)."""

    slo: Annotated[str, rules.Rule(rules.load_gate)] = "p(95) < 500ms"
    """Threshold that a rate must keep to count as kept."""
    max_connections: Annotated[int, Field(ge=1, le=10_000)] = 200
    """How many connections are tried at most."""
    min_connections: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Connections that must all be answered; those of the sustained test where absent."""
    min_rate_per_s: Annotated[float, Field(gt=0)] | None = None
    """Rate that must be kept; where absent it is told, and not judged."""
    budget_s: Annotated[float, Field(ge=5, le=600)] = 28
    """Time of the search in seconds."""


class Load(Section):
    """Load on one path, and its limits."""

    path: RequestPath
    """Path that is asked; {n}, {uuid} and {random} stand for another value in each request."""
    auth: bool = False
    """Whether the token of the log-in is sent along."""
    statuses: list[Annotated[int, Field(ge=200, le=599)]] = Field(default=[])
    """Statuses that are right answers; 200 to 299 where empty. One that is named here is no error, 429 included."""
    contains: str = ""
    """Text that every right answer must contain."""
    requests: Annotated[int, Field(ge=10, le=10_000)] = 100
    """Number of requests."""
    concurrent: Annotated[int, Field(ge=1, le=200)] = 10
    """How many at a time."""
    max_mean_ms: Annotated[float, Field(gt=0)] = 200
    """Limit on the mean response time in milliseconds."""
    max_p95_ms: Annotated[float, Field(gt=0)] = 500
    """Limit on the 95th percentile in milliseconds."""
    max_errors: Annotated[int, Field(ge=0)] = 0
    """How many errors are let pass."""
    thresholds: Thresholds = Field(default=[])
    """Further limits: p(99) < 800ms, rate > 100/s."""
    sustained: Sustained = Sustained()
    """The sustained load test."""
    limits: LoadLimits = LoadLimits()
    """The search for the limits."""


class Headers(Section):
    """The pages whose security headers are looked at."""

    paths: Annotated[list[RequestPath], Field(min_length=1)] = Field(default=["/"])
    """Paths; a page and an API answer, say."""
    https: bool = True
    """Whether users reach it by https, so that Strict-Transport-Security counts."""


class Health(Section):
    """What an application in production needs."""

    logs: Logs | None = None
    """The log."""
    metrics: Metrics | None = None
    """Metrics."""
    load: Load | None = None
    """Load test."""
    headers: Headers = Headers()
    """Security headers."""


class Startup(Section):
    """The start without each required variable."""

    within_s: Seconds = 10
    """Time limit in seconds in which it must have ended."""
    variables: list[str] = Field(default=[])
    """Variables that are taken away one by one; those that the code requires where empty."""


class LogFiles(Section):
    """The log file on disk."""

    variable: str = ""
    """Variable that names the log file, which a diagnostic copy gets with a path that can't be written."""
    max_mode: Annotated[str, rules.Rule(rules.mode)] = "0640"
    """Widest permissions, in octal."""


class Bugs(Section):
    """Faults that only show in production."""

    startup: Startup = Startup()
    """Starts without a required variable."""
    log_files: LogFiles = LogFiles()
    """Log files."""

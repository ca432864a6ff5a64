"""The sections of DEPLOYMENT_LOG.md that show observations: environment, build, performance, security and so on.

Each value is one that a check observed and wrote down; what nobody observed reads ``NOT CHECKED``.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Outcome, Skip
from deployer_lib.reports.document import Fence, Group, Line, Section, box, bullets
from deployer_lib.reports.sights import NOT_CHECKED, Sight, Sights, number, sight, words
from deployer_lib.reports.text import clean, duration, listing, one_line, size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from deployer_lib.check import Check, JSONValue

__all__ = ["build", "environment", "observability", "performance", "rollback", "security"]

_FILES: Final = 5
_NONE: Final = bullets("None")

#: What a production configuration has, and the checks by which it shows.
_CONFIGURED: Final = (
    ("Database connection", ("smoke.database",)),
    ("Database migrations", ("environment.migrations", "deploy.migrations")),
    ("CORS", ("smoke.cors",)),
    ("Rate limiting", ("smoke.rate_limit",)),
    ("Authentication", ("smoke.authentication",)),
    ("Logging", ("health.logs_written",)),
    ("Metrics", ("health.metrics",)),
    ("Security headers", ("health.headers",)),
)


def environment(seen: Sights) -> Section:
    """Return ``## Environment Verification``."""
    declared = "environment.dependencies_declared"
    dependencies = (
        seen.line("All imported dependencies declared", seen.of(declared), "MISSING ❌"),
        seen.line("Clean install from the lock file", seen.of("environment.clean_install"), "FAILED ❌"),
        *(
            seen.line(one_line(check.subject), [check], "NOT DECLARED ❌")
            for check in seen.of(declared)
            if check.subject and check.outcome is Outcome.FAIL
        ),
    )
    return Section(
        "Environment Verification",
        (
            Group("Dependencies", heading=True, items=dependencies),
            Group("Environment Variables", heading=True),
            Group("Required", items=_variables_set(seen.of("environment.variables_set"))),
            Group("Missing from .env.example", items=_undocumented(seen, "in_example")),
            Group("Not documented in README", items=_undocumented(seen, "documented")),
            Group("Configuration", heading=True, items=tuple(_configuration(seen))),
        ),
    )


def _variables_set(checks: Sequence[Check]) -> tuple[Line, ...]:
    lines = []
    for check in checks:
        name, is_set = one_line(check.subject), check.result.evidence.get("set")
        if not name or check.result.evidence.get("need", "required") != "required":
            continue
        if isinstance(is_set, bool):
            lines.append(box(f"{name} - {'SET ✅' if is_set else 'NOT SET ❌'}", ticked=is_set))
        else:
            lines.append(box(f"{name} - {NOT_CHECKED}", ticked=False))
    told = bool(checks) and sight(checks) in (Sight.HELD, Sight.FAILED)
    return tuple(lines) or (bullets("None is required") if told else bullets(NOT_CHECKED))


def _undocumented(seen: Sights, what: str) -> tuple[Line, ...]:
    checks = seen.of("environment.variables_documented")
    told = [check for check in checks if isinstance(check.result.evidence.get(what), bool)]
    names = [one_line(check.subject) for check in told if check.result.evidence[what] is False]
    if names:
        return bullets(*(name or "(no name)" for name in names))
    return _NONE if told else bullets(NOT_CHECKED)


def _configuration(seen: Sights) -> Iterator[Line]:
    for title, ids in _CONFIGURED:
        checks = seen.of(*ids)
        undeclared = [check.result.skip is Skip.UNAVAILABLE for check in checks]
        if undeclared and all(undeclared):
            yield box(f"{title} - NOT CONFIGURED ❌", ticked=False)
        else:
            yield seen.line(title, checks, "NOT CONFIGURED ❌")
    for check in seen.rows("B9"):
        yield seen.line(one_line(check.subject or check.title), [check], "NOT CONFIGURED ❌")


def build(seen: Sights) -> Section:
    """Return ``## Build Analysis``."""
    raw, packed = (number(seen.evidence("build.size", name)) for name in ("raw_bytes", "gzip_bytes"))
    total = NOT_CHECKED
    if raw is not None:
        total = size(raw) + (f" (compressed: {size(packed)})" if packed is not None else "")
    time_s = number(seen.evidence("build.run", "duration_s"))
    failed = [c for c in seen.checks if c.phase == "build" and c.outcome is Outcome.FAIL]
    advice = [one_line(step) for check in failed for step in check.result.fix.steps[:1]]
    observed = seen.of("build.run") and sight(seen.of("build.run")) in (Sight.HELD, Sight.FAILED)
    return Section(
        "Build Analysis",
        (
            Group("Bundle Size", total, tuple(_largest(seen))),
            Group("Build Time", NOT_CHECKED if time_s is None else duration(time_s)),
            _output("Warnings", seen.evidence("build.run", "warnings")),
            _output("Errors", seen.evidence("build.run", "errors")),
            Group("Recommendations", items=bullets(*dict.fromkeys(advice)))
            if advice
            else Group("Recommendations", "None" if observed else NOT_CHECKED),
        ),
    )


def _largest(seen: Sights) -> Iterator[Line]:
    files = seen.evidence("build.size", "files")
    sized = []
    for file in files if isinstance(files, list) else []:
        raw = number(file.get("raw_bytes")) if isinstance(file, dict) else None
        if isinstance(file, dict) and raw is not None:
            sized.append((raw, number(file.get("gzip_bytes")), one_line(str(file.get("path", "")))))
    for raw, packed, path in sorted(sized, key=lambda entry: (-entry[0], entry[2]))[:_FILES]:
        yield Line("-", f"{path}: {size(raw)}" + ("" if packed is None else f" (compressed: {size(packed)})"))


def _output(label: str, value: JSONValue) -> Group:
    if not isinstance(value, list):
        return Group(label, NOT_CHECKED)
    text = clean("\n".join(entry if isinstance(entry, str) else str(entry) for entry in value))
    return Group(label, str(len(value)), (Fence(text),)) if value else Group(label, "None")


def performance(seen: Sights) -> Section:
    """Return ``## Performance Test Results``."""
    quick, sustained = seen.of("health.load_quick"), seen.of("health.load_sustained")
    evidence, under = _observed(quick), _observed(sustained)
    requests, concurrent = (number(evidence.get(name)) for name in ("requests", "concurrent"))
    detail = f"({requests or 100:.0f} requests, {concurrent or 10:.0f} concurrent)"
    many, duration_s = (number(under.get(name)) for name in ("concurrent", "duration_s"))
    advice = [step for check in (*quick, *sustained) for step in check.result.fix.steps[:1]]
    return Section(
        "Performance Test Results",
        (
            Group("Load Test", detail=detail, items=tuple(_measured(evidence, quick))),
            Group(
                "Under Load",
                detail=f"({many or 50:.0f} concurrent for {duration_s or 30:.0f}s)",
                items=(
                    *_measured(under, sustained),
                    Line("-", f"Socket errors: {_count(under.get('socket_errors'))}"),
                    Line("-", f"Recommendation: {one_line(advice[0]) if advice else _no_advice(sustained)}"),
                    *_limits(seen.of("health.load_limits")),
                ),
            ),
        ),
    )


def _observed(checks: Sequence[Check]) -> dict[str, JSONValue]:
    return next((dict(check.result.evidence) for check in checks if check.result.evidence), {})


def _limits(checks: Sequence[Check]) -> Iterator[Line]:
    """Yield where the application stops keeping up, where that was looked for."""
    for check in checks:
        if check.outcome in {Outcome.PASS, Outcome.FAIL}:
            yield Line("-", f"Limits: {one_line(check.result.message)}")


def _no_advice(checks: Sequence[Check]) -> str:
    return "None" if sight(checks) is Sight.HELD else NOT_CHECKED


def _measured(evidence: dict[str, JSONValue], checks: Sequence[Check]) -> Iterator[Line]:
    mean, target = number(evidence.get("mean_ms")), number(evidence.get("target_mean_ms")) or 200.0
    errors, rate = number(evidence.get("errors")), number(evidence.get("throughput_per_s"))
    latency = NOT_CHECKED
    if mean is not None:
        latency = f"{_ms(mean)} {'✅' if mean < target else '❌'} (target: <{target:.0f}ms)"
    yield Line("-", f"Average latency: {latency}")
    for title, name in (("Max", "max_ms"), ("95th percentile", "p95_ms")):
        value = number(evidence.get(name))
        if value is not None or name == "max_ms":
            yield Line("-", f"{title} latency: {NOT_CHECKED if value is None else _ms(value)}")
    sign = "" if errors is None else " ✅" if errors == 0 else " ❌"
    yield Line("-", f"Errors: {_count(evidence.get('errors'))}{sign}")
    yield Line("-", f"Throughput: {NOT_CHECKED if rate is None else f'{rate:.0f} req/sec'}")
    if any(check.result.provenance == "diagnostic" for check in checks):
        yield Line("-", "Measured on a diagnostic copy, not on the target")


def _ms(value: float) -> str:
    return f"{value:.0f}ms" if value >= 10 else f"{value:.1f}ms"  # noqa: PLR2004  (tenths below ten)


def _count(value: JSONValue) -> str:
    counted = number(value)
    return NOT_CHECKED if counted is None else f"{counted:.0f}"


def security(seen: Sights) -> Section:
    """Return ``## Security Checklist``."""
    validation = seen.rows("E7")
    injection = tuple(check for check in validation if "sql" in f"{check.id} {check.subject}".lower())
    claims = (
        ("HTTPS enforced", seen.rows("F12", "G6")),
        ("Security headers present", seen.rows("F11")),
        ("Rate limiting active", seen.rows("E6")),
        ("Input validation in place", validation),
        ("SQL injection prevention", injection),
        ("Secrets in environment variables", seen.rows("B10")),
        ("Authentication working", seen.rows("E4")),
        ("CORS allows the declared front end, and no other", seen.rows("E5", "G1")),
        ("Error answers reveal no internals", seen.of("smoke.error_answers")),
    )
    return Section(
        "Security Checklist", items=tuple(seen.line(title, checks, "MISSING") for title, checks in claims)
    )


def observability(seen: Sights) -> Section:
    """Return ``## Observability Status``."""
    external = seen.rows("F4")
    services = [
        str(check.result.evidence["service"]) for check in external if "service" in check.result.evidence
    ]
    service = f" ({one_line(listing(services))})" if services else ""
    groups = (
        (
            "Logging",
            ("Local logs", seen.rows("F1")),
            (f"External logging{service}", external),
            ("Structured format", seen.rows("F2")),
            ("Error tracking", seen.rows("F7")),
        ),
        (
            "Metrics",
            ("Metrics endpoint", seen.rows("F5")),
            ("Key metrics present", seen.rows("F6")),
            ("External metrics", ()),
        ),
        ("Tracing", ("Trace IDs in logs", seen.rows("F2")), ("Distributed tracing", seen.rows("F8"))),
    )
    return Section(
        "Observability Status",
        tuple(
            Group(label, items=tuple(_status(title, checks) for title, checks in claims))
            for label, *claims in groups
        ),
    )


def _status(title: str, checks: Sequence[Check]) -> Line:
    found = sight(checks)
    if found is Sight.HELD:
        return Line("-", f"{title}: ✅")
    sign = "❌" if found is Sight.FAILED else "⚠️"
    return Line("-", f"{title}: {sign} {words(found, checks, 'FAILED')}")


def rollback(seen: Sights, version: str) -> Section:
    """Return ``## Rollback Plan``."""
    id_ = "deploy.rollback_plan"
    current, previous, risk, why = (
        one_line(seen.text(id_, name)) for name in ("current", "previous", "risk", "why")
    )
    commands = seen.evidence(id_, "command")
    command = clean("\n".join(map(_words, commands)) if isinstance(commands, list) else str(commands or ""))
    return Section(
        "Rollback Plan",
        (
            Group("Current Deployment", current or version),
            Group("Previous Version", previous or NOT_CHECKED),
            Group("Rollback Command", items=(Fence(command, "bash"),))
            if command
            else Group("Rollback Command", NOT_CHECKED),
            Group("Rollback Risk", f"{risk} - {why}" if risk and why else risk or NOT_CHECKED),
        ),
    )


def _words(command: JSONValue) -> str:
    return shlex.join(map(str, command)) if isinstance(command, list) else str(command)

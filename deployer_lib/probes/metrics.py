"""Is the metrics endpoint what Prometheus can read (F5)?

prometheus_client's parser takes an empty body and doubled samples for a success, so these are looked for besides.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from deployer_lib.catalogue import Severity
from deployer_lib.check import Result, Skip, failed, passed, skipped
from deployer_lib.parameters.model import Metrics
from deployer_lib.probes.context import probe
from deployer_lib.probes.remedies import remedy
from deployer_lib.probes.sources import sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from deployer_lib.app.http import Answer
    from deployer_lib.check import Location
    from deployer_lib.probes.context import Context

__all__ = ["Exposition", "metrics", "metrics_settings", "parse"]

_OK: Final = 200
_NOT_FOUND: Final = 404
_REFUSED: Final = re.compile(r"4\d\d|4[xX]{2}")  # a label's value
_SHOWN_CHARACTERS: Final = 300
_SHOWN: Final = 5
_IMPACT: Final = (
    "Prometheus can't scrape the application: no graph and no alert on its traffic, errors or times."
)


def metrics_settings(ctx: Context) -> Metrics:
    """Return what is declared about metrics, the defaults where nothing is."""
    return ctx.parameters.health.metrics or Metrics()


@dataclass(frozen=True, slots=True)
class Exposition:
    """One scrape: the samples of Prometheus text or OpenMetrics, summed over their labels."""

    families: int
    samples: int
    totals: Mapping[str, float] = field(default_factory=dict)  # sample name → sum over its labels
    refused: Mapping[str, float] = field(
        default_factory=dict
    )  # the same, of samples with a label such as 404 or 4xx
    types: Mapping[str, str] = field(
        default_factory=dict
    )  # family → type; unknown where there is no TYPE line
    doubled: tuple[str, ...] = ()  # samples of the same name and labels more than once


def parse(body: str, content_type: str) -> Exposition:
    """Read an exposition with prometheus_client's own parser.

    Raises:
        ValueError: it is neither Prometheus text nor OpenMetrics.
    """
    families = _families(body, content_type)
    seen: Counter[tuple[str, frozenset[tuple[str, str]]]] = Counter()
    totals: dict[str, float] = {}
    refused: dict[str, float] = {}
    for family in families:
        for sample in family.samples:
            seen[sample.name, frozenset(sample.labels.items())] += 1
            if not math.isnan(sample.value):
                totals[sample.name] = totals.get(sample.name, 0.0) + float(sample.value)
                if any(_REFUSED.fullmatch(value) for value in sample.labels.values()):
                    refused[sample.name] = refused.get(sample.name, 0.0) + float(sample.value)
    return Exposition(
        len(families),
        sum(seen.values()),
        totals,
        refused,
        {family.name: family.type for family in families},
        tuple(f"{name}{dict(sorted(labels)) or ''}" for (name, labels), count in seen.items() if count > 1),
    )


def _families(body: str, content_type: str) -> list[Any]:
    from prometheus_client import parser  # noqa: PLC0415  (only these checks need it)
    from prometheus_client.openmetrics import parser as openmetrics  # noqa: PLC0415

    reader = openmetrics if "openmetrics" in content_type else parser
    try:
        return list(reader.text_string_to_metric_families(body))
    except (ValueError, KeyError, IndexError, AttributeError, TypeError) as error:  # it raises all of them
        raise ValueError(f"{error}" or type(error).__name__) from error


@probe("health.metrics")
def metrics(ctx: Context) -> Iterable[Result]:
    """Ask the metrics endpoint once and read its answer as Prometheus would."""
    path = metrics_settings(ctx).path
    answer = ctx.http.get(path, headers={"Accept": "text/plain;version=0.0.4;q=1,*/*;q=0.1"})
    kind = answer.headers.get("content-type", "")
    if answer.status == _NOT_FOUND and ctx.parameters.health.metrics is None:
        yield skipped(
            Skip.UNAVAILABLE,
            f"health.metrics is not declared and {path} answers 404; declare it, or say "
            "not_applicable: {health.metrics: why}",
        )
        return
    if problem := _refused(answer, kind, path):
        yield _finding(ctx, path, *problem, answer=answer, kind=kind)
        return
    try:
        exposition = parse(answer.text, kind)
    except ValueError as error:
        yield _finding(
            ctx,
            path,
            f"GET {path} can't be parsed as Prometheus text: {error}",
            "The body is written by hand or by a library for another system.",
            answer=answer,
            kind=kind,
        )
        return
    yield _judged(ctx, path, exposition, answer, kind)


def _refused(answer: Answer, kind: str, path: str) -> tuple[str, str] | None:
    if answer.status != _OK:
        causes = {
            404: "Nothing serves the path.",
            401: "It asks for a log-in.",
            403: "It is closed to this address.",
        }
        return f"GET {path} answers {answer.status}.", causes.get(
            answer.status, "Rendering the metrics fails."
        )
    if "html" in kind or answer.text.lstrip()[:15].lower().startswith(("<!doctype", "<html")):
        return (
            f"GET {path} answers 200 with an HTML page.",
            "The front end's fallback page is served for every unknown path; there is no metrics endpoint.",
        )
    if not kind.startswith(("text/plain", "application/openmetrics-text")):
        return (
            f"GET {path} has Content-Type {kind or '(none)'}, which Prometheus 3 refuses.",
            "The framework's default Content-Type is sent instead of the exposition format's.",
        )
    if not answer.text.strip():
        return (
            f"GET {path} answers 200 with an empty body.",
            "No metric is registered in the registry that is rendered.",
        )
    return None


def _judged(ctx: Context, path: str, exposition: Exposition, answer: Answer, kind: str) -> Result:
    if not exposition.samples:
        return _finding(
            ctx,
            path,
            f"GET {path} holds {exposition.families} metric families and no sample.",
            "Metrics are declared, and never given a value.",
            answer=answer,
            kind=kind,
        )
    if exposition.doubled:
        return _finding(
            ctx,
            path,
            f"GET {path} holds {len(exposition.doubled)} samples twice, first {exposition.doubled[0]}; "
            "Prometheus drops them.",
            "The same metric is registered or rendered twice.",
            answer=answer,
            kind=kind,
        )
    untyped = sorted(name for name, type_ in exposition.types.items() if type_ in {"unknown", "untyped"})
    if len(untyped) == exposition.families:
        return _finding(
            ctx,
            path,
            f"None of the {exposition.families} metric families of {path} has a TYPE line.",
            "The exposition is written by hand.",
            answer=answer,
            kind=kind,
            severity=Severity.LOW,
        )
    return passed(
        f"GET {path} is Prometheus text: {exposition.families} metric families, {exposition.samples} samples.",
        path=path,
        status=answer.status,
        content_type=kind,
        families=exposition.families,
        samples=exposition.samples,
        bytes=len(answer.body),
        without_type=list(untyped[:_SHOWN]),
    )


def _finding(
    ctx: Context,
    path: str,
    message: str,
    cause: str,
    *,
    answer: Answer,
    kind: str,
    severity: Severity | None = None,
) -> Result:
    return failed(
        message,
        root_cause=cause,
        impact=_IMPACT,
        fix=remedy(
            ctx,
            "metrics_endpoint",
            f"Serve the metrics library's own rendering at {path}, with its Content-Type.",
            f"See it with: curl -i {ctx.http.base_url}{path}",
            minutes=45,
        ),
        locations=_places(ctx, path),
        severity=severity,
        path=path,
        status=answer.status,
        content_type=kind,
        bytes=len(answer.body),
        begins=answer.text[:_SHOWN_CHARACTERS] if answer.level == "full" else None,
    )


def _places(ctx: Context, path: str) -> tuple[Location, ...]:
    found = sources(ctx)
    return found.route(path) or found.locate("generate_latest", "register.metrics", "prometheus")

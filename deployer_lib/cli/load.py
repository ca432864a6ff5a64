"""``deployer load``: requests to one address under a plan, judged by gates, without an environment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from deployer_lib.cli.output import Json, err, fail, out
from deployer_lib.cli.signals import terminated_as_interrupted
from deployer_lib.errors import DeployerError, ProcessError, UsageError
from deployer_lib.threshold import load_gate, threshold

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from deployer_lib.cli.load_asked import Asked, Shape
    from deployer_lib.guard import Guard
    from deployer_lib.load.columns import Columns
    from deployer_lib.load.knee import Knee
    from deployer_lib.load.mix import Mix
    from deployer_lib.load.plan import Plan
    from deployer_lib.load.result import LoadResult

__all__ = ["load"]

BodyFile = Annotated[Path | None, typer.Option(help="File whose bytes are the body.")]
MixFile = Annotated[
    Path | None, typer.Option("--mix", metavar="FILE", help="File of requests, in YAML or JSON, by weight.")
]
Trusted = Annotated[Path | None, typer.Option(help="File of certificates that are trusted.")]
Export = Annotated[Path | None, typer.Option(help="File for the histogram, in HdrHistogram's log format.")]

_INTERRUPTED: Final = 130
#: What holds where no gate is given: nobody said that requests may fail, and a rate limit's refusal is no healthy answer.
_GATES: Final = ("errors == 0", "throttled == 0")
#: What gates of a search may be on.
_LIMITS: Final = frozenset({"rate", "connections"})


@dataclass(frozen=True, slots=True)
class _Call:
    """Everything that stays the same over a command's loads."""

    url: str
    asked: Asked
    guard: Guard
    mix: Mix
    keep_alive: bool
    timeout_s: float
    workers: int | None
    scheduler: str | None
    expect_errors: bool
    ca: Path | None
    insecure: bool
    seed: int

    def run(
        self,
        plan: Plan,
        *,
        connections: int | None = None,
        timeout_s: float | None = None,
        update: Callable[[str], None] | None = None,
    ) -> Columns:
        """Carry out a plan."""
        from deployer_lib.cli.load_shown import progress_line  # noqa: PLC0415
        from deployer_lib.load.running import run  # noqa: PLC0415

        return run(
            self.url,
            plan,
            guard=self.guard,
            mix=self.mix.specs,
            connections=connections,
            keep_alive=self.keep_alive,
            timeout_s=self.timeout_s if timeout_s is None else timeout_s,
            workers=self.workers,
            scheduler=self.scheduler,
            expect_errors=self.expect_errors,
            ca=self.ca,
            insecure=self.insecure,
            seed=self.seed,
            progress=(lambda progress: update(progress_line(progress))) if update else None,
        )


def load(
    url: Annotated[str, typer.Argument(help="Address that is asked, http or https, with path and query.")],
    *,
    rate: Annotated[
        str,
        typer.Option(
            "--rate", "-R", help="Requests due per second, whatever the answers do: 100, 50/s, 3000/m."
        ),
    ] = "",
    connections: Annotated[
        int | None,
        typer.Option(
            "--connections",
            "-c",
            "--vus",
            help="Open at a time; without a rate each sends one after the other.",
        ),
    ] = None,
    stages: Annotated[
        str, typer.Option(help="Rates that are ramped to, with durations: 10:5s,100:20s.")
    ] = "",
    duration: Annotated[
        str, typer.Option("--duration", "-d", help="How long: 30s, 500ms, 1m30s; 30s where absent.")
    ] = "",
    requests: Annotated[
        int | None, typer.Option("--requests", "-n", help="How many in all, at most.")
    ] = None,
    poisson: Annotated[
        bool, typer.Option("--poisson", help="Let a rate's requests be due by chance, not evenly.")
    ] = False,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of --poisson, of a mix's order, of {uuid} and {random}.")
    ] = 0,
    method: Annotated[str, typer.Option("--method", "-X", help="GET, or POST where there is a body.")] = "",
    header: Annotated[
        list[str] | None, typer.Option("--header", "-H", help="Header, Name: value; may be repeated.")
    ] = None,
    body: Annotated[str, typer.Option(help="Body, in UTF-8.")] = "",
    body_file: BodyFile = None,
    mix: MixFile = None,
    expect: Annotated[
        list[str] | None,
        typer.Option(
            help='What is no error: 200, 2xx, "status < 500", \'text.contains("ok")\'; may be repeated.'
        ),
    ] = None,
    gate: Annotated[
        list[str] | None, typer.Option(help='Threshold: "p(99) < 200ms", "errors < 1%"; may be repeated.')
    ] = None,
    keep_alive: Annotated[
        bool, typer.Option(help="Use connections again, or open one for each request.")
    ] = True,
    timeout: Annotated[str, typer.Option(help="Limit for one answer.")] = "10s",
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            "-t",
            help="Processes that send: one; with --scheduler all workers that it has.",
            show_default=False,
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Dask cluster whose workers send: tcp://host:port."),
    ] = None,
    expect_errors: Annotated[
        bool, typer.Option("--expect-errors", help="Go on although more than 5 % of requests fail.")
    ] = False,
    ca: Trusted = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Trust any certificate.")] = False,
    find_knee: Annotated[
        bool,
        typer.Option(
            "--find-knee", help="Look for the limits: of connections, and of the rate that keeps --slo."
        ),
    ] = False,
    slo: Annotated[str, typer.Option(help='Threshold that a rate must keep: "p(99) < 50ms".')] = "",
    export: Export = None,
    yes: Annotated[
        str | None,
        typer.Option(
            metavar="[ENV]",
            help="Confirm a host that is not this machine; with its name, a protected environment.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Send requests under a plan and judge what was measured; exit 0 gates held, 1 not, 2 usage, 3 could not tell, 130."""
    try:
        with terminated_as_interrupted():
            from deployer_lib.cli.load_asked import Shape, body_of, mix_of  # noqa: PLC0415  (numpy, which others don't need)

            shape = Shape(rate, connections, stages, duration, requests, poisson, seed)
            asked_for = mix_of(url, mix, method, header or (), body_of(body, body_file), expect or ())
            call = _call(
                url, asked_for, yes, keep_alive=keep_alive, timeout=timeout, workers=workers,
                scheduler=scheduler, expect_errors=expect_errors, ca=ca, insecure=insecure, seed=seed,
            )  # fmt: skip
            confirmed = yes is not None
            if find_knee:
                document, code = _knee(call, shape, slo, gate or (), export, yes=confirmed)
            elif slo:
                raise UsageError("--slo is for --find-knee.", hint="A load has gates: --gate.")
            else:
                document, code = _load(call, shape, tuple(gate or _GATES), export, yes=confirmed)
    except ProcessError as error:  # one that sent was lost on the way
        fail(error, 3)
    except DeployerError as error:
        fail(error, 2)
    except KeyboardInterrupt:  # before anything was measured, or a second time
        raise typer.Exit(_INTERRUPTED) from None
    if as_json:
        out(document)
    else:
        _shown(document, code, knee=find_knee)
    raise typer.Exit(code)


def _call(
    url: str,
    mix: Mix,
    confirmed: str | None,
    *,
    keep_alive: bool,
    timeout: str,
    workers: int | None,
    scheduler: str | None,
    expect_errors: bool,
    ca: Path | None,
    insecure: bool,
    seed: int,
) -> _Call:
    """Read what stays the same over a command's loads, and refuse an environment that is protected."""
    from deployer_lib.cli.load_asked import host_of  # noqa: PLC0415
    from deployer_lib.cli.load_protected import environments_here, still_protected  # noqa: PLC0415
    from deployer_lib.load.wording import duration_s  # noqa: PLC0415

    timeout_s = duration_s(timeout)
    if not timeout_s:
        raise UsageError("--timeout 0 gives up at once.", hint="For example 10s.")
    if ca is not None and not ca.is_file():
        raise UsageError(f"{ca} is no file.", hint="Give a file of certificates in PEM.")
    if ca is not None and insecure:
        raise UsageError("--ca and --insecure contradict each other.", hint="Give one of them.")
    asked = host_of(url)
    protected = still_protected(asked, environments_here(), confirmed or "")
    writes = any(spec.writes for spec in mix.specs)
    return _Call(
        url,
        asked,
        asked.guard(writes=writes, protected=protected),
        mix,
        keep_alive,
        timeout_s,
        workers,
        scheduler,
        expect_errors,
        ca,
        insecure,
        seed,
    )


def _confirmed(call: _Call, most: int, *, yes: bool) -> None:
    """Refuse another machine that nobody confirmed.

    Raises:
        UsageError: it is one.
    """
    if call.asked.here or yes:
        return
    asked, methods = call.asked, dict.fromkeys(spec.method for spec in call.mix.specs)
    raise UsageError(
        f"The load would hit {asked.host}:{asked.port} ({', '.join(asked.addresses)}), which is not this machine, "
        f"with at most {most:,} {' and '.join(methods)} requests.",
        hint="Add --yes if you may do that.",
    )


def _load(
    call: _Call, shape: Shape, gates: Sequence[str], export: Path | None, *, yes: bool
) -> tuple[dict[str, Any], int]:
    """Carry out one plan and return its document and the exit code."""
    from deployer_lib.app.serving import watching  # noqa: PLC0415
    from deployer_lib.cli.load_asked import at_most, check_export, plan_of, words_of  # noqa: PLC0415
    from deployer_lib.cli.load_outcome import exported, findings, notes  # noqa: PLC0415
    from deployer_lib.load.floor import floor_ms  # noqa: PLC0415
    from deployer_lib.load.gates import judge  # noqa: PLC0415
    from deployer_lib.load.result import LoadResult  # noqa: PLC0415

    plan = plan_of(shape)
    for gate in gates:
        load_gate(gate)
    check_export(export)
    _confirmed(call, at_most(plan), yes=yes)
    with err().status("connecting …") as status, watching(call.asked.host, call.asked.port) as seen:
        columns = call.run(plan, connections=shape.connections, update=status.update)
    names, where = call.mix.names, f"{call.asked.host}:{call.asked.port}"
    result = LoadResult(columns, words_of(shape), names, floor_ms(columns, plan), resources=seen())
    found = [*findings(result, where), *exported(result, export)]
    judged = judge(result, gates)
    document = {
        **result.to_json(),
        "target": f"{call.asked.scheme}://{where}",
        "notes": [*result.health.notes, *notes(result, where, names)],
        "findings": found,
        "gates": [{**gate.to_json(), "why": gate.why} for gate in judged],
        "export": str(export) if export else None,
    }
    return document, _code(result, found, [gate.held for gate in judged])


def _code(result: LoadResult, findings: Sequence[str], held: Sequence[bool | None]) -> int:
    from deployer_lib.load.job import CEILING, INTERRUPTED  # noqa: PLC0415

    if result.stopped == INTERRUPTED:
        return _INTERRUPTED
    if findings:
        return 1
    if result.stopped == CEILING or result.verdict.value == "invalid":
        return 3
    return _judged(held)


def _judged(held: Sequence[bool | None]) -> int:
    return 1 if False in held else 3 if None in held else 0


def _knee(
    call: _Call, shape: Shape, slo: str, gates: Sequence[str], export: Path | None, *, yes: bool
) -> tuple[dict[str, Any], int]:
    """Search for the limits and return the document and the exit code."""
    from deployer_lib.app.serving import watching  # noqa: PLC0415
    from deployer_lib.cli.load_asked import CEILING, arrivals  # noqa: PLC0415
    from deployer_lib.load.knee import BUDGET_S, MOST_CONNECTIONS, find_knee  # noqa: PLC0415
    from deployer_lib.load.wording import duration_s  # noqa: PLC0415

    if shape.rate or shape.stages or shape.requests is not None or export:
        raise UsageError(
            "--find-knee chooses rates, stages and numbers of requests itself, and has no single histogram.",
            hint="Leave --rate, --stages, --requests and --export out; --duration is for the whole search.",
        )
    if shape.connections is not None and shape.connections < 1:
        raise UsageError(f"{shape.connections} connections cannot ask anything.", hint="Give at least 1.")
    if slo:
        load_gate(slo)
    limits = [threshold(text) for text in gates]
    for limit in limits:
        if limit.metric not in _LIMITS:
            raise UsageError(
                f"{limit.text!r} is on {limit.metric}, which a search does not find.",
                hint='With --find-knee a gate is on rate or connections: "rate > 500/s".',
            )
    _confirmed(call, CEILING, yes=yes)
    with err().status("looking …") as status, watching(call.asked.host, call.asked.port) as seen:
        knee = find_knee(
            call.run,
            slo,
            arrivals=arrivals(shape),
            most_connections=MOST_CONNECTIONS if shape.connections is None else shape.connections,
            budget_s=duration_s(shape.duration) if shape.duration else BUDGET_S,
            timeout_s=call.timeout_s,
            progress=lambda text: status.update(f"{text} …"),
        )
    resources = seen()
    metrics = {"rate": knee.max_rate_per_s, "connections": knee.connections_cliff}
    known = {name: float(value) for name, value in metrics.items() if value is not None}
    judged = [(limit, limit.judge(known)) for limit in limits]
    document = {
        **knee.to_json(),
        "target": f"{call.asked.scheme}://{call.asked.host}:{call.asked.port}",
        "gates": [
            {"expression": limit.text, "held": seen.held, "value": known.get(limit.metric), "why": seen.why}
            for limit, seen in judged
        ],
        "resources": None if resources is None else resources.to_json(),
    }
    return document, _knee_code(knee, [seen.held for _, seen in judged])


def _knee_code(knee: Knee, held: Sequence[bool | None]) -> int:
    if knee.interrupted:
        return _INTERRUPTED
    if knee.findings:
        return 1
    if held and (knee.told or all(held)):  # a lower bound is enough for a gate that it holds
        return _judged(held)
    return 0 if knee.told else 3


def _shown(document: dict[str, Any], code: int, *, knee: bool) -> None:
    from rich.console import Console  # noqa: PLC0415

    from deployer_lib.cli.load_shown import show_knee, show_load  # noqa: PLC0415

    (show_knee if knee else show_load)(Console(), document, code)

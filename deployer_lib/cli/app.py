"""The commands of ``deployer`` (SCHEMA.md): one document on stdout with ``--json``, everything else on stderr."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.markup import escape

from deployer_lib.catalogue import CATALOGUE
from deployer_lib.cli.audit import audit
from deployer_lib.cli.load import load
from deployer_lib.cli.load_options import LoadCommand
from deployer_lib.cli.output import Json, err, fail, out
from deployer_lib.errors import DeployerError, UsageError
from deployer_lib.extensions import names_of

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(audit, name="audit")
app.command(cls=LoadCommand)(load)
_INTERRUPTED: Final = 130
_TRIGGERS: Final = ("deploy", "schedule", "pr", "manual")


def _version(wanted: bool) -> None:  # noqa: FBT001  (as typer calls it)
    if wanted:
        from deployer_lib import __version__  # noqa: PLC0415  (slow to find)

        sys.stdout.write(f"deployer {__version__}\n")
        raise typer.Exit


@app.callback()
def _deployer(
    version: Annotated[  # noqa: FBT002  (its callback is what acts)
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """May this build go to that environment, and how do we know?"""


Outputs = Annotated[Path | None, typer.Option(help="Folder of all records, instead of outputs/.")]


def _root() -> Path:
    from deployer_lib.parameters import find_root  # noqa: PLC0415

    return find_root(Path.cwd(), os.environ)


def _overrides(pairs: list[str]) -> dict[str, Any]:
    """Return ``a.b=c`` pairs as nested maps of text, which is coerced by each parameter's declared type."""
    nested: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError(
                f"-p {pair} is not of the form name=value.", hint="For example -p smoke.rate_limit.limit=20."
            )
        *sections, name = key.split(".")
        place = nested
        for section in sections:
            place = place.setdefault(section, {})
            if not isinstance(place, dict):
                raise UsageError(f"-p {pair}: {section} is given as a value and as a section.")
        place[name] = value
    return nested


@app.command()
def run(
    environment: Annotated[str, typer.Argument(help="Environment: a file in parameters/, without suffix.")],
    p: Annotated[
        list[str] | None, typer.Option("-p", help="Override a parameter: a.b=c; may be repeated.")
    ] = None,
    phases: Annotated[str, typer.Option(help="Only these phases, by commas.")] = "",
    resume: Annotated[bool, typer.Option(help="Go on with the last unfinished run.")] = False,  # noqa: FBT002
    yes: Annotated[str, typer.Option(metavar="ENV", help="Confirm a protected environment by its id.")] = "",
    trigger: Annotated[str, typer.Option(help="deploy, schedule, pr or manual.")] = "manual",
    outputs: Outputs = None,
    history: Annotated[
        Path | None, typer.Option(help="Folder of earlier records, instead of outputs/.")
    ] = None,
    as_json: Json = False,  # noqa: FBT002
) -> None:
    """Run the notebooks of an environment; exit 0 go, 1 no-go, 2 usage, 3 undecided, 130 interrupted."""
    from deployer_lib.cli.progress import listener_for  # noqa: PLC0415
    from deployer_lib.runbook.running import RunRequest  # noqa: PLC0415
    from deployer_lib.runbook.running import run as run_notebooks  # noqa: PLC0415

    if trigger not in _TRIGGERS:
        fail(UsageError(f"--trigger {trigger} is unknown.", hint=f"One of {', '.join(_TRIGGERS)}."), 2)
    console = err()
    listener = listener_for(console)
    try:
        overrides = _overrides(p or [])
        if yes:
            overrides["confirm"] = yes
        request = RunRequest(
            _root(),
            environment,
            overrides,
            tuple(filter(None, phases.split(","))),
            trigger,
            outputs.resolve() if outputs else None,
            history,
            resume,
        )
        finished = run_notebooks(request, listener)
    except UsageError as error:
        listener.close()
        fail(error, 2)
    except DeployerError as error:
        listener.close()
        fail(error, 3)
    except KeyboardInterrupt:  # before anything was kept
        listener.close()
        raise typer.Exit(_INTERRUPTED) from None
    listener.close()
    if as_json:
        out(finished.results)
    _summary(console, finished.results, finished.run_dir)
    raise typer.Exit(finished.exit_code)


def _summary(console: Console, results: dict[str, Any], run_dir: Path) -> None:
    mark = {"go": "✅ GO", "no-go": "❌ NO-GO", "undecided": "⚠️  UNDECIDED"}[results["verdict"]]
    counts = ", ".join(f"{count} {name}" for name, count in results["counts"].items())
    console.print(
        f"\n{mark}  {escape(results['environment'])}: {escape(results['reason'])}",
        highlight=False,
        soft_wrap=True,
    )
    for check in results["checks"]:
        if check["outcome"] == "fail":
            name = f"{check['id']} {check['subject']}".strip()
            console.print(
                f"  {check['severity']:<8} {escape(name)}: {escape(check['message'])}",
                highlight=False,
                soft_wrap=True,
            )
    console.print(f"  {counts}", highlight=False)
    console.print(f"  record: {os.path.relpath(run_dir)}/DEPLOYMENT_LOG.md", highlight=False, soft_wrap=True)


@app.command()
def plan(environment: str, as_json: Json = False) -> None:  # noqa: FBT002
    """Say what a run would do, with its effects; touches nothing."""
    from deployer_lib.runbook.planning import plan_run  # noqa: PLC0415

    try:
        planned = plan_run(_root(), environment)
    except DeployerError as error:
        fail(error, 2)
    if as_json:
        out(planned.to_json())
        return
    sys.stdout.write(planned.to_text())


@app.command()
def up(
    environment: str,
    yes: Annotated[str, typer.Option(metavar="ENV")] = "",
    as_json: Json = False,  # noqa: FBT002
) -> None:
    """Build where needed and start what the environment's deploy declares."""
    from deployer_lib.runbook.standing import bring_up_environment  # noqa: PLC0415

    console = err()
    try:
        done = bring_up_environment(
            _root(), environment, yes, lambda text: console.print(escape(text), highlight=False)
        )
    except UsageError as error:
        fail(error, 2)
    except DeployerError as error:
        fail(error, 1)
    if as_json:
        out({"schema": "up/1", **done})
    else:
        sys.stdout.write(f"{done['message']}\n")
    raise typer.Exit(0 if done["ok"] else 1)


@app.command()
def down(environment: str, as_json: Json = False) -> None:  # noqa: FBT002
    """Stop what ``up`` or a run started."""
    from deployer_lib.runbook.standing import bring_down_environment  # noqa: PLC0415

    try:
        done = bring_down_environment(_root(), environment)
    except UsageError as error:
        fail(error, 2)
    except DeployerError as error:
        fail(error, 1)
    if as_json:
        out({"schema": "down/1", **done})
    else:
        sys.stdout.write(f"{done['message']}\n")


@app.command(name="list")
def list_(outputs: Outputs = None, as_json: Json = False) -> None:  # noqa: FBT002
    """List the runs on record, unfinished ones included."""
    from deployer_lib.history import list_runs  # noqa: PLC0415

    try:
        folder = outputs or _root() / "outputs"
    except DeployerError as error:
        fail(error, 2)
    runs = list_runs(folder) if folder.is_dir() else []
    rows = [
        {
            "run": r.run,
            "environment": r.environment,
            "round": r.round,
            "verdict": r.verdict,
            "started_at": r.started_at,
            "state": r.state,
        }
        for r in runs
    ]
    if as_json:
        out({"schema": "list/1", "runs": rows})
        return
    for row in rows:
        sys.stdout.write(
            f"{row['run']}  {row['environment']:<16} round {row['round']:<4} {row['verdict'] or row['state']:<10} {row['started_at']}\n"
        )
    if not rows:
        err().print("No runs yet: deployer run ENV makes one.", highlight=False)


@app.command()
def report(
    run: Annotated[str, typer.Argument(help="Folder of a run, or its id.")],
    to: Annotated[
        Path | None,
        typer.Option(help="Folder to write the report's files to; the sealed run is never rewritten."),
    ] = None,
    outputs: Outputs = None,
    as_json: Json = False,  # noqa: FBT002
) -> None:
    """Make a run's reports again from its notebooks alone."""
    from deployer_lib.runbook.remaking import remake  # noqa: PLC0415

    try:
        folder = Path(run)
        if not folder.is_dir():
            folder = _found(run, outputs)
        reports = remake(folder, to)
    except UsageError as error:
        fail(error, 2)
    except DeployerError as error:
        fail(error, 3)
    if as_json:
        out(reports.results)
    elif to is None:
        sys.stdout.write(reports.log)


def _found(run: str, outputs: Path | None) -> Path:
    from deployer_lib.history import find_run  # noqa: PLC0415

    folder = find_run(outputs or _root() / "outputs", run)
    if folder is None:
        raise UsageError(f"There is no run {run}.", hint="deployer list shows them.")
    return folder


@app.command()
def checks(as_json: Json = False) -> None:  # noqa: FBT002
    """Print the catalogue of checks."""
    rows = [
        {
            "id": s.id,
            "row": s.row,
            "phase": s.phase,
            "title": s.title,
            "severity": s.severity.value,
            "effect": s.effect.value,
            "needs": list(s.needs),
            "profiles": [profile.value for profile in s.profiles],
            "level": s.level.value,
        }
        for s in CATALOGUE.values()
    ]
    installed = names_of("checks")
    if as_json:
        own = [{"id": name, "from": value} for name, value in installed.items()]
        out({"schema": "checks/1", "checks": rows, "installed": own})
        return
    for row in rows:
        sys.stdout.write(
            f"{row['row']:<4} {row['id']:<32} {row['severity']:<9} {row['effect']:<8} {row['title']}\n"
        )
    for name, value in installed.items():
        sys.stdout.write(f"{'K7':<4} {name:<32} {'':<18} {value}\n")


@app.command()
def init(
    path: Annotated[Path, typer.Argument(help="Folder of a Python, Node or Rust project.")],
    name: Annotated[str, typer.Option(help="Name of the environment; the project's where empty.")] = "",
    as_json: Json = False,  # noqa: FBT002
) -> None:
    """Look at a project and write a first parameters file, saying what it could not know."""
    from deployer_lib.starter import start  # noqa: PLC0415

    try:
        started = start(path, _starting_root(), name)
    except DeployerError as error:
        fail(error, 2)
    if as_json:
        out({"schema": "init/1", "file": str(started.path), "unknown": list(started.unknown)})
        return
    sys.stdout.write(f"wrote {started.path}\n")
    for line in started.unknown:
        sys.stdout.write(f"  could not know: {line}\n")


def _starting_root() -> Path:
    """Return the root, which ``init`` alone may be the first to make: here."""
    try:
        return _root()
    except UsageError:
        return Path.cwd()


def main() -> None:
    """Run the command line."""
    # jsonschema takes it where it can and builds a grammar with it at import: a second of every run, for a check of
    # IRIs that nothing here asks for.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # None is how an import is refused
    app()

"""``deployer audit``: what a folder's sources tell, without an environment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from deployer_lib.cli.output import Json, err, fail, out
from deployer_lib.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from deployer_lib.auditing import Subject

__all__ = ["audit"]

audit = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Look at a project's sources; nothing is started or sent.",
)
Folder = Annotated[Path, typer.Argument(help="Folder of the project.")]
Exclude = Annotated[
    list[str] | None, typer.Option(help="Pattern of paths that are left out; may be repeated.")
]
_DEFAULT_WIDTH = 24


@audit.callback()
def _audit() -> None:
    """Look at a project's sources; nothing is started or sent."""


@audit.command()
def variables(path: Folder, exclude: Exclude = None, as_json: Json = False) -> None:  # noqa: FBT002
    """List the environment variables that the code reads; exit 0 clean, 1 findings, 3 could not tell."""
    _audited("variables", path, exclude, _variables, as_json=as_json)


@audit.command()
def dependencies(path: Folder, exclude: Exclude = None, as_json: Json = False) -> None:  # noqa: FBT002
    """List what is wrong with the packages, after a clean install in a copy; exit 0 clean, 1 findings, 3 could not tell."""
    _audited("dependencies", path, exclude, _dependencies, as_json=as_json)


@audit.command()
def secrets(path: Folder, exclude: Exclude = None, as_json: Json = False) -> None:  # noqa: FBT002
    """List keys, tokens and passwords that lie open, by kind and place; exit 0 clean, 1 findings, 3 could not tell."""
    _audited("secrets", path, exclude, _secrets, as_json=as_json)


@audit.command()
def migrations(path: Folder, exclude: Exclude = None, as_json: Json = False) -> None:  # noqa: FBT002
    """List the chains of database migrations; exit 0 clean, 1 findings, 3 could not tell."""
    _audited("migrations", path, exclude, _migrations, as_json=as_json)


def _audited(
    subject: Subject,
    path: Path,
    exclude: Sequence[str] | None,
    show: Callable[[dict[str, Any]], Table],
    *,
    as_json: bool,
) -> None:
    """Make an audit with a line of progress, print it, and end as it says."""
    from rich.console import Console  # noqa: PLC0415

    from deployer_lib.auditing import audit as made  # noqa: PLC0415

    try:
        with err().status("reading the sources …") as status:
            found = made(subject, path, exclude=tuple(exclude or ()), progress=status.update)
    except UsageError as error:
        fail(error, 2)
    if as_json:
        out(found.document)
        raise typer.Exit(found.exit_code)
    console = Console()
    table = show(found.document)
    if table.row_count:
        console.print(table)
    for line in _notes(found.document):
        console.print(escape(line), highlight=False)
    for check in found.checks:
        if check.outcome.value in {"error", "skip"}:
            console.print(
                escape(f"{check.outcome.value}: {check.id}: {check.result.message}"), highlight=False
            )
    counts = sum(check.outcome.value == "fail" for check in found.checks)
    console.print(f"\n{counts} findings" if counts != 1 else "\n1 finding")
    raise typer.Exit(found.exit_code)


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for number, heading in enumerate(headings):
        table.add_column(heading, overflow="fold", no_wrap=number < len(headings) - 1)
    return table


def _place(row: dict[str, Any]) -> str:
    return f"{row['file']}:{row['line']}" if row["line"] else str(row["file"])


def _variables(document: dict[str, Any]) -> Table:
    table = _table("variable", "need", "default", "example", "documents", "read in")
    for row in document["variables"]:
        places = [_place(place) for place in row["references"]]
        default = row["default"] or ""
        table.add_row(
            row["name"],
            row["need"],
            escape(default if len(default) <= _DEFAULT_WIDTH else f"{default[: _DEFAULT_WIDTH - 1]}…"),
            "✅" if row["in_example"] else "❌",
            "✅" if row["documented"] else "❌",
            escape(places[0] + (f" (+{len(places) - 1})" if len(places) > 1 else "")),
        )
    return table


def _dependencies(document: dict[str, Any]) -> Table:
    table = _table("problem", "package", "place", "what was seen")
    for kind in ("undeclared", "dev_in_production", "peers", "conflicts", "platform", "drift"):
        for row in document[kind]:
            table.add_row(kind, *map(escape, (row["name"], _place(row), row["detail"])))
    return table


def _secrets(document: dict[str, Any]) -> Table:
    table = _table("kind", "value", "committed", "place")
    for row in document["secrets"]:
        committed = {True: "yes", False: "no", None: "unknown"}[row["committed"]]
        table.add_row(row["kind"], escape(row["masked"]), committed, escape(_place(row)))
    return table


def _migrations(document: dict[str, Any]) -> Table:
    table = _table("tool", "app", "revisions", "head", "folder")
    for row in document["histories"]:
        table.add_row(
            row["tool"],
            row["app"],
            str(len(row["revisions"])),
            ", ".join(row["heads"]),
            escape(row["folder"]),
        )
    return table


def _notes(document: dict[str, Any]) -> list[str]:
    """Return what a table has no row for."""
    lines = []
    if names := document.get("deploy_only"):
        lines.append(f"\nread by compose files and manifests alone: {', '.join(names)}")
    lines += [f"made at run time: {_place(row)} ({row['idiom']})" for row in document.get("computed", ())]
    unread = [*document.get("files_skipped", ()), *document.get("files_unread", ())]
    lines += [f"not read: {row['file']}: {row['why']}" for row in unread]
    for history in document.get("histories", ()):
        lines += [f"{row['kind']}: {_place(row)}: {row['detail']}" for row in history["problems"]]
    if "files_scanned" in document:
        lines.append(f"\n{len(document['variables'])} variables in {document['files_scanned']} files")
    return lines

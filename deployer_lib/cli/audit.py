"""``deployer audit``: what a folder's sources tell, without an environment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from deployer_lib.cli.output import Json, err, fail, out
from deployer_lib.errors import UsageError

if TYPE_CHECKING:
    from deployer_lib.auditing import Audit

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


@audit.callback()
def _audit() -> None:
    """Look at a project's sources; nothing is started or sent."""


@audit.command()
def variables(path: Folder, exclude: Exclude = None, as_json: Json = False) -> None:  # noqa: FBT002
    """List the environment variables that the code reads; exit 0 clean, 1 findings, 3 could not tell."""
    from deployer_lib.auditing import audit_variables  # noqa: PLC0415

    console = err()
    try:
        with console.status("reading the sources …") as status:
            found = audit_variables(path, exclude=tuple(exclude or ()), progress=status.update)
    except UsageError as error:
        fail(error, 2)
    if as_json:
        out(found.document)
    else:
        _table(found)
    raise typer.Exit(found.exit_code)


def _table(found: Audit) -> None:
    from rich.console import Console  # noqa: PLC0415

    console = Console()
    table = Table(box=None, pad_edge=False)
    for heading in ("variable", "need", "default", "example", "documents"):
        table.add_column(heading, no_wrap=True, overflow="fold" if heading == "variable" else "ellipsis")
    table.add_column("read in", overflow="fold")
    for row in found.document["variables"]:
        places = [f"{r['file']}:{r['line']}" for r in row["references"]]
        more = f" (+{len(places) - 1})" if len(places) > 1 else ""
        default = row["default"] or ""
        table.add_row(
            row["name"],
            row["need"],
            default if len(default) <= 24 else f"{default[:23]}…",  # noqa: PLR2004  (a column's width)
            "✅" if row["in_example"] else "❌",
            "✅" if row["documented"] else "❌",
            f"{places[0]}{more}",
        )
    console.print(table)
    if names := found.document["deploy_only"]:
        console.print(f"\nread by compose files and manifests alone: {', '.join(names)}")
    for place in found.document["computed"]:
        console.print(f"made at run time: {place['file']}:{place['line']} ({place['idiom']})")
    for skipped in found.document["files_skipped"]:
        console.print(f"not read: {skipped['file']}: {skipped['why']}")
    counts = f"{len(found.document['variables'])} variables in {found.document['files_scanned']} files"
    console.print(f"\n{counts}; {sum(c.outcome.value == 'fail' for c in found.checks)} findings")

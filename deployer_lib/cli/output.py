"""What every command shares: the terminal, one JSON document on stdout, an error with its hint."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from deployer_lib.errors import DeployerError

__all__ = ["Json", "err", "fail", "out"]

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout; everything else on stderr.")]


def err() -> Console:
    """Return the terminal's error stream."""
    return Console(stderr=True)


def out(data: dict[str, Any]) -> None:
    """Write one JSON document to stdout; what is no text in UTF-8 is escaped."""
    text = json.dumps(data, ensure_ascii=False, indent=1)
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode() + "\n")


def fail(error: DeployerError, code: int) -> NoReturn:
    """Say what happened and what to do, and end with an exit code."""
    console = err()
    console.print(f"deployer: {escape(error.message)}", highlight=False, soft_wrap=True)
    if error.hint:
        console.print(f"  {escape(error.hint)}", highlight=False, soft_wrap=True)
    raise typer.Exit(code)

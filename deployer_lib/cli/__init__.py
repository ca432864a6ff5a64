"""The command line: a thin skin on the library."""

from __future__ import annotations

from deployer_lib.cli.app import main

__all__ = ["main"]

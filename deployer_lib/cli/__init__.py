"""The command line: a thin skin on the library."""

from __future__ import annotations

import sys

__all__ = ["main"]

_INTERRUPTED = 130


def main() -> None:
    """Run the command line; Ctrl-C while it is still being loaded ends it as later on, without a traceback."""
    try:
        from deployer_lib.cli.app import main as run  # noqa: PLC0415  (so that an interruption is heard)

        run()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)

"""Let ``python -m deployer_lib`` be the command ``deployer``."""

from __future__ import annotations

from deployer_lib.cli import main

if __name__ == "__main__":
    main()

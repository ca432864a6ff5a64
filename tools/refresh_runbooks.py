"""Write the parameters cell of every runbook anew, after the model of the parameters has changed."""

from __future__ import annotations

import json
from pathlib import Path

from deployer_lib.parameters import parameters_cell

RUNBOOKS = Path(__file__).parents[1] / "runbooks"


def main() -> None:
    """Replace the source of each cell tagged ``parameters``; nothing else is touched."""
    for path in sorted(RUNBOOKS.glob("*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            if "parameters" in cell["metadata"].get("tags", ()):
                cell["source"] = parameters_cell().splitlines(keepends=True)
        path.write_text(json.dumps(notebook, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

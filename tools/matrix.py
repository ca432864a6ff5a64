"""Write docs/matrix.md: what each check came to on the sound sample.

``python tools/matrix.py outputs/local/latest > docs/matrix.md``, after ``deployer run local -p level=deep``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from deployer_lib.catalogue import CATALOGUE


def matrix(results: dict[str, object]) -> str:
    """Return the page for one run's results."""
    checks = results["checks"]
    assert isinstance(checks, list)  # noqa: S101  (the schema says so)
    lines = [
        "# Each check on the sound sample",
        "",
        "A check that never passes proves nothing either. Written by `tools/matrix.py` from a run of `deployer run local -p level=deep`;",
        "the number is how many subjects (endpoints, variables, files) were looked at.",
        "",
        "| check | row | passed | skipped | other |",
        "| --- | --- | --- | --- | --- |",
    ]
    for spec in CATALOGUE.values():
        made = [check for check in checks if check["id"] == spec.id]
        count = {kind: sum(c["outcome"] == kind for c in made) for kind in ("pass", "skip")}
        other = len(made) - count["pass"] - count["skip"]
        lines.append(f"| `{spec.id}` | {spec.row} | {count['pass']} | {count['skip']} | {other} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(matrix(json.loads((Path(sys.argv[1]) / "results.json").read_text(encoding="utf-8"))))

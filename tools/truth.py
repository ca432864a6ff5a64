"""Judge the reader of variables on repositories that were read by hand (tests/truth).

``python tools/truth.py FOLDER [NAME …]``: FOLDER holds a work tree ``<name>`` of each repository, at the commit that its truth
names. Exit 1 where names fall below 0.98 of precision or recall, or needs below 0.95.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployer_lib.probes.variables import scan

TRUTH = Path(__file__).parents[1] / "tests" / "truth"
NAMES, NEEDS = 0.98, 0.95


@dataclass(frozen=True, slots=True)
class Judged:
    """How a scan compares with what a person read."""

    name: str
    right: int  # names that are both read and true
    invented: tuple[str, ...]  # said to be read, and not
    missed: tuple[str, ...]  # read, and not found
    needs: int  # needs that were judged
    wrong: tuple[str, ...]  # name: what was said, what is true

    @property
    def precision(self) -> float:
        """Return the part of the names told that is true."""
        return self.right / max(1, self.right + len(self.invented))

    @property
    def recall(self) -> float:
        """Return the part of the true names that was told."""
        return self.right / max(1, self.right + len(self.missed))

    @property
    def need(self) -> float:
        """Return the part of the judged needs that is right."""
        return 1 - len(self.wrong) / max(1, self.needs)

    @property
    def holds(self) -> bool:
        """Tell whether the figures that were promised hold."""
        return self.precision >= NAMES and self.recall >= NAMES and self.need >= NEEDS


def judge(truth: dict[str, Any], name: str, tree: Path) -> Judged:
    """Compare a scan of a work tree with its truth."""
    found = {variable.name: variable.need for variable in scan(tree).variables}
    true = {key: entry["need"] for key, entry in truth["variables"].items()}
    disputed = truth["disputed"]
    # A dispute over the need alone leaves the name to be judged; any other leaves the name out.
    unclear = {key for key, why in disputed.items() if not why.startswith("need only")}
    unjudged = set(disputed) | set(truth.get("need_disputed", {}))
    told, wanted = set(found) - unclear, set(true) - unclear
    compared = sorted((told & wanted) - unjudged)
    wrong = tuple(f"{key}: {found[key]}, not {true[key]}" for key in compared if found[key] != true[key])
    return Judged(
        name,
        len(told & wanted),
        tuple(sorted(told - wanted)),
        tuple(sorted(wanted - told)),
        len(compared),
        wrong,
    )


def main() -> int:
    """Judge all repositories that are at hand, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--quiet", action="store_true", help="the figures alone")
    arguments = parser.parse_args()
    results = []
    for path in sorted(TRUTH.glob("*.json")):
        tree = arguments.folder / path.stem
        if tree.is_dir() and (not arguments.names or path.stem in arguments.names):
            results.append(judge(json.loads(path.read_text(encoding="utf-8")), path.stem, tree))
    for one in results:
        print(
            f"{'holds' if one.holds else 'BELOW':<6} {one.name:<14} names {one.right}: precision {one.precision:.3f}, recall "
            f"{one.recall:.3f}; needs {one.needs}: {one.need:.3f}"
        )
        if not arguments.quiet:
            for what, names in (("invented", one.invented), ("missed", one.missed), ("need", one.wrong)):
                for name in names:
                    print(f"       {what}: {name}")
    return 0 if results and all(one.holds for one in results) else 1


if __name__ == "__main__":
    sys.exit(main())

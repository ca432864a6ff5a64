"""Run the long experiments in full, resumable, and write docs/proof.md from what they showed.

``python tools/proof.py [--jobs N] [--only TEXT]``: what stands in .deployer/proof/ is not run again, unless the
library or the sample has changed since.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployer_lib.proving import all_faults, try_fault

if TYPE_CHECKING:
    from deployer_lib.proving import Fault

REPOSITORY = Path(__file__).parents[1]
FAULTS = REPOSITORY / "tests" / "faults"
SETS = {
    "storefront": "by the check's author",
    "storefront/second": "by somebody who had not seen the probe",
    "storefront/third": "after a probe had been mended, again by somebody who had not seen it",
}
KEPT = REPOSITORY / ".deployer" / "proof"
PAGE = REPOSITORY / "docs" / "proof.md"


def stamp(fault: Fault) -> str:
    """Return what a result depends on: the library, the sample, the parameters and the patch."""
    digest = hashlib.sha256(fault.path.read_bytes())
    for folder, pattern in (
        ("deployer_lib", "*.py"),
        ("examples/storefront", "*.py"),
        ("runbooks", "*.ipynb"),
    ):
        for path in sorted((REPOSITORY / folder).rglob(pattern)):
            digest.update(path.read_bytes())
    digest.update((REPOSITORY / "parameters" / "storefront.base.yaml").read_bytes())
    return digest.hexdigest()[:16]


def tried(name: str, fault: Fault, *, earlier: bool) -> dict[str, Any]:
    """Return the result of one fault, from an earlier run of this program where nothing has changed, or with ``earlier``."""
    path = KEPT / f"{name.replace('/', '-')}-{fault.id}.json"
    mark = stamp(fault)
    if path.exists():
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if kept["stamp"] == mark or earlier:
            return kept
    with tempfile.TemporaryDirectory(prefix="proof-") as folder:
        result = try_fault(fault, Path(folder), REPOSITORY, "local")
    data = {"stamp": mark, "commit": commit(), "exact": result.exact, "why": fault.why, **asdict(result)}
    KEPT.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=1), encoding="utf-8")
    print(
        f"{'exact' if result.exact else 'NOT EXACT':<10} {name} {fault.id}  {result.duration_s:.0f} s",
        flush=True,
    )
    if not result.exact:
        for line in result.detail:
            print(f"    {line}", flush=True)
    return data


def commit() -> str:
    """Return the commit of this checkout, with a plus where it has changes of its own."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=REPOSITORY, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    return git("rev-parse", "--short=10", "HEAD") + ("+" if git("status", "--porcelain") else "") or "unknown"


def page(results: dict[str, list[dict[str, Any]]]) -> str:
    """Return docs/proof.md."""
    lines = [
        "# Proof",
        "",
        "Written by `make proof`: each fault is a patch on the sample that is built, deployed, started and verified with",
        "all phases, at the commit that its row names. *Exact* means: the checks that it should trip ended in a finding, no other did, and none could not tell.",
        "",
    ]
    for name, rows in results.items():
        exact = sum(row["exact"] for row in rows)
        lines += [
            f"## Faults made {SETS[name]}: {exact} of {len(rows)} exact",
            "",
            "| fault | the mistake | tripped | exact | checks that passed | seconds | commit |",
            "| --- | --- | --- | --- | --- | --- | --- |",
        ]
        lines += [
            f"| `{row['fault']}` | {row['why']} | {', '.join(row['failed']) or 'nothing'} | {'✅' if row['exact'] else '❌'} "
            f"| {row['passed']} | {row['duration_s']:.0f} | {row['commit']} |"
            for row in rows
        ]
        lines.append("")
    return "\n".join(lines)


def main() -> int:
    """Run what is not proved yet, write the page, and return 0 where all is exact."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="only faults whose name holds this")
    parser.add_argument(
        "--earlier", action="store_true", help="take what an earlier commit showed; the page names the commit"
    )
    arguments = parser.parse_args()
    results: dict[str, list[dict[str, Any]]] = {}
    with ThreadPoolExecutor(arguments.jobs) as pool:
        pending = {
            name: [
                pool.submit(tried, name, f, earlier=arguments.earlier)
                for f in all_faults(FAULTS / name)
                if arguments.only in f.id
            ]
            for name in SETS
        }
        for name, futures in pending.items():
            results[name] = [future.result() for future in futures]
    if not arguments.only:
        PAGE.write_text(page(results), encoding="utf-8")
    return 0 if all(row["exact"] for rows in results.values() for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())

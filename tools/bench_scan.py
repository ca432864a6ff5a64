"""What a scan for variables costs against ripgrep: CPU seconds of both on one tree of 10,000 files, in one run, medians of five.

``python tools/bench_scan.py [FOLDER]``: without a folder, a tree is made. One file in fifty reads the environment, in each of
five languages as many, as in the repositories of tests/truth (1 in 22 to 1 in 140). A scan is a process of its own, the start of
the interpreter and ripgrep's own part in it included; *audit* is the whole command, which compares and prints besides.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from deployer_lib.probes.variables.ripgrep import program

ROUNDS: Final = 5
FILES: Final = 10_000
EVERY: Final = 50  # one file in so many reads the environment
PATTERN: Final = (
    r"process\.env|import\.meta\.env|os\.environ|getenv|environ|env::var|env!|Getenv|LookupEnv|ENV\[|ENV\.|\$_ENV|env\(|"
    r"System\.getenv|@Value|System\.get_env|GetEnvironmentVariable|\$\{"
)
#: suffix → (how a file begins, a line of plain code, a line that reads a variable, how it ends)
LANGUAGES: Final = {
    ".ts": ("", "export function total{n}(items: number[]): number {{ return items.reduce((a, b) => a + b, {n}); }}",
            "export const url{n} = process.env.URL_{n} ?? 'http://localhost:{n}';", ""),
    ".py": ("import os", "def total_{n}(items):\n    return sum(items) + {n}", "URL_{n} = os.environ.get('URL_{n}', 'x')", ""),
    ".go": ('package p\n\nimport "os"', "func Total{n}(a, b int) int {{ return a + b + {n} }}",
            'var Url{n} = os.Getenv("URL_{n}")', ""),
    ".rb": ("", "def total_{n}(items)\n  items.sum + {n}\nend", "URL_{n} = ENV.fetch('URL_{n}', 'x')", ""),
    ".java": ("class T{n} {{", "  int total{n}(int a, int b) {{ return a + b + {n}; }}",
              '  String url = System.getenv("URL_{n}");', "}}"),
}  # fmt: skip
LINES: Final = 40  # of plain code in a file
_SCAN: Final = "import sys; from pathlib import Path; from deployer_lib.probes.variables import scan; print(len(scan(Path(sys.argv[1])).variables))"


def tree(folder: Path) -> None:
    """Write 10,000 files of some 2 kB below a folder; of every language, as many as of the others read a variable."""
    kinds = list(LANGUAGES.items())
    for n in range(FILES):
        suffix, (begin, plain, read, end) = kinds[n % len(kinds)]
        path = folder / f"part{n % 100}" / f"file{n}{suffix}"
        path.parent.mkdir(exist_ok=True)
        lines = [begin, *([read] if n // len(kinds) % EVERY == 0 else [])]
        lines = [line.format(n=n) for line in lines] + [plain.format(n=n * LINES + i) for i in range(LINES)]
        path.write_text("\n".join([*lines, end.format(n=n)]).strip() + "\n", encoding="utf-8")


def cost(argv: list[str]) -> tuple[float, int]:
    """Return CPU seconds (user and system) of a command that is run to its end, and the most memory of any so far, in MB."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(argv, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, after.ru_maxrss // 1024


def measured(folder: Path) -> dict[str, float | int | str]:
    """Return CPU seconds of each, their ratios, and the scan's memory; they take turns.

    Raises:
        Unavailable: ripgrep is not there.
    """
    search = [program(), "-uu", "-c", PATTERN, os.fspath(folder)]
    scan = [sys.executable, "-c", _SCAN, os.fspath(folder)]
    audit = [sys.executable, "-m", "deployer_lib", "audit", "variables", os.fspath(folder), "--json"]
    rounds = [(cost(search)[0], *cost(scan), cost(audit)[0]) for _ in range(ROUNDS)]
    theirs, spent, _, whole = (statistics.median(column) for column in zip(*rounds, strict=True))
    return {
        "audit_cpu_s": round(whole, 2),
        "scan_cpu_s": round(spent, 2),
        "ripgrep_cpu_s": round(theirs, 3),
        "scan_over_ripgrep": round(spent / theirs, 1),
        "audit_over_ripgrep": round(whole / theirs, 1),
        "memory_mb": max(one[2] for one in rounds),
    }


def main() -> None:
    """Print one JSON document."""
    with tempfile.TemporaryDirectory(prefix="tree-") as name:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(name)
        if len(sys.argv) == 1:
            tree(folder)
        print(json.dumps(measured(folder), indent=1))


if __name__ == "__main__":
    main()

"""What a scan for variables costs against ripgrep: CPU seconds of both on one tree of 10,000 files, in one run, medians of five.

``python tools/bench_scan.py [FOLDER]``: without a folder, a tree is made. One file in fifty reads the environment, in five
languages, as in the repositories of tests/truth (1 in 22 to 1 in 140).
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROUNDS: Final = 5
FILES: Final = 10_000
EVERY: Final = 50  # one file in so many reads the environment
PATTERN: Final = (
    r"process\.env|import\.meta\.env|os\.environ|getenv|environ|env::var|env!|Getenv|LookupEnv|ENV\[|ENV\.|\$_ENV|env\(|"
    r"System\.getenv|@Value|System\.get_env|GetEnvironmentVariable|\$\{"
)
#: suffix → (a line of plain code, a line that reads a variable)
LANGUAGES: Final = {
    ".ts": ("export function total{n}(items: number[]): number {{ return items.reduce((a, b) => a + b, {n}); }}",
            "export const url{n} = process.env.URL_{n} ?? 'http://localhost:{n}';"),
    ".py": ("def total_{n}(items):\n    return sum(items) + {n}", "import os\nURL_{n} = os.environ.get('URL_{n}', 'x')"),
    ".go": ("package p\n\nfunc Total{n}(a, b int) int {{ return a + b + {n} }}",
            'package p\n\nimport "os"\n\nvar Url{n} = os.Getenv("URL_{n}")'),
    ".rb": ("def total_{n}(items)\n  items.sum + {n}\nend", "URL_{n} = ENV.fetch('URL_{n}', 'x')"),
    ".java": ("class T{n} {{ int total(int a, int b) {{ return a + b + {n}; }} }}",
              'class T{n} {{ String url = System.getenv("URL_{n}"); }}'),
}  # fmt: skip
_SCAN: Final = "import sys; from pathlib import Path; from deployer_lib.probes.variables import scan; print(len(scan(Path(sys.argv[1])).variables))"


def tree(folder: Path) -> None:
    """Write 10,000 files of some 4 kB below a folder."""
    kinds = list(LANGUAGES.items())
    for n in range(FILES):
        suffix, (plain, read) = kinds[n % len(kinds)]
        path = folder / f"part{n % 100}" / f"file{n}{suffix}"
        path.parent.mkdir(exist_ok=True)
        lines = (
            [plain.format(n=n * 40 + i) for i in range(40)]
            if suffix not in {".go", ".java"}
            else [plain.format(n=n)]
        )
        if n % EVERY == 0:
            lines = [read.format(n=n), *lines] if suffix not in {".go", ".java"} else [read.format(n=n)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def cost(argv: list[str]) -> tuple[float, int]:
    """Return CPU seconds (user and system) of a command that is run to its end, and the most memory of any so far, in MB."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(argv, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, after.ru_maxrss // 1024


def measured(folder: Path) -> dict[str, float | int | str]:
    """Return CPU seconds of both, their ratio, and the scan's memory.

    Raises:
        FileNotFoundError: ripgrep is not there.
    """
    ripgrep = shutil.which("rg")
    if ripgrep is None:
        raise FileNotFoundError("ripgrep is not there: apt-get install ripgrep")
    theirs = statistics.median(
        cost([ripgrep, "-uu", "-c", PATTERN, os.fspath(folder)])[0] for _ in range(ROUNDS)
    )
    ours = [cost([sys.executable, "-c", _SCAN, os.fspath(folder)]) for _ in range(ROUNDS)]
    spent = statistics.median(one[0] for one in ours)
    return {
        "scan_cpu_s": round(spent, 2),
        "ripgrep_cpu_s": round(theirs, 2),
        "scan_over_ripgrep": round(spent / theirs, 1),
        "scan_memory_mb": max(one[1] for one in ours),
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

"""What other load generators do with a second of processor time, beside ours: one table, in rounds that alternate.

A rival's processor time is user and system of its process and whatever that waited for, as wait4 tells it, less what it takes to
start and ask nothing; never the server's. Each has the options that serve it best here, on one core where it lets itself be told.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

CLIENTS = Path(__file__).with_name("bench_clients.py")
LIMIT_S = 60.0  # no program is left running for longer
SBIN = ("/usr/sbin", "/usr/local/sbin")  # not on everybody's PATH
K6 = """
import http from "k6/http";
export const options = { vus: %(connections)d, duration: "%(seconds)ds", discardResponseBodies: true };
export default function () { http.get("%(url)s"); }
export function handleSummary(data) { return { stdout: JSON.stringify(data.metrics.http_reqs.values) }; }
"""
LOCUST = """
from locust import FastHttpUser, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(0)

    @task
    def visit(self):
        self.client.get("/")
"""
OURS = "load.closed, one process, all columns kept; the interpreter's start left out"
QUIET = {
    "K6_NO_USAGE_REPORT": "true",
    "K6_AUTO_EXTENSION_RESOLUTION": "false",
}  # nothing but the load is sent


@dataclass(frozen=True)
class Task:
    """What every program is asked to do."""

    url: str
    connections: int
    seconds: int
    folder: Path  # with what a program reads and writes

    @cached_property
    def words(self) -> dict[str, object]:
        """Return what stands for a name in braces."""
        return {
            "url": self.url,
            "host": self.url.rstrip("/"),
            "connections": self.connections,
            "seconds": self.seconds,
            "folder": self.folder,
            "clients": CLIENTS,
        }

    def prepare(self) -> None:
        """Write what some programs read."""
        (self.folder / "k6.js").write_text(K6 % self.words)
        (self.folder / "locustfile.py").write_text(LOCUST)
        (self.folder / "target").write_text(f"GET {self.url}\n")


@dataclass(frozen=True)
class Rival:
    """Another program, how it is called, and how its answer is read."""

    name: str
    options: str  # words with names of Task.words in braces
    count: Callable[[str], int]  # from what it prints to answers
    install: str
    version: str = ""  # options that make it print its version; empty: it stands in the file itself
    module: str = ""  # of Python: the program is an interpreter that has it
    idle: str = ""  # options that make it start and ask nothing
    report: str = ""  # options of a second call that prints what the first one kept; not counted

    def argv(self, program: str, options: str, task: Task) -> list[str]:
        """Return the words of a call."""
        return [program, *(word.format(**task.words) for word in options.split())]

    @property
    def shown(self) -> str:
        """Return how it is called, for people."""
        program = "python" if self.module else self.name
        return f"{program} {self.options}".replace("{clients}", CLIENTS.name)


def _number(pattern: str) -> Callable[[str], int]:
    def count(text: str) -> int:
        found = re.search(pattern, text)
        if not found:
            raise ValueError(f"{pattern!r} is not in {text[-300:]!r}")
        return int(found[1])

    return count


def _value(*path: str) -> Callable[[str], int]:
    def count(text: str) -> int:
        value: Any = json.loads(text)
        for name in path:
            value = value[name]
        return int(value)

    return count


def _locust_count(text: str) -> int:
    return sum(int(row["num_requests"]) - int(row["num_failures"]) for row in json.loads(text))


def _python(name: str, library: str) -> Rival:
    package = library.partition("-")[0]
    extra = " uvloop" if package == "aiohttp" else ""
    return Rival(
        name,
        f"{{clients}} {library} {{url}} {{seconds}} {{connections}}",
        _value("requests"),
        f"pip install {package}{extra}",
        version=f"{{clients}} {library}",
        module=package,
        idle=f"{{clients}} {library} {{url}} 0 {{connections}}",
    )


RIVALS = (
    Rival(
        "wrk",
        "-t1 -c{connections} -d{seconds} {url}",
        _number(r"(\d+) requests in"),
        "apt-get install wrk",
        "-v",
    ),
    Rival(
        "ab",
        "-q -k -c {connections} -t {seconds} -n 10000000 {url}",
        _number(r"Complete requests:\s+(\d+)"),
        "apt-get install apache2-utils",
        "-V",
    ),
    Rival(
        "h2load",
        "--h1 -t1 -c{connections} -D {seconds} {url}",
        _number(r"(\d+) succeeded"),
        "apt-get install nghttp2-client",
        "--version",
    ),
    Rival(
        "hey",
        "-cpus 1 -c {connections} -z {seconds}s {url}",
        _number(r"\[200\]\s+(\d+) responses"),
        "go install github.com/rakyll/hey@latest",
    ),
    Rival(
        "vegeta",
        "-cpus=1 attack -rate=0 -workers={connections} -max-workers={connections} -connections={connections} "
        "-max-connections={connections} -max-body=0 -http2=false -duration={seconds}s -targets={folder}/target "
        "-output={folder}/vegeta.bin",
        _value("status_codes", "200"),
        "go install github.com/tsenart/vegeta/v12@latest",
        report="report -type=json {folder}/vegeta.bin",
    ),
    Rival(
        "k6",
        "run --quiet --no-usage-report {folder}/k6.js",
        _value("count"),
        "go install go.k6.io/k6@latest",
        "version",
        idle="inspect {folder}/k6.js",
    ),
    Rival(
        "oha",
        "-z {seconds}s -c {connections} --no-tui --output-format json {url}",
        _value("statusCodeDistribution", "200"),
        "cargo install oha --locked",
        "--version",
    ),
    Rival(
        "Locust",
        "-m locust -f {folder}/locustfile.py -H {host} --headless --only-summary --json --skip-log -u {connections} "
        "-r {connections} -t {seconds}s",
        _locust_count,
        "pip install locust",
        "-m locust --version",
        module="locust",
        idle="-m locust -f {folder}/locustfile.py --list",
    ),
    _python("aiohttp", "aiohttp"),
    _python("httpx, one client", "httpx"),
    _python("httpx, a client each", "httpx-each"),
)


@dataclass(frozen=True)
class Found:
    """A rival that is here."""

    rival: Rival
    program: str
    version: str

    def asks(self, task: Task) -> tuple[int, float]:
        """Carry the task out and return how many answers came, and the processor time in seconds."""
        rival = self.rival
        text, cpu_s = called(rival.argv(self.program, rival.options, task))
        if rival.report:
            text, _ = called(rival.argv(self.program, rival.report, task))
        return rival.count(text), cpu_s

    def idle_s(self, task: Task) -> float:
        """Return the processor time in seconds of starting and asking nothing, the least of three."""
        if not self.rival.idle:
            return 0.0
        argv = self.rival.argv(self.program, self.rival.idle, task)
        return min(called(argv)[1] for _ in range(3))


def called(argv: Sequence[str]) -> tuple[str, float]:
    """Run a program; return what it printed, and the processor time in seconds of it and what it waited for.

    Raises:
        RuntimeError: it failed, or took longer than a minute.
    """
    with tempfile.TemporaryFile("w+") as printed, tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=printed, stderr=said, env=os.environ | QUIET
        )
        limit = threading.Timer(LIMIT_S, process.kill)
        limit.start()
        _, status, used = os.wait4(process.pid, 0)
        limit.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        printed.seek(0)
        said.seek(0)
        text, errors = printed.read(), said.read()
    # wrk ends its -v with 1, and has said it all the same.
    if process.returncode and not text:
        raise RuntimeError(f"{' '.join(argv)} ended with {process.returncode}: {errors[-300:]}")
    return text or errors, used.ru_utime + used.ru_stime


def search(rival: Rival, folders: Sequence[Path]) -> Found | None:
    """Look for a rival on PATH and in these folders (or their ``bin``); None: it is not here."""
    places = [str(place) for folder in folders for place in (folder, folder / "bin")]
    if not rival.module:
        path = os.pathsep.join([*places, os.environ.get("PATH", ""), *SBIN])
        program = shutil.which(rival.name, path=path)
        return Found(rival, program, version(rival, program)) if program else None
    interpreters = [shutil.which("python", path=place) for place in places]
    for program in (*interpreters, sys.executable):
        if program and (told := version(rival, program)):
            return Found(rival, program, told)
    return None


def version(rival: Rival, program: str) -> str:
    """Return the version that a program tells, or that Go left in its file; empty: it can't be called."""
    if not rival.version:
        module = rival.install.split()[-1].partition("@")[0].encode()
        kept = re.search(rb"mod\t" + module + rb"\t(v[^\t\n]+)", Path(program).read_bytes())
        return kept[1].decode() if kept else "unknown"
    words = rival.version.format(clients=CLIENTS).split()
    done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    if rival.module and done.returncode:
        return ""
    text = f"{done.stdout}\n{done.stderr}"
    found = re.search(r"\d+\.\d+\S*(?: with uvloop \S+)?", text)
    return found[0] if found else "unknown"


@dataclass
class Row:
    """A program's rounds."""

    found: Found
    per_cpu_s: list[float] = field(default_factory=list)  # answers per second of processor time, one a round
    idle_s: float = 0.0  # processor time of starting, left out
    failed: str = ""  # why there are no figures

    def measure(self, task: Task) -> None:
        """Add a round; one that fails is the last, and the others go on."""
        if self.failed:
            return
        try:
            if not self.per_cpu_s:
                self.idle_s = self.found.idle_s(task)
            count, cpu_s = self.found.asks(task)
            self.per_cpu_s.append(count / (cpu_s - self.idle_s))
        except (RuntimeError, ValueError, LookupError, ArithmeticError) as error:
            self.failed = f"{type(error).__name__}: {error}"

    def told(self, ours: Sequence[float], wrk: Sequence[float]) -> dict[str, Any]:
        """Return its line of the document."""
        rival = self.found.rival
        made = {"name": rival.name, "version": self.found.version, "options": rival.shown}
        if self.failed:
            return made | {"failed": self.failed}
        start = {"start_cpu_s": round(self.idle_s, 2)} if self.idle_s else {}
        return made | figures(self.per_cpu_s, wrk) | {"ours_over_it": ratio(ours, self.per_cpu_s)} | start


def table(
    url: str,
    ours: Callable[[str], float],
    folders: Sequence[Path],
    *,
    connections: int,
    seconds: int,
    rounds: int,
    only: frozenset[str] = frozenset(),
    say: Callable[[str], None] = lambda _line: None,
) -> dict[str, Any]:
    """Return every program's answers per CPU-second and its ratio to wrk's, medians over the rounds.

    Args:
        url: is asked.
        ours: returns our own answers per CPU-second.
        folders: where rivals are looked for, beside PATH.
        connections: open at a time.
        seconds: of each run.
        rounds: of all programs, one after the other.
        only: names of the rivals; empty: all.
        say: is told what comes next.
    """
    rivals = [rival for rival in RIVALS if not only or rival.name in only]
    here = {rival.name: search(rival, folders) for rival in rivals}
    rows = [Row(found) for found in here.values() if found]
    mine: list[float] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        task = Task(url, connections, seconds, Path(name))
        task.prepare()
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}: {len(rows) + 1} programs, {seconds} s each")
            mine.append(ours(url))
            for row in rows:
                row.measure(task)
    wrk = next((row.per_cpu_s for row in rows if row.found.rival.name == "wrk" and not row.failed), [])
    return {
        "connections": connections,
        "seconds": seconds,
        "rounds": rounds,
        "rows": [
            {"name": "ours", "options": OURS} | figures(mine, wrk),
            *(row.told(mine, wrk) for row in rows),
            *({"name": rival.name, "not_here": rival.install} for rival in rivals if not here[rival.name]),
        ],
    }


def figures(per_cpu_s: Sequence[float], wrk: Sequence[float]) -> dict[str, Any]:
    """Return the median, and its ratio to wrk's where that was measured."""
    over = {"over_wrk": ratio(per_cpu_s, wrk)} if wrk else {}
    return {"per_cpu_s": round(statistics.median(per_cpu_s))} | over


def ratio(some: Sequence[float], others: Sequence[float]) -> float:
    """Return the median of the rounds' ratios, to three digits."""
    return float(f"{statistics.median(one / other for one, other in zip(some, others, strict=True)):.3g}")


def lines(made: Mapping[str, Any]) -> list[str]:
    """Return a table for people, one line a program."""
    told = [f"{'per CPU-second':>40} {'/ wrk':>8} {'ours / it':>10}"]
    for row in made["rows"]:
        name = f"{row['name']:<28}"
        if "per_cpu_s" not in row:
            told.append(name + (row.get("failed") or f"not here: {row['not_here']}"))
            continue
        over, against = row.get("over_wrk", "–"), row.get("ours_over_it", "")
        told.append(f"{name}{row['per_cpu_s']:>12,} {over!s:>8} {against!s:>10}  {row.get('version', '')}")
    return told

"""Print what the load engine costs, beside other load generators that are installed: medians of five, as one JSON document.

``python tools/bench_load.py [--rivals FOLDER]…``: FOLDER, or its ``bin``, holds load generators, or an interpreter with some of
them, that are not on PATH; DEPLOYER_RIVALS may name such folders too. Rounds of all programs alternate, since machines are
shared and noisy; all of it takes five minutes. What is not installed is named with how to install it.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bench_rivals
import numpy as np
from hdrh.histogram import HdrHistogram

from deployer_lib.catalogue import Effect
from deployer_lib.guard import Guard
from deployer_lib.load import plan
from deployer_lib.load.histogram import Histogram
from deployer_lib.load.running import run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from deployer_lib.load.columns import Columns

ROUNDS = 5
CONNECTIONS = 50
SECONDS = 3
RATE = 1000
HIGH_RATE = 20_000
MILLION = 1_000_000
CONFIG = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/errors;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{ listen 127.0.0.1:{plain}; location / {{ return 200 "ok, this is a small answer\\n"; }} }}
  server {{
    listen 127.0.0.1:{secure} ssl; ssl_certificate {folder}/made.pem; ssl_certificate_key {folder}/key.pem;
    location / {{ return 200 "ok, this is a small answer\\n"; }}
  }}
}}
"""
PLACES = os.pathsep.join([os.environ.get("PATH", ""), *bench_rivals.SBIN])
MEMORY = "import bench_load, sys; bench_load.million(sys.argv[1])"


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in held]
    for sock in held:
        sock.close()
    return ports


@contextmanager
def nginx() -> Iterator[tuple[str, str]]:
    """Run nginx with one worker; yield its URLs, plain and under TLS."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        plain, secure = free_ports(2)
        make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=127.0.0.1 -days 2"
        subprocess.run(
            [*make.split(), "-keyout", f"{folder}/key.pem", "-out", f"{folder}/made.pem"],
            check=True,
            capture_output=True,
        )
        (folder / "nginx.conf").write_text(CONFIG.format(folder=folder, plain=plain, secure=secure))
        program = shutil.which("nginx", path=PLACES) or "nginx"
        server = subprocess.Popen([program, "-p", name, "-c", f"{folder}/nginx.conf"])
        try:
            wait_for(plain)
            yield f"http://127.0.0.1:{plain}/", f"https://127.0.0.1:{secure}/"
        finally:
            server.terminate()
            server.wait()


def wait_for(port: int) -> None:
    """Wait until somebody listens."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on {port}")


def ours(url: str, made: plan.Plan) -> Columns:
    """Run a plan."""
    port = int(url.split(":")[2].strip("/"))
    guard = Guard("bench", frozenset(Effect), {("127.0.0.1", port)}, max_requests=10**9)
    return run(url, made, guard=guard, insecure=True)


def ours_per_cpu_s(url: str) -> float:
    """Return requests per second of the client's processor time, with all columns."""
    columns = ours(url, plan.closed(CONNECTIONS, SECONDS))
    return int((columns.status > 0).sum()) / (columns.client_cpu_ns / 1e9)


def our_lateness_us(url: str) -> float:
    """Return by how much later than due the median request is sent."""
    columns = ours(url, plan.constant(RATE, 2))
    return float(np.median(columns.sent_ns - columns.intended_ns)) / 1e3


def asyncio_lateness_us() -> float:
    """Return by how much later than due asyncio's call_at calls, doing nothing else."""
    late: list[float] = []

    async def wait() -> None:
        loop = asyncio.get_running_loop()
        start = loop.time() + 0.01

        def note(due: float) -> None:
            late.append(loop.time() - due)

        for number in range(2 * RATE):
            due = start + number / RATE
            loop.call_at(due, note, due)
        await asyncio.sleep(2.1)

    asyncio.run(wait())
    return statistics.median(late) * 1e6


def pacing(url: str) -> dict[str, float]:
    """Return the lateness of both at 1,000/s."""
    pairs = [(our_lateness_us(url), asyncio_lateness_us()) for _ in range(ROUNDS)]
    mine, other = (statistics.median(pair[place] for pair in pairs) for place in (0, 1))
    return {
        "lateness_p50_us": round(mine, 1),
        "asyncio_lateness_p50_us": round(other, 1),
        "ours_over_asyncio": round(mine / other, 3),
    }


def high_rate(url: str) -> dict[str, float]:
    """Return what became of 20,000 requests a second from one process."""
    columns = ours(url, plan.constant(HIGH_RATE, SECONDS))
    return {
        "planned": columns.planned,
        "answered": int((columns.status == 200).sum()),  # noqa: PLR2004  (HTTP's OK)
        "unsent": columns.unsent,
        "achieved_per_s": round(len(columns) / (columns.duration_ns / 1e9)),
        "lateness_p50_us": round(float(np.median(columns.seen_ns - columns.intended_ns)) / 1e3, 1),
        "lateness_p99_us": round(float(np.percentile(columns.seen_ns - columns.intended_ns, 99)) / 1e3, 1),
        "busy_share": round((columns.client_cpu_ns - columns.spun_ns) / columns.duration_ns, 2),
    }


def million(url: str) -> None:
    """Send a million requests and print the most memory that this process ever had, and had before, in MB."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    columns = ours(url, plan.closed(CONNECTIONS, requests=MILLION))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"requests": len(columns), "before_mb": before // 1024, "peak_mb": after // 1024}))


def memory(url: str) -> dict[str, int]:
    """Return what a million requests take, measured in a process of their own."""
    argv = [sys.executable, "-c", MEMORY, url]
    done = subprocess.run(argv, check=True, capture_output=True, text=True, cwd=Path(__file__).parent)
    made: dict[str, int] = json.loads(done.stdout)
    return made


def histogram() -> dict[str, object]:
    """Return what counting a million values costs here, and with the hdrhistogram package, and whether the counts are the same."""
    values = (
        np.random.default_rng(7).lognormal(8.0, 2.0, MILLION).astype(np.int64).clip(1, Histogram().highest)
    )
    listed = values.tolist()
    mine, theirs = Histogram(), HdrHistogram(1, Histogram().highest, 3)
    pairs: list[tuple[float, float]] = []
    for _ in range(ROUNDS):
        mine, theirs = Histogram(), HdrHistogram(1, Histogram().highest, 3)
        begun = time.process_time()
        mine.record_many(values)
        between = time.process_time()
        for value in listed:
            theirs.record_value(value)
        pairs.append((between - begun, time.process_time() - between))
    return {
        "ours_ns_a_value": round(statistics.median(pair[0] for pair in pairs) * 1e9 / MILLION, 1),
        "package_ns_a_value": round(statistics.median(pair[1] for pair in pairs) * 1e9 / MILLION, 1),
        "times_cheaper": round(statistics.median(other / own for own, other in pairs), 1),
        "counts_identical": Histogram.decode(base64.b64decode(theirs.encode())) == mine,
    }


def wanted(made: dict[str, Any]) -> list[dict[str, object]]:
    """Return what the engine is to hold, what was found, and whether it held; None: it could not be measured."""
    plain, tls = ({row["name"]: row for row in made[name].get("rows", ())} for name in ("plain", "tls"))
    pacing, high = made["pacing_1000_per_s"], made["open_20000_per_s"]
    figures = [
        ("requests per CPU-second / wrk's", plain.get("ours", {}).get("over_wrk"), 0.8),
        ("the same / hey's", plain.get("hey", {}).get("ours_over_it"), 5),
        ("the same / httpx's", plain.get("httpx, one client", {}).get("ours_over_it"), 100),
        ("the same under TLS / wrk's", tls.get("ours", {}).get("over_wrk"), 0.6),
        ("asyncio's lateness at 1,000/s / ours", round(1 / pacing["ours_over_asyncio"], 1), 10),
        ("share answered of 20,000/s", high["answered"] / high["planned"], 1.0),
        ("the hdrhistogram package's cost of a value / ours", made["histogram"]["times_cheaper"], 20),
    ]
    return [
        {
            "figure": name,
            "found": found,
            "at_least": least,
            "holds": None if found is None else found >= least,
        }
        for name, found, least in figures
    ]


def measured(folders: Sequence[Path]) -> dict[str, Any]:
    """Return all figures; ``folders`` may hold rivals."""
    if missing := [name for name in ("nginx", "openssl") if not shutil.which(name, path=PLACES)]:
        return {"load": {"skipped": f"{', '.join(missing)} is not installed"}}
    sizes = {"connections": CONNECTIONS, "seconds": SECONDS, "rounds": ROUNDS}
    with nginx() as (plain, secure):
        made: dict[str, Any] = {"python": sys.version.split()[0], "cores": len(os.sched_getaffinity(0))}
        made["plain"] = bench_rivals.table(plain, ours_per_cpu_s, folders, say=say, **sizes)
        say("TLS")
        only = frozenset({"wrk"})  # of the others, not all trust a certificate that nobody vouches for
        made["tls"] = bench_rivals.table(secure, ours_per_cpu_s, folders, only=only, say=say, **sizes)
        say("pacing")
        made["pacing_1000_per_s"] = pacing(plain)
        made["open_20000_per_s"] = high_rate(plain)
        say("a million requests")
        made["million_requests"] = memory(plain)
    say("histogram")
    made["histogram"] = histogram()
    return made | {"wanted": wanted(made)}


def say(line: str) -> None:
    """Tell what comes next, apart from the document."""
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Read the options, measure, and print the document; tables for people go to the other stream."""
    parser = argparse.ArgumentParser(description="Measure the load engine beside other load generators.")
    parser.add_argument(
        "--rivals", type=Path, action="append", default=[], metavar="FOLDER", help="where more of them are"
    )
    named = [Path(place) for place in os.environ.get("DEPLOYER_RIVALS", "").split(os.pathsep) if place]
    made = measured([*parser.parse_args().rivals, *named])
    for name in ("plain", "tls"):
        for line in bench_rivals.lines(made[name]) if name in made else ():
            say(line)
    print(json.dumps(made, indent=1))


if __name__ == "__main__":
    main()

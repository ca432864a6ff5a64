"""Print what the load engine costs, against wrk and nginx where they are installed: medians of five, as one JSON document.

Rounds of both programs alternate, since machines are shared and noisy. What is not installed is skipped with its reason.
"""

from __future__ import annotations

import asyncio
import json
import re
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
from typing import TYPE_CHECKING

import numpy as np

from deployer_lib.catalogue import Effect
from deployer_lib.guard import Guard
from deployer_lib.load import plan
from deployer_lib.load.running import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from deployer_lib.load.columns import Columns

ROUNDS = 5
CONNECTIONS = 50
SECONDS = 5
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
        program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin") or "nginx"
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


def wrk_per_cpu_s(url: str) -> float:
    """Return the same of wrk."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    argv = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}", url]
    out = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found = re.search(r"(\d+) requests in", out)
    return int(found[1]) / cpu_s if found else 0.0


def against_wrk(url: str) -> dict[str, float]:
    """Return both programs' medians, and the median of the rounds' ratios."""
    pairs = [(ours_per_cpu_s(url), wrk_per_cpu_s(url)) for _ in range(ROUNDS)]
    return {
        "ours_per_cpu_s": round(statistics.median(pair[0] for pair in pairs)),
        "wrk_per_cpu_s": round(statistics.median(pair[1] for pair in pairs)),
        "ours_over_wrk": round(statistics.median(mine / other for mine, other in pairs), 2),
    }


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


def guarded(
    needed: tuple[str, ...], work: Callable[[], dict[str, float]]
) -> dict[str, float] | dict[str, str]:
    """Return what work measures, or why it was skipped."""
    missing = [
        name for name in needed if not shutil.which(name, path="/usr/sbin:/usr/local/sbin:/usr/bin:/bin")
    ]
    return {"skipped": f"{', '.join(missing)} is not installed"} if missing else work()


def measured() -> dict[str, object]:
    """Return all figures."""
    if isinstance(reason := guarded(("nginx", "openssl"), dict).get("skipped"), str):
        return {"load": {"skipped": reason}}
    with nginx() as (plain, secure):
        return {
            "load_plain": guarded(("wrk",), lambda: against_wrk(plain)),
            "load_tls": guarded(("wrk",), lambda: against_wrk(secure)),
            "load_pacing": pacing(plain),
            "load_high_rate": high_rate(plain),
            "load_million": memory(plain),
        }


if __name__ == "__main__":
    print(json.dumps(measured(), indent=1))

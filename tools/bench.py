"""Print what things cost, as ratios within one run: medians of five, since machines are shared and noisy."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import bench_scan
import httpx
import nbformat

from deployer_lib.app.http import Http
from deployer_lib.catalogue import Effect
from deployer_lib.guard import Guard
from deployer_lib.runbook.engine import Stop, execute
from deployer_lib.runbook.kernels import WarmKernels

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 5
REQUESTS = 200


def median_s(work: Callable[[], None]) -> float:
    """Return the median time of five rounds in seconds."""
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def notebook(folder: Path, kernels: WarmKernels | None) -> Callable[[], None]:
    """Return work that executes a notebook of one cell that imports the library."""
    path = folder / "in.ipynb"
    nbformat.write(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("from deployer_lib import Phase")]), path
    )

    def work() -> None:
        execute(
            str(path),
            str(folder / "out.ipynb"),
            {},
            stop=Stop(),
            kernels=kernels,
            sockets=folder,
            environment={},
            on_checks=lambda _: None,
            on_progress=lambda _: None,
        )

    return work


class Quick(BaseHTTPRequestHandler):
    """Answer at once."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet an answer: two would wait for each other

    def do_GET(self) -> None:
        """Answer two bytes."""
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def requests() -> tuple[float, float]:
    """Return the time of many requests through the guarded seam, and through bare httpx."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Quick)
    Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_port
    base = f"http://127.0.0.1:{port}"
    guard = Guard("bench", frozenset(Effect), {("127.0.0.1", port)})
    seam, bare = Http(guard, base, run="bench"), httpx.Client()
    guarded_s = median_s(lambda: [seam.get("/") for _ in range(REQUESTS)] and None)
    bare_s = median_s(lambda: [bare.get(f"{base}/") for _ in range(REQUESTS)] and None)
    seam.close()
    bare.close()
    server.shutdown()
    return guarded_s, bare_s


def main() -> None:
    """Print one JSON document."""
    with tempfile.TemporaryDirectory(prefix="b") as name:
        folder = Path(name)
        warm = WarmKernels.open()
        forked_s = median_s(notebook(folder, warm))
        if warm is not None:
            warm.close()
        started_s = median_s(notebook(folder, None))
    guarded_s, bare_s = requests()
    with tempfile.TemporaryDirectory(prefix="tree-") as name:
        bench_scan.tree(Path(name))
        scanned = bench_scan.measured(Path(name))
    print(
        json.dumps(
            {
                "notebook_forked_s": round(forked_s, 3),
                "notebook_started_s": round(started_s, 3),
                "started_over_forked": round(started_s / forked_s, 1),
                "requests_guarded_per_s": round(REQUESTS / guarded_s),
                "requests_bare_httpx_per_s": round(REQUESTS / bare_s),
                "guarded_over_bare": round(guarded_s / bare_s, 2),
                **scanned,
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()

"""Servers that misbehave: a finding each, in bounded time and memory, and a no-go."""

from __future__ import annotations

import json
import re
import threading
import time
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from ports import refusing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Root

MAX_RSS_BYTES = 700_000_000
#: How the same server is known in test_http; two have names of their own here.
KINDS = {
    "is down": "refused",
    "hangs before headers": "timeout",
    "resets": "reset",
    "ten gigabytes": "too-large",
    "gzip bomb": "bomb",
    "NUL in a header": "protocol",
    "redirects to itself": None,  # an answer, but not the declared one
}


def servers() -> Any:
    path = Path(__file__).parents[1] / "app" / "test_http.py"
    spec = spec_from_file_location("bad_servers_of_test_http", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def serve() -> Iterator[Callable[[str], str]]:
    """Return a function that starts a server by its vice and returns its address."""
    known = servers()
    started: list[Any] = []

    def start(name: str) -> str:
        if name == "redirects to itself":
            handler = known.answering(b"HTTP/1.1 302 Found\r\nLocation: /health\r\nContent-Length: 0\r\n\r\n")
        elif name == "is down":
            return f"http://127.0.0.1:{down}"
        else:
            handler = known.BAD[name][0]
        started.append(known.Server(handler))
        return str(started[-1].url)

    with refusing() as down:
        yield start
    for server in started:
        server.close()


class Watch(threading.Thread):
    """Sample the memory of a process and of everything below it."""

    def __init__(self, pid: int) -> None:
        super().__init__()
        self.root = psutil.Process(pid)
        self.peak: dict[str, int] = {}
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.05):
            try:
                family = [self.root, *self.root.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            for process in family:
                try:
                    size = process.memory_info().rss
                    self.peak[str(process.pid)] = max(self.peak.get(str(process.pid), 0), size)
                except psutil.NoSuchProcess:
                    continue


@pytest.mark.parametrize("vice", KINDS)
def test_a_bad_server_is_a_finding(
    vice: str, root: Root, serve: Callable[[str], str], verify_only: Callable[[str, str], Path]
) -> None:
    """smoke.health fails and says how; no traceback, no hang, bounded memory in each process; no-go."""
    verify_only("bad", serve(vice))
    started = time.monotonic()
    process = root.start("run", "bad", "--phases", "smoke,health")
    watch = Watch(process.pid)
    watch.start()
    said, _ = process.communicate(timeout=240)
    watch.over.set()
    watch.join()
    assert 1 == process.returncode, said
    assert time.monotonic() - started < 180
    assert max(watch.peak.values()) < MAX_RSS_BYTES, watch.peak
    results = root.results("bad")
    assert "no-go" == results["verdict"]
    assert ["smoke.health"] == results["blocking"]
    health = next(c for c in results["checks"] if c["id"] == "smoke.health")
    assert "fail" == health["outcome"]
    assert health["message"]
    assert "\n" not in health["message"]
    assert KINDS[vice] == health["evidence"].get("kind"), health
    for path in root.runs("bad")[-1].glob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for output in cell.get("outputs", []):
                shown = re.sub(r"\x1b\[[0-9;]*m", "", json.dumps(output))
                assert "Traceback (most recent call last)" not in shown, path.name
    assert not [c for c in results["checks"] if "the check itself failed" in c["message"]]

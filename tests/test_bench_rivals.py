"""The table of other load generators that ``make bench`` prints: found or named, called, read, and charged with their own time."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import ModuleType

_FILE = Path(__file__).parents[1] / "tools" / "bench_rivals.py"
#: What each prints, shortened; and how many answers that means.
_PRINTED = {
    "wrk": ("  2 threads\n  231052 requests in 3.10s, 38.56MB read\nRequests/sec: 74469.27", 231_052),
    "ab": ("Concurrency Level:      50\nComplete requests:      224963\nFailed requests:        0", 224_963),
    "h2load": ("requests: 60 total, 60 started, 58 done, 57 succeeded, 1 failed", 57),
    "hey": ("Status code distribution:\n  [200]\t90981 responses\n", 90_981),
    "vegeta": ('{"requests": 9, "status_codes": {"0": 1, "200": 8}}', 8),
    "k6": ('{"count":34666,"rate":11550.5}', 34_666),
    "oha": ('{"summary": {"total": 3.0}, "statusCodeDistribution": {"200": 77}}', 77),
    "Locust": ('[{"num_requests": 10, "num_failures": 1}, {"num_requests": 5, "num_failures": 0}]', 14),
    "aiohttp": ('{"requests": 5}', 5),
    "httpx, one client": ('{"requests": 6}', 6),
    "httpx, a client each": ('{"requests": 7}', 7),
}


@pytest.fixture(scope="module")
def rivals() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_rivals", _FILE)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = made
    spec.loader.exec_module(made)
    return made


def _program(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(0o755)


def _table(rivals: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch, *only: str) -> Any:
    monkeypatch.setenv("PATH", str(folder / "nothing"))
    monkeypatch.setattr(rivals, "SBIN", ())
    sizes = {"connections": 5, "seconds": 1, "rounds": 3}
    return rivals.table("http://127.0.0.1:9/", lambda _url: 2e6, [folder], only=frozenset(only), **sizes)


def test_each_rivals_answer_is_read(rivals: ModuleType) -> None:
    """As it prints it; what is no answer is an error, not a zero."""
    read = {rival.name: rival.count(_PRINTED[rival.name][0]) for rival in rivals.RIVALS}
    assert {name: count for name, (_, count) in _PRINTED.items()} == read
    with pytest.raises(ValueError, match="requests in"):
        rivals.RIVALS[0].count("unable to connect to 127.0.0.1:9 Connection refused")


def test_what_is_not_here_is_named_with_how_to_install_it(
    rivals: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _table(rivals, tmp_path, monkeypatch, "wrk", "k6")
    ours, *missing = made["rows"]
    assert ("ours", 2_000_000) == (ours["name"], ours["per_cpu_s"])
    assert [
        {"name": "wrk", "not_here": "apt-get install wrk"},
        {"name": "k6", "not_here": "go install go.k6.io/k6@latest"},
    ] == missing
    assert "not here: apt-get install wrk" in rivals.lines(made)[2]


def test_a_rival_in_a_named_folder_is_measured(
    rivals: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Version, options and ratios; it is found in the folder's bin too."""
    (tmp_path / "bin").mkdir()
    busy = "import sys, time\nwhile time.process_time() < 0.2: pass\n"
    _program(tmp_path / "bin", "wrk", f"{busy}print('wrk 9.8 [epoll]', sys.argv[1:], '400000 requests in')")
    made = _table(rivals, tmp_path, monkeypatch, "wrk")
    ours, wrk = made["rows"]
    assert ("9.8", 1.0) == (wrk["version"], wrk["over_wrk"])
    assert 0 < wrk["per_cpu_s"] <= 400_000 / 0.2
    assert ours["over_wrk"] == wrk["ours_over_it"] >= 1
    assert "-c{connections}" in wrk["options"]
    assert "9.8" in rivals.lines(made)[2]


def test_a_rival_that_fails_does_not_end_the_others(
    rivals: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _program(tmp_path, "wrk", "print('wrk 9.8: unable to connect')")
    _, wrk = _table(rivals, tmp_path, monkeypatch, "wrk")["rows"]
    assert "unable to connect" in wrk["failed"]
    assert "per_cpu_s" not in wrk


def test_the_time_of_what_a_program_waited_for_is_its_own(rivals: ModuleType) -> None:
    """User and system time of a child of the child; and the server's, which is nobody's child, is not."""
    work = "import time\nwhile time.process_time() < 0.3: pass"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {work!r}])"
    before = os.times()
    _, cpu_s = rivals.called([sys.executable, "-c", code])
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    assert cpu_s >= 0.3
    assert pytest.approx(spent, abs=0.03) == cpu_s


def test_a_program_that_fails_is_an_error(rivals: ModuleType) -> None:
    with pytest.raises(RuntimeError, match=r"ended with 3: .*no luck"):
        rivals.called([sys.executable, "-c", "import sys; sys.stderr.write('no luck'); sys.exit(3)"])


def test_python_libraries_are_looked_for_in_every_interpreter(rivals: ModuleType, tmp_path: Path) -> None:
    """httpx is one of this project's own; what no interpreter has is not here."""
    by_name = {rival.name: rival for rival in rivals.RIVALS}
    found = rivals.search(by_name["httpx, one client"], [tmp_path])
    assert sys.executable == found.program
    assert found.version[0].isdigit()
    (tmp_path / "bin").mkdir()
    _program(tmp_path / "bin", "python", "raise SystemExit(1)")
    assert sys.executable == rivals.search(by_name["httpx, one client"], [tmp_path]).program

"""``deployer load`` ended early, or with nowhere to write: what was measured is told, and everything is given back."""

from __future__ import annotations

import json
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import psutil
import pytest
from load_servers import OK, Scripted, read_request
from typer.testing import CliRunner

from deployer_lib import cli
from deployer_lib.cli.app import app

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

COMMAND: Final = (sys.executable, "-m", "deployer_lib", "load")
LONG: Final = ("--rate", "100", "--duration", "60s")


class Counted:
    """Answer everything, and let somebody wait until so many requests came."""

    def __init__(self) -> None:
        self._seen = threading.Semaphore(0)

    def __call__(self, sock: socket.socket, server: Scripted) -> None:
        while read_request(sock, server):
            self._seen.release()
            sock.sendall(OK)

    def wait(self, count: int) -> None:
        assert all(self._seen.acquire(timeout=60) for _ in range(count))


@contextmanager
def running(*words: str) -> Iterator[tuple[subprocess.Popen[str], Counted]]:
    """Start the command against a server, its words after the URL."""
    counted = Counted()
    with Scripted(counted) as server:
        process = subprocess.Popen(
            [*COMMAND, server.url, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            yield process, counted
        finally:
            process.kill()
            process.communicate()


def _gone(processes: list[psutil.Process]) -> bool:
    return psutil.wait_procs(processes, timeout=30)[1] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_end_in_the_middle_tells_what_was_measured(number: signal.Signals, workers: str) -> None:
    """Ctrl-C and SIGTERM alike: exit 130, a whole document, and no process that stays."""
    with running(*LONG, "--workers", workers, "-c", "4", "--json") as (process, counted):
        counted.wait(30)
        own = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        out, said = process.communicate(timeout=60)
        assert _gone(own)
    told = json.loads(out)
    assert (130, "") == (process.returncode, said)
    assert 30 <= told["requests"] < 6_000
    assert 6_000 == told["requests"] + told["unsent"]
    assert int(workers) - 1 <= len(own)


def test_a_second_ctrl_c_ends_at_once() -> None:
    """Whatever it interrupts then: exit 130, no traceback, and no half document."""
    with running(*LONG, "--json") as (process, counted):
        counted.wait(10)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=60)
    assert 130 == process.returncode
    assert "Traceback" not in said
    assert not out or json.loads(out)["requests"] >= 10


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_end_before_anything_was_sent(number: signal.Signals, tmp_path: Path) -> None:
    """Exit 130 and nothing on stdout: here while the body is awaited from a pipe."""
    pipe = tmp_path / "body"
    os.mkfifo(pipe)
    with running(*LONG, "--json", "--body-file", str(pipe)) as (process, _):
        with pipe.open("wb"):  # it is open once the command reads
            process.send_signal(number)
            out, said = process.communicate(timeout=60)
        assert (130, "") == (process.returncode, out)
        assert "Traceback" not in said


def test_an_end_while_the_command_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before there is a command that could say anything, the exit code is the same."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("deployer_lib.cli.app.main", interrupted)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert 130 == ended.value.code


def test_an_end_of_a_search() -> None:
    """The steps until then are told."""
    with running("--find-knee", "--connections", "5", "--json") as (process, counted):
        counted.wait(200)
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=60)
    assert 130 == process.returncode, said
    assert isinstance(json.loads(out)["steps"], list)


def test_workers_end_with_a_command_that_is_killed() -> None:
    """Nobody tells them; they see that the other side of their pair of sockets is gone."""
    with running(*LONG, "--workers", "2", "-c", "4") as (process, counted):
        counted.wait(30)
        own = psutil.Process(process.pid).children(recursive=True)
        assert 2 <= len(own)
        process.kill()
        assert _gone(own)


@pytest.mark.parametrize("words", [("-n", "50", "-c", "20"), ("-n", "20", "-c", "4", "--workers", "2")])
def test_descriptors_limits_and_signals_are_given_back(words: tuple[str, ...]) -> None:
    """A command that runs inside another process leaves it as it was."""

    def state() -> tuple[int, object, object, object, list[psutil.Process]]:
        return (
            psutil.Process().num_fds(),
            resource.getrlimit(resource.RLIMIT_NOFILE),
            signal.getsignal(signal.SIGINT),
            signal.getsignal(signal.SIGTERM),
            psutil.Process().children(),
        )

    def once(*more: str) -> None:
        with Scripted(Counted()) as server:
            done = CliRunner().invoke(app, ["load", server.url, *more, "--json"])
            assert 0 == done.exit_code, done.output

    once("-n", "1")  # what is loaded once may stay open
    before = state()
    once(*words)
    assert before == state()


def _exported(file: Path, *before: str) -> tuple[int, dict[str, object]]:
    with Scripted(Counted()) as server:
        done = subprocess.run(
            [*before, *COMMAND, server.url, "-n", "40", "--export", str(file), "--json"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    return done.returncode, json.loads(done.stdout)


def _may_mount() -> bool:
    try:
        words = ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /mnt"]
        return subprocess.run(words, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(not _may_mount(), reason="only root may mount; /dev/full stands for it below")
def test_a_disk_that_is_full(tmp_path: Path) -> None:
    """A real one: exit 1, the figures are told, and no half file stays."""
    small = tmp_path / "small"
    small.mkdir()
    mounted = 'mount -t tmpfs -o size=16k none "$0"; cat /dev/zero >"$0/fill" 2>/dev/null; "$@"; code=$?; ls -A "$0" >"$0.left"; exit $code'
    code, told = _exported(small / "load.hlog", "unshare", "-m", "sh", "-c", mounted, str(small))
    assert (1, 40) == (code, told["requests"])
    assert [f"The histogram could not be written to {small / 'load.hlog'}: No space left on device."] == told[
        "findings"
    ]
    assert "fill\n" == (tmp_path / "small.left").read_text(encoding="ascii")


def test_a_device_that_is_full_stays_a_device(tmp_path: Path) -> None:
    """What is no file is written to as it is, and never replaced."""
    device = tmp_path / "full"
    device.symlink_to("/dev/full")
    code, told = _exported(device)
    assert (1, 40) == (code, told["requests"])
    assert "No space left on device" in str(told["findings"])
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)  # noqa: PTH116  (the device itself)
    assert (0, []) == ((ended := _exported(tmp_path / "ok"))[0], ended[1]["findings"])


def test_a_link_to_a_file_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").touch()
    (tmp_path / "link").symlink_to("real")
    assert 0 == _exported(tmp_path / "link")[0]
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text(encoding="ascii").startswith("#[")

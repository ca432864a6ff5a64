from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from deployer_lib.app.commands import OUTPUT_CHARACTERS, Done, find_command, run_command
from deployer_lib.app.surroundings import base_environment
from deployer_lib.errors import ProcessError

if TYPE_CHECKING:
    from pathlib import Path

ENV = base_environment(os.environ)


def run(folder: Path, code: str, timeout_s: float = 20.0) -> Done:
    return run_command([sys.executable, "-c", code], cwd=folder, env=ENV, timeout_s=timeout_s)


def ended(pid: int) -> bool:
    """Wait until a killed process is gone, or waits to be collected."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.01)
    return False


def test_output_comes_line_by_line_and_whole(tmp_path: Path) -> None:
    """Both streams, in order, to the caller, the log and the result; bytes that are not UTF-8 are replaced."""
    seen: list[str] = []
    done = run_command(
        ["sh", "-c", r"echo one; echo two >&2; printf 'thr\377ee'; exit 4"],
        cwd=tmp_path,
        env=ENV,
        timeout_s=20,
        on_line=seen.append,
        log=tmp_path / "log",
    )
    assert seen == ["one", "two", "thr�ee"]
    assert (done.exit_code, done.output, done.line_count, done.ok) == (4, "one\ntwo\nthr�ee", 3, False)
    assert (tmp_path / "log").read_text(encoding="utf-8") == done.output


def test_the_end_of_a_long_output_is_kept(tmp_path: Path) -> None:
    """Memory does not grow with it; the count tells how much there was."""
    done = run(tmp_path, "print('\\n'.join(str(i) for i in range(30_000)))")
    assert done.line_count == 30_000
    assert done.lines[-1] == "29999"
    assert len(done.output) <= OUTPUT_CHARACTERS


def test_the_time_limit_ends_the_whole_group(tmp_path: Path) -> None:
    """A child that ignores SIGTERM is gone too; what was printed is kept."""
    began = time.monotonic()
    done = run(
        tmp_path,
        "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); child = os.fork()\n"
        "if child: print(child, flush=True)\ntime.sleep(60)",
        timeout_s=1.5,
    )
    assert done.exit_code is None
    assert time.monotonic() - began < 10
    assert ended(int(done.output))


def test_a_child_left_behind_does_not_hold_the_end_up(tmp_path: Path) -> None:
    """A build that starts a server in the background ends when the build does, and the server with it."""
    began = time.monotonic()
    done = run_command(["sh", "-c", "sleep 60 & echo $!"], cwd=tmp_path, env=ENV, timeout_s=30)
    assert done.ok
    assert time.monotonic() - began < 10
    assert ended(int(done.output))


def test_an_interrupt_ends_the_group(tmp_path: Path) -> None:
    """Ctrl-C in the caller leaves no build running."""
    seen: list[str] = []

    def interrupt(line: str) -> None:
        seen.append(line)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_command(["sh", "-c", "echo $$; sleep 60"], cwd=tmp_path, env=ENV, timeout_s=30, on_line=interrupt)
    assert not psutil.pid_exists(int(seen[0]))


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["no-such-program"], "no-such-program was not found"),
        ([], "An empty command"),
        (["./plain"], "can't be run"),
    ],
)
def test_what_can_not_be_started_is_said(tmp_path: Path, argv: list[str], said: str) -> None:
    """The message names the command; the hint says what to do."""
    (tmp_path / "plain").write_text("x", encoding="utf-8")
    with pytest.raises(ProcessError, match=said) as caught:
        run_command(argv, cwd=tmp_path, env=ENV, timeout_s=5)
    assert caught.value.hint


def test_a_missing_folder_is_not_blamed_on_the_command(tmp_path: Path) -> None:
    """Python reports both alike."""
    with pytest.raises(ProcessError, match="no such folder"):
        run_command(["true"], cwd=tmp_path / "no", env=ENV, timeout_s=5)


def test_nothing_waits_for_standard_input(tmp_path: Path) -> None:
    """A command that asks a question gets the end of input."""
    assert run(tmp_path, "import sys; print(repr(sys.stdin.read()))").output == "''\n"


def test_a_command_is_found_as_it_would_be_run(tmp_path: Path) -> None:
    """On the PATH, or relative to the folder; only where it can be executed."""
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\n", encoding="utf-8")
    assert find_command("./tool", cwd=tmp_path, env={}) is None
    tool.chmod(0o755)
    assert find_command("./tool", cwd=tmp_path, env={}) == tool
    assert find_command("tool", cwd=tmp_path, env={"PATH": str(tmp_path)}) == tool
    assert find_command("no-such-program", cwd=tmp_path, env=ENV) is None

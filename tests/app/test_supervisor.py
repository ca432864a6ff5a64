from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from waiting import until

from deployer_lib import platform
from deployer_lib.app.ledger import read_ledger
from deployer_lib.app.supervisor import Spec, find, start, stop, sweep
from deployer_lib.app.surroundings import process_environment
from deployer_lib.errors import ProcessError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from deployer_lib.app.supervisor import Supervised

SLEEP = "import time; print('up', flush=True); time.sleep(60)"
#: Forks twice into sessions of their own, as daemons do, and writes the daemon's pid to a file.
DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
        with open("daemon.new", "w") as file:
            file.write(str(os.getpid()))
        os.rename("daemon.new", "daemon")
        time.sleep(60)
    os._exit(0)
os.wait()
"""


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Callable[..., Supervised]]:
    """Give what starts Python code under a supervisor, and end what is left of it."""

    def begin(code: str, **options: Any) -> Supervised:
        return start(spec(tmp_path, code, **options))

    yield begin
    for path in tmp_path.glob("*.ledger.json"):
        stop(path)


def spec(folder: Path, code: str, *, name: str = "app", **options: Any) -> Spec:
    return Spec(
        name=name,
        argv=(sys.executable, "-c", code),
        shown=("python", "-c", "[secure]"),
        cwd=folder,
        env=process_environment(os.environ, {"TOKEN": "s3cret-value"}),
        log=folder / f"{name}.log",
        ledger=folder / f"{name}.ledger.json",
        stop_timeout_s=options.pop("stop_timeout_s", 1.0),
        **options,
    )


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def pid_in(path: Path) -> int:
    until(path.exists, "its file is there", 10)
    return int(path.read_text(encoding="utf-8"))


def test_what_runs_stands_in_the_ledger(supervise: Callable[..., Supervised]) -> None:
    """Pid, create time and boot id are those of the process; no secret is on disk."""
    supervised = supervise(SLEEP)
    ledger = supervised.ledger()
    assert ledger.process is not None
    assert platform.identify(ledger.process.pid) == ledger.process
    assert (platform.boot_id(), "running", ("python", "-c", "[secure]")) == (
        ledger.boot,
        ledger.state,
        ledger.command,
    )
    assert "s3cret-value" not in supervised.path.read_text(encoding="utf-8")
    assert [ledger.process.pid] == [process.pid for process in supervised.tree()]


def test_a_command_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    """start() raises, and nothing stays behind."""
    wanted = spec(tmp_path, "")
    missing = Spec("app", ("no-such-program",), ("no-such-program",), tmp_path, {}, wanted.log, wanted.ledger)
    with pytest.raises(ProcessError, match="No such file or directory: no-such-program"):
        start(missing)
    assert find(wanted.ledger) is not None
    until(lambda: not stop(wanted.ledger), "the ledger follows", 10)


def test_an_exit_code_is_kept(supervise: Callable[..., Supervised]) -> None:
    """The code is the process's own, and the supervisor ends with it."""
    supervised = supervise("raise SystemExit(7)")
    assert supervised.wait_exit(10) == 7
    until(lambda: not supervised.ledger().supervised(), "the ledger follows", 10)
    assert supervised.ledger().state == "ended"


def test_a_failed_process_starts_again(supervise: Callable[..., Supervised]) -> None:
    """on-failure counts its restarts; an exit with 0 ends it."""
    supervised = supervise(
        "import os\nif os.path.exists('once'): raise SystemExit(0)\nopen('once', 'w'); raise SystemExit(5)",
        restart="on-failure",
    )
    until(lambda: supervised.ledger().state == "ended", "the ledger follows", 10)
    assert [one.code for one in supervised.ledger().exits] == [5, 0]
    assert supervised.ledger().restarts == 1


def test_a_process_that_ignores_sigterm_is_killed(
    supervise: Callable[..., Supervised], tmp_path: Path
) -> None:
    """The stop time-out is given, and not more."""
    supervised = supervise(
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open('deaf', 'w'); time.sleep(60)",
        stop_timeout_s=0.5,
    )
    until((tmp_path / "deaf").exists, "it is deaf", 10)
    began = time.monotonic()
    assert stop(supervised.path)
    assert 0.5 <= time.monotonic() - began < 5
    assert [one.code for one in supervised.ledger().exits] == [-signal.SIGKILL]
    assert not supervised.running()


def test_daemons_end_with_it(supervise: Callable[..., Supervised], tmp_path: Path) -> None:
    """A grandchild in a session of its own is found, as the supervisor adopts orphans."""
    supervised = supervise(DAEMON + SLEEP)
    daemon = pid_in(tmp_path / "daemon")
    assert daemon in {process.pid for process in supervised.tree()}
    supervised.stop()
    assert gone(daemon)


def test_an_application_that_daemonises_itself_is_followed(
    supervise: Callable[..., Supervised], tmp_path: Path
) -> None:
    """The first process ends with 0; from then on the daemon is what runs, and what is stopped."""
    supervised = supervise(DAEMON)
    daemon = pid_in(tmp_path / "daemon")
    until(lambda: [p.pid for p in supervised.tree()] == [daemon], "the ledger follows", 10)

    def followed() -> bool:
        process = supervised.ledger().process
        return process is not None and process.pid == daemon

    until(followed, "the ledger follows", 10)
    assert supervised.running()
    supervised.stop()
    assert gone(daemon)


def test_the_port_is_free_after_a_stop(supervise: Callable[..., Supervised], tmp_path: Path) -> None:
    """Whoever held it, a child included, is gone."""
    supervised = supervise(
        "import os, socket, time\ns = socket.create_server(('127.0.0.1', 0))\nos.set_inheritable(s.fileno(), True)\n"
        # One of the two says the port: if both renamed the file, one would die of it, and the tree be ended.
        "if os.fork():\n open('port.new', 'w').write(str(s.getsockname()[1])); os.replace('port.new', 'port')\ntime.sleep(60)"
    )
    port = pid_in(tmp_path / "port")
    assert platform.listeners(port)
    supervised.stop()
    with socket.create_server(("127.0.0.1", port)):
        pass


def launcher(folder: Path, code: str, *, leased: bool) -> subprocess.Popen[str]:
    """Start an owner that starts a process, says so, and waits."""
    script = (
        "import sys; from pathlib import Path; import test_supervisor as t\n"
        f"t.start(t.spec(Path(sys.argv[1]), {code!r}, leased={leased}))\nprint('started', flush=True); input()"
    )
    here = os.path.dirname(__file__)  # noqa: PTH120  (Path is for types here)
    return subprocess.Popen(
        [sys.executable, "-c", script, str(folder)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join((here, *sys.path))},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize("leased", [True, False])
def test_the_death_of_the_owner(
    supervise: Callable[..., Supervised], tmp_path: Path, *, leased: bool
) -> None:
    """kill -9 of the owner's whole group ends what was leased; the target goes on writing to its log."""
    del supervise  # for what it ends
    chatty = "import time\nwhile True: print('tick', flush=True); time.sleep(0.05)"
    with launcher(tmp_path, chatty, leased=leased) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "started\n"
        os.killpg(owner.pid, signal.SIGKILL)
    supervised = find(tmp_path / "app.ledger.json")
    assert supervised is not None
    log = tmp_path / "app.log"
    if leased:
        until(lambda: not supervised.ledger().supervised(), "the ledger follows", 10)
        assert (supervised.running(), supervised.ledger().state) == (False, "stopped")
    else:
        size = log.stat().st_size
        until(lambda: log.stat().st_size > size + 20, "its log grows", 10)
        assert supervised.running()


def test_a_killed_supervisor_is_swept_with_its_daemons(
    supervise: Callable[..., Supervised], tmp_path: Path
) -> None:
    """The next sweep finds the orphaned tree, ends it and says so; a healthy one is left alone."""
    supervised = supervise(DAEMON + SLEEP)
    healthy = start(spec(tmp_path, SLEEP, name="healthy"))
    daemon, ledger = pid_in(tmp_path / "daemon"), supervised.ledger()
    assert ledger.supervisor is not None
    assert ledger.process is not None
    os.kill(ledger.supervisor.pid, signal.SIGKILL)
    assert ledger.supervisor.wait(5)
    assert ledger.process.alive()
    said = sweep(tmp_path)
    assert said == [f"app (process {ledger.process.pid}) was ended: its supervisor was killed."]
    assert (gone(daemon), not ledger.process.alive()) == (True, True)
    assert healthy.running()
    assert sweep(tmp_path) == []


def test_a_pid_of_an_earlier_boot_is_never_touched(
    supervise: Callable[..., Supervised], tmp_path: Path
) -> None:
    """After a restart of the machine the ledger's numbers belong to others."""
    supervised = supervise(SLEEP)
    text = supervised.path.read_text(encoding="utf-8")
    old = tmp_path / "old.ledger.json"
    old.write_text(text.replace(platform.boot_id(), "another-boot"), encoding="utf-8")
    assert not stop(old)
    assert sweep(tmp_path) == []
    assert supervised.running()


def test_a_process_that_runs_is_not_started_twice(
    supervise: Callable[..., Supervised], tmp_path: Path
) -> None:
    """Two of them would fight for port and database."""
    supervise(SLEEP)
    with pytest.raises(ProcessError, match="runs already"):
        start(spec(tmp_path, SLEEP))


def test_a_torn_ledger_is_said(tmp_path: Path) -> None:
    """It is an error with a way out, never a traceback."""
    path = tmp_path / "x.ledger.json"
    path.write_text('{"schema": "ledger/1"', encoding="utf-8")
    with pytest.raises(ProcessError, match=r"x\.ledger\.json can't be read"):
        read_ledger(path)
    assert len(sweep(tmp_path)) == 1

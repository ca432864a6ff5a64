"""A load sent by the workers of a real Dask cluster on loopback: the same schedule, nothing lost, nothing left behind."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
import numpy as np
import psutil
import pytest
from dask_parts import cluster, worker
from load_servers import OK, Scripted, answers, certificate, check, guard, kinds, silent
from typer.testing import CliRunner
from waiting import until

import deployer_lib
from deployer_lib.cli.app import app
from deployer_lib.errors import NotAllowed, ProcessError, UsageError
from deployer_lib.load import cluster as cluster_module
from deployer_lib.load import plan
from deployer_lib.load.histogram import Histogram
from deployer_lib.load.remote import Machine
from deployer_lib.load.requests import RequestSpec
from deployer_lib.load.result import LoadResult
from deployer_lib.load.running import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployer_lib.load.columns import Columns
    from deployer_lib.load.job import Progress


SHARE = (
    *("address", "requests", "offset_ms", "uncertainty_ms", "wall_offset_ms", "late_ms"),
    *("p50_ms", "p99_ms"),
)


@pytest.fixture(scope="module")
def dask_cluster() -> Iterator[Any]:
    with cluster(2) as running:
        yield running


@pytest.fixture(scope="module")
def scheduler(dask_cluster: Any) -> str:
    return str(dask_cluster.scheduler_address)


@pytest.fixture(scope="module")
def empty() -> Iterator[Any]:
    """Run a scheduler whose workers each test starts itself."""
    with cluster(0) as running:
        yield running


def refused(url: str, scheduler: str, **options: Any) -> UsageError:
    """Return why a load was refused, before a request was sent."""
    port = int(url.rstrip("/").rpartition(":")[2])
    allowed = guard(port)
    with pytest.raises(UsageError) as caught:
        run(url, plan.constant(50, 0.2), guard=allowed, scheduler=scheduler, **options)
    assert caught.value.hint
    assert 0 == allowed.requests
    return caught.value


# What is sent, and what comes back


def test_a_clusters_workers_send_the_schedule_of_one(scheduler: str) -> None:
    """Each request once, under its own number, due when it would be from here; each worker sends from one process."""
    made = plan.constant(200, 0.6)
    with Scripted(answers(OK)) as server:
        seen: list[Progress] = []
        allowed = guard(server)
        columns = run(
            server.url,
            made,
            guard=allowed,
            mix=[RequestSpec(path="/{n}")],
            scheduler=scheduler,
            progress=seen.append,
        )
        numbers = sorted(int(re.findall(rb"/(\d+) ", request)[0]) for request in server.requests)
    check(columns)
    assert list(range(1, 121)) == numbers
    assert (120, 0, 2, "") == (columns.planned, columns.unsent, columns.workers, columns.stopped)
    assert (columns.intended_ns - columns.start_ns == made.due_ns).all()
    assert [60, 60] == [share.requests for share in columns.shares]
    assert 120 == allowed.requests
    assert seen


def test_histograms_of_workers_merge_to_that_of_all(scheduler: str) -> None:
    """Counted where they were measured and added up, or counted here over all columns: the same to the last bit."""
    with Scripted(answers(OK)) as server:
        result = LoadResult(run(server.url, plan.constant(300, 1), guard=guard(server), scheduler=scheduler))
    merged = Histogram()
    for share in result.columns.shares:
        merged.merge(share.response)
    assert 300 == len(merged)
    assert result.response_histogram == merged
    assert result.response_histogram.encode() == merged.encode()
    told = result.to_json()["workers"]
    assert isinstance(told, list)
    assert [{*SHARE}, {*SHARE}] == [{*one} for one in told if isinstance(one, dict)]


def test_a_mix_is_sent_as_one_process_would(scheduler: str) -> None:
    """Which request comes when hangs on its number alone, so the weights hold over all workers."""
    mix = [RequestSpec(path="/a", weight=3), RequestSpec(path="/b")]
    with Scripted(answers(OK)) as server:
        one = run(server.url, plan.constant(300, 1), guard=guard(server), mix=mix, seed=3)
        both = run(
            server.url, plan.constant(300, 1), guard=guard(server), mix=mix, seed=3, scheduler=scheduler
        )
    assert one.spec.tolist() == both.spec.tolist()
    assert not (both.spec[0::2] == both.spec[1::2]).all()


def test_a_closed_loop_shares_its_connections(scheduler: str) -> None:
    with Scripted(answers(OK)) as server:
        allowed = guard(server)
        columns = run(server.url, plan.closed(3, requests=61), guard=allowed, scheduler=scheduler)
        timed = run(server.url, plan.closed(3, duration_s=0.2), guard=allowed, scheduler=scheduler)
        assert len(server.requests) == len(columns) + len(timed) == allowed.requests
    assert (61, 3, 3) == (len(columns), columns.connections, columns.opened)


def test_fewer_workers_may_be_asked_for(dask_cluster: Any, scheduler: str) -> None:
    """The one that has nothing else to do is taken."""
    busy, idle = sorted(dask_cluster.scheduler.workers)
    release = threading.Event()
    with dask_cluster.get_client() as client, Scripted(silent) as never, Scripted(answers(OK)) as server:
        # It waits for an answer that does not come, so no time is guessed.
        held = client.submit(_wait_on, never.port, workers=[busy], pure=False)
        while not never.accepted:
            assert not release.wait(0.01)
        columns = run(
            server.url, plan.constant(100, 0.2), guard=guard(server), scheduler=scheduler, workers=1
        )
        assert [idle] == [share.address for share in columns.shares]
        assert (1, 20) == (columns.workers, len(columns))
        never.ending.set()
        held.result(timeout=60)


def _wait_on(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        return sock.recv(1)


def test_the_target_is_trusted_as_here(scheduler: str, tmp_path: Path) -> None:
    """Certificates travel with the job: their file is nobody else's."""
    pair = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    with Scripted(answers(OK), context) as server:
        columns = run(
            server.url, plan.constant(100, 0.2), guard=guard(server), scheduler=scheduler, ca=pair[0]
        )
        with pytest.raises(UsageError, match="certificates"):
            run(
                server.url,
                plan.constant(9, 1),
                guard=guard(server),
                scheduler=scheduler,
                ca=tmp_path / "none",
            )
    assert Counter({"": 20}) == kinds(columns)


def test_nothing_is_left_behind(dask_cluster: Any, scheduler: str) -> None:
    """Neither threads and descriptors here, nor tasks and processes there."""

    def state() -> tuple[object, ...]:
        mine = psutil.Process()
        threads = sorted(thread.name for thread in threading.enumerate() if thread.name == "dask")
        kernels = [one for one in mine.children(recursive=True) if "load.workers" in " ".join(one.cmdline())]
        return threads, kernels, len(dask_cluster.scheduler.tasks), signal.getsignal(signal.SIGINT)

    with Scripted(answers(OK)) as server:
        for _ in range(3):
            run(server.url, plan.constant(100, 0.1), guard=guard(server), scheduler=scheduler)
    assert ([], [], 0, signal.getsignal(signal.SIGINT)) == state()


def test_workers_are_talked_to_while_others_are_prepared(
    scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long that takes: whoever hears nothing takes this command for lost. Here it is done at every step."""
    monkeypatch.setattr(cluster_module, "_HEARD_S", -1.0)
    with Scripted(answers(OK)) as server:
        columns = run(server.url, plan.constant(100, 0.2), guard=guard(server), scheduler=scheduler)
    assert (20, 2) == (len(columns), columns.workers)


# The guard


def test_the_guard_is_asked_here(scheduler: str) -> None:
    """An undeclared host is refused, and a ceiling ends all workers at the same point of the plan."""
    with Scripted(answers(OK)) as server:
        with pytest.raises(NotAllowed, match="not a declared host"):
            run(
                server.url.replace("127.0.0.1", "localhost"),
                plan.constant(9, 1),
                guard=guard(server),
                scheduler=scheduler,
            )
        assert [] == server.requests
        few = guard(server, requests=31)
        made = plan.constant(100, 0.6)
        columns = run(server.url, made, guard=few, scheduler=scheduler)
        assert 31 == len(server.requests) == few.requests
    assert (columns.intended_ns - columns.start_ns == made.due_ns[:31]).all()
    assert (29, "the guard's ceiling on requests was reached") == (columns.unsent, columns.stopped)


def test_an_address_that_means_each_machine_itself_is_refused(
    scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """127.0.0.1 was permitted as this machine; for a worker elsewhere it would be another one."""
    monkeypatch.setattr(Machine, "has_loopback_of", lambda _one, _another: False)
    with Scripted(answers(OK)) as server:
        assert "means this machine" in refused(server.url, scheduler).message
        assert [] == server.requests


# Clocks


def test_the_estimate_holds_the_truth(scheduler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not known that a worker's clock is ours, it is estimated; 0, the truth, lies within what is said."""
    monkeypatch.setattr(Machine, "has_clock_of", lambda _one, _another: False)
    with Scripted(answers(OK)) as server:
        columns = run(server.url, plan.constant(100, 0.4), guard=guard(server), scheduler=scheduler)
    assert 2 == len(columns.shares)
    for share in columns.shares:
        assert 0 < share.offset.uncertainty_ns
        assert abs(share.offset.ahead_ns) <= share.offset.uncertainty_ns
    assert (columns.intended_ns - columns.start_ns == plan.constant(100, 0.4).due_ns).all()


def test_one_clock_is_not_estimated(scheduler: str) -> None:
    with Scripted(answers(OK)) as server:
        columns = run(server.url, plan.constant(100, 0.1), guard=guard(server), scheduler=scheduler)
    assert [(0, 0)] * 2 == [(share.offset.ahead_ns, share.offset.uncertainty_ns) for share in columns.shares]


HOUR = ("unshare", "--time", "--monotonic", "3600", "--fork", "--kill-child")


def _may_set_clocks() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*HOUR, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not _may_set_clocks(), reason="a clock of its own needs unshare, and to be root")
def test_times_of_another_clock_are_put_on_ours(empty: Any) -> None:
    """A worker whose clock is an hour ahead: the estimate finds the hour, and its requests stand among the others'."""
    made = plan.constant(100, 1)
    with worker(empty, before=HOUR), worker(empty), Scripted(answers(OK)) as server:
        before_ns = time.monotonic_ns()
        columns = run(server.url, made, guard=guard(server), scheduler=empty.scheduler_address)
        after_ns = time.monotonic_ns()
    check(columns)
    ahead, same = sorted((share.offset for share in columns.shares), key=lambda one: -one.ahead_ns)
    assert abs(ahead.ahead_ns - 3_600_000_000_000) <= ahead.uncertainty_ns
    assert (0, 0) == (same.ahead_ns, same.uncertainty_ns)
    assert (columns.intended_ns - columns.start_ns == made.due_ns).all()
    for times in (columns.intended_ns, columns.seen_ns, columns.sent_ns, columns.done_ns):
        # What is not known of a clock does not make a time go astray by more.
        assert (times > before_ns - ahead.uncertainty_ns).all()
        assert (times < after_ns + ahead.uncertainty_ns).all()


# What goes wrong before anything is sent


@pytest.mark.parametrize(
    "address",
    [
        "",
        "127.0.0.1:8786",
        "http://127.0.0.1:8786",
        "tcp://127.0.0.1",
        "tcp://127.0.0.1:99999",
        "tcp://a b:1",
        "inproc://x:1",
    ],
)
def test_what_is_no_schedulers_address_is_refused(address: str) -> None:
    assert "is not the address of a Dask scheduler" in refused("http://127.0.0.1:9", address).message


def test_a_scheduler_that_is_not_there_is_told() -> None:
    """Nobody listens; somebody listens and says nothing; something else than a scheduler answers."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        nobody = f"tcp://127.0.0.1:{held.getsockname()[1]}"
    with Scripted(silent) as mute, Scripted(answers(OK)) as other:
        for address in (nobody, f"tcp://127.0.0.1:{mute.port}", f"tcp://127.0.0.1:{other.port}"):
            assert "No Dask scheduler answers" in refused("http://127.0.0.1:9", address).message
    assert [] == [thread for thread in threading.enumerate() if thread.name == "dask"]


def test_fewer_workers_than_asked_for_are_told(
    scheduler: str, empty: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "_JOIN_S", 0.0)
    assert "has 2 workers, and 3 are wanted" in refused("http://127.0.0.1:9", scheduler, workers=3).message
    none = refused("http://127.0.0.1:9", empty.scheduler_address)
    assert "has 0 workers, and 1 are wanted" in none.message


def test_without_distributed_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    told = refused("http://127.0.0.1:9", "tcp://127.0.0.1:9")
    assert "deployer-lib[dask]" in told.hint


def test_distributed_is_imported_for_a_cluster_only() -> None:
    code = "import sys, deployer_lib.cli.load, deployer_lib.load.running, deployer_lib.load.cluster\nprint('distributed' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "False" == done.stdout.strip()


def test_workers_of_another_deployer_are_refused(empty: Any, tmp_path: Path) -> None:
    """The same version with other code is another one; and where none is installed, that is said."""
    other = tmp_path / "other"
    shutil.copytree(Path(deployer_lib.__file__).parent, other / "deployer_lib")
    with (other / "deployer_lib/load/kernel.py").open("a") as file:
        file.write("# changed\n")
    with worker(empty, path=str(other)):
        assert "has another Deployer" in refused("http://127.0.0.1:9", empty.scheduler_address).message
    none = tmp_path / "none" / "deployer_lib"
    none.mkdir(parents=True)
    (none / "__init__.py").touch()
    with worker(empty, path=str(none.parent)):
        told = refused("http://127.0.0.1:9", empty.scheduler_address)
    assert "cannot carry out a load" in told.message
    assert "deployer_lib.load" in told.message


# What goes wrong meanwhile


def _requests_end(server: Scripted) -> None:
    """Wait until no connection is open any more: whoever sent has ended."""
    until(lambda: not server._open, "every connection has ended")


def test_a_worker_that_dies_ends_the_load(empty: Any) -> None:
    """The others are stopped, no request is sent any more, and what was sent by it counts as sent."""
    with worker(empty) as first, worker(empty), Scripted(answers(OK)) as server:
        allowed = guard(server)

        def kill(_progress: Progress) -> None:
            if server.accepted >= 2 and first.is_running():
                first.kill()
                first.wait()

        with pytest.raises(ProcessError, match="was lost"):
            run(
                server.url,
                plan.constant(50, 60),
                guard=allowed,
                scheduler=empty.scheduler_address,
                progress=kill,
            )
        _requests_end(server)
        assert len(server.requests) <= allowed.requests < 3000
        assert 1500 <= allowed.requests
    assert {} == dict(empty.scheduler.tasks)


def test_a_scheduler_that_dies_ends_the_load() -> None:
    """The load was not forever: its workers end too."""
    argv = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard", "--host", "127.0.0.1"]
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    with subprocess.Popen([*argv, "--port", str(port)], stderr=subprocess.DEVNULL) as process:
        address = f"tcp://127.0.0.1:{port}"
        more = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-nanny", "--no-dashboard"]
        with subprocess.Popen([*more, "--nthreads", "1"], stderr=subprocess.DEVNULL) as one:
            try:
                with Scripted(answers(OK)) as server:

                    def kill(_progress: Progress) -> None:
                        process.kill()
                        process.wait()

                    until(lambda: _listens(port), "the scheduler listens")
                    with pytest.raises(ProcessError, match="does not answer"):
                        run(
                            server.url,
                            plan.constant(50, 60),
                            guard=guard(server),
                            scheduler=address,
                            progress=kill,
                        )
                    _requests_end(server)
            finally:
                one.kill()
                process.kill()


def _listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def test_ctrl_c_returns_what_was_measured(scheduler: str) -> None:
    with Scripted(answers(OK)) as server:
        allowed = guard(server)
        columns = run(
            server.url,
            plan.constant(100, 60),
            guard=allowed,
            scheduler=scheduler,
            progress=lambda progress: os.kill(os.getpid(), signal.SIGINT) if progress.done else None,
        )
    assert "interrupted" == columns.stopped
    assert 6000 == len(columns) + columns.unsent
    assert 0 < len(columns) < 3000
    assert len(columns) == allowed.requests


def test_an_error_of_the_caller_ends_the_load(scheduler: str) -> None:
    """What was not sent is given back, although the run raised."""

    def fail(_progress: Progress) -> None:
        raise LookupError("from progress")

    with Scripted(answers(OK)) as server:
        allowed = guard(server)
        with pytest.raises(LookupError, match="from progress"):
            run(server.url, plan.constant(100, 60), guard=allowed, scheduler=scheduler, progress=fail)
        _requests_end(server)
        assert len(server.requests) <= allowed.requests < 3000  # one may wait for a connection at the end


def test_workers_stop_together(scheduler: str) -> None:
    """One that stops for errors stops the other."""
    text = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
    with Scripted(answers(text)) as server:
        columns = run(server.url, plan.constant(100, 60), guard=guard(server), scheduler=scheduler)
    assert "5 %" in columns.stopped
    assert 6000 == len(columns) + columns.unsent
    assert columns.duration_ns < 30e9


def test_an_error_of_a_worker_is_raised(scheduler: str) -> None:
    """Its own limits are judged where it runs."""
    with pytest.raises(UsageError, match="connections are not possible"):
        run("http://127.0.0.1:9", plan.closed(200_000, duration_s=1), guard=guard(9), scheduler=scheduler)


# Securely, and from the command line


def test_dasks_own_settings_secure_the_connection(tmp_path: Path) -> None:
    """Where they name certificates, a scheduler under TLS is reached; without them it is not."""
    made, key = certificate(tmp_path)
    names = {"ca-file": str(made)} | {
        f"{role}.{what}": str(path)
        for role in ("scheduler", "worker", "client")
        for what, path in (("cert", made), ("key", key))
    }
    config = {f"distributed.comm.tls.{name}": path for name, path in names.items()}
    with dask.config.set(config), cluster(1, protocol="tls") as running, Scripted(answers(OK)) as server:
        address = running.scheduler_address
        assert address.startswith("tls://")
        columns = run(server.url, plan.constant(100, 0.2), guard=guard(server), scheduler=address)
        assert 20 == len(columns)
        with dask.config.set(dict.fromkeys(config)):
            assert "distributed.comm.tls" in refused(server.url, address).hint


def test_the_command_takes_a_scheduler(scheduler: str) -> None:
    with Scripted(answers(OK)) as server:
        argv = ["load", server.url, "--rate", "100", "--duration", "500ms", "--scheduler", scheduler]
        done = CliRunner().invoke(app, [*argv, "--json"])
        assert 50 == len(server.requests)
        shown = CliRunner().invoke(app, [*argv, "--workers", "1"])
    document = json.loads(done.stdout)
    assert (0, 50, [25, 25]) == (
        done.exit_code,
        document["requests"],
        [one["requests"] for one in document["workers"]],
    )
    assert 0 == shown.exit_code
    assert 1 == shown.stdout.count("tcp://127.0.0.1:")


def test_the_command_says_what_is_wrong() -> None:
    done = CliRunner().invoke(app, ["load", "http://127.0.0.1:9", "--rate", "1", "--scheduler", "nowhere"])
    assert 2 == done.exit_code
    assert "tcp://" in done.stderr


def test_columns_are_of_all_workers(scheduler: str) -> None:
    """Numbers of connections are unique over workers, and the counts of all add up."""
    with Scripted(answers(OK)) as server:
        columns: Columns = run(
            server.url, plan.closed(4, requests=80), guard=guard(server), scheduler=scheduler
        )
        assert server.accepted == columns.opened == len(np.unique(columns.connection))
    assert len(columns) == sum(share.requests for share in columns.shares)

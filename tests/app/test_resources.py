"""Watching an application: what it says is what processes do, and neither they nor the watcher suffer from it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import numpy as np
import psutil
import pytest
from obedient import obedient

from deployer_lib import platform
from deployer_lib.app.allowance import Allowance
from deployer_lib.app.resources import _course
from deployer_lib.app.sampling import Sampler, Stat, Tree, read_stat
from deployer_lib.app.watching import _read, watch

if TYPE_CHECKING:
    from pathlib import Path

    from deployer_lib.app.resources import Resources
    from deployer_lib.app.watching import Watch

NEVER_S: Final = 3_600.0  # between samples: there are only those that are asked for
TICKS_S: Final = 0.04  # what counting in hundredths of a second may miss, of two processes


def _near(expected: float, found: float, off: float) -> bool:
    return abs(expected - found) <= off


def _sampler_of(seen: Watch) -> subprocess.Popen[bytes]:
    assert seen._sampler is not None
    return seen._sampler


def test_memory_is_what_was_taken() -> None:
    with obedient() as app, watch([app.pid], every_s=NEVER_S) as seen:
        app.do("allocate", 50)
        seen.look()
        app.do("free")
    resources = seen.resources
    assert 3 == len(resources)
    for column in (resources.rss_bytes, resources.uss_bytes):
        taken, given = np.diff(column)
        assert _near(50e6, float(taken), 2e6)
        assert _near(-50e6, float(given), 2e6)


def test_descriptors_and_threads_are_exact() -> None:
    with obedient() as app, watch([app.pid], every_s=NEVER_S) as seen:
        app.do("open", 100)
        app.do("threads", 7)
        seen.look()
        app.do("free")
    resources = seen.resources
    assert [100, -100] == np.diff(resources.descriptors).tolist()
    assert [7, 0] == np.diff(resources.threads).tolist()
    assert [1, 1, 1] == resources.processes.tolist()


def test_the_fullest_process_is_named_with_its_own_limit() -> None:
    """``980 of 1,024`` is of one process, not of all together."""
    with obedient() as app:
        app.do("limit", 256)
        with watch([app.pid], every_s=NEVER_S) as seen:
            app.do("child")
            app.do("open", 200)
        fullest = seen.resources.limits.descriptors
    assert fullest is not None
    assert 256 == fullest.limit
    assert 200 <= fullest.used < int(seen.resources.descriptors.max())
    assert fullest.process.endswith(f"({app.pid})")


def test_children_are_followed_and_shared_memory_counts_once() -> None:
    """Resident memory has it in each of them, unshared memory in none."""
    with obedient() as app:
        app.do("allocate", 50)
        with watch([app.pid], every_s=NEVER_S) as seen:
            app.do("child")
            seen.look()
            app.do("collect")
    resources = seen.resources
    assert [1, 2, 1] == resources.processes.tolist()
    alone, both, again = resources.rss_bytes / 1e6
    assert both > alone + 50
    assert _near(alone, again, 2)
    assert resources.uss_bytes[1] < resources.uss_bytes[0] - 45e6
    assert "uss_bytes" == resources.memory


def test_cpu_time_is_what_was_used() -> None:
    """Of children that came and went between two samples too."""
    with obedient() as app, watch([app.pid], every_s=NEVER_S) as seen:
        app.do("burn", 0.3)
        seen.look()
        app.do("brief", 0.2)
        seen.look()
    used = np.diff(seen.resources.cpu_s)
    assert _near(0.3, float(used[0]), TICKS_S)
    assert _near(0.2, float(used[1]), TICKS_S)
    assert _near(float(used.sum()) / seen.resources.duration_s, seen.resources.cpu_mean_cores or 0, 1e-6)


def test_what_used_cpu_before_does_not_count() -> None:
    with obedient() as app:
        app.do("burn", 0.2)
        app.do("brief", 0.2)
        with watch([app.pid], every_s=NEVER_S) as seen:
            app.do("ready")
    assert seen.resources.cpu_s[-1] <= TICKS_S


def test_cpu_time_never_falls_when_children_end() -> None:
    """One was seen while it ran and is collected; of another nobody keeps the time."""
    with obedient() as app, watch([app.pid], every_s=NEVER_S) as seen:
        app.do("child")
        app.do("burn", 0.1)
        seen.look()
        app.do("collect")
        seen.look()
        app.do("forgotten", 0.1)
        seen.look()
        app.do("burn", 0.1)
    used = np.diff(seen.resources.cpu_s)
    assert (used >= 0).all()
    assert _near(0.2, float(used.sum()), 0.1 + TICKS_S)


def test_an_application_that_ends_is_said_and_keeps_what_was_seen() -> None:
    with obedient() as app, watch([platform.identify(app.pid) or 0], every_s=NEVER_S) as seen:
        app.do("open", 10)
        seen.look()
        app.end()
    assert 2 == len(seen.resources)
    (note,) = seen.resources.notes
    assert f"({app.pid}) ended" in note
    assert note.endswith("s after watching began.")


def test_one_that_ended_and_was_not_collected_is_no_process() -> None:
    with obedient() as app, watch([app.pid, os.getpid()], every_s=NEVER_S) as seen:
        before = int(seen.resources.processes[0])
        os.kill(app.pid, signal.SIGKILL)
        os.waitid(os.P_PID, app.pid, os.WEXITED | os.WNOWAIT)
        seen.look()
        after = int(seen.resources.processes[-1])
    assert before - 1 == after
    assert any(f"({app.pid}) ended" in note for note in seen.resources.notes)


def test_the_watcher_does_not_watch_itself() -> None:
    """Nor is a process counted twice that is given beside its parent."""
    with obedient() as app, watch([app.pid, os.getpid()], every_s=NEVER_S) as seen:
        pass
    mine = {os.getpid(), *(child.pid for child in psutil.Process().children(recursive=True))}
    assert len(mine | {app.pid}) == seen.resources.processes[0]


@pytest.mark.parametrize("of", ["nobody", "ended", "another"])
def test_nothing_to_watch_is_said(of: str) -> None:
    """No process, one that has ended, and a number that somebody else has now."""
    with obedient() as app:
        app.end()
    me = platform.identify(os.getpid())
    assert me is not None
    pids: dict[str, list[int | platform.ProcessId]] = {
        "nobody": [],
        "ended": [app.pid],
        "another": [platform.ProcessId(me.pid, me.created - 3_600)],
    }
    with watch(pids[of]) as seen:
        seen.look()
    resources = seen.resources
    assert (0, 1, 0.0) == (len(resources), len(resources.notes), resources.duration_s)
    assert (0, None, None) == (len(resources.cpu_cores), resources.cpu_mean_cores, resources.span("threads"))
    document = json.loads(json.dumps(resources.to_json()))
    assert (0, None, [], None) == tuple(document[key] for key in ("samples", "cpu_s", "growing", "rss_bytes"))


def test_another_users_memory_is_not_readable_and_said() -> None:
    """All the rest is there."""
    stat = read_stat("/proc", 1)
    assert stat is not None
    file, root = os.memfd_create("lines"), os.geteuid() == 0
    if root:  # so that process 1 is another user's in any case
        os.seteuid(65_534)
    try:
        Sampler(Tree("/proc", {1: stat.start}, without=os.getpid()), file).sample(everything=True)
    finally:
        if root:
            os.seteuid(0)
    resources = _read(os.pread(file, 1_000_000, 0), {1: stat.name}, Allowance(1.0), [])
    os.close(file)
    assert 1 == len(resources)
    assert np.isnan(resources.uss_bytes).all()
    assert resources.rss_bytes[0] > 0
    assert any("unshared memory" in note and "another user" in note for note in resources.notes)
    assert resources.to_json()["uss_bytes"] is None


def test_it_goes_on_by_itself_and_can_be_read_meanwhile() -> None:
    with obedient() as app, watch([app.pid], every_s=0.01) as seen:
        while len(seen.resources) < 6:
            app.do("ready")
    at_ns = seen.resources.at_ns
    assert (np.diff(at_ns) > 0).all()
    assert len(at_ns) >= 6
    assert np.isnan(seen.resources.uss_bytes[1:5]).any()  # it costs more, and is read more rarely


def test_nothing_is_left_behind() -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    with obedient() as app:
        for _ in range(3):
            with watch([app.pid], every_s=NEVER_S) as seen:
                sampler = _sampler_of(seen)
            assert 0 == sampler.returncode
            assert seen.resources.watching_cpu_s > 0
    assert before == len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def test_a_watcher_that_is_killed_is_said() -> None:
    """What it saw until then is kept, and what is done meanwhile goes on."""
    with obedient() as app, watch([app.pid], every_s=NEVER_S) as seen:
        sampler = _sampler_of(seen)
        sampler.kill()
        sampler.wait()
        seen.look()
        seen.look()
    assert 1 == len(seen.resources)
    (note,) = seen.resources.notes
    assert "ended by somebody" in note


_OWNER: Final = """
import os, sys, time
from deployer_lib.app.watching import watch
with watch([int(sys.argv[1])], every_s=0.05) as seen:
    # A fork holds the sampler's input open for as long as it lives.
    if sys.argv[2] == "forked" and not os.fork():
        sys.stdin.read()
        os._exit(0)
    print(seen._sampler.pid, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("how", ["alone", "forked"])
def test_it_ends_when_its_owner_is_killed(how: str) -> None:
    with (
        obedient() as app,
        subprocess.Popen(
            [sys.executable, "-c", _OWNER, str(app.pid), how],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as owner,
    ):
        assert owner.stdout is not None
        sampler = platform.identify(int(owner.stdout.readline()))
        assert sampler is not None
        owner.kill()
        assert sampler.wait(20)


@pytest.mark.parametrize(
    ("values", "course"),
    [
        ([10.0] * 40, "steady"),
        ([10.0 + k % 5 for k in range(40)], "steady"),
        ([10.0 + k for k in range(40)], "grows"),
        ([10.0 + k % 10 * 3 for k in range(40)], "steady"),  # collected now and then, down to the same
        ([10.0 + k + k % 10 * 3 for k in range(40)], "grows"),  # … and to more each time
        ([10.0] * 3 + [60.0] * 37, "rose"),  # a pool
        ([10.0 + 50 * (1 - 0.8**k) for k in range(40)], "rose"),  # caches that fill up
        ([60.0 - k for k in range(40)], "steady"),
        ([1e6 + k for k in range(40)], "steady"),  # too little of so much
        ([10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0], "unknown"),
    ],
)
def test_growth_is_told_from_noise_pools_and_caches(values: list[float], course: str) -> None:
    at_ns = np.arange(len(values), dtype=np.int64) * 250_000_000
    assert course == _course(np.array(values), at_ns, 8)


def _watched(*, steps: int, words: tuple[object, ...]) -> Resources:
    with obedient() as app, watch([app.pid], every_s=NEVER_S) as seen:
        for _ in range(steps):
            app.do(*words)
            seen.look()
    return seen.resources


@pytest.mark.parametrize(
    ("words", "growing"),
    [(("allocate", 5), "uss_bytes"), (("open", 20), "descriptors"), (("threads", 4), "threads")],
)
def test_what_grows_step_by_step_is_named(words: tuple[object, ...], growing: str) -> None:
    resources = _watched(steps=16, words=words)
    assert growing in resources.growing
    assert growing in resources.to_json()["growing"]  # type: ignore[operator]  # a list of names
    assert () == _watched(steps=16, words=("ready",)).growing


def _process(proc: Path, pid: int, parent: int, **options: int | str) -> None:
    """Write what /proc says of a process: ``used`` and ``waited`` in ticks, ``start``, ``state`` and ``name``."""
    known = {"name": "app", "state": "S", "used": 0, "waited": 0, "start": 100, "threads": 1} | options
    fields = ["0"] * 50
    fields[0], fields[1] = str(known["state"]), str(parent)
    fields[11], fields[13] = str(known["used"]), str(known["waited"])
    fields[17], fields[19], fields[21] = str(known["threads"]), str(known["start"]), "25"
    (proc / str(pid)).mkdir(exist_ok=True)
    (proc / str(pid) / "stat").write_text(f"{pid} ({known['name']}) {' '.join(fields)}\n")


def _gone(proc: Path, *pids: int) -> None:
    for pid in pids:
        (proc / str(pid) / "stat").unlink()
        (proc / str(pid)).rmdir()


def test_a_name_may_hold_anything() -> None:
    stat = Stat(b"7 (a) b (c\n) S 3 " + b"0 " * 48)
    assert ("a) b (c", 3, b"S") == (stat.name, stat.parent, stat.state)


def test_a_childs_time_is_counted_once(tmp_path: Path) -> None:
    """It comes back as its parent's when it is collected, at once, later, or with a whole branch of the tree."""
    tree = Tree(str(tmp_path), {10: 100}, since=200)
    _process(tmp_path, 10, 1, used=50, waited=70)
    _process(tmp_path, 11, 10, used=20)  # was there before
    assert (2, 0) == (len(tree.look()), tree.ticks)
    _process(tmp_path, 11, 10, used=25)
    _process(tmp_path, 12, 11, used=4, start=300)  # new, with all that it used
    assert (3, 9) == (len(tree.look()), tree.ticks)
    _gone(tmp_path, 12)  # ended between its parent's look and its own: the parent has its time later
    assert (2, 9) == (len(tree.look()), tree.ticks)
    _process(tmp_path, 11, 10, used=25, waited=6)  # it used 2 more before it ended
    assert (2, 11) == (len(tree.look()), tree.ticks)
    _gone(tmp_path, 11)
    _process(tmp_path, 10, 1, used=50, waited=70 + 25 + 6 + 3)
    assert (1, 14) == (len(tree.look()), tree.ticks)


def test_two_that_end_together_hand_their_time_up(tmp_path: Path) -> None:
    tree = Tree(str(tmp_path), {10: 100})
    _process(tmp_path, 10, 1)
    _process(tmp_path, 11, 10, used=5)
    _process(tmp_path, 12, 11, used=7)
    tree.look()
    _gone(tmp_path, 11, 12)
    _process(tmp_path, 10, 1, waited=13)
    tree.look()
    assert 1 == tree.ticks


def test_a_number_that_was_given_anew_is_another_process(tmp_path: Path) -> None:
    tree = Tree(str(tmp_path), {10: 100, 20: 100})
    _process(tmp_path, 10, 1)
    _process(tmp_path, 20, 1, start=900)  # not who was meant
    assert [10] == [member.pid for member in tree.look()]
    assert [(20, "")] == tree.ended
    _process(tmp_path, 10, 1, start=950, used=1_000)
    assert ([], 0) == (tree.look(), tree.ticks)
    assert [(20, ""), (10, "")] == tree.ended


def test_unshared_memory_is_read_at_a_pace_that_costs_little(tmp_path: Path) -> None:
    """At most 1 % of what the target uses; of one that does nothing, a thousandth of the time."""
    sampler = Sampler(Tree(str(tmp_path), {}), -1)
    sampler._last = (0, 20_000_000, 0)  # a reading took 20 ms
    assert not sampler._due(1_500_000_000)
    sampler.tree.ticks = int(2 * os.sysconf("SC_CLK_TCK"))  # 2 s of processor time
    assert sampler._due(1_500_000_000)
    assert not sampler._due(900_000_000)
    sampler.tree.ticks = 0
    assert sampler._due(20_000_000_000)


def test_a_control_group_limits_what_lies_in_it(tmp_path: Path) -> None:
    """The tightest of those around it counts."""
    inner = tmp_path / "groups" / "shop" / "web"
    inner.mkdir(parents=True)
    (tmp_path / "proc" / "7").mkdir(parents=True)
    (tmp_path / "proc" / "7" / "cgroup").write_text("1:cpu:/\n0::/shop/web\n")
    places = {"proc": tmp_path / "proc", "groups": tmp_path / "groups"}
    free = Allowance.of(os.getpid(), **places)
    assert (len(os.sched_getaffinity(0)), None) == (free.cores, free.memory_bytes)
    (inner / "cpu.max").write_text("max 100000\n")
    (inner.parent / "cpu.max").write_text("50000 100000\n")
    (inner / "memory.max").write_text("536870912\n")
    (inner.parent / "memory.max").write_text("max\n")
    assert Allowance(0.5, 536_870_912) == Allowance.of(7, **places)

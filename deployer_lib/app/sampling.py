"""The process that samples others' resources, started by :mod:`deployer_lib.app.watching` as a file of its own.

It imports next to nothing (10 ms until it runs, 8 MB) and reads /proc, see proc_pid_stat(5). A byte on its standard input
asks for a sample now and is answered with one; the input's end, or the parent's, ends it. What it sees are lines of text
in a file in memory, whose descriptor it is given:

- ``S at_ns cpu_ticks rss_bytes uss_bytes descriptors threads processes``, of all watched processes together; ``-``: unknown
- ``E at_ns pid name``: a process that was to be watched has ended
- ``F pid used limit name``: the process with the most descriptors so far, and its own limit; -1: none
- ``U what pid name``: what of a process may not be read
- ``C cpu_ns``: what sampling has cost, at the end
"""

from __future__ import annotations

import os
import select
import sys
import time

__all__ = ["Sampler", "Tree", "main"]

_NAME, _STATE, _PARENT, _THREADS, _START, _PAGES = 0, 1, 2, 18, 20, 22  # places in a line of stat
_USED, _WAITED = slice(12, 14), slice(14, 16)  # user and system time: its own, and of children it waited for
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_USS_NS = 1_000_000_000  # between two readings of unshared memory, at least …
_SHARE = 100  # … and until the target used so many times what a reading costs …
_REST = 1_000  # … or so many times that has passed: a target that does nothing is in no hurry


class Stat:
    """What /proc/<pid>/stat says that is of interest here; times in ticks."""

    __slots__ = ("name", "pages", "parent", "start", "state", "threads", "used", "waited")

    def __init__(self, line: bytes) -> None:
        # The name stands in brackets and may hold any byte, brackets and spaces too.
        _, _, rest = line.partition(b"(")
        name, _, rest = rest.rpartition(b")")
        fields = [name, *rest.split()]
        self.name = " ".join(name.decode("utf-8", "replace").split())  # it may hold line ends
        self.state = fields[_STATE]
        self.parent = int(fields[_PARENT])
        self.used = sum(map(int, fields[_USED]))
        self.waited = sum(map(int, fields[_WAITED]))
        self.threads = int(fields[_THREADS])
        self.start = int(fields[_START])
        self.pages = int(fields[_PAGES])

    @property
    def ended(self) -> bool:
        """Tell whether it only waits to be collected; one whose first thread alone has ended still runs."""
        return self.state in (b"Z", b"X") and self.threads <= 1


def read_stat(proc: str, pid: int) -> Stat | None:
    """Return what is known of a process, None where there is none."""
    try:
        return Stat(_read(f"{proc}/{pid}/stat"))
    except (OSError, ValueError, IndexError):
        return None


class _Member:
    """A watched process; times in ticks."""

    __slots__ = ("debt", "income", "pid", "stat", "used", "waited")

    def __init__(self, pid: int, stat: Stat, *, born: bool) -> None:
        self.pid = pid
        self.stat = stat
        self.used = 0 if born else stat.used  # counted so far
        self.waited = 0 if born else stat.waited
        self.income = 0  # of children that it has waited for since the last look
        self.debt = 0  # of children that have ended: counted already, and still to come as income


class Tree:
    """Processes with everything below them, followed from look to look.

    A child is found as long as its parent is there when it is first seen; one whose parent has ended within one look (a
    daemon that forks twice) is found only where it is given back to a watched process.
    """

    def __init__(self, proc: str, roots: dict[int, int], *, without: int = 0, since: int = 0) -> None:
        """Prepare.

        Args:
            proc: where the system tells about itself.
            roots: pid → its start in ticks since the machine's.
            without: pid that is never watched: this one's.
            since: ticks; what started later counts with everything that it has used.
        """
        self.proc = proc
        self.roots = roots
        self.since = since
        self.members: dict[int, _Member] = {}  # parents before their children
        self.ticks = 0  # used by all of them since the first look; never falls
        self.ended: list[tuple[int, str]] = []  # roots of which it was not told yet, with their names
        self._known: set[int] = {without}
        self._told: set[int] = set()
        self._without = without

    def look(self) -> list[_Member]:
        """Read anew and return who runs."""
        fresh = self._join()
        spent, gone = 0, []
        for member in self.members.values():
            stat = fresh.get(member.pid) or read_stat(self.proc, member.pid)
            if stat is None or stat.start != member.stat.start:
                gone.append(member)
                continue
            spent += stat.used - member.used
            member.income = stat.waited - member.waited
            member.stat, member.used, member.waited = stat, stat.used, stat.waited
        self._collect(gone)
        for member in self.members.values():
            paid = min(member.income, member.debt)
            member.debt -= paid
            spent += member.income - paid
        self.ticks += max(0, spent)
        self._tell()
        return [member for member in self.members.values() if not member.stat.ended]

    def _join(self) -> dict[int, Stat]:
        """Add who is new below those that are watched, and return what was read of all new processes."""
        pids = {int(name) for name in os.listdir(self.proc) if name.isdigit()}  # noqa: PTH208  (pathlib takes 10 ms to import)
        stats = {
            pid: stat
            for pid in pids - self._known
            if pid != self._without and (stat := read_stat(self.proc, pid))
        }
        first, self._known = not self._told and not self.members, pids
        if first:
            for pid in self._topmost(stats):
                self._add(pid, stats[pid])
        more = True
        while more:
            below = [
                pid for pid, stat in stats.items() if stat.parent in self.members and pid not in self.members
            ]
            for pid in below:
                self._add(pid, stats[pid])
            more = bool(below)
        return stats

    def _add(self, pid: int, stat: Stat) -> None:
        self.members[pid] = _Member(pid, stat, born=stat.start > self.since > 0)

    def _topmost(self, stats: dict[int, Stat]) -> list[int]:
        """Return the roots that are not below another one."""
        found = {pid for pid, start in self.roots.items() if pid in stats and stats[pid].start == start}
        top = []
        for pid in found:
            above, seen = stats[pid].parent, {pid}
            while above in stats and above not in found and above not in seen:
                seen.add(above)
                above = stats[above].parent
            if above not in found:
                top.append(pid)
        return top

    def _collect(self, gone: list[_Member]) -> None:
        """Leave out who has ended: what it used comes back as its parent's income, of which it was counted already."""
        for member in reversed(gone):  # children first: their parent may have ended too, and hands it on
            del self.members[member.pid]
            parent = self.members.get(member.stat.parent)
            if parent:
                parent.debt += member.used + member.waited + member.debt

    def _tell(self) -> None:
        for pid in self.roots.keys() - self._told:
            member = self.members.get(pid)
            if member is None or member.stat.ended:
                self._told.add(pid)
                self.ended.append((pid, member.stat.name if member else ""))


class Sampler:
    """Take samples of a tree and write them down."""

    def __init__(self, tree: Tree, output: int) -> None:
        """Prepare.

        Args:
            tree: whom to watch.
            output: descriptor that lines are written to.
        """
        self.tree = tree
        self._output = output
        # Since Linux 6.2 the folder's size is how many are open; before, they have to be listed.
        self._counted = os.stat("/proc/self/fd").st_size > 0  # noqa: PTH116  (see _join)
        self._most = -1
        self._unreadable: set[str] = set()
        self._last = (0, 0, 0)  # of unshared memory: when it was read, what it cost, the target's ticks then
        self._tick_ns = 1_000_000_000 // os.sysconf("SC_CLK_TCK")

    def sample(self, *, everything: bool) -> None:
        """Write one sample, where anybody is left.

        Args:
            everything: whether unshared memory is read in any case, which holds up who asks for memory meanwhile.
        """
        at_ns = time.monotonic_ns()
        running = self.tree.look()
        for pid, name in self.tree.ended:
            self._write(f"E {at_ns} {pid} {name}")
        self.tree.ended.clear()
        if not running:
            return
        descriptors = self._descriptors(running)
        uss = self._uss(running) if everything or self._due(at_ns) else None
        rss = sum(member.stat.pages for member in running) * _PAGE_BYTES
        threads = sum(member.stat.threads for member in running)
        values = (at_ns, self.tree.ticks, rss, uss, descriptors, threads, len(running))
        self._write("S " + " ".join("-" if value is None else str(value) for value in values))

    def close(self) -> None:
        """Write what all of it has cost."""
        self._write(f"C {time.process_time_ns()}")

    def _write(self, line: str) -> None:
        os.write(self._output, line.encode() + b"\n")

    def _descriptors(self, running: list[_Member]) -> int | None:
        """Return how many all have open together, None where it is not to be known of one."""
        together, fullest, most = 0, running[0], -1
        for member in running:
            folder = f"{self.tree.proc}/{member.pid}/fd"
            try:
                count = os.stat(folder).st_size if self._counted else len(os.listdir(folder))  # noqa: PTH116, PTH208  (see _join)
            except PermissionError:
                self._refused("descriptors", member)
                return None
            except OSError:  # it has just ended
                continue
            together += count
            if count > most:
                fullest, most = member, count
        if most > self._most:
            self._most = most
            self._write(f"F {fullest.pid} {most} {self._limit(fullest.pid)} {fullest.stat.name}")
        return together

    def _limit(self, pid: int) -> int:
        try:
            lines = _read(f"{self.tree.proc}/{pid}/limits").splitlines()
            value = next(line for line in lines if line.startswith(b"Max open files")).split()[3]
            return -1 if value == b"unlimited" else int(value)
        except (OSError, ValueError, IndexError, StopIteration):
            return -1

    def _due(self, now_ns: int) -> bool:
        at_ns, cost_ns, ticks = self._last
        rest_ns, spent_ns = now_ns - at_ns, (self.tree.ticks - ticks) * self._tick_ns
        return rest_ns >= _USS_NS and (spent_ns >= _SHARE * cost_ns or rest_ns >= _REST * cost_ns)

    def _uss(self, running: list[_Member]) -> int | None:
        """Return the bytes that would be free if all ended, None where they are not to be known of one."""
        if "unshared memory" in self._unreadable:
            return None
        began_ns, kilobytes = time.thread_time_ns(), 0
        for member in running:
            try:
                lines = _read(f"{self.tree.proc}/{member.pid}/smaps_rollup").splitlines()
            except ProcessLookupError:  # it has just ended
                continue
            except OSError:
                if read_stat(self.tree.proc, member.pid):
                    self._refused("unshared memory", member)
                    return None
                continue
            kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith(b"Private_"))
        self._last = (time.monotonic_ns(), time.thread_time_ns() - began_ns, self.tree.ticks)
        return kilobytes * 1024

    def _refused(self, what: str, member: _Member) -> None:
        if what not in self._unreadable:
            self._unreadable.add(what)
            self._write(f"U {what.replace(' ', '_')} {member.pid} {member.stat.name}")


def _read(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.read(fd, 65_536)
    finally:
        os.close(fd)
    return data


def main(words: list[str]) -> None:
    """Sample until the end of the input.

    Args:
        words: the output's descriptor, seconds between samples, and pid:start of each process.
    """
    output, every_s, parent = int(words[0]), float(words[1]), os.getppid()
    roots = {int(pid): int(start) for pid, start in (word.split(":") for word in words[2:])}
    since = int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))
    sampler = Sampler(Tree("/proc", roots, without=os.getpid(), since=since), output)
    begin_s = time.monotonic()
    while True:
        wait_s = every_s - (time.monotonic() - begin_s) % every_s
        if select.select([0], [], [], wait_s)[0]:
            asked = os.read(0, 64)
            if not asked:
                break
            sampler.sample(everything=True)
            os.write(1, asked)
        elif os.getppid() != parent:  # whoever else holds the other end of the input
            return
        else:
            sampler.sample(everything=False)
    sampler.close()


if __name__ == "__main__":
    main(sys.argv[1:])

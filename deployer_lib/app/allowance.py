"""How much of the machine a process may use: cores and memory, by its affinity and its control group.

Linux's cgroup v2 alone (https://docs.kernel.org/admin-guide/cgroup-v2.html); where a machine has none, its cores count.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["Allowance"]

_PROC: Final = Path("/proc")
_GROUPS: Final = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a process may use at most, together with whoever shares its control group."""

    cores: float  # 0.5: half of one core's time
    memory_bytes: int | None = None  # None: as much as there is

    @classmethod
    def of(cls, pid: int, *, proc: Path = _PROC, groups: Path = _GROUPS) -> Allowance:
        """Return what a process may use; of one that has ended, what this one may.

        Args:
            pid: its number.
            proc: where the system tells about processes.
            groups: where it tells about control groups.
        """
        cores, memory = float(_cores(pid)), None
        for group in _above(pid, proc, groups):
            with contextlib.suppress(OSError, ValueError):
                quota, period = (group / "cpu.max").read_text().split()
                cores = cores if quota == "max" else min(cores, int(quota) / int(period))
            with contextlib.suppress(OSError, ValueError):  # a number, or "max"
                limit = int((group / "memory.max").read_text())
                memory = limit if memory is None else min(memory, limit)
        return cls(cores, memory)


def _cores(pid: int) -> int:
    may_run_on = getattr(os, "sched_getaffinity", None)
    for one in (pid, 0):
        with contextlib.suppress(OSError):
            return len(may_run_on(one)) if may_run_on else os.cpu_count() or 1
    return os.cpu_count() or 1


def _above(pid: int, proc: Path, groups: Path) -> list[Path]:
    """Return the folders of a process's group and of those around it: each of them limits it."""
    with contextlib.suppress(OSError):
        for line in (proc / str(pid) / "cgroup").read_text().splitlines():
            if line.startswith("0::/"):
                inner = groups / line.removeprefix("0::/")
                return [inner, *(folder for folder in inner.parents if folder.is_relative_to(groups))]
    return []

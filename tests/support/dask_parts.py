"""Dask clusters of real processes on loopback, for load tests that are sent from there."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psutil
from distributed import LocalCluster
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["cluster", "worker"]


@contextmanager
def cluster(workers: int, **options: object) -> Iterator[Any]:
    """Run a scheduler here and workers in processes of their own, each with two threads; yield the cluster."""
    quiet: dict[str, Any] = {"dashboard_address": "127.0.0.1:0", "silence_logs": logging.CRITICAL, **options}
    made: Any = LocalCluster  # it ships no types
    with made(n_workers=workers, threads_per_worker=2, processes=True, host="127.0.0.1", **quiet) as running:
        yield running


@contextmanager
def worker(scheduler: Any, *, before: Sequence[str] = (), path: str = "") -> Iterator[psutil.Process]:
    """Run one more worker of a cluster, without anything that would start it again; yield its process.

    Args:
        scheduler: the cluster.
        before: what its command begins with.
        path: a folder from which it imports first.
    """
    name = uuid.uuid4().hex
    argv = [*before, sys.executable, "-m", "distributed.cli.dask_worker", scheduler.scheduler_address]
    argv += ["--no-nanny", "--no-dashboard", "--nthreads", "1", "--host", "127.0.0.1", "--name", name]
    # The current folder goes before all else that is imported with -m.
    env, folder = {**os.environ, **({"PYTHONPATH": path} if path else {})}, path or None
    with subprocess.Popen(argv, env=env, cwd=folder, stderr=subprocess.DEVNULL) as process:
        running = psutil.Process(process.pid)
        try:
            until(lambda: name in _names(scheduler), "the cluster knows the worker")
            yield running
        finally:
            family = [*running.children(recursive=True), running] if running.is_running() else []
            for one in family:
                one.kill()
            until(lambda: name not in _names(scheduler), "the cluster has forgotten the worker")


def _names(scheduler: Any) -> set[object]:
    return {one.name for one in list(scheduler.scheduler.workers.values())}

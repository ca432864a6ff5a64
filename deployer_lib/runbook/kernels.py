"""Kernels that start at once: forked by :mod:`~deployer_lib.runbook.kernel_parent`, each a process of its own.

Starting Python, IPython and the library anew costs some two seconds of processor time for each notebook; a fork costs
a few hundredths, with the same isolation. Where there is no fork, kernels start as Jupyter starts them.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["WarmKernels", "WarmManager"]


class WarmKernels:
    """Own the parent of a run's kernels."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        ours, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "deployer_lib.runbook.kernel_parent", str(theirs.fileno())],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in a terminal reaches the runner alone
        )
        theirs.close()
        self._channel = ours
        self._lines = ours.makefile("rw", encoding="utf-8")

    @classmethod
    def open(cls) -> Self | None:
        """Start the parent; None where this system has no fork."""
        return cls() if hasattr(os, "fork") else None

    def close(self) -> None:
        """End the parent, and with it what still runs of its kernels."""
        with contextlib.suppress(OSError):  # what was not sent is of no use to an ended parent
            self._lines.close()
        self._channel.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def start(self, connection_file: str, env: Mapping[str, str], cwd: str) -> int:
        """Fork a kernel and return its process id."""
        answer = self._ask({"do": "start", "connection_file": connection_file, "env": dict(env), "cwd": cwd})
        return int(answer["pid"])

    def exit_code(self, pid: int) -> int | None:
        """Return how a kernel ended, None while it runs."""
        code = self._ask({"do": "poll", "pid": pid})["exit_code"]
        return None if code is None else int(code)

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            with self._lock:
                self._lines.write(json.dumps(request) + "\n")
                self._lines.flush()
                line = self._lines.readline()
        except OSError:
            line = ""
        if not line:
            raise RuntimeError("the parent of the kernels ended")
        answer: dict[str, Any] = json.loads(line)
        return answer


class _Kernel:
    """What jupyter_client expects of a Popen."""

    stdin = stdout = stderr = None

    def __init__(self, kernels: WarmKernels, pid: int) -> None:
        self._kernels = kernels
        self.pid = pid
        self._exit_code: int | None = None

    def poll(self) -> int | None:
        if self._exit_code is None:
            self._exit_code = self._kernels.exit_code(self.pid)
        return self._exit_code

    def wait(self) -> int:
        while (code := self.poll()) is None:
            time.sleep(0.02)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


class _WarmProvisioner(LocalProvisioner):  # type: ignore[misc]  # jupyter_client's types are skipped
    """Launch a kernel by a fork of the warm parent."""

    kernels: WarmKernels

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:  # noqa: ANN401  (jupyter_client's own signature)
        cwd = str(kwargs.get("cwd") or Path.cwd())
        pid = self.kernels.start(cmd[cmd.index("-f") + 1], kwargs.get("env") or os.environ, cwd)
        self.process = _Kernel(self.kernels, pid)
        self.pid = self.pgid = pid
        self.cwd = cwd
        return self.connection_info


class WarmManager(AsyncKernelManager):  # type: ignore[misc]  # jupyter_client's types are skipped
    """Manage a kernel that the warm parent forks; without ``kernels``, one that starts as usual."""

    kernels: WarmKernels | None = None

    async def _async_pre_start_kernel(self, **kwargs: object) -> tuple[list[str], dict[str, Any]]:
        if self.kernels is not None:
            self.kernel_id = os.urandom(8).hex()
            provisioner = _WarmProvisioner(
                parent=self, kernel_id=self.kernel_id, kernel_spec=self.kernel_spec
            )
            provisioner.kernels = self.kernels
            self.provisioner = provisioner
        command, options = await super()._async_pre_start_kernel(**kwargs)
        return command, options

    pre_start_kernel = _async_pre_start_kernel

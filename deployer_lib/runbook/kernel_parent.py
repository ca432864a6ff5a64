"""The parent of a run's kernels: imports once what every notebook needs, and forks a kernel for each.

A process of its own (``python -m deployer_lib.runbook.kernel_parent FD``), so that the runner's threads and signals stay
out of the kernels. It answers one JSON line for each that it reads from the socket ``FD``, and ends when the runner's
end of it closes.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from importlib import import_module
from typing import Any, Final

__all__ = ["main"]

#: What costs time to import; nothing of it starts a thread or opens a socket at import.
_WARM: Final = (
    "ipykernel.ipkernel",
    "ipykernel.kernelapp",
    "ipykernel.zmqshell",
    "matplotlib_inline.backend_inline",
    "deployer_lib.phase",
    "deployer_lib.reports.phase",
    "deployer_lib.charts.canvas",
)


def main(descriptor: int) -> None:
    """Serve until the runner closes its end."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the runner decides; a kernel takes its own signals back
    for module in _WARM:
        import_module(module)
    from deployer_lib.probes import MODULES  # noqa: PLC0415  (with the other slow ones)

    for names in MODULES.values():
        for name in names:
            import_module(f"deployer_lib.probes.{name}")
    with socket.socket(fileno=descriptor) as channel, channel.makefile("rw", encoding="utf-8") as lines:
        for line in lines:
            answer = _answer(json.loads(line), channel)
            lines.write(json.dumps(answer) + "\n")
            lines.flush()


def _answer(request: dict[str, Any], channel: socket.socket) -> dict[str, Any]:
    if request["do"] == "start":
        return {"pid": _fork(request, channel)}
    return {"exit_code": _exit_code(request["pid"])}


def _exit_code(pid: int) -> int | None:
    """Return how a kernel ended (negative: by that signal), None while it runs."""
    try:
        ended, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return 0
    return os.waitstatus_to_exitcode(status) if ended else None


def _fork(request: dict[str, Any], channel: socket.socket) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        channel.close()
        _become_kernel(request)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        os._exit(code)  # the parent's own clean-up is not this process's


def _become_kernel(request: dict[str, Any]) -> None:
    from ipykernel.kernelapp import IPKernelApp  # noqa: PLC0415  (imported already, by the parent)

    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.default_int_handler)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    with open(os.devnull) as nothing:  # noqa: PTH123  (a descriptor is wanted)
        os.dup2(nothing.fileno(), 0)
    sys.path.insert(0, "")
    watch = f"--IPKernelApp.parent_handle={os.getppid()}"  # ipykernel ends when its parent does
    IPKernelApp.launch_instance(argv=["-f", request["connection_file"], watch])


if __name__ == "__main__":
    main(int(sys.argv[1]))

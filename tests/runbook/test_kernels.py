"""Kernels that are forked from a warm parent are processes of their own, and end with it."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING, Any

import nbformat
import psutil
import pytest
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from deployer_lib.runbook.engine import Stop, execute, whole_files
from deployer_lib.runbook.kernels import WarmKernels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def kernels() -> Iterator[WarmKernels]:
    warm = WarmKernels.open()
    assert warm is not None
    yield warm
    warm.close()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Return a function that executes cells and returns what each printed."""
    monkeypatch.chdir(tmp_path)
    sockets = tmp_path / "s"
    sockets.mkdir(mode=0o700)

    def go(warm: WarmKernels | None, *cells: str, **environment: str) -> list[str]:
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        nbformat.write(notebook, tmp_path / "in.ipynb")
        whole_files("out")
        execute(
            "in.ipynb",
            "out.ipynb",
            {},
            stop=Stop(),
            kernels=warm,
            sockets=sockets,
            environment=environment,
            on_checks=lambda _: None,
            on_progress=lambda _: None,
        )
        data: dict[str, Any] = json.loads((tmp_path / "out.ipynb").read_text())
        return [
            "".join(line for o in cell["outputs"] for line in o.get("text", ())) for cell in data["cells"]
        ]

    return go


@pytest.mark.parametrize("warm", [True, False])
def test_a_kernel_runs_alone_with_its_own_environment(
    run: Callable[..., list[str]], kernels: WarmKernels, *, warm: bool
) -> None:
    source = "import os, sys; print(os.environ['HERE'], os.getpid(), os.getcwd(), flush=True)"
    used = kernels if warm else None
    first, second = run(used, source, HERE="one")[0].split(), run(used, source, HERE="two")[0].split()
    assert ["one", "two"] == [first[0], second[0]]
    assert first[1] != second[1]
    assert not psutil.pid_exists(int(first[1]))


def test_one_kernel_leaves_nothing_to_the_next(run: Callable[..., list[str]], kernels: WarmKernels) -> None:
    run(kernels, "import json; json.spoilt = 1; spoilt = 1")
    assert (
        "False False\n"
        == run(kernels, "import json; print(hasattr(json, 'spoilt'), 'spoilt' in globals())")[0]
    )


def test_random_numbers_differ_from_kernel_to_kernel(
    run: Callable[..., list[str]], kernels: WarmKernels
) -> None:
    source = "import random; print(random.random())"
    assert run(kernels, source) != run(kernels, source)


def test_a_kernel_that_dies_is_told_from_one_that_raised(
    run: Callable[..., list[str]], kernels: WarmKernels
) -> None:
    with pytest.raises(DeadKernelError):
        run(kernels, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(PapermillExecutionError):
        run(kernels, "1 / 0")
    assert ["fine\n"] == run(kernels, "print('fine')")


def test_an_interrupt_reaches_the_cell(run: Callable[..., list[str]], kernels: WarmKernels) -> None:
    with pytest.raises(PapermillExecutionError, match="KeyboardInterrupt"):
        run(kernels, "import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(30)")


def test_kernels_end_with_their_parent() -> None:
    warm = WarmKernels.open()
    assert warm is not None
    parent = psutil.Process(warm._process.pid)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait(10)
    with pytest.raises(RuntimeError, match="parent of the kernels ended"):
        warm.exit_code(1)
    warm.close()

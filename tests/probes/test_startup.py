"""G5 and G8: starts without a variable, and without a log file, of real processes behind a copying target."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from deployer_lib.app.handover import Live
from deployer_lib.check import Outcome, Provenance, Skip
from deployer_lib.probes.log_files import log_files
from deployer_lib.probes.startup import without_required_variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from deployer_lib.check import Result
    from deployer_lib.probes.context import Context

BASE = "http://127.0.0.1:9"
SOUND = "import os, sys, time\nif not os.environ.get('KEY'): sys.exit('KEY is not set')\nprint('up', flush=True); time.sleep(60)"


@dataclass
class Process:
    """A running copy; it counts as ready once it has printed ``up``."""

    process: subprocess.Popen[str]
    log: Path
    base_url: str = BASE

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait_ready(self, within_s: float) -> bool:
        try:
            self.process.wait(min(within_s, 0.5))
        except subprocess.TimeoutExpired:
            return "up" in self.output()
        return False

    def wait_exit(self, within_s: float) -> int | None:
        try:
            return self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            return None

    def output(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def lose_database(self) -> None:
        raise AssertionError("nobody asked for that")


@pytest.fixture
def starting(context: Callable[..., Context], tmp_path: Path) -> Callable[..., Context]:
    """Return a context whose copies run a Python program with KEY and LOG set, but for the changes."""

    def make(program: str, *, required: tuple[str, ...] = ("KEY",), **sections: Any) -> Context:
        @contextmanager
        def copy(name: str, changes: Mapping[str, str | None]) -> Iterator[Process]:
            values: dict[str, str | None] = {"KEY": "k", "LOG": str(tmp_path / "copy.log"), **changes}
            environ = {k: v for k, v in values.items() if v is not None}
            log = tmp_path / f"{name}.out"
            with log.open("w") as out:
                process = subprocess.Popen(
                    [sys.executable, "-c", program], env=environ, stdout=out, stderr=out, text=True
                )
            try:
                yield Process(process, log)
            finally:
                process.kill()
                process.wait()

        ctx = context(BASE, **{"bugs": {"startup": {"within_s": 1.5}}, **sections})
        target: Any = ctx.target
        target.copies, target.names = copy, frozenset({"KEY", "LOG"})
        ctx.live = Live(base_url=BASE, required=required, passed=("environment.variables_read",))
        return ctx

    return make


def only(results: Any) -> Result:
    (result,) = results
    found: Result = result
    return found


def test_a_start_that_ends_and_names_the_variable_passes(starting: Callable[..., Context]) -> None:
    result = only(without_required_variables(starting(SOUND)))
    assert (Outcome.PASS, "KEY", 1) == (result.outcome, result.subject, result.evidence["exit_code"])


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("import time; print('up', flush=True); time.sleep(60)", "starts all the same"),
        (
            "import os, time\nprint('up' if 'KEY' in os.environ else 'wait', flush=True); time.sleep(60)",
            "neither ends nor answers",
        ),
        (
            "import os, sys, time\nif 'KEY' not in os.environ: sys.exit(0)\nprint('up', flush=True); time.sleep(60)",
            "exit code 0",
        ),
        (
            "import os, sys, time\nif 'KEY' not in os.environ: sys.exit('no')\nprint('up', flush=True); time.sleep(60)",
            "nothing that it prints",
        ),
    ],
)
def test_every_other_way_is_a_finding_seen_on_a_copy(
    starting: Callable[..., Context], program: str, told: str
) -> None:
    result = only(without_required_variables(starting(program)))
    assert (Outcome.FAIL, Provenance.DIAGNOSTIC) == (result.outcome, result.provenance)
    assert told in result.message


def test_a_control_that_does_not_start_makes_it_an_error(starting: Callable[..., Context]) -> None:
    assert Outcome.ERROR is only(without_required_variables(starting("raise SystemExit(3)"))).outcome


def test_nothing_known_is_an_error_and_nothing_required_does_not_apply(
    starting: Callable[..., Context],
) -> None:
    ctx = starting(SOUND, required=())
    assert Skip.NOT_APPLICABLE is only(without_required_variables(ctx)).skip
    assert ctx.live is not None
    ctx.live = replace(ctx.live, passed=())
    assert Outcome.ERROR is only(without_required_variables(ctx)).outcome
    assert Outcome.ERROR is only(without_required_variables(starting(SOUND, required=("UNSET",)))).outcome


LOGGED = {"health": {"logs": {"path": "app.log"}}, "bugs": {"log_files": {"variable": "LOG"}}}
WRITES = "import os, sys, time\ntry: open(os.environ['LOG'], 'a')\nexcept OSError as e: sys.exit(f'LOG: {e}')\nprint('up', flush=True); time.sleep(60)"


def test_a_private_log_and_a_start_that_says_so_pass(starting: Callable[..., Context]) -> None:
    ctx = starting(WRITES, **LOGGED)
    (ctx.workspace / "app.log").touch(0o640)
    assert ["permissions", "start"] == [r.subject for r in log_files(ctx) if r.outcome is Outcome.PASS]


@pytest.mark.parametrize("name", ["app.log", "app.log.problems", "app.errors.log"])
def test_a_log_that_others_may_read_is_a_finding(starting: Callable[..., Context], name: str) -> None:
    ctx = starting(WRITES, **LOGGED)
    (ctx.workspace / "app.log").touch(0o640)
    (ctx.workspace / name).touch()
    (ctx.workspace / name).chmod(0o644)
    found = {r.subject: r for r in log_files(ctx)}
    assert Outcome.FAIL is found["permissions"].outcome
    assert f"{name} has mode 0644" in found["permissions"].message


def test_a_start_that_loses_its_log_in_silence_is_a_finding(starting: Callable[..., Context]) -> None:
    ctx = starting("raise SystemExit(1)", **LOGGED)
    (ctx.workspace / "app.log").touch(0o640)
    found = {r.subject: r for r in log_files(ctx)}
    assert (Outcome.FAIL, Provenance.DIAGNOSTIC) == (found["start"].outcome, found["start"].provenance)


def test_no_log_file_is_not_applicable_and_a_missing_one_an_error(starting: Callable[..., Context]) -> None:
    assert Skip.NOT_APPLICABLE is only(log_files(starting(WRITES))).skip
    found = {r.subject: r for r in log_files(starting(WRITES, **LOGGED))}
    assert Outcome.ERROR is found["permissions"].outcome

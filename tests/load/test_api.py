"""What a notebook or a team's own check calls: one import, one call, one result."""

from __future__ import annotations

import subprocess
import sys

import pytest
from load_servers import Scripted, answers, guard

from deployer_lib import load

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def test_a_run_returns_a_result_with_verdict_and_rows() -> None:
    with Scripted(answers(*[OK] * 100)) as server:
        result = load.run(server.url, load.closed(2, requests=40), guard=guard(server))
    assert (40, 0, {"200": 40}) == (len(result), result.errors, result.by_status)
    assert 40 == len(result.to_frame())
    (gate,) = load.judge(result, ["requests == 40"])
    assert gate.held


def test_every_name_that_is_offered_is_there() -> None:
    assert [] == [name for name in load.__all__ if not callable(getattr(load, name))]
    with pytest.raises(AttributeError, match="nothing_such"):
        _ = load.nothing_such


def test_importing_it_costs_nothing() -> None:
    """A command that puts no load on anything does not wait for numpy."""
    code = "import sys, deployer_lib.load; sys.exit('numpy' in sys.modules)"
    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode

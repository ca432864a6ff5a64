"""Reports are made from the notebooks alone: the same bytes again, on any day, and never over a sealed run."""

from __future__ import annotations

import os
import shutil
import stat
from typing import TYPE_CHECKING

import pytest

from deployer_lib.errors import UsageError
from deployer_lib.places import new_run_id
from deployer_lib.runbook.remaking import remake

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from e2e_parts import Recorder

    from tests.conftest import Root

REPORTS = ("DEPLOYMENT_LOG.md", "NEXT_ACTIONS.md", "results.json")
#: Another year, for everything in the process that asks for the time.
ANOTHER_YEAR = """
import datetime, time
_ahead = 3 * 365 * 86400
_time = time.time
time.time = lambda: _time() + _ahead
class _Later(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return super().now(tz) + datetime.timedelta(seconds=_ahead)
    @classmethod
    def utcnow(cls):
        return super().utcnow() + datetime.timedelta(seconds=_ahead)
class _Day(datetime.date):
    @classmethod
    def today(cls):
        return super().today() + datetime.timedelta(seconds=_ahead)
datetime.datetime, datetime.date = _Later, _Day
"""


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in REPORTS}


@pytest.mark.parametrize("sound", [True, False])
def test_reports_are_pure(
    sound: bool,  # noqa: FBT001  (a case)
    root: Root,
    recorder: Recorder,
    verify_only: Callable[[str, str], Path],
    tmp_path: Path,
) -> None:
    """Made twice, and in another year: the bytes of the run's folder; and no way writes into a sealed run."""
    if not sound:
        recorder.server.shutdown()  # nothing is answered any more: findings are in the report as well
        recorder.server.server_close()
    verify_only("shop", recorder.url)
    root.run("run", "shop", "--phases", "smoke")
    run = root.runs("shop")[-1]
    sealed = contents(run)
    later = tmp_path / "later"
    later.mkdir()
    (later / "sitecustomize.py").write_text(ANOTHER_YEAR, encoding="utf-8")
    for name, more in (("one", {}), ("two", {"PYTHONPATH": str(later), "TZ": "Pacific/Auckland"})):
        done = root.run("report", run.name, "--to", str(tmp_path / name), **more)
        assert 0 == done.returncode, done.stderr
        assert sealed == contents(tmp_path / name), name
    for to in (run, run / "again", run.parent / "latest", run / "x" / ".." / ".." / run.name):
        with pytest.raises(UsageError, match="never rewritten"):
            remake(run, to)
    assert sealed == contents(run)
    files = [path for path in run.rglob("*") if path.is_file()]
    assert not [p.name for p in files if stat.S_IMODE(p.stat().st_mode) & 0o222]


def test_no_sealed_run_is_written_over(
    root: Root, recorder: Recorder, verify_only: Callable[[str, str], Path]
) -> None:
    """One run's report is never written into another sealed run, nor into a folder inside it."""
    verify_only("shop", recorder.url)
    root.run("run", "shop", "--phases", "smoke")
    first = root.runs("shop")[0]
    second = first.with_name(new_run_id())
    shutil.copytree(first, second)
    before = contents(first)
    for to in (first, first / "evidence"):
        done = root.run("report", second.name, "--to", os.fspath(to))
        assert 2 == done.returncode, done.stdout
        assert "never rewritten" in done.stderr
    assert before == contents(first)

"""Earlier runs are read from sealed folders; unfinished ones are listed and never hidden."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from deployer_lib.history import earlier_runs, find_run, list_runs, next_round

if TYPE_CHECKING:
    from pathlib import Path


def run(outputs: Path, environment: str, number: int, *, sealed: bool = True, aborted: bool = False) -> Path:
    folder = outputs / environment / f"01ARZ3NDEKTSV4RRFFQ69G5F{number:02d}"
    folder.mkdir(parents=True)
    results = {
        "run": folder.name,
        "round": number,
        "verdict": "no-go",
        "finished_at": "2026-01-01T00:00:00.000Z",
        "started_at": "2026-01-01T00:00:00.000Z",
        "version": "1.0",
        "artifact": {"name": "a", "digest": f"sha256:{number}", "commit": ""},
        "checks": [
            {"id": "smoke.cors", "subject": "x", "outcome": "fail", "message": "m"},
            {"id": "smoke.health", "subject": "", "outcome": "pass", "message": "m"},
        ],
        "changes": {"fixed": ["build.run:"]},
    }
    (folder / "results.json").write_text(json.dumps(results))
    (folder / "run.json").write_text(json.dumps({"aborted": aborted}))
    if sealed:
        (folder / "manifest.json").write_text("{}")
    return folder


def test_an_empty_folder_has_no_history(tmp_path: Path) -> None:
    assert () == earlier_runs(tmp_path / "none")
    assert 1 == next_round(())


def test_sealed_runs_count_newest_first_and_give_findings(tmp_path: Path) -> None:
    for number in (1, 2):
        run(tmp_path, "staging", number)
    run(tmp_path, "staging", 3, sealed=False)
    earlier = earlier_runs(tmp_path / "staging")
    assert [2, 1] == [e.round for e in earlier]
    assert {"smoke.cors:x": "m"} == earlier[0].findings
    assert ("build.run:",) == earlier[0].fixed
    assert earlier[0].manifest.startswith("sha256:")
    assert 3 == next_round(earlier)


def test_ten_are_enough(tmp_path: Path) -> None:
    for number in range(1, 13):
        run(tmp_path, "staging", number)
    assert list(range(12, 2, -1)) == [e.round for e in earlier_runs(tmp_path / "staging")]


def test_the_list_shows_unfinished_and_aborted_ones(tmp_path: Path) -> None:
    run(tmp_path, "staging", 1)
    run(tmp_path, "api/staging", 2, sealed=False)
    run(tmp_path, "staging", 3, sealed=False, aborted=True)
    assert [
        ("staging", "sealed", "no-go"),
        ("api/staging", "unfinished", ""),
        ("staging", "aborted", ""),
    ] == [(r.environment, r.state, r.verdict) for r in list_runs(tmp_path)]


def test_a_run_is_found_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    first = run(tmp_path, "staging", 1)
    run(tmp_path, "staging", 2)
    assert first == find_run(tmp_path, first.name)
    assert None is find_run(tmp_path, first.name[:10])
    assert None is find_run(tmp_path, "01ZZZ")


def test_a_torn_results_file_is_passed_over(tmp_path: Path) -> None:
    folder = run(tmp_path, "staging", 1)
    (folder / "results.json").write_text("{")
    assert () == earlier_runs(tmp_path / "staging")
    assert ["sealed"] == [r.state for r in list_runs(tmp_path)]

"""A root cause is read from what tools really print: pip, node, bundlers, cargo, shells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deployer_lib.check import Location
from deployer_lib.probes.causes import find_cause

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("output", "cause", "step"),
    [
        ("ModuleNotFoundError: No module named 'yaml.cyaml'", "yaml.cyaml", "yaml"),
        (
            '[vite]: Rollup failed to resolve import "chart.js" from "src/a.ts".',
            "chart.js",
            "npm install chart.js",
        ),
        (
            "Module not found: Error: Can't resolve '@scope/pkg/sub' in '/app'",
            "@scope/pkg",
            "npm install @scope/pkg",
        ),
        ("Error: Cannot find module './lib/gone'", "./lib/gone", "Correct the import"),
        ("error[E0432]: unresolved import `serde_json`", "serde_json", "cargo add serde_json"),
        ("sh: 1: tsc: not found", "tsc", "Install tsc"),
        ("SyntaxError: invalid syntax", "does not parse", "Correct the file"),
        ("OSError: [Errno 98] Address already in use", "port is taken", "ss -ltnp"),
        ("PermissionError: [Errno 13] Permission denied: '/var/log/x'", "Access was denied", "access"),
    ],
)
def test_known_patterns_name_the_cause_and_the_fix(
    tmp_path: Path, output: str, cause: str, step: str
) -> None:
    found = find_cause(f"start\n{output}\nmore output", tmp_path)
    assert cause in found.text
    assert step in " ".join(found.fix.steps)


def test_the_last_error_line_stands_where_no_pattern_knows_it(tmp_path: Path) -> None:
    assert "fatal: the lock is held" == find_cause("ok\nfatal: the lock is held\nbye", tmp_path).text
    assert "bye" == find_cause("ok\nbye\n", tmp_path).text
    assert "It printed nothing." == find_cause("", tmp_path).text


def test_places_are_the_projects_own_innermost_first(tmp_path: Path) -> None:
    for name in ("app.py", "lib.py"):
        (tmp_path / name).write_text("x")
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "dep.py").write_text("x")
    trace = 'File "app.py", line 3, in f\nFile "lib.py", line 7\nFile "node_modules/dep.py", line 1\nFile "/usr/lib/x.py", line 9'
    assert (Location("lib.py", 7), Location("app.py", 3)) == find_cause(trace, tmp_path).locations

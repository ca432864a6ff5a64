"""Wrappers that take any number of names, or a list of them: each name is read, whichever language has the wrapper."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deployer_lib.probes.variables.scanner import scan

if TYPE_CHECKING:
    from pathlib import Path

CASES = [
    (
        "a.mjs",
        ("function need(name, ...more) {\n  for (const key of [name, ...more]) {\n    if (process.env[key]) return process.env[key];\n"
        '  }\n  throw new Error("missing");\n}\nconst a = need("A"); const b = need("B", "C");\n'),
        {"A": "required", "B": "required", "C": "required"},
    ),
    (
        "a.go",
        ('package p\n\nimport "os"\n\nfunc first(names ...string) string {\n\tfor _, name := range names {\n\t\tv := os.Getenv(name)\n'
        '\t\tif v != "" {\n\t\t\treturn v\n\t\t}\n\t}\n\treturn ""\n}\n\nvar x = first("A", "B")\n'),
        {"A": "optional", "B": "optional"},
    ),
    (
        "b.go",
        ('package p\n\nimport "os"\n\nfunc any(names []string) bool {\n\tfor _, name := range names {\n\t\tif os.Getenv(name) != "" {\n'
        '\t\t\treturn true\n\t\t}\n\t}\n\treturn false\n}\n\nvar x = any([]string{"A", "B"})\n'),
        {"A": "optional", "B": "optional"},
    ),
    ("a.rb", 'def first(*names)\n  names.each { |n| return ENV[n] if ENV[n] }\n  nil\nend\nfirst("A", "B")\n',
     {"A": "optional", "B": "optional"}),
    ("a.php", ('<?php\nfunction first(...$names) { foreach ($names as $n) { if (getenv($n)) return getenv($n); } return null; }\n'
     'first("A", "B");\n'), {"A": "optional", "B": "optional"}),
]  # fmt: skip


@pytest.mark.parametrize(("file", "code", "expected"), CASES, ids=[case[0] for case in CASES])
def test_each_name_is_read(file: str, code: str, expected: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / file).write_text(code, encoding="utf-8")
    found = scan(tmp_path)
    assert expected == {variable.name: variable.need for variable in found.variables}
    assert () == found.computed

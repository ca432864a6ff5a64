"""One scan over all languages: the corpus of idioms, who reads which file, and what only deployment reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deployer_lib.probes.variables import scan
from deployer_lib.probes.variables.scanner import LANGUAGES
from deployer_lib.probes.variables.sources import list_files

IDIOMS = Path(__file__).parent / "idioms"


def test_every_idiom_of_every_language_is_read_exactly() -> None:
    """127 names with their needs, and nothing else; what compose files and Dockerfiles alone read is deploy_only."""
    expected = json.loads((IDIOMS / "expected.json").read_text(encoding="utf-8"))
    found = scan(IDIOMS)
    assert 127 == len(expected)
    assert expected == {v.name: v.need for v in (*found.variables, *found.deploy_only)}
    assert {name for name in expected if name.startswith("DK_")} == {v.name for v in found.deploy_only}
    assert () == found.files_skipped


@pytest.mark.parametrize("entry", LANGUAGES, ids=lambda entry: entry.name)
def test_the_table_of_languages_says_what_its_readers_say(entry: object) -> None:
    """The table stands beside the readers so that none is imported for nothing; the two may not differ."""
    reader = next(e for e in LANGUAGES if e is entry).reader()
    assert reader.suffixes <= next(e for e in LANGUAGES if e is entry).suffixes
    assert reader.language


def test_what_code_reads_is_not_deploy_only(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(
        "services:\n  web:\n    environment:\n      - A\n      - B\n", encoding="utf-8"
    )
    (tmp_path / "app.py").write_text('import os\na = os.environ["A"]\n', encoding="utf-8")
    found = scan(tmp_path)
    assert (["A"], ["B"]) == ([v.name for v in found.variables], [v.name for v in found.deploy_only])
    assert ["app.py"] == [reference.file for reference in found.variables[0].references]


def test_tests_examples_foreign_and_generated_files_are_apart(tmp_path: Path) -> None:
    apart = [
        "tests/a.py", "src/__tests__/a.ts", "a.test.ts", "a.spec.js", "e2e/a.ts", "a.stories.tsx", "a_test.go", "spec/a_spec.rb",
        "src/test/java/A.java", "shop.Tests/A.cs", "ATests.cs", "docs/a.js", "examples/a.py", "node_modules/x/a.js", "vendor/x/a.go",
        "dist/a.js", "a.min.js", "a.pb.go", "a.d.ts", ".github/a.sh", "jest.config.js", "fixtures/a.rb",
    ]  # fmt: skip
    kept = [
        "a.py",
        "src/a.ts",
        "internal/build/a.go",
        "config/environments/production.rb",
        ".s2i/bin/run",
        "testing.go",
        "latest/a.py",
    ]
    for name in (*apart, *kept):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert sorted(kept) == sorted(list_files(tmp_path).files)


def test_a_new_language_is_imported_only_where_it_is_spoken(tmp_path: Path) -> None:
    """A project of one language does not pay for the grammars of the others."""
    import subprocess  # noqa: PLC0415
    import sys  # noqa: PLC0415

    (tmp_path / "main.go").write_text('package main\nvar a = os.Getenv("A")\n', encoding="utf-8")
    code = (
        "import sys; from pathlib import Path; from deployer_lib.probes.variables import scan; "
        f"print([v.name for v in scan(Path({str(tmp_path)!r})).variables], "
        "sorted(m for m in sys.modules if m.startswith('tree_sitter_')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "['A'] ['tree_sitter_go', 'tree_sitter_go._binding']" == done.stdout.strip()

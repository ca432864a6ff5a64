"""What ripgrep is asked for a scan: how it is found, what it leaves out, what can't be read, and that no read is lost by it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

import pytest

from deployer_lib.errors import ProcessError, Unavailable
from deployer_lib.probes.variables import ripgrep, scan
from deployer_lib.probes.variables.corpus import Corpus, suffix_of
from deployer_lib.probes.variables.marks import MARKERS, NEEDLES
from deployer_lib.probes.variables.scanner import LANGUAGES
from deployer_lib.probes.variables.sources import is_apart, list_files


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        (root / name.replace("_", ".")).write_text(text, encoding="utf-8")


# -- the program -----------------------------------------------------------------------------------------------------


def executable(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


def test_the_one_beside_the_interpreter_counts_before_any_on_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = executable(tmp_path / "bin/rg")
    on_path = executable(tmp_path / "usr/rg")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin/python"))
    monkeypatch.setenv("PATH", str(tmp_path / "usr"))
    assert str(beside) == ripgrep.program()
    beside.unlink()
    assert str(on_path) == ripgrep.program()


def test_without_ripgrep_a_scan_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no second, slower way: what is missing is named, and how it is had."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="pip install ripgrep"):
        scan(tmp_path)


def test_a_ripgrep_that_fails_is_no_empty_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of that name that refuses the options, or is killed, is an error with what it said."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin/python"))
    executable(tmp_path / "bin/rg", "#!/bin/sh\necho 'rg: unrecognized flag --null' >&2\nexit 2\n")
    with pytest.raises(ProcessError, match="unrecognized flag"):
        list_files(tmp_path)
    executable(tmp_path / "bin/rg", "#!/bin/sh\nkill -9 $$\n")
    with pytest.raises(ProcessError, match="it ended with -9"):
        list_files(tmp_path)


def test_nobody_s_settings_change_what_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither ripgrep's own configuration nor lists for git: what is not committed runs all the same."""
    project = tmp_path / "project"
    project.mkdir()
    write(
        project,
        a_py='import os\nx = os.environ["A"]\n',
        _gitignore="a.py\n",
        _rgignore="a.py\n",
        _ignore="*\n",
    )
    (tmp_path / "settings").write_text("--glob=!*.py\n", encoding="utf-8")
    monkeypatch.setenv("RIPGREP_CONFIG_PATH", str(tmp_path / "settings"))
    assert ["A"] == [variable.name for variable in scan(project).variables]


# -- which files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "apart"),
    [
        ("tests/a.py", True),
        ("src/Shop.Tests/A.cs", True),
        ("shop-e2e/a.ts", True),
        ("latest/a.py", False),
        ("build/a.py", True),
        ("internal/build/a.go", False),
        (".github/a.sh", True),
        (".s2i/bin/run", False),
        (".m2/settings.xml", False),
        (".m2/repository/x/a.xml", True),
        ("lib/thing.egg-info/a.py", True),
        ("a.test.ts", True),
        ("ATests.cs", True),
        ("a.pb.go", True),
        (".eslintrc.js", False),
        ("node_modules/x/a.js", True),
    ],
)
def test_one_list_says_what_is_apart(tmp_path: Path, name: str, apart: bool) -> None:  # noqa: FBT001  (a table)
    """ripgrep, which takes the list, and what is asked of a single name agree."""
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    assert ([] if apart else [name]) == list_files(tmp_path).files
    assert apart == is_apart(Path(name)) or name.startswith(".m2/repository")


def test_links_pipes_and_virtual_environments_are_not_looked_into(tmp_path: Path) -> None:
    read = 'import os\nx = os.environ["{}"]\n'
    write(tmp_path, a_py=read.format("A"))
    (tmp_path / "circle").symlink_to(tmp_path)
    (tmp_path / "twice.py").symlink_to("a.py")
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "odd name").mkdir()
    (tmp_path / "odd name/pyvenv.cfg").touch()
    write(tmp_path / "odd name", b_py=read.format("B"))
    assert ["a.py"] == list_files(tmp_path).files


@pytest.mark.parametrize("pattern", ["gen", "gen/", "gen/*", "*.gen.py", "src/gen"])
def test_what_a_project_excludes_is_left_out_with_all_below(tmp_path: Path, pattern: str) -> None:
    (tmp_path / "src/gen/deep").mkdir(parents=True)
    (tmp_path / "gen").mkdir()
    for name in ("a.py", "gen/b.py", "src/gen/deep/c.py", "src/d.gen.py"):
        (tmp_path / name).touch()
    left = {"gen": "a.py src/d.gen.py", "gen/": "a.py src/d.gen.py src/gen/deep/c.py",
            "gen/*": "a.py src/d.gen.py src/gen/deep/c.py", "*.gen.py": "a.py gen/b.py src/gen/deep/c.py",
            "src/gen": "a.py gen/b.py src/d.gen.py"}  # fmt: skip
    assert left[pattern].split() == list_files(tmp_path, [pattern]).files


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert [(".", "it can't be opened: No such file or directory", 0)] == list_files(
        tmp_path / "gone"
    ).skipped


def test_files_that_can_t_be_read_are_named_and_the_rest_is_read() -> None:
    """A name may hold what messages are made of. Root reads every file, so that root looks as somebody else here."""
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        root.chmod(0o755)
        names = ["a: b (os error 2).py", "line\nend.ts", "locked.sh", "locked.txt"]
        for name in names:
            (root / name).write_text("x", encoding="utf-8")
            (root / name).chmod(0o000)
        write(root, good_py='import os\nx = os.environ["A"]\n')
        scan(root)  # the readers are imported, which somebody else may not do
        if as_root := os.geteuid() == 0:
            os.seteuid(65534)
        try:
            found = scan(root)
        finally:
            if as_root:
                os.seteuid(0)
    assert ["A"] == [variable.name for variable in found.variables]
    why = "it can't be read: Permission denied"
    assert [(name, why, 0) for name in sorted(names[:3])] == list(found.files_skipped)
    assert 1 == found.files_scanned


def test_a_huge_file_is_named_where_it_would_have_to_be_read(tmp_path: Path) -> None:
    """One that holds no word of the environment was searched from end to end, and is none that was passed over."""
    (tmp_path / "data.ts").write_bytes(b"export const a = 1;\n" * 300_000)
    (tmp_path / "reads.ts").write_bytes(b"export const a = 1;\n" * 300_000 + b"const b = process.env.B;\n")
    found = scan(tmp_path)
    assert [("reads.ts", "it has 6 MB, which no source file has", 0)] == list(found.files_skipped)
    assert (1, (("javascript", 1),)) == (found.files_scanned, found.by_language)


def test_sources_with_a_nul_or_another_encoding_are_sources(tmp_path: Path) -> None:
    (tmp_path / "a.ts").write_bytes(b"const nul = '\0';\nconst a = process.env.A;\n")
    (tmp_path / "b.ps1").write_bytes("$b = $env:B\r\n".encode("utf-16"))
    (tmp_path / "c.go").write_bytes(b'\xef\xbb\xbfpackage main\nimport "os"\nvar c = os.Getenv("C")\n')
    assert ["A", "B", "C"] == [variable.name for variable in scan(tmp_path).variables]


# -- which words -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", [one for one in LANGUAGES if one.flow], ids=lambda one: one.name)
def test_the_words_that_are_searched_are_those_that_a_language_goes_by(entry: object) -> None:
    found = next(one for one in LANGUAGES if one is entry)
    made = found.reader()
    assert found.language == made.language
    assert set(found.marks) == set(made.grammar.marks())  # type: ignore[attr-defined]  # a reader with a grammar


def test_every_word_is_some_language_s() -> None:
    assert {one.language for one in LANGUAGES if one.marks} == set(MARKERS) >= set(NEEDLES)


def test_a_wrapper_s_callers_are_found_in_files_that_do_not_mention_the_environment(tmp_path: Path) -> None:
    """They are searched for by the wrapper's name, and by the name of the wrapper around it, file after file."""
    names = ["first", "second", "third", "fourth", "fifth", "sixth"]
    write(tmp_path, w0_py="import os\ndef first(n):\n    return os.environ[n]\n")
    for at, (inner, outer) in enumerate(pairwise(names), 1):
        code = f"from w{at - 1} import {inner}\ndef {outer}(n):\n    return {inner}(n)\n"
        write(tmp_path, **{f"w{at}_py": f"{code}x = {inner}('X_{at}')\n"})
    found = scan(tmp_path)
    assert [f"X_{at}" for at in range(1, 6)] == [variable.name for variable in found.variables]


def test_a_corpus_opens_what_was_found_and_what_has_no_suffix(tmp_path: Path) -> None:
    """Words that hold a mark are looked for in the files that hold one; others are searched for, a few times."""
    write(tmp_path, a_rb="ENV['A']", b_rb="helper", c_rb="nothing")
    (tmp_path / "Rakefile").write_text("helper", encoding="utf-8")
    paths = ["Rakefile", "a.rb", "b.rb", "c.rb"]
    corpus = Corpus(tmp_path, paths, (b"ENV",), {"a.rb", "Rakefile", "foreign.py"})
    assert ["Rakefile", "a.rb"] == corpus.likely()
    (tmp_path / "b.rb").write_text("helper ENV", encoding="utf-8")
    assert ["a.rb"] == corpus.holding(b"ENV['")
    assert ["Rakefile", "b.rb"] == corpus.holding(b"helper")
    (tmp_path / "c.rb").unlink()
    for word in (b"one", b"two\nlines", b"two", b"three", b"four"):
        assert [] == corpus.holding(word)
    assert paths == Corpus(tmp_path, paths, (b"ENV",)).likely()


@pytest.mark.parametrize(
    ("path", "suffix"),
    [
        ("a.py", ".py"),
        ("a/b.c/d", ""),
        (".env", ""),
        ("a/.env", ""),
        ("a/.x.js", ".js"),
        ("a.d.ts", ".ts"),
        ("a", ""),
    ],
)
def test_suffixes(path: str, suffix: str) -> None:
    assert suffix == suffix_of(path)


def test_a_language_without_a_word_of_it_is_not_imported(tmp_path: Path) -> None:
    write(tmp_path, a_go="package main\n", b_ts="export const b = 1;\n", c_rb="puts 1\n")
    code = (
        "import sys; from pathlib import Path; from deployer_lib.probes.variables import scan; "
        f"print(scan(Path({str(tmp_path)!r})).by_language, "
        "sorted(m for m in sys.modules if m.startswith('tree_sitter') or m.startswith('pydantic')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "(('javascript', 1), ('go', 1), ('ruby', 1)) []" == done.stdout.strip()

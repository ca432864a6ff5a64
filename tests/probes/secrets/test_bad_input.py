"""Odd projects: what can't be read is named, the rest is searched all the same."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployer_lib.probes.secrets import find_secrets
from deployer_lib.probes.variables.model import Scan

if TYPE_CHECKING:
    import pytest

NO_VARIABLES = Scan((), 0, ())


def test_a_folder_without_a_file_was_read_by_nobody(tmp_path: Path) -> None:
    found = find_secrets(tmp_path)
    assert ((), 0, ()) == (found.found, found.files_read, found.unread)


def test_a_binary_file_is_passed_over(tmp_path: Path, made: Any) -> None:
    (tmp_path / "a.js").write_bytes(b"\0\1\2" + f'k("{made.checked("ghp_")}")'.encode())
    assert (0, ()) == ((found := find_secrets(tmp_path, variables=NO_VARIABLES)).files_read, found.found)


def test_text_in_sixteen_bits_is_read(tmp_path: Path, made: Any) -> None:
    (tmp_path / "web.config").write_text(
        f'<add key="ApiSecret" value="{made.text(40)}" />', encoding="utf-16"
    )
    assert 1 == len(find_secrets(tmp_path, variables=NO_VARIABLES).found)


def test_links_are_not_followed(tmp_path: Path, made: Any) -> None:
    outside = tmp_path / "outside.py"
    outside.write_text(f'SECRET_KEY = "{made.text(40)}"\n')
    project = tmp_path / "project"
    project.mkdir()
    (project / "loop").symlink_to(project)
    (project / "out.py").symlink_to(outside)
    (project / "broken.py").symlink_to(project / "nowhere")
    assert (0, (), ()) == ((f := find_secrets(project, variables=NO_VARIABLES)).files_read, f.found, f.unread)


def test_names_with_spaces_and_foreign_bytes_are_read_and_can_be_printed(tmp_path: Path, made: Any) -> None:
    folder = tmp_path / "my app"
    folder.mkdir()
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.py")).write_text(f'SECRET_KEY = "{made.text(40)}"\n')
    found = find_secrets(tmp_path).found
    assert ["my app/caf\ufffd.py"] == [one.file for one in found]
    assert found[0].file.encode()


def test_a_file_that_cannot_be_opened_is_named_and_the_rest_is_searched(
    tmp_path: Path, made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "locked.py").write_text("x = 1\n")
    (tmp_path / "open.py").write_text(f'SECRET_KEY = "{made.text(40)}"\n')
    opened = Path.open

    def refuse(path: Path, *words: Any, **named: Any) -> Any:
        if path.name == "locked.py":
            raise PermissionError(13, "Permission denied")
        return opened(path, *words, **named)

    monkeypatch.setattr(Path, "open", refuse)  # tests run as root, whom no mode keeps out
    found = find_secrets(tmp_path, variables=NO_VARIABLES)
    assert (("locked.py", "Permission denied"),) == found.unread
    assert ["open.py"] == [one.file for one in found.found]


def test_a_folder_that_cannot_be_opened_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "locked").mkdir()
    (tmp_path / "a.py").write_text("x = 1\n")
    scandir = os.scandir

    def refuse(path: Path) -> Any:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = find_secrets(tmp_path, variables=NO_VARIABLES)
    assert (1, (("locked", "it can't be opened: Permission denied"),)) == (found.files_read, found.unread)


def test_broken_syntax_is_searched_line_by_line(tmp_path: Path, made: Any) -> None:
    (tmp_path / "app.py").write_text(f'def (:\nSECRET_KEY = "{made.text(40)}"\n')
    (tmp_path / "app.json").write_text(f'{{"api_secret": "{made.text(40)}",,,\n')
    assert ["app.json", "app.py"] == [
        one.file for one in find_secrets(tmp_path, variables=NO_VARIABLES).found
    ]


def test_a_long_line_of_one_character_costs_no_time(tmp_path: Path) -> None:
    """Patterns must not go back and forth over a line that nobody wrote by hand."""
    for index, text in enumerate(
        ("a" * 800_000, "secret=" * 110_000, "://:" * 200_000, "-----BEGIN PRIVATE KEY-----" * 30_000)
    ):
        (tmp_path / f"{index}.js").write_text(text)
        (tmp_path / f"{index}.env").write_text(text)
    assert 8 == find_secrets(tmp_path, variables=NO_VARIABLES).files_read


def test_what_is_excluded_is_not_read(tmp_path: Path, made: Any) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "a.py").write_text(f'SECRET_KEY = "{made.text(40)}"\n')
    assert 0 == find_secrets(tmp_path, exclude=["old"]).files_read


def test_marks_before_a_text_and_windows_line_ends_hide_nothing(tmp_path: Path, made: Any) -> None:
    """UTF-8's mark, UTF-16, CRLF: the same secrets on the same lines, and docstrings stay docstrings."""
    value = made.text(40)
    texts = {
        ".env": f"SECRET_KEY={value}\n",
        "config/master.key": f"{made.hex(32)}\n",
        "k8s/deployment.yaml": "env:\n  - name: DB_PASSWORD\n    value: Tr0ub4dor-9xQ\n",
        "deploy.ps1": f'$x = "{made.checked("ghp_")}"\n',
    }
    ways = {
        "lf": ("utf-8", "\n"),
        "crlf": ("utf-8", "\r\n"),
        "mark": ("utf-8-sig", "\n"),
        "sixteen": ("utf-16", "\n"),
    }
    for way, (encoding, end) in ways.items():
        for file, text in {**texts, "doc.py": '"""A text.\n\npassword = "Tr0ub4dor9"\n"""\n'}.items():
            path = tmp_path / way / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding=encoding, newline=end)
    found = {
        way: [(one.file, one.line) for one in find_secrets(tmp_path / way, variables=NO_VARIABLES).found]
        for way in ways
    }
    expected = [(".env", 1), ("config/master.key", 1), ("deploy.ps1", 1), ("k8s/deployment.yaml", 3)]
    assert dict.fromkeys(ways, expected) == found


def test_a_file_of_secrets_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=1\n\0")
    assert [".env"] == [file for file, _ in find_secrets(tmp_path, variables=NO_VARIABLES).unread]


def test_fallbacks_of_a_file_that_nobody_could_parse_are_not_known(tmp_path: Path) -> None:
    """What stands in a test beside the application is no question."""
    (tmp_path / "tests").mkdir()
    for file in ("app.py", "tests/helper.py"):
        (tmp_path / file).write_text('import os\ndef f(:\nK = os.environ.get("JWT_SECRET", "changeme")\n')
    found = find_secrets(tmp_path)
    assert () == found.unread
    ((file, why),) = found.unscanned
    assert ("app.py", "it does not parse") == (file, why.partition(":")[0])


def test_a_big_file_of_a_test_weighs_as_a_small_one(tmp_path: Path, made: Any) -> None:
    """Only what proves itself counts beside the application, however big the file is."""
    (tmp_path / "tests").mkdir()
    key = f'"{made.live_key()}"\n'
    (tmp_path / "tests" / "answer.json").write_text(key)
    (tmp_path / "tests" / "answers.json").write_text("1,\n" * 1_700_000 + key)
    assert () == find_secrets(tmp_path, variables=NO_VARIABLES).found


def test_what_git_could_not_say_is_not_that_it_knows_no_file(
    tmp_path: Path, made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listing that ran out of time makes no committed file one that "is not committed"."""
    (tmp_path / ".env").write_text(f"SECRET_KEY={made.text(40)}\n")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    subprocess.run(["git", "-C", str(tmp_path), "add", "-f", ".env"], check=True)
    assert [True] == [one.committed for one in find_secrets(tmp_path, variables=NO_VARIABLES).found]
    run = subprocess.run

    def slow(argv: list[str], **named: Any) -> Any:
        if "ls-files" in argv:
            raise subprocess.TimeoutExpired(argv, 60)
        return run(argv, **named)

    monkeypatch.setattr(subprocess, "run", slow)
    found = find_secrets(tmp_path, variables=NO_VARIABLES)
    assert ([None], False) == ([one.committed for one in found.found], found.in_git)

"""What the reader of Windows batch files finds, rule by rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer_lib.probes.variables.languages.batch import Batch
from deployer_lib.probes.variables.model import NEEDS, Read
from deployer_lib.probes.variables.scanner import scan


def reads(root: Path, **files: str) -> list[Read]:
    for name, text in files.items():
        (root / f"{name}.cmd").write_text(text, encoding="utf-8")
    found = Batch().read(root, [Path(f"{name}.cmd") for name in files])
    assert [] == found.skipped
    return found.reads


def needs(root: Path, **files: str) -> dict[str, str]:
    strongest: dict[str, str] = {}
    for read in reads(root, **files):
        strongest[read.name] = min(
            strongest.get(read.name, "optional"), read.need, key=list[str](NEEDS).index
        )
    return strongest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("echo %A_B% %C:~0,3% %D:x=y%", dict.fromkeys(["A_B", "C", "D"], "optional")),
        ("setlocal enabledelayedexpansion\necho !A! !B:x=y!", {"A": "optional", "B": "optional"}),
        ("set X=%A%\\bin\nset B=%B% -x", {"A": "optional", "B": "optional"}),
        ("if defined A goto run\nset A=1\necho %A%", {"A": "optional"}),
        ("if defined A (\n  set A=1\n) else (\n  set A=2\n)", {"A": "default"}),
        ("if not defined A set A=1\nif not defined B (set B=%C%)", {"A": "default", "B": "optional", "C": "optional"}),
        ('if "%A%"=="" set A=d', {"A": "default"}),
        ('IF NOT "%A%" == "" echo x', {"A": "optional"}),
        ('if "%A%"=="" (\n  echo no\n  exit /b 1\n)', {"A": "required"}),
        ("if not defined A (\n  echo no A\n  exit /b 1\n)", {"A": "required"}),
        ("if defined A (\n  echo\n) else exit /b 1", {"A": "required"}),
        ("if not defined A exit /b 0", {"A": "optional"}),
        ("if not defined A goto :fail\nexit /b 0\n:fail", {"A": "required"}),
        # what is the script's own
        ('set A=1\necho %A%\nset /p B= < x\necho %B%\nset /a C=1\necho %C%\nset "D=x"\necho %D%', {}),
        ("for /f %%i in ('x') do set A=%%i\necho %A%", {}),
        (":loop\nif %A%==3 goto end\nset /a A=%A%+1\ngoto loop", {}),
        ("call :init\necho %A%\nexit /b\n:init\nset A=1", {}),
        # what is none
        ("rem %A%\n@rem %B%\n:: %C%\n  REM %D%", {}),
        ("echo %1 %* %~dp0 %%G %%A%% %ERRORLEVEL% %PATH% %CD% %USERPROFILE% 100% done %", {}),
        ("echo %runnerName% %name%", {}),
        ("set V=<%= @version %>\\x <%= X %>", {}),
    ],
)  # fmt: skip
def test_a_batch_file_s_names_are_told_from_its_surroundings(
    tmp_path: Path, text: str, expected: dict[str, str]
) -> None:
    """What no line before has set is read from the environment, and what follows its absence says its need."""
    assert expected == needs(tmp_path, a=text)


def test_a_read_has_its_line_column_and_default(tmp_path: Path) -> None:
    [read] = reads(tmp_path, a="@echo off\nif not defined PORT (set PORT=80)\n")
    assert ("PORT", "default", "80") == (read.name, read.need, read.default)
    assert ("a.cmd", 2, 16) == (read.reference.file, read.reference.line, read.reference.column)


def test_what_a_called_file_sets_is_no_reference_after_it(tmp_path: Path) -> None:
    assert {"A": "optional"} == needs(
        tmp_path, a='echo %A%\ncall "%~dp0env.cmd"\necho %A% %B%', env="set A=1\nset B=2"
    )


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("run.cmd", True), ("run.bat", True), ("run.cmd.template", True), ("env.bat.eex", True),
     ("gradlew.bat", False), ("mvnw.cmd", False), ("run.cmd.md", False), ("run.ps1", False)],
)  # fmt: skip
def test_a_batch_file_is_known_by_its_name(name: str, *, wanted: bool) -> None:
    assert wanted is Batch().wants(Path(name), b"")


def test_a_scan_reads_batch_files_and_their_templates(tmp_path: Path) -> None:
    (tmp_path / "run.cmd").write_text("echo %A%\n", encoding="utf-8")
    (tmp_path / "run.bat.template").write_text("echo %B%\n", encoding="utf-8")
    assert ["A", "B"] == [variable.name for variable in scan(tmp_path).variables]

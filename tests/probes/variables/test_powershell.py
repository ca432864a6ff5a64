"""What the reader of PowerShell finds, rule by rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer_lib.probes.variables.languages.powershell import PowerShell
from deployer_lib.probes.variables.model import NEEDS, Found
from deployer_lib.probes.variables.scanner import scan


def found_in(root: Path, **files: str) -> Found:
    for name, text in files.items():
        (root / f"{name}.ps1").write_text(text, encoding="utf-8")
    found = PowerShell().read(root, [Path(f"{name}.ps1") for name in files])
    assert [] == found.skipped
    return found


def needs(root: Path, **files: str) -> dict[str, str]:
    strongest: dict[str, str] = {}
    for read in found_in(root, **files).reads:
        strongest[read.name] = min(
            strongest.get(read.name, "optional"), read.need, key=list[str](NEEDS).index
        )
    return strongest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$a = $env:A + $Env:B; Write-Host ${env:C}", dict.fromkeys("ABC", "optional")),
        ('Join-Path $env:A "x"; Write-Host "y $env:B $($env:C + "z$env:D")"', dict.fromkeys("ABCD", "optional")),
        ('@"\n$env:A `$env:B\n"@\n', {"A": "optional"}),
        ("[Environment]::GetEnvironmentVariable('A'); [System.Environment]::GetEnvironmentVariable(\"B\", 'User')",
         {"A": "optional", "B": "optional"}),
        ('if (Test-Path env:A) { 1 }; (Get-Item "Env:\\B").Value; gc -Path env:C', dict.fromkeys("ABC", "optional")),
        ("${env:ProgramFiles(x86)}", {"ProgramFiles(x86)": "optional"}),
        ("$env:A += 'x'", {"A": "optional"}),
        ("$env:Some_Name; $env:SOME_NAME", {"Some_Name": "optional"}),
    ],
)  # fmt: skip
def test_names(text: str, expected: dict[str, str], tmp_path: Path) -> None:
    assert expected == needs(tmp_path, a=text)


@pytest.mark.parametrize(
    "text",
    [
        "# $env:A",
        "<# $env:A\n$env:B #>",
        "'$env:A ''$env:B'",
        "@'\n$env:A\n'@",
        '"`$env:A"',
        '"Test-Path env:A"',
        "$env:A = 'x'",
        "$env:A = 'x'\nWrite-Host $env:A",
        "function f { $env:A = 'x' }\nf\n$env:A",
        "Set-Item env:A 'x'; $env:A",
        "[Environment]::SetEnvironmentVariable('A', 'x')\n$env:A",
        "Remove-Item Env:A",
        "Get-ChildItem env:\nGet-ChildItem env:AB*",
        "$env:PATH; $env:Path; $env:COMPUTERNAME",
        "$environment:A; $x.env",
    ],
)
def test_what_is_no_read(text: str, tmp_path: Path) -> None:
    found = found_in(tmp_path, a=text)
    assert ([], []) == (found.reads, found.computed)


@pytest.mark.parametrize(
    "text",
    [
        "if (-not $env:A) { throw 'A' }",
        "if (!$env:A) { Write-Host 'no'; exit 1 }",
        "if (-not (Test-Path env:A)) { throw 'A' }",
        "if ($null -eq $env:A) { throw 'A' }",
        "if ($env:A -eq '') { throw 'A' }",
        "if ($x -or [string]::IsNullOrWhiteSpace($env:A)) { throw 'A' }",
        "if ($env:A -and $x) { f } else { throw 'A' }",
        "$a = $env:A ?? $(throw 'A')",
        "$a = [Environment]::GetEnvironmentVariable('A')\nif (-not $a) { throw 'A' }",
        "[string]$a = $env:A\nif ([string]::IsNullOrEmpty($a)) {\n  Write-Error 'A' -ErrorAction Stop\n}",
        "foreach ($n in @('A')) { if (-not (Test-Path \"env:$n\")) { throw $n } }",
        ("$missing = @()\nforeach ($n in 'A', 'A') { if (-not [Environment]::GetEnvironmentVariable($n)) { $missing += $n } }\n"
        "if ($missing.Count -gt 0) { throw $missing }"),
        'function Assert-It([string]$Key) { if (-not (Get-Item "env:$Key" -ea Ignore)) { throw $Key } }\nAssert-It A',
        ("function Need { param($Name)\n  $v = [Environment]::GetEnvironmentVariable($Name)\n  if ($v) { return $v }\n  throw $Name\n}\n"
        "$a = Need -Name 'A'"),
    ],
)  # fmt: skip
def test_absence_ends_the_script(text: str, tmp_path: Path) -> None:
    assert {"A": "required"} == needs(tmp_path, a=text)


@pytest.mark.parametrize(
    ("text", "default"),
    [
        ("$a = $env:A ?? 'd'", "d"),
        ("$env:A ??= 'd'", "d"),
        ('$a = $env:A ? $env:A : "d"', "d"),
        ("$a = if ($env:A) { $env:A.Trim() } else { 'd' }", "d"),
        ("$a = if ($null -eq $env:A) { 5 } else { $env:A }", "5"),
        ("if (-not $env:A) { $env:A = 'd' }\n$env:A", "d"),
        ('if (-not (Test-Path env:A)) {\n  $env:A = "d"\n}', "d"),
        ("if ($env:A) { $a = $env:A } else { $a = 'd' }", "d"),
        ("$a = $env:A\nif (!$a) { $a = 'd' }", "d"),
        ("$a = if ($env:A) { $env:A } else { Get-It }", None),
        (("function Get-It($Name, $Default) {\n  $v = [Environment]::GetEnvironmentVariable($Name)\n"
         "  if ([string]::IsNullOrEmpty($v)) { return $Default }\n  return $v\n}\n$a = Get-It 'A' 'd'"), "d"),
        (("function Get-It { param([Parameter(Mandatory = $true)][string]$Name, [string]$Default = 'd')\n"
         "  $v = [Environment]::GetEnvironmentVariable($Name)\n  if ($v) { return $v }\n  return $Default\n}\nGet-It -Name A"), "d"),
    ],
)  # fmt: skip
def test_another_value_stands_in(text: str, default: str | None, tmp_path: Path) -> None:
    found = found_in(tmp_path, a=text)
    assert [("A", "default", default)] == [(r.name, r.need, r.default) for r in found.reads][:1]


@pytest.mark.parametrize(
    "text",
    [
        "if (-not $env:A -and $x) { throw 'x' }",
        "if ($env:A -eq '1') { throw 'x' }",
        "if (-not $env:A) { return }",
        "if (-not $env:A) { if ($strict) { throw 'x' } }",
        "if ($env:A) { throw 'x' }",
        "param([string]$a = $env:A)\nif (-not $a) { throw 'a' }",
        "if ($x) { $env:A = '1' }\n$env:A",
        "$old = $env:A\n$env:A = 'x'\n$env:A = $old",
        "'A' | ForEach-Object { [Environment]::GetEnvironmentVariable($_) }",
    ],
)
def test_absence_is_tolerated(text: str, tmp_path: Path) -> None:
    assert {"A": "optional"} == needs(tmp_path, a=text)


def test_a_script_that_is_sourced_sets_for_those_that_source_it(tmp_path: Path) -> None:
    setting = "$env:A = 'x'"
    assert {} == needs(tmp_path, a='. "$PSScriptRoot/b.ps1"\n$env:A', b=setting)
    assert {"A": "optional"} == needs(tmp_path, c="$env:A\n. ./d.ps1", d=setting)


def test_a_name_made_at_run_time_is_told(tmp_path: Path) -> None:
    found = found_in(tmp_path, a="$n = Get-It\n[Environment]::GetEnvironmentVariable($n)")
    assert ([], [(2, 1)]) == (found.reads, [(place.line, place.column) for place in found.computed])


def test_a_read_tells_its_place(tmp_path: Path) -> None:
    read = found_in(tmp_path, a='# é\n$a = "é $env:A"').reads[0]
    assert ("a.ps1", 2, 10, "$env:X") == (
        read.reference.file,
        read.reference.line,
        read.reference.column,
        read.reference.idiom,
    )


def test_a_project_s_scripts_and_modules_are_read_and_its_tests_are_not(tmp_path: Path) -> None:
    for name, text in {"a.psm1": "$env:A", "b.Tests.ps1": "$env:B", "dotnet-install.ps1": "$env:C"}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert ["A"] == [variable.name for variable in scan(tmp_path).variables]


def test_broken_scripts_are_read_as_far_as_they_go(tmp_path: Path) -> None:
    assert dict.fromkeys("AB", "optional") == needs(
        tmp_path, a='if (-not $env:A { "open $( $env:B', b="}})) <# '@"
    )

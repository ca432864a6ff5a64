"""What the reader of CMake's files finds, rule by rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer_lib.probes.variables.languages.cmake import CMake
from deployer_lib.probes.variables.model import NEEDS, Found
from deployer_lib.probes.variables.scanner import scan


def found_in(root: Path, text: str) -> Found:
    (root / "CMakeLists.txt").write_text(text, encoding="utf-8")
    return CMake().read(root, [Path("CMakeLists.txt")])


def needs(root: Path, text: str) -> dict[str, str]:
    strongest: dict[str, str] = {}
    for read in found_in(root, text).reads:
        strongest[read.name] = min(
            strongest.get(read.name, "optional"), read.need, key=list[str](NEEDS).index
        )
    return strongest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('set(a "$ENV{A}/lib" $ENV{B})', {"A": "optional", "B": "optional"}),
        ("if(DEFINED ENV{A})\n  set(a $ENV{A})\nendif()", {"A": "optional"}),
        ("find_path(x y.h HINTS $ENV{A} ENV B PATHS ENV PATH)\nmessage(ENV C)", {"A": "optional", "B": "optional"}),
        ('message("$ENV{ProgramFiles(x86)} )")\nmessage($ENV{B})', {"ProgramFiles(x86)": "optional", "B": "optional"}),
        ("foreach(v A B)\n  message($ENV{${v}})\nendforeach()", {"A": "optional", "B": "optional"}),
        ('set(all A "B")\nforeach(v IN LISTS all ITEMS C)\n  message($ENV{X_${v}})\nendforeach()',
         dict.fromkeys(["X_A", "X_B", "X_C"], "optional")),
        ("if(x)\n  set(ENV{A} 1)\nendif()\nmessage($ENV{A})", {"A": "optional"}),
        ("if(NOT DEFINED ENV{A} AND x)\n  message(FATAL_ERROR no)\nendif()", {"A": "optional"}),
        ("if(DEFINED ENV{A})\n  message(FATAL_ERROR no)\nendif()", {"A": "optional"}),
        ("if(NOT DEFINED ENV{A})\n  message(WARNING no)\nendif()", {"A": "optional"}),
    ],
)  # fmt: skip
def test_names(text: str, expected: dict[str, str], tmp_path: Path) -> None:
    assert expected == needs(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        "# $ENV{A}",
        "#[[ $ENV{A}\n$ENV{B} ]]",
        "set(a [=[$ENV{A}]=])",
        'set(a "\\$ENV{A}")',
        "set(ENV{A} x)\nmessage($ENV{A})",
        "unset(ENV{A})",
        "message($ENV{PATH} $ENV{HOME})",
        "set(a ${A} $CACHE{B})",
    ],
)
def test_what_is_no_read(text: str, tmp_path: Path) -> None:
    found = found_in(tmp_path, text)
    assert ([], []) == (found.reads, found.computed)


@pytest.mark.parametrize(
    "text",
    [
        "if(NOT DEFINED ENV{A})\n  message(FATAL_ERROR no)\nendif()",
        "IF(NOT $ENV{A})\n  MESSAGE(FATAL_ERROR no)\nENDIF()",
        'if("$ENV{A}" STREQUAL "" OR x)\n  message(FATAL_ERROR no)\nendif()',
        "if(DEFINED ENV{A} AND x)\n  f()\nelse()\n  message(FATAL_ERROR no)\nendif()",
        'set(a "$ENV{A}")\nif(NOT a)\n  message(FATAL_ERROR no)\nendif()',
        "foreach(v A)\n  if(NOT DEFINED ENV{${v}})\n    message(FATAL_ERROR ${v})\n  endif()\nendforeach()",
    ],
)
def test_absence_ends_the_build(text: str, tmp_path: Path) -> None:
    assert {"A": "required"} == needs(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "default"),
    [
        ("if(NOT DEFINED ENV{A})\n  set(ENV{A} d)\nendif()", "d"),
        ("if(DEFINED ENV{A})\n  set(a $ENV{A})\nelse()\n  set(a d)\nendif()", "d"),
        ('if("$ENV{A}" STREQUAL "")\n  set(a "d e")\nelse()\n  set(a $ENV{A})\nendif()', "d e"),
        ("set(a $ENV{A})\nif(NOT a)\n  set(a ${b}/c)\nendif()", None),
    ],
)
def test_another_value_stands_in(text: str, default: str | None, tmp_path: Path) -> None:
    found = found_in(tmp_path, text)
    assert [("A", "default", default)] == [(r.name, r.need, r.default) for r in found.reads][:1]


def test_a_name_made_at_run_time_is_told(tmp_path: Path) -> None:
    found = found_in(tmp_path, "function(f name)\n  set(x $ENV{PRE_${name}})\nendfunction()")
    assert ([], [(2, 9)]) == (found.reads, [(place.line, place.column) for place in found.computed])


def test_only_cmake_s_own_files_are_read(tmp_path: Path) -> None:
    for name in ("a.cmake", "notes.txt", "CPM.cmake"):
        (tmp_path / name).write_text(f"$ENV{{A}}\nmessage($ENV{{{name[0].upper()}_X}})\n", encoding="utf-8")
    found = scan(tmp_path)
    assert [("A_X", "a.cmake", 2)] == [
        (v.name, v.references[0].file, v.references[0].line) for v in found.variables
    ]
    assert ("cmake", 2) in found.by_language


def test_broken_files_are_read_as_far_as_they_go(tmp_path: Path) -> None:
    text = 'elseif(NOT DEFINED ENV{A})\nelse()\nendif()\nendforeach()\nif(DEFINED ENV{B}\nset(x "$ENV{C}'
    assert dict.fromkeys("ABC", "optional") == needs(tmp_path, text)

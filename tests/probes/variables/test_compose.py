"""What the reader of Compose files finds, rule by rule."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from deployer_lib.probes.variables.languages.compose import Compose

if TYPE_CHECKING:
    from deployer_lib.probes.variables.model import Found


def found(root: Path, text: str) -> Found:
    (root / "compose.yml").write_text(dedent(text), encoding="utf-8")
    return Compose().read(root, [Path("compose.yml")])


def needs(root: Path, text: str) -> dict[str, str]:
    result = found(root, text)
    assert [] == result.skipped
    return {read.name: read.need for read in result.reads}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("${A}", {"A": "optional"}),
        ("$A-$B", {"A": "optional", "B": "optional"}),
        ("${A:-d}", {"A": "default"}),
        ("${A-d}", {"A": "default"}),
        ("${A:-}", {"A": "default"}),
        ("${A:?no}", {"A": "required"}),
        ("${A?no}", {"A": "required"}),
        ("${A:+y}${B+y}", {"A": "optional", "B": "optional"}),
        ("${A:-${B:-x}}", {"A": "default", "B": "default"}),
        ("${A:-${B:?no}}", {"A": "default", "B": "required"}),
        ("${A:+http://${B}}", {"A": "optional", "B": "optional"}),
        ("$$A $${B} $$$C", {"C": "optional"}),
        ('"${A:-x}:${B}" # ${C}', {"A": "default", "B": "optional"}),
        ("'${A}'", {"A": "optional"}),
    ],
)
def test_values_are_interpolated(tmp_path: Path, value: str, expected: dict[str, str]) -> None:
    assert expected == needs(tmp_path, f"services:\n  web:\n    image: {value}\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("services: {a: {environment: [A, B=1, 'C=']}}", {"A": "optional"}),
        ("services:\n  a:\n    environment:\n      A:\n      B: ~\n      C: ''\n      D: 1\n", {"A": "optional", "B": "optional"}),
        ("services:\n  a:\n    build:\n      args:\n        - A\n        - B=1\n", {"A": "optional"}),
        ("services:\n  a:\n    build:\n      args:\n        A:\n        B: ${C}\n", {"A": "optional", "C": "optional"}),
        ("x-env: &e\n  A:\n  B: ${C:-c}\nservices:\n  a:\n    environment:\n      <<: *e\n      D: 1\n",
         {"A": "optional", "C": "default"}),
        ("x-base: &b\n  environment:\n    - A\nservices:\n  a:\n    <<: *b\n", {"A": "optional"}),
        ("services:\n  a:\n    secrets: [s]\nsecrets:\n  s:\n    environment: A\n", {"A": "required"}),
        ("services:\n  a:\n    command: |\n      run ${A}\n      stop\n    networks:\n      net:\nnetworks:\n  net:\n", {"A": "optional"}),
        ("name: ${A}\ninclude:\n  - ${B}/compose.yml\n", {"A": "optional", "B": "optional"}),
        ("services:\n  ${A}:\n    image: x\n", {}),
        ("services:\n  a:\n    image: !reset ${A}\n", {"A": "optional"}),
        ("# services: ${A}\n", {}),
        ("", {}),
        ("- ${A}\n", {}),
        ("title: ${A}\n", {}),
    ],
)  # fmt: skip
def test_names_without_a_value_are_passed_on(tmp_path: Path, text: str, expected: dict[str, str]) -> None:
    assert expected == needs(tmp_path, text)


def test_a_read_has_its_place_and_its_default(tmp_path: Path) -> None:
    text = """\
        services:
          a:
            image: é${A:-x y}
            environment:
              - B
              - C=${D-}
        """
    assert [("A", "x y", 3, 14), ("D", "", 6, 11), ("B", None, 5, 9)] == [
        (r.name, r.default, r.reference.line, r.reference.column) for r in found(tmp_path, text).reads
    ]


def test_a_file_that_does_not_parse_is_named_with_its_line(tmp_path: Path) -> None:
    (path, why, line) = found(tmp_path, "services:\n  a: [\n  b: }\n").skipped[0]
    assert ("compose.yml", 3) == (path, line)
    assert "it does not parse" in why


def test_a_template_is_read_line_by_line(tmp_path: Path) -> None:
    text = "services:\n{% if x %}\n  a: {image: '{{ x }}:${A:-1}'} # ${B}\n{% endif %}\n"
    assert {"A": "default"} == needs(tmp_path, text)


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    skipped = Compose().read(tmp_path, [Path("compose.yml")]).skipped
    assert [("compose.yml", "it can't be read: No such file or directory", 0)] == skipped


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("compose.yml", True),
        ("compose.yaml", True),
        ("compose.prod.yaml", True),
        ("docker-compose.yml", True),
        ("docker-compose.override.yml", True),
        ("docker-compose-dev.yml", True),
        ("production.docker-compose.yml", True),
        ("dev-compose.yml", True),
        ("docker-stack.yml", True),
        ("decompose.yml", False),
        ("compose.json", False),
        ("deployment.yaml", False),
    ],
)
def test_a_compose_file_is_known_by_its_name(name: str, *, wanted: bool) -> None:
    assert wanted is Compose().wants(Path("deploy") / name, b"")

"""Gradle's build files: the environment read by their ways, and what is no read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deployer_lib.probes.variables.scanner import scan

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('url = System.getenv("A")', [("A", "optional", None)]),
        ("url = System.getenv('A') ?: 'x'", [("A", "default", "x")]),
        ("url = System.getenv('A') ?: findProperty('a')", [("A", "default", None)]),
        ("url = System.getenv('A') ?: null", [("A", "optional", None)]),
        ("n = System.getenv().getOrDefault('A', '5')", [("A", "default", "5")]),
        ("n = System.getenv()['A']; m = System.env.B; o = System.env['C']",
         [("A", "optional", None), ("B", "optional", None), ("C", "optional", None)]),
        ("t = providers.environmentVariable('A').getOrElse('x')", [("A", "default", "x")]),
        ("t = providers.environmentVariable('A').get()", [("A", "required", None)]),
        ("t = providers.environmentVariable('A').getOrNull()", [("A", "optional", None)]),
        ("n = System.getenv('A').toInteger()", [("A", "required", None)]),
        ("def t = System.getenv('A')\nif (!t) {\n  throw new GradleException('no A')\n}", [("A", "required", None)]),
        ("def t = System.getenv('A')\nif (t) {\n  sign()\n}", [("A", "optional", None)]),
        ('v = "${System.getenv(\'A\')}-x"', [("A", "optional", None)]),
        ("// System.getenv('A')\n/* System.env.B */\nx = 'System.getenv(\"C\")'", []),
        ("def e = System.getenv()\na = e['A']\nb = e.AB ?: 'x'\nc = e.getOrDefault('C', 'y')\nd = e.size()",
         [("A", "optional", None), ("AB", "default", "x"), ("C", "default", "y")]),
        ("def e(String n, String d) { System.getenv(n) ?: d }\nt = e('A', 'x')\nu = o.e('B', 'x')\n// e('C', 'x')",
         [("A", "default", "x")]),
        ("def e = { n, d = 'x' -> System.getenv(n) ?: d }\nt = e('A')\nu = e('B', 'y')", [("A", "default", "x"), ("B", "default", "y")]),
        ("def e(n) {\n  def v = System.getenv(n)\n  if (!v) { throw new E(n) }\n  v\n}\nt = e('A')", [("A", "required", None)]),
        ("def e(p, n) { project.findProperty(p) ?: System.getenv(n) }\nt = e('a.b', 'A')", [("A", "optional", None)]),
        ("def e(n) { System.getenv(n) ?: '' }\nt = e('A')", [("A", "default", "")]),
        ("def e(n) { System.getProperty(n) }\nt = e('A')\nSystem.getenv(n)", []),
        ("environment 'A', 'x'\nsystemProperty 'b', System.getProperty('B')", []),
    ],
)  # fmt: skip
def test_groovy(code: str, expected: list[tuple[str, str, str | None]], tmp_path: Path) -> None:
    """Each way to read, with what the variable needs."""
    (tmp_path / "build.gradle").write_text(code + "\n", encoding="utf-8")
    assert expected == [(v.name, v.need, v.default) for v in scan(tmp_path).variables]


def test_the_place_of_a_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "build.gradle").write_text("plugins {}\n\n  a = System.env.A\n", encoding="utf-8")
    (reference,) = scan(tmp_path).variables[0].references
    assert ("build.gradle", 3, 7) == (reference.file, reference.line, reference.column)

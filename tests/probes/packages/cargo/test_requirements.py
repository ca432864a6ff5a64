"""Version requirements of cargo, by the examples of its reference."""

from __future__ import annotations

import pytest

from deployer_lib.probes.packages.cargo.requirements import fulfils
from deployer_lib.probes.packages.cargo.uses import Tree, use_tree


@pytest.mark.parametrize(
    ("requirement", "inside", "outside"),
    [
        ("1.2.3", ("1.2.3", "1.9.0"), ("1.2.2", "2.0.0")),
        ("0.2.3", ("0.2.3", "0.2.9"), ("0.3.0", "0.2.2")),
        ("0.0.3", ("0.0.3",), ("0.0.4",)),
        ("0.0", ("0.0.7",), ("0.1.0",)),
        ("0", ("0.9.1",), ("1.0.0",)),
        ("~1.2.3", ("1.2.9",), ("1.3.0",)),
        ("~1", ("1.9.0",), ("2.0.0",)),
        ("1.*", ("1.4.0",), ("2.0.0",)),
        ("=1.2", ("1.2.5",), ("1.3.0",)),
        (">= 1.2, < 1.5", ("1.4.9",), ("1.5.0", "1.1.9")),
        (">1.4", ("1.5.0",), ("1.4.9",)),
        ("*", ("0.0.1", "7.0.0"), ()),
        ("1.0.0-rc.1", ("1.0.0-rc.1", "1.0.0", "1.2.0"), ("2.0.0",)),
        ("1.0.0+build.5", ("1.0.0",), ()),
    ],
)
def test_a_requirement_takes_what_the_reference_says(
    requirement: str, inside: tuple[str, ...], outside: tuple[str, ...]
) -> None:
    assert [True] * len(inside) == [fulfils(version, requirement) for version in inside]
    assert [False] * len(outside) == [fulfils(version, requirement) for version in outside]


def test_what_is_not_understood_is_left_open() -> None:
    assert [None, None, None] == [
        fulfils("1", "1"),
        fulfils("1.0.0", "latest"),
        fulfils("2.0.0-beta.2", "2.0.0-beta.10, <3"),
    ]


def test_a_tree_of_imports_is_taken_apart() -> None:
    text = "a::{self, b as c, // d\n d::*, e::{f}}"
    assert [
        Tree(("a", "self"), "", False, False, 0), Tree(("a", "b"), "c", False, False, 0),
        Tree(("a", "d"), "", True, False, 1), Tree(("a", "e", "f"), "", False, False, 1),
    ] == list(use_tree(text))  # fmt: skip
    assert [("a", True), ("r", False)] == [
        (t.segments[0], t.absolute) for s in ("::a::b", "r#r::b") for t in use_tree(s)
    ]
    assert ["a", "c"] == [tree.binds for tree in use_tree("a::{self, b as c}")]

"""npm's ranges; expected values are node-semver's own."""

from __future__ import annotations

import pytest

from deployer_lib.probes.packages.node.ranges import satisfies


@pytest.mark.parametrize(
    ("version", "wanted", "held"),
    [
        ("1.2.3", "^1.2.3", True), ("2.0.0", "^1.2.3", False), ("0.2.9", "^0.2.3", True), ("0.3.0", "^0.2.3", False),
        ("0.0.4", "^0.0.3", False), ("1.9.0", "~1.2", False), ("1.2.9", "~1.2", True), ("3.1.4", "*", True), ("3.1.4", "", True),
        ("2.3.9", "1 - 2.3", True), ("2.4.0", "1 - 2.3", False), ("17.0.2", "^16.8 || ^17", True), ("18.0.0", "16.x || 17.x", False),
        ("1.2.3-beta.2", "^1.2.3-beta.1", True), ("1.2.4-beta.2", "^1.2.3-beta.1", False), ("1.3.0-rc.1", ">=1.2.0", False),
        ("2.0.0", "> 1", True), ("1.9.9", "> 1", False), ("1.2.3", ">= 1.2.3 < 2", True), ("1.2.3+build", "1.2.3", True),
        ("1.2.3", "latest", None), ("1.2.3", "workspace:*", None), ("next", "^1.0.0", None),
    ],
)  # fmt: skip
def test_a_version_lies_in_a_range_as_npm_says(version: str, wanted: str, *, held: bool | None) -> None:
    assert held == satisfies(version, wanted)

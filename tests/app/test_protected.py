"""Where protected environments are, as the phases of other environments are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployer_lib.app.protected import Protected, protected_addresses

if TYPE_CHECKING:
    from pathlib import Path


def _environment(root: Path, name: str, more: str) -> None:
    file = root / "parameters" / f"{name}.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"environment: {name}\nprofile: api\n{more}\n", encoding="utf-8")


def test_addresses_of_the_other_protected_environments(tmp_path: Path) -> None:
    """Its own is left out, and so is one whose file can't be read: that one's own run says so."""
    _environment(
        tmp_path, "live", "protected: true\ndeploy: {kind: none, address: 'https://Shop.example/api'}"
    )
    _environment(tmp_path, "eu", "protected: true\ndeploy: {kind: none, address: 'http://eu.example:8080'}")
    _environment(tmp_path, "staging", "deploy: {kind: none, address: 'http://staging.example'}")
    _environment(tmp_path, "worse", "protcted: true")
    known = Protected.of(tmp_path)
    assert {"live": ("shop.example", 443), "eu": ("eu.example", 8080)} == known.addresses
    assert {"staging": ("staging.example", 80)} == known.others
    assert "parameters/worse.yaml" in known.unread["worse"]
    assert frozenset({("eu.example", 8080)}) == protected_addresses(tmp_path, "live")
    assert frozenset(known.addresses.values()) == protected_addresses(tmp_path, "staging")

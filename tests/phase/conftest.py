"""A context that reaches no application."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deployer_lib.app.http import Http
from deployer_lib.app.none import NoTarget
from deployer_lib.catalogue import Effect
from deployer_lib.guard import Guard
from deployer_lib.parameters.model import Parameters
from deployer_lib.places import Places
from deployer_lib.probes.context import Context

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def idle_context(tmp_path: Path) -> Callable[..., Context]:
    def build(allow: frozenset[Effect] = frozenset(Effect)) -> Context:
        address = "http://127.0.0.1:9"
        guard = Guard("test", allow, {("127.0.0.1", 9)})
        return Context(
            parameters=Parameters.model_validate(
                {"environment": "test", "deploy": {"kind": "none", "address": address}}
            ),
            guard=guard,
            http=Http(guard, address, run="test"),
            target=NoTarget(address),
            live=None,
            places=Places.of(tmp_path, "test"),
            root=tmp_path,
            project=tmp_path,
            workspace=tmp_path,
            scratch=tmp_path,
            progress=lambda _line: None,
            hide=lambda _value, _name: None,
            keep=lambda name, _data: f"evidence/{name}",
            propose=lambda name, _text: name,
        )

    return build

"""A project of Node in a folder of its own, with a context that reads it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer_lib.probes.context import Context


@pytest.fixture
def project(context: Callable[..., Context]) -> Callable[..., Context]:
    """Return ``project({file: text or JSON}, **sections) -> Context``; files are written to the project and its working copy."""

    def make(files: dict[str, Any], **sections: Any) -> Context:
        ctx = context("http://127.0.0.1:9", **sections)
        for name, content in files.items():
            text = content if isinstance(content, str) else json.dumps(content, indent=2)
            for folder in (ctx.project, ctx.workspace):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(text, encoding="utf-8")
        return ctx

    return make

"""A root with parameters files, written by each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: The least that an environment must say.
LEAST = "environment: staging\ndeploy: {kind: none, address: https://shop.example}\n"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write files below parameters/ (``staging.yaml`` by default) and return the root."""

    def files(text: str | bytes = LEAST, **others: str) -> Path:
        (tmp_path / "parameters").mkdir(exist_ok=True)
        path = tmp_path / "parameters" / "staging.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        for name, other in others.items():
            (tmp_path / "parameters" / f"{name}.yaml").write_text(other, encoding="utf-8")
        return tmp_path

    return files

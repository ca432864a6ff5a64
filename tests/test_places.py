"""Where everything lies: what cannot be made is told, with the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deployer_lib.errors import UsageError
from deployer_lib.places import Places

if TYPE_CHECKING:
    from pathlib import Path


def test_outputs_that_cannot_be_a_folder_are_refused(tmp_path: Path) -> None:
    """A file of that name is in the way: one sentence, no traceback."""
    (tmp_path / "taken").write_text("x", encoding="ascii")
    with pytest.raises(UsageError, match="taken/staging cannot be made: Not a directory") as caught:
        Places.of(tmp_path, "staging", tmp_path / "taken").make()
    assert "--outputs" in caught.value.hint

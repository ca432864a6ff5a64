"""What a run writes for people to take over: the example file that a project does not have."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conftest import Root

PARAMETERS = """
environment: shop
profile: job
project: {path: shop}
deploy: {kind: none, address: "http://127.0.0.1:9"}
"""
CODE = 'import os\n\nKEY = os.environ["SHOP_API_KEY"]\nLEVEL = os.environ.get("SHOP_LOG_LEVEL", "info")\n'


def test_a_missing_example_file_is_written_into_the_run(root: Root) -> None:
    """Each variable stands in it with its need, the place where it is read and what documents say; and it is sealed."""
    project = root.path / "shop"
    project.mkdir()
    (project / "app.py").write_text(CODE, encoding="utf-8")
    (project / "README.md").write_text("`SHOP_LOG_LEVEL`: how much is logged.\n", encoding="utf-8")
    root.write("shop", PARAMETERS)
    done = root.run("run", "shop", "--phases", "environment", "--json")
    record = root.path / json.loads(done.stdout)["record"]
    lines = (record / ".env.example").read_text(encoding="utf-8").splitlines()
    at = lines.index("SHOP_API_KEY=change-me-to-a-long-random-value")
    assert "# required; read in app.py:3" == lines[at - 1]
    at = lines.index("# SHOP_LOG_LEVEL=info")
    assert ["# SHOP_LOG_LEVEL: how much is logged.", "# default; read in app.py:4"] == lines[at - 2 : at]
    assert ".env.example" in (record / "manifest.json").read_text(encoding="utf-8")
    assert not (project / ".env.example").exists()

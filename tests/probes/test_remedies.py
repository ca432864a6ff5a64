"""Fixes of the health phase: code for the project's own framework, and something useful for any other."""

from __future__ import annotations

from typing import Any

import pytest

from deployer_lib.fixes import snippet
from deployer_lib.probes.remedies import remedy

_TOPICS = (
    "log_json", "log_redact", "log_requests", "log_trace", "metrics_count", "metrics_endpoint", "response_header",
    "server_header",
)  # fmt: skip
_FRAMEWORKS = ("fastapi", "flask", "django", "express", "nest", "fastify", "next", "axum", "actix", "elixir")


@pytest.mark.parametrize("topic", _TOPICS)
@pytest.mark.parametrize("framework", _FRAMEWORKS)
def test_every_topic_has_code_for_every_framework(topic: str, framework: str) -> None:
    piece = snippet(topic, framework, name="X-Frame-Options", value="DENY")
    assert piece.text.strip()
    assert piece.file
    assert piece.docs.startswith("https://")
    if piece.language == "python":
        compile(piece.text, topic, "exec")


def test_the_code_is_for_the_framework_of_the_project(context: Any) -> None:
    """A manifest says which; the place that is known is where the code goes."""
    ctx = context("http://127.0.0.1:9", files={"package.json": '{"dependencies": {"express": "^4"}}'})
    fix = remedy(ctx, "metrics_endpoint", "Serve it.", minutes=45)
    assert (fix.steps, fix.minutes, fix.code[0].language) == (("Serve it.",), 45, "javascript")
    assert "prom-client" in fix.code[0].text

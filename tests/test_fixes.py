"""Fixes are data that can be pasted: every topic has code and a link for every framework, and no blank stays open."""

from __future__ import annotations

import ast

import pytest

from deployer_lib.check import Location
from deployer_lib.fixes import snippet, topics

FRAMEWORKS = ("fastapi", "flask", "django", "express", "nest", "fastify", "axum", "actix", "", "unheard-of")
VALUES = {
    "path": "/orders",
    "method": "GET",
    "method_lower": "get",
    "origins": '"https://shop.example"',
    "origin": "https://shop.example",
    "methods": '"GET", "POST"',
    "headers": '"Authorization"',
    "credentials": "true",
    "credentials_python": "True",
    "limit": "300",
}


@pytest.mark.parametrize(
    "topic", ["cors", "rate_limit", "error_handler", "security_headers", "health", "route"]
)
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_framework_gets_code_with_a_link(topic: str, framework: str) -> None:
    found = snippet(topic, framework, **VALUES)
    assert found.text
    assert found.docs.startswith("https://")
    assert "@@" not in found.text
    assert found.code().file != ""


@pytest.mark.parametrize("framework", ["fastapi", "flask", "django"])
@pytest.mark.parametrize(
    "topic",
    [
        "cors",
        "rate_limit",
        "error_handler",
        "security_headers",
        "health",
        "route",
        "auth_required",
        "token_verify",
        "password_check",
        "database_ready",
        "unknown_path",
        "input_validation",
    ],
)
def test_python_parses(topic: str, framework: str) -> None:
    assert ast.parse(snippet(topic, framework, **VALUES).text).body


def test_the_code_goes_to_the_place_that_was_found_where_its_language_fits() -> None:
    found = snippet("cors", "fastapi", **VALUES)
    assert found.code(Location("src/shop/app.py", 12)).file == "src/shop/app.py"
    assert found.code(Location("src/shop/app.py", 12)).line == 12
    assert found.code(Location("nginx.conf", 3)).file == "app.py"


def test_a_topic_or_a_blank_that_is_unknown_is_said_at_once() -> None:
    with pytest.raises(KeyError):
        snippet("unheard_of", "fastapi")
    with pytest.raises(KeyError):
        snippet("health", "fastapi")


def test_topics_are_listed() -> None:
    assert {"cors", "health", "rate_limit", "security_headers"} <= set(topics())

"""What operators look at."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import FRONTEND, Shop

from storefront.build_info import read
from storefront.db import Database


def test_health_names_the_version(shared_shop: Shop) -> None:
    answer = shared_shop.client.get("/health")

    assert answer.json() == {"status": "ok", "version": read().version}
    assert shared_shop.client.get("/health/db").json() == {"status": "ok"}
    assert set(shared_shop.client.get("/version").json()) == {"version", "build_id", "commit"}


def test_without_its_database_the_process_lives_and_says_so(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Database) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(Database, "ping", refuse)
    answer = shop.client.get("/health/db")

    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable"})
    assert shop.client.get("/health").status_code == 200


def test_a_broken_database_is_503_with_a_trace_id_and_without_internals(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_: Database) -> None:
        raise ConnectionRefusedError("db.internal:5432")

    monkeypatch.setattr(Database, "session", refuse)
    answer = shop.client.get("/api/products", headers={"Origin": FRONTEND})

    assert answer.status_code == 503
    assert set(answer.json()) == {"error", "trace_id"}
    assert "internal" not in answer.text
    assert answer.headers["Access-Control-Allow-Origin"] == FRONTEND
    assert [record.message for record in caplog.records if record.levelno == logging.ERROR] == [
        "request failed"
    ]
    assert shop.metric('http_errors_total{kind="server"}') == 1


def test_a_fault_of_ours_is_500_with_all_headers(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Database) -> None:
        raise LookupError("/srv/secret/path")

    monkeypatch.setattr(Database, "session", fail)
    answer = shop.client.get("/api/products", headers={"Origin": FRONTEND})

    assert answer.status_code == 500
    assert answer.json()["error"] == "something went wrong on our side"
    assert "secret" not in answer.text
    assert answer.headers["Access-Control-Allow-Origin"] == FRONTEND
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_metrics_count_requests_by_route_and_not_themselves(shop: Shop) -> None:
    for path in ("/api/products/1", "/api/products/2", "/no/such/page", "/nor/this"):
        shop.client.get(path)

    def requests(route: str, status: int) -> float:
        labels = f'method="GET",route="{route}",status="{status}"'
        return shop.metric(f"http_requests_total{{{labels}}}")

    assert requests("/api/products/{product_id}", 200) == 2
    assert requests("unmatched", 404) == 2
    assert requests("/metrics", 200) == 0
    assert shop.metric('http_errors_total{kind="client"}') == 2
    answer = shop.client.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")


def test_unknown_paths_are_not_the_front_end(shared_shop: Shop) -> None:
    for path in ("/admin", "/.env", "/static/../settings.py", "/static/%2e%2e%2fsettings.py"):
        answer = shared_shop.client.get(path)
        assert answer.status_code == 404
        assert answer.headers["Content-Type"] == "application/json"


def test_the_front_end_is_served_from_the_built_files(
    tmp_path: Path, open_shop: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "index.html").write_text("<p>Hello")
    (tmp_path / "app.1234.js").write_text("1")
    monkeypatch.setattr("storefront.frontend.PACKAGED", tmp_path)
    shop = open_shop()

    page, script = shop.client.get("/"), shop.client.get("/static/app.1234.js")

    assert (page.text, page.headers["Cache-Control"]) == ("<p>Hello", "no-cache")
    assert "immutable" in script.headers["Cache-Control"]
    assert script.headers["Content-Type"].startswith("text/javascript")

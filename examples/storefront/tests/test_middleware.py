"""What every request meets."""

from collections.abc import Callable

import pytest
from conftest import FRONTEND, Shop

from storefront.middleware.rate_limit import SlidingWindow

FOREIGN = [
    "null",
    "https://evil.example",
    f"{FRONTEND}.evil.example",
    "https://evilshop.example.com",
    "http://shop.example.com",
    "https://shopXexample.com",
    f"{FRONTEND}:8443",
]


@pytest.mark.parametrize("path", ["/health", "/api/products", "/api/me", "/no/such/page"])
def test_security_headers_are_on_every_answer(shared_shop: Shop, path: str) -> None:
    headers = shared_shop.client.get(path).headers

    assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "Server" not in headers


@pytest.mark.parametrize("path", ["/api/products", "/api/me", "/no/such/page"])
def test_our_front_end_may_read_answers_and_refusals(shared_shop: Shop, path: str) -> None:
    answer = shared_shop.client.get(path, headers={"Origin": FRONTEND})

    assert answer.headers["Access-Control-Allow-Origin"] == FRONTEND
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize("origin", FOREIGN)
def test_foreign_pages_may_not(shared_shop: Shop, origin: str) -> None:
    answer = shared_shop.client.get("/api/products", headers={"Origin": origin})
    preflight = _preflight(shared_shop, origin, "POST", "authorization")

    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Origin" in answer.headers["Vary"]
    assert preflight == (403, None)


def test_a_preflight_is_answered_for_what_the_api_takes(shared_shop: Shop) -> None:
    assert _preflight(shared_shop, FRONTEND, "POST", "authorization, content-type") == (
        204,
        FRONTEND,
    )
    assert _preflight(shared_shop, FRONTEND, "PATCH", "accept") == (204, FRONTEND)
    assert _preflight(shared_shop, FRONTEND, "DELETE", "authorization")[0] == 403
    assert _preflight(shared_shop, FRONTEND, "POST", "x-anything")[0] == 403


def _preflight(shop: Shop, origin: str, method: str, headers: str) -> tuple[int, str | None]:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": headers,
    }
    answer = shop.client.options("/api/orders", headers=asked)
    return answer.status_code, answer.headers.get("Access-Control-Allow-Origin")


def test_the_api_stops_answering_those_who_ask_too_much(open_shop: Callable[..., Shop]) -> None:
    shop = open_shop(rate_limit_per_minute=3)
    answers = [shop.client.get("/api/products", headers={"Origin": FRONTEND}) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 1 <= int(answers[3].headers["Retry-After"]) <= 60
    assert answers[3].headers["Access-Control-Allow-Origin"] == FRONTEND
    assert shop.client.get("/health").status_code == 200


def test_passwords_can_not_be_tried_for_long(open_shop: Callable[..., Shop]) -> None:
    shop = open_shop(login_rate_limit_per_minute=2)
    guess = {"email": "admin@example.com", "password": "guess"}

    statuses = [shop.client.post("/api/login", json=guess).status_code for _ in range(3)]

    assert statuses == [401, 401, 429]
    assert shop.client.get("/api/products").status_code == 200


def test_the_window_slides() -> None:
    now = [0.0]
    window = SlidingWindow(2, clock=lambda: now[0])

    assert [window.wait_s("a"), window.wait_s("b")] == [0, 0]
    now[0] = 30
    assert [window.wait_s("a"), window.wait_s("a")] == [0, 30]
    now[0] = 60
    assert [window.wait_s("a"), window.wait_s("a")] == [0, 30]


def test_large_bodies_are_refused_whether_they_say_so_or_not(shared_shop: Shop) -> None:
    told = shared_shop.client.post("/api/login", content=b" " * 1_000_001)
    untold = shared_shop.client.post("/api/login", content=(b" " * 100_000 for _ in range(11)))

    assert (told.status_code, untold.status_code) == (413, 413)


def test_a_trace_is_continued_and_a_request_id_kept(shared_shop: Shop) -> None:
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    answer = shared_shop.client.get(
        "/no/such/page",
        headers={"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01", "X-Request-ID": "order-4711"},
    )

    assert answer.json() == {"error": "Not Found", "trace_id": trace_id}
    assert answer.headers["traceresponse"].split("-")[1] == trace_id
    assert answer.headers["X-Request-ID"] == "order-4711"


@pytest.mark.parametrize("header", ["00-" + "0" * 32 + "-00f067aa0ba902b7-01", "nonsense"])
def test_a_trace_that_is_not_valid_is_replaced(shared_shop: Shop, header: str) -> None:
    answer = shared_shop.client.get(
        "/no/such/page", headers={"traceparent": header, "X-Request-ID": "no good"}
    )

    assert answer.headers["X-Request-ID"] == answer.json()["trace_id"]
    assert len(answer.json()["trace_id"]) == 32

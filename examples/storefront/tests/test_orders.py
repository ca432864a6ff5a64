"""Buying and selling."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import Shop


def test_an_order_takes_from_the_stock_and_counts_as_a_sale(shop: Shop) -> None:
    admin = shop.log_in()
    answer = shop.client.post("/api/orders", json={"product_id": 1, "quantity": 3}, headers=admin)

    assert answer.status_code == 201
    assert answer.json()["total_cents"] == 3 * 1400
    assert shop.client.get("/api/products/1").json()["stock"] == 497
    assert shop.client.get("/api/orders", headers=admin).json() == [answer.json()]
    assert shop.metric("storefront_orders_total") == 1
    assert shop.metric("storefront_sales_cents_total") == 4200


def test_nobody_buys_more_than_there_is_however_many_try_at_once(shop: Shop) -> None:
    admin = shop.log_in()
    shop.client.patch("/api/products/3", json={"stock": 5}, headers=admin)

    def buy(_: int) -> int:
        wish = {"product_id": 3, "quantity": 2}
        return shop.client.post("/api/orders", json=wish, headers=admin).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(buy, range(8)))

    assert answers == [201] * 2 + [409] * 6
    assert shop.client.get("/api/products/3").json()["stock"] == 1
    assert len(shop.client.get("/api/orders", headers=admin).json()) == 2


def test_a_sku_is_given_once_however_many_try_at_once(shop: Shop) -> None:
    admin = shop.log_in()
    product = {"sku": "NEW-01", "name": "New", "price_cents": 100}

    def add(_: int) -> int:
        return shop.client.post("/api/products", json=product, headers=admin).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(add, range(8))) == [201] + [409] * 7


def test_the_price_of_an_order_is_the_one_of_its_day(shop: Shop) -> None:
    admin = shop.log_in()
    shop.client.post("/api/orders", json={"product_id": 2, "quantity": 1}, headers=admin)
    shop.client.patch("/api/products/2", json={"price_cents": 1}, headers=admin)

    assert [
        order["total_cents"] for order in shop.client.get("/api/orders", headers=admin).json()
    ] == [950]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"[" * 50_000,
        b'{"product_id": 1}',
        b'{"product_id": 1, "quantity": 0}',
        b'{"product_id": 1, "quantity": 101}',
        b'{"product_id": 1, "quantity": "1"}',
        b'{"product_id": 1, "quantity": true}',
        b'{"product_id": 1, "quantity": 1, "total_cents": 0}',
        b'{"product_id": 99999999999999999999, "quantity": 1}',
        b'{"product_id": "1; DROP TABLE orders", "quantity": 1}',
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    shared_shop: Shop, shared_admin: dict[str, str], body: bytes
) -> None:
    answer = shared_shop.client.post(
        "/api/orders", content=body, headers={**shared_admin, "Content-Type": "application/json"}
    )

    assert 400 <= answer.status_code < 500
    assert set(answer.json()) <= {"error", "fields", "trace_id"}
    assert shared_shop.client.get("/api/orders", headers=shared_admin).json() == []
    assert shared_shop.client.get("/api/products/1").json()["stock"] == 500


def test_unknown_products_are_not_found(shared_shop: Shop, shared_admin: dict[str, str]) -> None:

    assert shared_shop.client.get("/api/products/999").status_code == 404
    assert shared_shop.client.get("/api/products/%00").status_code == 422
    wish = {"product_id": 999, "quantity": 1}
    assert (
        shared_shop.client.post("/api/orders", json=wish, headers=shared_admin).status_code == 404
    )


def test_text_that_no_database_can_hold_is_refused(
    shared_shop: Shop, shared_admin: dict[str, str]
) -> None:
    for product in (
        {"sku": "A-1", "name": "a\x00b", "price_cents": 1},
        {"sku": "a 1", "name": "b", "price_cents": 1},
        {"sku": "A-1", "name": " ", "price_cents": 1},
    ):
        assert (
            shared_shop.client.post("/api/products", json=product, headers=shared_admin).status_code
            == 422
        )

"""Who gets in, and who doesn't."""

from datetime import timedelta

import pytest
from conftest import Shop

from storefront.auth import ensure_admin, issue_token
from storefront.db import Database
from storefront.models import Account
from storefront.passwords import hash_password, verify_password
from storefront.settings import Settings


def test_log_in_gives_a_token_that_opens_the_account(shared_shop: Shop) -> None:
    answer = shared_shop.client.post(
        "/api/login", json={"email": " Admin@Example.com", "password": "a password for tests"}
    )

    assert answer.status_code == 200
    assert answer.json()["token_type"] == "bearer"
    assert answer.json()["expires_in"] == 30 * 60
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert shared_shop.client.get("/api/me", headers=headers).json() == {
        "email": "admin@example.com",
        "role": "admin",
    }


@pytest.mark.parametrize("email", ["admin@example.com", "nobody@example.com"])
def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(
    shared_shop: Shop, email: str
) -> None:
    answer = shared_shop.client.post("/api/login", json={"email": email, "password": "wrong"})

    assert answer.status_code == 401
    assert answer.json()["error"] == "e-mail address or password is wrong"


def test_tokens_that_are_not_ours_are_refused(shared_shop: Shop) -> None:
    secret = shared_shop.settings.jwt_secret
    unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIiwiaWF0IjoxLCJleHAiOjk5OTk5OTk5OTl9."
    refused = [
        "",
        "Bearer",
        "Bearer bogus",
        f"Bearer {unsigned}",
        f"Bearer {issue_token(1, secret, timedelta(seconds=-1))}",
        f"Bearer {issue_token(1, secret[::-1], timedelta(minutes=1))}",
        f"Bearer {issue_token(99, secret, timedelta(minutes=1))}",
        f"Basic {issue_token(1, secret, timedelta(minutes=1))}",
    ]
    for header in refused:
        answer = shared_shop.client.get("/api/me", headers={"Authorization": header})
        assert answer.status_code == 401, header
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_customer_may_not_change_the_catalogue(shop: Shop) -> None:
    database = Database(shop.settings.database_url)
    with database.session() as session:
        account = Account(email="c@example.com", password_hash=hash_password("x"), role="customer")
        session.add(account)
    database.close()
    token = issue_token(account.id, shop.settings.jwt_secret, timedelta(minutes=1))

    answer = shop.client.patch(
        "/api/products/1", json={"stock": 0}, headers={"Authorization": f"Bearer {token}"}
    )

    assert answer.status_code == 403
    assert shop.client.get("/api/products/1").json()["stock"] == 500


def test_the_administrators_password_follows_the_settings(settings: Settings) -> None:
    database = Database(settings.database_url)
    for password in ("the first password", "the second password"):
        ensure_admin(database, settings.admin_email, password)
    with database.session() as session:
        account = session.get(Account, 1)
    database.close()

    assert account is not None
    assert verify_password("the second password", account.password_hash)
    assert not verify_password("the first password", account.password_hash)

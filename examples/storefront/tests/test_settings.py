"""What the environment may say."""

import pytest

from storefront.settings import SettingsError, load

GOOD = {
    "JWT_SECRET": "a-secret-for-tests-and-nothing-else",
    "FRONTEND_URL": "https://shop.example.com/, http://localhost:3000",
    "ADMIN_EMAIL": " Admin@Example.com",
    "ADMIN_PASSWORD": "a password for tests",
}


@pytest.fixture(autouse=True)
def good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.environ", dict(GOOD))


def test_values_are_read_in_their_plain_form() -> None:
    settings = load()

    assert settings.frontend_origins == {"https://shop.example.com", "http://localhost:3000"}
    assert settings.admin_email == "admin@example.com"
    assert settings.port == 8000


def test_secrets_stay_out_of_the_repr() -> None:
    shown = repr(load())

    assert GOOD["JWT_SECRET"] not in shown
    assert GOOD["ADMIN_PASSWORD"] not in shown


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JWT_SECRET", ""),
        ("JWT_SECRET", "short"),
        ("ADMIN_PASSWORD", "short"),
        ("ADMIN_EMAIL", "admin"),
        ("PORT", "eighty"),
        ("PORT", "65536"),
        ("LOG_LEVEL", "loud"),
        ("FRONTEND_URL", "*"),
        ("FRONTEND_URL", "null"),
        ("FRONTEND_URL", "https://shop.example.com/path"),
        ("FRONTEND_URL", "https://shop.example.com:port"),
        ("RATE_LIMIT_PER_MINUTE", "0"),
        ("TOKEN_MINUTES", "1.5"),
        ("SENTRY_DSN", "localhost"),
    ],
)
def test_a_value_that_can_not_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setattr("os.environ", {**GOOD, name: value})

    with pytest.raises(SettingsError, match=name):
        load()

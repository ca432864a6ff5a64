"""A shop for each test: a real server on a free port, with a database of its own."""

import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread

import httpx
import pytest
import uvicorn

from storefront import server
from storefront.migrate import upgrade
from storefront.settings import Settings

FRONTEND = "https://shop.example.com"


@dataclass(frozen=True, slots=True)
class Shop:
    """A running service, and how to get in."""

    client: httpx.Client
    settings: Settings

    def log_in(self) -> dict[str, str]:
        """Return the headers of the administrator."""
        credentials = {
            "email": self.settings.admin_email,
            "password": self.settings.admin_password,
        }
        answer = self.client.post("/api/login", json=credentials)
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def metric(self, name: str) -> float:
        """Return the value of one line of /metrics."""
        lines = self.client.get("/metrics").text.splitlines()
        return next((float(line.split()[-1]) for line in lines if line.startswith(f"{name} ")), 0)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database as it is after the migrations."""
    path = tmp_path_factory.mktemp("database") / "storefront.db"
    upgrade(f"sqlite:///{path}")
    return path


def settings_for(database: Path) -> Settings:
    return Settings(
        jwt_secret="a-secret-for-tests-and-nothing-else",
        frontend_origins=frozenset({FRONTEND}),
        admin_email="admin@example.com",
        admin_password="a password for tests",
        database_url=f"sqlite:///{database}",
        rate_limit_per_minute=1000,
        login_rate_limit_per_minute=100,
    )


@pytest.fixture
def settings(migrated: Path, tmp_path: Path) -> Settings:
    return settings_for(Path(shutil.copy(migrated, tmp_path / "storefront.db")))


@pytest.fixture
def open_shop(settings: Settings) -> Iterator[Callable[..., Shop]]:
    """Open a shop whose settings differ in what the test names."""
    with ExitStack() as stack:

        def opened(**changes: object) -> Shop:
            return stack.enter_context(_running(replace(settings, **changes)))

        yield opened


@pytest.fixture
def shop(open_shop: Callable[..., Shop]) -> Shop:
    """A shop of the test's own."""
    return open_shop()


@pytest.fixture(scope="session")
def shared_shop(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One shop for all tests that leave it as they found it."""
    path = tmp_path_factory.mktemp("shared") / "storefront.db"
    with _running(settings_for(Path(shutil.copy(migrated, path)))) as running:
        yield running


@pytest.fixture(scope="session")
def shared_admin(shared_shop: Shop) -> dict[str, str]:
    """The headers of the shared shop's administrator."""
    return shared_shop.log_in()


@contextmanager
def _running(settings: Settings) -> Iterator[Shop]:
    config = server.server_config(settings, server.prepare_database(settings))
    # Listening before the server starts: the first request waits in the queue, nobody has to poll.
    # With the protocol named, asyncio turns Nagle's algorithm off, as it does for its own sockets.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    web = uvicorn.Server(config)
    thread = Thread(target=web.run, kwargs={"sockets": [listener]})
    thread.start()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        with httpx.Client(base_url=address, timeout=10) as client:
            yield Shop(client, settings)
    finally:
        web.should_exit = True
        thread.join()
        listener.close()

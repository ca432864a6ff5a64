"""Nothing happens to a target that its environment does not allow, whichever thread asks."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import psutil
import pytest

from deployer_lib.app.http import Http
from deployer_lib.catalogue import Effect
from deployer_lib.errors import NotAllowed
from deployer_lib.guard import Guard, host_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ALL = frozenset(Effect)
ANYWHERE = "0.0.0.0"  # noqa: S104  (nothing is bound to it)
HOST = ("shop.example", 443)


class Recorder(ThreadingHTTPServer):
    """A server that answers 200 to everything, and keeps when it was asked what."""

    daemon_threads = True

    def __init__(self) -> None:
        self.seen: list[tuple[float, str, str]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def methods(self) -> list[str]:
        return [method for _, method, _ in self.seen]


class _Handler(BaseHTTPRequestHandler):
    server: Recorder

    def _answer(self) -> None:
        self.server.seen.append((time.monotonic(), self.command, self.path))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


for _method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"):
    setattr(_Handler, f"do_{_method}", _Handler._answer)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    server = Recorder()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def guard(allow: frozenset[Effect] = ALL, **options: object) -> Guard:
    options = {"hosts": {HOST}, **options}
    return Guard("test", allow, **options)  # type: ignore[arg-type]  # options by name


def client(recorder: Recorder, allow: frozenset[Effect], **options: object) -> Http:
    port = recorder.server_port
    made = guard(allow, hosts={("127.0.0.1", port), ("localhost", port)}, **options)
    return Http(made, f"http://127.0.0.1:{port}", run="01TEST")


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(NotAllowed) as caught:
        act()
    assert caught.value.hint
    return caught.value.message


def ask(made: Guard, method: str = "GET", host: tuple[str, int] = HOST) -> None:
    made.permit(method, "https", *host)


def test_an_environment_that_only_observes_sees_only_observing(recorder: Recorder) -> None:
    """Of all methods, in whatever case, only GET, HEAD and OPTIONS arrive."""
    http = client(recorder, frozenset(), pause=lambda _s: None)
    for method in (
        "GET",
        "HEAD",
        "OPTIONS",
        "POST",
        "PUT",
        "PATCH",
        "DELETE",
        "post",
        "TRACE",
        "CONNECT",
        "BREW",
    ):
        if method in {"GET", "HEAD", "OPTIONS"}:
            http.request(method, "/")
        else:
            assert "does not allow" in refused(lambda method=method: http.request(method, "/"))  # type: ignore[misc]
    assert recorder.methods == ["GET", "HEAD", "OPTIONS"]


def test_observing_is_at_most_two_a_second_from_all_threads(recorder: Recorder) -> None:
    """Five threads that ask at once are heard half a second apart."""
    http = client(recorder, frozenset())
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(http.get, ["/"] * 5))
    times = sorted(at for at, _, _ in recorder.seen)
    assert len(times) == 5
    assert times[-1] - times[0] >= 1.95
    assert max(sum(at <= other < at + 0.95 for other in times) for at in times) <= 2


class Clock:
    """A clock that moves only when somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(
    ("allow", "effect", "method", "expected_s"),
    [
        (frozenset(), Effect.OBSERVE, "GET", 4.5),
        (frozenset({Effect.WRITE}), Effect.OBSERVE, "GET", 4.5),
        (frozenset({Effect.WRITE}), Effect.WRITE, "POST", 0.45),
        (ALL, Effect.OBSERVE, "GET", 0.0),
        (ALL, Effect.STRESS, "GET", 0.0),
    ],
)
def test_pace(allow: frozenset[Effect], effect: Effect, method: str, expected_s: float) -> None:
    """Ten requests take as long as the environment's effects say."""
    clock = Clock()
    made = guard(allow, clock=clock, pause=clock.wait)
    with made.during(effect):
        for _ in range(10):
            ask(made, method)
    assert pytest.approx(expected_s) == clock.now


def test_a_protected_environment_is_paced_until_it_is_confirmed() -> None:
    """Stress that is allowed but not confirmed takes no brake away."""
    clock = Clock()
    made = guard(ALL, protected=True, clock=clock, pause=clock.wait)
    for _ in range(3):
        ask(made)
    assert clock.now == 1.0


def test_undeclared_hosts_are_refused(recorder: Recorder) -> None:
    """Another host, another port, or a host dressed up as the declared one, is refused."""
    http = client(recorder, ALL)
    port = recorder.server_port
    for url in (
        "http://other.example/",
        f"http://127.0.0.1:{port + 1}/",
        f"http://127.0.0.1:{port}@other.example/",
        f"http://other.example\\@127.0.0.1:{port + 1}/",
        f"http://127.0.0.2:{port}/",
        f"http://[::1]:{port}/",
        f"http://2130706433:{port}/",
    ):
        assert "not a declared host" in refused(lambda url=url: http.get(url))  # type: ignore[misc]
    assert recorder.seen == []


def test_one_host_in_several_spellings() -> None:
    """Case, a last dot, brackets and the usual port make no other host."""
    assert (
        ("shop.example", 443)
        == host_key("HTTPS", "Shop.Example.", None)
        == host_key("https", "shop.example", 443)
    )
    assert host_key("http", "[::1]", None) == ("::1", 80)
    made = guard(hosts={("Shop.Example", 443)})
    ask(made, host=("SHOP.example.", 443))


def own_addresses() -> list[str]:
    return [a.address for card in psutil.net_if_addrs().values() for a in card if a.family.name == "AF_INET"]


@pytest.mark.parametrize(
    "name", ["localhost", "127.0.0.1", "127.0.0.5", ANYWHERE, "127.1", "::1", "::ffff:127.0.0.1"]
)
@pytest.mark.parametrize("protected", ["127.0.0.1", "localhost", "::1", *own_addresses()[:3]])
def test_a_protected_address_is_refused_under_every_name(name: str, protected: str) -> None:
    """The port of a protected environment on this machine is refused, however the machine is called."""
    made = guard(hosts={(name, 8443), (name, 9000)}, protected_addresses=frozenset({(protected, 8443)}))
    assert "protected environment" in refused(lambda: ask(made, host=(name, 8443)))
    ask(made, host=(name, 9000))
    assert made.requests == 1


def test_a_protected_address_hears_nothing(recorder: Recorder) -> None:
    """The server itself sees no request, under its own or another name."""
    port = recorder.server_port
    http = client(recorder, ALL, protected_addresses=frozenset({("127.0.0.1", port)}))
    refused(lambda: http.get("/"))
    refused(lambda: http.get(f"http://localhost:{port}/"))
    assert recorder.seen == []


def test_a_name_that_changes_its_address_is_judged_where_it_is_connected(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that meant another machine when the guard asked is refused when it is connected to."""
    port = recorder.server_port
    http = client(recorder, ALL, protected_addresses=frozenset({("127.0.0.1", port)}))
    monkeypatch.setattr(
        "deployer_lib.guard._addresses",
        lambda host: frozenset({"192.0.2.1" if host == "localhost" else "127.0.0.1"}),
    )
    assert "protected environment" in refused(lambda: http.get(f"http://localhost:{port}/"))
    assert recorder.seen == []


def test_a_protected_environment_needs_its_confirmation() -> None:
    """Until it is confirmed a protected environment is only observed; then what it allows is allowed."""
    made = guard(ALL, protected=True, pause=lambda _s: None)
    ask(made)
    assert not made.allows(Effect.WRITE)
    assert "not confirmed" in refused(lambda: ask(made, "POST"))
    assert "not confirmed" in refused(lambda: made.permit_effect(Effect.DISRUPT, "restart"))
    confirmed = guard(ALL, protected=True, confirmed=True)
    ask(confirmed, "POST")
    confirmed.permit_effect(Effect.DISRUPT, "restart")


def test_ceilings_on_requests_and_writes() -> None:
    """The count holds over threads, says what is let through, and stays after a refusal."""
    made = guard(ALL, max_requests=50, max_writes=10)
    outcomes: list[bool] = []

    def work(number: int) -> None:
        try:
            ask(made, "POST" if number % 2 else "GET")
        except NotAllowed:
            outcomes.append(False)
        else:
            outcomes.append(True)

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(work, range(60)))
    assert sum(outcomes) == 40
    assert (made.requests, made.writes) == (40, 10)
    for _ in range(10):
        ask(made)
    assert "ceiling" in refused(lambda: ask(made))
    assert made.requests == 50


def test_during_is_refused_before_anything_happens() -> None:
    """A block whose effect is not allowed is not entered."""
    made = guard(frozenset({Effect.WRITE}))
    with pytest.raises(NotAllowed), made.during(Effect.DISRUPT):
        pytest.fail("entered")
    assert made.effect is Effect.OBSERVE


def test_load_does_not_include_writing() -> None:
    """Where stress is allowed and writing is not, a load of POST requests is refused."""
    made = guard(frozenset({Effect.STRESS}))
    with made.during(Effect.STRESS):
        ask(made)
        assert "effect write" in refused(lambda: ask(made, "POST"))


def test_threads_of_a_check_count_as_the_check() -> None:
    """A thread that a check starts has its effect; one that outlives it has not."""
    made = guard(ALL)
    with made.during(Effect.STRESS), ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: made.effect).result() is Effect.STRESS
    assert made.effect is Effect.OBSERVE


def test_overlapping_blocks_end_only_themselves() -> None:
    """Blocks of two threads that end in another order than they began leave no effect behind."""
    made = guard(ALL)
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with made.during(Effect.DISRUPT):
            inside.set()
            leave.wait()

    thread = threading.Thread(target=other)
    effects = []
    with made.during(Effect.WRITE):
        thread.start()
        inside.wait()
        effects.append(made.effect)
    effects.append(made.effect)
    leave.set()
    thread.join()
    effects.append(made.effect)
    assert effects == [Effect.WRITE, Effect.DISRUPT, Effect.OBSERVE]


def test_nested_blocks_and_exceptions() -> None:
    """The innermost block counts, and each ends also where it fails."""
    made = guard(ALL)
    effects = []

    def fail() -> None:
        with made.during(Effect.OBSERVE):
            effects.append(made.effect)
            raise ValueError("x")

    with made.during(Effect.DISRUPT):
        with pytest.raises(ValueError, match="x"):
            fail()
        effects.append(made.effect)
    assert effects == [Effect.OBSERVE, Effect.DISRUPT]

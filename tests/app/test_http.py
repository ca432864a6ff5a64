"""One seam for requests: whatever a server does, an answer or one sentence, in time, with nothing left behind."""

from __future__ import annotations

import contextlib
import gc
import gzip
import socket
import ssl
import threading
import time
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ports import refusing

from deployer_lib.app.http import Http
from deployer_lib.catalogue import Effect
from deployer_lib.errors import NotAllowed, RequestFailed
from deployer_lib.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Handler = Callable[[socket.socket, "Server"], None]

HEAD = b"HTTP/1.1 200 OK\r\n"
ALL = frozenset(Effect)


class Server:
    """A server that does with each connection what a handler says, and keeps what it was sent."""

    def __init__(self, handler: Handler) -> None:
        self.over = threading.Event()
        self.seen: list[bytes] = []
        self._handler = handler
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self.over.is_set():
                connection.close()
                return
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            self._handler(connection, self)

    def request(self, connection: socket.socket) -> bytes:
        """Read one request's head."""
        data = b""
        while b"\r\n\r\n" not in data and (more := connection.recv(65_536)):
            data += more
        self.seen.append(data)
        return data

    def close(self) -> None:
        self.over.set()
        with socket.create_connection(("127.0.0.1", self.port)):
            pass
        self._threads[0].join()
        self._listener.close()
        for thread in self._threads[1:]:
            thread.join()


@pytest.fixture
def serve() -> Iterator[Callable[[Handler], Server]]:
    servers: list[Server] = []

    def start(handler: Handler) -> Server:
        servers.append(Server(handler))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def answering(data: bytes) -> Handler:
    """Answer every request of a connection with these bytes, then close."""

    def handler(connection: socket.socket, server: Server) -> None:
        server.request(connection)
        connection.sendall(data)

    return handler


def repeating(first: bytes, again: bytes, every_s: float = 0.0) -> Handler:
    """Answer with ``first``, then with ``again`` for ever."""

    def handler(connection: socket.socket, server: Server) -> None:
        server.request(connection)
        connection.sendall(first)
        while not server.over.wait(every_s):
            connection.sendall(again)

    return handler


def hanging(data: bytes) -> Handler:
    def handler(connection: socket.socket, server: Server) -> None:
        server.request(connection)
        connection.sendall(data)
        server.over.wait()

    return handler


def silent(_connection: socket.socket, server: Server) -> None:
    server.over.wait()


def resetting(connection: socket.socket, server: Server) -> None:
    server.request(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def client(*servers: Server, base: Server | None = None, **guard: object) -> Http:
    hosts = {("127.0.0.1", server.port) for server in servers}
    made = Guard("test", ALL, hosts, **guard)  # type: ignore[arg-type]  # options by name
    return Http(made, (base or servers[0]).url, run="01TEST")


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)


def bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    block = bytes(1_000_000)
    return b"".join(packer.compress(block) for _ in range(size // 1_000_000)) + packer.flush()


GZIPPED = HEAD + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
BAD: dict[str, tuple[Handler, str, str]] = {
    "hangs before headers": (hanging(b""), "timeout", "no byte of an answer"),
    "hangs within headers": (hanging(HEAD + b"X: "), "timeout", "20 bytes"),
    "drips a header byte by byte": (repeating(HEAD + b"X: ", b"a", 0.05), "timeout", "bytes of an answer"),
    "hangs within the body": (
        hanging(HEAD + b"Content-Length: 9\r\n\r\nabc"),
        "timeout",
        "bytes of an answer",
    ),
    "drips a body": (repeating(HEAD + b"Content-Length: 999999\r\n\r\n", b"a", 0.05), "timeout", "bytes"),
    "interim answers for ever": (repeating(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"), "timeout", "bytes"),
    "drips interim answers": (repeating(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.05), "timeout", "bytes"),
    "resets": (resetting, "reset", "cut"),
    "closes without an answer": (answering(b""), "reset", "no byte of an answer"),
    "closes early": (answering(HEAD + b"Content-Length: 100\r\n\r\nabc"), "reset", "cut"),
    "closes within chunks": (
        answering(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"),
        "reset",
        "cut",
    ),
    "body without end": (repeating(HEAD + b"\r\n", bytes(65_536)), "too-large", "8,000,000"),
    "ten gigabytes": (
        repeating(HEAD + b"Content-Length: 10737418240\r\n\r\n", bytes(65_536)),
        "too-large",
        "8,000,000",
    ),
    "gzip bomb": (answering(GZIPPED + chunked(bomb(100_000_000), b"")), "bomb", "unpack to more"),
    "gzip cut short": (
        answering(
            HEAD + b"Content-Encoding: gzip\r\nContent-Length: 20\r\n\r\n" + gzip.compress(bytes(999))[:20]
        ),
        "reset",
        "ends in its middle",
    ),
    "gzip that is none": (
        answering(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"),
        "protocol",
        "not a valid",
    ),
    "status line of another kind": (hanging(b"SSH-2.0-OpenSSH_9.2\r\n"), "protocol", "begins with b'SSH-2'"),
    "status that is no number": (answering(b"HTTP/1.1 abc OK\r\n\r\n"), "protocol", "not a valid"),
    "HTTP/0.9": (answering(b"<html>hello</html>\n"), "protocol", "begins with b'<html'"),
    "NUL in a header": (answering(HEAD + b"X: a\0b\r\n\r\n"), "protocol", "not a valid"),
    "a header without colon": (answering(HEAD + b"nonsense\r\n\r\n"), "protocol", "not a valid"),
    "a header of 200 KB": (
        answering(HEAD + b"X: " + b"a" * 200_000 + b"\r\n\r\n"),
        "protocol",
        "not a valid",
    ),
    "headers without end": (repeating(HEAD, b"X-Y: abcdefgh\r\n" * 100), "protocol", "not a valid"),
    "10,000 headers": (
        answering(HEAD + b"".join(b"X-%05d: abcdefgh\r\n" % i for i in range(10_000)) + b"\r\n"),
        "protocol",
        "not a valid",
    ),
    "invalid chunking": (
        answering(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n"),
        "protocol",
        "not a valid",
    ),
    "two lengths": (
        answering(HEAD + b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde"),
        "protocol",
        "not a valid",
    ),
    "a negative length": (answering(HEAD + b"Content-Length: -3\r\n\r\nabc"), "protocol", "not a valid"),
}


def open_files() -> int:
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("name", BAD)
def test_a_bad_server_costs_a_sentence_and_little_time(name: str, serve: Callable[[Handler], Server]) -> None:
    """Each way of not answering has its kind, one sentence, an end in time, and leaves no thread and no file."""
    handler, kind, words = BAD[name]
    server = serve(handler)
    http = client(server)
    before = threading.active_count(), open_files()
    started = time.monotonic()
    with pytest.raises(RequestFailed) as caught:
        http.get("/slow?token=hidden", timeout_s=0.4)
    assert time.monotonic() - started <= 1.4
    assert kind == caught.value.kind
    assert words in caught.value.message
    assert "GET /slow at 127.0.0.1" in caught.value.message
    assert "hidden" not in caught.value.message
    assert "\n" not in caught.value.message
    server.close()
    caught.value.__cause__ = None
    assert (before[0] - 1, before[1] - 1) >= (threading.active_count(), open_files())
    http.close()
    server.close = lambda: None  # type: ignore[method-assign]  # closed above, to count what is left


def test_nothing_listens() -> None:
    """A closed port is told as one."""
    with refusing() as port, pytest.raises(RequestFailed, match="nothing listens") as caught:
        Http(Guard("test", ALL, {("127.0.0.1", port)}), f"http://127.0.0.1:{port}", run="01TEST").get("/")
    assert caught.value.kind == "refused"


def test_a_name_that_does_not_resolve() -> None:
    """An unknown name is told as one."""
    http = Http(Guard("test", ALL, {("nowhere.invalid", 80)}), "http://nowhere.invalid", run="01TEST")
    with pytest.raises(RequestFailed) as caught:
        http.get("/")
    assert caught.value.kind == "name"


def test_tls_to_a_plain_port(serve: Callable[[Handler], Server]) -> None:
    """A server that does not speak TLS is told as one."""
    server = serve(lambda connection, _server: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    with pytest.raises(RequestFailed) as caught:
        client(server).get(server.url.replace("http:", "https:"), timeout_s=2.0)
    assert caught.value.kind == "tls"


def test_a_tls_handshake_that_never_ends(serve: Callable[[Handler], Server]) -> None:
    """A server that takes the handshake and says nothing is ended in time."""
    server = serve(silent)
    started = time.monotonic()
    with pytest.raises(RequestFailed) as caught:
        client(server).get(server.url.replace("http:", "https:"), timeout_s=0.4)
    assert caught.value.kind == "timeout"
    assert "the TLS handshake did not end" in caught.value.message
    assert time.monotonic() - started < 1.4


@pytest.mark.parametrize("body", ["too large", "bomb"])
def test_memory_is_bounded(body: str, serve: Callable[[Handler], Server]) -> None:
    """A body of ten gigabytes, and one that unpacks a thousandfold, cost a few times the limit at most."""
    name = "ten gigabytes" if body == "too large" else "gzip bomb"
    server = serve(BAD[name][0])
    http = client(server)
    tracemalloc.start()
    with pytest.raises(RequestFailed):
        http.get("/", timeout_s=10.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40_000_000


def test_an_error_status_is_an_answer(serve: Callable[[Handler], Server]) -> None:
    """A 500 is an answer of the application, with its body."""
    server = serve(answering(b"HTTP/1.1 500 Oh\r\nContent-Length: 4\r\n\r\noops"))
    answer = client(server).get("/")
    assert (answer.status, answer.text) == (500, "oops")


def test_gzip_is_unpacked_also_in_several_members(serve: Callable[[Handler], Server]) -> None:
    """What one may concatenate by the format's rules comes out whole, in whatever pieces it came."""
    packed = gzip.compress(b"one ") + gzip.compress(b"two")
    data = GZIPPED + chunked(*(packed[i : i + 1] for i in range(len(packed))), b"")
    assert client(serve(answering(data))).get("/").text == "one two"


def test_no_byte_of_an_answer_becomes_part_of_the_next(serve: Callable[[Handler], Server]) -> None:
    """A server that promises to keep the connection and sends more than it said can't answer the next request."""
    false = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfalse"
    server = serve(answering(HEAD + b"Connection: keep-alive\r\nContent-Length: 4\r\n\r\ntrue" + false))
    http = client(server)
    assert [http.get("/").text for _ in range(3)] == ["true"] * 3


def test_redirects_without_end(serve: Callable[[Handler], Server]) -> None:
    """Five redirects are followed, then it is told."""
    server = serve(answering(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n"))
    with pytest.raises(RequestFailed, match="5 redirects") as caught:
        client(server).get("/", follow=True)
    assert caught.value.kind == "redirects"
    assert len(server.seen) == 6


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://x/", "javascript:alert(1)", "http://[", "http://"]
)
def test_a_redirect_to_what_is_not_http(location: str, serve: Callable[[Handler], Server]) -> None:
    """A redirect out of HTTP is the application's fault, and is not followed."""
    server = serve(
        answering(f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())
    )
    with pytest.raises(RequestFailed) as caught:
        client(server).get("/", follow=True)
    assert caught.value.kind in {"redirects", "protocol"}


def test_a_redirect_to_an_undeclared_host(serve: Callable[[Handler], Server]) -> None:
    """A redirect goes through the guard like any request: the undeclared host hears nothing."""
    other = serve(answering(HEAD + b"Content-Length: 0\r\n\r\n"))
    server = serve(
        answering(f"HTTP/1.1 302 Found\r\nLocation: {other.url}/\r\nContent-Length: 0\r\n\r\n".encode())
    )
    with pytest.raises(NotAllowed, match="not a declared host"):
        client(server).get("/", follow=True)
    assert other.seen == []


def test_credentials_stay_with_their_origin(serve: Callable[[Handler], Server]) -> None:
    """A redirect to another declared origin goes without cookie and Authorization; one within keeps them."""
    other = serve(answering(HEAD + b"Content-Length: 0\r\n\r\n"))
    server = serve(
        answering(f"HTTP/1.1 302 Found\r\nLocation: {other.url}/\r\nContent-Length: 0\r\n\r\n".encode())
    )
    headers = {"Authorization": "Bearer abc", "Cookie": "a=b", "X-Other": "kept"}
    client(server, other).get("/", follow=True, headers=headers)
    assert b"Bearer abc" in server.seen[0]
    assert b"Bearer abc" not in other.seen[0]
    assert b"a=b" not in other.seen[0]
    assert b"kept" in other.seen[0]


def test_a_redirected_post_becomes_a_get(serve: Callable[[Handler], Server]) -> None:
    """303 and, as browsers do, 302 after POST are asked with GET, without the body; 307 repeats the POST."""
    for status, method in ((302, b"GET"), (303, b"GET"), (307, b"POST")):
        other = serve(answering(HEAD + b"Content-Length: 0\r\n\r\n"))
        head = f"HTTP/1.1 {status} X\r\nLocation: {other.url}/\r\nContent-Length: 0\r\n\r\n"
        client(serve(answering(head.encode())), other, base=None).get("/")  # not followed
        server = serve(answering(head.encode()))
        client(server, other).request("POST", "/", json={"a": 1}, follow=True)
        assert other.seen[0].startswith(method)


def test_ten_threads_share_a_client(serve: Callable[[Handler], Server]) -> None:
    """A request that runs out of its time hurts no other thread's, and each gets its own answer."""

    def handler(connection: socket.socket, server: Server) -> None:
        path = server.request(connection).split()[1]
        if path == b"/hang":
            server.over.wait()
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(path), path))

    http = client(serve(handler))

    def ask(number: int) -> str:
        path = "/hang" if number % 10 == 0 else f"/{number}"
        try:
            return http.get(path, timeout_s=0.3 if path == "/hang" else 20.0).text
        except RequestFailed as error:
            return error.kind

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(ask, range(200)))
    assert ["timeout" if n % 10 == 0 else f"/{n}" for n in range(200)] == answers


def test_waiting_for_the_guard_does_not_cost_the_request_its_time(serve: Callable[[Handler], Server]) -> None:
    """Where requests are paced, the limit counts from the moment that a request leaves."""
    server = serve(answering(HEAD + b"Content-Length: 2\r\n\r\nok"))
    guard = Guard("test", frozenset(), {("127.0.0.1", server.port)})
    http = Http(guard, server.url, run="01TEST")
    http.get("/")
    answer = http.get("/", timeout_s=0.3)  # after half a second of waiting
    assert answer.text == "ok"
    assert answer.elapsed_ms < 300


def test_a_method_in_a_header_counts_as_that_method(serve: Callable[[Handler], Server]) -> None:
    """A GET that asks to be taken as DELETE is refused where only observing is allowed."""
    server = serve(answering(HEAD + b"Content-Length: 0\r\n\r\n"))
    http = Http(Guard("test", frozenset(), {("127.0.0.1", server.port)}), server.url, run="01TEST")
    with pytest.raises(NotAllowed):
        http.get("/", headers={"X-HTTP-Method-Override": "DELETE"})
    assert server.seen == []


def test_every_request_says_who_asks(serve: Callable[[Handler], Server]) -> None:
    """User-Agent and run id stand in each request."""
    server = serve(answering(HEAD + b"Content-Length: 0\r\n\r\n"))
    client(server).get("/")
    assert b"user-agent: deployer/0.1 (run 01test)" in server.seen[0].lower()
    assert b"x-deployer-run: 01test" in server.seen[0].lower()


SECRETIVE = (
    HEAD
    + b"Content-Type: application/json\r\nSet-Cookie: sid=abcdef123; HttpOnly\r\nSet-Cookie: b=zzzzzz; Secure\r\n"
    b"X-Api-Key: key-12345\r\nLocation: /next?token=query-tok&page=2\r\nX-Who: alice\r\nContent-Length: 50\r\n\r\n"
    b'{"access_token": "body-tok", "user": {"age": 41}}\n'
)


def observed(level: str, serve: Callable[[Handler], Server]) -> dict[str, object]:
    http = client(serve(answering(SECRETIVE)))
    http.level = level  # type: ignore[assignment]  # one of the three
    return dict(http.get("/path?token=own-token").observed())


@pytest.mark.parametrize("level", ["shape", "headers", "full"])
def test_evidence_masks_tokens_at_every_level(level: str, serve: Callable[[Handler], Server]) -> None:
    """Cookies, keys and tokens in headers, query and body are never evidence."""
    text = str(observed(level, serve))
    for value in ("abcdef123", "zzzzzz", "key-12345", "query-tok", "body-tok", "own-token"):
        assert value not in text


def test_evidence_by_level(serve: Callable[[Handler], Server]) -> None:
    """Shape keeps how, never who; headers keeps headers; full keeps the body as well."""
    shape, headers, full = (observed(level, serve) for level in ("shape", "headers", "full"))
    assert shape["headers"] == {"content-type": "application/json", "content-length": "50"}
    assert {"access_token": "str", "user": {"age": "int"}} == shape["body_shape"] == headers["body_shape"]
    assert "alice" in str(headers)
    assert "alice" not in str(shape)
    assert "sid=[secure]; HttpOnly, b=[secure]; Secure" in str(full["headers"])
    assert '"age": 41' in str(full["body"])
    assert "/next?token=[secure]&page=2" in str(full["headers"])


def test_json_too_deep_is_not_json(serve: Callable[[Handler], Server]) -> None:
    """A body of brackets without end is no JSON, not a crash."""
    body = b"[" * 100_000
    answer = client(serve(answering(HEAD + b"Content-Length: 100000\r\n\r\n" + body))).get("/")
    with pytest.raises(ValueError, match="deep"):
        answer.json()
    answer.observed()


def test_a_certificate_that_is_not_trusted_is_told(serve: Callable[[Handler], Server]) -> None:
    """A handshake that fails names TLS, whatever the reason."""

    def handler(connection: socket.socket, _server: Server) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with contextlib.suppress(ssl.SSLError):
            context.wrap_socket(connection, server_side=True).close()

    server = serve(handler)
    with pytest.raises(RequestFailed) as caught:
        client(server).get(server.url.replace("http:", "https:"), timeout_s=2.0)
    assert caught.value.kind == "tls"

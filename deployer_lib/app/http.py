"""The one seam through which requests leave: guarded, bounded in time and size, never a traceback.

``Http.request`` answers with an :class:`Answer` or raises :class:`~deployer_lib.errors.RequestFailed` (the target's
fault, a finding) or :class:`~deployer_lib.errors.NotAllowed` (the guard's refusal). A 4xx or 5xx is an answer.
"""

from __future__ import annotations

import json as jsonlib
import ssl
import time
import zlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

import httpcore
import httpx

from deployer_lib.app.answer import Answer, EvidenceLevel
from deployer_lib.app.wire import Progress, Transport
from deployer_lib.errors import RequestFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from deployer_lib.check import JSONValue
    from deployer_lib.guard import Guard

__all__ = ["Answer", "EvidenceLevel", "Http"]

_MAX_WIRE_BYTES: Final = 8_000_000  # of one body as it comes over the wire
_MAX_BODY_BYTES: Final = 8_000_000  # of one body, decompressed
_MAX_REDIRECTS: Final = 5
_BEGINNING: Final = b"HTTP/"
_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_METHOD_OVERRIDES: Final = ("x-http-method-override", "x-http-method", "x-method-override")
#: Headers that say who asks: a redirect to another origin goes without them.
_PERSONAL_HEADERS: Final = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    left_s: float  # seconds that are left for it on the wire; waiting for the guard does not count
    progress: Progress = field(default_factory=Progress)

    @property
    def where(self) -> str:
        """Return ``GET /path at host:port``; a query may hold a secret."""
        parts = urlsplit(self.url)
        return f"{self.method} {parts.path or '/'} at {parts.netloc.rpartition('@')[2]}"


class Http:
    """A guarded client for one target; relative paths go to its base URL. Threads may share it."""

    def __init__(
        self,
        guard: Guard,
        base_url: str,
        *,
        run: str,
        level: EvidenceLevel = "full",
        verify: bool | str = True,
    ) -> None:
        self._guard = guard
        self.base_url = base_url.rstrip("/")
        self.level: EvidenceLevel = level
        self.identity = {"user-agent": f"Deployer/0.1 (run {run})", "x-deployer-run": run}  # of every request
        self._transport = Transport(_context(verify), guard.permit_address)
        self._client = httpx.Client(transport=self._transport, trust_env=False, follow_redirects=False)

    def close(self) -> None:
        """End this client; each connection was closed with its request."""
        self._client.close()

    def get(self, path: str, **options: object) -> Answer:
        """Send a GET request; options as in :meth:`request`."""
        return self.request("GET", path, **options)  # type: ignore[arg-type]  # passed on by name

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: JSONValue = None,
        content: bytes | None = None,
        timeout_s: float = 10.0,
        follow: bool = False,
    ) -> Answer:
        """Send one request and return its whole answer.

        Args:
            method: HTTP method.
            path: path with query below the base URL, or a whole URL.
            headers: request headers, besides User-Agent and X-Deployer-Run.
            json: body, sent as JSON; None sends none.
            content: body as bytes, instead of ``json``.
            timeout_s: limit in seconds for the whole answer, redirects included; time that the guard makes a request
                wait is not counted.
            follow: whether redirects are followed, at most five, each through the guard.

        Raises:
            RequestFailed: refused, reset, timeout, name, tls, protocol, too-large, bomb, redirects.
            NotAllowed: by the guard.
        """
        own = {**self.identity, "accept-encoding": "gzip"}
        body = jsonlib.dumps(json).encode() if json is not None else content
        if json is not None:
            own["content-type"] = "application/json"
        url = path if "://" in path else self.base_url + path
        given = {name.lower(): value for name, value in (headers or {}).items()}
        request = _Request(method, url, {**own, **given}, body, timeout_s)
        for _ in range(_MAX_REDIRECTS + 1):
            started = time.monotonic()
            answer, waited_s = self._once(request)
            location = answer.headers.get("location")
            if not follow or not location or answer.status not in _MOVED:
                return answer
            left_s = request.left_s - (time.monotonic() - started - waited_s)
            request = _redirected(request, answer.status, location, left_s)
        raise RequestFailed(f"{request.where}: more than {_MAX_REDIRECTS} redirects.", kind="redirects")

    def _once(self, request: _Request) -> tuple[Answer, float]:
        """Send a request once; return its answer and the seconds that the guard made it wait."""
        url = _parsed(request)
        asked = time.monotonic()
        self._guard.permit(_effective_method(request), url.scheme, url.host, url.port)
        started = time.monotonic()
        progress = self._transport.begin(request.left_s)
        request = replace(request, progress=progress)
        try:
            with self._client.stream(
                request.method, url, headers=request.headers, content=request.body
            ) as response:
                data = b"".join(_bounded(response, request))
        except (
            httpx.HTTPError,
            httpx.InvalidURL,
            httpx.StreamError,
            httpcore.ProtocolError,
            httpcore.NetworkError,
            httpcore.TimeoutException,
            httpcore.UnsupportedProtocol,
            OSError,
            ValueError,
            zlib.error,
        ) as error:
            raise _explained(error, request) from error
        elapsed_ms = (time.monotonic() - (progress.sent_at or started)) * 1e3
        answer = Answer(
            request.method,
            request.url,
            response.status_code,
            response.headers,
            data,
            elapsed_ms,
            self.level,
        )
        return answer, started - asked


def _context(verify: bool | str) -> ssl.SSLContext:  # noqa: FBT001  (as httpx takes it)
    """Return what is trusted: the system's and certifi's roots, a file of roots, or (False) anything."""
    if isinstance(verify, str):
        return ssl.create_default_context(cafile=verify)
    return httpx.create_ssl_context(verify=verify, trust_env=False)


def _parsed(request: _Request) -> httpx.URL:
    """Parse once, by the parser whose reading is connected to, so that the guard judges the same host."""
    try:
        url = httpx.URL(request.url)
    except (httpx.InvalidURL, ValueError) as error:
        raise RequestFailed(f"{request.method}: not a valid URL: {error}.", kind="protocol") from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise RequestFailed(
            f"{request.method} leads to {url.scheme or 'no scheme'}:, which is not HTTP.", kind="redirects"
        )
    return url


def _effective_method(request: _Request) -> str:
    """Return the method that the application will act on."""
    for name in _METHOD_OVERRIDES:
        if name in request.headers:
            return request.headers[name]
    return request.method


def _redirected(request: _Request, status: int, location: str, left_s: float) -> _Request:
    try:
        url = urljoin(request.url, location)
        same = _origin(url) == _origin(request.url)
    except ValueError as error:
        raise RequestFailed(
            f"{request.where}: redirects to something that is no URL: {error}.", kind="redirects"
        ) from error
    headers = {k: v for k, v in request.headers.items() if same or k not in _PERSONAL_HEADERS}
    method, body = request.method, request.body
    if status == httpx.codes.SEE_OTHER or (status in {301, 302} and method == "POST"):
        method, body = ("HEAD" if method == "HEAD" else "GET"), None
        headers.pop("content-type", None)
    if left_s <= 0:
        raise RequestFailed(f"{request.where}: redirects took all of the time.", kind="timeout")
    return _Request(method, url, headers, body, left_s)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _bounded(response: httpx.Response, request: _Request) -> Iterator[bytes]:
    """Yield the body, decompressed; stop where it is larger, on the wire or unpacked, than any sane answer."""
    encoding = response.headers.get("content-encoding", "").strip().lower()
    unpack = _Unpack() if encoding in {"gzip", "x-gzip", "deflate"} else None
    wire = 0
    for chunk in response.iter_raw():
        wire += len(chunk)
        if wire > _MAX_WIRE_BYTES:
            raise RequestFailed(
                f"{request.where}: more than {_MAX_WIRE_BYTES:,} bytes of body; the rest was not read.",
                kind="too-large",
            )
        if request.progress.left_s <= 0:
            raise RequestFailed(
                f"{request.where}: the body did not end in time; {wire:,} bytes came.", kind="timeout"
            )
        data = unpack.feed(chunk) if unpack else chunk
        if unpack and unpack.size > _MAX_BODY_BYTES:
            raise RequestFailed(
                f"{request.where}: {wire:,} compressed bytes unpack to more than {_MAX_BODY_BYTES:,}.",
                kind="bomb",
            )
        yield data
    if unpack and wire and not unpack.whole:
        raise RequestFailed(f"{request.where}: the {encoding} body ends in its middle.", kind="reset")


class _Unpack:
    """Decompress gzip (of several members, as the format allows) and deflate, never more than the limit."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(wbits=47)
        self.size = 0  # bytes unpacked so far

    @property
    def whole(self) -> bool:
        """Tell whether the data ended where the format says that it ends."""
        return self._inflate.eof

    def feed(self, chunk: bytes) -> bytes:
        """Return what a piece unpacks to, at most one byte more than the limit."""
        pieces = []
        while chunk and self.size <= _MAX_BODY_BYTES:
            if self._inflate.eof:
                self._inflate = zlib.decompressobj(wbits=47)
            data = self._inflate.decompress(chunk, _MAX_BODY_BYTES + 1 - self.size)
            self.size += len(data)
            pieces.append(data)
            chunk = self._inflate.unused_data if self._inflate.eof else b""
        return b"".join(pieces)


def _explained(error: Exception, request: _Request) -> RequestFailed:
    """Say in one sentence what went wrong, and of which kind it is."""
    text = f"{error}".strip() or type(error).__name__
    low = text.lower()
    progress = request.progress
    if progress.first and not (
        progress.first.startswith(_BEGINNING) or _BEGINNING.startswith(progress.first)
    ):
        return RequestFailed(
            f"{request.where}: not an HTTP answer; it begins with {progress.first!r}.", kind="protocol"
        )
    if isinstance(error, (httpcore.TimeoutException, TimeoutError)) or progress.left_s <= 0:
        return RequestFailed(
            f"{request.where}: {_how_far(request)} within {request.left_s:.3g} s.", kind="timeout"
        )
    if isinstance(error, httpcore.ConnectError):
        return _explained_connection(low, text, request)
    if isinstance(error, (httpcore.NetworkError, OSError)) or "disconnected" in low or "peer closed" in low:
        return RequestFailed(
            f"{request.where}: the connection was cut before the answer was whole ({_how_far(request)}).",
            kind="reset",
        )
    return RequestFailed(f"{request.where}: not a valid HTTP answer: {text}.", kind="protocol")


def _explained_connection(low: str, text: str, request: _Request) -> RequestFailed:
    if low.startswith("ssl:"):
        return RequestFailed(f"{request.where}: TLS failed: {text[4:].strip()}.", kind="tls")
    if low.startswith("name resolution"):
        return RequestFailed(f"{request.where}: the name does not resolve.", kind="name")
    if "refused" in low:
        return RequestFailed(f"{request.where}: connection refused; nothing listens there.", kind="refused")
    return RequestFailed(f"{request.where}: no connection: {text}.", kind="refused")


def _how_far(request: _Request) -> str:
    progress = request.progress
    if progress.connected and progress.sent_at is None:
        return "connected, but the TLS handshake did not end"
    if not progress.connected:
        return "no connection came about"
    if not progress.received:
        return "connected, but no byte of an answer came"
    return f"{progress.received:,} bytes of an answer came, which is not the whole"

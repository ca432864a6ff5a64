"""Connections as the kernel uses them: a non-blocking socket, plain or under TLS, with what is under way on it.

``receive`` and ``transmit`` are what the loop calls for every request: the socket's own methods. Under TLS one call reads one
record and leaves the rest to the system, so that epoll tells of it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import ssl
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from deployer_lib.errors import UsageError
from deployer_lib.load.columns import ERRORS
from deployer_lib.load.shapes import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from deployer_lib.load.answers import Reader

__all__ = [
    "CONNECTING",
    "HANDSHAKING",
    "NOT_NOW",
    "READY",
    "TLS",
    "Address",
    "Connection",
    "Tls",
    "kind_of",
    "tls_words",
]

READY: Final = 0
CONNECTING: Final = 1
HANDSHAKING: Final = 2
#: The error of a connection that could not be secured.
TLS: Final = ERRORS.index("tls")

_KIND_OF_ERRNO: Final = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.ECONNABORTED: "reset",
    errno.EPIPE: "reset",
    errno.ETIMEDOUT: "timeout",
    errno.EMFILE: "no descriptors",
    errno.ENFILE: "no descriptors",
    errno.ENOBUFS: "no descriptors",
    errno.ENOMEM: "no descriptors",
    errno.EADDRNOTAVAIL: "no descriptors",  # every port of this machine to that address is in use
}
_AUTHORITY: Final = "the authority that signed its certificate is not trusted, or an intermediate certificate is missing ({said})"
_ANOTHER_NAME: Final = "its certificate is for another name ({said})"
#: What OpenSSL's verification codes mean (x509_vfy.h).
_UNTRUSTED: Final = {
    2: _AUTHORITY,
    9: "its certificate is not valid yet",
    10: "its certificate has expired",
    18: "its certificate is signed by itself and is not trusted ({said})",
    19: _AUTHORITY,
    20: _AUTHORITY,
    21: _AUTHORITY,
    62: _ANOTHER_NAME,
    63: _ANOTHER_NAME,
    64: _ANOTHER_NAME,
}
_NO_TLS: Final = "it does not speak TLS at this port"
_VERSION: Final = "it offers no version of TLS from 1.2 on"
#: What OpenSSL's reasons mean where no certificate was looked at.
_REFUSED: Final = {
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "HTTP_REQUEST": _NO_TLS,
    "RECORD_LAYER_FAILURE": _NO_TLS,
    "UNSUPPORTED_PROTOCOL": _VERSION,
    "TLSV1_ALERT_PROTOCOL_VERSION": _VERSION,
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "it refused the TLS handshake: no cipher in common, or it asks for a client certificate",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "it asks for a client certificate",
    "TLSV1_UNRECOGNIZED_NAME": "it has no certificate for this name",
}
_IN_PROGRESS: Final = (0, errno.EINPROGRESS, errno.EWOULDBLOCK)
#: What sockets raise, plain and under TLS, where there is nothing to read or no room to send.
NOT_NOW: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


@dataclass(frozen=True, slots=True)
class Address:
    """Where connections go: what getaddrinfo said."""

    family: int
    sockaddr: tuple[str, int] | tuple[str, int, int, int]


@dataclass(frozen=True, slots=True)
class Tls:
    """How a connection is secured and whom it trusts."""

    server_name: str
    ca: Path | None = None  # certificates that are trusted besides no others; None: the system's
    insecure: bool = False  # trust anybody
    pem: str | None = None  # the certificates themselves, where their file is another machine's

    def carried(self) -> Tls:
        """Return the same for other machines, which do not have the file.

        Raises:
            UsageError: the file of certificates cannot be read.
        """
        self.context()
        if self.ca is None:
            return self
        return replace(self, ca=None, pem=self.ca.read_text(encoding="ascii", errors="ignore"))

    def context(self) -> ssl.SSLContext:
        """Return what connections are made with.

        Raises:
            UsageError: the file of certificates cannot be read.
        """
        try:
            made = ssl.create_default_context(
                cafile=None if self.ca is None else str(self.ca), cadata=self.pem
            )
        except (OSError, ssl.SSLError) as error:
            raise UsageError(
                f"{self.ca} holds no certificates that can be read: {error}.",
                hint="Give a file of certificates in PEM.",
            ) from error
        if self.insecure:
            made.check_hostname = False
            made.verify_mode = ssl.CERT_NONE
        made.set_alpn_protocols(["http/1.1"])
        return made


class Connection:
    """One connection, and the request that is under way on it."""

    __slots__ = (
        "_context",
        "_server_name",
        "fd",
        "first_ns",
        "intended_ns",
        "number",
        "opened_ns",
        "reader",
        "receive",
        "request",
        "rest",
        "seen_ns",
        "sent_ns",
        "shape",
        "sock",
        "spec",
        "state",
        "transmit",
        "waited",
        "wants_write",
    )

    def __init__(
        self, sock: socket.socket, context: ssl.SSLContext | None, server_name: str, now_ns: int
    ) -> None:
        self.sock = sock
        self.fd = sock.fileno()
        self.state = CONNECTING
        self.number = -1  # of the connection, once it is open
        self.opened_ns = now_ns  # when it was begun
        self.request = -1  # number of the request under way; -1: none
        self.spec = self.waited = 0
        self.intended_ns = self.seen_ns = self.sent_ns = self.first_ns = 0
        self.shape = UNKNOWN  # what the answer is expected to be like
        self.reader: Reader | None = None  # of an answer that did not come at once, or not as expected
        self.rest = b""  # bytes that the socket did not take yet
        self.wants_write = True
        self._context, self._server_name = context, server_name
        self.receive: Callable[[int], bytes] = sock.recv
        self.transmit: Callable[[bytes], int] = sock.send

    @classmethod
    def begin(
        cls, address: Address, context: ssl.SSLContext | None, server_name: str, now_ns: int
    ) -> Connection:
        """Begin to connect.

        Raises:
            OSError: it failed at once.
        """
        sock = socket.socket(address.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _raise(sock.connect_ex(address.sockaddr))
            return cls(sock, context, server_name, now_ns)
        except BaseException:
            sock.close()
            raise

    def connected(self) -> None:
        """Take the end of connecting.

        Raises:
            OSError: it failed.
        """
        _raise(self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    def handshake(self) -> bool:
        """Go on with TLS, where there is to be any; tell whether the connection stands.

        Raises:
            ssl.SSLError: it failed, or the certificate is not trusted.
            OSError: the connection did.
        """
        if self._context is None:
            return True
        if not isinstance(self.sock, ssl.SSLSocket):
            self.sock = self._context.wrap_socket(
                self.sock, server_hostname=self._server_name, do_handshake_on_connect=False
            )
            self.receive, self.transmit = self.sock.recv, self.sock.send
        try:
            self.sock.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def forget(self) -> None:
        """Let go of its methods, which would keep it alive; its socket is closed by whoever took it."""
        del self.receive, self.transmit

    def flush(self) -> bool:
        """Hand over what the socket did not take before; tell whether that was all.

        Raises:
            OSError: the connection failed.
        """
        with contextlib.suppress(*NOT_NOW):
            while self.rest:
                self.rest = self.rest[self.transmit(self.rest) :]
        return not self.rest


def _raise(number: int) -> None:
    """Raise the error that a system call answered, where it is one."""
    if number not in _IN_PROGRESS:
        raise OSError(number, os.strerror(number))


def kind_of(error: OSError, *, handshaking: bool = False) -> int:
    """Return an error's kind, as its place in ERRORS.

    Args:
        error: what a socket raised.
        handshaking: whether it came before the connection was secured.
    """
    if handshaking:
        return TLS
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return ERRORS.index("closed")
    if isinstance(error, ssl.SSLError):
        return TLS
    return ERRORS.index(_KIND_OF_ERRNO.get(error.errno or 0, "other"))


def tls_words(error: OSError) -> str:
    """Return why a connection was not secured, as a sentence part about the target."""
    if isinstance(error, ssl.SSLCertVerificationError):
        said = error.verify_message.rstrip(".")
        return _UNTRUSTED.get(error.verify_code, f"its certificate is not trusted ({said})").format(said=said)
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        reason = error.reason or ""
        return _REFUSED.get(reason, f"TLS failed ({reason or error})")
    return "it ended the connection during the TLS handshake"

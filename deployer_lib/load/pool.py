"""The connections of one loop: which there are, which are free, and which are going."""

from __future__ import annotations

import select
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from deployer_lib.errors import Unavailable
from deployer_lib.load.connection import HANDSHAKING, READY, TLS, Address, Connection, Tls, kind_of, tls_words

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Iterator

__all__ = ["IN", "OUT", "Pool"]

#: EPOLLIN, EPOLLOUT and EPOLLET; the select module has them only where there is epoll.
IN: Final = 1
OUT: Final = 4
_EDGE: Final = 1 << 31
#: Connections that are being opened: more at a time would overflow a listen queue of 128, and wait a second.
_OPENING: Final = 100


class Pool:
    """Connections to one address, registered with one epoll."""

    def __init__(self, address: Address, tls: Tls | None, most: int) -> None:
        """Prepare it; nothing is opened yet.

        Raises:
            Unavailable: this system has no epoll.
            UsageError: the certificates cannot be read.
        """
        if not hasattr(select, "epoll"):
            raise Unavailable("The load engine needs Linux's epoll.", hint="Run it on Linux.")
        self._address = address
        self._name = tls.server_name if tls else ""
        self._context: ssl.SSLContext | None = tls.context() if tls else None
        self._most = most
        self._gone: list[socket.socket] = []
        self.conns: dict[int, Connection] = {}  # by descriptor
        self.idle: list[Connection] = []  # the last one freed is used first: few are kept busy
        self.opening = 0
        self.opened = 0
        self.tls_error = ""  # why the first connection was not secured

    @contextmanager
    def open(self, timer_fd: int, control_fd: int) -> Iterator[None]:
        """Open the epoll, with the descriptors that are no connections (a negative one is none); close all at the end."""
        self.epoll = select.epoll()
        try:
            self.epoll.register(timer_fd, IN | _EDGE)  # edge-triggered: it need not be read
            if control_fd >= 0:
                self.epoll.register(control_fd, IN)
            yield
        finally:
            for conn in self.conns.values():
                conn.sock.close()
                conn.forget()
            self.conns.clear()
            self.bury()
            self.epoll.close()

    def wants(self, waiting: int) -> bool:
        """Tell whether so many waiting requests are reason to open one more, and there may be."""
        return self.opening < waiting and self.opening < _OPENING and len(self.conns) < self._most

    def begin(self, now_ns: int) -> None:
        """Begin to open a connection.

        Raises:
            OSError: it failed at once.
        """
        conn = Connection.begin(self._address, self._context, self._name, now_ns)
        self.conns[conn.fd] = conn
        self.opening += 1
        self.epoll.register(conn.fd, IN | OUT)

    def opened_one(self, conn: Connection) -> None:
        """Take a connection as open."""
        self.opening -= 1
        conn.state = READY
        conn.number = self.opened
        self.opened += 1
        self.watch(conn, write=False)

    def watch(self, conn: Connection, *, write: bool) -> None:
        """Wait for a connection's answers and, where ``write``, for room to send."""
        if conn.wants_write != write:
            conn.wants_write = write
            self.epoll.modify(conn.fd, IN | OUT if write else IN)

    def kind_of(self, error: OSError, *, handshaking: bool = False) -> int:
        """Return what an error of a connection counts as, its place in ERRORS; why TLS fails is kept."""
        kind = kind_of(error, handshaking=handshaking)
        if kind == TLS:
            self.tls_error = self.tls_error or tls_words(error)
        return kind

    def lose(self, conn: Connection, error: OSError) -> int:
        """Let go of a connection that could not be opened, and return what that counts as."""
        kind = self.kind_of(error, handshaking=conn.state == HANDSHAKING)
        self.drop(conn)
        return kind

    def drop(self, conn: Connection) -> None:
        """Let go of a connection. It is closed by :meth:`bury`: until then no other gets its descriptor."""
        del self.conns[conn.fd]
        if conn.state != READY:
            self.opening -= 1
            if conn.state == HANDSHAKING:
                self.tls_error = self.tls_error or "the TLS handshake did not end in time"
        elif conn.request < 0:
            self.idle.remove(conn)
        self._gone.append(conn.sock)
        conn.forget()

    def bury(self) -> None:
        """Close what was let go of; only when no event of the last poll is left."""
        if self._gone:
            for sock in self._gone:
                sock.close()
            self._gone.clear()

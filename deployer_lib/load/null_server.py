"""A server that does nothing but answer: what it is measured with, no target can be much below.

It is run as a program of its own, by its path: it imports nothing of this library, so it is up within some hundredths of a second.
It prints its port, and ends when its standard input does: with its parent, whatever becomes of that.
"""

from __future__ import annotations

import os
import select
import socket
import sys

__all__ = ["serve"]

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_END = b"\r\n\r\n"
_PIECE = 65536


def serve() -> None:
    """Answer requests without a body on a port of 127.0.0.1, until standard input ends."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=128)
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    poll, held = select.epoll(), dict[int, socket.socket]()
    for watched in (listening.fileno(), sys.stdin.fileno()):
        poll.register(watched, select.EPOLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if sock := held.get(descriptor):
                if not _answered(sock):
                    held.pop(descriptor).close()  # which takes it out of the poll
            elif descriptor == listening.fileno():
                sock, _ = listening.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                held[sock.fileno()] = sock
                poll.register(sock, select.EPOLLIN)
            elif not os.read(descriptor, _PIECE):
                return


def _answered(sock: socket.socket) -> bool:
    """Answer what came, and tell whether the connection goes on."""
    try:
        came = sock.recv(_PIECE)
        sock.sendall(_ANSWER * came.count(_END))
    except OSError:
        return False
    return bool(came)


if __name__ == "__main__":
    serve()

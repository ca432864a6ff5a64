"""Keep secrets out of everything that a kernel sends, prints or logs.

:func:`install` puts a :class:`~deployer_lib.redaction.Redactor` at the one door through which a kernel's messages
leave, ``get_ipython().kernel.session.send``: outputs, replies, comms. :class:`TokenFile` carries tokens captured while
a run goes on to its later kernels and to the scan before sealing.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from deployer_lib.redaction import Redactor, StreamRedactor

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TokenFile", "install", "uninstall"]

_MARK: Final = "_deployer_redaction"
_LOUD_LOGGERS: Final = ("httpx", "httpcore")  # their INFO and DEBUG lines print whole URLs
_ARGUMENTS: Final = (
    "content",
    "parent",
    "ident",
    "buffers",
    "track",
    "header",
    "metadata",
)  # of Session.send
_LATE_PARENTS: Final = 1000  # finished cells whose subprocesses may still print


def install(session: Any, redactor: Redactor) -> None:  # noqa: ANN401  (a jupyter_client Session, which is untyped)
    """Redact every message of this kernel from now on; a second call only changes the redactor.

    Args:
        session: ``get_ipython().kernel.session``.
        redactor: secrets added to it later are redacted as well.
    """
    installed = getattr(session, _MARK, None)
    if installed is not None:
        installed.redactor = redactor
        return
    door = _Door(session.send, redactor)
    setattr(session, _MARK, door)
    session.send = door.send
    for descriptor, stream in ((1, sys.stdout), (2, sys.stderr)):
        _mute(stream, descriptor)
    for name in _LOUD_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)


def uninstall(session: Any) -> None:  # noqa: ANN401  (a jupyter_client Session, which is untyped)
    """Send messages as they are again; the terminal's copy stays muted."""
    if getattr(session, _MARK, None) is not None:
        delattr(session, _MARK)
        del session.send  # the instance's attribute; the class's method shows again


def _mute(stream: object, descriptor: int) -> None:
    """Put /dev/null over the original stdout or stderr, which ipykernel copies all output to, and subprocesses get.

    Where ipykernel does not watch the descriptor (under pytest), the descriptor itself still is the original.
    """
    if not hasattr(stream, "pub_thread"):
        return  # no kernel's stream
    copy = getattr(stream, "_original_stdstream_copy", None)
    with Path(os.devnull).open("wb") as null:
        os.dup2(null.fileno(), copy if isinstance(copy, int) else descriptor)


class _Door:
    """Stand in for ``Session.send``: redact content, metadata and buffers, and hold open ends of streams back."""

    def __init__(self, send: Callable[..., Any], redactor: Redactor) -> None:
        self._send = send
        self.redactor = redactor
        self._streams: dict[tuple[str, str], _Stream] = {}  # (parent's id, stream's name)
        self._idle: deque[str] = deque(maxlen=_LATE_PARENTS)
        self._lock = threading.RLock()  # streams are sent by the io thread, the rest by the main thread

    def send(
        self, stream: object, msg_or_type: str | dict[str, Any], *args: object, **named: object
    ) -> object:
        """Redact and send a message, with the arguments of ``Session.send``; a stream's text may be held back."""
        options: dict[str, Any] = dict(zip(_ARGUMENTS, args, strict=False)) | named
        message = None
        kind = msg_or_type
        if not isinstance(msg_or_type, str):
            message = dict(msg_or_type)
            kind = str(message.get("msg_type") or message.get("header", {}).get("msg_type", ""))
            options = {**options, **{key: message.get(key) for key in ("content", "metadata")}}
            options["parent"] = message.get("parent_header")
            options["buffers"] = options.get("buffers") or message.get("buffers")
        with self._lock:
            if kind == "stream":
                options["content"] = self._stream_content(stream, options)
                if not options["content"]["text"]:
                    return None
            elif kind == "status" and (options.get("content") or {}).get("execution_state") == "idle":
                self._release(_parent_id(options.get("parent")))
            for key in ("content", "metadata", "buffers"):
                if options.get(key) is not None and (key, kind) != ("content", "stream"):
                    options[key] = self.redactor.redact(options[key], str(kind))
            if message is None:
                return self._send(stream, msg_or_type, **options)
            message |= {key: options[key] for key in ("content", "metadata")}
            rest = {key: options.get(key) for key in ("ident", "buffers")}
            return self._send(stream, message, **rest)

    def _stream_content(self, socket: object, options: dict[str, Any]) -> dict[str, Any]:
        content, parent = options["content"], options.get("parent")
        key = (_parent_id(parent), str(content["name"]))
        known = self._streams.get(key)
        text = str(content["text"])
        if known is None or known.text.of is not self.redactor:
            text = (known.text.flush() if known else "") + text
            known = _Stream(StreamRedactor(self.redactor, key[1]), socket, parent, options.get("ident"))
            self._streams[key] = known
        return {**content, "text": known.text.feed(text)}

    def _release(self, parent: str) -> None:
        """Send what streams of a cell that ends, or ended before, still hold back."""
        self._idle.append(parent)
        for key in [key for key in self._streams if key[0] in self._idle]:
            ended = self._streams.pop(key)
            if text := ended.text.flush():
                content = {"name": key[1], "text": text}
                self._send(ended.socket, "stream", content, parent=ended.parent, ident=ended.ident)


@dataclass(frozen=True, slots=True)
class _Stream:
    """What is known of one cell's stdout or stderr while it is open."""

    text: StreamRedactor
    socket: object
    parent: dict[str, Any] | None
    ident: object


def _parent_id(parent: dict[str, Any] | None) -> str:
    header = (parent or {}).get("header", parent) or {}
    return str(header.get("msg_id", ""))


class TokenFile:
    """Hand tokens captured at run time to later kernels and to the scan: a 0600 file in the runtime folder.

    Appends of several processes don't mix: each token is one write of one line.
    """

    NAME: Final = "tokens.jsonl"

    def __init__(self, folder: Path) -> None:
        self._path = folder / self.NAME

    def append(self, value: str, name: str) -> None:
        """Keep a token under a name that the log may show."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        descriptor = os.open(self._path, flags, 0o600)
        try:
            os.write(descriptor, (json.dumps({"name": name, "value": value}) + "\n").encode())
        finally:
            os.close(descriptor)

    def load(self) -> list[tuple[str, str]]:
        """Return ``(name, value)`` of each token so far; a torn last line is left out."""
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines(keepends=True)
        except FileNotFoundError:
            return []
        entries = [json.loads(line) for line in lines if line.endswith("\n")]
        return [(str(entry["name"]), str(entry["value"])) for entry in entries]

    def remove(self) -> None:
        """Remove the file at the end of the run."""
        self._path.unlink(missing_ok=True)

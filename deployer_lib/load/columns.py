"""The columns of a load test: one row a request, kept raw, in order of the time at which it was due.

The kernel packs each row into memory that it has beforehand (:class:`Rows`): no object is kept for a request, so a million
of them take 62 MB. :class:`Columns` is what everything else reads.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from deployer_lib.load.surroundings import Surroundings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from deployer_lib.load.skew import Share

__all__ = ["ERRORS", "ROW", "THROTTLED", "Columns", "Rows"]

#: The status by which a target says that it is asked too much; that is no failure.
THROTTLED: Final = 429

#: Kinds of errors; a row's error is the place in here.
ERRORS: Final = (
    "",
    "refused",  # no connection was accepted
    "reset",  # the connection was torn down
    "timeout",  # it took longer than the limit: true time unknown, longer than measured
    "stopped",  # the test ended first: the same
    "closed",  # the target ended the connection before its answer was whole
    "protocol",  # what came is not an answer of HTTP/1.1
    "tls",  # no TLS, or a certificate that is not trusted
    "unexpected status",
    "unexpected body",
    "no descriptors",  # this machine's own limit: file descriptors, ports, memory for sockets
    "other",
)

#: One row as it is packed, little-endian and unpadded.
ROW: Final = np.dtype(
    [
        ("intended_ns", "<i8"),
        ("seen_ns", "<i8"),
        ("sent_ns", "<i8"),
        ("first_byte_ns", "<i8"),
        ("done_ns", "<i8"),
        ("size_bytes", "<i8"),
        ("connection", "<i4"),
        ("number", "<u4"),
        ("status", "<i2"),
        ("spec", "<i2"),
        ("error", "i1"),
        ("waited", "i1"),
    ]
)
#: The columns, in order, with their types.
_TYPES: Final = {
    "intended_ns": "i8",
    "seen_ns": "i8",
    "sent_ns": "i8",
    "first_byte_ns": "i8",
    "done_ns": "i8",
    "status": "i2",
    "size_bytes": "i8",
    "connection": "i4",
    "stage": "i2",
    "spec": "i2",
    "error": "i1",
    "waited": "?",
}
_PACKED: Final = Struct("<qqqqqqiIhhbb")
_CHUNK_ROWS: Final = 1 << 15

Int64 = npt.NDArray[np.int64]


class Rows:
    """Rows as the kernel packs them, in chunks of memory, in the order in which requests ended.

    The loop packs its usual rows itself, as :meth:`keep` does; a call with fourteen arguments would cost as much again.
    """

    __slots__ = ("_chunks", "at", "bad", "buffer", "ended", "full")

    pack = staticmethod(_PACKED.pack_into)
    SIZE: Final = _PACKED.size

    def __init__(self) -> None:
        self.full: Final = _CHUNK_ROWS * _PACKED.size
        self.buffer = bytearray(self.full)
        self.at = 0  # where the next row goes
        self.ended = 0  # rows so far
        self.bad = 0  # of these, with an error; 429 is none
        self._chunks: list[bytearray] = []

    def grow(self) -> None:
        """Begin the next chunk of memory; to be called once ``at`` is ``full``."""
        self._chunks.append(self.buffer)
        self.buffer = bytearray(self.full)
        self.at = 0

    def keep(self, *row: int) -> None:
        """Pack one row of :data:`ROW`."""
        self.pack(self.buffer, self.at, *row)
        self.at += self.SIZE
        if self.at == self.full:
            self.grow()
        self.ended += 1
        *_, status, _, error, _ = row
        if error and status != THROTTLED:
            self.bad += 1

    def parts(self) -> list[npt.NDArray[Any]]:
        """Return the rows as structured arrays of :data:`ROW`, one a chunk, without a copy."""
        last = np.frombuffer(self.buffer, ROW, self.at // _PACKED.size)
        return [*(np.frombuffer(chunk, ROW) for chunk in self._chunks), last]


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """What was measured: arrays of one length, in order of intended time, and what is known of the whole.

    Times are nanoseconds of one monotonic clock, that of ``time.monotonic_ns``; 0: never.
    """

    intended_ns: Int64  # when it was due
    seen_ns: Int64  # when the generator noticed that: what it is late by is its own fault
    sent_ns: Int64  # when its first byte was handed to the system
    first_byte_ns: Int64  # when the generator was woken by the answer's first byte
    done_ns: Int64  # when the answer's last byte was read, or when it was given up
    status: npt.NDArray[np.int16]  # 0: no whole answer
    size_bytes: Int64  # of the body as far as it came, without its framing
    connection: npt.NDArray[np.int32]  # number of the connection it was sent on; -1: on none
    stage: npt.NDArray[np.int16]  # of the plan
    spec: npt.NDArray[np.int16]  # which request of the mix
    error: npt.NDArray[np.int8]  # place in ERRORS
    waited: npt.NDArray[np.bool_]  # no connection was free when it was due
    planned: int = 0  # requests that were to be sent; of a closed loop without a number, those that were
    unsent: int = 0  # of these, never due before the test ended: planned = rows + unsent
    connections: int = 0  # at most so many at a time
    client_cpu_ns: int = 0  # processor time of the generator's processes meanwhile
    duration_ns: int = 0  # from the start to the end of the last request
    stopped: str = ""  # why it ended before the plan did: interrupted, errors, ceiling, …
    workers: int = 1  # processes
    opened: int = 0  # connections that were opened
    start_ns: int = 0  # the plan's first instant, by the same clock
    started_unix_ns: int = 0  # the same by the wall clock, since 1970
    spun_ns: int = 0  # part of client_cpu_ns spent waiting for due times without sleep
    surroundings: Surroundings | None = None  # what happened beside the generator meanwhile
    shares: tuple[Share, ...] = ()  # what each worker of a cluster did; empty: none took part
    tls_error: str = ""  # why a connection was not secured, as a sentence part; empty: none failed so

    def __len__(self) -> int:
        return len(self.intended_ns)

    @classmethod
    def of(cls, parts: Sequence[npt.NDArray[Any]], stage: npt.NDArray[np.int16], **scalars: Any) -> Columns:  # noqa: ANN401
        """Return the columns of rows, put in order of intended time.

        Args:
            parts: structured arrays of :data:`ROW`.
            stage: the plan's stage of each request number; empty: all of stage 0.
            scalars: what is known of the whole, by field.
        """
        order = np.argsort(_joined(parts, "intended_ns", "i8"), kind="stable")
        made: dict[str, Any] = {}
        for name, dtype in _TYPES.items():
            if name == "stage":
                number = _joined(parts, "number", "u4")[order]
                made[name] = stage[number] if len(stage) else np.zeros(len(order), np.int16)
            else:
                made[name] = _joined(parts, name, dtype)[order]
            made[name].setflags(write=False)
        return cls(**made, **scalars)

    def picked(self, rows: npt.NDArray[np.bool_]) -> Columns:
        """Return these rows alone; what is known of the whole stays."""
        return replace(self, **{name: getattr(self, name)[rows] for name in _TYPES})

    @classmethod
    def merged(cls, parts: Sequence[Columns]) -> Columns:
        """Return the columns of several processes as one; numbers of connections stay unique.

        Raises:
            ValueError: there are no parts.
        """
        if not parts:
            raise ValueError("no columns to merge")
        order = np.argsort(np.concatenate([part.intended_ns for part in parts]), kind="stable")
        made: dict[str, Any] = {}
        for name in _TYPES:
            values = [getattr(part, name) for part in parts]
            if name == "connection":
                values = _apart(values)
            made[name] = np.concatenate(values)[order]
            made[name].setflags(write=False)
        return cls(**made, **_scalars(parts))


def _joined(parts: Sequence[npt.NDArray[Any]], name: str, dtype: str) -> npt.NDArray[Any]:
    if not parts:
        return np.zeros(0, dtype)
    return np.concatenate([part[name] for part in parts]).astype(dtype, copy=False)


def _apart(numbers: Iterable[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
    """Return the numbers with each array's after those of the one before; -1 stays."""
    made, first = [], 0
    for part in numbers:
        made.append(np.where(part < 0, part, part + np.int32(first)))
        first += int(part.max(initial=-1)) + 1
    return made


def _scalars(parts: Sequence[Columns]) -> dict[str, Any]:
    summed = ("planned", "unsent", "connections", "client_cpu_ns", "workers", "opened", "spun_ns")
    start_ns = min(part.start_ns for part in parts)
    beside = [part.surroundings for part in parts if part.surroundings is not None]
    return {
        **{name: sum(getattr(part, name) for part in parts) for name in summed},
        "surroundings": Surroundings.merged(beside) if len(beside) == len(parts) else None,
        "start_ns": start_ns,
        "started_unix_ns": min(part.started_unix_ns for part in parts),
        "duration_ns": max(part.start_ns + part.duration_ns for part in parts) - start_ns,
        "stopped": next((part.stopped for part in parts if part.stopped), ""),
        "tls_error": next((part.tls_error for part in parts if part.tls_error), ""),
    }

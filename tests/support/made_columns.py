"""Columns of load tests that never took place: what the views on them say is arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from deployer_lib.load.columns import ERRORS, Columns
from deployer_lib.load.result import LoadResult

__all__ = ["MS", "Request", "made", "result_of"]

MS = 1_000_000
_BEGIN_NS = 5_000_000_000


def made(
    service_ms: Any,
    *,
    every_ms: float = 10.0,
    late_ms: Any = 0.0,
    waited_ms: Any = 0.0,
    status: Any = 200,
    error: Any = "",
    **more: Any,
) -> Columns:
    """Return the columns of a plan with a request each ``every_ms``; each of the others is one value, or one a request.

    Args:
        service_ms: from sent to the last byte, or to when it was given up.
        every_ms: between due times.
        late_ms: from due to seen by the generator.
        waited_ms: from seen to sent, for want of a connection; where it is not 0.
        status: of the answer; 0 where there is none.
        error: kind of error.
        more: further fields of the columns, arrays or scalars.
    """
    services = np.atleast_1d(np.asarray(service_ms, dtype=np.float64))
    count = len(services)

    def spread(value: Any) -> Any:
        return np.broadcast_to(np.asarray(value), (count,))

    intended = _BEGIN_NS + (np.arange(count) * every_ms * MS).astype(np.int64)
    seen = intended + (spread(late_ms) * MS).astype(np.int64)
    sent = seen + (spread(waited_ms) * MS).astype(np.int64)
    done = sent + (services * MS).astype(np.int64)
    kinds = np.array([ERRORS.index(str(kind)) for kind in spread(error)], dtype=np.int8)
    columns = Columns(
        intended_ns=intended,
        seen_ns=seen,
        sent_ns=sent,
        first_byte_ns=np.where(spread(status) > 0, done, 0).astype(np.int64),
        done_ns=done,
        status=spread(status).astype(np.int16),
        size_bytes=np.full(count, 2, dtype=np.int64),
        connection=np.zeros(count, dtype=np.int32),
        stage=np.zeros(count, dtype=np.int16),
        spec=np.zeros(count, dtype=np.int16),
        error=kinds,
        waited=spread(waited_ms) > 0,
        planned=count,
        connections=10,
        duration_ns=int(done.max() - intended.min()) if count else 0,
        start_ns=_BEGIN_NS,
        started_unix_ns=1_700_000_000_000_000_000,
    )
    return replace(columns, **more)


@dataclass(frozen=True, slots=True)
class Request:
    """One request; times in nanoseconds of one monotonic clock."""

    intended_ns: int  # when it was due
    sent_ns: int  # when its first byte was handed to the system
    done_ns: int  # when its last byte came, or when it was given up
    status: int = 0  # 0: no whole answer
    size_bytes: int = 0  # of the body
    error: str = ""  # kind of failure; empty where an answer came

    @property
    def kind(self) -> int:
        """Return the place of its kind of failure; every status from 400 on is unexpected."""
        return ERRORS.index(self.error or ("unexpected status" if self.status >= 400 else ""))


def result_of(
    *requests: Request, planned: int | None = None, client_cpu_s: float = 0.0, stopped: str = ""
) -> LoadResult:
    """Return the result of these requests."""
    rows = sorted(requests, key=lambda row: (row.intended_ns, row.done_ns))
    sent_ns = np.array([row.sent_ns for row in rows], dtype=np.int64)
    filled = replace(
        made([0.0] * len(rows)),
        intended_ns=np.array([row.intended_ns for row in rows], dtype=np.int64),
        seen_ns=sent_ns,
        sent_ns=sent_ns,
        first_byte_ns=np.zeros(len(rows), dtype=np.int64),
        done_ns=np.array([row.done_ns for row in rows], dtype=np.int64),
        status=np.array([row.status for row in rows], dtype=np.int16),
        size_bytes=np.array([row.size_bytes for row in rows], dtype=np.int64),
        error=np.array([row.kind for row in rows], dtype=np.int8),
        planned=len(rows) if planned is None else planned,
        unsent=0 if planned is None else planned - len(rows),
        connections=1,
        client_cpu_ns=int(client_cpu_s * 1e9),
        duration_ns=max((row.done_ns for row in rows), default=0) - (rows[0].intended_ns if rows else 0),
        stopped=stopped,
        start_ns=0,
        started_unix_ns=0,
    )
    filled.status.setflags(write=False)
    return LoadResult(filled)

"""Columns of load tests that never took place: what the views on them say is arithmetic."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from deployer_lib.load.columns import ERRORS, Columns

__all__ = ["MS", "made"]

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

"""Which request is being worked on: W3C trace context and X-Request-ID."""

import re
import secrets
from contextvars import ContextVar
from dataclasses import dataclass

# https://www.w3.org/TR/trace-context/#traceparent-header
TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})"
)
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


@dataclass(frozen=True, slots=True)
class Trace:
    """Hold the ids of one request."""

    trace_id: str
    span_id: str
    flags: str
    request_id: str

    @property
    def response_header(self) -> str:
        """Return the value of `traceresponse`."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


_current: ContextVar[Trace | None] = ContextVar("trace", default=None)


def current_trace() -> Trace | None:
    """Return the ids of the request that this code works for, if any."""
    return _current.get()


def begin(traceparent: str, request_id: str) -> Trace:
    """Continue the caller's trace where it sent a valid one, else begin a new one."""
    sent = TRACEPARENT.fullmatch(traceparent)
    trace_id = sent[1] if sent else secrets.token_hex(16)
    trace = Trace(
        trace_id=trace_id,
        span_id=secrets.token_hex(8),
        flags=sent[2] if sent else "00",
        request_id=request_id if REQUEST_ID.fullmatch(request_id) else trace_id,
    )
    _current.set(trace)
    return trace

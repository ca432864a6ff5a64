"""The loop of one process: sends what is due, reads what comes, packs a row for each request; Linux only (epoll, timerfd).

One rule holds for open and closed loops: a request that is due goes out on a free connection, else it waits, in order,
for the next one that is free or opened; its intended time stays. In a closed loop a request is due as soon as the one
before it ended. Times: *seen* is when the loop noticed that a request was due, so whatever it waits after that was the
target's doing, and what lies before is the generator's.
"""

from __future__ import annotations

import contextlib
import os
import time
from array import array
from collections import deque
from time import monotonic_ns
from typing import TYPE_CHECKING, Final

from deployer_lib.load.answers import UNTIL_CLOSE, Malformed, Reader
from deployer_lib.load.brake import Brake
from deployer_lib.load.columns import ERRORS, THROTTLED, Columns, Rows
from deployer_lib.load.connection import CONNECTING, HANDSHAKING, NOT_NOW, READY, Connection
from deployer_lib.load.job import BEHIND, CEILING, FAILING, FULL, INTERRUPTED, Job, Progress
from deployer_lib.load.pacing import Timer, no_collections
from deployer_lib.load.plan import MAX_REQUESTS
from deployer_lib.load.pool import IN, OUT, Pool
from deployer_lib.load.requests import Order, Template
from deployer_lib.load.shapes import UNKNOWN, Shape
from deployer_lib.load.surroundings import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Kernel"]

_NEVER: Final = 1 << 62
_SPIN_NS: Final = 60_000  # before a due time: waking from a sleep takes about that long
_TICK_NS: Final = 50_000_000  # limits of time are kept so exactly, and short ones to a tenth
_LEAST_TICK_NS: Final = 2_000_000
_PROGRESS_NS: Final = 250_000_000
_BACKOFF_NS: Final = 100_000_000  # of a closed loop's connection that could not be opened
_AT_ONCE: Final = 64  # due requests that are sent before answers are read again
_EVENTS: Final = 256
_PERMITTED: Final = 512  # requests that permission is asked for at a time
_RECEIVED: Final = 65_536
_TIMEOUT, _STOPPED, _CLOSED = (ERRORS.index(kind) for kind in ("timeout", "stopped", "closed"))
_PROTOCOL = ERRORS.index("protocol")
_STATUS, _BODY = ERRORS.index("unexpected status"), ERRORS.index("unexpected body")


class Kernel:
    """Carry out one job; to be used once, from one thread."""

    def __init__(
        self,
        job: Job,
        permitted: Callable[[int, int], int],
        *,
        progress: Callable[[Progress], None] | None = None,
        control_fd: int = -1,
    ) -> None:
        """Prepare it.

        Args:
            job: what to do.
            permitted: ``permitted(first, count)`` says how many of the requests numbered from ``first`` may be sent.
            progress: is told how far it is, four times a second.
            control_fd: a descriptor at which the loop stops once it is readable.

        Raises:
            Unavailable: this system has no epoll.
            UsageError: the job's certificates cannot be read.
        """
        self._job = job
        self._permitted = permitted
        self._progress = progress
        self._control_fd = control_fd
        self._pool = Pool(job.address, job.tls, job.connections)
        self._templates = [
            Template(spec, host=job.host, agent=job.agent, keep_alive=job.keep_alive, seed=seed)
            for seed, spec in enumerate(job.mix, job.seed + job.first * len(job.mix))
        ]
        self._order = Order(job.mix, job.seed, job.first, job.step)
        self._choices = array("h")  # place in the mix of each request that may be sent
        self._shapes = [UNKNOWN] * len(job.mix)
        self._closed = job.plan.mode == "closed"
        self._due: memoryview[int] = job.plan.due_ns.data
        self._total = MAX_REQUESTS if job.plan.requests is None else job.plan.requests
        self._permits = 0  # requests that may be sent by now
        self._taken = 0  # requests that were due so far
        self._waiting: deque[tuple[int, int, int]] = deque()  # request, intended, seen: due, and not sent
        self._later: deque[int] = deque()  # when a closed loop's next requests are due, after a backoff
        self._rows = Rows()
        self._brake = Brake()
        self._over = False  # no request will be due any more
        self._stopped = ""
        self._asked_to_stop = ""
        self._start_ns = self._end_ns = self._next_due_ns = self._tick_ns = self._progress_ns = 0
        self._spun_ns = 0

    def interrupt(self, reason: str = INTERRUPTED) -> None:
        """Ask the loop to stop; from another thread or a signal's handler. It does within 50 ms."""
        self._asked_to_stop = reason

    @property
    def unused(self) -> tuple[int, int]:
        """Return the first request that was permitted and not due any more, and how many there are."""
        return self._taken, self._permits - self._taken

    def run(self, start_ns: int | None = None) -> Columns:
        """Carry out the job and return what was measured; all descriptors are given back.

        Args:
            start_ns: the plan's first instant, by ``time.monotonic_ns``; None: now.

        Raises:
            Unavailable: this system has no timerfd.
        """
        before = Snapshot.take()
        cpu_ns = time.process_time_ns()
        with Timer() as self._timer, self._pool.open(self._timer.fd, self._control_fd), no_collections():
            self._begin(monotonic_ns() if start_ns is None else start_ns)
            self._loop()
            duration_ns = monotonic_ns() - self._start_ns
            cpu_ns = time.process_time_ns() - cpu_ns
            surroundings = before.since()
        planned = self._taken if self._job.plan.requests is None else self._job.plan.requests
        return Columns.of(
            self._rows.parts(),
            self._job.plan.stage,
            planned=planned,
            unsent=planned - self._taken,
            connections=self._job.connections,
            client_cpu_ns=cpu_ns,
            duration_ns=duration_ns,
            stopped=self._stopped,
            opened=self._pool.opened,
            start_ns=self._start_ns,
            started_unix_ns=time.time_ns() - (monotonic_ns() - self._start_ns),
            spun_ns=self._spun_ns,
            surroundings=surroundings,
            tls_error=self._pool.tls_error,
        )

    def _begin(self, start_ns: int) -> None:
        self._start_ns = self._tick_ns = self._progress_ns = start_ns
        duration_ns = self._job.plan.duration_ns
        self._end_ns = start_ns + duration_ns if duration_ns else _NEVER
        if not self._closed:
            self._next_due_ns = start_ns
            return
        self._next_due_ns = _NEVER
        time.sleep(max(0, start_ns - monotonic_ns()) / 1e9)
        for _ in range(self._job.connections):
            self._ask_again(start_ns)
        self._open_more(start_ns)

    def _loop(self) -> None:
        poll = self._pool.epoll.poll
        armed_ns = 0
        now = monotonic_ns()
        while not self._finished(now):
            due_ns = self._next_due_ns
            spins = due_ns - now <= _SPIN_NS
            if not spins and due_ns < self._tick_ns and armed_ns != due_ns:
                armed_ns = due_ns
                self._timer.arm(due_ns - _SPIN_NS)
            events = poll(0 if spins else max(0, self._tick_ns - now) / 1e9, _EVENTS)
            woke = monotonic_ns()
            if events:
                self._take_events(events, woke)
                now = monotonic_ns()
            else:
                if spins:
                    self._spun_ns += woke - now
                now = woke

    def _finished(self, now: int) -> bool:
        """Do what is to be done between two polls; tell whether nothing is left."""
        if now >= self._next_due_ns:
            self._take_due()
        if now >= self._tick_ns:
            self._tick(monotonic_ns())  # later than anything that was seen as due just now
        self._pool.bury()
        return self._over and self._rows.ended == self._taken

    # What is due

    def _take_due(self) -> None:
        """Send what is due, or let it wait where no connection is free."""
        due, start, idle = self._due, self._start_ns, self._pool.idle
        for _ in range(_AT_ONCE):
            request = self._taken
            if request == self._permits and not self._may_take():
                self._next_due_ns = _NEVER
                break
            intended = start + due[request]
            now = monotonic_ns()
            if intended > now:
                self._next_due_ns = intended
                break
            self._taken = request + 1
            if idle:
                self._send(idle.pop(), request, intended, now, 0)
            else:
                self._waiting.append((request, intended, now))
        self._open_more(monotonic_ns())

    def _may_take(self) -> bool:
        """Tell whether there is another request, and it is permitted."""
        if self._taken < self._permits:
            return True
        wanted = min(_PERMITTED, self._total - self._permits)
        granted = self._permitted(self._permits, wanted) if wanted else 0
        self._choices.frombytes(self._order.drawn(self._permits, granted).tobytes())
        self._permits += granted
        if granted < wanted:
            self._total = self._permits
            self._stopped = self._stopped or CEILING
        elif not wanted and self._job.plan.requests is None:
            self._stopped = self._stopped or FULL
        self._over = self._over or not granted
        return granted > 0

    def _ask_again(self, now: int) -> None:
        """Let a closed loop's next request be due now, where there is one, and wait for a connection."""
        if now < self._end_ns and not self._over and self._may_take():
            self._waiting.append((self._taken, now, now))
            self._taken += 1

    def _send(self, conn: Connection, request: int, intended: int, seen: int, waited: int) -> None:
        spec = self._choices[request]
        template = self._templates[spec]
        data = template.fixed or template.render(self._job.first + request * self._job.step)
        conn.request = request
        conn.spec = spec
        conn.intended_ns = intended
        conn.seen_ns = seen
        conn.waited = waited
        conn.shape = self._shapes[spec]
        conn.sent_ns = monotonic_ns()
        try:
            taken = conn.transmit(data)
        except NOT_NOW:
            taken = 0
        except OSError as error:
            self._failed(conn, self._pool.kind_of(error))
            return
        if taken != len(data):
            conn.rest = data[taken:]
            conn.shape = UNKNOWN  # an answer that comes before all was sent must not free the connection
            self._pool.watch(conn, write=True)

    # What comes

    def _take_events(self, events: list[tuple[int, int]], woke: int) -> None:
        conns = self._pool.conns
        for fd, mask in events:
            conn = conns.get(fd)
            if conn is None:
                if fd == self._control_fd:
                    self._controlled()
            elif mask == IN and conn.state == READY:
                self._readable(conn, woke)
            else:
                self._event(conn, mask, woke)

    def _readable(self, conn: Connection, woke: int) -> None:
        try:
            data = conn.receive(_RECEIVED)
        except NOT_NOW:
            return
        except OSError as error:
            self._failed(conn, self._pool.kind_of(error))
            return
        shape = conn.shape
        exact = len(data) == shape.total and data.startswith(shape.head)
        if not exact and (shape.total < 0 or not shape.fits(data)):
            self._piece(conn, data, woke)
            return
        done = monotonic_ns()
        rows = self._rows
        rows.pack(
            rows.buffer,
            rows.at,
            conn.intended_ns,
            conn.seen_ns,
            conn.sent_ns,
            woke,
            done,
            shape.size,
            conn.number,
            conn.request,
            shape.status,
            conn.spec,
            shape.error,
            conn.waited,
        )
        rows.at += rows.SIZE
        if rows.at == rows.full:
            rows.grow()
        rows.ended += 1
        if shape.error and shape.status != THROTTLED:
            rows.bad += 1
        self._free(conn, done)

    def _piece(self, conn: Connection, data: bytes, woke: int) -> None:
        """Read what is not one whole answer as expected."""
        if conn.request < 0:  # the end of an idle connection, or something nobody asked for
            self._pool.drop(conn)
            return
        reader, first = conn.reader, conn.reader is None
        if reader is None:
            spec = self._job.mix[conn.spec]
            reader = conn.reader = Reader(spec.method, spec.contains)
            conn.shape = UNKNOWN
            conn.first_ns = max(woke, conn.sent_ns) if data else 0
        try:
            whole = reader.feed(data) if data else reader.end()
        except Malformed:
            self._failed(conn, _PROTOCOL)
            return
        if whole:
            self._answered(conn, reader, in_one=first)
        elif not data:
            self._failed(conn, _CLOSED)

    def _answered(self, conn: Connection, reader: Reader, *, in_one: bool) -> None:
        """Take a whole answer that was read in full, and learn from it."""
        done = monotonic_ns()
        head = reader.final
        spec = self._job.mix[conn.spec]
        error = _STATUS if not spec.expects(head.status) else 0 if reader.found else _BODY
        reusable = not head.close and self._job.keep_alive and not conn.rest
        if reusable and in_one and head.length != UNTIL_CLOSE and spec.contains is None:
            self._shapes[conn.spec] = Shape.learned(head, reader.head_bytes, error, spec.method)
        self._record(conn, done, head.status, error)
        if reusable:
            conn.reader = None
            self._free(conn, done)
        else:
            self._lost(conn, done)

    def _free(self, conn: Connection, now: int) -> None:
        """Give a connection whose request ended its next one."""
        waiting = self._waiting
        if self._closed and now < self._end_ns and (self._taken < self._permits or self._may_take()):
            request = self._taken
            self._taken = request + 1
            if not waiting:
                self._send(conn, request, now, now, 0)
                return
            waiting.append((request, now, now))
        self._next_for(conn)

    def _next_for(self, conn: Connection) -> None:
        """Send what waits on this connection; where nothing does, it is idle."""
        if self._waiting:
            request, intended, seen = self._waiting.popleft()
            self._send(conn, request, intended, seen, 1)
        else:
            conn.request = -1
            conn.shape = UNKNOWN
            self._pool.idle.append(conn)

    # Connections

    def _open_more(self, now: int) -> None:
        """Open connections for what waits, as many as there may be."""
        while self._pool.wants(len(self._waiting)):
            try:
                self._pool.begin(now)
            except OSError as error:
                self._unable(self._pool.kind_of(error))

    def _event(self, conn: Connection, mask: int, woke: int) -> None:
        """Take what happened to a connection that is being opened, or has something left to send."""
        try:
            if conn.state == READY:
                if mask & OUT and conn.flush():
                    self._pool.watch(conn, write=False)
                if mask & ~OUT:
                    self._readable(conn, woke)
                return
            opened = self._opens(conn)
        except OSError as error:
            if conn.state == READY:
                self._failed(conn, self._pool.kind_of(error))
                return
            self._unable(self._pool.lose(conn, error))
            self._open_more(woke)
            return
        if opened:
            self._pool.opened_one(conn)
            self._next_for(conn)
        else:
            self._pool.watch(conn, write=False)

    def _opens(self, conn: Connection) -> bool:
        """Go on opening a connection; tell whether it is open."""
        if conn.state == CONNECTING:
            conn.connected()
            conn.state = HANDSHAKING
        return conn.handshake()

    def _lost(self, conn: Connection, now: int) -> None:
        """Let go of a connection whose request ended, and go on with others."""
        self._pool.drop(conn)
        if self._closed:
            self._ask_again(now)
        self._open_more(now)

    # What goes wrong

    def _failed(self, conn: Connection, error: int) -> None:
        """End a connection, and with an error the request that is under way on it."""
        if conn.request < 0:
            self._pool.drop(conn)
            return
        now = monotonic_ns()
        self._record(conn, now, 0, error)
        self._lost(conn, now)

    def _unable(self, error: int) -> None:
        """End the request that waited longest, because no connection could be opened for it."""
        if self._waiting:
            now = monotonic_ns()
            self._give_up(error, now)
            if self._closed:
                self._later.append(now + _BACKOFF_NS)

    def _give_up(self, error: int, now: int) -> None:
        """End the request that waited longest; it was never sent."""
        request, intended, seen = self._waiting.popleft()
        spec = self._choices[request]
        self._rows.keep(intended, seen, 0, 0, now, 0, -1, request, 0, spec, error, 1)

    def _record(self, conn: Connection, done: int, status: int, error: int) -> None:
        size = conn.reader.size if conn.reader else 0
        first = conn.first_ns if conn.reader else 0
        times = (conn.intended_ns, conn.seen_ns, conn.sent_ns, first, done)
        self._rows.keep(*times, size, conn.number, conn.request, status, conn.spec, error, conn.waited)

    # From time to time

    def _tick(self, now: int) -> None:
        """Do what is not of one request: limits of time, the brake, progress."""
        self._tick_ns = now + min(_TICK_NS, max(_LEAST_TICK_NS, self._job.timeout_ns // 10))
        if not self._over and now >= self._end_ns + (0 if self._closed else self._job.timeout_ns):
            self._over, self._next_due_ns = True, _NEVER
            self._stopped = self._stopped or ("" if self._closed else BEHIND)
        if self._over:
            self._later.clear()
        self._time_out(now)
        while self._later and self._later[0] <= now:
            self._later.popleft()
            self._ask_again(now)
        self._open_more(now)
        failing = self._brake.over(now, self._rows.ended, self._rows.bad) and not self._job.expect_errors
        if failing or self._asked_to_stop:
            self._stop(self._asked_to_stop or FAILING)
        elif self._progress and now >= self._progress_ns:
            self._progress_ns = now + _PROGRESS_NS
            self._progress(self._so_far(now))

    def _so_far(self, now: int) -> Progress:
        sent = self._taken - len(self._waiting)
        flying = sum(conn.request >= 0 for conn in self._pool.conns.values())
        return Progress((now - self._start_ns) / 1e9, sent, self._rows.ended, self._rows.bad, flying)

    def _time_out(self, now: int) -> None:
        limit = now - self._job.timeout_ns
        while self._waiting and self._waiting[0][1] <= limit:
            self._unable(_TIMEOUT)
        for conn in list(self._pool.conns.values()):
            if conn.request >= 0:
                if conn.sent_ns <= limit:
                    self._failed(conn, _TIMEOUT)
            elif conn.state != READY and conn.opened_ns <= limit:
                self._pool.drop(conn)

    def _stop(self, reason: str) -> None:
        """End everything that is under way as censored; what is not due yet stays unsent."""
        self._stopped, self._over = reason, True
        self._next_due_ns, self._end_ns = _NEVER, 0
        self._later.clear()
        now = monotonic_ns()
        for conn in self._pool.conns.values():
            if conn.request >= 0:
                self._record(conn, now, 0, _STOPPED)
        while self._waiting:
            self._give_up(_STOPPED, now)

    def _controlled(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._control_fd, 64)
        self.interrupt()
        self._tick_ns = 0

"""What the guard lets a load test send: asked beforehand, some hundred requests at a time, and given back where they are not sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from deployer_lib.errors import NotAllowed
from deployer_lib.load.plan import MAX_REQUESTS
from deployer_lib.load.requests import Order

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from deployer_lib.guard import Guard
    from deployer_lib.load.requests import RequestSpec

__all__ = ["Permits"]

#: Requests whose places in the mix are held at a time.
_CHUNK: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Permits:
    """Ask the guard for the requests of a mix, as one process sends them."""

    guard: Guard
    where: tuple[str, str, int]  # scheme, host, port
    mix: tuple[RequestSpec, ...]
    seed: int
    first: int = 0  # number of the process's first request in the whole test …
    step: int = 1  # … and how far its numbers lie apart

    def check(self) -> None:
        """Ask for each method and the host before anything is done.

        Raises:
            NotAllowed: one of them is not allowed.
        """
        for method in self._methods:
            self.guard.permit_many(method, *self.where, 0)

    def __call__(self, first: int, count: int) -> int:
        """Return how many of the requests from ``first`` on may be sent, of ``count``.

        Raises:
            NotAllowed: not even the first one of all may.
        """
        wanted = self._wanted(first, count)
        left = dict.fromkeys(wanted, 0)
        refusal: NotAllowed | None = None
        for method, number in wanted.items():
            try:
                left[method] = self.guard.permit_many(method, *self.where, number)
            except NotAllowed as error:
                refusal = error
        if left == wanted:
            return count
        if refusal and not first and not any(left.values()):
            raise refusal
        granted = self._until_one_runs_out(first, count, left)
        for method, number in self._wanted(first, granted).items():
            left[method] -= number
        for method, number in left.items():
            self.guard.return_unsent(method, number)
        return granted

    def shared(self, wanted: Sequence[int | None]) -> list[int]:
        """Return how many requests each process may send, of those that it wants (None: it cannot say).

        Raises:
            NotAllowed: not even one may be sent.
        """
        room = self.guard.max_requests - self.guard.requests
        if room < len(wanted):
            return [self(0, 1), *(0 for _ in wanted[1:])]
        granted: list[int] = []
        for worker, (mine, permits) in enumerate(zip(wanted, self.split(len(wanted)), strict=True)):
            most = (room + len(wanted) - 1 - worker) // len(wanted)
            try:
                granted.append(permits(0, min(most, MAX_REQUESTS if mine is None else mine)))
            except NotAllowed:
                if not any(granted):
                    raise
                granted.append(0)
        return granted

    def give_back(self, first: int, count: int) -> None:
        """Return what was permitted and is not sent."""
        for method, number in self._wanted(first, count).items():
            self.guard.return_unsent(method, number)

    def split(self, workers: int) -> list[Permits]:
        """Return those of each of so many processes, among which the requests go round."""
        given = (self.guard, self.where, self.mix, self.seed)
        return [Permits(*given, worker, workers) for worker in range(workers)]

    @property
    def _methods(self) -> list[str]:
        return list(dict.fromkeys(spec.effective_method for spec in self.mix))

    def _wanted(self, first: int, count: int) -> dict[str, int]:
        """Return how often each method is among these requests; methods that are not are left out."""
        methods = self._methods
        if len(methods) == 1:
            return {methods[0]: count} if count else {}
        counts = np.zeros(len(methods), np.int64)
        for drawn in self._drawn(first, count):
            counts += np.bincount(drawn, minlength=len(methods))
        return {method: number for method, number in zip(methods, counts.tolist(), strict=True) if number}

    def _until_one_runs_out(self, first: int, count: int, left: dict[str, int]) -> int:
        """Return how many of these requests come before the first one whose method has none left."""
        methods = self._methods
        stock = np.array([left.get(method, 0) for method in methods])
        granted = 0
        for drawn in self._drawn(first, count):
            places = (np.flatnonzero(drawn == method) for method in range(len(methods)))
            ends = [int(at[most]) for at, most in zip(places, stock, strict=True) if len(at) > most]
            if ends:
                return granted + min(ends)
            granted += len(drawn)
            stock -= np.bincount(drawn, minlength=len(methods))
        return granted

    def _drawn(self, first: int, count: int) -> Iterator[npt.NDArray[np.int64]]:
        """Yield the place in ``_methods`` of each of these requests, in pieces."""
        methods, order = self._methods, Order(self.mix, self.seed, self.first, self.step)
        of_spec = np.array([methods.index(spec.effective_method) for spec in self.mix])
        for at in range(first, first + count, _CHUNK):
            yield of_spec[order.drawn(at, min(_CHUNK, first + count - at))]

"""The guard: nothing happens to a target that its environment does not allow.

Every byte that leaves for a target passes :meth:`Guard.permit` (requests) or :meth:`Guard.permit_effect` (processes,
faults), whichever way the notebooks are run; :meth:`Guard.permit_address` is asked again once a name is resolved.
Refusals are :class:`~deployer_lib.errors.NotAllowed`.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import psutil

from deployer_lib.catalogue import Effect
from deployer_lib.errors import NotAllowed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["SAFE_METHODS", "Guard", "host_key"]

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OBSERVE_INTERVAL_S: Final = 0.5  # at most 2/s where nothing stronger happens
_WRITE_INTERVAL_S: Final = 0.05  # at most 20/s where stress is not allowed
_HANDFUL: Final = 10  # requests on end that need not be declared as stress
_PORTS: Final = {"http": 80, "https": 443}
_THIS_MACHINE: Final = "127.0.0.1"


def host_key(scheme: str, host: str, port: int | None) -> tuple[str, int]:
    """Return ``(host, port)`` with the scheme's usual port filled in and the host in lower case."""
    return host.lower().strip("[]").rstrip("."), port or _PORTS.get(scheme.lower(), 0)


def _machine(address: str) -> str:
    """Return one spelling for each machine: every loopback, unspecified and own address is 127.0.0.1."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    own = ip.is_loopback or ip.is_unspecified or str(ip) in _own_addresses()
    return _THIS_MACHINE if own else str(ip)


def _own_addresses() -> frozenset[str]:
    entries = (entry for interface in psutil.net_if_addrs().values() for entry in interface)
    families = (socket.AF_INET, socket.AF_INET6)
    return frozenset(entry.address.partition("%")[0] for entry in entries if entry.family in families)


def _addresses(host: str) -> frozenset[str]:
    """Return the machines that a name or an address means, as :func:`_machine` spells them; none if it does not resolve."""
    try:
        return frozenset({_machine(host.strip("[]"))})
    except ValueError:
        pass
    try:
        return frozenset(_machine(str(info[4][0])) for info in socket.getaddrinfo(host, None))
    except (OSError, UnicodeError):
        return frozenset()


@dataclass(slots=True)
class Guard:
    """Know what an environment allows, and refuse the rest.

    It is shared by all threads of a kernel. Threads that a check starts count as that check's effect.
    """

    environment: str
    allow: frozenset[Effect]
    hosts: set[tuple[str, int]]  # (host, port) that may be asked
    max_requests: int = 1_000_000  # ceiling on requests of this kernel
    protected: bool = False  # anything but observing needs ``confirmed``
    confirmed: bool = False
    protected_addresses: frozenset[tuple[str, int]] = (
        frozenset()
    )  # (address or name, port) of other, protected environments
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    max_writes: int = 2_000  # ceiling on requests of this kernel that are not GET, HEAD or OPTIONS
    requests: int = field(default=0, init=False)  # requests let through so far
    writes: int = field(default=0, init=False)  # of these, with another method than GET, HEAD and OPTIONS
    _active: list[tuple[object, int, Effect]] = field(
        default_factory=list, init=False
    )  # open ``during`` blocks
    _declined: dict[Effect, str] = field(default_factory=dict, init=False)  # effect → who does without it
    _next_at: float = field(default=0.0, init=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, init=False)
    _resolved: dict[str, frozenset[str]] = field(default_factory=dict, init=False)
    _forbidden: frozenset[tuple[str, int]] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.allow = frozenset(self.allow) | {Effect.OBSERVE}

    def restrict(self, effects: Iterable[Effect], who: str) -> None:
        """Allow no more than these effects from here on, because ``who`` declares no others."""
        kept = self.allow & {Effect.OBSERVE, *effects}
        self._declined |= dict.fromkeys(self.allow - kept, who)
        self.allow = kept

    @property
    def effect(self) -> Effect:
        """Return the effect that a request counts as now: of this thread's innermost block, else of any thread's."""
        me = threading.get_ident()
        with self._lock:
            own = [effect for _, thread, effect in self._active if thread == me]
            others = [effect for _, _, effect in self._active]
        return (own or others or [Effect.OBSERVE])[-1]

    def allows(self, effect: Effect) -> bool:
        """Tell whether this effect may happen here."""
        return self._refusal(effect) is None

    def permit_effect(self, effect: Effect, what: str) -> None:
        """Let an effect pass or refuse it.

        Args:
            effect: what would happen.
            what: the same in words, for the message ("restart the application").

        Raises:
            NotAllowed: the environment does not allow it.
        """
        if refusal := self._refusal(effect):
            raise NotAllowed(f"{what}: {refusal}", hint=self._hint(effect))

    @contextmanager
    def during(self, effect: Effect) -> Iterator[None]:
        """Make requests inside the block count as this effect, as a check declares it.

        Blocks of several threads may overlap in any order; each ends only itself.
        """
        self.permit_effect(effect, effect.value)
        entry = (object(), threading.get_ident(), effect)
        with self._lock:
            self._active.append(entry)
        try:
            yield
        finally:
            with self._lock:
                self._active.remove(entry)

    def permit(self, method: str, scheme: str, host: str, port: int | None) -> None:
        """Let one request pass, after a pause where the environment only observes, or refuse it.

        A method other than GET, HEAD and OPTIONS needs ``write``, whatever else its check is allowed: load on a
        target does not include data in it.

        Raises:
            NotAllowed: its effect, its host or the number of requests is not allowed.
        """
        effect = self.effect
        writes = method.upper() not in SAFE_METHODS
        self.permit_effect(effect, f"{method.upper()} request")
        if writes:
            self.permit_effect(Effect.WRITE, f"{method.upper()} request")
            effect = Effect.WRITE if effect is Effect.OBSERVE else effect
        self._permit_host(scheme, host, port)
        self._count(writes=writes)
        self._pace(effect)

    def permit_many(self, method: str, scheme: str, host: str, port: int | None, count: int) -> int:
        """Let requests of a load test pass without pause, as many of ``count`` as the ceilings leave room for.

        Returns how many; these are counted, and what is not sent after all goes back by :meth:`return_unsent`. More
        than ten need ``stress``. With a ``count`` of 0 nothing but effect and host is judged.

        Raises:
            NotAllowed: effect or host is not allowed, or there is no room for any.
        """
        what = f"{method.upper()} request"
        self.permit_effect(Effect.STRESS if count > _HANDFUL else self.effect, what)
        writes = method.upper() not in SAFE_METHODS
        if writes:
            self.permit_effect(Effect.WRITE, what)
        self._permit_host(scheme, host, port)
        if not count:
            return 0
        with self._lock:
            self._count(writes=writes)
            room = self.max_requests - self.requests
            if writes:
                room = min(room, self.max_writes - self.writes)
            more = max(0, min(count - 1, room))
            self.requests += more
            self.writes += more if writes else 0
        return 1 + more

    def return_unsent(self, method: str, count: int) -> None:
        """Take back that this many requests, let through by :meth:`permit_many`, were not sent."""
        with self._lock:
            self.requests -= count
            self.writes -= 0 if method.upper() in SAFE_METHODS else count

    def permit_address(self, address: str, port: int) -> None:
        """Let a connection to a resolved address pass, or refuse it where it is another, protected environment.

        Raises:
            NotAllowed: it is.
        """
        if not self.protected_addresses:
            return
        if self._forbidden is None:
            self._forbidden = frozenset(
                (machine, forbidden_port)
                for host, forbidden_port in self.protected_addresses
                for machine in _addresses(host)
            )
        if (_machine(address), port) in self._forbidden:
            raise NotAllowed(
                f"{address}:{port} is the address of another, protected environment.",
                hint="Run that environment itself, with --yes.",
            )

    def _refusal(self, effect: Effect) -> str | None:
        if who := self._declined.get(effect):
            return f"{who} does not declare the effect {effect.value}"
        if effect not in self.allow:
            return f"{self.environment} does not allow the effect {effect.value}"
        if self.protected and effect is not Effect.OBSERVE and not self.confirmed:
            return f"{self.environment} is protected and was not confirmed"
        return None

    def _hint(self, effect: Effect) -> str:
        if effect in self._declined:
            return f"Add {effect.value} to metadata.deployer.effects of the notebook, if that is meant."
        if effect in self.allow:
            return f"Confirm with --yes {self.environment}."
        return f"Add {effect.value} to allow: in parameters/{self.environment}.yaml, if that is meant."

    def _permit_host(self, scheme: str, host: str, port: int | None) -> None:
        key = host_key(scheme, host, port)
        if key not in {(name.lower().strip("[]").rstrip("."), number) for name, number in self.hosts}:
            raise NotAllowed(
                f"{key[0]}:{key[1]} is not a declared host of {self.environment}.", hint="Add it to hosts:."
            )
        if self.protected_addresses:
            if key[0] not in self._resolved:
                self._resolved[key[0]] = _addresses(key[0])
            for address in self._resolved[key[0]]:
                self.permit_address(address, key[1])

    def _count(self, *, writes: bool) -> None:
        with self._lock:
            if self.requests >= self.max_requests:
                raise NotAllowed(
                    f"This phase has sent {self.max_requests} requests, its ceiling.",
                    hint="Raise max_requests.",
                )
            if writes and self.writes >= self.max_writes:
                raise NotAllowed(
                    f"This phase has sent {self.max_writes} writing requests, its ceiling.",
                    hint="Look for a check that writes in a loop.",
                )
            self.requests += 1
            self.writes += writes

    def _pace(self, effect: Effect) -> None:
        if self.allows(Effect.STRESS):
            return
        interval_s = _OBSERVE_INTERVAL_S if effect is Effect.OBSERVE else _WRITE_INTERVAL_S
        with self._lock:
            now = self.clock()
            wait_s = max(0.0, self._next_at - now)
            self._next_at = max(now, self._next_at) + interval_s
        if wait_s:
            self.pause(wait_s)

"""Origins that must not be allowed, each made to pass one careless comparison with a declared origin.

After "Exploiting CORS misconfigurations" (https://portswigger.net/research/exploiting-cors-misconfigurations-for-bitcoins-and-bounties).
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["IMPLIED_BY", "Hostile", "hostile_origins"]

_MOST_DECLARED: Final = 2  # whose look-alikes are tried; the comparison is the same for all of them
#: Kind → kinds whose careless comparison lets it in too, so that one cause is one finding.
IMPLIED_BY: Final[dict[str, frozenset[str]]] = {
    "underscore": frozenset({"suffix"}),
    "backtick": frozenset({"suffix"}),
    "any subdomain": frozenset({"prefix"}),
}
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})


@dataclass(frozen=True, slots=True)
class Hostile:
    """One origin that must be refused."""

    origin: str
    kind: str  # names the finding
    cause: str  # why it would be let in


def hostile_origins(declared: tuple[str, ...], base_url: str) -> tuple[Hostile, ...]:
    """Return origins to try, the plainly foreign one first, none of them declared.

    Args:
        declared: origins of the front ends; where there are none the target's own stands for them.
        base_url: of the target.
    """
    parts = urlsplit(base_url)
    models = declared[:_MOST_DECLARED] or (f"{parts.scheme}://{parts.netloc}",)
    tried = [
        Hostile(
            "https://deployer-foreign.example", "foreign", "The Origin header is sent back whatever it is."
        ),
        Hostile(
            "null", "null", "null stands on the list; sandboxed frames and local files of anybody send it."
        ),
        Hostile(
            "http://localhost:31337",
            "localhost",
            "Addresses of developers' own machines stand on the list, on any port.",
        ),
    ]
    for model in models:
        tried += _look_alikes(model)
    known = {*declared, f"{parts.scheme}://{parts.netloc}"}
    return tuple({h.origin: h for h in reversed(tried) if h.origin not in known}.values())[::-1]


def _look_alikes(origin: str) -> Iterator[Hostile]:
    parts = urlsplit(origin)
    scheme, host, netloc = parts.scheme, parts.hostname or "", parts.netloc
    yield Hostile(
        f"{scheme}://{netloc}.evil.test", "suffix", "The origin is compared by its begin (startswith)."
    )
    yield Hostile(
        f"{scheme}://evil{netloc}", "prefix", "The host is compared by its end (endswith) without a dot."
    )
    yield Hostile(
        f"{scheme}://{netloc}_.evil.test", "underscore", "A pattern lets other signs follow the host."
    )
    yield Hostile(
        f"{scheme}://{netloc}`.evil.test", "backtick", "A pattern lets other signs follow the host."
    )
    if scheme == "https":
        yield Hostile(f"http://{netloc}", "http for https", "The scheme is not compared.")
    if host in _LOCAL or _is_address(host):
        other = 31337 if parts.port != 31337 else 31338  # noqa: PLR2004  (any other port)
        shown = f"[{host}]" if ":" in host else host
        yield Hostile(f"{scheme}://{shown}:{other}", "another port", "The port is not compared.")
        return
    if "." in host:
        dotless = netloc.replace(".", "x", 1)
        yield Hostile(
            f"{scheme}://{dotless}", "unescaped dot", "A dot in a pattern is not escaped and takes any sign."
        )
    yield Hostile(
        f"{scheme}://deployer.{netloc}", "any subdomain", "Every subdomain is allowed, a forgotten one too."
    )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True

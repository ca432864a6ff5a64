"""What a Content-Security-Policy allows (https://www.w3.org/TR/CSP3/), as far as it is judged here.

A browser enforces every policy that it is sent, so an aspect is in order as soon as one policy sees to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Policy", "Weakness", "policies", "weaknesses"]

_SCHEMES: Final = frozenset({"*", "http:", "https:", "data:", "blob:", "ws:", "wss:"})
_NONCE: Final = re.compile(r"'(?:nonce-|sha(?:256|384|512)-)[^']+'")


class Weakness(StrEnum):
    """What no policy of a page sees to."""

    SCRIPTS = "scripts may come from anywhere: neither script-src nor default-src is set"
    INLINE = "inline scripts run: 'unsafe-inline' in script-src without a nonce or a hash"
    WIDE = "scripts may come from any host: *, or a bare scheme, in script-src"
    EVAL = "text is run as code: 'unsafe-eval' in script-src"
    OBJECTS = "plug-ins may come from anywhere: neither object-src nor default-src is set"
    BASE = "an injected <base> redirects relative scripts: base-uri is not set"


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy: directive → sources, in lower case where case says nothing."""

    directives: Mapping[str, tuple[str, ...]]

    def sources(self, name: str) -> tuple[str, ...] | None:
        """Return the sources of a fetch directive, those of default-src where it is not set; None where neither is."""
        return self.directives.get(name, self.directives.get("default-src"))


def policies(headers: Iterable[str]) -> tuple[Policy, ...]:
    """Return the policies of these header values; a comma separates policies too."""
    found = []
    for text in ",".join(headers).split(","):
        directives: dict[str, tuple[str, ...]] = {}
        for part in text.split(";"):
            name, *values = part.split() or [""]
            if name:  # of a doubled directive the first counts
                directives.setdefault(name.lower(), tuple(values))
        if directives:
            found.append(Policy(directives))
    return tuple(found)


def weaknesses(found: Iterable[Policy]) -> tuple[Weakness, ...]:
    """Return what none of the policies sees to."""
    left: set[Weakness] = set(Weakness)
    for policy in found:
        left &= _of(policy)
    return tuple(weakness for weakness in Weakness if weakness in left)


def _of(policy: Policy) -> set[Weakness]:
    found = set()
    scripts = policy.sources("script-src")
    if scripts is None:
        found |= {Weakness.SCRIPTS, Weakness.INLINE, Weakness.WIDE, Weakness.EVAL}
    else:
        found |= _of_scripts(scripts)
    if policy.sources("object-src") is None:
        found.add(Weakness.OBJECTS)
    if "base-uri" not in policy.directives:
        found.add(Weakness.BASE)
    return found


def _of_scripts(sources: tuple[str, ...]) -> set[Weakness]:
    low = {source.lower() for source in sources}
    trusted = any(_NONCE.fullmatch(source) for source in sources)
    dynamic = "'strict-dynamic'" in low and trusted  # hosts and schemes are then ignored
    found = set()
    if "'unsafe-inline'" in low and not trusted and "'strict-dynamic'" not in low:
        found.add(Weakness.INLINE)
    if low & _SCHEMES and not dynamic:
        found.add(Weakness.WIDE)
    if "'unsafe-eval'" in low:
        found.add(Weakness.EVAL)
    return found

"""What npm itself says of a lock file: ``npm ls --package-lock-only --all --json``, asked once a phase and install root."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from deployer_lib.errors import ProcessError
from deployer_lib.probes.packages.kept import kept
from deployer_lib.probes.packages.node.copying import copy_known, run_npm
from deployer_lib.probes.packages.node.lock_entry import as_map

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployer_lib.probes.context import Context
    from deployer_lib.probes.packages.node.manifests import Manifest

__all__ = ["Listing", "Misfit", "npm_listing"]

_LIMIT_S: Final = 120.0
_MISSING: Final = re.compile(r"^missing: (@?[^@]+)@(.*), required by (.+)$", re.DOTALL)
_WANTS: Final = re.compile(r'"([^"]*)" from ((?:the root project|[^,\s]+))')


@dataclass(frozen=True, slots=True)
class Misfit:
    """One request that the locked tree does not fulfil."""

    name: str
    wanted: str  # range
    by: str  # ``name@version`` of who asks, or its place in the lock file
    found: str = ""  # version that is there instead; empty where there is none


@dataclass(frozen=True, slots=True)
class Listing:
    """npm's answer."""

    misfits: tuple[Misfit, ...] = ()
    packages: int = 0
    problem: str = ""  # why there is no answer


def npm_listing(ctx: Context, manifest: Manifest) -> Listing:
    """Return npm's answer for an install root."""
    return kept(ctx, f"node_listing:{manifest.folder}", Listing, lambda: _asked(ctx, manifest))


def _asked(ctx: Context, manifest: Manifest) -> Listing:
    copy = copy_known(ctx, manifest)
    log = copy / ".npm-ls.json"
    words = ["ls", "--package-lock-only", "--all", "--json", "--no-legacy-peer-deps"]
    try:
        done = run_npm(ctx, words, copy, timeout_s=_LIMIT_S, log=log)
    except ProcessError as error:
        return Listing(problem=f"{error.message} Install Node with npm where Deployer runs.")
    if done.exit_code is None:
        return Listing(problem=f"npm ls did not end within {_LIMIT_S:g} s.")
    try:
        data = as_map(json.loads(log.read_text(encoding="utf-8")))
    except (ValueError, RecursionError):
        return Listing(problem=f"npm ls ended with {done.exit_code} and printed no JSON.")
    problems = [str(each) for each in data.get("problems") or ()]
    if done.exit_code != 0 and not problems:
        summary = as_map(data.get("error")).get("summary") or f"it ended with {done.exit_code}"
        return Listing(problem=f"npm ls could not read the lock file: {summary}")
    found = [Misfit(m[1], m[2], _plain(m[3])) for m in map(_MISSING.match, problems) if m]
    seen = _Seen()
    found += seen.walk(data)
    return Listing(tuple(dict.fromkeys(found)), len(seen.names))


def _plain(by: str) -> str:
    """Return ``name@version`` of ``folder@npm:name@version``, as npm writes a member of a workspace."""
    return by.partition("@npm:")[2] or by


class _Seen:
    """Walk npm's tree for what is there in a version that somebody does not want."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def walk(self, tree: dict[str, Any]) -> Iterator[Misfit]:
        """Yield misfits of a tree, from the top."""
        waiting = [tree]
        while waiting:
            for name, raw in as_map(waiting.pop().get("dependencies")).items():
                node = as_map(raw)
                version = node.get("version")
                if isinstance(version, str):
                    self.names.add(f"{name}@{version}")
                    invalid = node.get("invalid")
                    for wanted, by in _WANTS.findall(invalid) if isinstance(invalid, str) else ():
                        yield Misfit(name, wanted, by, version)
                waiting.append(node)

"""What an ecosystem's answer comes to as results: its findings, and a word for whatever could not be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployer_lib.check import Result, Skip, errored, skipped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployer_lib.probes.packages.model import Examined

__all__ = ["said"]


def said(examined: Examined, subject: str) -> Iterator[Result]:
    """Yield findings, and what is not applicable, blocked or unknown; nothing means that all was looked at and holds.

    Args:
        examined: an ecosystem's answer about one kind of problem.
        subject: what a result stands under that is about no single package.
    """
    yield from examined.problems
    if examined.not_applicable:
        yield skipped(Skip.NOT_APPLICABLE, examined.not_applicable, subject=subject)
    elif examined.blocked:
        yield skipped(Skip.BLOCKED, examined.blocked, subject=subject, because="environment.clean_install")
    elif examined.unknown:
        yield errored(examined.unknown[0], subject=subject, unknown=[*examined.unknown])

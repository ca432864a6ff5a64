"""What an ecosystem's answer comes to as results: its findings, and a word for whatever could not be told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from deployer_lib.check import Result, Skip, errored, skipped
from deployer_lib.secret import mask_urls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployer_lib.check import JSONValue
    from deployer_lib.probes.packages.model import Examined

__all__ = ["said", "without_credentials"]


def said(examined: Examined, subject: str) -> Iterator[Result]:
    """Yield findings, and what is not applicable, blocked or unknown; nothing means that all was looked at and holds.

    Args:
        examined: an ecosystem's answer about one kind of problem.
        subject: what a result stands under that is about no single package.
    """
    yield from map(without_credentials, examined.problems)
    if examined.not_applicable:
        yield skipped(Skip.NOT_APPLICABLE, examined.not_applicable, subject=subject)
    elif examined.blocked:
        yield skipped(Skip.BLOCKED, examined.blocked, subject=subject, because="environment.clean_install")
    elif examined.unknown:
        unknown: list[JSONValue] = [mask_urls(why) for why in examined.unknown]
        yield errored(f"{unknown[0]}", subject=subject, unknown=unknown)


def without_credentials(result: Result) -> Result:
    """Return a result without the passwords and tokens of URLs: a dependency may be declared with them."""
    code = tuple(replace(one, text=mask_urls(one.text)) for one in result.fix.code)
    return replace(
        result,
        message=mask_urls(result.message),
        subject=mask_urls(result.subject),
        root_cause=mask_urls(result.root_cause),
        fix=replace(result.fix, steps=tuple(map(mask_urls, result.fix.steps)), code=code),
        evidence={name: _masked(value) for name, value in result.evidence.items()},
    )


def _masked(value: JSONValue) -> JSONValue:
    if isinstance(value, str):
        return mask_urls(value)
    if isinstance(value, dict):
        return {mask_urls(key): _masked(item) for key, item in value.items()}
    return [_masked(item) for item in value] if isinstance(value, list) else value

"""What came of a load beside its figures: findings about the target, and the histogram's file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployer_lib.load.job import FAILING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from deployer_lib.load.result import LoadResult

__all__ = ["exported", "findings", "notes"]

#: Kinds of errors that are the generator's.
_OWN: Final = frozenset({"no descriptors", "other", "stopped"})
#: What it means where all requests ended so.
_MEANING: Final = {
    "refused": "Nobody listens there: is it up, and is the port right?",
    "timeout": "It takes connections or drops them, and does not answer in time; --timeout names the limit.",
    "protocol": "What it says is no HTTP/1.1; look at it with curl.",
    "status 401": "It wants credentials: --header.",
    "status 403": "It refuses these credentials: --header.",
    "status 404": "There is no such path: is the address right?",
    "429": "Its rate limit was reached before: lower the rate, or --expect 429.",
}


def findings(result: LoadResult, where: str) -> list[str]:
    """Return what is wrong with the target whatever the gates say.

    Args:
        result: what was measured.
        where: host and port.
    """
    sent = len(result)
    kinds = result.errors_by_kind | ({"429": result.throttled} if result.throttled else {})
    if sent and not result.answered.any() and not set(kinds) <= _OWN:
        seen = ", ".join(f"{count:,} × {kind}" for kind, count in kinds.items())
        means = _tls(result, where) if result.columns.tls_error else _MEANING.get(next(iter(kinds)), "")
        return [f"{where} answered none of {sent:,} requests as expected: {seen}. {means}".rstrip()]
    if result.stopped == FAILING:
        seen = ", ".join(f"{count:,} × {kind}" for kind, count in result.errors_by_kind.items())
        stopped = f"The load was stopped after {result.duration_s:.1f} s: {result.stopped} ({seen})."
        return [f"{stopped} --expect-errors goes on to the end."]
    return []


def notes(result: LoadResult, where: str, names: Sequence[str]) -> list[str]:
    """Return what is worth knowing, and is no finding: of a mix what was never sent, and why some connections failed."""
    sent = {part.number for part in result.specs()}
    never = [name for number, name in enumerate(names) if number not in sent]
    made = [f"Never sent, for want of requests: {', '.join(never)}."] if sent and never else []
    if result.columns.tls_error and result.answered.any():
        made.append(f"Some connections were not secured. {_tls(result, where)}")
    return made


def _tls(result: LoadResult, where: str) -> str:
    """Return why TLS failed, and what to do about it."""
    why = result.columns.tls_error
    way = ""
    if "does not speak TLS" in why:
        way = " Write http:// if that is meant."
    elif "certificate" in why and "client" not in why:
        way = " --ca FILE names whom to trust, --insecure trusts anybody."
    return f"{where}: {why}.{way}"


def exported(result: LoadResult, file: Path | None) -> list[str]:
    """Write the histogram whole or not at all, and return what went wrong; a device or a pipe is written to as it is."""
    from deployer_lib.load.histogram import log_text  # noqa: PLC0415

    if file is None:
        return []
    text = log_text(result)
    place = file.resolve()
    fresh = place.with_name(f".{place.name}.part")
    try:
        if place.exists() and not place.is_file():
            place.write_text(text, encoding="ascii")
            return []
        try:
            fresh.write_text(text, encoding="ascii")
            fresh.replace(place)
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as error:
        return [f"The histogram could not be written to {file}: {error.strerror}."]
    return []

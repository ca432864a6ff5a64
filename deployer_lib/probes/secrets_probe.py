"""Secrets: none written in code or configuration, none committed (SPEC B10).

Whether each required variable is set is :mod:`deployer_lib.probes.variables_probe`'s.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import Severity
from deployer_lib.check import Location, Result, Skip, errored, failed, passed, skipped
from deployer_lib.probes.context import Context, probe
from deployer_lib.probes.secrets import FoundSecret, SecretsFound, find_secrets
from deployer_lib.probes.secrets.advice import fix_for, impact_of, message_of, root_cause_of
from deployer_lib.probes.variables.known import known_scan

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["known_secrets", "secrets"]

_UNREAD: Final = 5  # names that a message lists
_ORDER: Final = tuple(Severity)


def known_secrets(ctx: Context) -> SecretsFound:
    """Return what was found in the project's files, looked for once a phase."""
    known = ctx.memo.get("secrets")
    if not isinstance(known, SecretsFound):
        known = find_secrets(ctx.project, ctx.parameters.project.exclude, ctx.progress, known_scan(ctx))
        ctx.memo["secrets"] = known
    return known


@probe("environment.secrets")
def secrets(ctx: Context) -> Iterable[Result]:
    """Read every file for tokens, keys, literals under secret-looking names, and fallbacks of secret variables."""
    ctx.progress("looking for secrets in the project's files …")
    found = known_secrets(ctx)
    subjects: dict[str, list[FoundSecret]] = defaultdict(list)
    for secret in found.found:
        subjects[secret.subject].append(secret)
    for subject, same in subjects.items():
        yield _finding(subject, same)
    if found.unread:
        yield _unread(found)
    elif not found.files_read:
        yield errored(
            "No file was read for secrets.",
            root_cause="The project's folder holds no text file, or project.exclude leaves all out.",
        )
        return
    if found.unscanned:
        file, why = found.unscanned[0]
        yield skipped(
            Skip.BLOCKED,
            f"Fallbacks of variables can't be told in {len(found.unscanned)} file(s): {file}: {why}",
            subject="fallbacks of variables",
            because="environment.variables_read",
        )
    if not subjects and not found.unread:
        yield passed(
            f"No secret stands in {found.files_read} files.",
            files_read=found.files_read,
            committed_files_known=found.in_git,
            history="not read",
        )


def _finding(subject: str, same: Sequence[FoundSecret]) -> Result:
    """Return one finding for what stands under one name in one file, with all its lines."""
    worst = min(same, key=lambda secret: _ORDER.index(secret.severity))
    return failed(
        message_of(worst),
        subject=subject,
        root_cause=root_cause_of(worst),
        impact=impact_of(worst),
        fix=fix_for(worst),
        locations=tuple(Location(secret.file, secret.line) for secret in same),
        severity=worst.severity,
        kind=worst.kind,
        name=worst.name,
        masked=worst.masked,
        committed=worst.committed,
        lines=[secret.line for secret in same],
    )


def _unread(found: SecretsFound) -> Result:
    names = ", ".join(f"{file} ({why})" for file, why in found.unread[:_UNREAD])
    more = f" and {len(found.unread) - _UNREAD} more" if len(found.unread) > _UNREAD else ""
    return errored(
        f"{len(found.unread)} file(s) could not be read for secrets: {names}{more}.",
        subject="files that could not be read",
        root_cause="What stands in them is unknown.",
        files_read=found.files_read,
        unread=[{"file": file, "why": why} for file, why in found.unread],
    )

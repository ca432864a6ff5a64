"""Find variables that hold secrets and have a literal fallback: the service then runs with a key that the repository tells."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import Severity
from deployer_lib.probes.secrets.model import Candidate, Origin
from deployer_lib.probes.secrets.names import is_password_name, is_signing_name, names_secret
from deployer_lib.probes.secrets.places import Place, place_of
from deployer_lib.probes.secrets.values import is_human_password, is_placeholder, is_random, is_reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from deployer_lib.probes.variables.model import Scan, Variable

__all__ = ["unsafe_defaults"]

_NO_SECRET: Final = re.compile(
    r"^(?:none|null|nil|undefined|true|false|yes|no|on|off|auto|guest|required|optional|string|n/?a|-|\.+|\*+|\d{1,7}|\[\]|\{\})$|://|^[/~.]|,|\s{2,}|^\(|=>|\(\)",
    re.IGNORECASE,
)
#: Names whose holder lets others in with it; with a fallback, anybody.
_OWN_DOOR: Final = re.compile(
    r"ADMIN|INTERNAL|WEBHOOK|SECRET$|JWT|SESSION|COOKIE|AUTH_TOKEN|SIGN|ENCRYPT", re.IGNORECASE
)
#: Names of what others gave out: a placeholder opens nothing there, it is refused.
_OTHERS: Final = re.compile(
    r"S3|AWS|STORAGE|CLIENT|OAUTH|CONSUMER|STRIPE|GITHUB|GITLAB|GOOGLE|FACEBOOK|TWITTER|SLACK|PAYPAL|TWILIO|MAIL|SMTP|CAPTCHA|CLOUD|AZURE|PUSHER|SENTRY|OPENAI",
    re.IGNORECASE,
)
_TRIAL: Final = re.compile(r"(?:^|[-_ ])(?:tests?|testing)(?:[-_ ]|$)|^your\b|integration|^<", re.IGNORECASE)
_GUARD: Final = re.compile(
    r"(?:NODE_ENV|APP_ENV|ENV(?:IRONMENT)?|env)\b[^\n]{0,30}(?:!==?|===?|!=|==)\s*[\"'](?:prod|dev|local|test)|\bis_?(?:dev|local|debug)|\bif\s+(?:settings\.)?DEBUG"
    r"|IsDevelopment\(|Rails\.env\.(?:dev|local)|unless\s+Rails\.env\.production|debug_assertions|config_env\(\)\s*(?:!=|==)",
    re.IGNORECASE,
)
#: What databases and brokers come with; they don't let strangers in with it from outside.
_OUT_OF_THE_BOX: Final = frozenset({"postgres", "root", "mysql", "redis", "rabbitmq", "minioadmin", "sa"})
_NAME: Final = re.compile(r"^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$")  # of another variable
_MIN_LENGTH: Final = 3
_SHELLS: Final = (".sh", ".bash", ".zsh", ".ksh")
_NEAR: Final = 3  # lines from a read to its fallback, where the call is written over several
_GUARD_LINES: Final = 5


def unsafe_defaults(scan: Scan, lines_of: Callable[[str], list[str]]) -> Iterator[tuple[str, Candidate]]:
    """Yield each file with the fallback that stands in it.

    Args:
        scan: of the project's variables.
        lines_of: a file's lines; none where it can't be read.
    """
    for variables, deployed in ((scan.variables, False), (scan.deploy_only, True)):
        for variable in variables:
            if variable.default is None:
                continue
            for file, line in _places(variable, lines_of):
                severity = _severity(variable, deployed=deployed or file.endswith(_SHELLS))
                place = place_of(file)
                developing = place is Place.DEVELOPMENT and is_random(variable.default) and not deployed
                if severity is None or not (place is Place.PRODUCTION or developing):
                    continue
                if developing or _is_guarded(lines_of(file), line):
                    severity = Severity.MEDIUM
                yield (
                    file,
                    Candidate(
                        "literal fallback", line, variable.default, Origin.DEFAULT, severity, variable.name
                    ),
                )


def _severity(variable: Variable, *, deployed: bool) -> Severity | None:
    """Return what a fallback weighs; None where it is none, or does no harm."""
    value, name = variable.default or "", variable.name
    if (
        len(value) < _MIN_LENGTH
        or not names_secret(name)
        or any(p.search(value) for p in (_NO_SECRET, _TRIAL))
    ):
        return None
    if is_reference(value) or _NAME.match(value):
        return None
    if is_random(value) or is_signing_name(name):
        return Severity.HIGH if deployed else Severity.CRITICAL
    return _in_deployment(name, value) if deployed else _in_code(name, value)


def _in_deployment(name: str, value: str) -> Severity | None:
    return Severity.MEDIUM if is_password_name(name) and is_human_password(value) else None


def _in_code(name: str, value: str) -> Severity | None:
    if is_password_name(name):
        return (
            None if " " in value else Severity.MEDIUM if value.lower() in _OUT_OF_THE_BOX else Severity.HIGH
        )
    if _OWN_DOOR.search(name) and not _OTHERS.search(name):
        return Severity.CRITICAL
    return None if is_placeholder(value) else Severity.HIGH


def _places(variable: Variable, lines_of: Callable[[str], list[str]]) -> list[tuple[str, int]]:
    """Return where the fallback stands: of several reads, those with it in sight."""
    found: dict[tuple[str, int], None] = {}
    for reference in variable.references:
        lines = lines_of(reference.file)
        for line in range(reference.line, min(reference.line + _NEAR, len(lines)) + 1):
            if variable.default and _is_literal(variable.default, lines[line - 1]):
                found[reference.file, line] = None
                break
    return list(found)


def _is_literal(value: str, line: str) -> bool:
    """Tell whether a fallback is written out, not computed: in quotes, or in a shell's or Spring's placeholder."""
    return any(f"{q}{value}{q}" in line for q in "\"'`") or any(f"{sign}{value}}}" in line for sign in "-:=")


def _is_guarded(lines: list[str], line: int) -> bool:
    return any(_GUARD.search(text) for text in lines[max(0, line - 1 - _GUARD_LINES) : line])

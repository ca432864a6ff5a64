"""parameters/waivers.yaml: findings that a team accepts for a time.

::

    - check: health.headers          # or with its subject: health.headers:Content-Security-Policy
      environment: staging           # every environment where absent
      owner: Maria
      reason: The CDN adds it
      ticket: SHOP-12
      expires: 2026-12-31            # on the day after, the finding blocks again
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from deployer_lib.check import Waiver
from deployer_lib.errors import ParametersError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_waivers"]

_FIELDS: Final = ("owner", "reason", "ticket", "expires")


def read_waivers(root: Path, environment: str) -> dict[str, Waiver]:
    """Return the waivers of an environment by check id or ``id:subject``; none where there is no file.

    Expired ones are returned too: the report says that they have run out.

    Raises:
        ParametersError: an entry lacks a field, or its date is none.
    """
    path = root / "parameters" / "waivers.yaml"
    name = "parameters/waivers.yaml"
    try:
        entries = YAML(typ="safe").load(path.read_text(encoding="utf-8")) or []
    except FileNotFoundError:
        return {}
    except (OSError, YAMLError, UnicodeDecodeError) as error:
        raise ParametersError(f"can't be read: {error}", file=name) from error
    if not isinstance(entries, list):
        raise ParametersError("must be a list of waivers", file=name)
    found: dict[str, Waiver] = {}
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict) or not all(entry.get(key) for key in ("check", *_FIELDS)):
            raise ParametersError(f"waiver {number} needs check, {', '.join(_FIELDS)}", file=name)
        if entry.get("environment", environment) != environment:
            continue
        try:
            expires = date.fromisoformat(str(entry["expires"]))
        except ValueError as error:
            raise ParametersError(
                f"waiver {number}: expires is not a date (2026-12-31)", file=name
            ) from error
        found[str(entry["check"])] = Waiver(
            str(entry["owner"]), str(entry["reason"]), str(entry["ticket"]), expires.isoformat()
        )
    return found

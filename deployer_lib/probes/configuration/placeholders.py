"""Texts in which something stands that is filled in later: ``${DB_SSL:false}``, ``{{ .Values.ssl }}``, ``<%= ENV["X"] %>``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.configuration.model import Unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deployer_lib.probes.configuration.model import TargetVariables

__all__ = ["filled"]

_TEMPLATE: Final = re.compile(r"\{\{.*?\}\}|<%.*?%>", re.DOTALL)
_OPEN: Final = re.compile(r"\$\{\s*([A-Za-z_][\w.-]*?)\s*(:-|-|:\?|\?|:|(?=\}))")
_MAX_DEPTH: Final = 5  # of fallbacks within fallbacks


def filled(
    text: str, variables: TargetVariables, own: Mapping[str, str] | None = None, depth: int = 0
) -> str | Unknown:
    """Return a text with the target's variables filled in; Unknown where something else stands in it.

    Args:
        text: as it stands in the file.
        variables: the target's.
        own: what the file itself defined before, as in .env files.
        depth: how many fallbacks are being filled in already.
    """
    if _TEMPLATE.search(text):
        return Unknown("it is filled in by a template")
    parts, at = [], 0
    while match := _OPEN.search(text, at):
        end = _closing(text, match.end())
        if end < 0 or depth > _MAX_DEPTH:
            break
        value = _value(match[1], match[2], text[match.end() : end], variables, own or {}, depth)
        if isinstance(value, Unknown):
            return value
        parts += [text[at : match.start()], value]
        at = end + 1
    return "".join([*parts, text[at:]])


def _value(
    name: str,
    operator: str,
    fallback: str,
    variables: TargetVariables,
    own: Mapping[str, str],
    depth: int,
) -> str | Unknown:
    if name in own:
        return own[name]
    value = variables.read(name)
    if isinstance(value, Unknown):
        return value
    if value or (value is not None and operator in {"", "-", ":", "?"}):
        return value
    if operator in {":", ":-", "-"}:
        return filled(fallback, variables, own, depth + 1)
    return Unknown(f"nothing fills ${{{name}}} in")


def _closing(text: str, at: int) -> int:
    depth = 1
    for index in range(at, len(text)):
        if text[index] == "}":
            depth -= 1
            if not depth:
                return index
        elif text.startswith("${", index):
            depth += 1
    return -1

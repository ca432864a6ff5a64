"""Groovy, as Gradle's build files and scripts are written: ``System.getenv("X")``, ``System.env.X``, ``environmentVariable("X")``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.languages.files import texts_of
from deployer_lib.probes.variables.languages.groovy_wrappers import maps_in, wrapped_reads
from deployer_lib.probes.variables.languages.placeholders import line_of
from deployer_lib.probes.variables.model import Found, Read, Reference

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from deployer_lib.probes.variables.model import Need

__all__ = ["Groovy"]

_QUOTED: Final = r"""(?:"(?P<{0}d>[A-Za-z_]\w*)"|'(?P<{0}s>[A-Za-z_]\w*)')"""
_READS: Final = "|".join(
    (
        rf"\b(?:System\s*\.\s*)?getenv\s*\(\s*{_QUOTED.format('a')}\s*\)",
        rf"\bSystem\s*\.\s*getenv\s*\(\s*\)\s*\.\s*(?P<method>get|getOrDefault|containsKey)\s*\(\s*{_QUOTED.format('b')}",
        rf"\bSystem\s*\.\s*(?:getenv\s*\(\s*\)|env)\s*\[\s*{_QUOTED.format('c')}\s*\]",
        r"\bSystem\s*\.\s*env\s*\.\s*(?P<p>[A-Za-z_]\w*)",
        r"\bSystem\s*\.\s*getenv\s*\(\s*\)\s*\.\s*(?P<q>[A-Z_]\w*)",
        rf"\benvironmentVariable\s*\(\s*{_QUOTED.format('e')}\s*\)",
    )
)
#: Of a map that the environment was given to.
_OF_MAP: Final = (
    rf"\b(?:MAPS)\s*\.\s*(?P<how>get|getOrDefault|containsKey)\s*\(\s*{_QUOTED.format('f')}"
    rf"|\b(?:MAPS)\s*\[\s*{_QUOTED.format('g')}\s*\]|\b(?:MAPS)\s*\.\s*(?P<h>[A-Z_][A-Z0-9_]+)\b"
)
_LITERAL: Final = r"""(?:"(?P<d>[^"$\n]*)"|'(?P<s>[^'\n]*)'|(?P<n>-?\d[\d.]*|true|false))"""
_INSTEAD: Final = re.compile(rf"\s*(?:\?:\s*|\.\s*(?:getOrElse|orElse)\s*\(\s*){_LITERAL}")
_ELVIS: Final = re.compile(
    r"\s*(?:\?:\s*(?!null\b)\S|\.\s*(?:getOrElse|orElse)\s*\(\s*(?!null\b|provider)\S)"
)
_TAKEN: Final = re.compile(
    r"\s*\.\s*get\s*\(\s*\)|\s*\.\s*(?:toInteger|toLong|toBoolean|trim|split|toLowerCase)\s*\("
)
_BOUND: Final = re.compile(r"(?:\bdef|\bString|\bvar|\bfinal)\s+(\w+)\s*=\s*$")
_REFUSED: Final = r"if\s*\(\s*(?:!\s*{0}\b|{0}\s*==\s*null|{0}\s*\?\.\s*isEmpty)[^{{;\n]*\)\s*\{{?\s*throw\b"
_OTHERS: Final = frozenset({"skip", "text", "method", "how"})  # groups that hold no name
_WINDOW: Final = 2_000  # characters after a read in which its absence is refused


class Groovy:
    """Reads ``.gradle`` and ``.groovy`` files, by their tokens: there is no grammar for them among the dependencies."""

    language = "groovy"
    suffixes = frozenset({".gradle", ".groovy"})
    deploy = False

    def read(self, root: Path, files: Sequence[Path]) -> Found:
        """Return what the files, given relative to ``root``, read from the environment."""
        found = Found()
        for relative, text in texts_of(root, files, found):
            path = relative.as_posix()
            for one in wrapped_reads(text):
                place = Reference(path, *line_of(text, one.at), "System.getenv()")
                found.reads.append(Read(one.name, one.need, one.default, place))
            for match in _token(maps_in(text)).finditer(text):
                name = next(
                    (value for key, value in match.groupdict().items() if value and key not in _OTHERS), ""
                )
                if name:
                    need, default = _need(text, match)
                    line, column = line_of(text, match.start())
                    idiom = (
                        "providers.environmentVariable()"
                        if "environmentVariable" in match[0]
                        else "System.getenv()"
                    )
                    found.reads.append(Read(name, need, default, Reference(path, line, column, idiom)))
        return found


def _token(maps: frozenset[str]) -> re.Pattern[str]:
    """Return what finds the reads of a text, given its maps that hold the environment.

    Comments and texts are consumed first, so that nothing inside them is taken for a read; "${…}" in a text is code.
    """
    reads = f"{_READS}|{_OF_MAP.replace('MAPS', '|'.join(sorted(maps)))}" if maps else _READS
    return re.compile(
        rf"""(?P<skip>//[^\n]*|/\*.*?\*/)|{reads}|(?P<text>'''.*?'''|'(?:[^'\\\n]|\\.)*')""", re.DOTALL
    )


def _need(text: str, match: re.Match[str]) -> tuple[Need, str | None]:
    """Return the need of a read, by what stands behind it and what becomes of the name that it is bound to."""
    after = match.end()
    if "getOrDefault" in {match["method"], match.groupdict().get("how")}:
        given = re.compile(rf"\s*,\s*{_LITERAL}").match(text, after)
        return "default", _value(given)
    if (given := _INSTEAD.match(text, after)) is not None:
        return "default", _value(given)
    if _ELVIS.match(text, after):
        return "default", None
    if _TAKEN.match(text, after):
        return "required", None
    bound = _BOUND.search(text, max(0, match.start() - 120), match.start())
    refused = bound and re.search(_REFUSED.format(re.escape(bound[1])), text[after : after + _WINDOW])
    return ("required" if refused else "optional"), None


def _value(given: re.Match[str] | None) -> str | None:
    return (
        None
        if given is None
        else next((given[key] for key in ("d", "s", "n") if given[key] is not None), None)
    )

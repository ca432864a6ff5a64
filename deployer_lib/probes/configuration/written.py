"""The line to write instead of the one that stands in a file, in the file's own language."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Code, Location

if TYPE_CHECKING:
    from pathlib import Path as FilePath

    from deployer_lib.probes.configuration.model import Path

__all__ = ["code_of", "language_of"]

_LANGUAGES: Final = {
    "yaml": "yaml", "yml": "yaml", "json": "json", "jsonc": "json", "toml": "toml", "env": "sh", "ini": "ini", "cfg": "ini",
    "properties": "properties", "py": "python", "js": "javascript", "cjs": "javascript", "mjs": "javascript", "ts": "typescript",
}  # fmt: skip
_LONGEST: Final = 400


def language_of(file: str) -> str:
    """Return the language of a configuration file; .env files are shell."""
    name = file.rpartition("/")[2]
    return "sh" if name.startswith(".env") else _LANGUAGES.get(name.rpartition(".")[2], "")


def code_of(root: FilePath, place: Location, path: Path, value: str) -> Code:
    """Return the line of a setting with another value, as it is to stand in its file.

    Args:
        root: the project.
        place: where the setting stands; line 0 where it is missing.
        path: the setting.
        value: what to write, as JSON writes it.
    """
    language = language_of(place.file)
    key = path[-1] if path else ""
    literal = _literal(value, language)
    written = _line(root, place)
    pattern = rf"""^(\s*(?:export\s+|-\s+)?["']?(?:[\w.-]+\.)?{re.escape(key)}["']?\s*[:=]\s*)([^,#]*?)(\s*,?\s*)$"""
    if written and not key.isdecimal() and (match := re.match(pattern, written)):
        return Code(place.file, f"{match[1]}{literal}{match[3].rstrip()}", place.line, language)
    if language == "python" and len(path) > 1:
        return Code(place.file, f'"{key}": {literal},', place.line, language)
    return Code(place.file, _made(key, literal, language), place.line, language)


def _literal(value: str, language: str) -> str:
    if language == "python":
        return {"true": "True", "false": "False", "null": "None"}.get(value, value)
    if language in {"sh", "ini", "properties"}:
        return value.strip('"')
    return value


def _made(key: str, literal: str, language: str) -> str:
    if language in {"yaml", ""}:
        return f"{key}: {literal}"
    if language == "json":
        return f'"{key}": {literal}'
    if language in {"javascript", "typescript"}:
        return f"{key}: {literal},"
    return f"{key}={literal}" if language in {"sh", "properties"} else f"{key} = {literal}"


def _line(root: FilePath, place: Location) -> str:
    if not place.line:
        return ""
    try:
        lines = (root / place.file).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    return lines[place.line - 1] if place.line <= len(lines) and len(lines[place.line - 1]) < _LONGEST else ""

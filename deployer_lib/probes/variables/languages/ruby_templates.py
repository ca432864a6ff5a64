"""The Ruby in templates: ERB and YAML between their tags, Haml and Slim where they ask for the environment."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["TEMPLATES", "ruby_of"]

_TAGGED: Final = frozenset({".erb", ".yml", ".yaml"})
_MARKUP: Final = frozenset({".haml", ".slim"})
#: Suffixes of templates.
TEMPLATES: Final = _TAGGED | _MARKUP
_TAG: Final = re.compile(rb"<%(?!%)([-=#]?)(.*?)-?%>", re.DOTALL)
#: Of a line of YAML, what makes the rest of it a comment.
_REMARK: Final = re.compile(rb"(?:^|\s)#")
#: A line of Haml (``-#``) or Slim (``/``) that is a comment.
_COMMENT_LINE: Final = re.compile(rb"^\s*(?:-#|/)")
_ASKED: Final = rb"ENV(?:\[[^\]\n]*\]|\.(?:fetch|key\?|has_key\?|include\?)\([^)\n]*\))"
#: A question to the environment with the fallbacks behind it. Which Ruby stands around it depends on the markup's own grammar.
_EXPRESSION: Final = re.compile(_ASKED + rb"(?:\s*\|\|\s*(?:" + _ASKED + rb"|\"[^\"\n]*\"|'[^'\n]*'|\d+))*")
_VISIBLE: Final = re.compile(rb"[^\n]")


def ruby_of(source: bytes, suffix: str) -> bytes:
    """Return the Ruby in a file, every byte in its place and all else blanked; a file that is no template as it is.

    Args:
        source: the file.
        suffix: its suffix.
    """
    if suffix in _TAGGED:
        return _between_tags(source)
    return _asked(source) if suffix in _MARKUP else source


def _between_tags(source: bytes) -> bytes:
    blank = bytearray(_VISIBLE.sub(b" ", source))
    for tag in _TAG.finditer(source):
        before = source[source.rfind(b"\n", 0, tag.start()) + 1 : tag.start()]
        if tag[1] != b"#" and not _REMARK.search(before):
            blank[tag.start(2) : tag.end(2)] = tag[2]
            blank[tag.end() - 1] = ord(";")
    return bytes(blank)


def _asked(source: bytes) -> bytes:
    blank = bytearray(_VISIBLE.sub(b" ", source))
    for found in _EXPRESSION.finditer(source):
        line = source[source.rfind(b"\n", 0, found.start()) + 1 : found.start()]
        if _COMMENT_LINE.match(line):
            continue
        blank[found.start() : found.end()] = found[0]
        if blank[found.end() : found.end() + 1] == b" ":
            blank[found.end()] = ord(";")
    return bytes(blank)

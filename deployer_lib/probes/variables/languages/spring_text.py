"""``${X}``, ``${X:default}`` and ``#{systemEnvironment['X']}`` in texts that Spring, Quarkus, logback and their kin fill in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployer_lib.probes.variables.model import Need

__all__ = ["Filled", "Style", "filled_in", "is_variable"]

#: spring: ``${X:default}``, fails without; shell: ``${X:-default}``, fails without; log: the same, stays as it is without;
#: hocon: ``${?X}`` may be absent; env: ``${env.X}`` and ``${env:X}`` alone are variables, all else are properties;
#: strict: the same, and fails without.
Style = Literal["spring", "shell", "log", "hocon", "env", "strict"]

_VARIABLE: Final = re.compile(r"(?=.*[A-Z])[A-Z_][A-Z0-9_]+")
_PREFIX: Final = re.compile(r"(?:env|ENV)[:.]")  # log4j2 and picocli: env:X, Maven and Liberty: env.X
#: SpEL: #{systemEnvironment['x'] ?: 'd'}, #{environment.X}, #{@environment.getProperty('X', 'd')}
_SPEL: Final = re.compile(
    r"(?:@|\b)(?:(?P<system>systemEnvironment|T\(\s*(?:java\.lang\.)?System\s*\)\s*\.\s*getenv)|environment|env)"
    r"(?:\??\.(?P<dot>[A-Za-z_]\w*)(?![\w(])"
    r"|\??\.?(?P<method>get|getProperty|getRequiredProperty|getOrDefault)?[\[(]\s*(?P<quote>['\"])(?P<key>[A-Za-z_]\w*)(?P=quote)"
    r"(?:\s*,\s*(?P<given>'[^']*'|[\w.-]+))?\s*[\])])"
    r"(?:\s*\?:\s*(?P<elvis>'[^']*'|[^}]*?)\s*(?=[}.)]|$)"
    r"|\s*==\s*null\s*\?\s*(?P<absent>'[^']*'|[\w.-]+)\s*:|\s*!=\s*null\s*\?[^:{}]*:\s*(?P<other>'[^']*'|[\w.-]+))?"
)
_NESTING: Final = 8
_LONGEST: Final = 4_000  # characters of a placeholder with its default


@dataclass(frozen=True, slots=True)
class Filled:
    """One variable that a text names."""

    name: str
    need: Need
    default: str | None
    offset: int  # of the placeholder's sign in the text


def is_variable(name: str) -> bool:
    """Tell whether a name is written as an environment variable's, in upper case, and not as a property's."""
    return _VARIABLE.fullmatch(name) is not None


def filled_in(text: str, style: Style = "spring", *, start: int = 0, depth: int = 0) -> Iterator[Filled]:
    """Yield the variables that a text's placeholders and SpEL expressions name, nested ones included.

    Args:
        text: of a value, or of a whole file.
        style: how defaults are written, and whether a variable may be absent.
        start: added to each offset.
        depth: how many placeholders stand around the text.
    """
    position = text.find("{")
    while position >= 0 and depth < _NESTING:
        sign, end = text[position - 1 : position], _end(text, position)
        if sign not in {"$", "#"} or not position:
            position = text.find("{", position + 1)
            continue
        body = text[position + 1 : end]
        if sign == "$":
            yield from _placed(body, style, start + position - 1, depth)
        else:
            yield from _spelled(body, start + position - 1)
            yield from filled_in(body, style, start=start + position + 1, depth=depth + 1)
        position = text.find("{", end)


def _end(text: str, opening: int) -> int:
    """Return where the brace closes that opens at a place, the next place where it does not."""
    level = 0
    for position in range(opening, min(len(text), opening + _LONGEST)):
        if text[position] == "{":
            level += 1
        elif text[position] == "}":
            level -= 1
            if not level:
                return position
    return min(opening + 1, len(text))


def _placed(body: str, style: Style, offset: int, depth: int) -> Iterator[Filled]:
    tolerant, name = body.startswith("?"), body.removeprefix("?")
    prefix = _PREFIX.match(name)
    name = name[prefix.end() :] if prefix is not None else name
    cut = re.match(r"[^:{}\s$]*", name)
    word = cut.group() if cut is not None else ""
    rest = name[len(word) :]
    yield from filled_in(rest, style, start=offset + 2 + len(body) - len(rest), depth=depth + 1)
    if (
        not is_variable(word)
        or (style in {"env", "strict"} and prefix is None)
        or (rest and not rest.startswith(":"))
    ):
        return
    if not rest:
        tolerant = tolerant or style in {"log", "env"} or (prefix is not None and style != "strict")
        yield Filled(word, "optional" if tolerant else "required", None, offset)
        return
    default = rest[1:]
    if style in {"shell", "log", "env"} or prefix is not None:
        default = default.removeprefix("-")
    default = default.strip("`")  # of Micronaut, around what has a colon in it
    absent = default.strip() in {"#{null}", "null", "@null"}
    yield Filled(word, "optional" if absent else "default", None if absent else default, offset)


def _spelled(body: str, offset: int) -> Iterator[Filled]:
    for match in _SPEL.finditer(body):
        name = match["dot"] or match["key"]
        if match["system"] is None and not is_variable(name):
            continue  # of Spring's environment, which holds properties too
        default = next((match[key] for key in ("given", "elvis", "absent", "other") if match[key]), None)
        absent = default is None or default == "null"
        needed = match["method"] == "getRequiredProperty"
        need: Need = "required" if needed else "optional" if absent else "default"
        yield Filled(name, need, None if absent or default is None else default.strip("'"), offset)

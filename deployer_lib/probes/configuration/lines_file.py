"""Read files of one setting a line: TOML's places, .env, INI and Java properties. Values but TOML's are texts."""

from __future__ import annotations

import datetime as dt
import math
import re
import tomllib
from collections import Counter
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Location
from deployer_lib.probes.configuration.model import Path, Settings, Tree, Unknown, Unreadable
from deployer_lib.probes.configuration.placeholders import filled

if TYPE_CHECKING:
    from deployer_lib.probes.configuration.model import TargetVariables

__all__ = ["read_dotenv", "read_ini", "read_properties", "read_toml"]

_TABLE: Final = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?")
_KEY: Final = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_STEP: Final = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")
_DOTENV: Final = re.compile(r"\s*(?:export\s+)?([A-Za-z_][\w.-]*)\s*=\s*(.*)")
_PROPERTY: Final = re.compile(r"((?:[^\\:=\s]|\\.)+)\s*[:=\s]\s*(.*)|((?:[^\\:=\s]|\\.)+)")


def read_toml(text: str, file: str, variables: TargetVariables) -> Settings:
    """Return what a TOML file says.

    Raises:
        Unreadable: it is no TOML.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        raise Unreadable(f"it is no TOML: {error}", int(line[1]) if line else 0) from error
    except RecursionError as error:
        raise Unreadable("it is nested too deeply") from error
    return Settings(file, _plain(data, variables), _toml_places(text, file))


def _plain(value: object, variables: TargetVariables) -> Tree:
    if isinstance(value, dict):
        return {name: _plain(item, variables) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, variables) for item in value]
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return Unknown(f"{value} is no number that can be compared")
    if isinstance(value, str):
        return filled(value, variables)
    return value if isinstance(value, bool | int | float) else str(value)


def _toml_places(text: str, file: str) -> dict[Path, Location]:
    places: dict[Path, Location] = {}
    table: Path = ()
    arrays: Counter[Path] = Counter()
    for number, line in enumerate(text.splitlines(), 1):
        if match := _TABLE.fullmatch(line):
            table = _steps(match[2])
            if match[1] == "[[":
                arrays[table] += 1
                table = (*table, str(arrays[table] - 1))
            places.setdefault(table, Location(file, number))
        elif match := _KEY.match(line):
            places.setdefault((*table, *_steps(match[1])), Location(file, number))
    return places


def _steps(text: str) -> Path:
    return tuple(step.strip("\"'") for step in _STEP.findall(text))


def read_dotenv(text: str, file: str, variables: TargetVariables) -> Settings:
    """Return what a .env file says; every value is a text.

    Raises:
        Unreadable: a line is no assignment.
    """
    tree: dict[str, Tree] = {}
    own: dict[str, str] = {}
    places: dict[Path, Location] = {}
    lines = enumerate(text.splitlines(), 1)
    for number, line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _DOTENV.fullmatch(line)
        if match is None and re.fullmatch(r"\s*[A-Za-z_]\w*\s*", line):
            tree[line.strip()] = Unknown("its value is passed on from whoever starts the process", number)
            places[(line.strip(),)] = Location(file, number)
            continue
        if match is None:
            raise Unreadable("it is no .env file: NAME=value is expected", number)
        name, value = match[1], match[2].strip()
        quote = value[:1] if value[:1] in {'"', "'", "`"} else ""
        while quote and value.find(quote, 1) < 0 and (more := next(lines, None)):
            value += "\n" + more[1]
        if quote and value.find(quote, 1) < 0:
            raise Unreadable(f"the text of {name} has no closing quote", number)
        literal = _unquoted(value, quote)
        given = literal if quote == "'" else filled(literal, variables, own)
        tree[name] = given
        own.pop(name, None)
        if isinstance(given, str):
            own[name] = given
        places[(name,)] = Location(file, number)
    return Settings(file, tree, places)


def _unquoted(value: str, quote: str) -> str:
    if quote:
        end = value.find(quote, 1)
        return value[1:end] if end > 0 else value[1:]
    return re.split(r"\s#", value, maxsplit=1)[0].strip()


def read_ini(text: str, file: str, variables: TargetVariables) -> Settings:
    """Return what an INI file says: sections, each a map of texts; what stands before the first is the top.

    Raises:
        Unreadable: a line is neither section nor setting.
    """
    tree: dict[str, Tree] = {}
    places: dict[Path, Location] = {}
    path: Path = ()
    here = tree
    last = ""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip()[0] in "#;":
            continue
        if section := re.fullmatch(r"\s*\[(.+)\]\s*", line):
            path = (section[1].strip(),)
            found = tree.setdefault(path[0], {})
            here = found if isinstance(found, dict) else {}
            places.setdefault(path, Location(file, number))
            last = ""
        elif line[0].isspace() and last and isinstance(before := here[last], str):
            here[last] = f"{before}\n{line.strip()}".strip()
        else:
            name, sign, value = re.match(r"([^=:]*)([=:]?)(.*)", line, re.DOTALL).groups()  # type: ignore[union-attr]  # it matches everything
            if not sign and not path:
                raise Unreadable("it is no INI file: a section or name = value is expected", number)
            last = name.strip()
            given = filled(value.strip(), variables) if sign else None
            here[last] = (
                Unknown(f"{last} stands more than once, and readers differ") if last in here else given
            )
            places[*path, last] = Location(file, number)
    return Settings(file, tree, places)


def read_properties(text: str, file: str, variables: TargetVariables) -> Settings:
    """Return what a Java properties file says: its dotted names as maps, every value a text."""
    tree: dict[str, Tree] = {}
    places: dict[Path, Location] = {}
    lines = enumerate(text.splitlines(), 1)
    for number, written in lines:
        line = written.lstrip()
        if not line or line[0] in "#!":
            continue
        while re.search(r"(?<!\\)(?:\\\\)*\\$", line) and (more := next(lines, None)):
            line = line[:-1] + more[1].lstrip()
        match = _PROPERTY.match(line)
        if match is None:
            continue
        name = re.sub(r"\\(.)", r"\1", match[1] or match[3])
        path = tuple(step for step in re.split(r"[.\[\]]+", name) if step)
        _put(tree, path, filled(re.sub(r"\\([\\:=#! ])", r"\1", (match[2] or "").strip()), variables))
        places[path] = Location(file, number)
    return Settings(file, tree, places)


def _put(tree: dict[str, Tree], path: Path, value: Tree) -> None:
    for name in path[:-1]:
        found = tree.setdefault(name, {})
        if not isinstance(found, dict):  # both a.b and a.b.c are set: a map cannot hold both
            found = tree[name] = {"": found}
        tree = found
    if path:
        before = tree.get(path[-1])
        if isinstance(before, dict):
            before[""] = value
        else:
            tree[path[-1]] = value

"""Configuration files of the JVM that name variables: Spring, Quarkus, Micronaut, Ktor, HOCON, logback, log4j2, Maven, Liberty."""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.languages.spring_text import Filled, filled_in
from deployer_lib.probes.variables.model import Found, Read, Reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from deployer_lib.probes.variables.languages.spring_text import Style
    from deployer_lib.probes.variables.model import Need

__all__ = ["Placeholders", "is_property", "values_beside"]

_YAML: Final = frozenset({".yml", ".yaml"})
_PROPERTIES: Final = _YAML | {".properties"}
#: Places whose further files are configuration of the application.
_PLACES: Final = re.compile(r"(?:^|/)(?:src/main/resources|src/main/webapp|app/conf|conf|WEB-INF)/")
_RESOURCES: Final = re.compile(r"(?:^|/)src/main/resources/(?:config/)?[^/]+$")
#: Texts for people and descriptions of interfaces, which hold no configuration.
_TEXTS: Final = re.compile(
    r"(?i)(?:messages|validationmessages|i18n|openapi|swagger|.*_[a-z]{2}(?:_[a-z]{2})?\.properties$)"
)
#: What Spring Boot sets itself before logback reads its file.
_LOGBACK: Final = frozenset(
    {
        "LOG_FILE",
        "LOG_PATH",
        "LOG_TEMP",
        "PID",
        "LOGGED_APPLICATION_NAME",
        "LOGGED_APPLICATION_GROUP",
        "LOG_EXCEPTION_CONVERSION_WORD",
        "LOG_LEVEL_PATTERN",
        "LOG_DATEFORMAT_PATTERN",
        "LOG_CORRELATION_PATTERN",
        "CONSOLE_LOG_PATTERN",
        "CONSOLE_LOG_CHARSET",
        "CONSOLE_LOG_THRESHOLD",
        "CONSOLE_LOG_STRUCTURED_FORMAT",
        "FILE_LOG_PATTERN",
        "FILE_LOG_CHARSET",
        "FILE_LOG_THRESHOLD",
        "FILE_LOG_STRUCTURED_FORMAT",
        "LOGBACK_ROLLINGPOLICY_FILE_NAME_PATTERN",
        "LOGBACK_ROLLINGPOLICY_MAX_FILE_SIZE",
        "LOGBACK_ROLLINGPOLICY_MAX_HISTORY",
        "LOGBACK_ROLLINGPOLICY_TOTAL_SIZE_CAP",
        "LOGBACK_ROLLINGPOLICY_CLEAN_HISTORY_ON_START",
    }
)
_OWN_LOGBACK: Final = ("HOSTNAME", "CONTEXT_NAME")  # that logback itself sets
#: Names that are Spring Boot's alone, in files that it includes too.
_BOOT: Final = _LOGBACK - {"LOG_FILE", "LOG_PATH", "LOG_TEMP"}
#: Liberty: ``<variable name="X" defaultValue="d"/>`` is what holds where the environment has nothing.
_USUAL: Final = re.compile(
    r"<variable\b(?=[^>]*?\bname\s*=\s*[\"']([A-Za-z0-9_]+)[\"'])(?=[^>]*?\bdefaultValue\s*=\s*[\"']([^\"']*)[\"'])"
)
#: Ktor's values are filled in as a whole: ``port: "$PORT:8080"``, ``"$?PORT"`` where it may be absent.
_WHOLE: Final = re.compile(
    r"^[ \t]*(?:-[ \t]+)?(?:[\w.-]+:[ \t]+)?[\"']?(\$(\??)([A-Z_][A-Z0-9_]+)(?::([^\"'\n]*))?)[\"']?[ \t]*$",
    re.MULTILINE,
)
_KTOR: Final = re.compile(r"^ktor:", re.MULTILINE)
#: JReleaser's templates.
_MUSTACHE: Final = re.compile(r"\{\{\s*Env\.([A-Z_][A-Z0-9_]+)\s*\}\}")
_DEFINED: Final = re.compile(
    r"<(?:property|variable|springProperty|define|substitutionProperty|Property|contextProperty)\b"
    r"[^>]*?\bname\s*=\s*[\"']([A-Za-z0-9_]+)[\"']"
)
_KEY: Final = re.compile(r"^[ \t]*([A-Z_][A-Z0-9_]+)[ \t]*[:=][ \t]*(.*?)[ \t]*$", re.MULTILINE)
_QUOTED: Final = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\n])*'")
#: What Spring and Quarkus read whatever the profile.
_BASE: Final = (
    "application.yml", "application.yaml", "application.properties", "config/application.yml", "config/application.properties",
)  # fmt: skip
_MAX_BYTES: Final = 2_000_000  # a configuration beyond this is data


class Placeholders:
    """Reads configuration files that name variables in ``${…}``."""

    language = "configuration"
    suffixes = frozenset({".yml", ".yaml", ".properties", ".xml", ".conf"})

    def read(self, root: Path, files: Sequence[Path]) -> Found:
        """Return what the files, given relative to ``root``, read from the environment."""
        found = Found()
        for path in files:
            try:
                data = _data(root / path) if _may(path) else b""
            except OSError as error:
                found.skipped.append((path.as_posix(), f"it can't be read: {error.strerror}", 0))
                continue
            if b"$" in data or b"#{" in data or b"{{" in data:
                found.reads.extend(_file(path, data.decode("utf-8", "replace")))
        return found


def values_beside(root: Path, source: str) -> dict[str, str | None]:
    """Return the variables' names to which the base configuration beside a module's source gives values itself.

    Args:
        root: the project.
        source: path of a source file, below ``src/main`` of its module.
    """
    module, found, _ = source.partition("src/main/")
    resources = root / module / "src/main/resources"
    values: dict[str, str | None] = {}
    for name in _BASE if found else ():
        path = resources / name
        if path.is_file():
            text = _data(path).decode("utf-8", "replace")
            values.update(_own_values(_without_comments(text, path.suffix), path))
    return values


def is_property(root: Path, sources: Iterable[str], name: str) -> bool:
    """Tell whether a configuration file of any of a project's modules gives a value to a name.

    Args:
        root: the project.
        sources: paths of its source files, below ``src/main`` of their modules.
        name: of a property, or of a variable.
    """
    key = re.compile(rf"^[ \t-]*[\"']?(?:[\w.-]+\.)?{re.escape(name)}[\"']?[ \t]*[:=]", re.MULTILINE)
    modules = {source.partition("src/main/")[0] for source in sources if "src/main/" in source}
    return any(
        key.search(_data(path).decode("utf-8", "replace")) is not None
        for module in sorted(modules)
        for path in (root / module / "src/main/resources").rglob("*")
        if path.suffix in _PROPERTIES and path.is_file()
    )


def _data(path: Path) -> bytes:
    return path.read_bytes() if path.stat().st_size <= _MAX_BYTES else b""


def _may(path: Path) -> bool:
    """Tell by its name alone whether a file may be configuration."""
    if path.suffix not in _YAML:
        return True
    named = path.name.startswith(("application", "bootstrap", "log4j2", "logback", "jreleaser"))
    return named or _RESOURCES.search(path.as_posix()) is not None


def _style(path: Path, text: str) -> Style | None:  # noqa: PLR0911  (one kind of file after the other)
    """Return how a file writes its variables, None where it is no configuration of the JVM."""
    if path.name.startswith("log4j"):
        return "env"
    if path.suffix == ".xml":
        return _xml_style(path, text)
    if path.suffix == ".conf":  # Conveyor and others put the environment under a name of its own
        return "hocon" if _is_hocon(path, text) else "strict"
    if path.name.startswith(("application", "bootstrap")):
        return "spring"
    if _TEXTS.match(path.name):
        return None
    if path.suffix in _YAML:  # Dropwizard and others substitute as a shell does
        return "shell" if ":-" in text else "spring"
    return "spring" if _PLACES.search(path.as_posix()) else None


def _xml_style(path: Path, text: str) -> Style | None:
    if path.name.startswith("logback"):
        return "log"
    if "maven.apache.org/SETTINGS" in text or "<featureManager>" in text or "configDropins" in path.parts:
        return "log"  # Maven's settings and Liberty look for X itself in the environment, not for env.X alone
    if path.name in {"pom.xml", "server.xml", "settings.xml"}:
        return "env"
    return (
        "spring" if "springframework.org/schema" in text else None
    )  # others' ${…} are of another kind: MyBatis, Ant


def _is_hocon(path: Path, text: str) -> bool:
    if path.name.startswith(("application", "reference")):
        return True
    if not _PLACES.search(path.as_posix()):
        return False
    lines = [line.strip() for line in text.splitlines()]
    return "${?" in text or not any(
        line.endswith(";") or line.startswith("<") for line in lines
    )  # nginx, Apache


def _file(path: Path, text: str) -> Iterator[Read]:
    style = _style(path, text)
    if style is None:
        return
    bare = _without_comments(text, path.suffix)
    if style == "hocon":
        bare = _QUOTED.sub(_blank, bare)  # nothing is put in between quotes
    own = _own_values(bare, path)
    found = filled_in(bare, style)
    if path.suffix in _YAML:
        found = chain(found, _templated(path, bare), _whole(bare) if _KTOR.search(bare) else ())
    for one in found:
        given = own.get(one.name)
        if style == "log" and one.name in own and given is None:
            continue
        need, default = one.need, one.default
        if (
            need != "default" and given is not None
        ):  # the file gives the value itself, the environment another
            need, default = "default", given
        start = bare.rfind("\n", 0, one.offset) + 1
        line, column = bare.count("\n", 0, one.offset) + 1, len(bare[start : one.offset].encode()) + 1
        yield Read(one.name, need, default, Reference(path.as_posix(), line, column, "${…}"))


def _whole(text: str) -> Iterator[Filled]:
    for match in _WHOLE.finditer(text):
        need: Need = "default" if match[4] is not None else "optional" if match[2] else "required"
        yield Filled(match[3], need, match[4], match.start(1))


def _templated(path: Path, text: str) -> Iterator[Filled]:
    for match in _MUSTACHE.finditer(text) if path.name.startswith("jreleaser") else ():
        yield Filled(match[1], "optional", None, match.start())


def _own_values(text: str, path: Path) -> dict[str, str | None]:
    """Return the names that a file defines itself, with their values where they are known."""
    if path.suffix == ".xml":
        names: Iterable[str] = _DEFINED.findall(text)
        spring = path.name.startswith("logback-spring") or "springframework/boot" in text
        log = (*_OWN_LOGBACK, *(_LOGBACK if spring else _BOOT)) if path.name.startswith("logback") else ()
        return {**dict.fromkeys([*names, *log]), **dict(_USUAL.findall(text))}
    return {
        key: value.strip("\"'")
        for key, value in _KEY.findall(text)
        if f"${{{key}" not in value and f"?{key}" not in value
    }


def _without_comments(text: str, suffix: str) -> str:
    """Return a text with its comments blanked, every place as it was."""
    if suffix == ".xml":
        return re.sub(r"<!--.*?-->", _blank, text, flags=re.DOTALL)
    if suffix == ".properties":
        return re.sub(r"^[ \t]*[#!].*$", _blank, text, flags=re.MULTILINE)
    return "\n".join(_uncommented(line, suffix) for line in text.split("\n"))


def _uncommented(line: str, suffix: str) -> str:
    if "#" not in line and (suffix != ".conf" or "//" not in line):
        return line
    covered = _QUOTED.sub(lambda match: "x" * len(match.group()), line)
    found = re.search(r"(?:^|(?<=\s))#(?!\{)" if suffix in _YAML else r"#(?!\{)|(?<!:)//", covered)
    return line if found is None else line[: found.start()] + " " * (len(line) - found.start())


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match.group())

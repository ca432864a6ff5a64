"""What Java and Kotlin share: words of their libraries, annotations of Spring, MicroProfile, Micronaut and picocli."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import Read, Vocabulary
from deployer_lib.probes.variables.flow.texts import keys_of, plain
from deployer_lib.probes.variables.languages.configuration import is_property, values_beside
from deployer_lib.probes.variables.languages.spring_text import filled_in, is_variable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Language
    from deployer_lib.probes.variables.flow.program import Program, SourceFile
    from deployer_lib.probes.variables.languages.spring_text import Style
    from deployer_lib.probes.variables.model import Need

__all__ = [
    "ENVIRONMENT_NAME",
    "ENVIRONMENT_TYPES",
    "FAILURES",
    "SYSTEM_MAP",
    "annotated",
    "asks_environment",
    "class_of",
    "is_flag",
    "replacement",
    "words",
]

#: Variables that hold the environment, by their names.
ENVIRONMENT_NAME: Final = re.compile(
    r"(?i)_?(?:sys|system|os|process)?_?(?:env|envs|environ|environment)_?(?:map|vars|variables)?"
)
#: Types of Spring and Micronaut that find a property in the environment, among other places.
ENVIRONMENT_TYPES: Final = frozenset(
    {"Environment", "ConfigurableEnvironment", "StandardEnvironment", "PropertyResolver", "ConfigurablePropertyResolver",
     "ApplicationContextEnvironment", "ConfigurableWebEnvironment", "ApplicationContext"}
)  # fmt: skip
#: System.getenv(), a copy of it or a view on it.
SYSTEM_MAP: Final = re.compile(
    r"(?:new\s+\w+(?:<[^()]*>)?\(|\w+\.\w+\()?\s*(?:System\s*\.\s*)?getenv\(\s*\)\s*\)?(?:\.to(?:Mutable)?Map\(\))?"
)

#: Errors that tell of an argument that is missing or has no value.
FAILURES: Final = re.compile(
    r"\b(?:\w*NumberFormat\w*|IllegalArgument\w*|NullPointer\w*|RuntimeException|Exception|Throwable|DateTimeParse\w*"
    r"|URISyntax\w*|MalformedURL\w*|NoSuchElement\w*|InvalidPath\w*)\b"
)
#: Properties of Spring are written with dots and hyphens: db_password is one only where a file says so.
_SNAKE: Final = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+")
#: Kinds of letters that patterns name, as ranges: names of settings hold no others.
_PROPERTIES: Final = {
    r"\p{Lu}": "A-Z", r"\p{Upper}": "A-Z", r"\p{javaUpperCase}": "A-Z", r"\p{Ll}": "a-z", r"\p{Lower}": "a-z",
    r"\p{L}": "A-Za-z", r"\p{Alpha}": "A-Za-z", r"\p{Alnum}": "A-Za-z0-9", r"\p{Punct}": r"!-/:-@\[-`{-~",
}  # fmt: skip
#: Arguments of annotations that are texts for people.
_TEXTS: Final = frozenset(
    {"description", "example", "summary", "notes", "message", "reason", "title", "header", "footer"}
)
_FILLED: Final = frozenset({"Value", "Scheduled", "Property"})  # whose value may be a constant's text
#: Annotations of Spring and Micronaut that ask whether a property is there, and the arguments that name it.
_CONDITIONS: Final = {
    "ConditionalOnProperty": frozenset({"", "name", "value"}),
    "ConditionalOnBooleanProperty": frozenset({"", "name", "value"}),
    "Requires": frozenset({"property", "missingProperty"}),
}
_SHELL: Final = frozenset({"Option", "Parameters", "Command"})  # of picocli: ${X:-default}


def class_of(name: str, declared: str, written: str) -> str:
    """Return the class of an object, as far as names and declarations tell; empty where they don't.

    Args:
        name: of the object, where it is a plain one.
        declared: its simple type, where a declaration says so.
        written: the expression as it stands.
    """
    if name and "." not in name:
        return declared or (name if name[:1].isupper() and not name.isupper() else "")
    first = re.match(r"(?:[a-z_]\w*\.)*([A-Z]\w*)", written)
    return first.group(1) if first is not None else ""


def asks_environment(program: Program, names: set[str | None], kind: str) -> bool:
    """Tell whether all names that are asked of an object are variables': in capitals, or ``db_password`` that no file defines.

    Args:
        program: the sources, for the configuration beside them.
        names: that the object is asked for, None for one that is not known.
        kind: its simple type, empty where no declaration says it.
    """
    return bool(names) and all(
        name is not None
        and (
            is_variable(name)
            or (
                kind in ENVIRONMENT_TYPES
                and _SNAKE.fullmatch(name) is not None
                and not is_property(program.root, program.paths, name)
            )
        )
        for name in names
    )


def is_flag(language: Language, node: Node) -> bool:
    """Tell whether no more is made of a question than true or false: ``env.containsKey("X") ? "true" : "false"``."""
    choice = language.ternary(node.parent) if node.parent is not None else None
    return (
        choice is not None
        and choice[0] == node
        and {(one.text or b"").strip(b'"') for one in choice[1:]} == {b"true", b"false"}
    )


def replacement(old: str, new: str) -> tuple[re.Pattern[str], str] | None:
    """Return a pattern of ``replaceAll`` and what takes its place, as Python writes them; None for what it has not.

    Args:
        old: the pattern, as java.util.regex reads it.
        new: with groups as ``$1``.
    """
    for property_, letters in _PROPERTIES.items():
        old = old.replace(f"[{property_}", f"[{letters}").replace(property_, f"[{letters}]")
    try:
        pattern = re.compile(old)
    except re.error:
        return None
    by = re.sub(r"\$(?:(\d)|\{(\w+)\})", lambda match: rf"\g<{match[1] or match[2]}>", new)
    groups = {*map(str, range(pattern.groups + 1)), *pattern.groupindex}
    return (pattern, by) if groups >= set(re.findall(r"\\g<(\w+)>", by)) else None


def words(
    *, exits: Sequence[str] = (), converters: Sequence[str] = (), asserts: Sequence[str] = ()
) -> Vocabulary:
    """Return the words of the JVM's libraries with further ones of a language."""
    numbers = [f"{kind}.{call}" for kind, call in (("Integer", "parseInt"), ("Long", "parseLong"), ("Short", "parseShort"),
               ("Double", "parseDouble"), ("Float", "parseFloat"))]  # fmt: skip
    boxed = [f"{kind}.valueOf" for kind in ("Integer", "Long", "Short", "Double", "Float")]
    makers = ["URI.create", "URI", "URL", "UUID.fromString", "Duration.parse", "Instant.parse", "BigDecimal", "BigInteger",
              "Path.of", "Paths.get", "File", "Path"]  # fmt: skip
    checks = [f"{owner}.{name}" for owner in ("Assert", "Validate", "Preconditions", "Verify", "Assertions", "Args", "Guard",
              "ValidationUtils", "Check", "Asserts") for name in ("notNull", "notEmpty", "notBlank", "hasText", "hasLength", "isNotNull", "isNotEmpty", "nonNull")]  # fmt: skip
    return Vocabulary(
        fallbacks=frozenset({"?:"}),
        nulls=frozenset({"null", "Optional.empty()"}),
        exits=frozenset({"System.exit", "exit", "halt", "fail", "checkArgument", "checkState", *exits}),
        converters=frozenset(
            {"ofNullable", "fromNullable", "map", "flatMap", "filter", "mapNotNull", "transform", "trim", "strip", "toLowerCase",
             "toUpperCase", "parseBoolean", "String.valueOf", "Boolean.valueOf", "toString", "cast", "trimToNull", "emptyToNull",
             "stripToNull", "getIfPresent", "peek", *converters}
        ),
        asserts=frozenset(
            {"requireNonNull", "checkNotNull", "verifyNotNull", "orElseThrow", "Optional.of", "parseInt", "parseLong",
             *numbers, *boxed, *makers, *checks, *asserts}
        ),
        absents=frozenset({"isEmpty", "isBlank", "isNullOrEmpty", "isNullOrBlank", "isNull", "isEmptyOrNull", "isNullOrWhitespace"}),
        presents=frozenset(
            {"isNotBlank", "isNotEmpty", "isNotNullOrEmpty", "isNotNullOrBlank", "hasText", "hasLength", "nonNull", "isPresent",
             "isNotNull", "containsKey"}
        ),
        rescues=frozenset(
            {"orElse", "orElseGet", "or", "requireNonNullElse", "requireNonNullElseGet", "defaultString", "defaultIfBlank",
             "defaultIfEmpty", "defaultIfNull", "firstNonNull", "firstNonBlank", "firstNonEmpty", "getIfBlank", "getIfEmpty",
             "getIfNull", "coalesce", "ifBlank", "ifEmpty", "ifNullOrEmpty", "ifNullOrBlank", "getOrElse", "orDefault"}
        ),
    )  # fmt: skip


def annotated(
    name: str,
    arguments: Sequence[tuple[str, Node]],
    declared: str,
    node: Node,
    file: SourceFile,
    program: Program,
) -> Iterator[Read]:
    """Yield what an annotation reads: by the variable's name, or in placeholders of any of its texts.

    Args:
        name: of the annotation.
        arguments: names, empty for the first, with their values; a list's elements one by one.
        declared: the annotated declaration up to its name, for its type.
        node: the annotation.
        file: where it stands.
        program: for constants.
    """
    if name == "ConfigProperty" or (name == "Property" and any(key == "name" for key, _ in arguments)):
        yield from _property(arguments, declared, node, file, program)
        return
    if (keys := _CONDITIONS.get(name)) is not None:
        names = [one for key, value in arguments if key in keys for one in _texts(program, file, value)]
        yield from (Read(one, node, f"@{name}", final=True) for one in names if is_variable(one))
    style: Style = "shell" if name in _SHELL else "spring"
    needed = any(key == "required" and (value.text or b"") == b"true" for key, value in arguments)
    for key, value in arguments:
        if key in _TEXTS or (name not in _FILLED and b'"' not in (value.text or b"")):
            continue
        for written in _texts(program, file, value):
            for one in filled_in(written, style):
                need, default = one.need, one.default
                if needed and need == "optional" and style == "shell":
                    need = "required"
                given = values_beside(program.root, file.path).get(one.name) if need == "required" else None
                if given is not None:  # the application's own file gives the value, the environment another
                    need, default = "default", given
                yield Read(one.name, value, f"@{name}", need, default_text=default, final=True)


def _property(
    arguments: Sequence[tuple[str, Node]], declared: str, node: Node, file: SourceFile, program: Program
) -> Iterator[Read]:
    """Find ``@ConfigProperty(name = "X", defaultValue = "d")`` and Micronaut's ``@Property``."""
    values = {key: next(iter(_texts(program, file, value)), None) for key, value in arguments}
    name, default = values.get("name"), values.get("defaultValue")
    if name is None or not is_variable(name):
        return
    tolerant = re.search(r"\b(?:Optional\w*|Provider|Supplier)\b|\?\s*$", declared) is not None
    need: Need = "default" if default is not None else "optional" if tolerant else "required"
    yield Read(name, node, "@ConfigProperty", need, default_text=default, final=True)


def _texts(program: Program, file: SourceFile, value: Node) -> list[str]:
    return [text for key in keys_of(program, file, value) if (text := plain(key)) is not None]
